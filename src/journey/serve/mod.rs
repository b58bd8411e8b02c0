//! The site server: shows the released site to the world, and nothing else ever.
//!
//! ```text
//! output directory  ->  load (verify, hold)  ->  Site  ->  answer (pure)  ->  web::server (limits, TLS, drain)
//! ```
//!
//! Invariants:
//!
//! 1. No request touches the file system: what may be shown is read, and checked against its hash, before it is shown.
//!    A path that is asked for is a key that is looked up, never joined to a directory.
//! 2. A release is shown as a whole or not at all; each request sees one [`Site`].
//! 3. Pure where it can be: [`Site`] and a request's head make the answer.

mod load;
mod site;

pub use load::{Change, Loader, Terms};
pub use site::{Coded, Content, Found, Resource, Site, Volume};
