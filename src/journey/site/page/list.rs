//! Lists: of all iterations, of a group's, of events, of reviews, of groups.
//!
//! Invariant: a list's first page shows the newest; its numbered pages count from the oldest and together hold
//! everything, so that without a script nothing is out of reach.

use std::ops::Range;
use std::sync::Arc;

use askama::Template;

use super::Frame;
use super::rows::{self, EventRow, GroupRow, ReviewRow, Row};
use crate::journey::draft::Draft;
use crate::journey::run::Outcome;
use crate::journey::site::book::Book;
use crate::journey::site::chart::{self, Chart};
use crate::journey::site::draft;
use crate::journey::site::figures::{Sum, Tally, seconds, tokens, when};
use crate::journey::site::group::{self, Group, Kind};
use crate::journey::site::say;
use crate::journey::site::source::Source;
use crate::journey::site_data::Iteration;
use crate::observation::Findings;
use crate::words;

/// Characters of an event's text in a list.
const TEXT: usize = 600;

/// What is listed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Subject {
    /// Every iteration.
    All,
    /// The iterations of one group.
    Group(Kind, usize),
    /// Every event.
    Events,
    /// Every review.
    Reviews,
    /// The groups of a kind.
    Groups(Kind),
}

/// Rows of any kind.
#[derive(Default)]
struct Rows {
    iterations: Vec<Row>,
    events: Vec<EventRow>,
    reviews: Vec<ReviewRow>,
    groups: Vec<GroupRow>,
}

#[derive(Template)]
#[template(path = "journey/list.html")]
struct List<'b> {
    frame: Frame<'b>,
    heading: String,
    /// The word above the heading and where it leads.
    above: Option<(&'static str, String)>,
    intro: String,
    facts: Vec<(&'static str, String, String)>,
    chart: Option<Chart>,
    rows: Rows,
    none: &'static str,
    /// Where the search looks; only on the list of all iterations.
    chunks: Option<usize>,
    /// Lists by outcome, module and epoch, for those who have no script.
    ways: Vec<(String, String, &'static str)>,
    /// Numbered pages, oldest first: words and path from the root.
    pages: Vec<(String, String)>,
    older: Option<String>,
    newer: Option<String>,
}

/// The pages of `subject`.
pub(super) fn drafts<'a>(book: &Arc<Book<'a>>, subject: Subject, drafts: &mut Vec<Draft<'a>>) {
    let main = subject.main(book);
    drafts.push(draft(book, main, subject.source(book), move |book| first(book, subject)));
    let count = subject.count(book);
    if count <= group::PAGE {
        return;
    }
    for number in 1..=group::pages(count) {
        let last = number == group::pages(count);
        let path = subject.page(book, number);
        let source = subject.rows_source(book, group::rows(number, count)).number(u64::from(last));
        drafts.push(draft(book, path, source, move |book| numbered(book, subject, number)));
    }
}

impl Subject {
    fn group<'b>(self, book: &'b Book<'_>) -> Option<&'b Group> {
        let Subject::Group(kind, place) = self else { return None };
        groups(book, kind).get(place)
    }

    fn count(self, book: &Book<'_>) -> usize {
        match self {
            Subject::All => book.data.iterations.len(),
            Subject::Group(..) => self.group(book).map_or(0, |group| group.members.len()),
            Subject::Events => book.events.len(),
            Subject::Reviews => book.data.reviews.len(),
            Subject::Groups(kind) => groups(book, kind).len(),
        }
    }

    /// The folder of the numbered pages.
    fn folder(self, book: &Book<'_>) -> String {
        match self {
            Subject::All => "iterations".into(),
            Subject::Group(..) => self.group(book).map(|group| group.place.clone()).unwrap_or_default(),
            Subject::Events => "events".into(),
            Subject::Reviews => "reviews".into(),
            Subject::Groups(kind) => kind.folder().into(),
        }
    }

    fn main(self, book: &Book<'_>) -> String {
        match self {
            Subject::Group(..) => format!("{}.html", self.folder(book)),
            _ => format!("{}/index.html", self.folder(book)),
        }
    }

    fn page(self, book: &Book<'_>, number: usize) -> String {
        format!("{}/page-{number}.html", self.folder(book))
    }

    fn title(self, book: &Book<'_>) -> String {
        match self {
            Subject::All => "Iterations".into(),
            Subject::Group(..) => self.group(book).map(|group| group.title.clone()).unwrap_or_default(),
            Subject::Events => "Events".into(),
            Subject::Reviews => "Reviews".into(),
            Subject::Groups(Kind::Module) => "Modules".into(),
            Subject::Groups(Kind::Epoch) => "Epochs".into(),
            Subject::Groups(Kind::Outcome) => "Outcomes".into(),
        }
    }

    /// What the first page is made of.
    fn source(self, book: &Book<'_>) -> Source {
        match self {
            Subject::Group(..) => self.rows_source(book, 0..self.count(book)),
            _ => book.everything(book.page_seed()),
        }
    }

    /// What some rows are made of.
    fn rows_source(self, book: &Book<'_>, range: Range<usize>) -> Source {
        let source = book.page_seed().text(&self.title(book));
        let members = |source, members: &[usize]| {
            let source = members.iter().fold(source, |source: Source, index| source.text(&book.names[*index]));
            source.digests(members.iter().map(|index| book.digest(*index)))
        };
        let told = |source: Source, what: serde_json::Result<String>| source.text(&what.unwrap_or_default());
        match self {
            Subject::All => members(source, &range.collect::<Vec<_>>()),
            Subject::Group(..) => match self.group(book) {
                Some(group) => members(source, &group.members[range]),
                None => source,
            },
            Subject::Events => book.events[range].iter().fold(source, |source, (event, index)| {
                let name = index.map(|index| book.names[index].as_str());
                told(source, serde_json::to_string(event)).maybe(name)
            }),
            Subject::Reviews => told(source, serde_json::to_string(&book.data.reviews[range])),
            Subject::Groups(kind) => groups(book, kind)[range]
                .iter()
                .fold(source, |source, group| members(source.text(&group.title).text(&group.place), &group.members)),
        }
    }

    /// The rows at `places`, in that order.
    fn rows(self, book: &Book<'_>, places: impl Iterator<Item = usize>) -> Rows {
        let mut rows = Rows::default();
        match self {
            Subject::All => rows.iterations = places.map(|index| rows::iteration(book, index)).collect(),
            Subject::Group(..) => {
                let members = self.group(book).map(|group| group.members.as_slice()).unwrap_or_default();
                rows.iterations = places.map(|place| rows::iteration(book, members[place])).collect();
            }
            Subject::Events => {
                let row = |(event, index): (&_, Option<usize>)| rows::event(book, event, index, TEXT);
                rows.events = places.map(|place| row(book.events[place])).collect();
            }
            Subject::Reviews => {
                rows.reviews = places.map(|place| rows::review(&book.data.reviews[place], Findings::MOST)).collect()
            }
            Subject::Groups(kind) => {
                rows.groups = places.map(|place| rows::group(book, &groups(book, kind)[place])).collect();
            }
        }
        rows
    }

    /// The places of the newest rows, newest first. Groups are as new as their newest iteration; outcomes have their own
    /// order.
    fn newest(self, book: &Book<'_>) -> Vec<usize> {
        let count = self.count(book);
        match self {
            Subject::Groups(Kind::Outcome) => (0..count).collect(),
            Subject::Groups(kind) => {
                let mut places: Vec<usize> = (0..count).collect();
                places.sort_by_key(|place| std::cmp::Reverse(groups(book, kind)[*place].members.last().copied()));
                places.truncate(group::PAGE);
                places
            }
            _ => group::newest(count).rev().collect(),
        }
    }

    const fn none(self) -> &'static str {
        match self {
            Subject::All => "No iteration has begun yet.",
            Subject::Group(..) => "There is none.",
            Subject::Events => "Nothing was recorded: no wedge, no restart, no changed rule.",
            Subject::Reviews => "There was no review yet.",
            Subject::Groups(Kind::Module) => "No iteration says which module it worked on.",
            Subject::Groups(Kind::Epoch | Kind::Outcome) => "No epoch has begun yet.",
        }
    }
}

/// The groups of a kind.
pub(super) fn groups<'b>(book: &'b Book<'_>, kind: Kind) -> &'b [Group] {
    match kind {
        Kind::Module => &book.modules,
        Kind::Epoch => &book.epochs,
        Kind::Outcome => &book.outcomes,
    }
}

/// The page with the newest rows.
fn first(book: &Book<'_>, subject: Subject) -> anyhow::Result<Vec<u8>> {
    let (title, count, main) = (subject.title(book), subject.count(book), subject.main(book));
    let newest = subject.newest(book);
    let intro = intro(book, subject, newest.len());
    let all = if count > group::PAGE { group::pages(count) } else { 0 };
    let page = |number: usize| {
        let rows = group::rows(number, count);
        (format!("{} to {}", rows.start + 1, rows.end), subject.page(book, number))
    };
    let members = subject.group(book).map(|group| group.members.as_slice()).unwrap_or_default();
    let outcomes: Vec<Outcome> = members.iter().map(|index| book.data.iterations[*index].outcome).collect();
    let alike = matches!(subject, Subject::Group(Kind::Outcome, _));
    let list = List {
        frame: Frame::new(book, &main, title.clone(), intro.clone()),
        above: subject.group(book).map(|group| (group.kind.word(), format!("{}/index.html", group.kind.folder()))),
        facts: facts(book, members, alike),
        chart: chart::strip(&outcomes, &title).filter(|_| !alike),
        heading: title,
        intro,
        rows: subject.rows(book, newest.into_iter()),
        none: subject.none(),
        chunks: (subject == Subject::All && count > 0).then(|| super::search::chunks(count)),
        ways: if subject == Subject::All { ways(book) } else { Vec::new() },
        pages: (1..=all).map(page).collect(),
        older: None,
        newer: None,
    };
    Ok(list.render()?.into_bytes())
}

/// One of the numbered pages.
fn numbered(book: &Book<'_>, subject: Subject, number: usize) -> anyhow::Result<Vec<u8>> {
    let (count, path) = (subject.count(book), subject.page(book, number));
    let range = group::rows(number, count);
    let last = number == group::pages(count);
    let title = format!("{}, page {number}", subject.title(book));
    let newer = if last { subject.main(book) } else { subject.page(book, number + 1) };
    // Not how many there are in all: a full page is not to change because of what comes later.
    let intro = "Numbered from the oldest, newest first on the page.".to_owned();
    let list = List {
        frame: Frame::new(book, &path, title.clone(), intro.clone()),
        above: Some(("all of them", subject.main(book))),
        facts: Vec::new(),
        chart: None,
        heading: title,
        intro,
        rows: subject.rows(book, range.rev()),
        none: subject.none(),
        chunks: None,
        ways: Vec::new(),
        pages: Vec::new(),
        older: (number > 1).then(|| subject.page(book, number - 1)),
        newer: Some(newer),
    };
    Ok(list.render()?.into_bytes())
}

fn intro(book: &Book<'_>, subject: Subject, shown: usize) -> String {
    let count = subject.count(book);
    let what = match subject {
        Subject::Group(Kind::Outcome, place) => {
            let outcome = crate::journey::site::figures::OUTCOMES[place];
            return format!("{} {}.", say::meaning(outcome), say::count(count, "iteration", "iterations"));
        }
        Subject::All | Subject::Group(..) => say::count(count, "iteration", "iterations"),
        Subject::Events => say::count(count, "event", "events"),
        Subject::Reviews => say::count(count, "review", "reviews"),
        Subject::Groups(Kind::Module) => say::count(count, "module", "modules"),
        Subject::Groups(Kind::Epoch) => say::count(count, "epoch", "epochs"),
        Subject::Groups(Kind::Outcome) => return "How iterations end.".into(),
    };
    if shown < count { format!("{what}; the newest {shown} first.") } else { format!("{what}, newest first.") }
}

/// What some iterations came to: name, value and note of each figure.
fn facts(book: &Book<'_>, members: &[usize], alike: bool) -> Vec<(&'static str, String, String)> {
    if members.is_empty() {
        return Vec::new();
    }
    let all = || members.iter().map(|index| &book.data.iterations[*index]);
    let tally: Tally = all().collect();
    let known = |sum: &Sum| match sum.unknown {
        0 => "all known".to_owned(),
        unknown => format!("{unknown} of {} not known", sum.known + unknown),
    };
    let sum = |of: fn(&Iteration) -> Option<f64>| all().map(of).collect::<Sum>();
    let (time, spent) = (sum(seconds), sum(tokens));
    let or = |value: Option<String>| value.unwrap_or_else(|| say::NOT_KNOWN.into());
    let rate = ("Accept rate", or(tally.rate().map(words::percent)));
    let decided = format!("{} of {} decided", tally.of(Outcome::Accept), tally.decided());
    let newest = all().filter_map(when).max().map(|at| say::stamp(at).text);
    let newest = newest.as_deref().and_then(|at| at.split_once(", "));
    let mut facts = vec![
        ("Working time", or(time.total().map(words::length)), known(&time)),
        ("Tokens", or(spent.total().map(say::tokens)), known(&spent)),
        ("Latest", or(newest.map(|at| at.0.to_owned())), newest.map(|at| format!("{} UTC", at.1)).unwrap_or_default()),
    ];
    if !alike {
        facts.insert(0, (rate.0, rate.1, decided));
    }
    facts
}

/// The plain lists that stand in for the search: name, path from the root, class of the icon.
fn ways(book: &Book<'_>) -> Vec<(String, String, &'static str)> {
    let outcome = |group: &Group| {
        let class = group.place.rsplit('/').next().map_or("unknown", |name| {
            crate::journey::site::figures::OUTCOMES
                .map(say::class)
                .into_iter()
                .find(|class| *class == name)
                .unwrap_or("unknown")
        });
        (format!("{} ({})", group.title, words::whole(group.members.len() as f64)), group.path(), class)
    };
    let all = |title: &str, kind: Kind| (title.to_owned(), format!("{}/index.html", kind.folder()), "");
    let outcomes = book.outcomes.iter().filter(|group| !group.members.is_empty()).map(outcome);
    let kinds = [("By outcome", Kind::Outcome), ("By module", Kind::Module), ("By epoch", Kind::Epoch)];
    outcomes.chain(kinds.map(|(title, kind)| all(title, kind))).collect()
}
