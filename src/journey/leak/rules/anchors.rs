//! Where short and structured secrets announce themselves: a few literals, searched for at once, each handed to what
//! reads on from there.
//!
//! Invariant: what a literal leads to looks at a bounded number of bytes around it.

use std::ops::Range;
use std::sync::LazyLock;

use aho_corasick::packed::{Config, MatchKind, Searcher};
use memchr::memchr_iter;

use super::{Hit, commands, jwk, keyed, manifest, pem, url};

#[derive(Debug, Clone, Copy)]
enum Anchor {
    /// A name whose value may be of any kind.
    Name,
    /// A name whose value is judged where runs are, unless it holds signs.
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
    /// A name of a key, or a call that takes a user and a password.
    Credential,
    /// A command that takes a password in quotes.
    Secured,
    /// The type of a key that is a JSON object.
    Jwk,
    /// The port of a database, in a list of passwords with colons between.
    Listed,
}

/// Literals of four bytes and more, which the searcher tells from others at once.
const LITERALS: &[(&[u8], Anchor)] = &[
    (b"-----BEG", Anchor::Pem),
    (b"PuTTY-Us", Anchor::Pem),
    (b"pass", Anchor::Name),
    (b"Pass", Anchor::Name),
    (b"PASS", Anchor::Name),
    (b"ecret", Anchor::Name),
    (b"ECRET", Anchor::Name),
    (b"oken", Anchor::Key),
    (b"OKEN", Anchor::Key),
    (b"_SALT", Anchor::Key),
    (b"_salt", Anchor::Key),
    (b"_key", Anchor::Key),
    (b"_KEY", Anchor::Key),
    (b"pikey", Anchor::Name),
    (b"piKey", Anchor::Name),
    (b"PIKEY", Anchor::Name),
    (b"CONTRIBSYS", Anchor::Gems),
    (b"contribsys", Anchor::Gems),
    (b"redential", Anchor::Credential),
    (b"ctoryEntry(", Anchor::Called),
    (b"ogin(", Anchor::Called),
    (b"ecureString ", Anchor::Secured),
    (b"kty\"", Anchor::Jwk),
    (b":5432:", Anchor::Listed),
    (b"IDENTIFIED ", Anchor::Sql),
    (b"identified ", Anchor::Sql),
    (b"curl ", Anchor::Command),
    (b"mysql", Anchor::Command),
    (b"sexec", Anchor::Command),
    (b"docker log", Anchor::Command),
    (b"edis-cli ", Anchor::Command),
    (b"earer ", Anchor::Bearer),
    (b"pword", Anchor::Name),
    (b"PWORD", Anchor::Name),
    (b"senha", Anchor::Name),
    (b"SENHA", Anchor::Name),
    (b"ontrase", Anchor::Name),
];

/// Literals of three bytes: looked for apart, because the shortest literal of a searcher decides how much it tells from
/// others at once.
const SHORT: &[(&[u8], Anchor)] = &[
    (b"pwd", Anchor::Pwd),
    (b"Pwd", Anchor::Pwd),
    (b"PWD", Anchor::Pwd),
    (b"psw", Anchor::Pwd),
    (b"PSW", Anchor::Pwd),
    (b"pasw", Anchor::Pwd),
    (b"PASW", Anchor::Pwd),
    (b"PSSW", Anchor::Pwd),
    (b"pw:", Anchor::Short),
    (b"pw=", Anchor::Short),
    (b"pw\"", Anchor::Short),
    (b"pw'", Anchor::Short),
    (b"Pw:", Anchor::Short),
    (b"PW:", Anchor::Short),
    (b"PW=", Anchor::Short),
    (b"psk=", Anchor::Short),
    (b"pw ", Anchor::Short),
];

/// Literals, and what finds them.
type Sought = (Searcher, &'static [(&'static [u8], Anchor)]);

static SEARCHERS: LazyLock<[Sought; 2]> =
    LazyLock::new(|| [LITERALS, SHORT].map(|literals| (searcher(literals), literals)));

fn searcher(literals: &[(&[u8], Anchor)]) -> Searcher {
    let mut builder = Config::new().match_kind(MatchKind::LeftmostFirst).builder();
    builder.extend(literals.iter().map(|(literal, _)| literal));
    builder.build().expect("a few short literals fit the packed searcher")
}

/// Follows every anchor of a text.
pub(super) fn find(text: &[u8], hits: &mut Vec<Hit>) {
    for at in memchr_iter(b'@', text) {
        url::find(text, at, hits);
    }
    for (searcher, literals) in &*SEARCHERS {
        for found in searcher.find_iter(text) {
            follow(text, found.start()..found.end(), literals[found.pattern().as_usize()].1, hits);
        }
    }
}

/// Looks at what an anchor leads to.
fn follow(text: &[u8], place: Range<usize>, anchor: Anchor, hits: &mut Vec<Hit>) {
    match anchor {
        Anchor::Key => keyed::find_key(text, place, hits),
        Anchor::Name => named(text, place, hits),
        Anchor::Short => keyed::find(text, place.start..place.end - 1, hits),
        Anchor::Sql => commands::identified(text, place.end, hits),
        Anchor::Pem => pem::find(text, place.start, hits),
        Anchor::Pwd => keyed::find(text, place, hits),
        Anchor::Command => commands::find(text, place, hits),
        Anchor::Gems => commands::gems(text, place.end, hits),
        Anchor::Called => commands::called(text, place.end, hits),
        Anchor::Credential if text.get(place.end) == Some(&b'(') => commands::called(text, place.end + 1, hits),
        Anchor::Credential => keyed::find_key(text, place, hits),
        Anchor::Secured => commands::secured(text, place.end, hits),
        Anchor::Jwk => jwk::find(text, place.end - 1, hits),
        Anchor::Listed => commands::listed(text, place.end, hits),
        Anchor::Bearer => commands::bearer(text, place.end, hits),
    }
}

/// A name, or a word that looks like the end of one: a kind of document, a command, a call.
fn named(text: &[u8], place: Range<usize>, hits: &mut Vec<Hit>) {
    let found = hits.len();
    if text[place.clone()] == *b"ecret" && text[..place.start].ends_with(b"S") {
        manifest::find(text, place.start - 1, hits);
    } else if text[..place.start].ends_with(b"ssh") {
        commands::find(text, place.clone(), hits);
    } else if text[place.end..].starts_with(b"wordAuthentication(") {
        commands::called(text, place.end + 19, hits);
    }
    if hits.len() == found {
        keyed::find(text, place, hits);
    }
}
