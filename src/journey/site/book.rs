//! Look-ups over the site data, made once for all files: names, digests, groups, neighbours.
//!
//! Invariant: each iteration has a name of its own, and its digest covers all that the data says of it. Whatever is made
//! of iterations is made of these digests, so that the data is hashed once.

use std::collections::{BTreeMap, BTreeSet};

use super::Settings;
use super::figures::{OUTCOMES, Tally, when};
use super::group::{Group, Kind};
use super::names::Names;
use super::say;
use super::source::Source;
use crate::journey::digest::{Digest, sha256};
use crate::journey::run::Key;
use crate::journey::site_data::{Event, Iteration, SiteData};
use crate::journey::threads::in_parts;
use crate::observation::Time;

/// Iterations that a thread writes as JSON, at least.
const PART: usize = 500;

/// The site data and what is looked up in it.
pub(super) struct Book<'a> {
    /// What may be shown.
    pub(super) data: &'a SiteData,
    /// What the operator has a say in; `base_url` ends in `/`, and a URL that is not one is not here.
    pub(super) settings: Settings,
    /// The name of each iteration's files: `epoch-3-iter-0017`.
    pub(super) names: Vec<String>,
    /// Iterations by module, in the order in which the modules first appear.
    pub(super) modules: Vec<Group>,
    /// The module of each iteration, as an index into `modules`.
    pub(super) module_of: Vec<Option<usize>>,
    /// Iterations by epoch.
    pub(super) epochs: Vec<Group>,
    /// The epoch of each iteration, as an index into `epochs`.
    pub(super) epoch_of: Vec<usize>,
    /// Iterations by outcome, as [`OUTCOMES`] has them; each outcome has one, even an empty one.
    pub(super) outcomes: Vec<Group>,
    /// Every event with the iteration that it belongs to, oldest first.
    pub(super) events: Vec<(&'a Event, Option<usize>)>,
    digests: Vec<Digest>,
    lines: Vec<String>,
    rest: Digest,
    seed: Source,
    page_seed: Source,
}

impl<'a> Book<'a> {
    /// Looks everything up.
    pub(super) fn new(data: &'a SiteData, settings: &Settings) -> Self {
        let (lines, digests) = lines(&data.iterations);
        let (modules, module_of) = modules(&data.iterations);
        let (epochs, epoch_of) = epochs(&data.iterations);
        let (settings, seed) = (checked(settings), Source::new());
        let Settings { title, base_url, commit_url, with_site: _ } = &settings;
        let page_seed = seed.clone().text(title).maybe(base_url.as_deref()).maybe(commit_url.as_deref());
        Book {
            data,
            names: names(&data.iterations),
            modules,
            module_of,
            epochs,
            epoch_of,
            outcomes: outcomes(&data.iterations),
            events: events(data),
            digests,
            lines,
            rest: rest(data),
            seed,
            page_seed,
            settings,
        }
    }

    /// The iteration as one line of JSON.
    pub(super) fn line(&self, index: usize) -> &str {
        &self.lines[index]
    }

    /// The digest of all that the data says of an iteration.
    pub(super) fn digest(&self, index: usize) -> &Digest {
        &self.digests[index]
    }

    /// What every file depends on: the program.
    pub(super) fn seed(&self) -> Source {
        self.seed.clone()
    }

    /// What every page depends on: the program and the settings.
    pub(super) fn page_seed(&self) -> Source {
        self.page_seed.clone()
    }

    /// `source` with all of the data in it.
    pub(super) fn everything(&self, source: Source) -> Source {
        source.digests(self.digests.iter()).digest(&self.rest)
    }

    /// The outcomes of all iterations.
    pub(super) fn tally(&self) -> Tally {
        Tally::from_iter(&self.data.iterations)
    }

    /// How the iteration is called in a sentence: `iteration 17 of epoch 3`.
    pub(super) fn called(&self, index: usize) -> String {
        let Iteration { epoch, iter, .. } = &self.data.iterations[index];
        format!("iteration {iter} of epoch {epoch}")
    }

    /// Where the commit can be looked at: a hash of 40 or 64 hexadecimal digits put into `commit_url`.
    pub(super) fn commit_link(&self, hash: &str) -> Option<String> {
        let hexadecimal = matches!(hash.len(), 40 | 64) && hash.bytes().all(|c| c.is_ascii_hexdigit());
        let url = self.settings.commit_url.as_ref().filter(|_| hexadecimal)?;
        Some(url.replace("{hash}", hash))
    }

    /// The oldest and the newest time of anything with a time.
    pub(super) fn span(&self) -> Option<(Time, Time)> {
        let iterations = self.data.iterations.iter().flat_map(|one| [one.started_at, one.ended_at]);
        let events = self.data.events.iter().map(|one| one.at);
        let parity = self.data.parity.iter().map(|one| Some(one.at));
        let all = || iterations.clone().chain(events.clone()).chain(parity.clone()).chain([self.data.started_at]);
        Some((all().flatten().min()?, all().chain([self.data.as_of]).flatten().max()?))
    }
}

/// Each iteration as a line of JSON, and its digest.
fn lines(iterations: &[Iteration]) -> (Vec<String>, Vec<Digest>) {
    let line = |iteration: &Iteration| {
        // Writing plain data to memory cannot fail; if it could, the line would be short and the schema's test red.
        let line = serde_json::to_string(iteration).unwrap_or_default();
        let digest = sha256(line.as_bytes());
        (line, digest)
    };
    let parts = in_parts(iterations, PART, |part| part.iter().map(line).collect::<Vec<_>>());
    parts.into_iter().flatten().unzip()
}

/// The digest of what the data says beside iterations.
fn rest(data: &SiteData) -> Digest {
    let SiteData {
        version,
        started_at,
        as_of,
        phase,
        iterations: _,
        events,
        parity,
        reviews,
        contradictions,
        left_out,
    } = data;
    let told = (version, started_at, as_of, phase, events, parity, reviews, contradictions, left_out);
    sha256(&serde_json::to_vec(&told).unwrap_or_default())
}

fn checked(settings: &Settings) -> Settings {
    let harmless = |url: &&String| {
        let plain = |c: char| c.is_ascii_graphic() && !matches!(c, '"' | '\'' | '<' | '>' | '\\' | '`');
        (url.starts_with("https://") || url.starts_with("http://")) && url.chars().all(plain)
    };
    let title = say::cut(settings.title.trim(), 200);
    let base = settings.base_url.as_ref().filter(harmless).filter(|url| !url.contains(['?', '#']));
    Settings {
        title: if title.trim().is_empty() { "The journey".into() } else { title },
        base_url: base.map(|url| format!("{}/", url.trim_end_matches('/'))),
        commit_url: settings.commit_url.as_ref().filter(harmless).filter(|url| url.contains("{hash}")).cloned(),
        with_site: settings.with_site,
    }
}

/// `epoch-3-iter-0017`, and one of its own for an iteration that has the key of one before it.
fn names(iterations: &[Iteration]) -> Vec<String> {
    let key = |iteration: &Iteration| Key { epoch: iteration.epoch, iter: iteration.iter };
    let names = iterations.iter().map(|iteration| key(iteration).name());
    if iterations.is_sorted_by(|one, other| key(one) < key(other)) {
        return names.collect();
    }
    let mut given = BTreeSet::new();
    let unique = |name: String| {
        let mut free = name.clone();
        for count in 2.. {
            if given.insert(free.clone()) {
                break;
            }
            free = format!("{name}-again-{count}");
        }
        free
    };
    names.map(unique).collect()
}

fn modules(iterations: &[Iteration]) -> (Vec<Group>, Vec<Option<usize>>) {
    let (mut names, mut known) = (Names::default(), BTreeMap::new());
    let (mut groups, mut of) = (Vec::<Group>::new(), Vec::with_capacity(iterations.len()));
    for (index, iteration) in iterations.iter().enumerate() {
        of.push(iteration.module.as_deref().map(|module| {
            let group = *known.entry(module).or_insert_with(|| {
                groups.push(Group::new(Kind::Module, say::cut(module, 120), &names.give(module)));
                groups.len() - 1
            });
            groups[group].members.push(index);
            group
        }));
    }
    (groups, of)
}

fn epochs(iterations: &[Iteration]) -> (Vec<Group>, Vec<usize>) {
    let numbers: BTreeSet<u64> = iterations.iter().map(|iteration| iteration.epoch).collect();
    let place: BTreeMap<u64, usize> = numbers.iter().enumerate().map(|(place, number)| (*number, place)).collect();
    let group = |number: &u64| Group::new(Kind::Epoch, format!("Epoch {number}"), &number.to_string());
    let mut groups: Vec<Group> = numbers.iter().map(group).collect();
    let of: Vec<usize> = iterations.iter().map(|iteration| place[&iteration.epoch]).collect();
    of.iter().enumerate().for_each(|(index, group)| groups[*group].members.push(index));
    (groups, of)
}

fn outcomes(iterations: &[Iteration]) -> Vec<Group> {
    let group = |outcome| {
        let mut title = say::outcome(outcome).to_owned();
        title[..1].make_ascii_uppercase();
        Group::new(Kind::Outcome, title, say::class(outcome))
    };
    let mut groups: Vec<Group> = OUTCOMES.into_iter().map(group).collect();
    iterations.iter().enumerate().for_each(|(index, one)| groups[one.outcome as usize].members.push(index));
    groups
}

fn events(data: &SiteData) -> Vec<(&Event, Option<usize>)> {
    let within = |(index, iteration): (usize, &'_ Iteration)| (index, when(iteration));
    let places: Vec<(usize, Option<Time>)> = data.iterations.iter().enumerate().map(within).collect();
    let of = |(index, at): &(usize, Option<Time>)| {
        let (index, at) = (*index, *at);
        data.iterations[index].events.iter().map(move |event| (event.at.or(at), event, Some(index)))
    };
    let mut all: Vec<_> = places.iter().flat_map(of).collect();
    all.extend(data.events.iter().map(|event| (event.at, event, None)));
    all.sort_by_key(|(at, ..)| *at);
    all.into_iter().map(|(_, event, index)| (event, index)).collect()
}
