//! Tolerant look-ups in JSON that the loop's programs wrote: a field may be absent or of another type.

mod pick;

pub(crate) use pick::explain;
pub use pick::{Picked, Picker, Tally};

use serde_json::Value;

use crate::observation::Time;

/// The time in `value`: RFC 3339 or Unix seconds, integer or float, as number or as text.
pub fn time(value: &Value) -> Option<Time> {
    match value {
        Value::Number(number) => number.as_f64().and_then(unix),
        Value::String(text) => text.trim().parse().ok().or_else(|| text.trim().parse().ok().and_then(unix)),
        _ => None,
    }
}

/// Unix seconds as a time; `None` outside the years that make sense for a running machine (1970 to 9999).
pub fn unix(seconds: f64) -> Option<Time> {
    if !(0.0..253_402_300_800.0).contains(&seconds) {
        return None;
    }
    let whole = seconds.trunc();
    let nanoseconds = ((seconds - whole) * 1e9).round().min(999_999_999.0);
    #[expect(clippy::cast_possible_truncation, reason = "both are within range by the check above")]
    Time::new(whole as i64, nanoseconds as i32).ok()
}

/// A whole number, 0 or more: a number or digits in text.
pub fn whole(value: &Value) -> Option<u64> {
    match value {
        Value::Number(number) => number.as_u64().or_else(|| {
            let float = number.as_f64().filter(|f| f.fract() == 0.0 && (0.0..1e15).contains(f))?;
            #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "whole and within range")]
            Some(float as u64)
        }),
        Value::String(text) => text.trim().parse().ok(),
        _ => None,
    }
}

/// A finite number, or one in text.
pub fn number(value: &Value) -> Option<f64> {
    match value {
        Value::Number(number) => number.as_f64(),
        Value::String(text) => text.trim().parse().ok().filter(|n: &f64| n.is_finite()),
        _ => None,
    }
}

/// Non-empty text; numbers and truth values too. It is cut at 200 characters and its control characters become
/// spaces, so that a hostile file can neither swell a page nor forge a line of it.
pub fn text(value: &Value) -> Option<String> {
    text_up_to(value, 200)
}

/// The same, cut at `most` characters.
pub fn text_up_to(value: &Value, most: usize) -> Option<String> {
    match value {
        Value::String(text) if !text.is_empty() => {
            Some(text.chars().take(most).map(|c| if c.is_control() { ' ' } else { c }).collect())
        }
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(flag) => Some(flag.to_string()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const NOON: &str = "2026-11-22T12:00:00Z";

    #[test]
    fn a_time_is_rfc_3339_or_unix_seconds_as_number_or_text() {
        let noon: Time = NOON.parse().unwrap();
        let forms = [
            json!(NOON),
            json!("2026-11-22T13:00:00+01:00"),
            json!("2026-11-22T12:00:00.000000+00:00"),
            json!(" 2026-11-22T12:00:00Z\n"),
            json!(1_795_348_800),
            json!(1_795_348_800.0),
            json!("1795348800"),
            json!("1795348800.0"),
        ];
        for form in forms {
            assert_eq!(time(&form), Some(noon), "{form}");
        }
        assert_eq!(time(&json!(1_795_348_800.25)), Some(noon + jiff::SignedDuration::from_millis(250)));
    }

    #[test]
    fn what_is_no_time_is_none() {
        let forms = [
            json!(null),
            json!(true),
            json!([]),
            json!({}),
            json!(""),
            json!("noon"),
            json!("NaN"),
            json!("inf"),
            json!(-1),
            json!(1e300),
            json!("2026-11-22T12:00:00"),
            json!(1_795_348_800_000_u64),
        ];
        for form in forms {
            assert_eq!(time(&form), None, "{form}");
        }
        assert_eq!(unix(f64::NAN), None);
        assert!(unix(0.999_999_999_99).is_some());
    }

    #[test]
    fn a_whole_number_may_be_a_float_or_text() {
        for form in [json!(117), json!(117.0), json!("117"), json!(" 117 ")] {
            assert_eq!(whole(&form), Some(117), "{form}");
        }
        for form in [json!(-1), json!(1.5), json!(1e300), json!("x"), json!(null), json!([1])] {
            assert_eq!(whole(&form), None, "{form}");
        }
    }

    #[test]
    fn a_number_is_finite() {
        assert_eq!(number(&json!("7.5")), Some(7.5));
        assert_eq!(number(&json!(-3)), Some(-3.0));
        for form in [json!("NaN"), json!("inf"), json!(null), json!(true)] {
            assert_eq!(number(&form), None, "{form}");
        }
    }

    #[test]
    fn text_is_short_and_on_one_line() {
        assert_eq!(text(&json!("a\nb\u{1b}[31m")).as_deref(), Some("a b [31m"));
        assert_eq!(text(&json!("\u{e9}".repeat(5000))).unwrap().chars().count(), 200);
        assert_eq!(text(&json!(7)).as_deref(), Some("7"));
        assert_eq!(text(&json!(true)).as_deref(), Some("true"));
        for form in [json!(""), json!(null), json!([]), json!({})] {
            assert_eq!(text(&form), None, "{form}");
        }
    }
}
