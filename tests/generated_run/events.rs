//! The files of the runtime directory: what the orchestrator, the judge, the reviewer and the watchdog write.

use std::fs;
use std::io;
use std::path::Path;

use jiff::SignedDuration;
use serde_json::{Value, json};

use autoswe_exporter::journey::run::Outcome;
use autoswe_exporter::observation::{RestartOutcome, Time};
use autoswe_exporter::watchdog::clock::Clock;
use autoswe_exporter::watchdog::trail;

use super::beginning;
use super::chance::Chance;
use super::story::{Iteration, Story};
use super::traps::Traps;
use super::words::{ACCEPTED, BYPASSES, FINDINGS, MODULES, REFINEMENTS, REVERTED, REVIEWS, WEDGED, WEDGES};

/// A file of lines in the making.
struct Lines {
    name: &'static str,
    /// The field that people write in, in which something may be planted.
    field: &'static str,
    lines: Vec<Value>,
}

impl Lines {
    fn new(name: &'static str, field: &'static str) -> Self {
        Lines { name, field, lines: Vec::new() }
    }

    /// Writes them, with something planted in the middle one.
    fn save(mut self, directory: &Path, traps: &mut Traps) -> io::Result<()> {
        let middle = self.lines.len() / 2;
        if let Some(line) = self.lines.get_mut(middle) {
            let planted = traps.plant(self.name, self.field, line[self.field].as_str().unwrap_or_default());
            line[self.field] = planted.into();
        }
        let text: String = self.lines.iter().map(|line| format!("{line}\n")).collect();
        fs::write(directory.join(self.name), text)
    }
}

/// Writes all of them to `runtime`.
pub(super) fn write(runtime: &Path, story: &Story, traps: &mut Traps, chance: &mut Chance) -> io::Result<()> {
    state(runtime, story, traps)?;
    let mut verdicts = Lines::new("verdicts.jsonl", "reason");
    let mut wedges = Lines::new("wedge-events.jsonl", "detail");
    let mut lessons = Lines::new("wedge-lessons.jsonl", "lesson");
    let mut trail = Lines::new("liveness-restarts.jsonl", "reason");
    for iteration in &story.iterations {
        judge(iteration, &mut verdicts, chance);
        if iteration.outcome == Outcome::WedgedNoVerdict {
            hang(iteration, (&mut wedges, &mut lessons, &mut trail), chance);
        }
    }
    for lines in
        [verdicts, wedges, lessons, trail, rules(story, chance), bypasses(story, chance), reviews(story, chance)]
    {
        lines.save(runtime, traps)?;
    }
    Ok(())
}

fn later(time: Time, seconds: u64) -> Time {
    time + SignedDuration::from_secs(i64::try_from(seconds).unwrap_or(0))
}

fn state(runtime: &Path, story: &Story, traps: &mut Traps) -> io::Result<()> {
    let (epoch, iter) = story.iterations.last().map_or((1, 1), |last| (last.epoch, last.iter + 1));
    let module = MODULES[MODULES.len() - 1].name;
    let history: Vec<Value> = story.iterations.iter().map(finished).collect();
    let now = later(story.present, 95);
    let state = json!({
        "epoch": epoch, "iter": iter, "vertex": "write", "phase": "writer", "module": module,
        "status": traps.plant("state.json", "status", "running"),
        "started_at": story.iterations.first().map_or(beginning(), |first| first.started),
        "updated_at": now,
        "history": history,
    });
    fs::write(runtime.join("state.json"), state.to_string())?;
    let heartbeat = json!({
        "ts": now, "pid": 4242, "epoch": epoch, "iter": iter, "phase": "writer",
        "vertex": traps.plant("state-heartbeat.json", "vertex", "write"),
        "phase_started_at": story.present, "invocation_id": "5ca1ab1e5ca1ab1e5ca1ab1e5ca1ab1e",
    });
    fs::write(runtime.join("state-heartbeat.json"), heartbeat.to_string())
}

/// An element of the state's history.
fn finished(iteration: &Iteration) -> Value {
    let accepted = iteration.outcome == Outcome::Accept;
    let calls = iteration.revisions + u64::from(iteration.outcome != Outcome::WedgedNoVerdict);
    json!({
        "epoch": iteration.epoch,
        "iter": iteration.iter,
        "slug": iteration.slug,
        "module": iteration.module,
        "outcome": iteration.outcome.word(),
        "started_at": iteration.started,
        "ended_at": iteration.ended,
        "tokens": iteration.tokens,
        "codex_calls": calls,
        "codex_tokens": calls * (4100 + iteration.wedge % 3000),
        "commits": iteration.commit.iter().collect::<Vec<_>>(),
        "files": if accepted { iteration.files.as_slice() } else { &[] },
    })
}

/// A verdict for each time that the judge looked; the earlier ones sent it back.
fn judge(iteration: &Iteration, verdicts: &mut Lines, chance: &mut Chance) {
    let (reasons, score) = match iteration.outcome {
        Outcome::Accept => (ACCEPTED, json!(chance.between(78, 98) as f64 / 100.0)),
        Outcome::Revert => (REVERTED, json!(chance.between(15, 55) as f64 / 100.0)),
        _ => (WEDGED, Value::Null),
    };
    let length = (iteration.ended.as_second() - iteration.started.as_second()).unsigned_abs();
    let mut line = |at: Time, verdict: &str, score: Value, reason: &str| {
        verdicts.lines.push(json!({
            "ts": at, "epoch": iteration.epoch, "iter": iteration.iter, "module": iteration.module,
            "verdict": verdict, "score": score, "reason": reason,
        }));
    };
    for revision in 1..=iteration.revisions {
        let at = later(iteration.started, length * revision / (iteration.revisions + 1));
        let reason: &&str = chance.one(REVERTED);
        line(at, "REVERT", json!(0.4), reason);
    }
    let reason: &&str = chance.one(reasons);
    line(iteration.ended, iteration.outcome.word(), score, reason);
}

/// A hang: noticed, learnt from, and mostly ended by the watchdog.
fn hang(iteration: &Iteration, (wedges, lessons, trail): (&mut Lines, &mut Lines, &mut Lines), chance: &mut Chance) {
    let (kind, lesson) = WEDGES[usize::try_from(iteration.wedge % WEDGES.len() as u64).unwrap_or(0)];
    let (epoch, iter) = (iteration.epoch, iteration.iter);
    let ended = iteration.ended;
    let noticed = ended - SignedDuration::from_secs(70);
    wedges.lines.push(json!({
        "ts": noticed, "epoch": epoch, "iter": iter, "vertex": chance.one(&["write", "judge", "plan"]), "kind": kind,
        "waited_s": chance.between(900, 990), "detail": "no output since the last call of a tool",
    }));
    if chance.percent(70) {
        lessons.lines.push(json!({"ts": ended, "epoch": epoch, "iter": iter, "kind": kind, "lesson": lesson}));
    }
    if chance.percent(80) {
        let took = if chance.percent(94) { RestartOutcome::Took } else { RestartOutcome::DidNotTake };
        restart(noticed, ended, took, chance).into_iter().for_each(|line| trail.lines.push(line));
    }
}

/// The watchdog's two lines, by its own writer.
fn restart(asked: Time, verified: Time, outcome: RestartOutcome, chance: &mut Chance) -> [Value; 2] {
    let clock = |wall: Time| {
        let up = (wall.as_second() - beginning().as_second() + 86_400) as f64;
        let boot_id = "00000000-5ca1-4b1e-8000-000000000001".into();
        Clock { wall, boottime: up, monotonic: up, lived: up, boot_id }
    };
    let id = chance.uuid();
    let before = chance.text("0123456789abcdef", 32);
    let after = chance.text("0123456789abcdef", 32);
    [
        trail::intent(&clock(asked), &id, "silent", "autoswe.service", &before),
        trail::outcome(&clock(verified), &id, outcome, "fresh", Some(&after)),
    ]
    .map(|line| line.parse().unwrap_or_default())
}

fn rules(story: &Story, chance: &mut Chance) -> Lines {
    let mut lines = Lines::new("rule-refinements.jsonl", "reason");
    for iteration in story.iterations.iter().skip(11).step_by(37) {
        let (rule, reason) = chance.one(REFINEMENTS);
        lines.lines.push(json!({
            "ts": later(iteration.ended, 2), "epoch": iteration.epoch, "iter": iteration.iter, "rule": rule,
            "reason": reason,
        }));
    }
    lines
}

fn bypasses(story: &Story, chance: &mut Chance) -> Lines {
    let mut lines = Lines::new("orchestrator-bypass-attempts.jsonl", "detail");
    for iteration in story.iterations.iter().skip(5).step_by(83) {
        let (command, detail) = chance.one(BYPASSES);
        lines.lines.push(json!({
            "ts": later(iteration.started, 301), "epoch": iteration.epoch, "iter": iteration.iter, "vertex": "write",
            "command": command, "detail": detail, "blocked": true,
        }));
    }
    lines
}

/// As many as the loop is unwell, each with the iteration that shows it.
fn findings(mood: usize, iteration: &Iteration) -> Vec<Value> {
    let finding = |(severity, what, suggestion): &(&str, &str, &str)| {
        let evidence = format!("iteration {}/{}", iteration.epoch, iteration.iter);
        json!({"severity": severity, "what": what, "evidence": evidence, "suggestion": suggestion})
    };
    FINDINGS[..=mood].iter().map(finding).collect()
}

fn reviews(story: &Story, chance: &mut Chance) -> Lines {
    let mut lines = Lines::new("meta-judge.jsonl", "summary");
    for iteration in story.iterations.iter().step_by(4) {
        let mood = match chance.below(20) {
            0 => 2,
            1..=4 => 1,
            _ => 0,
        };
        let (verdict, summaries) = REVIEWS[mood];
        let score = [chance.between(72, 95), chance.between(45, 68), chance.between(18, 40)][mood];
        lines.lines.push(json!({
            "ts": later(iteration.ended, 40), "health_score": score, "verdict": verdict,
            "summary": chance.one(summaries), "findings": findings(mood, iteration), "judge": "codex", "model": "gpt-5.5",
            "attempts": 1, "took_seconds": 31.2, "since": later(iteration.ended, 0),
        }));
    }
    lines
}
