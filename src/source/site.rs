//! The published site: when it was last up to date, when the data it was built from was written, and what the last
//! synthesis of the journey did.
//!
//! Invariant: of the site nothing is opened, whatever its size; only `last-run.json`, when it has changed. Where a release
//! is shown, it alone counts, and a site of an earlier builder is not looked at.

use std::path::{Path, PathBuf};

use crate::config::Config;
use crate::journey::last_run::{self, LastRun};
use crate::observation::{Data, Failure, FailureKind, Reading, Site, Time};
use crate::source::Source;
use crate::source::file::{Cached, modified_at, stat_regular};

/// The manifest of the release that is shown, below `journey.output_dir`.
pub const MANIFEST: &str = "current/manifest.json";

/// Looks at the site's files.
#[derive(Debug)]
pub struct SiteSource {
    index: PathBuf,
    data: PathBuf,
    manifest: PathBuf,
    last_run: Cached<LastRun>,
}

impl SiteSource {
    /// The source as `config` has it: sections `site` and `journey`.
    pub fn new(config: &Config) -> Self {
        let last_run = config.in_runtime_dir(&config.journey.state_dir).join(last_run::NAME);
        SiteSource {
            index: config.in_repo(&config.site.index),
            data: config.in_repo(&config.site.data),
            manifest: config.in_repo(&config.journey.output_dir).join(MANIFEST),
            last_run: Cached::new("last synthesis", last_run, last_run::MAX),
        }
    }

    /// The site of another builder than this program.
    fn built_elsewhere(&self) -> Reading<Site> {
        modified("site", &self.index).and_then(|at| {
            let site = |data_at| Site { built_at: Some(at), data_at, synthesis: None };
            match modified("site data", &self.data) {
                Reading::Observed(data_at) => Reading::Observed(site(Some(data_at))),
                Reading::Missing(_) => Reading::Observed(site(None)),
                Reading::Failed(failure) => Reading::Failed(failure),
            }
        })
    }
}

impl Source for SiteSource {
    fn read(&mut self, _now: Time) -> Reading<Data> {
        let synthesis = match self.last_run.read(|bytes, _| LastRun::parse(bytes)) {
            Reading::Observed(run) => Some(run),
            Reading::Missing(_) => None,
            Reading::Failed(failure) => return Reading::Failed(failure),
        };
        let last_success = synthesis.as_ref().and_then(|run| run.last_success_at);
        let site = match modified("manifest", &self.manifest) {
            Reading::Observed(at) => {
                Reading::Observed(Site { built_at: last_success.or(Some(at)), data_at: None, synthesis: None })
            }
            Reading::Missing(_) => self.built_elsewhere(),
            Reading::Failed(failure) => Reading::Failed(failure),
        };
        match (site, synthesis) {
            // A first synthesis that came to nothing is not "no site": somebody waits for it.
            (Reading::Missing(_), synthesis @ Some(_)) => {
                Reading::Observed(Data::Site(Site { built_at: None, data_at: None, synthesis }))
            }
            (site, synthesis) => site.map(|site| Data::Site(Site { synthesis, ..site })),
        }
    }
}

fn modified(what: &str, path: &Path) -> Reading<Time> {
    stat_regular(what, path).and_then(|metadata| match modified_at(&metadata) {
        Some(time) => Reading::Observed(time),
        None => Reading::Failed(Failure::new(
            FailureKind::Malformed,
            format!("{what} {}: its modification time is out of range; touch it", path.display()),
        )),
    })
}
