//! `parity`: whether the acceptance matrix can be read, and whether it gets worse.
//!
//! Invariant: a matrix that cannot be read resolves nothing that was found in it before.

use super::{Check, Verdict, example_now, human_seconds};
use crate::assessment::{Severity, Thresholds};
use crate::config::ParityLimits;
use crate::observation::*;
use crate::state::{Fall, State, View};

pub(crate) const CHECK: Check = Check {
    id: "parity",
    summary: "The parity matrix can be read, its cells have a known status, and green does not go down.",
    warn: "Green went down within `drop_hold` and is not back; cells have an unknown status; a key stands twice in one \
           mapping; the file vanished, or could not be read once.",
    crit: "The file could not be read `unreadable_crit` times in a row.",
    runbook: "parity.md",
    metrics: &["autoswe_parity_cells"],
    assess,
    fires: || vec![observed(60, 815), observed(30, 812)],
    quiet: || vec![observed(60, 812), observed(30, 815)],
};

fn assess(state: &State, thresholds: &Thresholds, now: Time) -> Verdict {
    let view = state.parity.view(now);
    if let Some(verdict) = Verdict::without_reading(&view) {
        return verdict;
    }
    if let View::Missing { what, last: None } = view {
        return Verdict::not_present(what);
    }
    let limits = &thresholds.limits.parity;
    let mut verdict = Verdict::ok("never read");
    unread(&mut verdict, &view, limits, now);
    if let Some(last) = view.last() {
        verdict.summary = summary(last.value);
        cells(&mut verdict, &last.value);
    }
    if let Some(fall) = state.parity_trend.fall() {
        fell(&mut verdict, fall, limits, now);
    }
    verdict
}

fn unread(verdict: &mut Verdict, view: &View<'_, Parity>, limits: &ParityLimits, now: Time) {
    match view {
        View::Missing { what, last: Some(last) } => {
            let reason = format!("{what}; it was last read {} ago", human_seconds(seconds_since(now, last.at)));
            verdict.add(Severity::Warn, "vanished", reason, "restore it: `git log -- FILE` shows who deleted it");
        }
        View::Failed { failure, count, .. } => {
            let severity = if *count >= limits.unreadable_crit { Severity::Crit } else { Severity::Warn };
            let times = if *count == 1 { String::new() } else { format!(" ({count} readings in a row)") };
            let hint = "mend the file at the place it names, or restore it: `git log -p -- FILE`";
            verdict.add(severity, "unreadable", format!("{}{times}", failure.message), hint);
        }
        View::Stale(last) => {
            let reason = format!("last looked at {} ago", human_seconds(seconds_since(now, last.at)));
            verdict.add(Severity::Warn, "stale", reason, "see the exporter's log and restart it");
        }
        _ => {}
    }
}

fn cells(verdict: &mut Verdict, parity: &Parity) {
    let line = |line: Option<u64>| line.map(|line| format!(", the first in line {line}")).unwrap_or_default();
    if parity.unknown > 0 {
        let first = line(parity.first_unknown_line);
        let reason = format!("{} of {} cells have an unknown status{first}", parity.unknown, parity.cells());
        verdict.add(Severity::Warn, "unknown_states", reason, "write green, red, manual or n/a there");
    }
    if parity.duplicate_keys > 0 {
        let first = line(parity.first_duplicate_line);
        let reason = format!("{} keys stand twice in their mapping{first}", parity.duplicate_keys);
        verdict.add(Severity::Warn, "duplicate_keys", reason, "remove one of them: most programs see only the last");
    }
}

fn fell(verdict: &mut Verdict, fall: Fall, limits: &ParityLimits, now: Time) {
    let ago = seconds_since(now, fall.at);
    if ago > limits.drop_hold.0 {
        return;
    }
    let shrunk = if fall.cells_to < fall.cells_from {
        format!("; the matrix shrank from {} to {} cells", fall.cells_from, fall.cells_to)
    } else {
        String::new()
    };
    let reason = format!("green fell from {} to {} {} ago{shrunk}", fall.from, fall.to, human_seconds(ago.max(0.0)));
    let hint = "`git log -p -- FILE` shows the change; revert the iteration that broke what had passed";
    verdict.add(Severity::Warn, "green_fell", reason, hint);
}

/// `812 of 1000 green (81.2 %), 150 red, 38 manual`, without what there is none of.
fn summary(parity: Parity) -> String {
    let cells = parity.cells();
    if cells == 0 {
        return "no cells".into();
    }
    #[expect(clippy::cast_precision_loss, reason = "counts, shown with one decimal")]
    let share = 100.0 * parity.green as f64 / cells as f64;
    let others = parity.by_state().into_iter().skip(1).filter(|(_, count)| *count > 0);
    let others: String = others.map(|(state, count)| format!(", {count} {state}")).collect();
    format!("{} of {cells} green ({share:.1} %){others}", parity.green)
}

/// A reading `ago` seconds before the examples' instant, of 1,000 cells.
fn observed(ago: i64, green: u64) -> Observation {
    let parity = Parity { green, red: 962 - green, manual: 38, ..Parity::default() };
    Observation {
        source: SourceId::Parity,
        at: example_now() - jiff::SignedDuration::from_secs(ago),
        took: std::time::Duration::ZERO,
        reading: Reading::Observed(Data::Parity(parity)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::assessment::{CheckResult, Presence};
    use crate::check::example_state;
    use crate::config::Config;

    fn judged(observations: Vec<Observation>) -> CheckResult {
        let thresholds = Thresholds::new(&Config::default(), false);
        CHECK.run(&example_state(observations), &thresholds, example_now())
    }

    fn codes(observations: Vec<Observation>) -> Vec<(Severity, &'static str)> {
        judged(observations).findings.iter().map(|finding| (finding.severity, finding.code)).collect()
    }

    fn reading(ago: i64, reading: Reading<Data>) -> Observation {
        Observation { reading, ..observed(ago, 0) }
    }

    fn failed(ago: i64) -> Observation {
        reading(ago, Reading::Failed(Failure::new(FailureKind::Malformed, "parity matrix /m: line 3, column 7: bad")))
    }

    fn missing(ago: i64) -> Observation {
        reading(ago, Reading::Missing("no parity matrix at /m".into()))
    }

    #[test]
    fn green_that_rises_or_stays_is_quiet() {
        let result = judged(vec![observed(60, 812), observed(30, 812)]);
        assert_eq!(result.findings, []);
        assert_eq!(result.summary, "812 of 1000 green (81.2 %), 150 red, 38 manual");
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
        let result = judged(vec![observed(60, 815), reading(30, Reading::Observed(Data::Parity(fewer)))]);
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
        let result = judged(vec![reading(0, Reading::Observed(Data::Parity(parity)))]);
        let reasons: Vec<_> = result.findings.iter().map(|finding| (finding.code, finding.reason.as_str())).collect();
        let expected = [
            ("unknown_states", "3 of 10 cells have an unknown status, the first in line 12"),
            ("duplicate_keys", "2 keys stand twice in their mapping"),
        ];
        assert_eq!(reasons, expected);
        assert_eq!(result.summary, "7 of 10 green (70.0 %), 3 unknown");
    }

    #[test]
    fn a_file_that_was_never_there_is_not_present() {
        let result = judged(vec![missing(0)]);
        assert_eq!((result.presence, result.severity), (Presence::NotPresent, Severity::Ok));
        assert_eq!(result.summary, "no parity matrix at /m");
    }

    #[test]
    fn a_file_that_vanished_is_a_warning_and_resolves_nothing() {
        assert_eq!(codes(vec![observed(30, 812), missing(0)]), [(Severity::Warn, "vanished")]);
        let fell = vec![observed(60, 815), observed(30, 812), missing(0)];
        assert_eq!(codes(fell), [(Severity::Warn, "vanished"), (Severity::Warn, "green_fell")]);
    }

    #[test]
    fn one_unreadable_reading_is_a_warning_and_two_are_critical() {
        assert_eq!(codes(vec![observed(60, 812), failed(30)]), [(Severity::Warn, "unreadable")]);
        let result = judged(vec![observed(90, 812), failed(60), failed(30)]);
        assert_eq!((result.severity, result.findings[0].code), (Severity::Crit, "unreadable"));
        assert!(result.findings[0].reason.ends_with("bad (2 readings in a row)"));
        assert_eq!(result.summary, "812 of 1000 green (81.2 %), 150 red, 38 manual");
        assert_eq!(codes(vec![failed(60), observed(30, 812)]), []);
        assert_eq!(judged(vec![failed(60), failed(30)]).summary, "never read");
    }

    #[test]
    fn readings_that_ceased_are_a_warning() {
        assert_eq!(codes(vec![observed(600, 812)]), [(Severity::Warn, "stale")]);
    }

    #[test]
    fn a_matrix_without_cells_says_so() {
        let result = judged(vec![reading(0, Reading::Observed(Data::Parity(Parity::default())))]);
        assert_eq!((result.summary.as_str(), result.severity), ("no cells", Severity::Ok));
    }
}
