//! Style, script and icon: compiled in, and called after what is in them, so that a browser may keep them for ever.
//!
//! Invariant: nothing of the data is in them.

use std::sync::{Arc, LazyLock};

use super::book::Book;
use super::draft;
use super::source::short;
use crate::journey::draft::Draft;

/// A file that comes with the program.
pub(super) struct Asset {
    /// Its path in the site.
    pub(super) path: String,
    text: &'static str,
}

impl Asset {
    fn new(name: &str, ending: &str, text: &'static str) -> Self {
        Asset { path: format!("assets/{name}-{}.{ending}", short(text.as_bytes(), 10)), text }
    }
}

/// The style of all pages.
pub(super) static STYLE: LazyLock<Asset> =
    LazyLock::new(|| Asset::new("site", "css", include_str!("../../../templates/journey/site.css")));
/// The script of all pages: relative times, what is new, search. No page needs it.
pub(super) static SCRIPT: LazyLock<Asset> =
    LazyLock::new(|| Asset::new("site", "js", include_str!("../../../templates/journey/site.js")));
/// The icon of the site.
pub(super) static ICON: LazyLock<Asset> =
    LazyLock::new(|| Asset::new("icon", "svg", include_str!("../../../templates/journey/icon.svg")));

/// The three files.
pub(super) fn drafts<'a>(book: &Arc<Book<'a>>) -> Vec<Draft<'a>> {
    let one =
        |asset: &'static Asset| draft(book, asset.path.clone(), book.seed(), |_| Ok(asset.text.as_bytes().to_vec()));
    vec![one(&STYLE), one(&SCRIPT), one(&ICON)]
}
