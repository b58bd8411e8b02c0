//! Whether a request's conditions hold (RFC 9110, 13): `If-Match`, `If-Unmodified-Since`, `If-None-Match`,
//! `If-Modified-Since`, in this order.
//!
//! Invariant: pure, linear in the headers' length. A condition that cannot be read is none where the RFC says so (dates);
//! a tag that cannot be read is no tag that we have.

use std::time::SystemTime;

use http::header::{self, HeaderName};
use http::{HeaderMap, HeaderValue};

use crate::validator::{EntityTag, Modified};

/// What the conditions come to, for GET and HEAD.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// The file is to be sent.
    Send,
    /// The client has it.
    NotModified,
    /// It is not the file that the client means.
    Failed,
}

/// Judges a request's `headers` against what would be sent: 13.2.2, whose last step is that of the ranges.
pub(crate) fn judge(headers: &HeaderMap, tag: &EntityTag, modified: Option<Modified>) -> Verdict {
    let agrees = if headers.contains_key(header::IF_MATCH) {
        any_is(headers, header::IF_MATCH, |listed| listed.is_strongly(tag))
    } else {
        dates(headers, header::IF_UNMODIFIED_SINCE, modified).is_none_or(|(date, modified)| modified <= date)
    };
    if !agrees {
        return Verdict::Failed;
    }
    let has_it = if headers.contains_key(header::IF_NONE_MATCH) {
        any_is(headers, header::IF_NONE_MATCH, |listed| listed.is_weakly(tag))
    } else {
        dates(headers, header::IF_MODIFIED_SINCE, modified).is_some_and(|(date, modified)| modified <= date)
    };
    if has_it { Verdict::NotModified } else { Verdict::Send }
}

/// Whether `If-Range` lets a range be sent: there is none, or it names what is there now (13.1.5).
pub(crate) fn if_range(headers: &HeaderMap, tag: &EntityTag, modified: Option<Modified>) -> bool {
    let Some(value) = only(headers, header::IF_RANGE) else { return !headers.contains_key(header::IF_RANGE) };
    match Listed::first_of(value.as_bytes()) {
        Some((listed, rest)) => listed.is_strongly(tag) && rest.trim_ascii().is_empty(),
        None => date(value).zip(modified).is_some_and(|(date, modified)| modified.is_strongly(date)),
    }
}

/// An entity tag as a client wrote it.
///
/// The crate `headers` reads them too, but it brings SHA-1 and Base64 along, and one tag with a letter beyond ASCII, which
/// other servers make, hides the rest of the list from it.
#[derive(Debug, Clone, Copy)]
struct Listed<'a> {
    is_weak: bool,
    quoted: &'a [u8],
}

impl<'a> Listed<'a> {
    /// The tag at the start of `text`, and what follows it.
    fn first_of(text: &'a [u8]) -> Option<(Self, &'a [u8])> {
        let text = text.trim_ascii_start();
        let (is_weak, text) = text.strip_prefix(b"W/").map_or((false, text), |text| (true, text));
        let inner = text.strip_prefix(b"\"")?;
        let length = memchr::memchr(b'"', inner)?;
        let (quoted, rest) = text.split_at(length + 2);
        Some((Listed { is_weak, quoted }, rest))
    }

    fn is_strongly(self, tag: &EntityTag) -> bool {
        !self.is_weak && self.is_weakly(tag)
    }

    fn is_weakly(self, tag: &EntityTag) -> bool {
        self.quoted == tag.as_bytes()
    }
}

/// Whether the header called `name` is `*`, or one of the tags that it lists is as `wanted`.
fn any_is(headers: &HeaderMap, name: HeaderName, wanted: impl Fn(Listed<'_>) -> bool) -> bool {
    if only(headers, &name).is_some_and(|value| value.as_bytes().trim_ascii() == b"*") {
        return true;
    }
    headers.get_all(name).into_iter().any(|value| tags(value.as_bytes()).any(&wanted))
}

/// The tags of a list, up to what is no tag.
fn tags(mut rest: &[u8]) -> impl Iterator<Item = Listed<'_>> {
    std::iter::from_fn(move || {
        // RFC 9110, 5.6.1.2: elements of a list may be empty.
        while let Some(following) = rest.trim_ascii_start().strip_prefix(b",") {
            rest = following;
        }
        let (listed, following) = Listed::first_of(rest)?;
        let following = following.trim_ascii_start();
        let ends = following.is_empty() || following.starts_with(b",");
        rest = following;
        ends.then_some(listed)
    })
}

/// The date in the header called `name` and that of the file, where there are both.
fn dates(headers: &HeaderMap, name: HeaderName, modified: Option<Modified>) -> Option<(SystemTime, SystemTime)> {
    Some((date(only(headers, name)?)?, modified?.at()))
}

fn date(value: &HeaderValue) -> Option<SystemTime> {
    httpdate::parse_http_date(value.to_str().ok()?).ok()
}

/// The value of a header that may stand there once, where it does.
pub(crate) fn only(headers: &HeaderMap, name: impl header::AsHeaderName) -> Option<&HeaderValue> {
    let mut all = headers.get_all(name).into_iter();
    all.next().filter(|_| all.next().is_none())
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::fixture::{content, headers, now, since};

    const BEFORE: &str = "Sun, 06 Nov 1994 08:49:36 GMT";
    const SAME: &str = "Sun, 06 Nov 1994 08:49:37 GMT";
    const AFTER: &str = "Sun, 06 Nov 1994 08:49:38 GMT";
    const TAG: &str = "\"ba7816bf8f01cfea414140de5dae2223\"";
    const WEAK: &str = "W/\"ba7816bf8f01cfea414140de5dae2223\"";

    fn judged(lines: &[(&str, &str)]) -> Verdict {
        judge(&headers(lines), &EntityTag::of(&content("abc")), Modified::of(since(), now()))
    }

    /// What each value of `If-None-Match` comes to, and of `If-Match`.
    #[test]
    fn lists_of_tags() {
        use Verdict::{Failed, NotModified, Send};
        let long = format!("{}{TAG}", "\"x\",".repeat(1000));
        for (list, none_match, if_match) in [
            (TAG, NotModified, Send),
            (WEAK, NotModified, Failed),
            ("*", NotModified, Send),
            (" * ", NotModified, Send),
            ("\"other\"", Send, Failed),
            ("\"x,y\", \"a b\" ,\t\"\",,,\"ba7816bf8f01cfea414140de5dae2223\"", NotModified, Send),
            (",, \"ba7816bf8f01cfea414140de5dae2223\" ,", NotModified, Send),
            ("\"é\", \"ba7816bf8f01cfea414140de5dae2223\"", NotModified, Send),
            ("\"\\\",\"ba7816bf8f01cfea414140de5dae2223\"", NotModified, Send),
            (&long, NotModified, Send),
            ("", Send, Failed),
            (",", Send, Failed),
            ("ba7816bf8f01cfea414140de5dae2223", Send, Failed),
            ("\"ba7816bf8f01cfea414140de5dae2223", Send, Failed),
            ("w/\"ba7816bf8f01cfea414140de5dae2223\"", Send, Failed),
            ("W/ \"ba7816bf8f01cfea414140de5dae2223\"", Send, Failed),
            ("\"BA7816BF8F01CFEA414140DE5DAE2223\"", Send, Failed),
            ("\"x\" \"ba7816bf8f01cfea414140de5dae2223\"", Send, Failed),
            ("\"ba7816bf8f01cfea414140de5dae2223\"x", Send, Failed),
            ("*, \"x\"", Send, Failed),
            ("nonsense, \"ba7816bf8f01cfea414140de5dae2223\"", Send, Failed),
            ("'\"ba7816bf8f01cfea414140de5dae2223\"'", Send, Failed),
        ] {
            assert_eq!(judged(&[("if-none-match", list)]), none_match, "{list}");
            assert_eq!(judged(&[("if-match", list)]), if_match, "{list}");
        }
    }

    #[test]
    fn several_lines_make_one_list() {
        assert_eq!(judged(&[("if-none-match", "\"x\""), ("if-none-match", TAG)]), Verdict::NotModified);
        assert_eq!(judged(&[("if-none-match", "*"), ("if-none-match", "\"x\"")]), Verdict::Send);
        assert_eq!(judged(&[("if-match", "\"x\""), ("if-match", TAG)]), Verdict::Send);
    }

    /// What each value of `If-Modified-Since` comes to, and of `If-Unmodified-Since`.
    #[test]
    fn dates() {
        use Verdict::{Failed, NotModified, Send};
        for (date, modified, unmodified) in [
            (BEFORE, Send, Failed),
            (SAME, NotModified, Send),
            (AFTER, NotModified, Send),
            ("Sunday, 06-Nov-94 08:49:37 GMT", NotModified, Send),
            ("Sun Nov  6 08:49:37 1994", NotModified, Send),
            ("Sun, 06 Nov 1994 08:49:37 CET", Send, Send),
            ("Mon, 06 Nov 1994 08:49:37 GMT", Send, Send),
            ("Sun, 31 Feb 1994 08:49:37 GMT", Send, Send),
            ("Fri, 31 Dec 9999 23:59:59 GMT", NotModified, Send),
            ("784111777", Send, Send),
            ("0", Send, Send),
            ("", Send, Send),
        ] {
            assert_eq!(judged(&[("if-modified-since", date)]), modified, "{date}");
            assert_eq!(judged(&[("if-unmodified-since", date)]), unmodified, "{date}");
        }
        // 13.1.3 and 13.1.4: a field with several dates is ignored.
        assert_eq!(judged(&[("if-modified-since", SAME), ("if-modified-since", SAME)]), Send);
        assert_eq!(judged(&[("if-unmodified-since", BEFORE), ("if-unmodified-since", BEFORE)]), Send);
    }

    #[test]
    fn conditions_are_judged_in_the_order_of_the_rfc() {
        use Verdict::{Failed, NotModified, Send};
        for (lines, verdict) in [
            (&[][..], Send),
            // A tag silences the date of the same step.
            (&[("if-match", TAG), ("if-unmodified-since", BEFORE)], Send),
            (&[("if-match", "\"x\""), ("if-unmodified-since", AFTER)], Failed),
            (&[("if-none-match", "\"x\""), ("if-modified-since", AFTER)], Send),
            (&[("if-none-match", TAG), ("if-modified-since", BEFORE)], NotModified),
            // The first step comes before the second.
            (&[("if-match", "\"x\""), ("if-none-match", TAG)], Failed),
            (&[("if-match", TAG), ("if-none-match", TAG)], NotModified),
            (&[("if-unmodified-since", BEFORE), ("if-none-match", TAG)], Failed),
            (&[("if-unmodified-since", SAME), ("if-modified-since", SAME)], NotModified),
            (&[("if-match", "*"), ("if-modified-since", BEFORE)], Send),
        ] {
            assert_eq!(judged(lines), verdict, "{lines:?}");
        }
    }

    #[test]
    fn what_has_no_date_has_no_condition_on_it() {
        let tag = EntityTag::of(&content("abc"));
        for name in ["if-modified-since", "if-unmodified-since"] {
            assert_eq!(judge(&headers(&[(name, BEFORE)]), &tag, None), Verdict::Send);
        }
        assert!(!if_range(&headers(&[("if-range", SAME)]), &tag, None));
    }

    #[test]
    fn a_range_is_sent_of_what_the_client_has_a_part_of() {
        let tag = EntityTag::of(&content("abc"));
        let fresh = Modified::of(since(), since() + Duration::from_millis(900));
        let settled = Modified::of(since(), now());
        for (lines, now, soon) in [
            (&[][..], true, true),
            (&[("if-range", TAG)], true, true),
            (&[("if-range", WEAK)], false, false),
            (&[("if-range", "\"x\"")], false, false),
            (&[("if-range", "*")], false, false),
            (&[("if-range", "\"x\", \"ba7816bf8f01cfea414140de5dae2223\"")], false, false),
            (&[("if-range", "\"ba7816bf8f01cfea414140de5dae2223\", \"x\"")], false, false),
            (&[("if-range", "")], false, false),
            (&[("if-range", "nonsense")], false, false),
            // Within its second a date is weak.
            (&[("if-range", SAME)], true, false),
            (&[("if-range", BEFORE)], false, false),
            (&[("if-range", AFTER)], false, false),
            (&[("if-range", TAG), ("if-range", TAG)], false, false),
        ] {
            assert_eq!(if_range(&headers(lines), &tag, settled), now, "{lines:?}");
            assert_eq!(if_range(&headers(lines), &tag, fresh), soon, "{lines:?}");
        }
    }
}
