//! Numbers, times and lists as people read them, in findings, in the report and on the page.
//!
//! Invariant: pure; a share or a size that is not nothing is never shown as 0, and one that is not the whole never as
//! 100 %.

use crate::observation::{Time, seconds_since};

/// `3 s`, `4 min`, `2.5 h`, `3.0 d`: a length of time.
pub(crate) fn length(seconds: f64) -> String {
    match seconds.abs() {
        s if s < 120.0 => format!("{} s", rounded(seconds)),
        s if s < 7200.0 => format!("{} min", rounded(seconds / 60.0)),
        s if s < 172_800.0 => format!("{:.1} h", seconds / 3600.0),
        _ => format!("{:.1} d", seconds / 86_400.0),
    }
}

/// The whole number nearest to `value`, the even one of two, as `{:.0}` writes it. Every judgement writes a dozen, and a
/// float of any size costs ten times as much to write.
fn rounded(value: f64) -> i64 {
    #[expect(clippy::cast_possible_truncation, reason = "a cast of a float saturates, at lengths that nothing has")]
    let rounded = value.round_ties_even() as i64;
    rounded
}

/// `4 min ago`, or `4 min ahead of this machine's clock`.
pub(crate) fn ago(now: Time, then: Time) -> String {
    match seconds_since(now, then) {
        seconds if seconds <= -0.5 => format!("{} ahead of this machine's clock", length(-seconds)),
        seconds => format!("{} ago", length(seconds.max(0.0))),
    }
}

/// The first `most` characters, with an ellipsis where those are not all.
pub(crate) fn cut(text: &str, most: usize) -> String {
    match text.char_indices().nth(most) {
        Some((end, _)) => format!("{}…", text[..end].trim_end()),
        None => text.to_owned(),
    }
}

/// `12 ms`, `1.4 s`: how long something took.
pub(crate) fn took(seconds: f64) -> String {
    match seconds {
        s if s < 0.001 => format!("{:.0} µs", s * 1e6),
        s if s < 1.0 => format!("{:.0} ms", s * 1e3),
        s => format!("{s:.1} s"),
    }
}

/// `96 %`, `3.3 %`: a ratio. Below 10 % the tenths matter to limits.
pub(crate) fn percent(ratio: f64) -> String {
    match ratio * 100.0 {
        percent if percent > 0.0 && percent < 0.1 => "<0.1 %".into(),
        percent if percent > 99.0 && percent < 100.0 => "99 %".into(),
        percent if percent < 9.95 => format!("{} %", format!("{percent:.1}").trim_end_matches(".0")),
        percent => format!("{} %", rounded(percent)),
    }
}

/// A number with as many digits as say something: `224`, `3.7`, `0.04`.
pub(crate) fn number(value: f64) -> String {
    match value.abs() {
        size if size >= 10.0 || value.fract() == 0.0 => whole(value),
        size if size >= 1.0 => format!("{value:.1}"),
        _ => format!("{value:.2}"),
    }
}

/// Without fraction, thousands apart from 10,000 on, as the eye needs it.
pub(crate) fn whole(value: f64) -> String {
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

/// `1.5 GiB`: a size in bytes.
pub(crate) fn bytes(bytes: u64) -> String {
    const UNITS: [&str; 5] = ["B", "KiB", "MiB", "GiB", "TiB"];
    let mut value = bytes as f64;
    let mut unit = 0;
    while value >= 1024.0 && unit + 1 < UNITS.len() {
        value /= 1024.0;
        unit += 1;
    }
    format!("{} {}", number(value), UNITS[unit])
}

/// `630 MHz`, `2.41 GHz`: a clock in hertz.
pub(crate) fn hertz(hertz: f64) -> String {
    if hertz < 1e9 { format!("{} MHz", rounded(hertz / 1e6)) } else { format!("{:.2} GHz", hertz / 1e9) }
}

/// The parts that are there, with commas.
pub(crate) fn list(parts: impl IntoIterator<Item = Option<String>>) -> String {
    parts.into_iter().flatten().collect::<Vec<_>>().join(", ")
}

/// `text` without characters that move the cursor, change colours or turn the direction of writing: it may come from
/// a file that somebody else writes.
pub(crate) fn clean(text: &str) -> String {
    let harmless = |c: char| {
        !c.is_control() && !matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
    };
    text.chars().map(|c| if harmless(c) { c } else { '\u{fffd}' }).collect()
}

#[cfg(test)]
mod tests {
    use jiff::SignedDuration;

    use super::*;
    use crate::check::example_now;

    #[test]
    fn lengths_change_their_unit_where_it_is_easier_to_read() {
        for (seconds, text) in
            [(0.4, "0 s"), (119.0, "119 s"), (120.0, "2 min"), (7199.0, "120 min"), (7200.0, "2.0 h"), (2e5, "2.3 d")]
        {
            assert_eq!(length(seconds), text);
        }
        for half in 0..14_400 {
            let seconds = f64::from(half) / 2.0;
            assert_eq!(rounded(seconds).to_string(), format!("{seconds:.0}"));
        }
        let now = example_now();
        assert_eq!(ago(now, now - SignedDuration::from_secs(5)), "5 s ago");
        assert_eq!(ago(now, now + SignedDuration::from_millis(400)), "0 s ago");
        assert_eq!(ago(now, now + SignedDuration::from_secs(5)), "5 s ahead of this machine's clock");
        assert_eq!([took(0.000_31), took(0.0123), took(1.44)], ["310 µs", "12 ms", "1.4 s"]);
    }

    #[test]
    fn percents_never_round_to_all_or_nothing() {
        let expected = [
            (0.0, "0 %"),
            (0.0004, "<0.1 %"),
            (0.033, "3.3 %"),
            (0.04, "4 %"),
            (0.0996, "10 %"),
            (0.5, "50 %"),
            (0.9999, "99 %"),
            (1.0, "100 %"),
        ];
        for (ratio, text) in expected {
            assert_eq!(percent(ratio), text);
        }
    }

    #[test]
    fn numbers_have_the_digits_that_say_something() {
        let expected =
            [(224.4, "224"), (3.73, "3.7"), (0.042, "0.04"), (0.0, "0"), (3.0, "3"), (12345.0, "12\u{202f}345")];
        for (value, text) in expected {
            assert_eq!(number(value), text);
        }
        assert_eq!(whole(-1_234_567.0), "-1\u{202f}234\u{202f}567");
        assert_eq!([bytes(512), bytes(3 << 29), bytes(120 << 30)], ["512 B", "1.5 GiB", "120 GiB"]);
        assert_eq!([hertz(630e6), hertz(2.411e9)], ["630 MHz", "2.41 GHz"]);
    }

    #[test]
    fn text_that_turns_the_direction_is_disarmed() {
        assert_eq!(clean("a\u{202e}b\tc\u{85}"), "a\u{fffd}b\u{fffd}c\u{fffd}");
        assert_eq!(clean("grün 88 °C"), "grün 88 °C");
    }
}
