//! [`crate::words`] as the page shows them. A value that is not known is a dash.
//!
//! Invariant: units stand after a no-break space, so that no line ends between a number and its unit.

use crate::observation::Time;
use crate::words;

const UNKNOWN: &str = "–";

/// What `words` says of a value that may be unknown.
fn or_dash<T>(value: Option<T>, words: impl FnOnce(T) -> String) -> String {
    value.map_or_else(|| UNKNOWN.into(), |value| unbroken(&words(value)))
}

fn unbroken(text: &str) -> String {
    text.replace(' ', "\u{a0}")
}

/// `12:04:31 UTC`, with the date where it is not that of `now`.
pub(super) fn clock(at: Time, now: Time) -> String {
    let same_day = at.as_second().div_euclid(86_400) == now.as_second().div_euclid(86_400);
    let format = if same_day { "%H:%M:%S\u{a0}UTC" } else { "%Y-%m-%d %H:%M\u{a0}UTC" };
    at.strftime(format).to_string()
}

/// `4 min`.
pub(super) fn length(seconds: f64) -> String {
    unbroken(&words::length(seconds))
}

/// `4 min ago`.
pub(super) fn ago(at: Time, now: Time) -> String {
    unbroken(&words::ago(now, at))
}

pub(super) fn ago_or_dash(at: Option<Time>, now: Time) -> String {
    or_dash(at, |at| words::ago(now, at))
}

/// `224`.
pub(super) fn number(value: Option<f64>) -> String {
    or_dash(value, words::number)
}

pub(super) fn with_unit(value: Option<f64>, unit: &str) -> String {
    or_dash(value, |value| format!("{} {unit}", words::number(value)))
}

/// `96 %`.
pub(super) fn percent(ratio: Option<f64>) -> String {
    or_dash(ratio, words::percent)
}

pub(super) fn whole(value: Option<u64>) -> String {
    or_dash(value, |value| words::whole(value as f64))
}

/// `2.41 GHz`.
pub(super) fn hertz(hertz: Option<f64>) -> String {
    or_dash(hertz, words::hertz)
}

/// `1.5 GiB`.
pub(super) fn bytes(bytes: Option<u64>) -> String {
    or_dash(bytes, words::bytes)
}

/// `12 ms`.
pub(super) fn took(seconds: f64) -> String {
    unbroken(&words::took(seconds))
}

/// `1 check`, `2 checks`.
pub(super) fn count(n: usize, one: &str, many: &str) -> String {
    format!("{n} {}", if n == 1 { one } else { many })
}

#[cfg(test)]
mod tests {
    use jiff::SignedDuration;

    use super::*;
    use crate::check::example_now;

    #[test]
    fn units_never_stand_alone_on_a_line() {
        let now = example_now();
        assert_eq!(ago(now - SignedDuration::from_secs(5), now), "5\u{a0}s\u{a0}ago");
        assert_eq!([percent(Some(0.5)), with_unit(Some(41.3), "W")], ["50\u{a0}%", "41\u{a0}W"]);
        assert_eq!([took(0.0123), bytes(Some(3 << 29))], ["12\u{a0}ms", "1.5\u{a0}GiB"]);
    }

    #[test]
    fn what_is_not_known_is_a_dash() {
        assert_eq!([number(None), percent(None), ago_or_dash(None, example_now()), hertz(None)], ["–"; 4]);
    }

    #[test]
    fn the_date_stands_where_it_is_another() {
        let now = example_now();
        assert_eq!(clock(now, now), "12:00:00\u{a0}UTC");
        assert_eq!(clock(now - SignedDuration::from_hours(13), now), "2026-11-21 23:00\u{a0}UTC");
    }
}
