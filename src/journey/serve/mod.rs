//! The site server: shows the released site to the world, and nothing else ever.
//!
//! ```text
//! output directory  ->  load (verify, hold)  ->  Site  ->  answer (pure)  ->  transport (limits, TLS, drain)
//! ```
//!
//! Invariants:
//!
//! 1. No request touches the file system: what may be shown is read, and checked against its hash, before it is shown; a
//!    request's head and the [`Site`] make the answer.
//! 2. A release is shown as a whole or not at all; each request sees one [`Site`].

mod access_log;
mod counters;
mod daemon;
pub mod debug;
mod load;

pub use autoswe_site::{
    CONTENT_SECURITY_POLICY, Coded, Content, Found, Policy, PolicyError, Resource, Site, Volume, answer,
};

pub use access_log::{AccessLog, Form};
pub use counters::{Counters, News, Told, private};
pub use daemon::{Options, Public, Shown, run};
pub use load::{Change, Loader, Terms};
