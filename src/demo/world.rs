//! The story as files: what a real loop, its judge, its site builder and its watchdog would leave behind.
//!
//! Invariant: files that their contract says are replaced are replaced whole, by rename; the others only grow.

mod past;

use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use jiff::SignedDuration;
use serde_json::{Value, json};

use super::settings::GPU_RECORDING;
use super::story::{BACKLOG, CELLS, Scene, outcome};
use crate::observation::{Parity, Time};
use crate::watchdog::reason::Reason;
use crate::watchdog::saved::{Count, Restarts};

/// The demo's run number.
const EPOCH: u64 = 3;

/// The site is built again after this many seconds, and the watchdog evaluates.
const SITE_EVERY: i64 = 20;
const WATCHDOG_EVERY: i64 = 1;

/// Restarts that the demo's watchdog may still make. It forgives each restart before the next one, or the story would
/// end in a spent budget.
const BUDGET_REMAINING: u64 = 2;

/// The files of one demo.
#[derive(Debug)]
pub struct World {
    runtime: PathBuf,
    repo: PathBuf,
    history: Vec<Value>,
    invocation: u64,
    decisions: Decisions,
    iteration_since: Time,
    last: Option<Written>,
}

/// Evaluations of the watchdog by what they found.
#[derive(Debug, Clone, Copy, Default)]
struct Decisions {
    fresh: u64,
    ageing: u64,
    silent: u64,
}

/// What was written last, to tell what is new.
#[derive(Debug, Clone)]
struct Written {
    scene: Scene,
    phase_since: Time,
    site_at: Time,
    watchdog_at: Time,
}

impl World {
    /// Makes both directories and writes the past: finished iterations, verdicts, reviews, a site.
    ///
    /// # Errors
    /// When something cannot be written; the message names it.
    pub fn create(runtime: &Path, repo: &Path, now: Time) -> io::Result<Self> {
        for directory in [runtime, &repo.join("acceptance"), &repo.join("journey-web/dist")] {
            fs::create_dir_all(directory).map_err(|error| named(directory, &error))?;
        }
        let mut world = World {
            runtime: runtime.into(),
            repo: repo.into(),
            history: Vec::new(),
            invocation: 1,
            decisions: Decisions::default(),
            iteration_since: now,
            last: None,
        };
        world.write_past(now)?;
        Ok(world)
    }

    /// Makes the files what `scene` says, as written at `now`.
    ///
    /// # Errors
    /// When a file cannot be written; the message names it.
    pub fn apply(&mut self, scene: &Scene, now: Time) -> io::Result<()> {
        let before = self.last.take();
        let (finished, restarts) = before.as_ref().map_or((0, 0), |last| (last.scene.finished, last.scene.restarts));
        for index in finished..scene.finished {
            self.finish_iteration(index, now)?;
        }
        for _ in restarts..scene.restarts {
            self.restart(now)?;
        }
        let same_phase =
            before.as_ref().filter(|last| (last.scene.phase, last.scene.iteration) == (scene.phase, scene.iteration));
        let phase_since = same_phase.map_or(now, |last| last.phase_since);
        if same_phase.is_none() {
            self.write_state(scene, now)?;
        }
        if scene.heartbeat_age == 0.0 || same_phase.is_none() {
            self.beat(scene, phase_since, now)?;
        }
        if before.as_ref().is_none_or(|last| last.scene.parity != scene.parity) {
            self.write_matrix(scene.parity)?;
        }
        let gpu = serde_json::to_vec(&scene.gpu)?;
        replace(&self.runtime.join(GPU_RECORDING), &gpu)?;
        let site_at = self.every(SITE_EVERY, before.as_ref().map(|last| last.site_at), now, Self::build_site)?;
        let evaluated = before.as_ref().map(|last| last.watchdog_at);
        let silent = scene.heartbeat_age > 0.0;
        let watchdog_at = self.every(WATCHDOG_EVERY, evaluated, now, |world, now| world.evaluate(silent, now))?;
        if watchdog_at == now {
            *(if silent { &mut self.decisions.ageing } else { &mut self.decisions.fresh }) += 1;
        }
        self.last = Some(Written { scene: scene.clone(), phase_since, site_at, watchdog_at });
        Ok(())
    }

    /// Does `work` when `seconds` have passed since `last`; says when it was done last.
    fn every(
        &self,
        seconds: i64,
        last: Option<Time>,
        now: Time,
        work: impl FnOnce(&Self, Time) -> io::Result<()>,
    ) -> io::Result<Time> {
        match last {
            Some(last) if now.duration_since(last) < SignedDuration::from_secs(seconds) => Ok(last),
            _ => work(self, now).map(|()| now),
        }
    }

    /// The judge's word on the `index`th iteration since the start, and what comes of it.
    fn finish_iteration(&mut self, index: u64, now: Time) -> io::Result<()> {
        let iteration = BACKLOG + index + 1;
        let record = past::iteration(iteration, outcome(index), self.iteration_since, now);
        self.iteration_since = now;
        self.append("verdicts.jsonl", &past::verdict(&record))?;
        if outcome(index) == "WEDGED_NO_VERDICT" {
            let event = json!({"ts": now, "epoch": EPOCH, "iter": iteration, "vertex": "write", "waited_s": 900});
            self.append("wedge-events.jsonl", &event)?;
            let lesson = "an agent that waits for input it will never get must be given none";
            self.append("wedge-lessons.jsonl", &json!({"ts": now, "iter": iteration, "lesson": lesson}))?;
        }
        if index % 5 == 4 {
            self.append("meta-judge.jsonl", &past::review(now, index))?;
        }
        self.history.push(record);
        Ok(())
    }

    /// The watchdog's restart of a hung loop: asked for, and verified.
    fn restart(&mut self, now: Time) -> io::Result<()> {
        self.invocation += 1;
        self.decisions.silent += 1;
        self.record_restart(now)
    }

    fn record_restart(&self, at: Time) -> io::Result<()> {
        let id = format!("demo-{}", self.invocation);
        let reason = "heartbeat too old";
        let unit = "autoswe-demo.service";
        let intent = json!({"ts": at, "id": id, "event": "intent", "unit": unit, "reason": reason});
        self.append("liveness-restarts.jsonl", &intent)?;
        let outcome = json!({"ts": at, "id": id, "event": "outcome", "unit": unit, "outcome": "took"});
        self.append("liveness-restarts.jsonl", &outcome)
    }

    fn beat(&self, scene: &Scene, phase_since: Time, now: Time) -> io::Result<()> {
        let at = now - SignedDuration::try_from_secs_f64(scene.heartbeat_age).unwrap_or_default();
        let beat = json!({
            "ts": at,
            "pid": std::process::id(),
            "epoch": EPOCH,
            "iter": scene.iteration,
            "vertex": vertex(scene.phase),
            "phase": scene.phase,
            "phase_started_at": phase_since,
            "invocation_id": format!("{:032x}", self.invocation),
        });
        self.replace_json("state-heartbeat.json", &beat)
    }

    fn write_state(&self, scene: &Scene, now: Time) -> io::Result<()> {
        let state = json!({
            "epoch": EPOCH,
            "iter": scene.iteration,
            "vertex": vertex(scene.phase),
            "phase": scene.phase,
            "module": scene.module,
            "status": "running",
            "started_at": self.history.first().map_or(json!(now), |first| first["started_at"].clone()),
            "updated_at": now,
            "history": self.history,
        });
        self.replace_json("state.json", &state)
    }

    fn write_matrix(&self, parity: Parity) -> io::Result<()> {
        replace(&self.repo.join("acceptance/parity-matrix.yaml"), matrix(parity).as_bytes())
    }

    fn build_site(&self, now: Time) -> io::Result<()> {
        let data = json!({"built_at": now, "iterations": self.history});
        replace(&self.repo.join("journey-web/site-data.json"), data.to_string().as_bytes())?;
        let page = format!("<!doctype html><title>Journey</title><p>{} iterations.\n", self.history.len());
        replace(&self.repo.join("journey-web/dist/index.html"), page.as_bytes())
    }

    /// The watchdog's state file as it leaves it after an evaluation.
    fn evaluate(&self, silent: bool, now: Time) -> io::Result<()> {
        let reason = if silent { Reason::Ageing } else { Reason::Fresh };
        let Decisions { fresh, ageing, silent: restarts } = self.decisions;
        let counts = [(Reason::Fresh, fresh), (Reason::Ageing, ageing), (Reason::Silent, restarts)];
        let decisions = counts.map(|(reason, count)| Count {
            decision: reason.action().name().into(),
            reason: reason.name().into(),
            count,
        });
        let state = json!({
            "version": 1,
            "last_evaluation_ts": now,
            "decision": reason.action().name(),
            "reason": reason.name(),
            "budget_remaining": BUDGET_REMAINING,
            "decisions": decisions,
            "restarts": Restarts { took: restarts, ..Restarts::default() },
        });
        self.replace_json("watchdog-state.json", &state)
    }

    fn append(&self, name: &str, line: &Value) -> io::Result<()> {
        let path = self.runtime.join(name);
        let mut file =
            OpenOptions::new().create(true).append(true).open(&path).map_err(|error| named(&path, &error))?;
        file.write_all(format!("{line}\n").as_bytes()).map_err(|error| named(&path, &error))
    }

    fn replace_json(&self, name: &str, value: &Value) -> io::Result<()> {
        replace(&self.runtime.join(name), value.to_string().as_bytes())
    }
}

fn vertex(phase: &str) -> &'static str {
    match phase {
        "planner" => "plan",
        "writer" => "write",
        "judge" => "judge",
        _ => "idle",
    }
}

/// The parity matrix as YAML: modules with their cells, some as plain scalars and some with a note.
fn matrix(parity: Parity) -> String {
    let special = parity.manual + parity.not_applicable;
    let mut text = String::from("# Written by the demo.\nmodules:\n");
    for cell in 0..CELLS {
        if cell % 20 == 0 {
            text.push_str(&format!("  module-{:02}:\n", cell / 20));
        }
        let status = match cell {
            cell if cell < parity.manual => "manual",
            cell if cell < special => "n/a",
            cell if cell < special + parity.green => "green",
            _ => "red",
        };
        text.push_str(&match cell % 5 {
            0 => format!("    feature-{cell:03}: {{status: {status}, owner: judge}}\n"),
            _ => format!("    feature-{cell:03}: {status}\n"),
        });
    }
    text
}

/// Replaces the file at `path` whole: a reader sees the old or the new content.
fn replace(path: &Path, content: &[u8]) -> io::Result<()> {
    let fresh = path.with_extension("new");
    fs::write(&fresh, content).and_then(|()| fs::rename(&fresh, path)).map_err(|error| named(path, &error))
}

fn named(path: &Path, error: &io::Error) -> io::Error {
    io::Error::new(error.kind(), format!("{}: {error}", path.display()))
}

#[cfg(test)]
mod tests;
