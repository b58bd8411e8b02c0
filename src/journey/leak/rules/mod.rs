//! What is looked for in plain bytes: each rule with its name, kind and description.
//!
//! Invariant: [`find`] is pure and looks at the bytes it is given; whoever reads, decodes and unfolds calls it on what
//! comes out.

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

/// What is looked for.
pub const RULES: &[&Rule] = &[&GITHUB, &PASSWORD];

static GITHUB: Rule = Rule { name: "github-token", kind: Kind::Secret, description: "A GitHub token" };
static PASSWORD: Rule = Rule { name: "password", kind: Kind::Secret, description: "A password that is assigned" };

/// Finds secrets in plain bytes, and the runs of token bytes in passing.
pub fn find(text: &[u8], hits: &mut Vec<Hit>, runs: &mut Vec<Range<usize>>) {
    let mut start = 0;
    for at in 0..=text.len() {
        let is_token = text.get(at).is_some_and(|byte| byte.is_ascii_alphanumeric() || b"+/=_%-".contains(byte));
        if !is_token {
            if at - start >= 20 {
                runs.push(start..at);
            }
            start = at + 1;
        }
    }
    for at in memchr::memmem::find_iter(text, b"ghp_") {
        let end = at + 4 + text[at + 4..].iter().take_while(|byte| byte.is_ascii_alphanumeric()).count();
        let apart = at == 0 || !(text[at - 1].is_ascii_alphanumeric() || text[at - 1] == b'_');
        if apart && end - at == 40 {
            hits.push(Hit { rule: &GITHUB, span: at..end });
        }
    }
    for at in memchr::memmem::find_iter(text, b"password=\"") {
        let start = at + 10;
        let length = text[start..].iter().take(100).position(|&byte| byte == b'"');
        if let Some(length) = length.filter(|&length| length >= 8) {
            hits.push(Hit { rule: &PASSWORD, span: start..start + length });
        }
    }
}

/// Bytes on each side that a decision may rest on.
pub fn context() -> usize {
    1024
}
