//! Takes tags and comments of HTML and SVG out of text, so that a value that they split stands in one piece.
//!
//! Invariant: only names of HTML and SVG are tags; `Vec<u8>` and `<password>` stay, since there the name may be what tells
//! the value. What a browser shows on a line of its own stays apart.

use std::ops::Range;

use memchr::{memchr, memchr_iter, memmem};

use super::Layer;
use super::patch::Patch;
use super::view::View;

/// A longer tag is none. Attributes with whole texts in them are rare, and those texts are looked at as they stand.
const TAG: usize = 1024;

/// What a browser shows within a line.
const INLINE: [&str; 37] = [
    "a", "abbr", "b", "bdi", "bdo", "big", "cite", "code", "data", "del", "dfn", "em", "font", "i", "ins", "kbd",
    "mark", "nobr", "q", "s", "samp", "small", "span", "strike", "strong", "sub", "sup", "text", "textpath", "time",
    "tspan", "tt", "u", "var", "wbr", "ruby", "g",
];

/// What begins a line, a cell or an entry of its own.
const BLOCK: [&str; 37] = [
    "article",
    "aside",
    "blockquote",
    "body",
    "br",
    "button",
    "dd",
    "desc",
    "details",
    "div",
    "dl",
    "dt",
    "figure",
    "footer",
    "h1",
    "h2",
    "h3",
    "h4",
    "h5",
    "h6",
    "head",
    "header",
    "hr",
    "html",
    "li",
    "main",
    "nav",
    "ol",
    "p",
    "pre",
    "section",
    "summary",
    "svg",
    "table",
    "td",
    "th",
    "tr",
];

/// Adds the stretches of `text` with tags to `view`, without the tags.
pub(super) fn strip(text: &[u8], view: &mut View) {
    let mut patch = Patch::new(text, view);
    for at in memchr_iter(b'<', text) {
        if let Some((range, output)) = tag(text, at) {
            patch.replace(range, output, Layer::Markup);
        }
    }
    patch.finish();
}

/// The tag or comment at `at`, and what stands for it.
fn tag(text: &[u8], at: usize) -> Option<(Range<usize>, &'static [u8])> {
    let rest = &text[at + 1..(at + TAG).min(text.len())];
    if rest.starts_with(b"!--") {
        return memmem::find(&rest[3..], b"-->").map(|length| (at..at + 1 + 3 + length + 3, &b""[..]));
    }
    let slash = usize::from(rest.first() == Some(&b'/'));
    let name = rest[slash..].iter().take(11).take_while(|byte| byte.is_ascii_alphanumeric()).count();
    let name = &rest[slash..slash + name];
    if !matches!(rest.get(slash + name.len()), Some(b'>' | b'/' | b' ' | b'\t' | b'\r' | b'\n')) {
        return None;
    }
    let is_in = |names: &[&str]| names.iter().any(|known| known.as_bytes().eq_ignore_ascii_case(name));
    let output: &[u8] = match () {
        () if name.is_empty() => return None,
        () if is_in(&INLINE) => b"",
        () if is_in(&BLOCK) => b"\n",
        () => return None,
    };
    memchr(b'>', rest).map(|length| (at..at + 1 + length + 1, output))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stripped(text: &str) -> String {
        let mut view = View::default();
        strip(text.as_bytes(), &mut view);
        String::from_utf8_lossy(view.bytes()).into_owned()
    }

    #[test]
    fn a_value_that_tags_split_stands_in_one_piece() {
        assert_eq!(stripped("gh<wbr>p_<span class=\"x\">ab</span>c<!-- -->d<WBR/>e"), "ghp_abcde");
        assert_eq!(stripped("<td>one</td><td>two</td>"), "\none\n\ntwo\n");
    }

    #[test]
    fn code_and_other_names_are_no_tags() {
        assert_eq!(stripped("Vec<u8> a < b > c <password>x</password> <spanner> <"), "");
    }
}
