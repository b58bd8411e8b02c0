//! What the judge, the site builder, the reviewer and the watchdog leave behind.

use std::collections::BTreeMap;

use super::OTHER;
use super::{Inputs, Samples, metrics};
use crate::observation::{
    Attempts, DecisionCount, Findings, GoodReview, Parity, REVIEW_VERDICTS, RestartOutcome, VERDICTS, Verdicts,
    WatchdogReading, known_review_verdict, known_verdict,
};
use crate::watchdog::reason::{Action, Reason};

metrics! {
    /// Cells of the parity matrix by state. `unknown` stands for any state other than green, red, manual and n/a.
    PARITY_CELLS = Gauge autoswe_parity_cells { state };
    /// Keys that stand twice in one mapping of the parity matrix.
    PARITY_DUPLICATES = Gauge autoswe_parity_duplicate_keys;
    /// Verdicts among the last five, by verdict.
    VERDICTS_RECENT = Gauge autoswe_verdicts_recent { verdict };
    /// The last verdicts in a row that are not ACCEPT, 5 at most.
    VERDICTS_SINCE_ACCEPT = Gauge autoswe_verdicts_since_accept;
    /// The last verdicts in a row that are WEDGED_NO_VERDICT, 5 at most.
    VERDICTS_WEDGED = Gauge autoswe_verdicts_wedged_in_a_row;
    /// When the last verdict was given.
    VERDICT_LAST = Gauge autoswe_verdict_last_timestamp_seconds;
    /// The judge's score of the last verdict, in its own scale.
    VERDICT_SCORE = Gauge autoswe_verdict_last_score;
    /// Lines at the end of the verdicts' file that are not a verdict.
    VERDICT_MALFORMED = Gauge autoswe_verdict_malformed_lines;
    /// When the published site was last up to date: built, or found to be so by a synthesis of the journey.
    SITE_BUILT = Gauge autoswe_site_built_timestamp_seconds;
    /// When the data that the site is built from last changed.
    SITE_DATA = Gauge autoswe_site_data_timestamp_seconds;
    /// Whether the site was built from its present data: no older than it by more than checks.site.sync.
    SITE_IN_SYNC = Gauge autoswe_site_in_sync;
    /// When the latest review with a score was given.
    REVIEW = Gauge autoswe_review_timestamp_seconds;
    /// The score of the latest review that has one: 0 (worst) to 100 (best).
    REVIEW_SCORE = Gauge autoswe_review_health_score;
    /// When a review was last attempted, with or without a score.
    REVIEW_ATTEMPT = Gauge autoswe_review_last_attempt_timestamp_seconds;
    /// Attempts after the latest review with a score that gave none.
    REVIEW_FAILED = Gauge autoswe_review_failed_attempts;
    /// The verdict of the latest review with a score. `other` stands for a verdict that the contract does not name.
    REVIEW_VERDICT = StateSet autoswe_review_verdict { verdict };
    /// Findings of the latest review with a score, by severity. `other` stands for one that the contract does not name.
    REVIEW_FINDINGS = Gauge autoswe_review_findings { severity };
    /// Attempts at a review by what came of them: `reviewed`, or why there is no score. `other` stands for what the contract
    /// does not name. Those in the reviews' file are counted, so it begins again when that is begun anew.
    REVIEW_ATTEMPTS = Counter autoswe_review_attempts_total { outcome };
    /// When the watchdog last finished an evaluation.
    WATCHDOG_EVALUATION = Gauge autoswe_watchdog_last_evaluation_timestamp_seconds;
    /// What the watchdog decided in its last evaluation. `other` stands for a decision that this version does not know.
    WATCHDOG_DECISION = StateSet autoswe_watchdog_decision { decision };
    /// Evaluations of the watchdog by what it decided and why. `other` stands for what this version does not know.
    WATCHDOG_DECISIONS = Counter autoswe_watchdog_decisions_total { decision, reason };
    /// Restarts of the loop by the watchdog by what came of them. A restart is counted once that is known.
    WATCHDOG_RESTARTS = Counter autoswe_watchdog_restarts_total { outcome };
    /// Restarts that the watchdog may still make before it gives up.
    WATCHDOG_BUDGET = Gauge autoswe_watchdog_budget_remaining;
    /// When the watchdog last asked for a restart of the loop.
    WATCHDOG_RESTART = Gauge autoswe_watchdog_last_restart_timestamp_seconds;
    /// What came of the watchdog's last restart of the loop.
    WATCHDOG_OUTCOME = StateSet autoswe_watchdog_last_restart_outcome { outcome };
}

pub(super) fn samples(inputs: &Inputs<'_>, out: &mut Samples) {
    let (state, now) = (inputs.state, inputs.now());
    if let Some(cells) = state.parity.current(now) {
        parity(*cells, out);
    }
    let verdict = state.verdicts.view(now).last().and_then(|dated| dated.value.recent.last());
    out.set(VERDICT_LAST, &[], verdict.and_then(|verdict| verdict.at));
    if let Some(reading) = state.verdicts.current(now) {
        verdicts(reading, out);
    }
    let built = state.site.view(now).last().map(|dated| &dated.value);
    out.set(SITE_BUILT, &[], built.and_then(|site| site.built_at));
    out.set(SITE_DATA, &[], built.and_then(|site| site.data_at));
    let sync = inputs.thresholds.limits.site.sync.0;
    out.set(SITE_IN_SYNC, &[], state.site.current(now).and_then(|site| site.behind()).map(|behind| behind <= sync));
    review(inputs, out);
    let watched = state.watchdog.view(now).last().map(|dated| &dated.value);
    out.set(WATCHDOG_EVALUATION, &[], watched.and_then(|reading| reading.last_evaluation_at));
    out.set(WATCHDOG_RESTART, &[], watched.and_then(|reading| reading.last_restart.as_ref()).map(|last| last.at));
    if let Some(reading) = state.watchdog.current(now) {
        watchdog(reading, out);
    }
}

fn parity(cells: Parity, out: &mut Samples) {
    for (state, number) in cells.by_state() {
        out.set(PARITY_CELLS, &[state], number);
    }
    out.set(PARITY_DUPLICATES, &[], cells.duplicate_keys);
}

fn verdicts(reading: &Verdicts, out: &mut Samples) {
    let known = |verdict: &str| known_verdict(verdict).unwrap_or(OTHER);
    let recent: Vec<&str> = reading.recent.iter().map(|verdict| known(&verdict.verdict)).collect();
    for verdict in VERDICTS.into_iter().chain([OTHER]) {
        out.set(VERDICTS_RECENT, &[verdict], recent.iter().filter(|&&given| given == verdict).count());
    }
    let row = |holds: fn(&str) -> bool| recent.iter().rev().take_while(|verdict| holds(verdict)).count();
    out.set(VERDICTS_SINCE_ACCEPT, &[], row(|verdict| verdict != "ACCEPT"));
    out.set(VERDICTS_WEDGED, &[], row(|verdict| verdict == "WEDGED_NO_VERDICT"));
    out.set(VERDICT_SCORE, &[], reading.recent.last().and_then(|verdict| verdict.score));
    out.set(VERDICT_MALFORMED, &[], reading.malformed_lines);
}

fn review(inputs: &Inputs<'_>, out: &mut Samples) {
    let view = inputs.state.review.view(inputs.now());
    let last = view.last().map(|dated| &dated.value);
    out.set(REVIEW, &[], last.and_then(|review| review.last_good.as_ref()).map(|good| good.at));
    out.set(REVIEW_ATTEMPT, &[], last.and_then(|review| review.last_attempt_at));
    if let Some(review) = view.current() {
        out.set(REVIEW_SCORE, &[], review.last_good.as_ref().map(|good| good.health_score));
        out.set(REVIEW_FAILED, &[], review.failed_since);
        if let Some(good) = &review.last_good {
            good_review(good, out);
        }
        for (outcome, count) in review.attempts.into_iter().flat_map(Attempts::by_outcome) {
            out.set(REVIEW_ATTEMPTS, &[outcome.name()], count);
        }
    }
}

fn good_review(good: &GoodReview, out: &mut Samples) {
    if let Some(word) = &good.verdict {
        let given = known_review_verdict(word).unwrap_or(OTHER);
        let states = REVIEW_VERDICTS.into_iter().chain([OTHER]).map(|verdict| (verdict, verdict == given));
        out.set_states(REVIEW_VERDICT, &[], states);
    }
    for (severity, count) in good.findings.iter().flat_map(Findings::by_severity) {
        out.set(REVIEW_FINDINGS, &[severity.name()], count);
    }
}

fn watchdog(reading: &WatchdogReading, out: &mut Samples) {
    out.set(WATCHDOG_BUDGET, &[], reading.budget_remaining);
    if let Some(decision) = &reading.decision {
        let known = Action::ALL.map(|action| (action.name(), action.name() == decision));
        let other = (OTHER, !known.iter().any(|(_, holds)| *holds));
        out.set_states(WATCHDOG_DECISION, &[], known.into_iter().chain([other]));
    }
    if let Some(counts) = &reading.decisions {
        decisions(counts, out);
    }
    for (outcome, count) in &reading.restarts {
        out.set(WATCHDOG_RESTARTS, &[outcome.name()], *count);
    }
    if let Some(restart) = &reading.last_restart {
        let outcomes = RestartOutcome::ALL.map(|outcome| (outcome.name(), outcome == restart.outcome));
        out.set_states(WATCHDOG_OUTCOME, &[], outcomes);
    }
}

/// A series for each pair of decision and reason, also one that was not counted yet: a series that begins at 1 shows
/// no increase.
fn decisions(counts: &[DecisionCount], out: &mut Samples) {
    let pair = |reason: Reason| (reason.action().name(), reason.name());
    let mut series: BTreeMap<_, u64> = Reason::ALL.into_iter().map(|reason| (pair(reason), 0)).collect();
    series.insert((OTHER, OTHER), 0);
    for DecisionCount { decision, reason, count } in counts {
        let known = Reason::of(reason).map(pair).filter(|(action, _)| action == decision);
        let total = series.entry(known.unwrap_or((OTHER, OTHER))).or_default();
        *total = total.saturating_add(*count);
    }
    for ((decision, reason), count) in series {
        out.set(WATCHDOG_DECISIONS, &[decision, reason], count);
    }
}
