//! The site server: shows the released site to the world, and nothing else ever.
//!
//! ```text
//! output directory  ->  load (verify, hold)  ->  Site  ->  answer (pure)  ->  transport (limits, TLS, drain)
//! ```
//!
//! Invariants:
//!
//! 1. No request touches the file system: what may be shown is read, and checked against its hash, before it is shown.
//!    A path that is asked for is a key that is looked up, never joined to a directory.
//! 2. A release is shown as a whole or not at all; each request sees one [`Site`].
//! 3. Pure where it can be: [`Site`] and a request's head make the answer.

mod access_log;
mod address;
mod answer;
#[cfg(test)]
mod answer_tests;
#[cfg(test)]
mod any_request_tests;
mod counters;
mod daemon;
pub mod debug;
#[cfg(test)]
mod fixture;
mod headers;
mod load;
mod multipart;
mod precondition;
mod range;
mod refusal;
mod representation;
mod site;
mod validator;

pub use access_log::{AccessLog, Form};
pub use answer::answer;
pub use counters::{Counters, News, Told, private};
pub use daemon::{Options, Public, Shown, run};
pub use headers::{CONTENT_SECURITY_POLICY, Policy, PolicyError};
pub use load::{Change, Loader, Terms};
pub use range::MAX_RANGES;
pub use site::{Coded, Content, Found, Resource, Site, Volume};
