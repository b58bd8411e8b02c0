//! The journey's site: made of invented journeys, read back, looked at.

#[path = "../../site_sample/mod.rs"]
pub(crate) mod sample;

mod feed;
mod hostile;
mod html;
mod look;
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

/// Writes a site below `folder`.
pub(crate) fn write(site: &BTreeMap<String, Vec<u8>>, folder: &std::path::Path) {
    for (path, bytes) in site {
        let path = folder.join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, bytes).unwrap();
    }
}

/// For `docs/images/make-site`: the site of an ordinary journey, kept where `AUTOSWE_SITE_FOLDER` says. Without it the
/// site is written and taken away.
#[test]
fn a_site_can_be_written_and_kept() {
    let count = std::env::var("AUTOSWE_SITE_ITERATIONS").map_or(64, |count| count.parse().unwrap());
    let own = tempfile::tempdir().unwrap();
    let folder = std::env::var("AUTOSWE_SITE_FOLDER").map_or_else(|_| own.path().to_owned(), Into::into);
    let data = match std::env::var("AUTOSWE_SITE_KIND").as_deref() {
        Ok("hostile") => hostile::hostile(),
        Ok("empty") => SiteData::default(),
        _ => sample::journey(count),
    };
    write(&site(&data, &settings()), &folder);
    assert!(folder.join("index.html").exists());
}
