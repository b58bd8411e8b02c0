//! Secrets of Kubernetes: what stands under `data:` and `stringData:` in a document of `kind: Secret`, whatever its name.
//!
//! Invariant: at most [`REACH`] bytes on each side of the kind are looked at, and no further than the document goes.

use super::placeholder::{is_reference, is_telling, is_worn};
use super::{Hit, Kind, Rule, jwt};

pub(super) static KUBERNETES_SECRET: Rule = Rule {
    name: "kubernetes-secret",
    kind: Kind::Secret,
    description: "A value in a Kubernetes document of kind Secret",
};

/// How far from its kind a document's values are looked for, in bytes.
const REACH: usize = 2048;

/// Looks at the document in which the word `Secret` stands at `at`, if it is its kind.
pub(super) fn find(text: &[u8], at: usize, hits: &mut Vec<Hit>) {
    if !text[..at].ends_with(b"kind: ") {
        return;
    }
    let from = at.saturating_sub(REACH);
    let before = text[from..at].windows(4).rposition(|four| four == b"\n---").map_or(from, |cut| from + cut);
    let rest = &text[at..text.len().min(at + REACH)];
    let after = at + rest.windows(4).position(|four| four == b"\n---").unwrap_or(rest.len());
    let (mut start, mut depth) = (before, None);
    for line in text[before..after].split_inclusive(|&byte| byte == b'\n') {
        let blanks = line.iter().take_while(|&&byte| byte == b' ').count();
        let words = line[blanks..].trim_ascii_end();
        match depth {
            // A list there is of another kind's: where secrets come from, not what they are.
            Some(_) if words.starts_with(b"- ") => depth = None,
            Some(above) if blanks > above => entry(text, start + blanks, words, hits),
            _ if words == b"data:" || words == b"stringData:" => depth = Some(blanks),
            _ if !words.is_empty() => depth = None,
            _ => {}
        }
        start += line.len();
    }
}

/// One line under the data: a name and its value, or a line of a folded value.
fn entry(text: &[u8], start: usize, line: &[u8], hits: &mut Vec<Hit>) {
    let colon = line.windows(2).position(|two| two == b": ");
    let from = colon.map_or(0, |colon| colon + 2);
    let quoted = &line[from..];
    let inner = quoted.strip_prefix(b"\"").or_else(|| quoted.strip_prefix(b"'")).unwrap_or(quoted);
    let open = quoted.len() - inner.len();
    let value = inner.strip_suffix(b"\"").or_else(|| inner.strip_suffix(b"'")).unwrap_or(inner);
    let comment = line.starts_with(b"#") || line.starts_with(b"- ") || colon.is_none() && value.ends_with(b":");
    if value.len() < 4 || comment || is_reference(value) || is_stand_in(value) {
        return;
    }
    let from = start + from + open;
    debug_assert!(from + value.len() <= text.len());
    hits.push(Hit { rule: &KUBERNETES_SECRET, span: from..from + value.len() });
}

/// Whether a value, or what it is the base64 of, is a placeholder.
fn is_stand_in(value: &[u8]) -> bool {
    let mut bytes = [0; 128];
    let length = jwt::decode(value, &mut bytes);
    // A document may speak of examples somewhere and hold a secret all the same.
    is_telling(value) || is_worn(value) || length <= 48 && is_telling(&bytes[..length])
}
