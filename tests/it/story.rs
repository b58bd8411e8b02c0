//! The whole demo, read through the production sources and judged with its own configuration: each chapter must end
//! with what it announces. Time is played, not waited for: sources and checks are given the story's time.

use std::time::Duration;

use autoswe_exporter::assessment::{Assessment, Severity, Thresholds, assess};
use autoswe_exporter::config::Config;
use autoswe_exporter::demo::{Chapter, Demo, Mood, Story};
use autoswe_exporter::observation::{Data, Observation, Reading, SourceId, Time};
use autoswe_exporter::source::Source;
use autoswe_exporter::source::gpu::GpuSource;
use autoswe_exporter::source::host::HostSource;
use autoswe_exporter::source::loop_::LoopSource;
use autoswe_exporter::source::parity::ParitySource;
use autoswe_exporter::source::review::ReviewSource;
use autoswe_exporter::source::site::SiteSource;
use autoswe_exporter::source::subagents::SubagentsSource;
use autoswe_exporter::source::verdicts::VerdictsSource;
use autoswe_exporter::source::vllm::{PROBE_TOKENS, VllmSource, probe};
use autoswe_exporter::source::watchdog::WatchdogSource;
use autoswe_exporter::state::State;

/// How far the story goes on between two readings, at speed 1.
pub(crate) const STEP: Duration = Duration::from_millis(500);

/// A demo and an onlooker with every source.
pub(crate) struct Show {
    pub(crate) demo: Demo,
    pub(crate) begun: Time,
    sources: Vec<(SourceId, Box<dyn Source>)>,
    vllm: VllmSource,
    pub(crate) state: State,
    pub(crate) thresholds: Thresholds,
}

fn sources(config: &Config) -> Vec<(SourceId, Box<dyn Source>)> {
    vec![
        (SourceId::Loop, Box::new(LoopSource::new(config))),
        (SourceId::Subagents, Box::new(SubagentsSource::new(config))),
        (SourceId::Gpu, Box::new(GpuSource::new(&config.gpu))),
        (SourceId::Parity, Box::new(ParitySource::new(config))),
        (SourceId::Verdicts, Box::new(VerdictsSource::new(config))),
        (SourceId::Site, Box::new(SiteSource::new(config))),
        (SourceId::Review, Box::new(ReviewSource::new(config))),
        (SourceId::Watchdog, Box::new(WatchdogSource::new(config))),
        (SourceId::Host, Box::new(HostSource::new(config))),
    ]
}

impl Show {
    pub(crate) async fn open(speed: f64) -> Self {
        // Another test of this process may have installed it.
        rustls::crypto::ring::default_provider().install_default().ok();
        let demo = Demo::start(speed).await.unwrap();
        let config = demo.config();
        let begun = Time::now();
        Show {
            begun,
            sources: sources(&config),
            vllm: VllmSource::new(&config.vllm),
            state: State::new(&config, begun),
            thresholds: Thresholds::new(&config, true),
            demo,
        }
    }

    /// Lives through one step that ends `elapsed` after the start.
    pub(crate) async fn step(&mut self, elapsed: Duration) -> Assessment {
        let now = self.begun + elapsed;
        self.demo.step(elapsed, now).unwrap();
        for (id, source) in &mut self.sources {
            self.state.apply(observation(*id, now, source.read(now)));
        }
        let page = self.vllm.read(now).await;
        self.state.apply(observation(SourceId::Vllm, now, page));
        assess(&self.state, &self.thresholds, now)
    }
}

fn observation(source: SourceId, at: Time, reading: Reading<Data>) -> Observation {
    Observation { source, at, took: Duration::from_millis(1), reading }
}

fn found(assessment: &Assessment) -> Vec<(&'static str, &'static str, Severity)> {
    let of = |check: &autoswe_exporter::assessment::CheckResult| {
        let id = check.check;
        check.findings.iter().map(move |finding| (id, finding.code, finding.severity)).collect::<Vec<_>>()
    };
    assessment.checks.iter().flat_map(of).collect()
}

/// What differs from what `chapter` announces: its findings must be there, and nothing worse. Only a hung loop must be
/// restarted; a hung model is no reason to.
fn differences(chapter: &Chapter, assessment: &Assessment) -> Vec<String> {
    let found = found(assessment);
    let absent = chapter.expected.findings.iter().filter(|finding| !found.contains(finding));
    let mut differences: Vec<String> = absent.map(|finding| format!("{}: no {finding:?}", chapter.title)).collect();
    if assessment.severity != chapter.expected.severity {
        differences.push(format!("{}: {} and not {}", chapter.title, assessment.severity, chapter.expected.severity));
    }
    let liveness = &assessment.liveness;
    if liveness.must_restart != (chapter.mood == Mood::LoopHung) {
        differences.push(format!("{}: must_restart is {}: {}", chapter.title, liveness.must_restart, liveness.reason));
    }
    if !differences.is_empty() {
        let reasons = [Severity::Crit, Severity::Warn].map(|severity| assessment.reasons(severity).join("; "));
        differences.push(format!("{}: found {found:?}: {}", chapter.title, reasons.join("; ")));
    }
    differences
}

/// Plays two rounds and says where they differ from what they announce.
async fn play_twice(speed: f64) -> Vec<String> {
    let mut show = Show::open(speed).await;
    let story = *show.demo.story();
    let (mut ends, mut elapsed) = (Duration::ZERO, Duration::ZERO);
    let mut wrong = Vec::new();
    for chapter in story.chapters().iter().chain(story.chapters()) {
        ends += story.length(chapter);
        let mut last = None;
        while elapsed < ends {
            last = Some(show.step(elapsed).await);
            elapsed += STEP.div_f64(story.speed());
        }
        wrong.extend(differences(chapter, &last.unwrap()));
    }
    wrong
}

#[tokio::test]
async fn each_chapter_ends_as_announced_round_after_round() {
    assert_eq!(play_twice(1.0).await, [""; 0]);
}

#[tokio::test]
async fn the_fastest_story_ends_as_announced_too() {
    assert_eq!(play_twice(Story::FASTEST).await, [""; 0]);
}

#[tokio::test]
async fn a_probe_of_the_stand_in_counts_its_tokens() {
    let show = Show::open(1.0).await;
    let result = probe(&show.demo.config().vllm, None, |_| {}).await.unwrap();
    assert_eq!((result.model.as_str(), result.tokens), ("qwen3-coder", PROBE_TOKENS));
    assert!(result.time_to_first_token <= result.total);
}

#[tokio::test]
async fn at_the_start_nothing_is_missing_but_what_a_demo_cannot_have() {
    let mut show = Show::open(1.0).await;
    show.step(Duration::ZERO).await;
    let now = show.begun;
    let state = &show.state;
    assert!(state.loop_.current(now).is_some_and(|reading| reading.state.observed().is_some()));
    assert!(state.vllm.current(now).is_some_and(|sample| sample.engines.len() == 1));
    assert_eq!(state.gpu.current(now).unwrap().gpus.len(), 1);
    let parity = state.parity.current(now).unwrap();
    assert_eq!(parity.by_state().map(|(_, count)| count).iter().sum::<u64>(), 480);
    assert_eq!((parity.unknown, parity.duplicate_keys), (0, 0));
    let verdicts = state.verdicts.current(now).unwrap();
    assert_eq!((verdicts.recent.len(), verdicts.malformed_lines), (5, 0));
    assert!(state.site.current(now).is_some());
    let review = state.review.current(now).unwrap();
    let good = review.last_good.as_ref().unwrap();
    assert_eq!(
        (good.verdict.as_deref(), good.judge.as_deref(), review.failed_since),
        (Some("healthy"), Some("codex"), 0)
    );
    assert!(good.findings.as_ref().is_some_and(|findings| findings.count() > 0));
    assert!(review.last_failed.as_ref().is_some_and(|failed| failed.why().starts_with("timed-out: no answer")));
    let failures = review.attempts.unwrap().by_outcome().filter(|(outcome, _)| outcome.name() != "reviewed");
    assert_eq!(failures.map(|(_, count)| count).sum::<u64>(), 1);
    assert!(state.watchdog.current(now).is_some_and(|watchdog| watchdog.last_restart.is_some()));
}
