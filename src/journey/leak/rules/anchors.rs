//! Where short and structured secrets announce themselves: a few literals, searched for at once, each handed to what
//! reads on from there.
//!
//! Invariant: what a literal leads to looks at a bounded number of bytes around it.

use std::sync::LazyLock;

use aho_corasick::packed::{Config, MatchKind, Searcher};
use memchr::memchr_iter;

use super::{Hit, commands, keyed, manifest, pem, url};

#[derive(Debug, Clone, Copy)]
enum Anchor {
    Key,
    /// A name with the sign after it: so that no literal is shorter than four bytes, which the searcher compares at once.
    Pwd,
    /// The same with the sign before it, too.
    Short,
    /// The password of a user of a database.
    Sql,
    Pem,
    Command,
    Bearer,
    /// The server of gems whose users and passwords are eight hexadecimal digits each.
    Gems,
    /// A call that takes a user and a password.
    Called,
}

const LITERALS: &[(&[u8], Anchor)] = &[
    (b"-----BEG", Anchor::Pem),
    (b"PuTTY-Us", Anchor::Pem),
    (b"pass", Anchor::Key),
    (b"Pass", Anchor::Key),
    (b"PASS", Anchor::Key),
    (b"pwd=", Anchor::Pwd),
    (b"pwd:", Anchor::Pwd),
    (b"pwd\"", Anchor::Pwd),
    (b"pwd'", Anchor::Pwd),
    (b"pwd>", Anchor::Pwd),
    (b"pwd ", Anchor::Pwd),
    (b"Pwd=", Anchor::Pwd),
    (b"Pwd:", Anchor::Pwd),
    (b"Pwd ", Anchor::Pwd),
    (b"PWD=", Anchor::Pwd),
    (b"PWD:", Anchor::Pwd),
    (b"PWD\"", Anchor::Pwd),
    (b"PWD'", Anchor::Pwd),
    (b"PWD ", Anchor::Pwd),
    (b"ecret", Anchor::Key),
    (b"ECRET", Anchor::Key),
    (b"_key", Anchor::Key),
    (b"_KEY", Anchor::Key),
    (b"pikey", Anchor::Key),
    (b"piKey", Anchor::Key),
    (b"PIKEY", Anchor::Key),
    (b"CONTRIBSYS", Anchor::Gems),
    (b"contribsys", Anchor::Gems),
    (b"redential(", Anchor::Called),
    (b"ctoryEntry(", Anchor::Called),
    (b" pw:", Anchor::Short),
    (b",pw:", Anchor::Short),
    (b"(pw:", Anchor::Short),
    (b"_pw:", Anchor::Short),
    (b"_pw=", Anchor::Short),
    (b" PW:", Anchor::Short),
    (b"(PW:", Anchor::Short),
    (b"_PW=", Anchor::Short),
    (b"IDENTIFIED ", Anchor::Sql),
    (b"identified ", Anchor::Sql),
    (b"curl ", Anchor::Command),
    (b"mysql", Anchor::Command),
    (b"sexec", Anchor::Command),
    (b"earer ", Anchor::Bearer),
];

static SEARCHER: LazyLock<Searcher> = LazyLock::new(|| {
    let mut builder = Config::new().match_kind(MatchKind::LeftmostFirst).builder();
    builder.extend(LITERALS.iter().map(|(literal, _)| literal));
    builder.build().expect("a few short literals fit the packed searcher")
});

/// Follows every anchor of a text.
pub(super) fn find(text: &[u8], hits: &mut Vec<Hit>) {
    for at in memchr_iter(b'@', text) {
        url::find(text, at, hits);
    }
    let searcher = &*SEARCHER;
    for found in searcher.find_iter(text) {
        let place = found.start()..found.end();
        match LITERALS[found.pattern().as_usize()].1 {
            Anchor::Key => {
                if text[place.clone()] == *b"ecret" && text[..place.start].ends_with(b"S") {
                    manifest::find(text, place.start - 1, hits);
                }
                keyed::find(text, place, hits);
            }
            Anchor::Short => keyed::find(text, place.start + 1..place.end - 1, hits),
            Anchor::Sql => commands::identified(text, place.end, hits),
            Anchor::Pem => pem::find(text, place.start, hits),
            Anchor::Pwd => keyed::find(text, place.start..place.end - 1, hits),
            Anchor::Command => commands::find(text, place, hits),
            Anchor::Gems => commands::gems(text, place.end, hits),
            Anchor::Called => commands::called(text, place.end, hits),
            Anchor::Bearer => commands::bearer(text, place.end, hits),
        }
    }
}
