//! The journey: what the loop left behind, as a web site that may be shown to the world.
//!
//! One pipeline, one direction, in one run that ends (`synthesis`):
//!
//! ```text
//! inputs, transcripts  ->  run         ->  site data   ->  files   ->  leak gate  ->  release
//! (frozen lengths)         (correlate)     (redact)        (render)    (fails closed)  (one flip)
//! ```
//!
//! Invariants:
//!
//! 1. Deterministic: the same inputs give the same bytes, and so the same release. No clock, no host, no order of a
//!    directory reaches a file of it; `now` is the newest time that the inputs tell.
//! 2. What was not scanned is never published: the gate sees the final bytes of every file, and an error of it is a
//!    refusal, never "clean".
//! 3. Missing is not 0: a number that no input tells is absent, and every number knows where it was read.
//! 4. Killed at any instant, the old release is whole or the new one is.

pub mod account;
pub mod correlate;
mod digest;
pub mod draft;
pub mod inputs;
pub mod last_run;
pub mod leak;
pub mod redact;
pub mod release;
pub mod run;
pub mod serve;
pub mod site;
pub mod site_data;
pub mod synthesis;
mod threads;
pub mod transcript;
