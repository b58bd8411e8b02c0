//! The published site: when its first page was built, and when the data it was built from was written.
//!
//! Invariant: nothing is opened; two looks at two files, whatever their size.

use std::path::{Path, PathBuf};

use crate::config::Config;
use crate::observation::{Data, Failure, FailureKind, Reading, Site, Time};
use crate::source::Source;
use crate::source::file::{modified_at, stat_regular};

/// Looks at the site's files.
#[derive(Debug)]
pub struct SiteSource {
    index: PathBuf,
    data: PathBuf,
}

impl SiteSource {
    /// The source as `config` has it: section `site`, relative to `repo_root`.
    pub fn new(config: &Config) -> Self {
        SiteSource { index: config.in_repo(&config.site.index), data: config.in_repo(&config.site.data) }
    }
}

impl Source for SiteSource {
    fn read(&mut self, _now: Time) -> Reading<Data> {
        modified("site", &self.index).and_then(|built_at| match modified("site data", &self.data) {
            Reading::Observed(data_at) => Reading::Observed(Data::Site(Site { built_at, data_at: Some(data_at) })),
            Reading::Missing(_) => Reading::Observed(Data::Site(Site { built_at, data_at: None })),
            Reading::Failed(failure) => Reading::Failed(failure),
        })
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
