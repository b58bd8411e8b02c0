//! The key figures as cards: one number that matters most, a few facts, and its course.
//!
//! Invariant: what is neither configured nor found has no card; what was read too long ago says so on its card.

use super::Tone;
use super::chart::{self, Range, Spark, Style};
use super::words;
use crate::history::{History, Series};
use crate::journey::last_run::LastRun;
use crate::observation::{Parity, Room, Time, Verdict, known_verdict, seconds_since};
use crate::sink::figures::{Figures, GpuFigures, Group, LoopFigures};
use crate::state::Freshness;

/// One card.
#[derive(Default)]
pub(super) struct Card {
    pub(super) title: &'static str,
    /// The number or word that matters most, and what it counts.
    pub(super) value: String,
    pub(super) unit: String,
    /// Why the figures may be old.
    pub(super) note: Option<String>,
    /// Label and value.
    pub(super) facts: Vec<(&'static str, String)>,
    pub(super) sparks: Vec<Spark>,
    /// The parity bar.
    pub(super) bar: Option<String>,
    /// The parity bar's colours by name and number.
    pub(super) legend: Vec<(&'static str, &'static str, String)>,
    /// The last verdicts, oldest first.
    pub(super) verdicts: Vec<Mark>,
    /// The GPUs, where there are several.
    pub(super) gpus: Vec<GpuRow>,
}

/// One verdict in the strip.
pub(super) struct Mark {
    pub(super) tone: Tone,
    pub(super) word: String,
    pub(super) label: String,
}

/// One GPU of several.
pub(super) struct GpuRow {
    pub(super) name: String,
    pub(super) figures: [String; 4],
}

/// Every card that has something to show.
pub(super) fn cards(figures: &Figures, history: &History, now: Time) -> Vec<Card> {
    let spark = |series, style: &Style| chart::spark(&history.trend(series, now), style);
    let cards = [
        loop_card(figures, now).map(|card| card.with(spark(Series::HeartbeatAge, &HEARTBEAT))),
        tokens(figures, now).map(|card| card.with(spark(Series::TokensPerSecond, &TOKENS))),
        gpu(&figures.gpu, now)
            .map(|card| card.with(spark(Series::GpuUtilization, &UTILIZATION)).with(spark(Series::GpuPower, &POWER))),
        parity(&figures.parity, now).map(|card| card.with(spark(Series::GreenCells, &GREEN))),
        verdicts(&figures.verdicts, now),
        publication(figures, now),
        machine(figures, now),
    ];
    cards.into_iter().flatten().collect()
}

const HEARTBEAT: Style =
    Style { id: "heartbeat", title: "Heartbeat age", words: words::length, range: Range::UpTo(60.0) };
const TOKENS: Style =
    Style { id: "tokens", title: "Tokens per second", words: |v| words::number(Some(v)), range: Range::FromZero };
const UTILIZATION: Style =
    Style { id: "utilization", title: "GPU utilization", words: |v| words::percent(Some(v)), range: Range::UpTo(1.0) };
const POWER: Style =
    Style { id: "power", title: "GPU power", words: |v| words::with_unit(Some(v), "W"), range: Range::FromZero };
const GREEN: Style =
    Style { id: "green", title: "Green cells", words: |v| words::number(Some(v)), range: Range::Tight };

impl Card {
    fn with(mut self, spark: Option<Spark>) -> Self {
        self.sparks.extend(spark);
        self
    }
}

/// A card of `group` filled by `fill`; none where there is nothing to show.
fn card<T>(title: &'static str, group: &Group<T>, now: Time, fill: impl FnOnce(&T, &mut Card)) -> Option<Card> {
    if !group.is_present() {
        return None;
    }
    let mut card = Card { title, value: "–".into(), note: note(group, now), ..Card::default() };
    if let Some(figures) = &group.figures {
        fill(figures, &mut card);
    }
    Some(card)
}

pub(super) fn note<T>(group: &Group<T>, now: Time) -> Option<String> {
    let what = match group.freshness {
        Freshness::Observed | Freshness::Disabled => return None,
        Freshness::Pending => "not read yet",
        Freshness::Stale => "no new reading",
        Freshness::Missing => "gone",
        Freshness::Failed => "cannot be read",
    };
    Some(match group.read_at {
        Some(at) => format!("{what}; as of {}", words::ago(at, now)),
        None => what.into(),
    })
}

fn loop_card(figures: &Figures, now: Time) -> Option<Card> {
    card("Loop", &figures.loop_, now, |figures_of_loop, card| {
        let LoopFigures { epoch, iteration, vertex, phase, module, heartbeat_at, paused, .. } = figures_of_loop;
        card.value = iteration.map_or_else(|| phase.clone().unwrap_or("–".into()), |n| words::whole(Some(n)));
        card.unit = if iteration.is_some() { "iteration" } else { "phase" }.into();
        if let (Some(phase), true) = (phase, iteration.is_some()) {
            let since = figures_of_loop.phase_started_at.map(|at| words::length(seconds_since(now, at)));
            card.facts.push(("Phase", since.map_or(phase.clone(), |since| format!("{phase}, for {since}"))));
        }
        card.facts.extend(module.clone().map(|module| ("Module", module)));
        card.facts.extend(vertex.clone().map(|vertex| ("Vertex", vertex)));
        card.facts.extend(epoch.map(|epoch| ("Epoch", words::whole(Some(epoch)))));
        card.facts.push(("Heartbeat", words::ago_or_dash(*heartbeat_at, now)));
        if let Some(how) = paused {
            let since = figures_of_loop.paused_since.map(|at| words::ago(at, now)).unwrap_or_default();
            card.facts.push(("Paused", format!("{how}, since {since}")));
        }
        let agents =
            figures.subagents.figures.iter().flatten().map(|(phase, agents)| format!("{} {phase}", agents.count));
        let agents = agents.collect::<Vec<_>>().join(", ");
        card.facts.extend((!agents.is_empty()).then_some(("Sub-agents", agents)));
    })
}

fn tokens(figures: &Figures, now: Time) -> Option<Card> {
    card("Model server", &figures.vllm, now, |vllm, card| {
        card.value = words::number(vllm.generation_tokens_per_second);
        card.unit = "tokens/s".into();
        card.facts.push(("Running", words::number(vllm.running)));
        card.facts.push(("Waiting", words::number(vllm.waiting)));
        card.facts.push(("KV cache", words::percent(vllm.kv_cache_usage)));
        card.facts.extend(vllm.stalled_since.map(|at| ("Stalled since", words::clock(at, now))));
        card.facts.extend((!vllm.models.is_empty()).then(|| ("Model", vllm.models.join(", "))));
    })
}

fn gpu(group: &Group<Vec<GpuFigures>>, now: Time) -> Option<Card> {
    card("GPU", group, now, |gpus, card| {
        let known: Vec<f64> = gpus.iter().filter_map(|gpu| gpu.utilization).collect();
        let mean = (!known.is_empty()).then(|| known.iter().sum::<f64>() / known.len() as f64);
        card.value = words::percent(mean);
        card.unit = if gpus.len() > 1 { format!("mean of {} GPUs", gpus.len()) } else { "busy".into() };
        match &gpus[..] {
            [gpu] => card.facts = gpu_facts(gpu),
            gpus => card.gpus = gpus.iter().map(gpu_row).collect(),
        }
    })
}

fn gpu_facts(gpu: &GpuFigures) -> Vec<(&'static str, String)> {
    let clock = match gpu.sm_clock_max {
        Some(most) => format!("{} of {}", words::hertz(gpu.sm_clock), words::hertz(Some(most))),
        None => words::hertz(gpu.sm_clock),
    };
    let mut facts =
        vec![("Power", words::with_unit(gpu.power, "W")), ("Temperature", words::with_unit(gpu.temperature, "°C"))];
    facts.extend(gpu.memory_temperature.map(|told| ("Memory temperature", words::with_unit(Some(told), "°C"))));
    facts.push(("SM clock", clock));
    facts.extend((!gpu.throttled.is_empty()).then(|| ("Throttled", gpu.throttled.join(", "))));
    facts.push(("Model", gpu.name.clone()));
    facts
}

fn gpu_row(gpu: &GpuFigures) -> GpuRow {
    let figures = [
        words::percent(gpu.utilization),
        words::with_unit(gpu.power, "W"),
        words::with_unit(gpu.temperature, "°C"),
        words::hertz(gpu.sm_clock),
    ];
    GpuRow { name: format!("{} {}", gpu.index, gpu.name), figures }
}

fn parity(group: &Group<Parity>, now: Time) -> Option<Card> {
    card("Parity", group, now, |cells, card| {
        let Parity { green, red, manual, not_applicable, unknown, .. } = *cells;
        card.value = words::percent(cells.green_ratio());
        card.unit = format!("green, {} of {}", words::whole(Some(green)), words::whole(Some(cells.applicable())));
        card.bar = chart::parity(cells);
        let parts = [
            ("green", "green", green),
            ("red", "red", red),
            ("manual", "manual", manual),
            ("na", "n/a", not_applicable),
            ("unknown", "unknown", unknown),
        ];
        let seen = parts.into_iter().filter(|(class, _, count)| *count > 0 || matches!(*class, "green" | "red"));
        card.legend = seen.map(|(class, name, count)| (class, name, words::whole(Some(count)))).collect();
    })
}

fn verdicts(group: &Group<Vec<Verdict>>, now: Time) -> Option<Card> {
    card("Verdicts", group, now, |verdicts, card| {
        let accepted = verdicts.iter().filter(|verdict| verdict.is("ACCEPT")).count();
        card.value = accepted.to_string();
        card.unit = format!("of the last {} accepted", verdicts.len());
        card.verdicts = verdicts.iter().map(mark).collect();
        let last = verdicts.last();
        card.facts.push(("Last", words::ago_or_dash(last.and_then(|verdict| verdict.at), now)));
        card.facts.extend(last.and_then(|verdict| verdict.score).map(|score| ("Score", words::number(Some(score)))));
        card.facts.extend(last.and_then(|verdict| verdict.module.clone()).map(|module| ("Module", module)));
    })
}

fn mark(verdict: &Verdict) -> Mark {
    let (tone, word) = match known_verdict(&verdict.verdict) {
        Some("ACCEPT") => (Tone::Ok, "accept"),
        Some("REVERT") => (Tone::Warn, "revert"),
        Some("WEDGED_NO_VERDICT") => (Tone::Crit, "wedged"),
        _ => (Tone::None, verdict.verdict.as_str()),
    };
    let label = verdict.iteration.map_or_else(String::new, |iteration| format!("#{iteration}"));
    Mark { tone, word: word.into(), label }
}

fn publication(figures: &Figures, now: Time) -> Option<Card> {
    let review = figures.review.figures.as_ref().and_then(|review| review.last_good.as_ref());
    if !figures.site.is_present() && review.is_none() {
        return None;
    }
    let mut card = Card { title: "Review and site", value: "–".into(), ..Card::default() };
    card.value = words::number(review.map(|review| review.health_score));
    card.unit = "of 100, health score".into();
    card.facts.extend(review.map(|review| ("Reviewed", words::ago(review.at, now))));
    if let Some(site) = &figures.site.figures {
        card.facts.extend(site.built_at.map(|at| ("Site built", words::ago(at, now))));
        card.facts.extend(site.data_at.map(|at| ("Site data", words::ago(at, now))));
        let ended = |run: &LastRun| format!("{} {}", run.outcome.name(), words::ago(run.ended_at, now));
        card.facts.extend(site.synthesis.as_ref().map(|run| ("Last synthesis", ended(run))));
    }
    card.note = note(&figures.review, now).or_else(|| note(&figures.site, now));
    Some(card)
}

fn machine(figures: &Figures, now: Time) -> Option<Card> {
    let mut card = card("Machine", &figures.host, now, |host, card| {
        card.value = words::percent(host.memory().map(Room::ratio));
        card.unit = "memory available".into();
        card.facts.push(("Memory", format!("{} available", words::bytes(host.memory_available))));
        let free = words::percent(host.disk().map(Room::ratio));
        card.facts.push(("Disk", format!("{} free, {free}", words::bytes(host.disk_available))));
    })?;
    if let Some(watchdog) = &figures.watchdog.figures {
        card.facts.push(("Watchdog", words::ago_or_dash(watchdog.last_evaluation_at, now)));
        card.facts.extend(watchdog.budget_remaining.map(|left| ("Restarts left", words::whole(Some(left)))));
        let restart = watchdog.last_restart.as_ref();
        card.facts.extend(restart.map(|restart| ("Last restart", words::ago(restart.at, now))));
    }
    Some(card)
}
