//! `/status`: the report as a page for people.
//!
//! Invariant: it brings its style with it, runs no script, and shows nothing that the report does not.

use askama::Template;

use super::report::{Part, Places, Report};

#[derive(Template)]
#[template(path = "journey/server-status.html")]
struct Page {
    report: Report,
    /// Where the trigger file belongs.
    trigger: String,
    /// Files that can be asked for.
    names: Vec<&'static str>,
    /// A browser cannot show a token, so there is no button where one is asked for.
    asks_token: bool,
}

/// The page of `report`.
pub(super) fn render(report: Report, places: &Places, asks_token: bool) -> askama::Result<String> {
    let (trigger, names) = (places.trigger.display().to_string(), places.files.names().collect());
    Page { report, trigger, names, asks_token }.render()
}
