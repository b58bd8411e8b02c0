//! The pages, as drafts: which there are, what each is made of, and the frame around all of them.
//!
//! Invariant: every link is relative to the page that it stands on, so that the same bytes work in any folder, in a
//! snapshot and from a disk; the page that says "not found" may be shown in place of any other, and so links to nothing
//! where it is not told where the site lies.

mod index;
mod iteration;
mod list;
mod rows;
mod search;

use std::sync::Arc;

use askama::Template;

use super::assets::{ICON, SCRIPT, STYLE};
use super::book::Book;
use super::draft;
use super::group::{self, Kind};
use crate::journey::draft::Draft;
use list::Subject;

/// What surrounds every page.
pub(super) struct Frame<'b> {
    /// From the page to the root of the site: empty, `../` or `../../`.
    root: &'static str,
    /// Title of the page alone; empty for the overview.
    title: String,
    /// Title of the site.
    site: &'b str,
    /// A sentence about the page.
    about: String,
    /// The page's own URL, where it is known where the site lies.
    canonical: Option<String>,
    /// The part of the site that the page belongs to, a folder's name.
    part: &'static str,
    style: &'static str,
    script: &'static str,
    icon: &'static str,
}

impl<'b> Frame<'b> {
    /// The frame of the page at `path`.
    fn new(book: &'b Book<'_>, path: &str, title: String, about: String) -> Self {
        let root = match path.matches('/').count() {
            0 => "",
            1 => "../",
            _ => "../../",
        };
        let parts = ["iterations", "modules", "epochs", "outcomes", "events", "reviews"];
        let seen = path.strip_suffix("index.html").unwrap_or(path);
        Frame {
            root,
            title,
            site: &book.settings.title,
            about,
            canonical: book.settings.base_url.as_ref().map(|base| format!("{base}{seen}")),
            part: parts.into_iter().find(|part| path.starts_with(part)).unwrap_or("overview"),
            style: &STYLE.path,
            script: &SCRIPT.path,
            icon: &ICON.path,
        }
    }
}

/// Every page.
pub(super) fn drafts<'a>(book: &Arc<Book<'a>>) -> Vec<Draft<'a>> {
    let mut drafts = vec![index::draft(book), not_found(book)];
    drafts.extend(iteration::drafts(book));
    drafts.extend(search::drafts(book));
    let groups =
        |kind, groups: &[group::Group]| (0..groups.len()).map(move |place| Subject::Group(kind, place)).collect();
    let subjects: [Vec<Subject>; 4] = [
        vec![
            Subject::All,
            Subject::Events,
            Subject::Reviews,
            Subject::Groups(Kind::Module),
            Subject::Groups(Kind::Epoch),
            Subject::Groups(Kind::Outcome),
        ],
        groups(Kind::Module, &book.modules),
        groups(Kind::Epoch, &book.epochs),
        groups(Kind::Outcome, &book.outcomes),
    ];
    subjects.into_iter().flatten().for_each(|subject| list::drafts(book, subject, &mut drafts));
    drafts
}

#[derive(Template)]
#[template(path = "journey/404.html")]
struct NotFound<'b> {
    site: &'b str,
    base: Option<&'b str>,
    style: &'static str,
    icon: &'static str,
}

fn not_found<'a>(book: &Arc<Book<'a>>) -> Draft<'a> {
    draft(book, "404.html".into(), book.page_seed(), |book| {
        let base = book.settings.base_url.as_deref();
        let page = NotFound { site: &book.settings.title, base, style: &STYLE.path, icon: &ICON.path };
        Ok(page.render()?.into_bytes())
    })
}
