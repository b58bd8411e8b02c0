//! The key figures of a state in words, one line a subject.
//!
//! Invariant: only what was observed has a line; a value that is not fresh says how old it is.

use crate::check::human_seconds;
use crate::observation::*;
use crate::state::{State, View};

/// One subject with its figures.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Figure {
    pub(super) label: String,
    pub(super) text: String,
}

/// The figures of `state` at `now`, in the order of the sources.
pub(super) fn figures(state: &State, now: Time) -> Vec<Figure> {
    let mut list = List { now, figures: Vec::new() };
    list.add("loop", &state.loop_.view(now), |reading| loop_text(reading, now));
    list.add("sub-agents", &state.subagents.view(now), |reading| Some(subagents_text(reading, now)));
    list.add("vLLM", &state.vllm.view(now), |sample| vllm_text(sample, state));
    for index in 0..state.gpu.view(now).last().map_or(0, |last| last.value.gpus.len()) {
        let label = if index == 0 { "GPU" } else { "" };
        list.add(label, &state.gpu.view(now), |reading| reading.gpus.get(index).map(gpu_text));
    }
    list.add("parity", &state.parity.view(now), |parity| Some(parity_text(parity)));
    list.add("verdicts", &state.verdicts.view(now), verdicts_text);
    list.add("site", &state.site.view(now), |site| Some(format!("built {}", ago(now, site.built_at))));
    list.add("review", &state.review.view(now), |review| review_text(review, now));
    list.add("host", &state.host.view(now), host_text);
    list.figures
}

struct List {
    now: Time,
    figures: Vec<Figure>,
}

impl List {
    fn add<T>(&mut self, label: &str, view: &View<'_, T>, text: impl Fn(&T) -> Option<String>) {
        let Some(last) = view.last() else { return };
        let Some(mut text) = text(&last.value).filter(|text| !text.is_empty()) else { return };
        if view.current().is_none() {
            text = format!("{text} ({})", ago(self.now, last.at));
        }
        self.figures.push(Figure { label: label.into(), text });
    }
}

fn ago(now: Time, then: Time) -> String {
    match seconds_since(now, then) {
        ahead if ahead < 0.0 => format!("{} ahead of this clock", human_seconds(-ahead)),
        age => format!("{} ago", human_seconds(age)),
    }
}

/// The parts that are there, with commas.
fn joined(parts: impl IntoIterator<Item = Option<String>>) -> String {
    parts.into_iter().flatten().collect::<Vec<_>>().join(", ")
}

fn loop_text(reading: &LoopReading, now: Time) -> Option<String> {
    let heartbeat = reading.heartbeat.observed();
    let state = reading.state.observed();
    let either = |of_heartbeat: fn(&Heartbeat) -> Option<u64>, of_state: fn(&LoopState) -> Option<u64>| {
        heartbeat.and_then(of_heartbeat).or_else(|| state.and_then(of_state))
    };
    let phase = heartbeat.and_then(|beat| beat.phase.clone()).or_else(|| state?.phase.clone());
    let phase_age = heartbeat.and_then(|beat| beat.phase_started_at).map(|start| seconds_since(now, start));
    let paused = reading.pause.observed().and_then(|pause| pause.since());
    Some(joined([
        paused.map(|since| format!("paused {}", ago(now, since))),
        either(|beat| beat.epoch, |state| state.epoch).map(|epoch| format!("epoch {epoch}")),
        either(|beat| beat.iteration, |state| state.iteration).map(|iteration| format!("iteration {iteration}")),
        phase.map(|phase| match phase_age.filter(|age| *age >= 0.0) {
            Some(age) => format!("{phase} for {}", human_seconds(age)),
            None => phase,
        }),
        state.and_then(|state| state.module.clone()).map(|module| format!("module {module}")),
    ]))
}

fn subagents_text(reading: &Subagents, now: Time) -> String {
    let mut phases: Vec<(&str, u64, Time)> = Vec::new();
    for agent in &reading.agents {
        match phases.iter_mut().find(|(phase, ..)| *phase == agent.phase) {
            Some((_, count, oldest)) => (*count, *oldest) = (*count + 1, agent.started_at.min(*oldest)),
            None => phases.push((&agent.phase, 1, agent.started_at)),
        }
    }
    let phase = |(phase, count, oldest): &(&str, u64, Time)| {
        format!("{count} {phase} (oldest {})", human_seconds(seconds_since(now, *oldest).max(0.0)))
    };
    if phases.is_empty() { "none".into() } else { phases.iter().map(phase).collect::<Vec<_>>().join(", ") }
}

fn vllm_text(sample: &VllmSample, state: &State) -> Option<String> {
    let total = |of: fn(&Engine) -> Option<f64>| sample.engines.iter().filter_map(of).reduce(|sum, one| sum + one);
    let fullest = sample.engines.iter().filter_map(|engine| engine.kv_cache_usage).reduce(f64::max);
    Some(joined([
        state.vllm_window.generation_tokens_per_second().map(|rate| format!("{rate:.1} tokens/s")),
        total(|engine| engine.running).map(|running| format!("{running} running")),
        total(|engine| engine.waiting).map(|waiting| format!("{waiting} waiting")),
        fullest.map(|usage| format!("KV cache {:.0} %", usage * 100.0)),
    ]))
}

fn gpu_text(gpu: &Gpu) -> String {
    let memory = gpu.memory_used.get().zip(gpu.memory_total.get());
    joined([
        Some(format!("{} {}", gpu.index, gpu.name).trim().to_owned()),
        gpu.utilization.get().map(|share| format!("{:.0} % busy", share * 100.0)),
        gpu.sm_clock.get().map(|clock| format!("{:.0} MHz", clock / 1e6)),
        gpu.power.get().map(|watts| format!("{watts:.0} W")),
        gpu.temperature.get().map(|degrees| format!("{degrees:.0} °C")),
        memory.map(|(used, total)| format!("{} of {}", bytes(used), bytes(total))),
    ])
}

fn parity_text(parity: &Parity) -> String {
    let all: u64 = parity.by_state().iter().map(|(_, count)| count).sum();
    let counts = parity.by_state().into_iter().filter(|(state, count)| *count > 0 || *state == "green");
    let counts = counts.map(|(state, count)| Some(format!("{count} {state}")));
    #[expect(clippy::cast_precision_loss, reason = "a percentage of at most a few 100,000 cells")]
    let share = (all > 0).then(|| format!("{:.0} % green", 100.0 * parity.green as f64 / all as f64));
    joined(counts.chain([share]))
}

fn verdicts_text(verdicts: &Verdicts) -> Option<String> {
    let words: Vec<&str> = verdicts.recent.iter().map(|verdict| verdict.verdict.as_str()).collect();
    (!words.is_empty()).then(|| words.join(", "))
}

fn review_text(review: &Review, now: Time) -> Option<String> {
    let good = review.last_good.as_ref()?;
    Some(format!("score {:.0} of 100, {}", good.health_score, ago(now, good.at)))
}

fn host_text(host: &Host) -> Option<String> {
    let free = |what: &str, (available, total): (u64, u64)| {
        #[expect(clippy::cast_precision_loss, reason = "a percentage")]
        let share = 100.0 * available as f64 / total.max(1) as f64;
        format!("{what} {} free of {} ({share:.0} %)", bytes(available), bytes(total))
    };
    Some(joined([
        host.memory_available.zip(host.memory_total).map(|memory| free("memory", memory)),
        host.disk_available.zip(host.disk_total).map(|disk| free("disk", disk)),
    ]))
}

/// `512 MiB`, `1.2 GiB`: a size for people.
fn bytes(size: u64) -> String {
    #[expect(clippy::cast_precision_loss, reason = "shown with one digit")]
    let size = size as f64;
    match size {
        s if s >= 1024.0 * 1024.0 * 1024.0 => format!("{:.1} GiB", s / (1024.0 * 1024.0 * 1024.0)),
        s => format!("{:.0} MiB", s / (1024.0 * 1024.0)),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use jiff::SignedDuration;

    use super::*;
    use crate::check::{example_now, example_state};

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
        figures(&state, example_now()).into_iter().map(|Figure { label, text }| format!("{label}: {text}")).collect()
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
            ..Gpu::default()
        };
        let gpu = GpuReading { gpus: vec![gpu], ..GpuReading::default() };
        let parity = Parity { green: 3, red: 1, ..Parity::default() };
        let found = shown(vec![(0, Data::Vllm(sample)), (0, Data::Gpu(gpu)), (0, Data::Parity(parity))]);
        assert_eq!(found[0], "vLLM: 4 running, KV cache 30 %");
        assert_eq!(found[1], "GPU: 0 NVIDIA GB10, 96 % busy, 630 MHz, 15 W");
        assert_eq!(found[2], "parity: 3 green, 1 red, 75 % green");
    }

    #[test]
    fn subagents_are_counted_by_phase() {
        let agent =
            |phase: &str, age| Subagent { pid: 1, phase: phase.into(), started_at: at(age), command: "c".into() };
        let agents = vec![agent("writer", 900), agent("writer", 60), agent("judge", 30)];
        let found = shown(vec![(0, Data::Subagents(Subagents { agents, ..Subagents::default() }))]);
        assert_eq!(found, ["sub-agents: 2 writer (oldest 15 min), 1 judge (oldest 30 s)"]);
    }

    #[test]
    fn an_old_value_says_how_old_it_is() {
        let found = shown(vec![(3000, Data::Parity(Parity { green: 1, ..Parity::default() }))]);
        assert_eq!(found, ["parity: 1 green, 100 % green (50 min ago)"]);
    }
}
