//! One run of the journey, from the loop's files to the release that is shown.
//!
//! ```text
//! lock -> freeze -> nothing new? -> read -> render -> (builder) -> gate -> release -> flip -> prune -> last-run.json
//! ```
//!
//! Invariants:
//!
//! 1. One run at a time. It ends: nothing in it waits without a limit.
//! 2. It fails closed: whatever goes wrong before the flip, what was shown is shown still.
//! 3. What it was made of is remembered only once the release is shown, so that a run that failed is made again.

mod builder;
mod configured;
mod gate;
mod lock;
mod parts;
mod report;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

pub use builder::Builder;
pub use configured::Configured;
pub use lock::Error as LockError;
pub use parts::{Parts, Progress, Told};
pub use report::FILE as REPORT;

use super::digest::{Digest, hex, sha256};
use super::last_run::{self, LastRun, Outcome};
use super::release::{Built, Gate, Note, Piece, Private, Refusal, Release, Step, Store, Terms, UNWATCHED, Withdrawn};
use super::site_data::SiteData;
use crate::observation::Time;

/// The file of a release that shows that it has pages.
const FRONT_PAGE: &str = "index.html";
/// The private file with what the last release was made of.
const MADE_OF: &str = "made-of";
/// The private file that is there once a release with pages was shown.
const WITH_SITE: &str = "with-site";
/// What files that could not be scanned count as.
pub const COULD_NOT_SCAN: &str = "could-not-scan";

/// What is asked of a run.
#[derive(Debug, Clone)]
pub struct Request {
    /// The output directory.
    pub output: PathBuf,
    /// The state directory.
    pub state: PathBuf,
    /// Releases that are kept beside the one that is shown.
    pub keep: usize,
    /// Whether files that compress well get compressed forms beside them.
    pub sidecars: bool,
    /// Whether pages are made though what is shown has none.
    pub rebuild_site: bool,
    /// Whether the release is shown.
    pub publish: bool,
    /// The name of a snapshot that is to be kept of it.
    pub snapshot: Option<String>,
    /// How long another run is waited for.
    pub patience: Duration,
    /// Builds the pages in place of this program.
    pub builder: Option<Builder>,
}

/// How a run ended.
#[derive(Debug)]
pub struct Report {
    /// What was written to `last-run.json`.
    pub last_run: LastRun,
    /// The release that was made or found, shown or not.
    pub release: Option<Release>,
    /// Why it was refused.
    pub refusal: Option<Refusal>,
    /// What the present rules did not let pass of what was published earlier.
    pub withdrawn: Vec<Withdrawn>,
    /// What an operator should know.
    pub notes: Vec<Note>,
    /// Why it failed.
    pub error: Option<anyhow::Error>,
}

/// Runs once.
///
/// # Errors
/// When another run is at work, or there is no state directory to tell anything in. Whatever else goes wrong is told in
/// the [`Report`] and in `last-run.json`.
pub fn run<P: Parts>(parts: &P, request: &Request, told: Told<'_>) -> anyhow::Result<Report> {
    let (started_at, start) = (Time::now(), Instant::now());
    let private = Arc::new(Private::open(&request.state)?);
    let _lock = lock::take(&request.state, request.patience, told)?;
    let earlier = private.get(last_run::NAME).and_then(|bytes| LastRun::parse(&bytes).ok());
    let mut run = Run { parts, request, told, private: Arc::clone(&private), found: Found::default() };
    // What is still being written ends with the run, also when the work ended early.
    let (outcome, error) = match (run.work(), parts.settle()) {
        (Ok(outcome), Ok(_)) => (outcome, None),
        (Err(error), _) | (Ok(_), Err(error)) => (Outcome::Failed, Some(error)),
    };
    let found = run.found;
    let last_run = LastRun {
        started_at: Some(started_at),
        duration_seconds: Some(start.elapsed().as_secs_f64()),
        ..found.last_run(outcome, earlier)
    };
    found.write(&private, &last_run)?;
    let Found { release, refusal, withdrawn, notes, .. } = found;
    Ok(Report { last_run, release, refusal, withdrawn, notes, error })
}

/// What a run has come to so far.
#[derive(Default)]
struct Found {
    /// The release that was made or found.
    release: Option<Release>,
    /// Whether it is shown, and how many iterations it has where that is known.
    shown: Option<Option<u64>>,
    refusal: Option<Refusal>,
    withdrawn: Vec<Withdrawn>,
    notes: Vec<Note>,
}

impl Found {
    /// What is told of it, after what `earlier` told.
    fn last_run(&self, outcome: Outcome, mut earlier: Option<LastRun>) -> LastRun {
        if let Some(earlier) = &mut earlier
            && self.withdrawn.iter().any(|withdrawn| withdrawn.was_shown)
        {
            (earlier.iterations, earlier.release) = (None, None);
        }
        let mut told = LastRun { findings: self.counts(), ..LastRun::new(Time::now(), outcome) };
        if let (Some(iterations), Some(found)) = (self.shown, &self.release) {
            told.iterations = iterations;
            let Release { hash, bytes, files, .. } = found.clone();
            told.release = Some(last_run::Release { hash, bytes, files });
        }
        told.after(earlier.as_ref())
    }

    /// What the gate found, by rule, in the new release and in earlier ones.
    fn counts(&self) -> BTreeMap<String, u64> {
        let mut counts = BTreeMap::new();
        for refusal in self.refusal.iter().chain(self.withdrawn.iter().map(|withdrawn| &withdrawn.refusal)) {
            for (rule, count) in &refusal.counts {
                *counts.entry(rule.clone()).or_default() += count;
            }
            if !refusal.unscanned.is_empty() {
                *counts.entry(COULD_NOT_SCAN.to_owned()).or_default() += refusal.unscanned.len() as u64;
            }
        }
        counts
    }

    /// Writes the private reports, and last `last-run.json`.
    fn write(&self, private: &Private, last_run: &LastRun) -> anyhow::Result<()> {
        for withdrawn in &self.withdrawn {
            report::withdrawn(private, last_run.ended_at, withdrawn)?;
        }
        match &self.refusal {
            Some(refusal) => report::refused(private, last_run.ended_at, refusal)?,
            None if last_run.outcome != Outcome::Failed => report::passed(private)?,
            None => {}
        }
        let mut json = serde_json::to_vec_pretty(last_run)?;
        json.push(b'\n');
        Ok(private.put(last_run::NAME, &json)?)
    }
}

struct Run<'a, P> {
    parts: &'a P,
    request: &'a Request,
    told: Told<'a>,
    private: Arc<Private>,
    found: Found,
}

impl<P: Parts> Run<'_, P> {
    fn work(&mut self) -> anyhow::Result<Outcome> {
        let frozen = self.parts.freeze()?;
        let gate = self.parts.gate()?;
        let store = Store::open(&self.request.output, Arc::clone(&self.private))?;
        let with_site = self.with_site(&store)?;
        (self.told)(Progress::Rescanning);
        self.found.withdrawn = store.rescan(&*gate)?;
        let made_of = self.made_of(&self.parts.digest(&frozen), &gate.rules_hash(), with_site);
        if let Some(release) = self.nothing_new(&store, &made_of)? {
            self.keep(&store, &release)?;
            (self.found.release, self.found.shown) = (Some(release), Some(None));
            return Ok(Outcome::Unchanged);
        }
        let data = self.parts.read(frozen, self.told)?;
        let built = self.build(&store, &*gate, &data, with_site);
        self.found.notes = self.parts.settle()?;
        let iterations = data.iterations.len() as u64;
        // Giving back so many texts takes a while, and nobody waits for it.
        std::thread::spawn(move || drop(data));
        let release = match built? {
            Built::Clean(release) => release,
            Built::Refused(refusal) => {
                self.found.refusal = Some(refusal);
                return Ok(Outcome::Refused);
            }
        };
        (self.told)(Progress::Releasing);
        self.found.release = Some(release.clone());
        let is_news = self.request.publish && self.show(&store, &release, iterations)?;
        self.keep(&store, &release)?;
        store.prune(self.request.keep, &release.hash, UNWATCHED)?;
        if self.request.publish {
            self.remember(&made_of, with_site)?;
        }
        Ok(if is_news { Outcome::Published } else { Outcome::Unchanged })
    }

    /// Whether pages are made: when they are asked for, and from then on, also when what was shown was withdrawn.
    fn with_site(&self, store: &Store) -> anyhow::Result<bool> {
        Ok(self.request.rebuild_site || self.private.get(WITH_SITE).is_some() || store.shows(FRONT_PAGE)?)
    }

    /// Leaves to the next run what was shown.
    fn remember(&self, made_of: &Digest, with_site: bool) -> anyhow::Result<()> {
        if with_site && self.private.get(WITH_SITE).is_none() {
            self.private.put(WITH_SITE, b"")?;
        }
        Ok(self.private.put(MADE_OF, hex(made_of).as_bytes())?)
    }

    /// Digest of all that a release is made of.
    fn made_of(&self, inputs: &Digest, rules: &Digest, with_site: bool) -> Digest {
        let builder = self.request.builder.as_ref().filter(|_| with_site).map(Builder::identity).unwrap_or_default();
        let settings = [with_site, self.request.sidecars].map(|is_on| is_on.to_string()).join(" ");
        let text = [env!("CARGO_PKG_VERSION"), &hex(inputs), &hex(rules), &settings, &builder];
        sha256(text.join("\n").as_bytes())
    }

    /// What is shown, when it was made of the same and lies there as it was written.
    fn nothing_new(&self, store: &Store, made_of: &Digest) -> anyhow::Result<Option<Release>> {
        let is_same = self.private.get(MADE_OF).is_some_and(|known| known == hex(made_of).as_bytes());
        Ok(if is_same { store.intact()? } else { None })
    }

    fn build(&self, store: &Store, gate: &dyn Gate, data: &SiteData, with_site: bool) -> anyhow::Result<Built> {
        let builder = self.request.builder.as_ref().filter(|_| with_site);
        let drafts = self.parts.drafts(data, with_site && builder.is_none());
        // What the pieces read from must outlive them.
        let mut built = None;
        let mut pieces = Vec::new();
        if let Some(builder) = builder {
            (self.told)(Progress::Building);
            let output = built.insert(builder.build(self.private.path(), &drafts, data.as_of)?);
            pieces.extend(output.pieces()?);
        }
        pieces.extend(drafts.into_iter().map(Piece::from));
        let watch = |step| {
            if let Step::Making { done, of } = step {
                (self.told)(Progress::Making { done, of });
            }
            Ok(())
        };
        let Request { keep, sidecars, .. } = *self.request;
        let terms = Terms { as_of: data.as_of, keep, sidecars, watch: &watch };
        Ok(store.build(pieces, gate, terms)?)
    }

    /// Shows `release`; `false` when it was shown already.
    fn show(&mut self, store: &Store, release: &Release, iterations: u64) -> anyhow::Result<bool> {
        let is_flipped = store.flip(&release.hash, UNWATCHED)?;
        self.found.shown = Some(Some(iterations));
        self.found.notes.extend(store.make_compatible()?);
        Ok(is_flipped || release.is_new)
    }

    /// Keeps the snapshot that is asked for.
    fn keep(&self, store: &Store, release: &Release) -> anyhow::Result<()> {
        if let Some(id) = &self.request.snapshot {
            store.snapshot(id, &release.hash)?;
        }
        Ok(())
    }
}
