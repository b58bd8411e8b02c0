//! Where short and structured secrets announce themselves: a few literals, searched for at once, each handed to what
//! reads on from there.
//!
//! Invariant: what a literal leads to looks at a bounded number of bytes around it.

use std::sync::LazyLock;

use aho_corasick::packed::{Config, MatchKind, Searcher};

use super::{Hit, commands, keyed, pem, url};

#[derive(Debug, Clone, Copy)]
enum Anchor {
    Key,
    Pem,
    Url,
    Command,
    Bearer,
}

const LITERALS: &[(&[u8], Anchor)] = &[
    (b"-----BEG", Anchor::Pem),
    (b"PuTTY-Us", Anchor::Pem),
    (b"://", Anchor::Url),
    (b"pass", Anchor::Key),
    (b"Pass", Anchor::Key),
    (b"PASS", Anchor::Key),
    (b"pwd", Anchor::Key),
    (b"Pwd", Anchor::Key),
    (b"PWD", Anchor::Key),
    (b"ecret", Anchor::Key),
    (b"ECRET", Anchor::Key),
    (b"curl ", Anchor::Command),
    (b"mysql", Anchor::Command),
    (b"sexec", Anchor::Command),
    (b"sExec", Anchor::Command),
    (b"SEXEC", Anchor::Command),
    (b"earer ", Anchor::Bearer),
];

static SEARCHER: LazyLock<Searcher> = LazyLock::new(|| {
    let mut builder = Config::new().match_kind(MatchKind::LeftmostFirst).builder();
    builder.extend(LITERALS.iter().map(|(literal, _)| literal));
    builder.build().expect("a few short literals fit the packed searcher")
});

/// Follows every anchor of a text.
pub(super) fn find(text: &[u8], hits: &mut Vec<Hit>) {
    let searcher = &*SEARCHER;
    for found in searcher.find_iter(text) {
        let place = found.start()..found.end();
        match LITERALS[found.pattern().as_usize()].1 {
            Anchor::Key => keyed::find(text, place, hits),
            Anchor::Pem => pem::find(text, place.start, hits),
            Anchor::Url => url::find(text, place, hits),
            Anchor::Command => commands::find(text, place, hits),
            Anchor::Bearer => commands::bearer(text, place.end, hits),
        }
    }
}
