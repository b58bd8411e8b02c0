//! One evaluation: look, remember, decide, act, write down.
//!
//! Invariant: everything that may hang has a time limit, so that an evaluation ends, and says so to systemd, or the
//! watchdog is itself restarted.

use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::path::PathBuf;

use tracing::{error, info, warn};

use super::clock::{Clock, boot_id};
use super::decide::{Decision, Dependency, Rules};
use super::dependencies::{self, Known};
use super::evaluation::Evaluation;
use super::exporter::Exporter;
use super::eyes::{Eyes, observation};
use super::memory::Facts;
use super::reason::Action;
use super::saved::Saved;
use super::trail::{self, LINES, Trail};
use crate::assessment::{Finding, Severity, Thresholds};
use crate::check;
use crate::config::{Config, Loaded};
use crate::jsonl::Appender;
use crate::observation::{Data, Failure, FailureKind, Heartbeat, LoopReading, Reading, RestartOutcome, SourceId, Time};
use crate::source::file::read_bounded;
use crate::source::lines::Lines;
use crate::state::State;
use crate::systemd::{Active, Manager, Unit};

/// Largest heartbeat whose bytes are compared.
const MAX_HEARTBEAT: u64 = 1 << 20;
/// Sub-agents of a loop that is alive are looked at once in so many evaluations: their budgets are many minutes.
const SUBAGENTS_EVERY: u64 = 10;

/// The watchdog of one loop.
pub struct Watchdog {
    pub(super) config: Config,
    pub(super) rules: Rules,
    pub(super) manager: Manager,
    pub(super) trail: Appender,
    pub(super) saved: Saved,
    thresholds: Thresholds,
    boot_id: String,
    state_file: PathBuf,
    lines: Lines<Trail>,
    eyes: Eyes,
    state: State,
    exporter: Exporter,
    evaluations: u64,
    /// Nothing is written, and nothing is restarted.
    dry: bool,
    once: bool,
    /// The last look at the dependencies, for diagnostics.
    pub(super) readings: serde_json::Value,
}

/// What a watchdog is made of.
pub struct Parts {
    /// The configuration.
    pub loaded: Loaded,
    /// The exporter's program, which looks at vLLM and the GPUs.
    pub exporter: Exporter,
    /// Decide, and do nothing.
    pub dry: bool,
    /// It is one evaluation of a timer.
    pub once: bool,
}

impl Watchdog {
    /// A watchdog that goes on where the last one stopped.
    ///
    /// # Errors
    /// When the operating system gives no thread, or the loop is turned off.
    pub fn new(parts: Parts) -> anyhow::Result<Self> {
        let Parts { loaded, exporter, dry, once } = parts;
        let thresholds = loaded.thresholds();
        let mut config = loaded.config;
        // The durable state may be large, and no decision rests on it.
        config.loop_.state = None;
        if !config.loop_.enabled {
            anyhow::bail!("the loop is not watched (loop.enabled is false), so there is nothing to restart");
        }
        let path = |path| config.in_runtime_dir(path);
        let (state_file, trail) = (path(&config.watchdog.state), path(&config.watchdog.restarts));
        let saved = Saved::read(&state_file).unwrap_or_else(|why| {
            warn!("{why}; until then every age begins anew");
            Saved::default()
        });
        Ok(Watchdog {
            rules: Rules { loop_: config.checks.loop_.clone(), restart: config.restart.clone() },
            manager: Manager { kind: config.loop_.unit_manager, timeout: config.restart.bus_timeout.duration() },
            trail: Appender::new(trail.clone(), None),
            saved,
            thresholds,
            boot_id: boot_id(),
            state_file,
            lines: Lines::new("restarts", trail, LINES),
            eyes: Eyes::new(&config)?,
            state: State::new(&config, Time::now()),
            exporter,
            evaluations: 0,
            dry,
            once,
            readings: serde_json::Value::Null,
            config,
        })
    }

    /// The settings.
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// Looks, decides and acts, once.
    pub async fn evaluate(&mut self) -> Decision {
        let trail = self.read_trail();
        let clock = self.clock(&trail);
        let facts = self.look(clock, &trail).await;
        let rules = (&self.rules, &self.thresholds.phases);
        let evaluation = Evaluation::of(&facts, trail.as_ref().ok(), &mut self.saved.memory, rules);
        let mut decision = evaluation.decision;
        if let Some((pending, outcome, reason)) = &evaluation.verified {
            self.conclude_restart(&facts.clock, &pending.id, (*outcome, reason), facts.invocation());
            decision.add(self.read_trail().ok().as_ref().and_then(did_not_take));
        }
        let mut spent = facts.spent.clone();
        if decision.action == Action::Restart && !self.dry {
            decision = self.restart(decision, &facts).await;
            spent = self.read_trail().and_then(|trail| trail.spent(&facts.clock, &self.rules.restart));
        }
        let left = spent.ok().map(|spent| spent.remaining(&self.rules.restart));
        self.write_down(&mut decision, left);
        self.evaluations += 1;
        decision
    }

    fn clock(&self, trail: &Result<Trail, String>) -> Clock {
        let mut clock = Clock::now(&self.boot_id);
        self.saved.memory.set_lived(&mut clock, trail.as_ref().ok().and_then(Trail::latest_stamp));
        clock
    }

    /// Now, as audit trail and memory count it.
    pub(super) fn now(&mut self) -> Clock {
        let trail = self.read_trail();
        self.clock(&trail)
    }

    fn read_trail(&mut self) -> Result<Trail, String> {
        match self.lines.read(Trail::parse) {
            Reading::Observed(trail) => Ok(trail),
            Reading::Missing(_) => Ok(Trail::default()),
            Reading::Failed(failure) => Err(failure.message),
        }
    }

    async fn look(&mut self, clock: Clock, trail: &Result<Trail, String>) -> Facts {
        let reading = self.read_loop().await;
        let bytes = fingerprint(&reading.heartbeat, || self.heartbeat_file());
        let mut facts = Facts {
            pause: reading.pause,
            heartbeat: reading.heartbeat,
            bytes,
            unit: Err(String::new()),
            dependency: None,
            spent: match trail {
                Ok(trail) => trail.spent(&clock, &self.rules.restart),
                Err(why) => Err(why.clone()),
            },
            trouble: self.trouble(),
            notes: Vec::new(),
            clock,
        };
        self.saved.memory.begin(&facts, &self.rules);
        let silent = self.saved.memory.is_silent(&facts, &self.rules);
        let pending = trail.as_ref().is_ok_and(|trail| trail.pending().is_some());
        let mut notes = Vec::new();
        let left = !self.saved.memory.left.processes.is_empty();
        facts.unit = self.unit(silent || pending || left, facts.clock.monotonic, &mut notes).await;
        facts.dependency = self.dependency(&facts, silent).await;
        if silent || self.evaluations.is_multiple_of(SUBAGENTS_EVERY) {
            self.eyes.read_subagents(&self.config).await.into_iter().for_each(|read| self.state.apply(read));
        }
        notes.extend(self.over_budget());
        notes.extend(trail.as_ref().ok().and_then(did_not_take));
        notes.extend(self.left_over(&facts.unit, pending));
        facts.notes = notes;
        facts
    }

    /// Reads the heartbeat and the pause.
    pub(super) async fn read_loop(&mut self) -> LoopReading {
        let reading = self.eyes.read_loop(&self.config).await;
        self.state.apply(observation(SourceId::Loop, Reading::Observed(Data::Loop(reading.clone()))));
        reading
    }

    fn heartbeat_file(&self) -> PathBuf {
        self.config.in_runtime_dir(&self.config.loop_.heartbeat)
    }

    /// What the exporter's check finds wrong with the heartbeat itself.
    fn trouble(&self) -> Option<Finding> {
        let result = check::LOOP.run(&self.state, &self.thresholds, Time::now());
        let of_the_beat = |code: &str| code.starts_with("heartbeat_") && code != "heartbeat_old";
        result.findings.into_iter().find(|finding| of_the_beat(finding.code))
    }

    async fn unit(&self, detailed: bool, monotonic: f64, notes: &mut Vec<Finding>) -> Result<Unit, String> {
        let name = self.config.loop_.unit.as_str();
        let mut told = self.manager.unit(name, detailed, monotonic).await?;
        let runs = told.unit.active == Active::Active && told.unit.job.is_none();
        if !runs && told.unit.details.is_none() {
            told = self.manager.unit(name, true, monotonic).await?;
        }
        if let Some(trouble) = told.bus_trouble {
            let reason = format!("{trouble}; systemctl answered in its place");
            let hint = "`autoswe-watchdog doctor` says what is wrong with the bus";
            notes.push(Finding { severity: Severity::Warn, code: "bus_fallback", reason, hint: hint.into() });
        }
        Ok(told.unit)
    }

    /// What the loop needs: looked at while the loop is silent, and now and then to know what this machine has.
    async fn dependency(&mut self, facts: &Facts, silent: bool) -> Option<Dependency> {
        if !dependencies::any(&self.config) {
            return Some(Dependency::Fine);
        }
        let runs = facts.unit.as_ref().is_ok_and(|unit| unit.active == Active::Active);
        let memory = &mut self.saved.memory;
        if !runs || !(silent || memory.looked_long_ago(&facts.clock)) {
            return None;
        }
        let known = Known { vllm: memory.vllm_seen, gpu: memory.gpu_seen };
        match dependencies::ask(&self.exporter, known).await {
            Ok(found) => {
                (memory.vllm_seen, memory.gpu_seen) = (found.vllm_seen, found.gpu_seen);
                let dependency = found.dependency();
                self.readings = found.readings;
                Some(dependency)
            }
            Err(why) => Some(Dependency::Unknown(why)),
        }
    }

    /// Sub-agents over their budget: told, and never a reason.
    fn over_budget(&self) -> Option<Finding> {
        let now = self.state.subagents.last()?.at;
        let result = check::SUBAGENTS.run(&self.state, &self.thresholds, now);
        let found = result.findings.into_iter().find(|finding| finding.code == "over_budget")?;
        Some(Finding { severity: Severity::Warn, ..found })
    }

    /// Processes of the run before that outlived the restart: systemd started a second copy beside them.
    fn left_over(&mut self, unit: &Result<Unit, String>, pending: bool) -> Option<Finding> {
        let left = &mut self.saved.memory.left;
        // While it is the run that was to end, nothing outlived it yet.
        let run = unit.as_ref().ok()?.details.as_ref().map(|details| &details.invocation);
        if pending || left.processes.is_empty() || run.is_some_and(|run| *run == left.invocation) {
            return None;
        }
        left.processes.retain(|(pid, start)| start_of(*pid) == Some(*start));
        let pids: Vec<String> = left.processes.iter().map(|(pid, _)| pid.to_string()).collect();
        let reason = format!(
            "processes of the run before the restart are still there (pid {}), beside the new run",
            pids.join(", ")
        );
        let hint = "see their state (`ps -o pid,stat,wchan`): one in state D ends only with what it waits for";
        let code = "left_over";
        (!pids.is_empty()).then(|| Finding { severity: Severity::Crit, code, reason, hint: hint.into() })
    }

    /// Writes the outcome of the restart `id` down and counts it.
    pub(super) fn conclude_restart(
        &mut self,
        clock: &Clock,
        id: &str,
        (outcome, reason): (RestartOutcome, &str),
        run: Option<&str>,
    ) {
        if self.dry {
            return;
        }
        let line = trail::outcome(clock, id, outcome, reason, run);
        match self.append(&line, clock) {
            Ok(()) => {
                self.saved.restarts.count(outcome);
                match outcome {
                    RestartOutcome::DidNotTake => error!(id, "the restart did not take: {reason}"),
                    RestartOutcome::CalledOff => warn!(id, "the restart was called off: {reason}"),
                    RestartOutcome::Took | RestartOutcome::Pending => info!(id, "the restart took: {reason}"),
                }
            }
            // It is still pending in the trail, and the next evaluation tries again.
            Err(why) => error!(id, outcome = outcome.name(), "the outcome could not be written: {why}"),
        }
    }

    /// Appends a line to the trail, and makes it survive a crash of the machine.
    pub(super) fn append(&mut self, line: &str, clock: &Clock) -> Result<(), String> {
        let written = self.trail.append(line.as_bytes(), clock.wall).and_then(|_| self.trail.sync());
        written.map_err(|error| format!("{}: {error}", self.trail.path().display()))
    }

    fn write_down(&mut self, decision: &mut Decision, budget_remaining: Option<u64>) {
        self.saved.unit.clone_from(&self.config.loop_.unit);
        self.saved.once = self.once;
        self.saved.note(decision, budget_remaining, Time::now());
        if self.dry {
            return;
        }
        if let Err(why) = self.saved.write(&self.state_file) {
            decision.add(Some(Finding {
                severity: Severity::Warn,
                code: "state_unwritable",
                reason: format!("{why}; the exporter does not see this evaluation"),
                hint: "is the disk full, and may this user write to the runtime directory?".into(),
            }));
        }
    }
}

/// The hash of what the heartbeat holds; `None` when that could not be read.
fn fingerprint(heartbeat: &Reading<Heartbeat>, file: impl FnOnce() -> PathBuf) -> Option<u64> {
    let mut hasher = DefaultHasher::new();
    match heartbeat {
        Reading::Observed(heartbeat) => format!("{heartbeat:?}").hash(&mut hasher),
        Reading::Failed(Failure { kind: FailureKind::Malformed, .. }) => {
            let (bytes, _) = read_bounded("heartbeat", &file(), MAX_HEARTBEAT).observed()?.clone();
            bytes.hash(&mut hasher);
        }
        Reading::Failed(_) | Reading::Missing(_) => return None,
    }
    Some(hasher.finish())
}

/// A restart that did not bring the loop back, until a later one does or a person resets.
fn did_not_take(trail: &Trail) -> Option<Finding> {
    let last = trail.last_restart().filter(|last| last.outcome == RestartOutcome::DidNotTake)?;
    Some(Finding {
        severity: Severity::Crit,
        code: "did_not_take",
        reason: format!("the last restart, {}, did not bring the loop back", crate::words::ago(Time::now(), last.at)),
        hint: "start the loop by hand and read its journal, then `autoswe-watchdog reset`".into(),
    })
}

/// When the process `pid` started, in clock ticks since boot; `None` when it is gone.
pub(super) fn start_of(pid: i32) -> Option<u64> {
    let stat = procfs::process::Process::new(pid).and_then(|process| process.stat()).ok()?;
    (!matches!(stat.state, 'Z' | 'X' | 'x')).then_some(stat.starttime)
}
