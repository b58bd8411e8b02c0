//! What tells one version of a file from another: its entity tag and its date (RFC 9110, 8.8).
//!
//! Invariant: a tag is made of the hash of the very bytes that are sent, so two of them are equal exactly where the bytes
//! are, whatever their coding.

use std::fmt::Write as _;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bytes::BytesMut;
use http::HeaderValue;
use httpdate::HttpDate;

use crate::Content;

/// How much of the hash is shown: 128 bits tell more files apart than anybody could make.
const SHOWN: usize = 16;
const TAG: usize = 2 * SHOWN + 2;

/// A strong entity tag, with its quotation marks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct EntityTag([u8; TAG]);

impl EntityTag {
    pub(crate) fn of(content: &Content) -> Self {
        let mut tag = [b'"'; TAG];
        for (digits, byte) in tag[1..].chunks_exact_mut(2).zip(&content.sha256[..SHOWN]) {
            digits.copy_from_slice(&digits_of(*byte));
        }
        EntityTag(tag)
    }

    /// The value of `ETag`.
    #[expect(clippy::expect_used, reason = "digits and quotation marks may stand in a header")]
    pub(crate) fn value(&self) -> HeaderValue {
        HeaderValue::from_bytes(&self.0).expect("digits and quotation marks")
    }

    /// As it stands in a header.
    pub(crate) fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

/// `byte` in two hexadecimal digits.
pub(crate) fn digits_of(byte: u8) -> [u8; 2] {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    [DIGITS[usize::from(byte >> 4)], DIGITS[usize::from(byte & 15)]]
}

/// A `Last-Modified`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Modified {
    at: SystemTime,
    is_strong: bool,
}

/// From here on there are five digits in a year, for which HTTP has no form: 10000-01-01.
const LAST_SECOND: u64 = 253_402_300_799;
/// `Last-Modified` counts in these: within one of them a file may change once more without showing it.
const SECOND: Duration = Duration::from_secs(1);
/// The length of a date: `Sun, 06 Nov 1994 08:49:37 GMT`.
const DATE: usize = 29;

impl Modified {
    /// The date of what has been shown since `since`, told at `now`: never in the future (RFC 9110, 8.8.2.1). Nothing
    /// where HTTP has no form for it.
    pub(crate) fn of(since: SystemTime, now: SystemTime) -> Option<Self> {
        let seconds = since.min(now).duration_since(UNIX_EPOCH).ok()?.as_secs();
        if seconds > LAST_SECOND {
            return None;
        }
        let at = UNIX_EPOCH + Duration::from_secs(seconds);
        let is_strong = now.duration_since(at).is_ok_and(|age| age >= SECOND);
        Some(Modified { at, is_strong })
    }

    /// The value of `Last-Modified`.
    #[expect(clippy::expect_used, reason = "the form of a date may stand in a header")]
    pub(crate) fn value(self) -> HeaderValue {
        let mut text = BytesMut::with_capacity(DATE);
        write!(text, "{}", HttpDate::from(self.at)).expect("a buffer that grows takes any text");
        HeaderValue::from_maybe_shared(text.freeze()).expect("letters, digits, blanks, colons and a comma")
    }

    /// Whole seconds.
    pub(crate) fn at(self) -> SystemTime {
        self.at
    }

    /// Whether `date` is this date, and no younger version of the file can have it too: the second is over (RFC 9110,
    /// 8.8.2.2).
    pub(crate) fn is_strongly(self, date: SystemTime) -> bool {
        self.is_strong && self.at == date
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture::content;

    #[test]
    fn a_tag_is_the_start_of_the_contents_hash() {
        let tag = EntityTag::of(&content("abc"));
        assert_eq!(tag.as_bytes(), b"\"ba7816bf8f01cfea414140de5dae2223\"");
        assert_eq!(tag.value(), "\"ba7816bf8f01cfea414140de5dae2223\"");
        let digits: String = content("abc").sha256.iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(&tag.as_bytes()[1..33], &digits.as_bytes()[..32]);
        assert_ne!(tag, EntityTag::of(&content("abd")));
        assert_eq!(tag, EntityTag::of(&content("abc")));
    }

    fn at(seconds: f64) -> SystemTime {
        UNIX_EPOCH + Duration::from_secs_f64(seconds)
    }

    #[test]
    fn a_date_is_told_in_the_form_of_http() {
        let modified = Modified::of(at(784_111_777.9), at(800_000_000.0)).unwrap();
        assert_eq!(modified.value(), "Sun, 06 Nov 1994 08:49:37 GMT");
        let last = Modified::of(at(253_402_300_799.0), at(253_402_300_799.0)).unwrap();
        assert_eq!(last.value(), "Fri, 31 Dec 9999 23:59:59 GMT");
    }

    #[test]
    fn a_date_is_never_in_the_future_and_absent_where_it_has_no_form() {
        assert_eq!(Modified::of(at(2000.0), at(1000.5)).unwrap().at(), at(1000.0));
        assert_eq!(Modified::of(at(0.0), at(1000.0)).unwrap().value(), "Thu, 01 Jan 1970 00:00:00 GMT");
        assert_eq!(Modified::of(UNIX_EPOCH - SECOND, at(1000.0)), None);
        assert_eq!(Modified::of(at(1000.0), UNIX_EPOCH - SECOND), None);
        assert_eq!(Modified::of(at(253_402_300_800.0), at(253_402_300_800.0)), None);
    }

    #[test]
    fn a_date_is_strong_when_its_second_is_over() {
        for (since, now, date, strong) in [
            (1000.0, 1001.0, 1000.0, true),
            (1000.0, 1000.9, 1000.0, false),
            (1000.0, 5000.0, 1001.0, false),
            (1000.0, 5000.0, 999.0, false),
            // The clock was set back: what is told changes with it.
            (2000.0, 1000.0, 1000.0, false),
        ] {
            assert_eq!(Modified::of(at(since), at(now)).unwrap().is_strongly(at(date)), strong, "{since} {now} {date}");
        }
    }
}
