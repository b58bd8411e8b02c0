//! The outcome as one JSON object, documented in `docs/backtest.md`.
//!
//! Invariant: keys only ever come along; a change of meaning changes `version`.

use serde_json::{Value, json};

use super::{Context, differences, notes, totals};
use crate::assessment::Severity;
use crate::backtest::replay::AS_RECORDED;
use crate::backtest::{Alert, Episode, FindingCode, Outcome, Row, Side, Track};

/// Version of the keys.
const VERSION: u64 = 1;

/// The object.
pub fn render(outcome: &Outcome, context: &Context) -> Value {
    let counts = &outcome.counts;
    let restarts = |track: &Track| -> Vec<Value> {
        track.episodes.iter().filter(|episode| episode.code == FindingCode::RESTART).map(episode).collect()
    };
    json!({
        "version": VERSION,
        "from": outcome.from,
        "to": outcome.to,
        "limits": context.limits,
        "records": counts.records,
        "bytes": counts.bytes,
        "left_out": {"spoilt": counts.spoilt, "newer": counts.newer, "outside": counts.outside, "foreign_findings": counts.foreign},
        "holes": {"count": counts.holes, "seconds": rounded(counts.hole_time.as_secs_f64()), "clock_steps_back": counts.steps_back},
        "not_judged_again": {
            "always": AS_RECORDED.map(|(check, code)| format!("{check}.{code}")),
            "in_some_records": outcome.unknown.iter().map(FindingCode::name).collect::<Vec<_>>(),
        },
        "seconds": {"recorded": seconds(&outcome.recorded), "judged": seconds(&outcome.judged)},
        "differences": differences(outcome).into_iter().map(|(difference, count)| (difference.name().to_owned(), count.into())).collect::<serde_json::Map<_, _>>(),
        "findings": totals(outcome).iter().filter(|(code, _)| **code != FindingCode::RESTART).map(|(code, total)| {
            let (check, code) = code.names();
            let side = |side: usize| json!({"episodes": total.episodes[side], "seconds": rounded(total.seconds[side]), "crit_seconds": rounded(total.crit_seconds[side]), "alerts": total.alerts[side]});
            json!({"check": check, "code": code, "recorded": side(0), "judged": side(1), "differs": total.differs})
        }).collect::<Vec<_>>(),
        "restarts": {
            "recorded": restarts(&outcome.recorded),
            "judged": restarts(&outcome.judged),
            "made": outcome.restarts.iter().map(|(at, came)| json!({"at": at, "outcome": came.map(|came| came.name())})).collect::<Vec<_>>(),
        },
        "alerts": {
            "recorded": outcome.alerts_recorded.iter().map(alert).collect::<Vec<_>>(),
            "judged": outcome.alerts_judged.iter().map(alert).collect::<Vec<_>>(),
        },
        "episodes": outcome.rows.iter().filter(|row| row.code != FindingCode::RESTART).map(row).collect::<Vec<_>>(),
        "notes": notes(outcome),
    })
}

/// To milliseconds, which the records have.
fn rounded(seconds: f64) -> f64 {
    (seconds * 1000.0).round() / 1000.0
}

fn seconds(track: &Track) -> Value {
    let of = |severity: Severity| rounded(track.seconds(severity));
    json!({"OK": of(Severity::Ok), "WARN": of(Severity::Warn), "CRIT": of(Severity::Crit)})
}

fn episode(episode: &Episode) -> Value {
    json!({"from": episode.from, "to": episode.to, "open": episode.open, "seconds": rounded(episode.seconds), "reason": episode.text})
}

fn alert(alert: &Alert) -> Value {
    let (check, code) = alert.code.names();
    json!({
        "alertname": crate::alert::name(check, code),
        "severity": crate::alert::severity(alert.severity),
        "check": check,
        "code": code,
        "from": alert.from,
        "to": alert.to,
    })
}

fn row(row: &Row) -> Value {
    let (check, code) = row.code.names();
    let side = |side: &Option<Side>| {
        side.as_ref().map(|side| {
            json!({
                "from": side.from,
                "to": side.to,
                "open": side.open,
                "episodes": side.episodes,
                "seconds": rounded(side.seconds),
                "crit_seconds": rounded(side.crit_seconds),
                "severity": side.severity,
                "reason": side.text,
            })
        })
    };
    json!({"check": check, "code": code, "difference": row.difference.name(), "recorded": side(&row.recorded), "judged": side(&row.judged)})
}
