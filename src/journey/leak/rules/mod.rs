//! What is looked for in plain bytes: each rule with its name, kind and description.
//!
//! Invariant: [`find`] is pure and looks at the bytes it is given; whoever reads, decodes and unfolds calls it on what
//! comes out.

mod anchors;
mod bytes;
mod commands;
mod context;
#[cfg(test)]
mod context_tests;
mod forms;
mod issuers;
mod jwk;
mod jwt;
mod keyed;
mod manifest;
mod names;
mod pem;
mod placeholder;
mod random;
mod residue;
mod runs;
mod special;
#[cfg(test)]
mod tests;
mod url;

use std::ops::Range;

/// What a rule protects.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// A credential: a token, a key, a password.
    Secret,
    /// Who and where: a home path, a host name, an address, a person.
    Identity,
}

/// One rule.
#[derive(Debug, PartialEq, Eq)]
pub struct Rule {
    /// A stable name in lower case with hyphens, such as `github-token`.
    pub name: &'static str,
    /// What it protects.
    pub kind: Kind,
    /// What it finds, a sentence without a full stop.
    pub description: &'static str,
}

/// Something that a rule found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hit {
    /// The rule.
    pub rule: &'static Rule,
    /// The bytes of the value itself, without the words around it: what redaction masks.
    pub span: Range<usize>,
}

/// Finds secrets in plain bytes.
pub fn find(text: &[u8], hits: &mut Vec<Hit>, runs: &mut Vec<Range<usize>>) {
    let first = hits.len();
    runs::find(text, hits, runs);
    anchors::find(text, hits);
    hits[first..].sort_by_key(|hit| (hit.span.start, std::cmp::Reverse(hit.span.end)));
    let mut kept = first;
    for at in first..hits.len() {
        let inside = kept > first && hits[at].span.start < hits[kept - 1].span.end;
        if !inside {
            // What stands in for a secret is kept up to the end, so that nothing inside of it is told.
            hits.swap(kept, at);
            kept += 1;
        }
    }
    hits.truncate(kept);
    let mut told = first;
    for at in first..hits.len() {
        if hits[at].rule != &STANDS_IN {
            hits.swap(told, at);
            told += 1;
        }
    }
    hits.truncate(told);
}

/// What stands where a secret would stand and says so: never told, nor is anything inside of it.
static STANDS_IN: Rule = Rule { name: "", kind: Kind::Secret, description: "What stands in for a secret" };

/// Rules of values without a form of their own, in the order in which they are told.
const OTHERS: [&Rule; 20] = [
    &manifest::KUBERNETES_SECRET,
    &jwk::JSON_WEB_KEY,
    &jwt::JWT,
    &pem::PRIVATE_KEY,
    &url::URL_PASSWORD,
    &keyed::PASSWORD,
    &keyed::SECRET,
    &commands::COMMAND_PASSWORD,
    &commands::BEARER,
    &special::AZURE_CLIENT_SECRET,
    &special::AZURE_KEY,
    &special::BOOTSTRAP,
    &special::DISCORD,
    &special::MAILCHIMP,
    &special::PASSWORD_HASH,
    &special::TELEGRAM,
    &special::TERRAFORM,
    &residue::NAMED,
    &residue::NEAR_ISSUER,
    &residue::RANDOM,
];

const COUNT: usize = OTHERS.len() + forms::count();

const ALL: [&Rule; COUNT] = {
    let mut all = [OTHERS[0]; COUNT];
    let mut at = 0;
    while at < OTHERS.len() {
        all[at] = OTHERS[at];
        at += 1;
    }
    let mut group = 0;
    while group < forms::VENDORS.len() {
        let mut vendor = 0;
        while vendor < forms::VENDORS[group].len() {
            all[at] = &forms::VENDORS[group][vendor].rule;
            at += 1;
            vendor += 1;
        }
        group += 1;
    }
    all
};

/// Every rule.
pub const RULES: &[&Rule] = &ALL;

/// Whether the rule called `name` goes by looks alone, so that words which were only put together would mislead it.
pub(super) fn goes_by_looks(name: &str) -> bool {
    name == residue::RANDOM.name
}

/// How many bytes on each side of a place a decision may rest on: what is cut into chunks overlaps by as many.
pub fn context() -> usize {
    4096
}
