//! `parity`: whether the acceptance matrix can be read, and whether it gets worse.
//!
//! Invariant: a matrix that cannot be read resolves nothing that was found in it before.

use super::code::{UNREAD, UNREADABLE, VANISHED};
use super::frame::Frame;
use super::{Check, Code, Shown, Verdict, example_reading};
use crate::assessment::Severity::{self, Crit, Warn};
use crate::assessment::Thresholds;
use crate::config::ParityLimits;
use crate::observation::{Data, Observation, Parity, Time, seconds_since};
use crate::state::{Fall, State};
use crate::words;

pub(crate) const CHECK: Check = Check {
    id: "parity",
    summary: "The parity matrix can be read, its cells have a known status, and green does not go down.",
    warn: "Green went down within `drop_hold` and is not back; cells have an unknown status; a key stands twice in one \
           mapping; the file vanished, or could not be read once.",
    crit: "The file could not be read `unreadable_crit` times in a row.",
    runbook: "parity.md",
    codes: CODES,
    metrics: &["autoswe_parity_cells"],
    assess,
    fires: || vec![observed(60, 815), observed(30, 812)],
    quiet: || vec![observed(60, 812), observed(30, 815)],
};

fn assess(state: &State, thresholds: &Thresholds, now: Time) -> Verdict {
    let limits = &thresholds.limits.parity;
    let frame = Frame { unreadable_crit: Some(limits.unreadable_crit) };
    frame.judge(&state.parity.view(now), now, |parity| {
        let mut verdict = Verdict::ok(summary(*parity));
        cells(&mut verdict, parity);
        if let Some(fall) = state.parity_trend.fall() {
            fell(&mut verdict, fall, limits, now);
        }
        verdict
    })
}

fn cells(verdict: &mut Verdict, parity: &Parity) {
    let line = |line: Option<u64>| line.map(|line| format!(", the first in line {line}")).unwrap_or_default();
    if parity.unknown > 0 {
        let first = line(parity.first_unknown_line);
        let reason = format!("{} of {} cells have an unknown status{first}", parity.unknown, parity.cells());
        verdict.add(Severity::Warn, "unknown_states", reason);
    }
    if parity.duplicate_keys > 0 {
        let first = line(parity.first_duplicate_line);
        let reason = format!("{} keys stand twice in their mapping{first}", parity.duplicate_keys);
        verdict.add(Severity::Warn, "duplicate_keys", reason);
    }
}

fn fell(verdict: &mut Verdict, fall: Fall, limits: &ParityLimits, now: Time) {
    if seconds_since(now, fall.at) > limits.drop_hold.0 {
        return;
    }
    let shrunk = if fall.cells_to < fall.cells_from {
        format!("; the matrix shrank from {} to {} cells", fall.cells_from, fall.cells_to)
    } else {
        String::new()
    };
    let reason = format!("green fell from {} to {} {}{shrunk}", fall.from, fall.to, words::ago(now, fall.at));
    verdict.add(Severity::Warn, "green_fell", reason);
}

/// `812 of 1000 green (81 %), 150 red, 38 manual`, without what there is none of.
fn summary(parity: Parity) -> String {
    let Some(share) = parity.green_ratio().map(words::percent) else { return "no cells that apply".into() };
    let others = parity.by_state().into_iter().skip(1).filter(|(_, count)| *count > 0);
    let others: String = others.map(|(state, count)| format!(", {count} {state}")).collect();
    format!("{} of {} green ({share}){others}", parity.green, parity.applicable())
}

/// A reading `ago` seconds before the examples' instant, of 1,000 cells.
fn observed(ago: i64, green: u64) -> Observation {
    example_reading(ago, Data::Parity(Parity { green, red: 962 - green, manual: 38, ..Parity::default() }))
}

/// What it may find.
const CODES: &[Code] = &[
    Code {
        word: "green_fell",
        found: &[Warn],
        summary: "cells of the parity matrix are no longer green",
        mend: "`git log -p -- FILE` shows the change; revert the iteration that broke what had passed",
        shows: &[Shown::whole("{} cells are green now", r#"autoswe_parity_cells{$here, state="green"}"#)],
    },
    Code {
        word: "unknown_states",
        found: &[Warn],
        summary: "cells of the parity matrix have an unknown status",
        mend: "write green, red, manual or n/a there",
        shows: &[Shown::whole("{} cells have one", r#"autoswe_parity_cells{$here, state="unknown"}"#)],
    },
    Code {
        word: "duplicate_keys",
        found: &[Warn],
        summary: "keys stand twice in the parity matrix",
        mend: "remove one of them: most programs see only the last",
        shows: &[Shown::whole("{} keys stand twice in their mapping", "autoswe_parity_duplicate_keys{$here}")],
    },
    Code {
        summary: "the parity matrix was there and is gone",
        mend: "restore it: `git log -- FILE` shows who deleted it",
        ..VANISHED
    },
    Code {
        found: &[Warn, Crit],
        summary: "the parity matrix cannot be read",
        mend: "mend the file at the place it names, or restore it: `git log -p -- FILE`",
        shows: &[Shown::whole(
            "Readings that failed in a row: {}",
            r#"autoswe_source_consecutive_failures{$here, source="$check"}"#,
        )],
        ..UNREADABLE
    },
    UNREAD,
];

#[cfg(test)]
mod tests {
    use super::super::frame::tests::{before, failed, given, observation};
    use super::*;
    use crate::assessment::Presence;
    use crate::observation::{FailureKind, Reading, SourceId};

    fn judged(observations: Vec<Observation>) -> crate::assessment::CheckResult {
        given(&CHECK, observations)
    }

    fn codes(observations: Vec<Observation>) -> Vec<(Severity, &'static str)> {
        super::super::frame::tests::codes(&CHECK, observations)
    }

    fn unreadable(ago: i64) -> Observation {
        before(ago, failed(SourceId::Parity, FailureKind::Malformed))
    }

    fn missing() -> Observation {
        observation(SourceId::Parity, Reading::Missing("no parity matrix at /m".into()))
    }

    fn matrix(parity: Parity) -> Observation {
        example_reading(0, Data::Parity(parity))
    }

    #[test]
    fn green_that_rises_or_stays_is_quiet() {
        let result = judged(vec![observed(60, 812), observed(30, 812)]);
        assert_eq!(result.findings, []);
        assert_eq!(result.summary, "812 of 1000 green (81 %), 150 red, 38 manual");
    }

    #[test]
    fn green_that_fell_is_a_warning_until_it_is_back_or_an_hour_is_over() {
        let result = judged(vec![observed(300, 815), observed(240, 812), observed(30, 813)]);
        assert_eq!((result.severity, result.findings[0].code), (Severity::Warn, "green_fell"));
        assert_eq!(result.findings[0].reason, "green fell from 815 to 812 4 min ago");
        assert_eq!(codes(vec![observed(300, 815), observed(240, 812), observed(30, 815)]), []);
        assert_eq!(codes(vec![observed(3700, 815), observed(3601, 812), observed(30, 812)]), []);
        assert_eq!(codes(vec![observed(3700, 815), observed(3600, 812), observed(30, 812)]).len(), 1);
    }

    #[test]
    fn a_shrunken_matrix_is_told() {
        let fewer = Parity { green: 800, ..Parity::default() };
        let result = judged(vec![observed(60, 815), before(30, matrix(fewer))]);
        let expected = "green fell from 815 to 800 30 s ago; the matrix shrank from 1000 to 800 cells";
        assert_eq!(result.findings[0].reason, expected);
    }

    #[test]
    fn unknown_states_and_duplicate_keys_are_warnings_with_their_line() {
        let parity = Parity {
            green: 7,
            unknown: 3,
            duplicate_keys: 2,
            first_unknown_line: Some(12),
            first_duplicate_line: None,
            ..Parity::default()
        };
        let result = judged(vec![matrix(parity)]);
        let reasons: Vec<_> = result.findings.iter().map(|finding| (finding.code, finding.reason.as_str())).collect();
        let expected = [
            ("unknown_states", "3 of 10 cells have an unknown status, the first in line 12"),
            ("duplicate_keys", "2 keys stand twice in their mapping"),
        ];
        assert_eq!(reasons, expected);
        assert_eq!(result.summary, "7 of 10 green (70 %), 3 unknown");
    }

    #[test]
    fn a_file_that_was_never_there_is_not_present() {
        let result = judged(vec![missing()]);
        assert_eq!((result.presence, result.severity), (Presence::NotPresent, Severity::Ok));
        assert_eq!(result.summary, "no parity matrix at /m");
    }

    #[test]
    fn a_file_that_vanished_is_a_warning_and_resolves_nothing() {
        assert_eq!(codes(vec![observed(30, 812), missing()]), [(Severity::Warn, "vanished")]);
        let fell = vec![observed(60, 815), observed(30, 812), missing()];
        assert_eq!(codes(fell), [(Severity::Warn, "green_fell"), (Severity::Warn, "vanished")]);
    }

    #[test]
    fn one_unreadable_reading_is_a_warning_and_two_are_critical() {
        assert_eq!(codes(vec![observed(60, 812), unreadable(30)]), [(Severity::Warn, "unreadable")]);
        let result = judged(vec![observed(90, 812), unreadable(60), unreadable(30)]);
        assert_eq!((result.severity, result.findings[0].code), (Severity::Crit, "unreadable"));
        assert_eq!(result.findings[0].reason, "it does not work (2 readings in a row, the first 60 s ago)");
        assert_eq!(result.summary, "812 of 1000 green (81 %), 150 red, 38 manual");
        assert_eq!(codes(vec![unreadable(60), observed(30, 812)]), []);
        assert_eq!(judged(vec![unreadable(60), unreadable(30)]).summary, "never read");
    }

    #[test]
    fn readings_that_ceased_are_a_warning() {
        assert_eq!(codes(vec![observed(600, 812)]), [(Severity::Warn, "unread")]);
    }

    #[test]
    fn a_matrix_without_cells_says_so() {
        let result = judged(vec![matrix(Parity::default())]);
        assert_eq!((result.summary.as_str(), result.severity), ("no cells that apply", Severity::Ok));
    }
}
