//! Numbers and times as people read them. A value that is not known is a dash.
//!
//! Invariant: units stand after a no-break space, so that no line ends between a number and its unit.

use crate::check::human_seconds;
use crate::observation::{Time, seconds_since};

const UNKNOWN: &str = "–";

/// `12:04:31 UTC`, with the date where it is not that of `now`.
pub(super) fn clock(at: Time, now: Time) -> String {
    let same_day = at.as_second().div_euclid(86_400) == now.as_second().div_euclid(86_400);
    let format = if same_day { "%H:%M:%S\u{a0}UTC" } else { "%Y-%m-%d %H:%M\u{a0}UTC" };
    at.strftime(format).to_string()
}

/// `4 min`: how long ago, or how far ahead.
pub(super) fn length(seconds: f64) -> String {
    human_seconds(seconds).replace(' ', "\u{a0}")
}

/// `4 min ago`.
pub(super) fn ago(at: Time, now: Time) -> String {
    match seconds_since(now, at) {
        seconds if seconds < -0.5 => format!("{}\u{a0}ahead", length(-seconds)),
        seconds => format!("{}\u{a0}ago", length(seconds.max(0.0))),
    }
}

pub(super) fn ago_or_dash(at: Option<Time>, now: Time) -> String {
    at.map_or_else(|| UNKNOWN.into(), |at| ago(at, now))
}

/// A number with as many digits as say something: `224`, `3.7`, `0.04`.
pub(super) fn number(value: Option<f64>) -> String {
    match value {
        None => UNKNOWN.into(),
        Some(value) if value == 0.0 || value.abs() >= 10.0 || value.fract() == 0.0 => grouped(value),
        Some(value) if value.abs() >= 1.0 => format!("{value:.1}"),
        Some(value) => format!("{value:.2}"),
    }
}

pub(super) fn with_unit(value: Option<f64>, unit: &str) -> String {
    value.map_or_else(|| UNKNOWN.into(), |value| format!("{}\u{a0}{unit}", number(Some(value))))
}

/// `96 %`. Only the whole is `100 %` and only nothing is `0 %`.
pub(super) fn percent(ratio: Option<f64>) -> String {
    match ratio.map(|ratio| ratio * 100.0) {
        None => UNKNOWN.into(),
        Some(percent) if percent > 99.0 && percent < 100.0 => "99\u{a0}%".into(),
        Some(percent) if percent > 0.0 && percent < 1.0 => "<1\u{a0}%".into(),
        Some(percent) => format!("{percent:.0}\u{a0}%"),
    }
}

pub(super) fn whole(value: Option<u64>) -> String {
    value.map_or_else(|| UNKNOWN.into(), |value| grouped(value as f64))
}

pub(super) fn gigahertz(hertz: Option<f64>) -> String {
    hertz.map_or_else(|| UNKNOWN.into(), |hertz| format!("{:.2}\u{a0}GHz", hertz / 1e9))
}

pub(super) fn bytes(bytes: Option<u64>) -> String {
    const UNITS: [&str; 5] = ["B", "KiB", "MiB", "GiB", "TiB"];
    let Some(bytes) = bytes else { return UNKNOWN.into() };
    let mut value = bytes as f64;
    let mut unit = 0;
    while value >= 1024.0 && unit + 1 < UNITS.len() {
        value /= 1024.0;
        unit += 1;
    }
    format!("{}\u{a0}{}", number(Some(value)), UNITS[unit])
}

/// `12 ms`, `1.4 s`.
pub(super) fn took(seconds: f64) -> String {
    match seconds {
        s if s < 0.001 => format!("{:.0}\u{a0}µs", s * 1e6),
        s if s < 1.0 => format!("{:.0}\u{a0}ms", s * 1e3),
        s => format!("{s:.1}\u{a0}s"),
    }
}

/// `1 check`, `2 checks`.
pub(super) fn count(n: usize, one: &str, many: &str) -> String {
    format!("{n} {}", if n == 1 { one } else { many })
}

/// Thousands apart from 10,000 on, as the eye needs it.
fn grouped(value: f64) -> String {
    let digits = format!("{value:.0}");
    if value.abs() < 10_000.0 {
        return digits;
    }
    let length = digits.len();
    let mut out = String::with_capacity(length + length / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (length - index) % 3 == 0 && digit.is_ascii_digit() && !out.ends_with('-') {
            out.push('\u{202f}');
        }
        out.push(digit);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::example_now;
    use jiff::SignedDuration;

    #[test]
    fn numbers() {
        for (value, text) in
            [(224.4, "224"), (3.73, "3.7"), (0.042, "0.04"), (0.0, "0"), (3.0, "3"), (12345.0, "12\u{202f}345")]
        {
            assert_eq!(number(Some(value)), text);
        }
        assert_eq!(number(None), "–");
        assert_eq!(grouped(-1_234_567.0), "-1\u{202f}234\u{202f}567");
    }

    #[test]
    fn percents_never_round_to_all_or_nothing() {
        for (ratio, text) in [(0.0, "0"), (0.001, "<1"), (0.5, "50"), (0.9999, "99"), (1.0, "100")] {
            assert_eq!(percent(Some(ratio)), format!("{text}\u{a0}%"));
        }
    }

    #[test]
    fn times() {
        let now = example_now();
        assert_eq!(clock(now, now), "12:00:00\u{a0}UTC");
        assert_eq!(clock(now - SignedDuration::from_hours(13), now), "2026-11-21 23:00\u{a0}UTC");
        assert_eq!(ago(now - SignedDuration::from_secs(5), now), "5\u{a0}s\u{a0}ago");
        assert_eq!(ago(now + SignedDuration::from_secs(5), now), "5\u{a0}s\u{a0}ahead");
        assert_eq!(took(0.0123), "12\u{a0}ms");
        assert_eq!(bytes(Some(3 << 29)), "1.5\u{a0}GiB");
    }
}
