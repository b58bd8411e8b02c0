//! Numbers, times and words of the site, as people read them.
//!
//! Invariant: pure; no text of the inputs comes out that moves a cursor, turns the direction of writing or is not
//! allowed in XML; what is not known is said to be so, and is never 0.

use std::borrow::Cow;

use crate::journey::run::{EventKind, Outcome};
use crate::observation::Time;
use crate::words;

/// What stands where a number is not known.
pub(super) const NOT_KNOWN: &str = "not known";

/// A time in two spellings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Stamp {
    /// For programs, to the second: `2025-11-24T10:12:33Z`.
    pub(super) iso: String,
    /// For people: `24 Nov 2025, 10:12`, in UTC.
    pub(super) text: String,
}

/// Both spellings of `time`.
pub(super) fn stamp(time: Time) -> Stamp {
    Stamp { iso: iso(time), text: time.strftime("%-d %b %Y, %H:%M").to_string() }
}

/// `2025-11-24T10:12:33Z`, as RFC 3339 and Atom want it.
pub(super) fn iso(time: Time) -> String {
    time.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

/// Whether a character does something other than being seen: it moves a cursor, turns the direction of writing, is not
/// seen at all, or is not allowed in XML. A zero-width joiner is not one: it holds an emoji of several together.
pub(super) const fn acts(c: char) -> bool {
    matches!(c, '\0'..='\u{1f}' | '\u{7f}'..='\u{9f}' | '\u{ad}' | '\u{61c}' | '\u{180e}')
        || matches!(c, '\u{200b}' | '\u{200c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}')
        || matches!(c, '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{fffe}' | '\u{ffff}')
}

/// `text` without characters that do something other than being seen.
pub(super) fn clean(text: &str) -> Cow<'_, str> {
    if !text.contains(acts) {
        return Cow::Borrowed(text);
    }
    let shown = |c: char| if acts(c) { '\u{fffd}' } else { c };
    Cow::Owned(text.chars().map(shown).collect())
}

/// The beginning of `text`, of `limit` characters at most, for places where a line is wanted.
pub(super) fn cut(text: &str, limit: usize) -> String {
    words::cut(&clean(text), limit)
}

/// `950`, `12.3 k`, `3.2 M`, `1.1 G`: a count of tokens.
pub(super) fn tokens(count: f64) -> String {
    let (value, unit) = match count {
        count if count < 1e3 => return words::whole(count),
        count if count < 999_500.0 => (count / 1e3, "k"),
        count if count < 999_500_000.0 => (count / 1e6, "M"),
        count => (count / 1e9, "G"),
    };
    let digits = usize::from(value < 99.95);
    format!("{value:.digits$} {unit}")
}

/// `1 iteration`, `12 iterations`.
pub(super) fn count(count: usize, one: &str, many: &str) -> String {
    format!("{} {}", words::whole(count as f64), if count == 1 { one } else { many })
}

/// A score in its own scale; `None` for what is no number. One that nobody means is short all the same.
pub(super) fn score(score: f64) -> Option<String> {
    let ordinary = score.abs() < 1e9;
    score.is_finite().then(|| if ordinary { words::number(score) } else { format!("{score:.1e}") })
}

/// A number that may not be known.
pub(super) fn maybe(value: Option<u64>) -> String {
    value.map_or_else(|| NOT_KNOWN.into(), |value| words::whole(value as f64))
}

/// An outcome in a word.
pub(super) const fn outcome(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Accept => "accepted",
        Outcome::Revert => "reverted",
        Outcome::WedgedNoVerdict => "wedged",
        Outcome::InProgress => "in progress",
        Outcome::Unknown => "unknown",
    }
}

/// An outcome as the name of a class, of a symbol and of a page.
pub(super) const fn class(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::InProgress => "in-progress",
        other => self::outcome(other),
    }
}

/// What an outcome means, in a sentence.
pub(super) const fn meaning(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Accept => "The judge accepted the change.",
        Outcome::Revert => "The judge sent the change back, and it was undone.",
        Outcome::WedgedNoVerdict => "The loop hung before the judge came to a verdict.",
        Outcome::InProgress => "It has begun and has not ended.",
        Outcome::Unknown => "Nothing that was read tells how it ended.",
    }
}

/// A kind of event in a word.
pub(super) const fn event(kind: EventKind) -> &'static str {
    match kind {
        EventKind::Wedge => "wedge",
        EventKind::Lesson => "lesson",
        EventKind::Restart => "restart",
        EventKind::Refinement => "refinement",
        EventKind::Bypass => "bypass attempt",
    }
}

/// A kind of event as the name of a class and of a symbol.
pub(super) const fn event_class(kind: EventKind) -> &'static str {
    match kind {
        EventKind::Bypass => "bypass",
        other => event(other),
    }
}

/// A word of a closed vocabulary with spaces: `did_not_take` is `did not take`.
pub(super) fn spaced(word: &str) -> String {
    cut(&word.replace('_', " "), 80)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_keep_three_digits() {
        let all = [950.0, 1000.0, 12_345.0, 999_499.0, 999_500.0, 3_210_000.0, 1.1e9, 123e9].map(tokens);
        assert_eq!(all, ["950", "1.0 k", "12.3 k", "999 k", "1.0 M", "3.2 M", "1.1 G", "123 G"]);
    }

    #[test]
    fn scores_are_short_or_none() {
        let all = [9.25, 87.0, -1e300, f64::NAN, f64::INFINITY].map(score);
        assert_eq!(all, [Some("9.2".into()), Some("87".into()), Some("-1.0e300".into()), None, None]);
    }

    #[test]
    fn characters_that_act_are_disarmed_and_emoji_stay_whole() {
        assert_eq!(clean("a\u{202e}b\u{0}c\u{ffff}d"), "a\u{fffd}b\u{fffd}c\u{fffd}d");
        assert_eq!(clean("👩\u{200d}💻 grün"), "👩\u{200d}💻 grün");
    }

    #[test]
    fn a_cut_falls_between_characters() {
        assert_eq!(cut("äöü", 2), "äö…");
        assert_eq!(cut("äöü", 3), "äöü");
    }

    #[test]
    fn a_time_is_told_in_both_spellings() {
        let stamp = stamp("2025-11-04T09:05:07.9Z".parse().unwrap());
        assert_eq!((stamp.iso.as_str(), stamp.text.as_str()), ("2025-11-04T09:05:07Z", "4 Nov 2025, 09:05"));
    }
}
