//! A model of loop, systemd, clocks and a machine that sleeps, reboots and kills the watchdog, in which the watchdog's
//! own code remembers, decides, writes its trail and reads it again.
//!
//! Time passes in steps of 5 s. The properties are judged by the model's real time, which no clock of it shows.

use proptest::prelude::*;

use super::super::clock::Clock;
use super::super::decide::{Dependency, Rules};
use super::super::memory::{Facts, Memory};
use super::super::reason::Action;
use super::super::trail::{self, Trail};
use super::Evaluation;
use crate::config::Config;
use crate::jsonl::{Line, Tail};
use crate::observation::{Failure, FailureKind, Heartbeat, Pause, Reading, RestartOutcome, Time};
use crate::systemd::{Active, Details, Unit};

const STEP: f64 = 5.0;
const HOUR: f64 = 3600.0;

/// What happens to the world.
#[derive(Debug, Clone, Copy)]
enum Happening {
    Pass(u16),
    Hang,
    Revive,
    /// Every new run hangs from its start.
    Wedge(bool),
    Pause(bool),
    Unlookable(bool),
    Become(Active),
    Job(bool),
    Bus(bool),
    Dependency(bool),
    Blind(bool),
    Heartbeat(Form),
    StepClock(i32),
    Sleep(u32),
    Reboot {
        off: u32,
    },
    Kill(Point),
    WatchdogOff(u16),
    LoseMemory,
    Phase(bool),
}

/// What the heartbeat looks like.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Form {
    Good,
    Missing,
    Garbage,
    Ahead,
}

/// Where the watchdog is killed.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Point {
    BeforeSaving,
    AfterIntent,
    AfterAsking,
    BeforeOutcome,
}

struct World {
    rules: Rules,
    config: Config,
    /// Real time, seconds.
    now: f64,
    booted_at: f64,
    boots: u32,
    asleep: f64,
    wall_ahead: f64,
    /// The unit.
    active: Active,
    job: bool,
    run: u32,
    started_at: f64,
    /// The loop: whether it gives signs of life, and when it last did, in real time.
    beats: bool,
    wedges: bool,
    beat_at: f64,
    beat_wall: Option<f64>,
    phase_at: Option<f64>,
    form: Form,
    paused: bool,
    unlookable: bool,
    bus: bool,
    dependency: bool,
    blind: bool,
    /// The watchdog.
    memory: Memory,
    disk: Option<String>,
    lines: Vec<String>,
    next_evaluation: f64,
    kill: Option<Point>,
    /// What it did, in real time.
    restarts: Vec<f64>,
    broken: Vec<String>,
}

impl World {
    fn new() -> Self {
        let config = Config::default();
        World {
            rules: Rules { loop_: config.checks.loop_.clone(), restart: config.restart.clone() },
            config,
            now: 1e6,
            booted_at: 1e6 - 5000.0,
            boots: 1,
            asleep: 0.0,
            wall_ahead: 1.795e9,
            active: Active::Active,
            job: false,
            run: 1,
            started_at: 1e6 - 4000.0,
            beats: true,
            wedges: false,
            beat_at: 1e6,
            beat_wall: Some(1e6 + 1.795e9),
            phase_at: None,
            form: Form::Good,
            paused: false,
            unlookable: false,
            bus: true,
            dependency: true,
            blind: false,
            memory: Memory::default(),
            disk: None,
            lines: Vec::new(),
            next_evaluation: 1e6,
            kill: None,
            restarts: Vec::new(),
            broken: Vec::new(),
        }
    }

    fn wall(&self) -> f64 {
        self.now + self.wall_ahead
    }

    fn time(seconds: f64) -> Time {
        Time::from_nanosecond((seconds.max(0.0) * 1e9) as i128).unwrap()
    }

    fn happen(&mut self, happening: Happening) {
        match happening {
            Happening::Pass(steps) => (0..steps).for_each(|_| self.step()),
            Happening::Hang => self.beats = false,
            Happening::Revive => self.beats = true,
            Happening::Wedge(on) => self.wedges = on,
            Happening::Pause(on) => self.paused = on,
            Happening::Unlookable(on) => self.unlookable = on,
            Happening::Become(Active::Active) if self.active != Active::Active => self.start(),
            Happening::Become(active) => self.active = active,
            Happening::Job(on) => self.job = on,
            Happening::Bus(on) => self.bus = on,
            Happening::Dependency(on) => self.dependency = on,
            Happening::Blind(on) => self.blind = on,
            Happening::Heartbeat(form) => self.form = form,
            Happening::StepClock(seconds) => self.wall_ahead += f64::from(seconds),
            Happening::Sleep(seconds) => {
                self.now += f64::from(seconds);
                self.asleep += f64::from(seconds);
            }
            Happening::Reboot { off } => self.reboot(f64::from(off)),
            Happening::Kill(point) => self.kill = Some(point),
            Happening::WatchdogOff(steps) => {
                self.killed();
                (0..steps).for_each(|_| self.live());
            }
            Happening::LoseMemory => {
                self.disk = None;
                self.killed();
            }
            Happening::Phase(on) => self.phase_at = on.then_some(self.wall()),
        }
    }

    fn reboot(&mut self, off: f64) {
        self.now += off;
        (self.booted_at, self.asleep, self.boots) = (self.now, 0.0, self.boots + 1);
        (self.bus, self.job) = (true, false);
        self.killed();
        self.start();
    }

    fn start(&mut self) {
        self.active = Active::Active;
        self.run += 1;
        self.started_at = self.now;
        self.beats = !self.wedges;
        self.phase_at = None;
    }

    /// A new watchdog begins with what the old one had saved.
    fn killed(&mut self) {
        self.kill = None;
        self.memory = self.disk.as_ref().map_or_else(Memory::default, |saved| serde_json::from_str(saved).unwrap());
        self.next_evaluation = self.now;
    }

    fn step(&mut self) {
        self.live();
        if self.now >= self.next_evaluation {
            self.next_evaluation = self.now + self.rules.restart.interval.0;
            self.evaluate();
        }
    }

    /// Time passes; the loop gives its sign of life.
    fn live(&mut self) {
        self.now += STEP;
        if self.active == Active::Active && self.beats && !self.paused {
            self.beat_at = self.now;
            self.beat_wall = Some(self.wall());
        }
    }

    fn clock(&self) -> Clock {
        let boottime = self.now - self.booted_at;
        let monotonic = boottime - self.asleep;
        let wall = Self::time(self.wall());
        let mut clock = Clock { wall, boottime, monotonic, lived: boottime, boot_id: format!("boot {}", self.boots) };
        self.memory.set_lived(&mut clock, self.trail().latest_stamp());
        clock
    }

    fn trail(&self) -> Trail {
        let lines = self.lines.iter().map(|line| Line::Text(line.as_bytes().to_vec())).collect();
        Trail::parse(&Tail { lines, ..Tail::default() })
    }

    fn heartbeat(&self) -> (Reading<Heartbeat>, Option<u64>) {
        let invocation_id = Some(format!("run {}", self.run));
        let told = |wall: f64| Heartbeat {
            at: Some(Self::time(wall)),
            phase: self.phase_at.map(|_| "writer".into()),
            phase_started_at: self.phase_at.map(Self::time),
            invocation_id: invocation_id.clone(),
            ..Heartbeat::default()
        };
        let bytes = Some((self.beat_at * 10.0) as u64);
        match (self.form, self.beat_wall) {
            (Form::Missing, _) | (_, None) => (Reading::Missing("none".into()), None),
            (Form::Garbage, _) => (Reading::Failed(Failure::new(FailureKind::Malformed, "cut off")), bytes),
            (Form::Good, Some(wall)) => (Reading::Observed(told(wall)), bytes),
            (Form::Ahead, Some(wall)) => (Reading::Observed(told(wall + 1e5)), bytes),
        }
    }

    fn unit(&self) -> Result<Unit, String> {
        let details = Details {
            invocation: format!("run {}", self.run),
            // systemd's stamps leave the time asleep out.
            started: (self.now - self.started_at - self.asleep).max(0.0),
            result: String::new(),
            retried: true,
            control_group: String::new(),
            stop_timeout: Some(90.0),
        };
        let unit = Unit {
            name: "autoswe.service".into(),
            load: "loaded".into(),
            active: self.active,
            sub: String::new(),
            job: self.job.then(|| "stop".into()),
            since: 0.0,
            details: Some(details),
        };
        if self.bus { Ok(unit) } else { Err("no bus".into()) }
    }

    fn facts(&self) -> Facts {
        let clock = self.clock();
        let (heartbeat, bytes) = self.heartbeat();
        Facts {
            pause: match (self.unlookable, self.paused) {
                (true, _) => Reading::Failed(Failure::new(FailureKind::Unreadable, "a loop of links")),
                (false, true) => Reading::Observed(Pause { soft: Some(clock.wall), hard: None }),
                (false, false) => Reading::Observed(Pause::default()),
            },
            heartbeat,
            bytes,
            unit: self.unit(),
            dependency: Some(match (self.blind, self.dependency) {
                (true, _) => Dependency::Unknown("hangs".into()),
                (false, true) => Dependency::Fine,
                (false, false) => Dependency::Down("vllm".into()),
            }),
            spent: self.trail().spent(&clock, &self.rules.restart),
            trouble: None,
            notes: Vec::new(),
            clock,
        }
    }

    /// As [`Watchdog::evaluate`](super::super::watch::Watchdog::evaluate), with the world in place of the machine.
    fn evaluate(&mut self) {
        let facts = self.facts();
        self.memory.begin(&facts, &self.rules);
        let trail = self.trail();
        let rules = (&self.rules, &self.config.subagents.phases);
        let evaluation = Evaluation::of(&facts, Some(&trail), &mut self.memory, rules);
        if let Some((pending, outcome, reason)) = evaluation.verified {
            if self.kill == Some(Point::BeforeOutcome) {
                return self.killed();
            }
            self.lines.push(trail::outcome(&facts.clock, &pending.id, outcome, &reason, facts.invocation()));
        }
        if evaluation.decision.action == Action::Restart {
            let id = format!("restart {}", self.lines.len());
            self.lines.push(trail::intent(&facts.clock, &id, "silent", "autoswe.service", facts.invocation().unwrap()));
            self.memory.acted();
            if self.kill == Some(Point::AfterIntent) {
                return self.killed();
            }
            self.judge();
            self.restarts.push(self.now);
            self.start();
            if self.kill == Some(Point::AfterAsking) {
                return self.killed();
            }
        }
        if self.kill == Some(Point::BeforeSaving) {
            return self.killed();
        }
        self.disk = Some(serde_json::to_string(&self.memory).unwrap());
    }

    /// Whether a restart may be made now, by what is really so.
    fn judge(&mut self) {
        let silent = self.now - self.beat_at;
        let gates = [
            (!self.paused && !self.unlookable, "a paused loop"),
            (self.active == Active::Active && !self.job, "a unit that does not run"),
            (self.bus, "a unit that was not seen"),
            (self.dependency && !self.blind, "a loop whose dependency is gone"),
            (self.now - self.booted_at > 900.0, "a loop on a machine that has just booted"),
            (self.now - self.started_at > 900.0, "a loop that has just been started"),
            // Without a heartbeat that can be read it is the time since one could be.
            (self.form == Form::Missing || silent > 900.0 - STEP, "a loop that is alive"),
        ];
        let broken = gates.into_iter().filter(|(holds, _)| !holds);
        self.broken.extend(broken.map(|(_, what)| format!("restarted {what} at {}", self.now)));
        let recent = self.restarts.iter().filter(|at| self.now - **at < 6.0 * HOUR).count();
        if recent >= 3 {
            self.broken.push(format!("{} restarts within 6 h at {}", recent + 1, self.now));
        }
    }
}

fn any_happening() -> impl Strategy<Value = Happening> {
    use Happening::*;
    let forms = prop::sample::select(vec![Form::Good, Form::Good, Form::Missing, Form::Garbage, Form::Ahead]);
    let points =
        prop::sample::select(vec![Point::BeforeSaving, Point::AfterIntent, Point::AfterAsking, Point::BeforeOutcome]);
    let states = prop::sample::select(vec![
        Active::Active,
        Active::Active,
        Active::Inactive,
        Active::Failed,
        Active::Activating,
        Active::Deactivating,
    ]);
    prop_oneof![
        8 => (1_u16..400).prop_map(Pass),
        4 => Just(Hang),
        1 => Just(Revive),
        2 => any::<bool>().prop_map(Wedge),
        1 => any::<bool>().prop_map(Pause),
        1 => prop::bool::weighted(0.2).prop_map(Unlookable),
        1 => states.prop_map(Become),
        1 => prop::bool::weighted(0.2).prop_map(Job),
        1 => prop::bool::weighted(0.8).prop_map(Bus),
        1 => prop::bool::weighted(0.8).prop_map(Dependency),
        1 => prop::bool::weighted(0.2).prop_map(Blind),
        1 => forms.prop_map(Heartbeat),
        1 => (-100_000_i32..100_000).prop_map(StepClock),
        1 => (1_u32..100_000).prop_map(Sleep),
        1 => (0_u32..100_000).prop_map(|off| Reboot { off }),
        3 => points.prop_map(Kill),
        1 => (1_u16..400).prop_map(WatchdogOff),
        1 => Just(LoseMemory),
        1 => any::<bool>().prop_map(Phase),
    ]
}

/// Cases of the long form; the short one is what every run of the tests makes.
fn cases(short: u32) -> ProptestConfig {
    let cases = std::env::var("AUTOSWE_MODEL_CASES").ok().and_then(|cases| cases.parse().ok());
    ProptestConfig {
        failure_persistence: None,
        // What happens to a healthy loop is filtered out of what may happen; the long form filters out more.
        max_local_rejects: u32::MAX,
        ..ProptestConfig::with_cases(cases.unwrap_or(short))
    }
}

proptest! {
    #![proptest_config(cases(500))]

    /// Whatever happens: only a loop that is really wedged is restarted, and at most three times in any six hours.
    #[test]
    fn only_a_wedged_loop_is_restarted_and_never_too_often(
        happenings in prop::collection::vec(any_happening(), 1..120),
    ) {
        let mut world = World::new();
        for happening in &happenings {
            world.happen(*happening);
            prop_assert!(world.broken.is_empty(), "{:?}", world.broken);
        }
    }

    /// A loop that gives signs of life is never restarted, whatever happens to the clocks and the watchdog.
    #[test]
    fn a_healthy_loop_is_left_alone(
        happenings in prop::collection::vec(
            any_happening().prop_filter("the loop stays well", |happening| {
                use Happening::*;
                let form = |form: &Form| *form == Form::Missing;
                !matches!(happening, Hang | Wedge(true)) && !matches!(happening, Heartbeat(f) if form(f))
            }),
            1..120,
        ),
    ) {
        let mut world = World::new();
        for happening in &happenings {
            world.happen(*happening);
        }
        prop_assert_eq!(&world.restarts, &Vec::<f64>::new());
    }

    /// A loop that hangs, with nothing that speaks against it, is restarted within 990 s of its last sign of life.
    #[test]
    fn a_hung_loop_is_restarted_in_time(
        lived in 0_u16..500,
        offset in 0_u16..6,
        // What happened before, and is over: killed watchdogs and kept ones alike.
        before in prop::collection::vec(
            prop_oneof![
                Just(Happening::Kill(Point::BeforeSaving)),
                (1_u16..100).prop_map(Happening::Pass),
                (1_u16..30).prop_map(Happening::WatchdogOff),
            ],
            0..10,
        ),
        form in prop::sample::select(vec![Form::Good, Form::Garbage, Form::Ahead]),
    ) {
        let mut world = World::new();
        world.happen(Happening::Heartbeat(form));
        before.into_iter().for_each(|happening| world.happen(happening));
        world.happen(Happening::Pass(lived + offset + 1));
        world.happen(Happening::Hang);
        let beat = world.beat_at;
        while world.restarts.is_empty() && world.now < beat + 2000.0 {
            world.step();
        }
        let after = world.restarts.first().map(|at| at - beat);
        prop_assert!(after.is_some_and(|after| after <= 990.0), "{after:?}");
        // It is verified, and nothing more is done to it.
        world.happen(Happening::Pass(2000));
        prop_assert_eq!(world.restarts.len(), 1);
        let took = Some(RestartOutcome::Took);
        let verified = form == Form::Good;
        prop_assert!(!verified || world.trail().last_restart().map(|last| last.outcome) == took);
    }
}

/// A loop that wedges again after every restart: three tries with growing pauses, then none until the first of them has
/// left the window; after six within a day none at all.
#[test]
fn a_loop_that_wedges_again_and_again_is_given_up() {
    let mut world = World::new();
    world.happen(Happening::Wedge(true));
    world.happen(Happening::Hang);
    let start = world.now;
    (0..(40.0 * HOUR / STEP) as u32).for_each(|_| world.step());
    let hours: Vec<f64> = world.restarts.iter().map(|at| ((at - start) / HOUR * 10.0).round() / 10.0).collect();
    assert_eq!(hours, [0.3, 0.5, 1.0, 6.3, 6.8, 7.3]);
    assert!(world.broken.is_empty(), "{:?}", world.broken);
    let clock = world.clock();
    assert!(world.trail().spent(&clock, &world.rules.restart).unwrap().latched);
    assert_eq!(world.trail().last_restart().unwrap().outcome, RestartOutcome::DidNotTake);
}
