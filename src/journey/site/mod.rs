//! The site: from what may be shown to the files that show it.
//!
//! [`files`] is a pure function. It names every file, says by a digest what the file is made of, and makes the bytes of
//! those alone that somebody asks for:
//!
//! ```text
//! SiteData  ->  Book (look-ups, made once)  ->  site-data.json, its schema, Markdown   always
//!                                           ->  pages, charts, feed, assets            with_site
//! ```
//!
//! Invariants:
//!
//! 1. Nothing but the site data, the settings and this program's text has a say: no clock, no disk.
//! 2. A new iteration changes its own files, its neighbour's, the newest page of each list that it is in, and the
//!    overview: what is older keeps its digest.
//! 3. No page needs a script, and none loads anything from elsewhere: every page carries a Content-Security-Policy that
//!    forbids it, and neither a script nor a style stands within a page.
//! 4. Every text comes out escaped for where it stands, and what is not known is said to be so.

mod assets;
mod book;
mod chart;
mod feed;
mod figures;
mod front_matter;
mod group;
mod json;
mod markdown;
mod names;
mod page;
mod prose;
mod say;
mod source;

use std::sync::Arc;

use self::book::Book;
use self::source::Source;
use super::draft::Draft;
use super::site_data::SiteData;
use super::threads::beside;

/// What the operator has a say in.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Settings {
    /// Title of the site.
    pub title: String,
    /// Where the site will be seen, `http` or `https`; `None` or anything else: every link is relative.
    pub base_url: Option<String>,
    /// Where a commit can be looked at, `http` or `https`, with `{hash}` in place of its hash; `None` or anything else:
    /// commits are no links.
    pub commit_url: Option<String>,
    /// Whether there are pages, or only the data, its schema and the Markdown files.
    pub with_site: bool,
}

/// Every file that is made of `data`, in the order of their paths.
pub fn files<'a>(data: &'a SiteData, settings: &'a Settings) -> Vec<Draft<'a>> {
    let book = Arc::new(Book::new(data, settings));
    let pages = || if settings.with_site { pages(&book) } else { Vec::new() };
    let (pages, mut drafts) =
        beside(pages, || [json::drafts(&book), markdown::drafts(&book)].into_iter().flatten().collect::<Vec<_>>());
    drafts.extend(pages);
    // Most are in order already, kind by kind: a sort that makes use of that.
    drafts.sort_by(|one, other| one.path.cmp(&other.path));
    drafts
}

/// What there is with the pages alone.
fn pages<'a>(book: &Arc<Book<'a>>) -> Vec<Draft<'a>> {
    let mut drafts = assets::drafts(book);
    drafts.push(feed::draft(book));
    drafts.extend(page::drafts(book));
    drafts
}

/// The draft at `path`, whose bytes depend on `source` and on the path.
fn draft<'a>(
    book: &Arc<Book<'a>>,
    path: String,
    source: Source,
    render: impl Fn(&Book<'a>) -> anyhow::Result<Vec<u8>> + Send + Sync + 'a,
) -> Draft<'a> {
    let source = source.text(&path).done();
    let book = Arc::clone(book);
    Draft { path, source, render: Box::new(move || render(&book)) }
}
