//! What may be shown: the private [`Run`] as [`SiteData`], field by field.
//!
//! Invariants: pure and deterministic; a field that is not named here reaches nobody (each struct of the run is taken
//! apart field by field, so a new field does not compile until somebody has decided); every text passes the rules and
//! the exact values; free text is left out unless it is asked for.

pub mod cleanup;
mod fields;
mod masks;
mod places;
mod sight;
mod text;
mod unwrap;

pub use places::places;
pub use sight::FindSecrets;
pub use text::Redactor;

use super::leak::exact::Exact;
use super::run::Run;
use super::site_data::SiteData;

/// What redaction is told.
#[derive(Debug, Clone, Copy)]
pub struct Settings {
    /// Whether free text is shown, redacted.
    pub free_text: bool,
    /// Finds secrets: `leak::rules::find`.
    pub secrets: FindSecrets,
}

/// `run` as it may be shown. `machine` are the exact values that must not be.
///
/// # Errors
/// When there are more exact values than can be looked for at once.
pub fn redact(run: &Run, settings: &Settings, machine: &[Exact]) -> anyhow::Result<SiteData> {
    let mut redactor = Redactor::new(settings.secrets, machine)?;
    Ok(redact_with(run, settings.free_text, &mut redactor))
}

/// The same with masks that go on: what is redacted later with `redactor` has the same mask for the same value.
pub fn redact_with(run: &Run, free_text: bool, redactor: &mut Redactor) -> SiteData {
    fields::Fields { redactor, free_text }.run(run)
}

/// A word of a vocabulary, as the site shows it; one that is written like a sentence is `other`.
pub fn word(raw: &str, redactor: &mut Redactor) -> String {
    fields::Fields { redactor, free_text: false }.word(raw)
}
