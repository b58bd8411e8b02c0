//! Numbers: exact, and quick for the short decimals that make up a page.

/// Powers of ten that a double holds exactly.
const POWERS: [f64; 23] = [
    1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20,
    1e21, 1e22,
];

/// The number that all of `token` spells; `NaN`, `+Inf` and `-Inf` too.
pub(super) fn parse(token: &[u8]) -> Option<f64> {
    match short_decimal(token) {
        Some(value) => Some(value),
        None => std::str::from_utf8(token).ok()?.parse().ok(),
    }
}

/// A decimal whose digits and whose power of ten are both exact as doubles, so that one division or multiplication
/// rounds correctly (Clinger's fast path). Everything else is left to the standard library.
fn short_decimal(token: &[u8]) -> Option<f64> {
    let (negative, digits) = match token {
        [b'-', rest @ ..] => (true, rest),
        [b'+', rest @ ..] => (false, rest),
        _ => (false, token),
    };
    let (mantissa, whole) = take_digits(0, digits);
    let (mantissa, fraction, rest) = match &digits[whole..] {
        [b'.', rest @ ..] => {
            let (mantissa, fraction) = take_digits(mantissa, rest);
            (mantissa, fraction, &rest[fraction..])
        }
        rest => (mantissa, 0, rest),
    };
    if whole + fraction == 0 || whole + fraction > 18 || mantissa >= 1 << 53 {
        return None;
    }
    let power = exponent(rest)? - i32::try_from(fraction).ok()?;
    let scale = *POWERS.get(power.unsigned_abs() as usize)?;
    #[expect(clippy::cast_precision_loss, reason = "below 2^53 by the check above")]
    let value = if power < 0 { mantissa as f64 / scale } else { mantissa as f64 * scale };
    Some(if negative { -value } else { value })
}

/// Appends the leading digits of `bytes` to `mantissa`; wraps beyond 19 digits, which the caller refuses.
fn take_digits(mut mantissa: u64, bytes: &[u8]) -> (u64, usize) {
    let mut count = 0;
    for byte in bytes {
        let digit = byte.wrapping_sub(b'0');
        if digit > 9 {
            break;
        }
        mantissa = mantissa.wrapping_mul(10).wrapping_add(u64::from(digit));
        count += 1;
    }
    (mantissa, count)
}

/// The exponent that all of `rest` spells; 0 when there is none.
fn exponent(rest: &[u8]) -> Option<i32> {
    let (negative, digits) = match rest {
        [] => return Some(0),
        [b'e' | b'E', b'-', digits @ ..] => (true, digits),
        [b'e' | b'E', b'+', digits @ ..] | [b'e' | b'E', digits @ ..] => (false, digits),
        _ => return None,
    };
    let (value, count) = take_digits(0, digits);
    if count == 0 || count > 3 || count != digits.len() {
        return None;
    }
    let value = i32::try_from(value).ok()?;
    Some(if negative { -value } else { value })
}
