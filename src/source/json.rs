//! Tolerant look-ups in JSON that the loop's programs wrote: a field may be absent or of another type.

use serde_json::Value;

use crate::observation::Time;

/// The time in `value`: RFC 3339 or Unix seconds, integer or float, as number or as text.
pub fn time(value: &Value) -> Option<Time> {
    match value {
        Value::Number(number) => number.as_f64().and_then(unix),
        Value::String(text) => text.parse().ok().or_else(|| text.trim().parse().ok().and_then(unix)),
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

/// Non-empty text, cut at 200 characters so that a hostile file cannot swell a page; numbers and truth values too.
pub fn text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) if !text.is_empty() => Some(text.chars().take(200).collect()),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(flag) => Some(flag.to_string()),
        _ => None,
    }
}
