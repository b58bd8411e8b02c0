//! What each GPU did before its latest reading: rows of samples, XID events, memory errors.
//!
//! Invariant: memory per GPU is bounded however long it runs; a value that is absent neither begins nor ends
//! anything; no limit is known here, so the same history can be judged with any.

use std::collections::{BTreeMap, VecDeque};

use super::Dated;
use crate::observation::{Field, Gpu, GpuReading, Time, VllmSample, XidCount, seconds_since};

/// Spans kept per GPU. When there are more, neighbours are joined, so that a row is found however long it
/// lasts and its beginning only grows less exact with its age.
const MAX_SPANS: usize = 128;

/// The history of all GPUs, and since when vLLM has had requests to run on them.
#[derive(Debug, Clone, Default)]
pub struct GpuWindow {
    gpus: BTreeMap<String, GpuHistory>,
    requests: Option<Row>,
}

/// The history of one GPU.
#[derive(Debug, Clone, PartialEq)]
pub struct GpuHistory {
    /// NVML's index in the latest reading with this GPU.
    pub index: u32,
    /// Whether the GPU ever told a value.
    pub told: bool,
    /// XID events, by code.
    pub xids: BTreeMap<u64, XidCount>,
    /// The latest growth of uncorrected memory errors.
    pub uncorrected: Option<Growth>,
    /// The temperature told last, degrees Celsius; this and the next two stay when a later reading lacks them.
    pub temperature: Option<Dated<f64>>,
    /// The throttle reasons told last.
    pub throttle_reasons: Option<Dated<u64>>,
    /// Whether remapping a memory row failed, as told last.
    pub remap_failed: Option<Dated<bool>>,
    ecc_uncorrected: Option<u64>,
    spans: VecDeque<Span>,
}

/// A counter grew.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Growth {
    /// When it was seen.
    pub at: Time,
    /// By how much.
    pub by: u64,
}

/// An unbroken row of samples in which something held: the times of the first and of the latest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Row {
    /// The first sample.
    pub from: Time,
    /// The latest sample.
    pub to: Time,
}

impl Row {
    /// How long it lasted, seconds. It does not grow while nothing is read.
    pub fn seconds(self) -> f64 {
        seconds_since(self.to, self.from)
    }

    /// The time in both rows; `None` when they do not meet.
    pub fn overlap(self, other: Row) -> Option<Row> {
        let both = Row { from: self.from.max(other.from), to: self.to.min(other.to) };
        (both.from <= both.to).then_some(both)
    }
}

/// One sample, or several neighbours joined: it is in a condition only when every sample of it was.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Span {
    row: Row,
    least_utilization: f64,
    most_utilization: f64,
    /// Highest share of the SM clock's maximum.
    most_clock: Option<f64>,
    /// Whether a throttle reason was told that explains a low clock.
    explained: bool,
}

impl Span {
    fn of(at: Time, gpu: &Gpu, before: Option<&Span>) -> Option<Self> {
        let utilization = gpu.utilization.get()?;
        let clock = gpu.sm_clock.get().zip(gpu.sm_clock_max.get().filter(|max| *max > 0.0)).map(|(now, max)| now / max);
        Some(Span {
            row: Row { from: at, to: at },
            least_utilization: utilization,
            most_utilization: utilization,
            // A clock that is absent for once says nothing against the last one told.
            most_clock: clock.or(before.and_then(|span| span.most_clock)),
            explained: gpu.throttle_reasons.get().is_some_and(|bits| bits & !GPU_IDLE != 0),
        })
    }

    fn join(self, next: Span) -> Self {
        Span {
            row: Row { from: self.row.from, to: next.row.to },
            least_utilization: self.least_utilization.min(next.least_utilization),
            most_utilization: self.most_utilization.max(next.most_utilization),
            most_clock: self.most_clock.zip(next.most_clock).map(|(a, b)| a.max(b)),
            explained: self.explained || next.explained,
        }
    }
}

/// The reason "nothing runs", which explains nothing of a GPU that is busy.
const GPU_IDLE: u64 = 0x1;

impl GpuWindow {
    /// Takes in a reading.
    pub fn push(&mut self, at: Time, reading: &GpuReading) {
        for gpu in &reading.gpus {
            self.gpus.entry(gpu.identity()).or_insert_with(|| GpuHistory::new(gpu.index)).push(at, gpu);
        }
    }

    /// Takes in what vLLM says about the requests it runs.
    pub fn note_requests(&mut self, at: Time, sample: &VllmSample) {
        let running: Vec<f64> = sample.engines.iter().filter_map(|engine| engine.running).collect();
        if running.is_empty() {
            return;
        }
        let row =
            self.requests.filter(|row| row.to <= at).map_or(Row { from: at, to: at }, |row| Row { to: at, ..row });
        self.requests = running.iter().any(|requests| *requests > 0.0).then_some(row);
    }

    /// The row of samples in which vLLM ran requests, while it does.
    pub fn requests(&self) -> Option<Row> {
        self.requests
    }

    /// The history of `gpu`.
    pub fn of(&self, gpu: &Gpu) -> Option<&GpuHistory> {
        self.gpus.get(&gpu.identity())
    }

    /// The histories of all GPUs seen so far.
    pub fn histories(&self) -> impl Iterator<Item = &GpuHistory> {
        self.gpus.values()
    }

    /// The UUID of the GPU that was last seen at `index`; `None` where it told none.
    pub fn uuid_at(&self, index: u32) -> Option<&str> {
        let found = self.gpus.iter().find(|(identity, history)| history.index == index && is_uuid(identity));
        found.map(|(identity, _)| identity.as_str())
    }

    /// GPUs that an earlier reading had and `reading` does not name any more, with their UUIDs. NVML leaves a dead
    /// GPU out once it is initialised anew.
    pub fn vanished<'a>(&'a self, reading: &'a GpuReading) -> impl Iterator<Item = (&'a str, u32)> {
        let nameless = reading.gpus.iter().filter(|gpu| gpu.uuid.is_empty()).map(|gpu| gpu.index);
        let unnamed: Vec<u32> = nameless.chain(reading.lost.iter().map(|(index, _)| *index)).collect();
        let known = self.gpus.iter().map(|(identity, history)| (identity.as_str(), history.index));
        known.filter(|(identity, _)| is_uuid(identity)).filter(move |(identity, index)| {
            !unnamed.contains(index) && !reading.gpus.iter().any(|gpu| gpu.uuid == *identity)
        })
    }
}

/// See [`Gpu::identity`].
fn is_uuid(identity: &str) -> bool {
    !identity.starts_with("index ")
}

impl GpuHistory {
    fn new(index: u32) -> Self {
        GpuHistory {
            index,
            told: false,
            xids: BTreeMap::new(),
            uncorrected: None,
            temperature: None,
            throttle_reasons: None,
            remap_failed: None,
            ecc_uncorrected: None,
            spans: VecDeque::new(),
        }
    }

    fn push(&mut self, at: Time, gpu: &Gpu) {
        self.index = gpu.index;
        self.told |= gpu.tells_anything();
        told(&mut self.temperature, at, gpu.temperature);
        told(&mut self.throttle_reasons, at, gpu.throttle_reasons);
        told(&mut self.remap_failed, at, gpu.remap_failed);
        self.push_xids(&gpu.xids);
        self.push_ecc(at, gpu.ecc_uncorrected.get());
        self.push_span(at, gpu);
    }

    /// An event is told again at every reading, and a source that begins anew tells none: the arrival time decides.
    fn push_xids(&mut self, xids: &[XidCount]) {
        for told in xids.iter().filter(|told| told.count > 0) {
            let known = self.xids.entry(told.xid).or_insert(*told);
            if told.last_at > known.last_at {
                *known = *told;
            }
        }
    }

    /// The counter begins at 0 when the driver is loaded anew; what it holds at first sight may be old.
    fn push_ecc(&mut self, at: Time, now: Option<u64>) {
        let Some(now) = now else { return };
        let by = match self.ecc_uncorrected.replace(now) {
            Some(before) if now < before => now,
            Some(before) => now - before,
            None => 0,
        };
        if by > 0 {
            self.uncorrected = Some(Growth { at, by });
        }
    }

    fn push_span(&mut self, at: Time, gpu: &Gpu) {
        if self.spans.back().is_some_and(|last| last.row.to > at) {
            // The clock was set back: lengths measured across that step would be wrong.
            self.spans.clear();
        }
        if self.spans.len() == MAX_SPANS {
            join_neighbours(&mut self.spans, at);
        }
        self.spans.extend(Span::of(at, gpu, self.spans.back()));
    }

    /// The latest row of samples that were a silent power cap: at least this busy, the SM clock below this share of
    /// its maximum, and no throttle reason told.
    pub fn capped(&self, utilization: f64, clock: f64) -> Option<Row> {
        self.row(|span| {
            span.least_utilization >= utilization && span.most_clock.is_some_and(|c| c < clock) && !span.explained
        })
    }

    /// The latest row of samples that were less busy than this.
    pub fn below(&self, utilization: f64) -> Option<Row> {
        self.row(|span| span.most_utilization < utilization)
    }

    fn row(&self, holds: impl Fn(&Span) -> bool) -> Option<Row> {
        let first = self.spans.iter().rev().take_while(|span| holds(span)).last()?;
        Some(Row { from: first.row.from, to: self.spans.back()?.row.to })
    }
}

fn told<T: Copy>(known: &mut Option<Dated<T>>, at: Time, field: Field<T>) {
    *known = field.get().map(|value| Dated { at, value }).or(*known);
}

/// Joins the two neighbours that are shortest for their age, so that the newest samples stay exact and a span is
/// never long beside the time since it.
fn join_neighbours(spans: &mut VecDeque<Span>, now: Time) {
    let relative = |at: usize| {
        let (first, second) = (spans[at].row, spans[at + 1].row);
        seconds_since(second.to, first.from) / seconds_since(now, second.to).max(f64::MIN_POSITIVE)
    };
    let shortest = (0..spans.len().saturating_sub(1)).min_by(|a, b| relative(*a).total_cmp(&relative(*b)));
    if let Some(at) = shortest
        && let Some(second) = spans.remove(at + 1)
    {
        spans[at] = spans[at].join(second);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::observation::{Engine, Field};

    fn at(seconds: i64) -> Time {
        Time::from_second(1_795_348_800 + seconds).unwrap()
    }

    fn gpu(utilization: f64, clock: f64, reasons: u64) -> Gpu {
        Gpu {
            uuid: "GPU-a".into(),
            utilization: Field::Value(utilization),
            sm_clock: Field::Value(clock),
            sm_clock_max: Field::Value(3003e6),
            throttle_reasons: Field::Value(reasons),
            ..Gpu::default()
        }
    }

    fn window(samples: impl IntoIterator<Item = (i64, Gpu)>) -> GpuWindow {
        let mut window = GpuWindow::default();
        samples
            .into_iter()
            .for_each(|(s, gpu)| window.push(at(s), &GpuReading { gpus: vec![gpu], ..Default::default() }));
        window
    }

    fn capped(window: &GpuWindow) -> Option<f64> {
        window.histories().next().unwrap().capped(0.9, 0.4).map(Row::seconds)
    }

    #[test]
    fn a_silent_cap_lasts_from_its_first_sample() {
        let cap = || gpu(0.95, 630e6, 0);
        let samples = [(0, gpu(0.95, 2400e6, 0)), (5, cap()), (10, cap()), (70, gpu(0.95, 630e6, 1))];
        assert_eq!(capped(&window(samples)), Some(65.0), "the reason `gpu_idle` explains nothing");
    }

    #[test]
    fn a_told_reason_an_idle_gpu_and_a_high_clock_are_no_silent_cap() {
        assert_eq!(capped(&window([(0, gpu(0.95, 630e6, 0)), (5, gpu(0.95, 630e6, 0x4))])), None);
        assert_eq!(capped(&window([(0, gpu(0.5, 630e6, 0))])), None);
        assert_eq!(capped(&window([(0, gpu(0.95, 2400e6, 0))])), None);
        let no_maximum = Gpu { sm_clock_max: Field::Unsupported, ..gpu(0.95, 630e6, 0) };
        assert_eq!(capped(&window([(0, no_maximum)])), None);
    }

    #[test]
    fn absent_values_neither_end_a_row_nor_lengthen_it() {
        let no_clock = Gpu { sm_clock: Field::Unsupported, ..gpu(0.95, 0.0, 0) };
        let mute = Gpu { utilization: Field::Unsupported, ..gpu(0.0, 2400e6, 0) };
        let samples = [(0, gpu(0.95, 630e6, 0)), (60, no_clock), (90, mute)];
        assert_eq!(capped(&window(samples)), Some(60.0));
    }

    #[test]
    fn rows_are_found_over_hours_in_bounded_memory() {
        let busy = (0..1000).map(|n| (n * 5, gpu(0.95, 2400e6, 0)));
        let cap = (1000..10_000).map(|n| (n * 5, gpu(0.95, 630e6, 0)));
        let window = window(busy.chain(cap));
        let lasted = capped(&window).unwrap();
        assert!((42_000.0..=44_995.0).contains(&lasted), "{lasted} s of 44,995 s");
        assert!(window.histories().next().unwrap().spans.len() <= MAX_SPANS);
        for exception in [gpu(0.1, 630e6, 0), gpu(0.95, 2400e6, 0), gpu(0.95, 630e6, 0x4)] {
            let sample = |n: i64| (n * 5, if n == 1900 { exception.clone() } else { gpu(0.95, 630e6, 0) });
            let lasted = capped(&self::window((0..2000).map(sample))).unwrap();
            assert!((440.0..=495.0).contains(&lasted), "{lasted} s: a joined span holds only what all of it held");
        }
    }

    #[test]
    fn a_clock_set_back_starts_the_row_anew() {
        let samples = [(0, gpu(0.95, 630e6, 0)), (7200, gpu(0.95, 630e6, 0)), (100, gpu(0.95, 630e6, 0))];
        assert_eq!(capped(&window(samples)), Some(0.0));
    }

    #[test]
    fn requests_run_from_the_first_sample_with_one_until_one_without() {
        let sample = |running: Option<f64>| VllmSample {
            engines: vec![Engine { running, ..Engine::default() }],
            ..VllmSample::default()
        };
        let mut window = GpuWindow::default();
        for (s, running) in [(0, Some(0.0)), (10, Some(2.0)), (20, None), (40, Some(1.0))] {
            window.note_requests(at(s), &sample(running));
        }
        assert_eq!(window.requests(), Some(Row { from: at(10), to: at(40) }));
        window.note_requests(at(50), &sample(Some(0.0)));
        assert_eq!(window.requests(), None);
    }

    #[test]
    fn an_xid_is_new_once_and_a_restarted_source_fakes_none() {
        let xid = |count, last_at| Gpu { xids: vec![XidCount { xid: 79, count, last_at }], ..gpu(0.5, 1.0, 0) };
        let samples = [(0, xid(2, 100.0)), (5, xid(2, 100.0)), (10, gpu(0.5, 1.0, 0)), (15, xid(1, 200.0))];
        let window = window(samples);
        let known = window.histories().next().unwrap().xids[&79];
        assert_eq!((known.count, known.last_at), (1, 200.0));
        let late = self::window([(0, xid(2, 200.0)), (5, xid(1, 100.0))]);
        assert_eq!(late.histories().next().unwrap().xids[&79].last_at, 200.0);
        let forgetful = self::window([(0, xid(2, 100.0)), (5, gpu(0.5, 1.0, 0))]);
        assert_eq!(forgetful.histories().next().unwrap().xids[&79].last_at, 100.0);
    }

    #[test]
    fn uncorrected_errors_grow_from_what_was_seen_first() {
        let ecc = |errors| Gpu { ecc_uncorrected: Field::Value(errors), ..gpu(0.5, 1.0, 0) };
        let grown = |samples: Vec<(i64, Gpu)>| window(samples).histories().next().unwrap().uncorrected.map(|g| g.by);
        assert_eq!(grown(vec![(0, ecc(7)), (5, ecc(7))]), None);
        assert_eq!(grown(vec![(0, ecc(7)), (5, gpu(0.5, 1.0, 0)), (10, ecc(9))]), Some(2));
        assert_eq!(grown(vec![(0, ecc(7)), (5, ecc(0))]), None, "the driver was loaded anew");
        assert_eq!(grown(vec![(0, ecc(7)), (5, ecc(1))]), Some(1));
    }

    #[test]
    fn a_gpu_that_is_no_longer_listed_has_vanished() {
        let named = |index, uuid: &str| Gpu { index, uuid: uuid.into(), ..gpu(0.5, 1.0, 0) };
        let two = GpuReading { gpus: vec![named(0, "GPU-a"), named(1, "GPU-b")], ..GpuReading::default() };
        let mut window = GpuWindow::default();
        window.push(at(0), &two);
        let vanished = |reading: &GpuReading| window.vanished(reading).map(|(_, index)| index).collect::<Vec<_>>();
        assert!(vanished(&two).is_empty());
        assert_eq!(vanished(&GpuReading { gpus: vec![named(0, "GPU-b")], ..GpuReading::default() }), [0]);
        let lost =
            GpuReading { gpus: vec![named(0, "GPU-a")], lost: vec![(1, "lost".into())], ..GpuReading::default() };
        assert!(vanished(&lost).is_empty(), "it is named as lost");
    }
}
