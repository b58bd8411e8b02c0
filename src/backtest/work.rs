//! The threads: each takes the next block, reads its records, fills in what the block before leaves to it, and judges.
//!
//! Invariant: blocks are taken in order, and only what a block hands on to the next is waited for, so that no thread
//! waits for one that waits for it.

use std::collections::BTreeMap;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Mutex, PoisonError};

use super::blocks::{BLOCK, Blocks, Place, open};
use super::episodes::{Point, Step};
use super::found::{Codes, FindingCode, Found};
use super::instants::Limits;
use super::keys::Number;
use super::last::{Sample, fill, forget};
use super::record::{Moment, Reader, Refused, Told};
use super::replay::{Instant, Judged, Replay};
use super::{Counts, Outcome, Question, Span, Track};
use crate::assessment::{Assessment, Severity};
use crate::check::CHECKS;
use crate::jsonl::scan::lines;
use crate::observation::{RestartOutcome, Time, seconds_since};

/// What one block leaves to the next.
#[derive(Debug, Default)]
struct Handed {
    last: Option<Moment>,
    samples: Vec<Sample>,
}

/// What came of one block.
#[derive(Debug, Default)]
struct Done {
    points: Vec<Point>,
    counts: Counts,
    unknown: Codes,
    first: Option<Time>,
    last: Option<Time>,
    restarts: Vec<(Time, Option<RestartOutcome>)>,
}

/// The next block, and what the one before it leaves.
struct Feed {
    blocks: Blocks,
    number: usize,
    before: Receiver<Handed>,
}

/// Reads and judges everything, on as many threads as asked for.
pub(super) fn run(question: &Question) -> Outcome {
    let threads = match question.threads {
        0 => std::thread::available_parallelism().map_or(1, usize::from),
        threads => threads,
    };
    let size = if question.block == 0 { BLOCK } else { question.block };
    let (first, before) = channel();
    // The first block has none before it.
    drop(first.send(Handed::default()));
    let blocks = Blocks::new(question.places.iter().cloned(), size);
    let feed = Mutex::new(Feed { blocks, number: 0, before });
    let mut collected = Collected::default();
    std::thread::scope(|scope| {
        let (done, results) = channel();
        for _ in 0..threads {
            let (done, feed) = (done.clone(), &feed);
            scope.spawn(move || Worker::new(question).work(feed, &done));
        }
        drop(done);
        collected.collect(results);
    });
    let mut outcome = collected.outcome;
    let blocks = feed.into_inner().unwrap_or_else(PoisonError::into_inner).blocks;
    outcome.counts.spoilt += blocks.too_long;
    outcome.counts.bytes = blocks.bytes;
    outcome.failures = blocks.failures;
    outcome
}

/// The time of the first record at `place`, for putting series in order.
pub(super) fn first_time(place: &Place) -> Option<Time> {
    let Place::File(_) = place else { return None };
    let mut head = Vec::new();
    std::io::Read::read_to_end(&mut std::io::Read::take(open(place).ok()?, 1 << 16), &mut head).ok()?;
    let reader = Reader::default();
    lines(&head).find_map(|line| reader.read(line).ok()).map(|moment| moment.at)
}

struct Worker<'a> {
    reader: Reader,
    replay: Replay<'a>,
    limits: Limits,
    hold: f64,
    /// How long a condition of the GPU must last, seconds.
    sustained: f64,
}

impl<'a> Worker<'a> {
    fn new(question: &'a Question) -> Self {
        let phases = question.thresholds.phases.0.iter().map(|phase| phase.name.clone()).collect();
        Worker {
            reader: Reader { phases, since: question.since, until: question.until },
            replay: Replay::new(&question.config, &question.thresholds),
            limits: Limits::new(&question.thresholds),
            hold: question.config.system_state.hold(),
            sustained: question.thresholds.limits.gpu.sustained.0,
        }
    }

    fn work(&mut self, feed: &Mutex<Feed>, done: &Sender<(usize, Done)>) {
        let mut block = Vec::new();
        loop {
            let (hand_on, next) = channel();
            let (number, before) = {
                let mut feed = feed.lock().unwrap_or_else(PoisonError::into_inner);
                if !feed.blocks.next(&mut block) {
                    return;
                }
                feed.number += 1;
                (feed.number, std::mem::replace(&mut feed.before, next))
            };
            let (mut moments, counts) = self.read(&block);
            // Whoever should hand on has panicked; so will the scope.
            let Ok(handed) = before.recv() else { return };
            let after = fill_in(&mut moments, &handed, self.sustained);
            drop(hand_on.send(after));
            if done.send((number, self.judge(&moments, handed, counts))).is_err() {
                return;
            }
        }
    }

    fn read(&self, block: &[u8]) -> (Vec<Moment>, Counts) {
        let (mut moments, mut counts) = (Vec::with_capacity(block.len() / 2000), Counts::default());
        for line in lines(block).filter(|line| !line.trim_ascii().is_empty()) {
            moments.push(Moment::new());
            let Some(moment) = moments.last_mut() else { continue };
            let refused = match self.reader.read_into(moment, line) {
                Ok(()) => {
                    counts.foreign += moment.foreign as u64;
                    continue;
                }
                Err(Refused::NoRecord) => &mut counts.spoilt,
                Err(Refused::Newer) => &mut counts.newer,
                Err(Refused::Outside) => &mut counts.outside,
            };
            *refused += 1;
            moments.pop();
        }
        counts.records = moments.len() as u64;
        (moments, counts)
    }

    fn judge(&mut self, moments: &[Moment], handed: Handed, counts: Counts) -> Done {
        let mut series = Series {
            done: Done {
                counts,
                first: moments.first().map(|m| m.at),
                last: moments.last().map(|m| m.at),
                ..Done::default()
            },
            samples: handed.samples,
            last: None,
        };
        let mut before = handed.last.as_ref();
        for (place, moment) in moments.iter().enumerate() {
            let gap = before.map_or(0.0, |before| seconds_since(moment.at, before.at));
            let hole = before.is_some() && !(0.0..=self.hold).contains(&gap);
            match before {
                Some(before) if hole => series.hole(before, moment),
                Some(before) => self.between(&mut series, before, moment),
                None => {}
            }
            if let Some(before) = before {
                series.samples.extend(Sample::of(before));
                forget(&mut series.samples, moment.at, self.sustained);
            }
            let instant = Instant { moment, next: None, samples: &series.samples, at: moment.at };
            let judged = self.replay.judge(&instant);
            // The recorder writes at once when the severity changes; what else begins waits for the next record.
            let at_once = before.is_some_and(|before| before.severity != moment.severity);
            let slack = [if at_once { 0.0 } else { gap.max(0.0) }, gap.max(0.0)];
            series.point((moment, moment.at), judged, (hole, slack), place + 1 == moments.len());
            series.restart(before, moment);
            before = Some(moment);
        }
        series.done
    }

    /// Judges at the instants between two records at which an age crosses a limit.
    fn between(&mut self, series: &mut Series, before: &Moment, next: &Moment) {
        for at in self.limits.between(before, next) {
            let instant = Instant { moment: before, next: Some(next), samples: &series.samples, at };
            let judged = self.replay.judge(&instant);
            series.point((before, at), judged, (false, [0.0; 2]), false);
        }
    }
}

/// Fills in `moments`, and tells what the next block needs.
fn fill_in(moments: &mut [Moment], handed: &Handed, sustained: f64) -> Handed {
    for place in 0..moments.len() {
        let (done, rest) = moments.split_at_mut(place);
        if let (Some(moment), Some(before)) = (rest.first_mut(), done.last().or(handed.last.as_ref())) {
            fill(moment, before);
        }
    }
    let Some((last, earlier)) = moments.split_last() else {
        return Handed { last: handed.last.clone(), samples: handed.samples.clone() };
    };
    // The last one's own sample is taken when the next block judges.
    let recent = earlier.partition_point(|moment| seconds_since(last.at, moment.at) >= sustained).saturating_sub(1);
    let before = handed.last.as_ref().and_then(Sample::of);
    let before = handed.samples.iter().copied().chain(before).filter(|_| recent == 0);
    let mut samples: Vec<Sample> = before.chain(earlier[recent..].iter().filter_map(Sample::of)).collect();
    forget(&mut samples, last.at, sustained);
    Handed { last: Some(last.clone()), samples }
}

/// The points of one block in the making.
struct Series {
    done: Done,
    samples: Vec<Sample>,
    /// What was found at the last point, and what nothing was known of.
    last: Option<(Found, Found, [Codes; 2])>,
}

impl Series {
    fn hole(&mut self, before: &Moment, moment: &Moment) {
        if moment.at < before.at {
            self.done.counts.steps_back += 1;
        } else {
            self.done.counts.holes += 1;
            self.done.counts.hole_time += moment.at.duration_since(before.at);
        }
        // What stood before the hole stood up to its last record.
        if let Some((recorded, judged, pending)) = self.last {
            let texts = [Vec::new(), Vec::new()];
            let slack = [0.0; 2];
            self.done.points.push(Point { at: before.at, recorded, judged, pending, hole: false, slack, texts });
        }
    }

    fn point(&mut self, (moment, at): (&Moment, Time), judged: Judged, (hole, slack): (bool, [f64; 2]), is_last: bool) {
        self.done.unknown = self.done.unknown.and(judged.unknown);
        let pending = [pending(moment), judged.pending];
        let now = (moment.recorded, judged.found, pending);
        if self.last == Some(now) && !hole && !is_last {
            return;
        }
        let (recorded_before, judged_before) = self.last.map_or_else(Default::default, |(r, j, _)| (r, j));
        let texts = [
            said(moment.recorded, recorded_before, |code, severity| recorded_text(moment, code, severity)),
            said(judged.found, judged_before, |code, severity| {
                judged_text(&judged.assessment, code).or_else(|| recorded_text(moment, code, severity))
            }),
        ];
        // What is found from several records is found late; all else is exact.
        let late = judged.found.warn.without(judged_before.warn).within(over_time());
        let slack = [slack[0], if late.is_empty() { 0.0 } else { slack[1] }];
        self.last = Some(now);
        self.done.points.push(Point { at, recorded: now.0, judged: now.1, pending, hole, slack, texts });
    }

    /// Notes a restart that the watchdog made, or what came of it.
    fn restart(&mut self, before: Option<&Moment>, moment: &Moment) {
        let Some(age) = moment.get(Number::RestartAge) else { return };
        let earlier = before.and_then(|before| {
            let passed = seconds_since(moment.at, before.at);
            Some((before.get(Number::RestartAge)? + passed - age).abs() <= 1.0 && before.outcome == moment.outcome)
        });
        if earlier != Some(true) {
            let age = jiff::SignedDuration::try_from_secs_f64(age).unwrap_or_default();
            self.done.restarts.extend(moment.at.checked_sub(age).ok().map(|at| (at, moment.outcome)));
        }
    }
}

/// What must have lasted, and shows only in several records.
fn over_time() -> Codes {
    let codes = ["silent_cap", "idle"].into_iter().filter_map(|code| FindingCode::of("gpu", code));
    codes.fold(Codes::default(), Codes::with)
}

fn pending(moment: &Moment) -> Codes {
    let pending = (0..CHECKS.len()).filter(|place| moment.told[*place] == Told::Pending);
    pending.map(Codes::of_check).fold(Codes::default(), Codes::and)
}

/// The texts of the codes that are new or worse in `now`.
fn said(
    now: Found,
    before: Found,
    text: impl Fn(FindingCode, Severity) -> Option<String>,
) -> Vec<(FindingCode, Severity, String)> {
    let new = now.warn.without(before.warn).and(now.crit.without(before.crit));
    new.iter().filter_map(|code| Some((code, now.at(code), text(code, now.at(code))?))).collect()
}

fn judged_text(assessment: &Assessment, code: FindingCode) -> Option<String> {
    let (check, code) = code.names();
    if (check, code) == FindingCode::RESTART.names() {
        return Some(assessment.liveness.reason.clone());
    }
    let finding = assessment.check(check)?.findings.iter().find(|finding| finding.code == code)?;
    Some(finding.reason.clone())
}

/// What the record says of `code`: it tells the check of each text, not the code.
fn recorded_text(moment: &Moment, code: FindingCode, severity: Severity) -> Option<String> {
    let check = code.names().0;
    let texts = if severity == Severity::Crit { &moment.crits } else { &moment.warns };
    let texts: Vec<&str> = texts.iter().filter_map(|text| text.strip_prefix(check)?.strip_prefix(": ")).collect();
    (!texts.is_empty()).then(|| texts.join("; "))
}

/// Puts the blocks' results together, in order.
struct Collected {
    outcome: Outcome,
    waiting: BTreeMap<usize, Done>,
    next: usize,
}

impl Default for Collected {
    fn default() -> Self {
        let outcome = Outcome {
            from: None,
            to: None,
            counts: Counts::default(),
            unknown: Codes::default(),
            failures: Vec::new(),
            recorded: Track::default(),
            judged: Track::default(),
            spans: Vec::new(),
            restarts: Vec::new(),
            rows: Vec::new(),
            alerts_recorded: Vec::new(),
            alerts_judged: Vec::new(),
        };
        Collected { outcome, waiting: BTreeMap::new(), next: 1 }
    }
}

impl Collected {
    fn collect(&mut self, results: Receiver<(usize, Done)>) {
        for (number, done) in results {
            self.waiting.insert(number, done);
            while let Some(done) = self.waiting.remove(&self.next) {
                self.next += 1;
                self.add(done);
            }
        }
    }

    fn add(&mut self, done: Done) {
        let outcome = &mut self.outcome;
        outcome.from = outcome.from.or(done.first);
        outcome.to = done.last.or(outcome.to);
        outcome.counts.add(&done.counts);
        outcome.unknown = outcome.unknown.and(done.unknown);
        for (at, outcome_of_it) in done.restarts {
            match self.outcome.restarts.last_mut() {
                Some((known, came)) if seconds_since(at, *known).abs() <= 1.0 => *came = outcome_of_it,
                _ => self.outcome.restarts.push((at, outcome_of_it)),
            }
        }
        done.points.iter().for_each(|point| self.point(point));
    }

    fn point(&mut self, point: &Point) {
        let outcome = &mut self.outcome;
        outcome.span(point);
        let step = |found, side: usize| Step {
            at: point.at,
            found,
            pending: point.pending[side],
            hole: point.hole,
            slack: point.slack[side],
            texts: &point.texts[side],
        };
        outcome.recorded.step(&step(point.recorded, 0));
        outcome.judged.step(&step(point.judged, 1));
        let now = (outcome.recorded.found().severity(), outcome.judged.found().severity());
        if outcome.spans.last().is_none_or(|last| last.severities != Some(now)) {
            outcome.spans.push(Span { from: point.at, to: point.at, severities: Some(now) });
        }
    }
}

impl Outcome {
    /// Lets the last span reach up to `point`, or adds the hole before it.
    fn span(&mut self, point: &Point) {
        let Some(last) = self.spans.last_mut() else { return };
        if !point.hole {
            last.to = point.at;
            return;
        }
        let from = last.to;
        self.spans.push(Span { from, to: point.at.max(from), severities: None });
    }
}

impl Counts {
    fn add(&mut self, other: &Counts) {
        self.records += other.records;
        self.spoilt += other.spoilt;
        self.newer += other.newer;
        self.outside += other.outside;
        self.foreign += other.foreign;
        self.holes += other.holes;
        self.hole_time += other.hole_time;
        self.steps_back += other.steps_back;
    }
}
