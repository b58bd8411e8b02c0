//! A static site in memory, and what comes of a request for a part of it.
//!
//! ```text
//! Site, a request's head, Policy, now  ->  answer
//! ```
//!
//! Invariant: pure. No request touches a file system: what may be shown is in the [`Site`], and the path that is asked for is
//! a key that is looked up, never joined to a directory. Each request sees one site.

mod address;
mod answer;
#[cfg(test)]
mod answer_tests;
#[cfg(test)]
mod any_request_tests;
#[cfg(test)]
mod fixture;
mod headers;
mod multipart;
mod precondition;
pub mod range;
mod refusal;
mod representation;
mod site;
mod validator;

pub use answer::answer;
pub use headers::{CONTENT_SECURITY_POLICY, Policy, PolicyError};
pub use site::{Coded, Content, Found, Resource, Site, Volume};
