//! An alert's labels and annotations, in the manner of the shipped rules.
//!
//! Invariant: what identifies an alert stands in labels and never changes while it fires; ages, paths and values stand
//! in annotations.

use std::collections::BTreeMap;

use super::About;
use crate::alert::active::{Alert, Key};
use crate::alert::definition::WATCHERS_PAGE;
use crate::alert::{self, DEAD_MANS_SWITCH};
use crate::check::CHECKS;

/// Labels or annotations.
pub type Texts = BTreeMap<String, String>;

/// The labels that say which alert it is, on which machine.
pub fn labels(key: &Key, about: &About) -> Texts {
    let severity = alert::severity(key.severity).unwrap_or_default();
    let own = [
        ("alertname", alert::name(&key.check, &key.code)),
        ("severity", severity.to_owned()),
        ("check", key.check.clone()),
        ("code", key.code.clone()),
    ];
    texts(own).into_iter().chain(place(about)).collect()
}

/// What was found, what to do, and where to read on.
pub fn annotations(alert: &Alert, about: &About) -> Texts {
    let headline = alert::code_of(&alert.key.check, &alert.key.code).map_or("", |code| code.summary);
    texts([
        ("summary", format!("{}: {headline}", about.host)),
        ("description", format!("{}. Mend: {}", alert.reason, alert::ended(&alert.hint))),
        ("runbook_url", runbook(&alert.key, about)),
    ])
}

/// The labels of the alert that always fires.
pub(in crate::sink) fn dead_man_labels(about: &About) -> Texts {
    let own = [("alertname", DEAD_MANS_SWITCH.to_owned()), ("severity", "none".to_owned())];
    texts(own).into_iter().chain(place(about)).collect()
}

/// What it means that it fires, and that it does not.
pub(in crate::sink) fn dead_man_annotations(about: &About) -> Texts {
    let host = &about.host;
    texts([
        ("summary", format!("{host}: alerting works, from the exporter to the receiver of this alert")),
        (
            "description",
            format!(
                "It always fires. Once it is resolved nobody watches {host}. Mend: see whether autoswe-exporter runs."
            ),
        ),
        ("runbook_url", dead_man_runbook(about)),
    ])
}

/// Where to read about the alert that always fires.
pub(in crate::sink) fn dead_man_runbook(about: &About) -> String {
    about.alerts.runbook_url(WATCHERS_PAGE, "dead_mans_switch")
}

/// Where to read about `key`.
pub(in crate::sink) fn runbook(key: &Key, about: &About) -> String {
    let page = CHECKS.iter().find(|check| check.id == key.check).map_or("", |check| check.runbook);
    about.alerts.runbook_url(page, &key.code)
}

fn place(about: &About) -> Texts {
    texts([("host", about.host.clone()), ("unit", about.unit.clone())])
}

fn texts<const N: usize>(pairs: [(&str, String); N]) -> Texts {
    pairs.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}

/// The number that Alertmanager gives an alert with these labels: FNV-1a over names and values, each ended by 0xff.
pub fn fingerprint(labels: &Texts) -> String {
    let bytes = labels.iter().flat_map(|(name, value)| [name.as_bytes(), &[0xff], value.as_bytes(), &[0xff]]).flatten();
    let hash =
        bytes.fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x100_0000_01b3));
    format!("{hash:016x}")
}
