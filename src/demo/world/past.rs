//! What happened before the story: some hours of a loop's records, so that nothing looks empty at the start.
//!
//! Invariant: every time lies before the story's start, in the order of the lines.

use std::io;

use jiff::SignedDuration;
use serde_json::{Value, json};

use super::{EPOCH, World};
use crate::demo::story::{BACKLOG, CELLS, FIRST_GREEN, MANUAL, NOT_APPLICABLE, module};
use crate::observation::Time;

/// One iteration before the story takes this long.
const ITERATION: SignedDuration = SignedDuration::from_mins(10);

/// Seconds between two records of the time series.
const RECORD_EVERY: u64 = 180;

/// Seconds from the last record to the story's start.
const LAST: u64 = 5;

/// A review is written after this many iterations.
const REVIEW_EVERY: u64 = 6;

impl World {
    /// Writes the past that ends at `now`.
    pub(super) fn write_past(&mut self, now: Time) -> io::Result<()> {
        for iteration in 1..=BACKLOG {
            let ended =
                now - ITERATION * i32::try_from(BACKLOG - iteration).unwrap_or(0) - SignedDuration::from_secs(4);
            let record = self::iteration(iteration, old_outcome(iteration), ended - ITERATION, ended);
            self.append("verdicts.jsonl", &verdict(&record))?;
            if iteration % REVIEW_EVERY == 0 {
                self.append("meta-judge.jsonl", &review(ended, iteration))?;
            }
            if old_outcome(iteration) == "WEDGED_NO_VERDICT" {
                let event = json!({"ts": ended, "epoch": EPOCH, "iter": iteration, "vertex": "write", "waited_s": 900});
                self.append("wedge-events.jsonl", &event)?;
                self.append("meta-judge.jsonl", &no_review(ended))?;
                self.record_restart(ended)?;
            }
            self.history.push(record);
        }
        self.write_series(now)
    }

    /// What an exporter would have recorded: a line for every three minutes of the past.
    fn write_series(&self, now: Time) -> io::Result<()> {
        let spans = BACKLOG * ITERATION.as_secs().unsigned_abs() / RECORD_EVERY;
        (0..spans)
            .rev()
            .try_for_each(|span| self.append("system-state.jsonl", &record(now, LAST + span * RECORD_EVERY)))
    }
}

/// The time series' record `ago` seconds before `now`: the keys that a page draws, as the recorder names them.
fn record(now: Time, ago: u64) -> Value {
    let length = ITERATION.as_secs().unsigned_abs();
    let iteration = BACKLOG - ago / length;
    let into = length - ago % length;
    let hung = old_outcome(iteration) == "WEDGED_NO_VERDICT" && into > length / 3;
    // Some life in the values, the same at every start.
    let wave = libm::sin((ago / RECORD_EVERY) as f64 * 0.9);
    let accepted_since = (iteration..BACKLOG).filter(|&later| old_outcome(later) == "ACCEPT").count() as u64;
    let reason = if hung { vec!["loop: heartbeat too old"] } else { Vec::new() };
    json!({
        "ts": now - SignedDuration::from_secs(i64::try_from(ago).unwrap_or(0)),
        "version": 1,
        "severity": if hung { "CRIT" } else { "OK" },
        "must_restart": hung,
        "crit": reason,
        "warn": [],
        "findings": if hung { vec!["loop.heartbeat_old"] } else { Vec::new() },
        "heartbeat_age_seconds": if hung { into - length / 3 } else { 4 },
        "epoch": EPOCH,
        "iteration": iteration,
        "module": module(iteration),
        "vllm_generation_tokens_per_second": if hung { 0.0 } else { 204.0 + 11.0 * wave },
        "vllm_requests_running": if hung { 0 } else { 4 },
        "gpu_utilization_mean_ratio": if hung { 0.0 } else { 0.93 + 0.02 * wave },
        "gpu_power_watts": if hung { 9.0 } else { 60.0 + 3.0 * wave },
        "gpu_temperature_celsius": if hung { 44.0 } else { (63.0 + 2.0 * wave).round() },
        "parity_green": FIRST_GREEN - 2 * accepted_since,
        "parity_red": CELLS - MANUAL - NOT_APPLICABLE - FIRST_GREEN + 2 * accepted_since,
    })
}

fn old_outcome(iteration: u64) -> &'static str {
    match iteration {
        20 => "WEDGED_NO_VERDICT",
        iteration if iteration % 7 == 3 => "REVERT",
        _ => "ACCEPT",
    }
}

/// One element of `history` in `state.json`.
pub(super) fn iteration(iteration: u64, outcome: &str, started: Time, ended: Time) -> Value {
    let module = module(iteration);
    let accepted = outcome == "ACCEPT";
    json!({
        "epoch": EPOCH,
        "iter": iteration,
        "slug": format!("{module}-{iteration:03}"),
        "module": module,
        "outcome": outcome,
        "started_at": started,
        "ended_at": ended,
        "tokens": {"qwen3-coder": 41_000 + iteration * 613 % 9000},
        "codex_calls": 1,
        "codex_tokens": 5200 + iteration * 97 % 800,
        "commits": if accepted { vec![format!("{:07x}", iteration * 0x1f3d5b % 0xfff_ffff)] } else { Vec::new() },
        "files": if accepted { 3 + iteration % 4 } else { 0 },
    })
}

/// The judge's verdict on the iteration that `record` holds.
pub(super) fn verdict(record: &Value) -> Value {
    let (score, reason) = match record["outcome"].as_str() {
        Some("ACCEPT") => (json!(0.9), "all cells of the slice are green and nothing else went red"),
        Some("REVERT") => (json!(0.4), "one cell went red; the change was taken back"),
        _ => (Value::Null, "the loop was restarted before the judge had its say"),
    };
    json!({
        "ts": record["ended_at"],
        "epoch": record["epoch"],
        "iter": record["iter"],
        "module": record["module"],
        "verdict": record["outcome"],
        "score": score,
        "reason": reason,
    })
}

/// What reviews find, in turns.
const FINDINGS: [(&str, &str, &str, &str); 4] = [
    (
        "info",
        "two of the last six iterations were taken up again after a revert",
        "verdicts.jsonl, the last six lines",
        "let the planner read the reason of the last REVERT first",
    ),
    (
        "warn",
        "lessons grow faster than they are used: none was named in the last prompts",
        "wedge-lessons.jsonl beside the prompts of the last two hours",
        "keep the ten that were of use last",
    ),
    ("info", "tokens for each accepted change fell by a tenth", "state.json, history[].tokens", "go on like this"),
    (
        "info",
        "the judge's reasons are short, and always in the same words",
        "verdicts.jsonl, reason",
        "ask the judge to name the cells that changed",
    ),
];

/// A review of the loop's behaviour, a healthy one.
pub(super) fn review(at: Time, number: u64) -> Value {
    let turn = usize::try_from(number % 4).unwrap_or(0);
    let finding = |(severity, what, evidence, suggestion): &(&str, &str, &str, &str)| json!({ "severity": severity, "what": what, "evidence": evidence, "suggestion": suggestion });
    let findings: Vec<Value> = FINDINGS.iter().cycle().skip(turn).take(turn.max(1)).map(finding).collect();
    json!({
        "ts": at,
        "health_score": 78 + number * 5 % 13,
        "verdict": "healthy",
        "summary": "steady progress, few reverts, no rule broken",
        "findings": findings,
        "judge": "codex",
        "model": "gpt-5.5",
        "attempts": 1,
        "took_seconds": 31.2,
        "since": at - SignedDuration::from_hours(6),
    })
}

/// An attempt at a review that came to nothing: the machine's model hung, and so did the judge.
fn no_review(at: Time) -> Value {
    json!({
        "ts": at,
        "error": "timed-out",
        "reason": "no answer within 420 s; all its processes were ended",
        "judge": "codex",
        "model": "gpt-5.5",
        "attempts": 1,
        "took_seconds": 420.3,
    })
}
