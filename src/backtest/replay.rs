//! A record turned back into what the checks look at, so that `assess` itself judges it.
//!
//! Invariant: nothing here judges. What the record does not hold is either proven by what was found then, or its codes
//! are taken as recorded; [`AS_RECORDED`] and [`Replay::unknown`] name them all.

use jiff::SignedDuration;

use super::found::{Codes, FindingCode, Found};
use super::keys::{Number, Source};
use super::last::Sample;
use super::machine::{gpu_of, rows, standing, vllm_found};
use super::record::{Moment, Told};
use crate::assessment::{Assessment, Thresholds, assess};
use crate::check::CHECKS;
use crate::config::Config;
use crate::journey::last_run::{self, LastRun};
use crate::observation::*;
use crate::state::{Dated, GpuWindow, HeartbeatTrack, ParityTrend, Slot, State, VllmWindow};

/// Findings that no record holds the reasons of, and no limit decides.
pub const AS_RECORDED: [(&str, &str); 9] = [
    ("gpu", "mute"),
    ("watchdog", "unit_not_loaded"),
    ("watchdog", "unit_failed"),
    ("watchdog", "unit_stopped"),
    ("watchdog", "unit_busy"),
    ("watchdog", "bus"),
    ("watchdog", "held"),
    ("watchdog", "history_unreadable"),
    ("watchdog", "left_over"),
];

/// Findings whose reasons only newer recorders write, with the key that an older one lacks.
const SINCE_KEY: [(Number, &str, &str); 7] = [
    (Number::SubagentsHidden, "subagents", "hidden_processes"),
    (Number::VllmOutage, "vllm", "unreachable"),
    (Number::VllmOutage, "vllm", "unanswered"),
    (Number::Standstill, "vllm", "stalled"),
    (Number::GpuFailing, "gpu", "unanswered"),
    (Number::EccGrown, "gpu", "ecc_uncorrected"),
    (Number::ParityFell, "parity", "green_fell"),
];

/// An age that is this close to the one before, grown by the time between, began at the same time, seconds.
const SAME: f64 = 0.1;
/// The most readings or problems that are made up from a count.
const MANY: f64 = 100.0;

/// Judges records again.
#[derive(Debug, Clone)]
pub(super) struct Replay<'a> {
    thresholds: &'a Thresholds,
    state: State,
    as_recorded: Codes,
    since_key: Vec<(Number, Codes)>,
    disabled: Codes,
    enabled: [bool; SourceId::ALL.len()],
}

/// What was found at one instant.
#[derive(Debug)]
pub(super) struct Judged {
    pub(super) found: Found,
    /// Codes of the checks that had no reading yet.
    pub(super) pending: Codes,
    /// Codes that were taken as recorded because the record does not hold their reasons.
    pub(super) unknown: Codes,
    pub(super) assessment: Assessment,
}

/// A record, the one after it, and the instant between them.
#[derive(Debug, Clone, Copy)]
pub(super) struct Instant<'a> {
    pub(super) moment: &'a Moment,
    /// The record after it, where no hole lies between.
    pub(super) next: Option<&'a Moment>,
    /// The samples of the GPU before it.
    pub(super) samples: &'a [Sample],
    pub(super) at: Time,
}

impl Instant<'_> {
    /// When what `number` is the age of began. An age that the next record does not continue stands still.
    fn since(&self, number: Number) -> Option<Time> {
        Some(self.before(number, self.moment.get(number)?))
    }

    fn before(&self, number: Number, age: f64) -> Time {
        let grows = self.at == self.moment.at || continues(self.moment, self.next, number);
        earlier(if grows { self.moment.at } else { self.at }, age)
    }
}

/// Whether `next` shows the age `number` of `moment` grown by the time between them.
pub(super) fn continues(moment: &Moment, next: Option<&Moment>, number: Number) -> bool {
    next.is_some_and(|next| {
        let (Some(age), Some(then)) = (moment.get(number), next.get(number)) else { return false };
        (age + seconds_since(next.at, moment.at) - then).abs() <= SAME
    })
}

/// `age` seconds before `time`, as far as the calendar goes.
fn earlier(time: Time, age: f64) -> Time {
    #[expect(clippy::cast_possible_truncation, reason = "a cast of a float saturates")]
    let age = SignedDuration::from_millis((age * 1000.0).round() as i64);
    time.checked_sub(age).unwrap_or(if age.is_negative() { Time::MAX } else { Time::MIN })
}

impl<'a> Replay<'a> {
    /// Judges by `thresholds`, with the sources that `config` turns on.
    pub(super) fn new(config: &Config, thresholds: &'a Thresholds) -> Self {
        let state = State::new(config, Time::UNIX_EPOCH);
        let enabled = SourceId::ALL.map(|source| state.slot(source).is_enabled());
        let codes =
            |check, code| FindingCode::of(check, code).map(|code| Codes::default().with(code)).unwrap_or_default();
        let off = (0..CHECKS.len()).filter(|place| !enabled[*place]).map(Codes::of_check);
        Replay {
            thresholds,
            state,
            as_recorded: AS_RECORDED.iter().fold(Codes::default(), |all, (check, code)| all.and(codes(check, code))),
            since_key: SINCE_KEY.iter().map(|(key, check, code)| (*key, codes(check, code))).collect(),
            disabled: off.fold(Codes::default(), Codes::and),
            enabled,
        }
    }

    /// What the checks find at `instant`.
    pub(super) fn judge(&mut self, instant: &Instant<'_>) -> Judged {
        self.loop_(instant);
        self.subagents(instant);
        self.vllm(instant);
        self.gpu(instant);
        self.parity(instant);
        self.verdicts(instant);
        self.site_and_review(instant);
        self.watchdog(instant);
        self.host(instant);
        let assessment = assess(&self.state, self.thresholds, instant.at);
        let (found, pending) = Found::of(&assessment);
        let unknown = self.unknown(instant.moment);
        let recorded = self.as_recorded.and(unknown).without(self.disabled);
        Judged { found: found.taking(recorded, instant.moment.recorded), pending, unknown, assessment }
    }

    /// Codes whose reasons this record does not hold, though others may.
    fn unknown(&self, moment: &Moment) -> Codes {
        let mut unknown = Codes::default();
        for place in 0..CHECKS.len() {
            if moment.told[place] == Told::Absent {
                unknown = unknown.and(Codes::of_check(place));
            }
        }
        for (key, codes) in &self.since_key {
            if !moment.has(*key) {
                unknown = unknown.and(*codes);
            }
        }
        let mut add = |check, code| unknown = FindingCode::of(check, code).map_or(unknown, |code| unknown.with(code));
        if moment.told(Source::LoopState) == Told::Absent {
            add("loop", "state_malformed");
            add("loop", "state_vanished");
        }
        if !moment.has(Number::Once) {
            add("watchdog", "stale");
        }
        let observed = [Source::Gpu, Source::Vllm].into_iter().all(|source| moment.told(source) == Told::Observed);
        if moment.get(Number::Gpus).is_some_and(|gpus| gpus > 1.0) || moment.told(Source::Gpu) != Told::Observed {
            add("gpu", "silent_cap");
            add("gpu", "idle");
        } else if !observed {
            add("gpu", "idle");
        }
        if !moment.has(Number::HeartbeatExcused) || moment.told(Source::Loop) == Told::Absent {
            unknown = unknown.with(FindingCode::RESTART);
        }
        unknown
    }

    fn loop_(&mut self, instant: &Instant<'_>) {
        let moment = instant.moment;
        let beat_at = instant.since(Number::HeartbeatAge);
        // Nobody asks for the phase of a loop that beats.
        let limits = &self.thresholds.limits.loop_;
        let young = limits.warn.0.min(limits.crit.0);
        let silent = beat_at.is_none_or(|beat_at| seconds_since(instant.at, beat_at) > young);
        let phase = moment.phase.filter(|_| silent);
        let phase = phase.and_then(|place| self.thresholds.phases.0.get(usize::from(place)));
        let heartbeat = Heartbeat {
            at: beat_at,
            phase: phase.map(|phase| phase.name.clone()),
            phase_started_at: instant.since(Number::PhaseAge),
            ..Heartbeat::default()
        };
        let changed_at = instant.since(Number::HeartbeatChanged);
        self.state.last_heartbeat =
            (heartbeat.at.is_some() || changed_at.is_some()).then_some(Dated { at: instant.at, value: heartbeat });
        self.state.heartbeat_track = HeartbeatTrack { changed_at, excused_at: instant.since(Number::HeartbeatExcused) };
        let since = instant.since(Number::PausedSeconds).filter(|_| moment.is(Number::Paused));
        let pause = if moment.is(Number::PausedHard) {
            Pause { soft: None, hard: since }
        } else {
            Pause { soft: since, hard: None }
        };
        let reading = LoopReading {
            heartbeat: reading(moment.told(Source::Heartbeat), Heartbeat { at: beat_at, ..Heartbeat::default() }),
            state: reading(moment.told(Source::LoopState), LoopState::default()),
            pause: reading(moment.told(Source::Pause), pause),
        };
        let vanished = moment.recorded.warn.has(code("loop", "state_vanished"));
        self.state.loop_state_seen_at = vanished.then_some(moment.at);
        let known = moment.told(Source::Heartbeat) != moment.told(Source::Loop);
        self.set(SourceId::Loop, instant, Outcome::new(known), |state| &mut state.loop_, reading);
    }

    fn subagents(&mut self, instant: &Instant<'_>) {
        let moment = instant.moment;
        let phases = &self.thresholds.phases.0;
        let agent = |(place, age): &(u8, f64)| {
            let phase = phases.get(usize::from(*place))?;
            let started_at = self.agent_since(instant, *place, *age);
            Some(Subagent { pid: 0, phase: phase.name.clone(), started_at, command: "sub-agent".into() })
        };
        let found = Subagents {
            agents: moment.agents.iter().filter_map(agent).collect(),
            hidden: whole(moment.get(Number::SubagentsHidden)).unwrap_or(0),
            ..Subagents::default()
        };
        let known = moment.get(Number::SubagentsHidden).is_some();
        self.set(SourceId::Subagents, instant, Outcome::new(known), |state| &mut state.subagents, found);
    }

    fn agent_since(&self, instant: &Instant<'_>, place: u8, age: f64) -> Time {
        let then = instant.next.and_then(|next| next.agents.iter().find(|(known, _)| *known == place));
        let grown = instant.next.map_or(0.0, |next| seconds_since(next.at, instant.moment.at));
        let grows = then.is_some_and(|(_, then)| (age + grown - then).abs() <= SAME);
        earlier(if grows { instant.moment.at } else { instant.at }, age)
    }

    fn vllm(&mut self, instant: &Instant<'_>) {
        let moment = instant.moment;
        let mut window = VllmWindow::new(self.thresholds.limits.vllm.stall_warn.0);
        let still = instant.since(Number::Standstill).zip(instant.since(Number::StandstillSeen));
        for at in still.into_iter().flat_map(|(since, seen)| [since, seen]) {
            window.push(at, &standing(moment));
        }
        let told = moment.told(Source::Vllm);
        if let Told::Failed(kind) = told {
            if vllm_found(moment.recorded) {
                window.failed(instant.at, FailureKind::TimedOut);
            }
            let since = instant.since(Number::VllmOutage).or(instant.since(Number::VllmFailing));
            window.failed(since.unwrap_or(instant.at), kind);
        }
        self.state.vllm_window = window;
        let answered_in = moment.get(Number::VllmAnswer).unwrap_or(0.0).clamp(0.0, 1e6);
        let answered_in = std::time::Duration::from_secs_f64(answered_in);
        let value = VllmSample { answered_in, ..VllmSample::default() };
        let outcome = Outcome {
            known: told.keeps_last() || moment.recorded.warn.has(code("vllm", "vanished")),
            since: instant.since(Number::VllmFailing),
            count: 1,
        };
        self.set(SourceId::Vllm, instant, outcome, |state| &mut state.vllm, value);
    }

    fn gpu(&mut self, instant: &Instant<'_>) {
        let moment = instant.moment;
        let gpu = gpu_of(instant);
        let mut window = GpuWindow::default();
        if let Some(grown) = instant.since(Number::EccGrown) {
            for (at, count) in [(earlier(grown, 0.001), 0), (grown, 1)] {
                let gpu = Gpu { ecc_uncorrected: Field::Value(count), ..Gpu::default() };
                window.push(at, &GpuReading { gpus: vec![gpu], ..GpuReading::default() });
            }
        }
        if self.is_of_interest(moment) {
            window = rows(window, instant);
        }
        let lost = whole(moment.get(Number::GpusLost)).unwrap_or(0);
        let missed = moment.told(Source::Gpu) == Told::Observed && moment.recorded.crit.has(code("gpu", "gpu_lost"));
        let lost = (0..lost.min(64).max(u64::from(missed))).map(|index| (index as u32 + 64, "lost".to_owned()));
        let gpus = if moment.get(Number::Gpus).is_some_and(|gpus| gpus > 0.0) { vec![gpu] } else { Vec::new() };
        let reading = GpuReading { gpus, lost: lost.collect(), ..GpuReading::default() };
        window.push(instant.at, &reading);
        self.state.gpu_window = window;
        let gone =
            moment.recorded.crit.has(code("gpu", "library_gone")) || moment.recorded.crit.has(code("gpu", "no_gpu"));
        let known = match moment.told(Source::Gpu) {
            Told::Missing => gone,
            Told::Failed(FailureKind::NoGpu) => gone,
            _ => moment.get(Number::Gpus).is_some(),
        };
        let outcome = Outcome { known, since: instant.since(Number::GpuFailing), count: 1 };
        self.set(SourceId::Gpu, instant, outcome, |state| &mut state.gpu, reading);
    }

    /// Whether a condition that counts once it lasts may hold; only then are the samples before it looked at.
    fn is_of_interest(&self, moment: &Moment) -> bool {
        let limits = &self.thresholds.limits.gpu;
        let (Some(busy), clock) = (moment.get(Number::Utilization), moment.get(Number::ClockRatio)) else {
            return false;
        };
        let capped = busy >= limits.cap_utilization.0 && clock.is_some_and(|clock| clock < limits.cap_clock.0);
        capped || busy < limits.idle_utilization.0
    }

    fn parity(&mut self, instant: &Instant<'_>) {
        let moment = instant.moment;
        let count = |number| whole(moment.get(number)).unwrap_or(0);
        let parity = Parity {
            green: count(Number::Green),
            red: count(Number::Red),
            manual: count(Number::Manual),
            not_applicable: count(Number::NotApplicable),
            unknown: count(Number::Unknown),
            duplicate_keys: count(Number::DuplicateKeys),
            ..Parity::default()
        };
        let mut trend = ParityTrend::default();
        if let (Some(at), Some(from)) = (instant.since(Number::ParityFell), whole(moment.get(Number::ParityFellFrom))) {
            trend.push(at, &Parity { green: from, ..parity });
            trend.push(at, &parity);
        }
        self.state.parity_trend = trend;
        let count = whole(moment.get(Number::ParityFailed)).unwrap_or(1);
        let outcome = Outcome { known: moment.get(Number::Green).is_some(), since: None, count };
        self.set(SourceId::Parity, instant, outcome, |state| &mut state.parity, parity);
    }

    fn verdicts(&mut self, instant: &Instant<'_>) {
        let moment = instant.moment;
        let last = moment.verdicts.len().saturating_sub(1);
        let verdict = |(place, word): (usize, &Option<&'static str>)| Verdict {
            at: if place == last { instant.since(Number::VerdictAge) } else { None },
            verdict: word.unwrap_or("other").to_owned(),
            ..Verdict::default()
        };
        let malformed = whole(moment.get(Number::VerdictsMalformed));
        let verdicts = Verdicts {
            recent: moment.verdicts.iter().enumerate().map(verdict).collect(),
            malformed_lines: malformed.unwrap_or(0),
        };
        let outcome = Outcome::new(malformed.is_some());
        self.set(SourceId::Verdicts, instant, outcome, |state| &mut state.verdicts, verdicts);
    }

    fn site_and_review(&mut self, instant: &Instant<'_>) {
        let moment = instant.moment;
        let built_at = instant.since(Number::SiteAge);
        // Whether the site is in step is told by the two ages together.
        let behind = moment.get(Number::SiteAge).zip(moment.get(Number::SiteDataAge)).map(|(site, data)| site - data);
        let data_at = built_at.zip(behind).map(|(built_at, behind)| earlier(built_at, -behind));
        let ended = |number, outcome| instant.since(number).map(|at| LastRun::new(at, outcome));
        let synthesis = ended(Number::SiteRefused, last_run::Outcome::Refused)
            .or_else(|| ended(Number::SiteFailed, last_run::Outcome::Failed));
        let outcome = Outcome::new(built_at.is_some() || synthesis.is_some());
        let site = Site { built_at, data_at, synthesis };
        self.set(SourceId::Site, instant, outcome, |state| &mut state.site, site);
        let good = instant.since(Number::ReviewAge).zip(moment.get(Number::ReviewScore));
        let failed = whole(moment.get(Number::FailedAttempts));
        let review = Review {
            last_good: good.map(|(at, health_score)| GoodReview::new(at, health_score)),
            last_attempt_at: instant.since(Number::AttemptAge),
            failed_since: failed.unwrap_or(0),
            ..Review::default()
        };
        self.set(SourceId::Review, instant, Outcome::new(failed.is_some()), |state| &mut state.review, review);
    }

    fn watchdog(&mut self, instant: &Instant<'_>) {
        let moment = instant.moment;
        let restart = instant.since(Number::RestartAge).zip(moment.outcome);
        let problems = moment.get(Number::Problems);
        let reading = WatchdogReading {
            last_evaluation_at: instant.since(Number::EvaluationAge),
            budget_remaining: whole(moment.get(Number::Budget)),
            once: moment.is(Number::Once),
            last_restart: restart.map(|(at, outcome)| Restart { at, outcome, reason: None }),
            problems: (0..whole(problems.map(|count| count.min(MANY))).unwrap_or(0))
                .map(|_| "one of its files could not be read".to_owned())
                .collect(),
            ..WatchdogReading::default()
        };
        let outcome = Outcome::new(problems.is_some());
        self.set(SourceId::Watchdog, instant, outcome, |state| &mut state.watchdog, reading);
    }

    fn host(&mut self, instant: &Instant<'_>) {
        let moment = instant.moment;
        let bytes = |number| whole(moment.get(number));
        let host = Host {
            memory_total: bytes(Number::MemoryTotal),
            memory_available: bytes(Number::MemoryAvailable),
            memory_pressure_full: moment.get(Number::PressureFull),
            disk_total: bytes(Number::DiskTotal),
            disk_available: bytes(Number::DiskAvailable),
            booted_at: instant.since(Number::Uptime),
            ..Host::default()
        };
        let known = host != Host::default();
        self.set(SourceId::Host, instant, Outcome::new(known), |state| &mut state.host, host);
    }

    /// Sets one slot to how the source went.
    fn set<T>(
        &mut self,
        source: SourceId,
        instant: &Instant<'_>,
        outcome: Outcome,
        slot: impl Fn(&mut State) -> &mut Slot<T>,
        value: T,
    ) {
        let told = instant.moment.told[source.index()];
        let enabled = self.enabled[source.index()] && !matches!(told, Told::Disabled | Told::Absent);
        // The record says itself what was stale then; the time that passed since is not the source's.
        let slot = slot(&mut self.state);
        *slot = Slot::new(enabled, if told == Told::Stale { -1.0 } else { f64::INFINITY });
        let has_last = match told {
            Told::Observed | Told::Stale => true,
            Told::Missing | Told::Failed(_) => outcome.known,
            Told::Pending | Told::Disabled | Told::Absent => false,
        };
        if has_last {
            slot.observed(instant.at, value);
        }
        match told {
            Told::Missing => crate::state::AnySlot::missing(slot, format!("{source}: nothing there")),
            Told::Failed(kind) => {
                let failure = Failure::new(kind, format!("{source}: {}", kind.name().replace('_', " ")));
                slot.failed_since(failure, outcome.since.unwrap_or(instant.at), outcome.count);
            }
            _ => {}
        }
    }
}

/// What is known of a reading that gave nothing.
struct Outcome {
    /// Whether something was read before.
    known: bool,
    since: Option<Time>,
    count: u64,
}

impl Outcome {
    fn new(known: bool) -> Self {
        Outcome { known, since: None, count: 1 }
    }
}

fn reading<T>(told: Told, value: T) -> Reading<T> {
    match told {
        Told::Observed | Told::Stale => Reading::Observed(value),
        Told::Failed(kind) => Reading::Failed(Failure::new(kind, kind.name().replace('_', " "))),
        Told::Absent | Told::Missing | Told::Pending | Told::Disabled => Reading::Missing("it is not there".into()),
    }
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a cast of a float saturates")]
pub(super) fn whole(number: Option<f64>) -> Option<u64> {
    number.map(|number| number as u64)
}

/// A code that exists, as a test of this module holds.
fn code(check: &str, code: &str) -> FindingCode {
    FindingCode::of(check, code).unwrap_or(FindingCode::RESTART)
}
