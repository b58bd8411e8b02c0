//! `leak-report.json`, and one report beside each withdrawn release: what the gate found, for the operator alone.
//!
//! Invariant: rule, place and fingerprint, never a value; nobody else may read it.

use serde::Serialize;

use crate::journey::release::{Error, Private, Refusal, Withdrawn};
use crate::observation::Time;

/// The report's name in the state directory.
pub const FILE: &str = "leak-report.json";
/// How the name of the report on a withdrawn release begins.
const WITHDRAWN: &str = "withdrawn-report-";
/// The version of both formats.
const VERSION: u32 = 1;

#[derive(Serialize)]
struct Report<'a, T: Serialize> {
    version: u32,
    at: Time,
    #[serde(flatten)]
    what: &'a T,
}

/// Writes why a release was refused at `at`.
///
/// # Errors
/// When the file system refuses.
pub(super) fn refused(private: &Private, at: Time, refusal: &Refusal) -> Result<(), Error> {
    private.put(FILE, &json(at, refusal))
}

/// Takes the report away once a release was not refused.
///
/// # Errors
/// When the file system refuses.
pub(super) fn passed(private: &Private) -> Result<(), Error> {
    private.remove(FILE)
}

/// Writes why a release was withdrawn at `at`.
///
/// # Errors
/// When the file system refuses.
pub(super) fn withdrawn(private: &Private, at: Time, withdrawn: &Withdrawn) -> Result<(), Error> {
    private.put(&format!("{WITHDRAWN}{}.json", withdrawn.now), &json(at, withdrawn))
}

fn json<T: Serialize>(at: Time, what: &T) -> Vec<u8> {
    // Strings and numbers alone: it cannot fail.
    let mut bytes = serde_json::to_vec_pretty(&Report { version: VERSION, at, what }).unwrap_or_default();
    bytes.push(b'\n');
    bytes
}
