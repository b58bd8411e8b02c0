//! Some days of a loop's life, told through the real state, checks and recorder: the same for the same seed.
//!
//! It looks once a minute. Now and then the loop falls silent until the watchdog restarts it, a phase is slow, the model
//! server stalls or goes away, a GPU runs hot, the site or the reviews are late, the disk fills, the exporter is down.

use std::io::Write;

use autoswe_exporter::assessment::{Thresholds, assess};
use autoswe_exporter::config::Config;
use autoswe_exporter::config::value::Seconds;
use autoswe_exporter::observation::*;
use autoswe_exporter::sink::system_state::{Schedule, record};
use autoswe_exporter::state::State;
use jiff::SignedDuration;

/// Seconds between two looks.
const STEP: i64 = 60;

/// Numbers that look random (xorshift).
struct Chance(u64);

impl Chance {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    /// From 0 up to `below`.
    fn below(&mut self, below: u64) -> u64 {
        self.next() % below
    }

    /// True once in `every` times, on average.
    fn once_in(&mut self, every: u64) -> bool {
        self.below(every) == 0
    }
}

/// Something that goes on until a minute.
#[derive(Default)]
struct Trouble {
    silent: Option<i64>,
    stalled: Option<i64>,
    away: Option<i64>,
    hot: Option<i64>,
    late: Option<i64>,
    down: Option<i64>,
}

/// The loop and its machine.
struct Life {
    chance: Chance,
    trouble: Trouble,
    minute: i64,
    start: Time,
    beat: Time,
    phase: i64,
    tokens: f64,
    green: u64,
    verdicts: Vec<Verdict>,
    site: Time,
    review: (Time, f64),
    restart: Option<Restart>,
}

/// Writes `days` days of records that end at `end`; how many.
pub(crate) fn write(out: &mut impl Write, days: i64, seed: u64, end: Time) -> std::io::Result<u64> {
    let config = config();
    let thresholds = Thresholds::new(&config, true);
    let start = end - SignedDuration::from_hours(24 * days);
    let mut life = Life::new(start, seed);
    let mut state = State::new(&config, start);
    let mut schedule = Schedule::new(&config.system_state);
    let mut lines = 0;
    for minute in 0..days * 24 * 60 {
        let now = life.live(minute);
        if life.trouble.down.is_some() {
            continue;
        }
        life.observations(now).into_iter().for_each(|observation| state.apply(observation));
        let assessment = assess(&state, &thresholds, now);
        if schedule.due(now, assessment.severity) {
            schedule.note(now, assessment.severity);
            let record = record(&state, &assessment, now);
            serde_json::to_writer(&mut *out, &record)?;
            out.write_all(b"\n")?;
            lines += 1;
        }
    }
    Ok(lines)
}

/// The defaults, read once a minute.
pub(crate) fn config() -> Config {
    let mut config = Config::default();
    let minute = Seconds(STEP as f64);
    config.loop_.interval = minute;
    config.subagents.interval = minute;
    config.vllm.interval = minute;
    config.gpu.interval = minute;
    config.parity.interval = minute;
    config.verdicts.interval = minute;
    config.site.interval = minute;
    config.review.interval = minute;
    config.watchdog.interval = minute;
    config.host.interval = minute;
    config
}

impl Life {
    fn new(start: Time, seed: u64) -> Self {
        Life {
            chance: Chance(seed | 1),
            trouble: Trouble::default(),
            minute: 0,
            start,
            beat: start,
            phase: 0,
            tokens: 0.0,
            green: 400,
            verdicts: Vec::new(),
            site: start,
            review: (start, 80.0),
            restart: None,
        }
    }

    fn live(&mut self, minute: i64) -> Time {
        self.minute = minute;
        // An exporter does not judge on the second.
        let now = self.start + SignedDuration::from_millis(minute * STEP * 1000 + 123);
        self.troubles(minute);
        if self.trouble.silent.is_none() {
            self.beat = now - SignedDuration::from_millis(self.chance.below(5000) as i64);
            self.phase = if self.chance.once_in(4) { minute } else { self.phase };
        } else if seconds_since(now, self.beat) > 960.0 && self.trouble.stalled.is_none() {
            // The watchdog's work.
            self.restart = Some(Restart { at: now, outcome: RestartOutcome::Took, reason: None });
            (self.trouble.silent, self.phase) = (None, minute);
        }
        self.tokens += if self.trouble.stalled.is_some() { 0.0 } else { 12_000.0 };
        if minute % 23 == 0 && self.trouble.silent.is_none() {
            let accepted = !self.chance.once_in(4);
            self.green += u64::from(accepted && self.chance.once_in(9));
            let verdict = if accepted { "ACCEPT" } else { "REVERT" };
            self.verdicts.push(Verdict { at: Some(now), verdict: verdict.into(), ..Verdict::default() });
            self.verdicts.drain(..self.verdicts.len().saturating_sub(5));
        }
        if self.trouble.late.is_none() && minute % 30 == 0 {
            self.site = now;
        }
        if self.trouble.late.is_none() && minute % 60 == 0 {
            self.review = (now, 55.0 + self.chance.below(40) as f64);
        }
        now
    }

    fn troubles(&mut self, minute: i64) {
        let chance = &mut self.chance;
        let mut happen = |trouble: &mut Option<i64>, every: u64, least: i64, most: u64| match *trouble {
            Some(until) if minute >= until => *trouble = None,
            None if chance.once_in(every) => *trouble = Some(minute + least + chance.below(most) as i64),
            _ => {}
        };
        happen(&mut self.trouble.silent, 2500, 4, 60);
        happen(&mut self.trouble.stalled, 9000, 1, 6);
        happen(&mut self.trouble.away, 20_000, 2, 30);
        happen(&mut self.trouble.hot, 3000, 5, 60);
        happen(&mut self.trouble.late, 6000, 60, 400);
        happen(&mut self.trouble.down, 40_000, 10, 300);
    }

    fn observations(&mut self, now: Time) -> Vec<Observation> {
        let took = std::time::Duration::from_millis(1);
        let vllm = match self.trouble.away {
            Some(_) => Reading::Failed(Failure::new(FailureKind::Unreachable, "connection refused")),
            None => Reading::Observed(self.vllm()),
        };
        let seen = |data: Data| (data.source(), Reading::Observed(data));
        let readings = [
            seen(self.loop_()),
            seen(self.agents(now)),
            (SourceId::Vllm, vllm),
            seen(self.gpu()),
            seen(Data::Parity(Parity { green: self.green, red: 600 - self.green.min(600), ..Parity::default() })),
            seen(Data::Verdicts(Verdicts { recent: self.verdicts.clone(), malformed_lines: 0 })),
            seen(Data::Site(Site { built_at: Some(self.site), data_at: Some(self.site), synthesis: None })),
            seen(self.reviews()),
            seen(self.watchdog(now)),
            seen(self.host()),
        ];
        readings.into_iter().map(|(source, reading)| Observation { source, at: now, took, reading }).collect()
    }

    fn minute(&self, minute: i64) -> Time {
        self.start + SignedDuration::from_secs(minute * STEP)
    }

    fn loop_(&self) -> Data {
        let heartbeat = Heartbeat {
            at: Some(self.beat),
            epoch: Some(3),
            iteration: Some(self.minute.unsigned_abs() / 23),
            vertex: Some("implement".into()),
            // Nothing excuses a loop that falls silent between two phases.
            phase: Some(if self.trouble.silent.is_some() { "idle" } else { "writer" }.into()),
            phase_started_at: Some(self.minute(self.phase)),
            invocation_id: Some("5ca1ab1e5ca1ab1e5ca1ab1e5ca1ab1e".into()),
            ..Heartbeat::default()
        };
        let state =
            LoopState { module: Some("core/parser".into()), status: Some("running".into()), ..Default::default() };
        Data::Loop(LoopReading {
            heartbeat: Reading::Observed(heartbeat),
            state: Reading::Observed(state),
            pause: Reading::Observed(Pause::default()),
        })
    }

    fn agents(&self, now: Time) -> Data {
        let started_at = self.minute(self.phase).min(now);
        let agent = Subagent { pid: 4242, phase: "writer".into(), started_at, command: "claude".into() };
        Data::Subagents(Subagents { agents: vec![agent], processes: 3, ..Subagents::default() })
    }

    fn vllm(&mut self) -> Data {
        let wave = self.chance.below(100) as f64 / 1000.0;
        let engine = Engine {
            model_name: "qwen".into(),
            engine: "0".into(),
            running: Some(4.0),
            waiting: Some(self.chance.below(3) as f64),
            kv_cache_usage: Some(0.2),
            generation_tokens: Some(self.tokens),
            prompt_tokens: Some(self.tokens * 7.0),
            preemptions: Some(0.0),
            ..Engine::default()
        };
        let answered_in = std::time::Duration::from_secs_f64(0.005 + wave);
        Data::Vllm(VllmSample { process_start: Some(1.0), engines: vec![engine], answered_in, ..VllmSample::default() })
    }

    fn gpu(&mut self) -> Data {
        let busy = self.trouble.stalled.is_none() && self.trouble.away.is_none();
        let hot = if self.trouble.hot.is_some() { 22.0 } else { 0.0 };
        let gpu = Gpu {
            uuid: "GPU-5ca1ab1e".into(),
            name: "NVIDIA GB10".into(),
            utilization: Field::Value(if busy { 0.9 + self.chance.below(90) as f64 / 1000.0 } else { 0.3 }),
            sm_clock: Field::Value(2411e6),
            sm_clock_max: Field::Value(3003e6),
            power: Field::Value(43.0 + self.chance.below(900) as f64 / 100.0),
            temperature: Field::Value(62.0 + hot + self.chance.below(5) as f64),
            throttle_reasons: Field::Value(0),
            ..Gpu::default()
        };
        Data::Gpu(GpuReading { driver_version: "580.95.05".into(), gpus: vec![gpu], lost: Vec::new() })
    }

    fn reviews(&self) -> Data {
        let (at, health_score) = self.review;
        let good = GoodReview { verdict: Some("healthy".into()), ..GoodReview::new(at, health_score) };
        Data::Review(Review { last_good: Some(good), last_attempt_at: Some(at), ..Review::default() })
    }

    fn watchdog(&self, now: Time) -> Data {
        Data::Watchdog(WatchdogReading {
            last_evaluation_at: Some(now - SignedDuration::from_secs(20)),
            budget_remaining: Some(3),
            decision: Some("ok".into()),
            last_restart: self.restart.clone(),
            ..WatchdogReading::default()
        })
    }

    fn host(&mut self) -> Data {
        let used = self.chance.below(10) << 30;
        Data::Host(Host {
            memory_total: Some(120 << 30),
            memory_available: Some((60 << 30) - used),
            swap_total: Some(8 << 30),
            swap_free: Some(8 << 30),
            memory_pressure_some: Some(0.01),
            memory_pressure_full: Some(0.0),
            disk_total: Some(900 << 30),
            disk_available: Some(300 << 30),
            booted_at: Some(self.start - SignedDuration::from_hours(100)),
        })
    }
}
