//! What happened in the made-up run, before it is written down.

use std::collections::BTreeMap;

use jiff::SignedDuration;

use autoswe_exporter::journey::run::Outcome;
use autoswe_exporter::observation::Time;

use super::beginning;
use super::chance::Chance;
use super::words::MODULES;

/// Cells of the parity matrix.
pub(crate) const CELLS: u64 = 720;

/// The whole run.
pub(crate) struct Story {
    /// Oldest first.
    pub(crate) iterations: Vec<Iteration>,
    /// When the last one began that is not finished.
    pub(crate) present: Time,
}

/// One iteration.
pub(crate) struct Iteration {
    pub(crate) epoch: u64,
    pub(crate) iter: u64,
    pub(crate) slug: String,
    pub(crate) module: &'static str,
    pub(crate) outcome: Outcome,
    pub(crate) started: Time,
    pub(crate) ended: Time,
    /// How often the judge sent it back before its last word.
    pub(crate) revisions: u64,
    pub(crate) files: Vec<String>,
    /// Its share of what turned green.
    pub(crate) gain: u64,
    /// Cells that it turned red for a while.
    pub(crate) loss: u64,
    /// Kind of the hang, a number.
    pub(crate) wedge: u64,
    /// Its commit, once there is a repository.
    pub(crate) commit: Option<String>,
    /// Tokens by model, once there are transcripts.
    pub(crate) tokens: BTreeMap<&'static str, u64>,
}

impl Story {
    /// The story of `count` finished iterations.
    pub(super) fn new(count: u64, chance: &mut Chance) -> Self {
        let mut iterations: Vec<Iteration> = Vec::new();
        let mut now = beginning();
        // Three epochs, each longer than the one before.
        let epochs = [count / 6, count / 2, count];
        for index in 0..count {
            let epoch = 1 + epochs.iter().filter(|end| **end <= index).count() as u64;
            let iter = iterations.last().map_or(0, |last| if last.epoch == epoch { last.iter } else { 0 }) + 1;
            now += pause(chance);
            let iteration = Iteration::new((epoch, iter), index * 100 / count.max(1), now, chance);
            now = iteration.ended;
            iterations.push(iteration);
        }
        Story { iterations, present: now + SignedDuration::from_secs(7) }
    }

    /// Where the parity matrix stands after each iteration: green cells, and cells in all.
    ///
    /// However long the run is, it goes from an eighth to nearly all; twice the scope grows.
    pub(crate) fn parity(&self) -> impl Iterator<Item = (u64, u64)> {
        let all: u64 = self.iterations.iter().map(|iteration| iteration.gain).sum();
        let mut gained = 0;
        self.iterations.iter().enumerate().map(move |(at, iteration)| {
            gained += iteration.gain;
            let scope = CELLS - [80, 40, 0, 0][at * 4 / self.iterations.len()];
            let green = CELLS / 8 + (CELLS * 4 / 5) * gained / all.max(1);
            (green.min(scope - 40) - iteration.loss, scope)
        })
    }
}

/// Between two iterations: seconds, now and then hours in which nobody was there to mend something.
fn pause(chance: &mut Chance) -> SignedDuration {
    let seconds = match chance.below(400) {
        0 => chance.between(3 * 3600, 11 * 3600),
        1..=8 => chance.between(600, 3600),
        _ => chance.between(4, 40),
    };
    SignedDuration::from_secs(i64::try_from(seconds).unwrap_or(0))
}

impl Iteration {
    /// An iteration of a run that is `progress` percent through.
    fn new((epoch, iter): (u64, u64), progress: u64, started: Time, chance: &mut Chance) -> Self {
        // Modules are taken up in order, with a look back now and then.
        let last = MODULES.len() as u64 - 1;
        let at = (progress * (last + 1) / 100).min(last);
        let at = if chance.percent(25) { chance.below(at + 1) } else { at };
        let module = &MODULES[usize::try_from(at).unwrap_or(0)];
        let feature = chance.one(module.features);
        let outcome = outcome(progress, chance);
        let revisions = if outcome == Outcome::WedgedNoVerdict { 0 } else { chance.below(10).saturating_sub(6) };
        let minutes = 9 + chance.below(22) + revisions * 8 + if outcome == Outcome::WedgedNoVerdict { 16 } else { 0 };
        let length = minutes * 60 + chance.below(60);
        Iteration {
            epoch,
            iter,
            slug: format!("{}-{feature}", module.name.rsplit('/').next().unwrap_or("core")),
            module: module.name,
            outcome,
            started,
            ended: started + SignedDuration::from_secs(i64::try_from(length).unwrap_or(0)),
            revisions,
            files: files(module.name, feature, chance),
            gain: if outcome == Outcome::Accept { chance.below(4) } else { 0 },
            loss: if outcome == Outcome::Accept && chance.below(40) == 0 { chance.between(1, 3) } else { 0 },
            wedge: chance.next(),
            commit: None,
            tokens: BTreeMap::new(),
        }
    }
}

/// The loop gets better: from half accepted to four of five.
fn outcome(progress: u64, chance: &mut Chance) -> Outcome {
    let (accept, wedged) = (52 + progress * 28 / 100, 9 - progress * 7 / 100);
    match chance.below(100) {
        roll if roll < accept => Outcome::Accept,
        roll if roll < accept + wedged => Outcome::WedgedNoVerdict,
        _ => Outcome::Revert,
    }
}

fn files(module: &str, feature: &str, chance: &mut Chance) -> Vec<String> {
    let snake = feature.replace('-', "_");
    let mut files = vec![format!("src/{module}.rs"), format!("tests/{}_{snake}.rs", module.replace('/', "_"))];
    if chance.percent(40) {
        files.push(format!("src/{module}/{snake}.rs"));
    }
    if chance.percent(15) {
        files.push("docs/behaviour.md".into());
    }
    files.sort();
    files
}
