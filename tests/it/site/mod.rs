//! The journey's site: made of invented journeys, read back, looked at.

#[path = "../../site_sample/mod.rs"]
pub(crate) mod sample;

mod feed;
mod hostile;
mod html;
pub(crate) mod look;
mod made;

use std::collections::BTreeMap;

use autoswe_exporter::journey::site::{Settings, files};
use autoswe_exporter::journey::site_data::SiteData;

/// A site's settings with everything on.
pub(crate) fn settings() -> Settings {
    Settings {
        title: "Porting the ledger".into(),
        base_url: None,
        commit_url: Some("https://git.example.org/ledger/commit/{hash}".into()),
        with_site: true,
    }
}

/// Every file of the site of `data`, by path.
pub(crate) fn site(data: &SiteData, settings: &Settings) -> BTreeMap<String, Vec<u8>> {
    let drafts = files(data, settings);
    let count = drafts.len();
    let made: BTreeMap<_, _> =
        drafts.into_iter().map(|draft| (draft.path.clone(), (draft.render)().expect("a file"))).collect();
    assert_eq!(made.len(), count, "two files of one path");
    made
}
