//! The story: six chapters, told over and over, and what the world looks like at each instant of them.
//!
//! Invariant: pure. The same elapsed time gives the same scene, and what counts up never goes down.

use std::time::Duration;

use super::gpu;
use crate::assessment::Severity;
use crate::observation::{GpuReading, Parity};

/// One part of the story.
#[derive(Debug, PartialEq)]
pub struct Chapter {
    /// What happens, in a few words.
    pub title: &'static str,
    /// What an onlooker will see, in a line.
    pub what_you_will_see: &'static str,
    /// How long it lasts at speed 1, seconds.
    pub seconds: f64,
    /// What is wrong in the world.
    pub mood: Mood,
    /// What the exporter says when the chapter ends.
    pub expected: Expected,
    /// Seconds of an undisturbed loop's work that get done.
    work: f64,
    /// Tokens that vLLM generates in a second.
    token_rate: f64,
    /// Power the GPU draws, watts.
    pub(super) power: f64,
    /// Temperature that the GPU comes to, degrees Celsius.
    pub(super) temperature: f64,
}

/// What is wrong in the world.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mood {
    /// Nothing.
    Healthy,
    /// The loop hangs: no heartbeat, no request.
    LoopHung,
    /// vLLM hangs with requests running; the loop lives and waits for it.
    ModelStalled,
    /// The GPU is too hot and slows down.
    GpuHot,
}

/// What the exporter says at the end of a chapter.
#[derive(Debug, PartialEq)]
pub struct Expected {
    /// The severity over all checks.
    pub severity: Severity,
    /// Findings that must be there: check, code and severity. Others may be, up to `severity`.
    pub findings: &'static [(&'static str, &'static str, Severity)],
}

const QUIET: Expected = Expected { severity: Severity::Ok, findings: &[] };

const CHAPTERS: [Chapter; 6] = [
    Chapter {
        title: "A healthy loop",
        what_you_will_see: "everything OK: the heartbeat is fresh, tokens flow, a verdict comes every ten seconds",
        seconds: 15.0,
        mood: Mood::Healthy,
        expected: QUIET,
        work: 15.0,
        token_rate: 212.0,
        power: 61.0,
        temperature: 64.0,
    },
    Chapter {
        title: "The heartbeat stops",
        what_you_will_see: "check loop turns WARN, then CRIT, and /livez answers 503: this loop must be restarted",
        seconds: 18.0,
        mood: Mood::LoopHung,
        expected: Expected { severity: Severity::Crit, findings: &[("loop", "heartbeat_old", Severity::Crit)] },
        // The hung iteration is given up at the restart: its rest counts as done.
        work: 5.0,
        token_rate: 0.0,
        power: 9.0,
        temperature: 44.0,
    },
    Chapter {
        title: "The watchdog restarted it",
        what_you_will_see: "OK again; the lost iteration stands there as WEDGED_NO_VERDICT",
        seconds: 12.0,
        mood: Mood::Healthy,
        expected: QUIET,
        work: 12.0,
        token_rate: 212.0,
        power: 61.0,
        temperature: 64.0,
    },
    Chapter {
        title: "vLLM stalls",
        what_you_will_see: "requests run and no token comes: check vllm turns WARN, then CRIT, though /health says 200",
        seconds: 18.0,
        mood: Mood::ModelStalled,
        expected: Expected { severity: Severity::Crit, findings: &[("vllm", "stalled", Severity::Crit)] },
        work: 0.0,
        token_rate: 0.0,
        power: 13.0,
        temperature: 48.0,
    },
    Chapter {
        title: "The GPU throttles",
        what_you_will_see: "tokens flow again, but slowly: check gpu turns WARN and names heat as the reason",
        seconds: 18.0,
        mood: Mood::GpuHot,
        expected: Expected { severity: Severity::Warn, findings: &[("gpu", "throttled", Severity::Warn)] },
        work: 8.0,
        token_rate: 84.0,
        power: 38.0,
        temperature: 93.0,
    },
    Chapter {
        title: "Recovery",
        what_you_will_see: "the GPU cools down, the speed is back, everything OK; then the story starts over",
        seconds: 10.0,
        mood: Mood::Healthy,
        expected: QUIET,
        work: 10.0,
        token_rate: 212.0,
        power: 61.0,
        temperature: 64.0,
    },
];

/// Seconds of work in one iteration, and where in them the writer and the judge begin.
const ITERATION: f64 = 10.0;
const WRITER_FROM: f64 = 2.0;
const JUDGE_FROM: f64 = 7.0;

/// Outcomes of iterations, over and over. The chapters hold work for as many iterations as there are outcomes, and
/// the loop hangs in the second one.
const OUTCOMES: [&str; 5] = ["ACCEPT", "WEDGED_NO_VERDICT", "ACCEPT", "REVERT", "ACCEPT"];

/// Iterations that lie before the story.
pub(super) const BACKLOG: u64 = 36;

/// The parity matrix: cells in all, those that a person judges, those that do not apply, and the green ones when the
/// story starts.
pub(super) const CELLS: u64 = 480;
const MANUAL: u64 = 12;
const NOT_APPLICABLE: u64 = 10;
const FIRST_GREEN: u64 = 301;

const MODULES: [&str; 8] = ["lexer", "parser", "resolver", "types", "lowering", "optimizer", "linker", "runtime"];

/// The story at some speed.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Story {
    speed: f64,
}

/// What the world looks like at one instant.
#[derive(Debug, Clone, PartialEq)]
pub struct Scene {
    /// Seconds since the loop's last sign of life; 0 while it lives.
    pub heartbeat_age: f64,
    /// The round within the run.
    pub iteration: u64,
    /// planner, writer or judge.
    pub phase: &'static str,
    /// The module being worked on.
    pub module: &'static str,
    /// Iterations finished since the story's start.
    pub finished: u64,
    /// Restarts by the watchdog since the story's start.
    pub restarts: u64,
    /// The parity matrix.
    pub parity: Parity,
    /// The GPU.
    pub gpu: GpuReading,
    /// The model server.
    pub model: Model,
}

/// The model server at one instant.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Model {
    /// Requests in execution batches.
    pub running: u32,
    /// Requests waiting.
    pub waiting: u32,
    /// Tokens generated at the usual speed since the server's start.
    pub tokens: f64,
    /// Tokens generated while the GPU was throttled.
    pub slow_tokens: f64,
    /// True while it hangs: nothing moves, and a request gets no answer.
    pub stalled: bool,
    /// Tokens per second that one request gets.
    pub pace: f64,
}

/// A place in the story.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Moment {
    round: u64,
    chapter: usize,
    /// Seconds into the chapter, at speed 1.
    into: f64,
}

impl Story {
    /// The lowest speed: a round of 7.6 min.
    pub const SLOWEST: f64 = 0.2;
    /// The highest speed: a round of 23 s. Faster, the sources would not keep up.
    pub const FASTEST: f64 = 4.0;

    /// The story at `speed` times its usual pace, within [`Story::SLOWEST`] and [`Story::FASTEST`].
    pub fn new(speed: f64) -> Self {
        let speed = if speed.is_finite() { speed.clamp(Self::SLOWEST, Self::FASTEST) } else { 1.0 };
        Story { speed }
    }

    /// How many times faster than usual it is told.
    pub fn speed(&self) -> f64 {
        self.speed
    }

    /// The chapters in their order.
    pub fn chapters(&self) -> &'static [Chapter] {
        &CHAPTERS
    }

    /// How long `chapter` lasts at this speed.
    pub fn length(&self, chapter: &Chapter) -> Duration {
        Duration::from_secs_f64(chapter.seconds / self.speed)
    }

    /// How long it takes until the story starts over.
    pub fn round(&self) -> Duration {
        Duration::from_secs_f64(per_round(|chapter| chapter.seconds) / self.speed)
    }

    /// The chapter that is told `elapsed` after the start.
    pub fn chapter(&self, elapsed: Duration) -> &'static Chapter {
        &CHAPTERS[self.moment(elapsed).chapter]
    }

    /// What the world looks like `elapsed` after the start.
    pub fn scene(&self, elapsed: Duration) -> Scene {
        let moment = self.moment(elapsed);
        let chapter = &CHAPTERS[moment.chapter];
        let work = moment.total(|chapter| chapter.work, work_done);
        let (finished, within) = ((work / ITERATION) as u64, work % ITERATION);
        Scene {
            heartbeat_age: if chapter.mood == Mood::LoopHung { moment.into / self.speed } else { 0.0 },
            iteration: BACKLOG + finished + 1,
            phase: match within {
                within if within < WRITER_FROM => "planner",
                within if within < JUDGE_FROM => "writer",
                _ => "judge",
            },
            module: module(BACKLOG + finished + 1),
            finished,
            restarts: moment.round + u64::from(moment.chapter > 1),
            parity: parity(finished),
            gpu: gpu::reading(chapter, previous(moment.chapter), moment.into, self.energy(&moment)),
            model: self.model(&moment),
        }
    }

    fn moment(&self, elapsed: Duration) -> Moment {
        let seconds = elapsed.as_secs_f64() * self.speed;
        let round = per_round(|chapter| chapter.seconds);
        let mut into = seconds % round;
        let mut chapter = 0;
        while chapter + 1 < CHAPTERS.len() && into >= CHAPTERS[chapter].seconds {
            into -= CHAPTERS[chapter].seconds;
            chapter += 1;
        }
        Moment { round: (seconds / round) as u64, chapter, into }
    }

    fn model(&self, moment: &Moment) -> Model {
        let mood = CHAPTERS[moment.chapter].mood;
        // Per second of the onlooker, whatever the speed.
        let generated = |slow: bool| {
            let tokens = move |chapter: &Chapter| {
                if (chapter.mood == Mood::GpuHot) == slow { chapter.token_rate * chapter.seconds } else { 0.0 }
            };
            moment.total(tokens, evenly) / self.speed
        };
        let (running, waiting, pace) = match mood {
            Mood::Healthy => (4, 0, 53.0),
            Mood::LoopHung => (0, 0, 53.0),
            Mood::ModelStalled => (4, 1 + (moment.into / 4.0) as u32, 0.0),
            Mood::GpuHot => (4, 1, 21.0),
        };
        let stalled = mood == Mood::ModelStalled;
        Model { running, waiting, tokens: generated(false), slow_tokens: generated(true), stalled, pace }
    }

    fn energy(&self, moment: &Moment) -> f64 {
        moment.total(|chapter| chapter.power * chapter.seconds, evenly) / self.speed
    }
}

impl Moment {
    /// What has come together since the story's start: `of` for each whole chapter, and for the present one the part
    /// that `done` says.
    fn total(&self, of: impl Fn(&Chapter) -> f64 + Copy, done: fn(&Chapter, f64) -> f64) -> f64 {
        let present = &CHAPTERS[self.chapter];
        let before: f64 = CHAPTERS[..self.chapter].iter().map(of).sum();
        self.round as f64 * per_round(of) + before + of(present) * done(present, self.into)
    }
}

fn per_round(of: impl Fn(&Chapter) -> f64) -> f64 {
    CHAPTERS.iter().map(of).sum()
}

fn evenly(chapter: &Chapter, into: f64) -> f64 {
    into / chapter.seconds
}

/// A hung loop does nothing until it is restarted.
fn work_done(chapter: &Chapter, into: f64) -> f64 {
    if chapter.mood == Mood::LoopHung { 0.0 } else { evenly(chapter, into) }
}

fn previous(chapter: usize) -> &'static Chapter {
    &CHAPTERS[(chapter + CHAPTERS.len() - 1) % CHAPTERS.len()]
}

/// The module that `iteration` works on.
pub(super) fn module(iteration: u64) -> &'static str {
    MODULES[(iteration / 2) as usize % MODULES.len()]
}

/// The outcome of the `index`th iteration since the story's start, counted from 0.
pub(super) fn outcome(index: u64) -> &'static str {
    OUTCOMES[index as usize % OUTCOMES.len()]
}

/// The matrix after `finished` iterations: two cells for each ACCEPT, until all are green.
fn parity(finished: u64) -> Parity {
    let period = OUTCOMES.len() as u64;
    let accepted = |of: u64| (0..of).filter(|&index| outcome(index) == "ACCEPT").count() as u64;
    let green = FIRST_GREEN + 2 * (finished / period * accepted(period) + accepted(finished % period));
    let open = CELLS - MANUAL - NOT_APPLICABLE;
    let green = green.min(open);
    Parity { green, red: open - green, manual: MANUAL, not_applicable: NOT_APPLICABLE, ..Parity::default() }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every quarter of a second of two rounds.
    fn two_rounds() -> impl Iterator<Item = Duration> {
        (0..=(2 * 91 * 4)).map(|quarter| Duration::from_millis(quarter * 250))
    }

    fn scene(seconds: f64) -> Scene {
        Story::new(1.0).scene(Duration::from_secs_f64(seconds))
    }

    #[test]
    fn chapters_follow_each_other_and_start_over() {
        let story = Story::new(1.0);
        let mut titles: Vec<&str> = two_rounds().map(|elapsed| story.chapter(elapsed).title).collect();
        titles.dedup();
        let once: Vec<&str> = story.chapters().iter().map(|chapter| chapter.title).collect();
        assert_eq!(titles, [&once[..], &once[..], &once[..1]].concat());
        assert_eq!(story.round(), Duration::from_secs(91));
    }

    #[test]
    fn a_round_holds_whole_iterations_and_hangs_in_the_second() {
        assert_eq!(per_round(|chapter| chapter.work), ITERATION * OUTCOMES.len() as f64);
        let hung = scene(20.0);
        assert_eq!((hung.finished, hung.phase), (1, "writer"));
        assert_eq!(outcome(hung.finished), "WEDGED_NO_VERDICT");
        assert_eq!(scene(33.0).finished, 2, "given up at the restart");
    }

    #[test]
    fn what_counts_up_never_goes_down() {
        for speed in [0.5, 1.0, 4.0] {
            let story = Story::new(speed);
            let scenes: Vec<Scene> = two_rounds().map(|elapsed| story.scene(elapsed)).collect();
            for pair in scenes.windows(2) {
                let (a, b) = (&pair[0], &pair[1]);
                assert!(b.finished >= a.finished && b.restarts >= a.restarts && b.iteration >= a.iteration);
                assert!(b.parity.green >= a.parity.green);
                // Sums of the same parts in another order differ in the last bit.
                assert!(b.model.tokens >= a.model.tokens - 1e-6 && b.model.slow_tokens >= a.model.slow_tokens - 1e-6);
                assert!(b.gpu.gpus[0].energy.get() >= a.gpu.gpus[0].energy.get());
            }
        }
    }

    #[test]
    fn the_heartbeat_ages_only_while_the_loop_hangs() {
        assert_eq!(scene(14.9).heartbeat_age, 0.0);
        assert!((scene(32.0).heartbeat_age - 17.0).abs() < 1e-9);
        assert_eq!(scene(33.1).heartbeat_age, 0.0);
        let fast = Story::new(2.0).scene(Duration::from_secs(16));
        assert!((fast.heartbeat_age - 8.5).abs() < 1e-9, "in seconds of the onlooker: {}", fast.heartbeat_age);
    }

    #[test]
    fn tokens_flow_stand_still_and_flow_slowly() {
        let rate = |from: f64, to: f64| {
            let total = |seconds: f64| scene(seconds).model.tokens + scene(seconds).model.slow_tokens;
            (total(to) - total(from)) / (to - from)
        };
        assert!((rate(2.0, 12.0) - 212.0).abs() < 1e-6);
        assert_eq!(rate(16.0, 32.0), 0.0);
        assert_eq!(rate(46.0, 62.0), 0.0);
        assert!((rate(64.0, 80.0) - 84.0).abs() < 1e-6);
        let fast = |seconds: f64| Story::new(4.0).scene(Duration::from_secs_f64(seconds)).model.tokens;
        assert!((fast(3.0) - fast(1.0) - 2.0 * 212.0).abs() < 1e-6, "a fast story generates no faster");
    }

    #[test]
    fn a_stall_has_work_to_do_and_a_hung_loop_has_none() {
        let stalled = scene(50.0).model;
        assert!(stalled.stalled && stalled.running > 0 && stalled.waiting > 0);
        let hung = scene(20.0).model;
        assert!(!hung.stalled && hung.running == 0 && hung.waiting == 0);
    }

    #[test]
    fn the_matrix_keeps_its_size_and_ends_green() {
        for finished in [0, 1, 5, 1000, u64::from(u32::MAX)] {
            let cells: u64 = parity(finished).by_state().iter().map(|(_, count)| count).sum();
            assert_eq!(cells, CELLS);
        }
        assert_eq!(parity(5).green, FIRST_GREEN + 6);
        assert_eq!(parity(1000).red, 0);
    }

    #[test]
    fn no_three_verdicts_in_a_row_are_bad() {
        let verdicts: Vec<&str> = (0..20).map(outcome).collect();
        assert!(verdicts.windows(3).all(|three| three.contains(&"ACCEPT")));
    }

    #[test]
    fn speed_stays_within_what_the_sources_can_follow() {
        assert_eq!(Story::new(1000.0).speed(), Story::FASTEST);
        assert_eq!(Story::new(0.0).speed(), Story::SLOWEST);
        assert_eq!(Story::new(f64::NAN).speed(), 1.0);
    }

    #[test]
    fn a_chapter_that_expects_trouble_says_where() {
        for chapter in &CHAPTERS {
            let worst = chapter.expected.findings.iter().map(|(_, _, severity)| *severity).max();
            assert_eq!(worst.unwrap_or_default(), chapter.expected.severity, "{}", chapter.title);
        }
    }
}
