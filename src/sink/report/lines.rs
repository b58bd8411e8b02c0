//! The key figures in words, one line a subject.
//!
//! Invariant: only what was observed has a line; a value that is not fresh says how old it is.

use std::collections::BTreeMap;

use crate::observation::{Findings, GoodReview, Host, Parity, Room, Site, Time, Verdict, seconds_since};
use crate::sink::figures::{Figures, GpuFigures, Group, LoopFigures, PhaseFigures, VllmFigures};
use crate::state::Freshness;
use crate::words;

/// One subject with its figures.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Line {
    pub(super) label: &'static str,
    pub(super) text: String,
}

/// `figures`, as they are at `now`, in the order of the sources.
pub(super) fn lines(figures: &Figures, now: Time) -> Vec<Line> {
    let mut list = List { now, lines: Vec::new() };
    list.add("loop", &figures.loop_, |of_loop| loop_text(of_loop, now));
    list.add("sub-agents", &figures.subagents, |phases| subagents_text(phases, now));
    list.add("vLLM", &figures.vllm, vllm_text);
    for index in 0..figures.gpu.figures.as_ref().map_or(0, Vec::len) {
        list.add(if index == 0 { "GPU" } else { "" }, &figures.gpu, |gpus| gpus.get(index).map_or("".into(), gpu_text));
    }
    list.add("parity", &figures.parity, |parity| parity_text(*parity));
    list.add("verdicts", &figures.verdicts, |verdicts| verdicts_text(verdicts));
    list.add("site", &figures.site, |site| site_text(site, now));
    list.add("review", &figures.review, |review| {
        review.last_good.as_ref().map_or("".into(), |good| review_text(good, now))
    });
    list.add("host", &figures.host, |host| host_text(*host));
    list.lines
}

struct List {
    now: Time,
    lines: Vec<Line>,
}

impl List {
    /// Adds what `text` says of the figures in `group`, unless it says nothing.
    fn add<T>(&mut self, label: &'static str, group: &Group<T>, text: impl Fn(&T) -> String) {
        let Some(mut text) = group.figures.as_ref().map(text).filter(|text| !text.is_empty()) else { return };
        if let (true, Some(at)) = (group.freshness != Freshness::Observed, group.read_at) {
            text = format!("{text} ({})", words::ago(self.now, at));
        }
        self.lines.push(Line { label, text });
    }
}

fn loop_text(figures: &LoopFigures, now: Time) -> String {
    let lasts = figures.phase_started_at.map(|start| seconds_since(now, start)).filter(|lasts| *lasts >= 0.0);
    words::list([
        figures.paused_since.map(|since| format!("paused {}", words::ago(now, since))),
        figures.epoch.map(|epoch| format!("epoch {epoch}")),
        figures.iteration.map(|iteration| format!("iteration {iteration}")),
        figures.phase.as_ref().map(|phase| match lasts {
            Some(lasts) => format!("{phase} for {}", words::length(lasts)),
            None => phase.clone(),
        }),
        figures.module.as_ref().map(|module| format!("module {module}")),
    ])
}

fn subagents_text(phases: &BTreeMap<String, PhaseFigures>, now: Time) -> String {
    if phases.is_empty() {
        return "none".into();
    }
    words::list(phases.iter().map(|(phase, PhaseFigures { count, oldest_started_at })| {
        let age = words::length(seconds_since(now, *oldest_started_at).max(0.0));
        Some(format!("{count} {phase} (oldest {age})"))
    }))
}

fn vllm_text(figures: &VllmFigures) -> String {
    words::list([
        figures.generation_tokens_per_second.map(|rate| format!("{} tokens/s", words::number(rate))),
        figures.running.map(|running| format!("{running} running")),
        figures.waiting.map(|waiting| format!("{waiting} waiting")),
        figures.kv_cache_usage.map(|usage| format!("KV cache {}", words::percent(usage))),
    ])
}

fn gpu_text(gpu: &GpuFigures) -> String {
    words::list([
        Some(format!("{} {}", gpu.index, gpu.name).trim().to_owned()),
        gpu.utilization.map(|share| format!("{} busy", words::percent(share))),
        gpu.sm_clock.map(words::hertz),
        gpu.power.map(|watts| format!("{watts:.0} W")),
        gpu.temperature.map(|degrees| format!("{degrees:.0} °C")),
        gpu.memory_temperature.map(|degrees| format!("memory {degrees:.0} °C")),
        gpu.memory.map(|(used, total)| format!("{} of {}", words::bytes(used), words::bytes(total))),
    ])
}

fn parity_text(parity: Parity) -> String {
    let counts = parity.by_state().into_iter().filter(|(state, count)| *count > 0 || *state == "green");
    let share = parity.green_ratio().map(|share| format!("{} green", words::percent(share)));
    words::list(counts.map(|(state, count)| Some(format!("{count} {state}"))).chain([share]))
}

fn verdicts_text(verdicts: &[Verdict]) -> String {
    words::list(verdicts.iter().map(|verdict| Some(verdict.verdict.clone())))
}

fn site_text(site: &Site, now: Time) -> String {
    let built = site.built_at.map_or("never published".into(), |at| format!("built {}", words::ago(now, at)));
    match site.synthesis.as_ref().filter(|run| !run.outcome.succeeded()) {
        Some(run) => format!("{built}; last synthesis {} {}", run.outcome.name(), words::ago(now, run.ended_at)),
        None => built,
    }
}

fn review_text(good: &GoodReview, now: Time) -> String {
    let counts = good.findings.iter().flat_map(Findings::by_severity).filter(|(_, count)| *count > 0);
    let counts = words::list(counts.map(|(severity, count)| Some(format!("{count} {}", severity.name()))));
    words::list([
        Some(format!("score {:.0} of 100", good.health_score)),
        good.verdict.clone(),
        (!counts.is_empty()).then(|| format!("findings: {counts}")),
        Some(words::ago(now, good.at)),
    ])
}

fn host_text(host: Host) -> String {
    let free = |what: &str, room: Option<Room>| {
        let room = room?;
        let (available, total) = (words::bytes(room.available), words::bytes(room.total));
        Some(format!("{what} {available} free of {total} ({})", words::percent(room.ratio())))
    };
    words::list([free("memory", host.memory()), free("disk", host.disk())])
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use jiff::SignedDuration;

    use super::*;
    use crate::check::{example_now, example_state};
    use crate::observation::*;

    fn at(seconds_ago: i64) -> Time {
        example_now() - SignedDuration::from_secs(seconds_ago)
    }

    fn shown(observed: Vec<(i64, Data)>) -> Vec<String> {
        let observation = |(age, data): (i64, Data)| Observation {
            source: data.source(),
            at: at(age),
            took: Duration::ZERO,
            reading: Reading::Observed(data),
        };
        let state = example_state(observed.into_iter().map(observation).collect());
        let figures = Figures::of(&state, example_now());
        lines(&figures, example_now()).into_iter().map(|Line { label, text }| format!("{label}: {text}")).collect()
    }

    #[test]
    fn nothing_observed_has_no_figures() {
        assert_eq!(shown(Vec::new()), Vec::<String>::new());
        assert_eq!(
            shown(vec![(0, Data::Host(Host::default())), (0, Data::Verdicts(Verdicts::default()))]),
            Vec::<String>::new()
        );
    }

    #[test]
    fn the_loop_tells_what_its_files_tell() {
        let heartbeat = Heartbeat {
            iteration: Some(117),
            phase: Some("writer".into()),
            phase_started_at: Some(at(300)),
            ..Heartbeat::default()
        };
        let state =
            LoopState { epoch: Some(3), iteration: Some(116), module: Some("auth".into()), ..LoopState::default() };
        let reading = LoopReading {
            heartbeat: Reading::Observed(heartbeat),
            state: Reading::Observed(state),
            pause: Reading::Observed(Pause { soft: Some(at(3600)), hard: None }),
        };
        let expected = "loop: paused 60 min ago, epoch 3, iteration 117, writer for 5 min, module auth";
        assert_eq!(shown(vec![(0, Data::Loop(reading))]), [expected]);
    }

    #[test]
    fn numbers_are_shown_with_their_units() {
        let engine =
            |running| Engine { running: Some(running), kv_cache_usage: Some(running / 10.0), ..Engine::default() };
        let sample = VllmSample { engines: vec![engine(1.0), engine(3.0)], ..VllmSample::default() };
        let gpu = Gpu {
            name: "NVIDIA GB10".into(),
            utilization: Field::Value(0.96),
            sm_clock: Field::Value(630e6),
            power: Field::Value(15.4),
            temperature: Field::Value(63.0),
            memory_temperature: Field::Value(81.0),
            ..Gpu::default()
        };
        let gpu = GpuReading { gpus: vec![gpu], ..GpuReading::default() };
        let parity = Parity { green: 3, red: 1, ..Parity::default() };
        let found = shown(vec![(0, Data::Vllm(sample)), (0, Data::Gpu(gpu)), (0, Data::Parity(parity))]);
        assert_eq!(found[0], "vLLM: 4 running, KV cache 30 %");
        assert_eq!(found[1], "GPU: 0 NVIDIA GB10, 96 % busy, 630 MHz, 15 W, 63 °C, memory 81 °C");
        assert_eq!(found[2], "parity: 3 green, 1 red, 75 % green");
    }

    #[test]
    fn subagents_are_counted_by_phase() {
        let agent =
            |phase: &str, age| Subagent { pid: 1, phase: phase.into(), started_at: at(age), command: "c".into() };
        let agents = vec![agent("writer", 900), agent("writer", 60), agent("judge", 30)];
        let found = shown(vec![(0, Data::Subagents(Subagents { agents, ..Subagents::default() }))]);
        assert_eq!(found, ["sub-agents: 1 judge (oldest 30 s), 2 writer (oldest 15 min)"]);
    }

    #[test]
    fn an_old_value_says_how_old_it_is() {
        let found = shown(vec![(3000, Data::Parity(Parity { green: 1, ..Parity::default() }))]);
        assert_eq!(found, ["parity: 1 green, 100 % green (50 min ago)"]);
    }
}
