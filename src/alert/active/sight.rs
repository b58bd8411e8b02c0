//! What one assessment says of one alert: found, gone, or that nobody can tell.
//!
//! Invariant: an alert is gone only where its check judged what it can see.

use std::collections::BTreeSet;

use super::Key;
use crate::alert::code_of;
use crate::assessment::{Assessment, CheckResult, Presence, Severity};

/// Codes that tell of not seeing, by check (`*`: each of them), with what cannot be judged meanwhile (`*`: anything).
/// Within one run the checks go on judging what they read last. After a restart they have nothing of the sort, and
/// without this a source that is broken since then would resolve what was found before.
const BLIND: [(&str, &str, &str); 8] = [
    ("*", "unread", "*"),
    ("*", "unreadable", "*"),
    ("*", "vanished", "*"),
    ("loop", "heartbeat_missing", "heartbeat_old"),
    ("loop", "heartbeat_malformed", "heartbeat_old"),
    ("loop", "heartbeat_unreadable", "heartbeat_old"),
    ("watchdog", "partly_unreadable", "*"),
    ("watchdog", "stale", "*"),
];
/// Codes that say that something which was there is not: where the check says "not present", somebody has restarted
/// this program because that was meant.
const WENT_AWAY: [&str; 2] = ["vanished", "library_gone"];

/// What an assessment says of an alert.
pub(super) enum Sight {
    /// It is so.
    Found { reason: String, hint: String },
    /// It is not so.
    Gone,
    /// Nobody can tell.
    Unknown,
    /// There is no such alert: its source is turned off, or this version knows no such code.
    NoAlert,
}

/// The alerts whose findings `assessment` holds. What is critical was a warning on its way, where it can be one.
pub(super) fn found(assessment: &Assessment) -> BTreeSet<Key> {
    let findings =
        assessment.checks.iter().flat_map(|check| check.findings.iter().map(move |found| (check.check, found)));
    let keys = findings.flat_map(|(check, found)| {
        [Severity::Warn, Severity::Crit]
            .into_iter()
            .filter(move |severity| *severity <= found.severity)
            .map(move |severity| Key { check: check.into(), code: found.code.into(), severity })
    });
    keys.filter(exists).collect()
}

/// What `assessment` says of `key`.
pub(super) fn sight(assessment: &Assessment, key: &Key) -> Sight {
    let check = assessment.check(&key.check);
    let Some(check) = check.filter(|check| exists(key) && check.presence != Presence::Disabled) else {
        return Sight::NoAlert;
    };
    let mut same = check.findings.iter().filter(|found| found.code == key.code && found.severity >= key.severity);
    if let Some(first) = same.next() {
        let reason = same.fold(first.reason.clone(), |reason, more| format!("{reason}; {}", more.reason));
        return Sight::Found { reason, hint: first.hint.clone() };
    }
    let seen = match check.presence {
        Presence::Judged => !is_blind(check, &key.code),
        Presence::NotPresent => WENT_AWAY.contains(&key.code.as_str()),
        Presence::Pending | Presence::Disabled => false,
    };
    if seen { Sight::Gone } else { Sight::Unknown }
}

/// Whether this version has such an alert.
fn exists(key: &Key) -> bool {
    code_of(&key.check, &key.code).is_some_and(|code| code.found.contains(&key.severity))
}

fn is_blind(check: &CheckResult, code: &str) -> bool {
    let tells = |blind: &str| check.findings.iter().any(|found| found.code == blind);
    BLIND.iter().any(|(id, blind, of)| {
        // Not seeing is itself over once something else keeps the check from it.
        let concerns = if *of == "*" { code != "unread" && code != *blind } else { code == *of };
        concerns && (*id == "*" || *id == check.check) && tells(blind)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::CHECKS;

    #[test]
    fn what_the_tables_name_is_found_by_a_check() {
        let exists = |id: &str, code: &str| {
            code == "*"
                || CHECKS
                    .iter()
                    .any(|check| (id == "*" || check.id == id) && check.codes.iter().any(|known| known.word == code))
        };
        for (id, blind, of) in BLIND {
            assert!(exists(id, blind) && exists(id, of), "{id} {blind} {of}");
        }
        assert!(WENT_AWAY.iter().all(|code| exists("*", code)));
    }
}
