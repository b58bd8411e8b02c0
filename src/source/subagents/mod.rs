//! The loop's sub-agents: processes in the cgroup of the loop's unit, and others that a pattern names.
//!
//! Invariant: command lines are matched and forgotten. They may hold secrets and prompts, so they leave this module
//! in no reading, message or log.

mod cgroup;

use std::cell::OnceCell;
use std::collections::HashMap;
use std::path::PathBuf;
use std::time::Duration;

use jiff::SignedDuration;
use regex::bytes::Regex;

use self::cgroup::UnitCgroup;
use super::Source;
use super::processes::{Identity, Look, Proc, Stat};
use crate::config::{Config, Pattern, SubagentsConfig, UnitManager};
use crate::observation::{Data, Failure, FailureKind, Reading, Subagent, Subagents, Time};

/// Where the kernel shows processes, and who is asking. The default is this machine and this process.
#[derive(Debug, Clone)]
pub struct Places {
    /// The proc file system.
    pub proc: PathBuf,
    /// The root of the cgroup hierarchies.
    pub cgroup: PathBuf,
    /// The process that never counts, nor do its descendants.
    pub own_pid: i32,
    /// The user whose manager is looked at first.
    pub uid: u32,
}

impl Default for Places {
    fn default() -> Self {
        Places {
            proc: "/proc".into(),
            cgroup: "/sys/fs/cgroup".into(),
            own_pid: std::process::id().cast_signed(),
            uid: rustix::process::getuid().as_raw(),
        }
    }
}

/// Finds sub-agents.
#[derive(Debug)]
pub struct SubagentsSource {
    settings: SubagentsConfig,
    patterns: OnceCell<Result<Patterns, String>>,
    unit: UnitCgroup,
    proc: Proc,
    own_pid: i32,
    known: HashMap<i32, Known>,
    ticks_per_second: u64,
}

/// The settings' patterns, compiled at the first reading: a one-shot report that never needs them does not pay.
#[derive(Debug)]
struct Patterns {
    phases: Vec<(String, Regex)>,
    outside: Option<Regex>,
}

/// What the command line of one process said, kept until the process ends or becomes another program.
#[derive(Debug, Clone, PartialEq)]
struct Known {
    identity: Identity,
    class: Class,
}

/// What a command line matches.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
struct Class {
    /// Index of the first phase whose pattern matches.
    phase: Option<usize>,
    /// The pattern for processes outside the cgroup matches.
    outside: bool,
}

/// One living process, as far as the choice of sub-agents needs it.
#[derive(Debug, Clone, PartialEq)]
struct Candidate {
    pid: i32,
    parent: i32,
    start_ticks: u64,
    command: String,
    in_cgroup: bool,
    class: Class,
}

impl SubagentsSource {
    /// A source that looks at this machine.
    pub fn new(config: &Config) -> Self {
        Self::at(config, Places::default())
    }

    /// The same at other places, for tests.
    pub fn at(config: &Config, places: Places) -> Self {
        let user = (config.loop_.unit_manager == UnitManager::User).then_some(places.uid);
        SubagentsSource {
            settings: config.subagents.clone(),
            patterns: OnceCell::new(),
            unit: UnitCgroup::new(places.cgroup, &config.loop_.unit, user),
            proc: Proc::new(places.proc),
            own_pid: places.own_pid,
            known: HashMap::new(),
            ticks_per_second: procfs::ticks_per_second().max(1),
        }
    }

    fn look(&mut self, now: Time) -> Reading<Subagents> {
        if let Err(why) = self.patterns() {
            let message = format!("{why}; correct it in the configuration");
            return Reading::Failed(Failure::new(FailureKind::Malformed, message));
        }
        let members = self.unit.pids();
        let everywhere = match self.settings.outside.is_empty() {
            true => Vec::new(),
            false => match self.proc.pids() {
                Ok(pids) => pids,
                Err(failure) => return Reading::Failed(failure),
            },
        };
        if members.is_none() && self.settings.outside.is_empty() {
            return Reading::Missing(format!(
                "{}; set subagents.outside for a loop without a unit",
                self.unit.absence()
            ));
        }
        let (candidates, hidden) = self.candidates(members.as_deref().unwrap_or_default(), &everywhere);
        let chosen = choose(&candidates, self.own_pid);
        Reading::Observed(Subagents {
            agents: self.agents(&chosen, now),
            cgroup: members.and_then(|_| self.unit.relative()),
            processes: candidates.len() as u64,
            hidden,
        })
    }

    fn patterns(&self) -> &Result<Patterns, String> {
        self.patterns.get_or_init(|| Patterns::compile(&self.settings))
    }

    /// Every living process among `members` of the cgroup and `everywhere`, and how many members /proc hides.
    fn candidates(&mut self, members: &[i32], everywhere: &[i32]) -> (Vec<Candidate>, u64) {
        let mut before = std::mem::take(&mut self.known);
        let mut hidden = 0;
        let mut candidates = Vec::with_capacity(members.len() + everywhere.len());
        let inside = members.iter().map(|&pid| (pid, true));
        let outside = everywhere.iter().filter(|pid| members.binary_search(pid).is_err()).map(|&pid| (pid, false));
        for (pid, in_cgroup) in inside.chain(outside) {
            match self.proc.stat(pid) {
                Look::Alive(stat) => {
                    let class = self.classify(pid, &stat, before.remove(&pid));
                    let (parent, start_ticks) = (stat.parent, stat.identity.start_ticks);
                    let command = stat.identity.command;
                    candidates.push(Candidate { pid, parent, start_ticks, command, in_cgroup, class });
                }
                Look::Hidden => hidden += u64::from(in_cgroup),
                Look::Gone => {}
            }
        }
        (candidates, hidden)
    }

    fn classify(&mut self, pid: i32, stat: &Stat, before: Option<Known>) -> Class {
        if let Some(known) = before.filter(|known| known.identity == stat.identity) {
            let class = known.class;
            self.known.insert(pid, known);
            return class;
        }
        let (Ok(patterns), Some(line)) = (self.patterns(), self.proc.command_line(pid)) else {
            return Class::default();
        };
        let class = patterns.classify(&line);
        // A program that is just being started has no arguments yet: look again. Kernel threads (children of
        // kthreadd, process 2) never have any.
        if !line.is_empty() || matches!(stat.parent, 0 | 2) {
            self.known.insert(pid, Known { identity: stat.identity.clone(), class });
        }
        class
    }

    fn agents(&self, chosen: &[&Candidate], now: Time) -> Vec<Subagent> {
        let since_boot = super::host::since_boot();
        let mut agents: Vec<Subagent> = chosen
            .iter()
            .filter_map(|candidate| {
                let phase = self.settings.phases.0.get(candidate.class.phase?)?.name.clone();
                let started = ticks(candidate.start_ticks, self.ticks_per_second);
                let age = SignedDuration::try_from(since_boot.saturating_sub(started)).ok()?;
                let started_at = now.checked_sub(age).ok()?;
                Some(Subagent { pid: candidate.pid, phase, started_at, command: candidate.command.clone() })
            })
            .collect();
        agents.sort_by_key(|agent| (agent.started_at, agent.pid));
        agents
    }
}

impl Source for SubagentsSource {
    fn read(&mut self, now: Time) -> Reading<Data> {
        self.look(now).map(Data::Subagents)
    }
}

impl Patterns {
    fn compile(settings: &SubagentsConfig) -> Result<Self, String> {
        let compile = |pattern: &Pattern, setting: &str| {
            pattern.compile().map_err(|why| format!("{setting}: {:?} is not a regular expression: {why}", &**pattern))
        };
        let phase = |phase: &crate::config::Phase| {
            Ok((phase.name.clone(), compile(&phase.pattern, &format!("subagents.phases.{}", phase.name))?))
        };
        let outside = match &*settings.outside {
            "" => None,
            _ => Some(compile(&settings.outside, "subagents.outside")?),
        };
        Ok(Patterns { phases: settings.phases.0.iter().map(phase).collect::<Result<_, String>>()?, outside })
    }

    fn classify(&self, command_line: &[u8]) -> Class {
        Class {
            phase: self.phases.iter().position(|(_, pattern)| pattern.is_match(command_line)),
            outside: self.outside.as_ref().is_some_and(|pattern| pattern.is_match(command_line)),
        }
    }
}

/// The processes of a unit, sorted, by its cgroup as systemd tells it (`ControlGroup`), such as
/// `/app.slice/autoswe.service`; none where there is no such cgroup.
pub fn processes_of(control_group: &str) -> Vec<i32> {
    cgroup::pids_of(&Places::default().cgroup, control_group)
}

fn ticks(count: u64, per_second: u64) -> Duration {
    let nanoseconds = (count % per_second) * 1_000_000_000 / per_second;
    Duration::from_secs(count / per_second) + Duration::from_nanos(nanoseconds)
}

/// The sub-agents among `candidates`.
///
/// A sub-agent matches a phase and is in the cgroup, or matches the pattern for processes outside. Not counted are
/// `own_pid` and what it started, the unit's main process (it is the loop; only what it starts are sub-agents), and a
/// process with an ancestor of the same phase, which is a part of that sub-agent.
fn choose(candidates: &[Candidate], own_pid: i32) -> Vec<&Candidate> {
    let by_pid: HashMap<i32, &Candidate> = candidates.iter().map(|candidate| (candidate.pid, candidate)).collect();
    let main = main_process(candidates, &by_pid);
    let eligible = |candidate: &Candidate| {
        let found = candidate.in_cgroup || candidate.class.outside;
        found && candidate.class.phase.is_some() && Some(candidate.pid) != main
    };
    let counts = |candidate: &&Candidate| {
        let mut above = ancestors(candidate, &by_pid);
        let part = |ancestor: &Candidate| {
            ancestor.pid == own_pid || (eligible(ancestor) && ancestor.class.phase == candidate.class.phase)
        };
        // The exporter may be the parent without being a candidate itself.
        eligible(candidate) && candidate.pid != own_pid && candidate.parent != own_pid && !above.any(part)
    };
    candidates.iter().filter(counts).collect()
}

/// The processes above `candidate`, nearest first. The table is not read at one instant, so a process id in it may
/// have been used again; what is younger than its child is no parent, and the length is bounded.
fn ancestors<'a>(
    candidate: &'a Candidate,
    by_pid: &'a HashMap<i32, &'a Candidate>,
) -> impl Iterator<Item = &'a Candidate> {
    let parent = |child: &&'a Candidate| {
        let parent = by_pid.get(&child.parent).copied()?;
        (parent.pid != child.pid && parent.start_ticks <= child.start_ticks).then_some(parent)
    };
    std::iter::successors(Some(candidate), parent).skip(1).take(by_pid.len())
}

/// The unit's main process: the oldest process of the cgroup whose parent is outside of it.
fn main_process(candidates: &[Candidate], by_pid: &HashMap<i32, &Candidate>) -> Option<i32> {
    let inside = |pid: i32| by_pid.get(&pid).is_some_and(|candidate| candidate.in_cgroup);
    let roots = candidates.iter().filter(|candidate| candidate.in_cgroup && !inside(candidate.parent));
    roots.min_by_key(|root| (root.start_ticks, root.pid)).map(|root| root.pid)
}

#[cfg(test)]
mod tests;
