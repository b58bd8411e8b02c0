//! The kinds of value a setting may have, each with its unit and its error message.

use std::path::PathBuf;

use serde_yaml::Value;

use super::section::{Faults, Node, Setting, Visitor};

/// A length of time in seconds. Written as a number of seconds or as text such as `90s`, `10m`, `1h30m`, `2d`, `250ms`.
#[derive(Debug, Clone, Copy, PartialEq, PartialOrd)]
pub struct Seconds(pub f64);

impl Seconds {
    /// As a [`std::time::Duration`].
    pub fn duration(self) -> std::time::Duration {
        std::time::Duration::from_secs_f64(self.0)
    }
}

/// The longest length of time that a setting takes: about 31 years, so that sums of a few never overflow a clock.
const LONGEST: f64 = 1e9;

impl std::fmt::Display for Seconds {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let milliseconds = self.0 * 1000.0;
        match self.0 {
            s if s > 0.0 && s < 1.0 && milliseconds.fract() == 0.0 => write!(f, "{milliseconds}ms"),
            s if s >= 86_400.0 && s % 86_400.0 == 0.0 => write!(f, "{}d", s / 86_400.0),
            s if s >= 3600.0 && s % 3600.0 == 0.0 => write!(f, "{}h", s / 3600.0),
            s if s >= 60.0 && s % 60.0 == 0.0 => write!(f, "{}m", s / 60.0),
            s => write!(f, "{s}s"),
        }
    }
}

impl std::str::FromStr for Seconds {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let text = text.trim();
        let total = text.parse().ok().or_else(|| sum_of_units(text)).filter(|total| (0.0..=LONGEST).contains(total));
        total.map(Seconds).ok_or_else(|| LENGTH_EXPECTED.into())
    }
}

const LENGTH_EXPECTED: &str = "expected a length of time such as 90s, 10m, 1h30m, 2d or a number of seconds";

/// Seconds in text such as `1h30m`.
fn sum_of_units(text: &str) -> Option<f64> {
    let (mut total, mut rest) = (0.0, text);
    while !rest.is_empty() {
        let (number, tail) = rest.split_at(rest.find(|c: char| !c.is_ascii_digit() && c != '.')?);
        let (unit, tail) = tail.split_at(tail.find(|c: char| !c.is_ascii_alphabetic()).unwrap_or(tail.len()));
        let seconds = match unit {
            "ms" => 0.001,
            "s" => 1.0,
            "m" => 60.0,
            "h" => 3600.0,
            "d" => 86_400.0,
            _ => return None,
        };
        total += number.parse::<f64>().ok()? * seconds;
        rest = tail.trim_start();
    }
    (!text.is_empty()).then_some(total)
}

/// A share, 0 to 1. Written as a number (`0.1`) or as a percentage (`10%`).
#[derive(Debug, Clone, Copy, PartialEq, PartialOrd)]
pub struct Ratio(pub f64);

/// A size in bytes. Written as a number or as text such as `16MiB`, `1GB`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Bytes(pub u64);

/// A path. A leading `~/` is the home directory; a relative path is taken from the directory its section names.
pub type Path = PathBuf;

/// Makes a [`Setting`] a [`Node`].
macro_rules! leaf {
    ($($type:ty),+ $(,)?) => { $(
        impl Node for $type {
            fn accept(&mut self, path: &str, doc: &'static str, visitor: &mut dyn Visitor) {
                visitor.setting(path, doc, self);
            }
        }
    )+ };
}
pub(crate) use leaf;

leaf!(Seconds, Ratio, Bytes, PathBuf, String, bool, u64, f64, Vec<String>, Option<String>);

fn text_or_number(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

impl Setting for Seconds {
    fn set(&mut self, value: &Value) -> Result<(), Faults> {
        *self = text_or_number(value).ok_or(LENGTH_EXPECTED)?.parse()?;
        Ok(())
    }
    fn get(&self) -> Value {
        self.to_string().into()
    }
    fn kind(&self) -> &'static str {
        "duration"
    }
}

impl Setting for Ratio {
    fn set(&mut self, value: &Value) -> Result<(), Faults> {
        const EXPECTED: &str = "expected a share from 0 to 1, such as 0.1 or 10%";
        let text = text_or_number(value).ok_or(EXPECTED)?;
        let number = match text.strip_suffix('%') {
            Some(percent) => percent.trim().parse::<f64>().map(|p| p / 100.0),
            None => text.parse(),
        }
        .map_err(|_| EXPECTED)?;
        if !(0.0..=1.0).contains(&number) {
            return Err(EXPECTED.into());
        }
        self.0 = number;
        Ok(())
    }
    fn get(&self) -> Value {
        self.0.into()
    }
    fn kind(&self) -> &'static str {
        "ratio, 0 to 1"
    }
}

impl Setting for Bytes {
    fn set(&mut self, value: &Value) -> Result<(), Faults> {
        const EXPECTED: &str = "expected a size such as 16MiB, 1GB or a number of bytes";
        let text = text_or_number(value).ok_or(EXPECTED)?;
        let digits = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
        let number: u64 = text[..digits].parse().map_err(|_| EXPECTED)?;
        let factor: u64 = match text[digits..].trim() {
            "" | "B" => 1,
            "kB" => 1000,
            "KiB" => 1 << 10,
            "MB" => 1_000_000,
            "MiB" => 1 << 20,
            "GB" => 1_000_000_000,
            "GiB" => 1 << 30,
            _ => return Err(EXPECTED.into()),
        };
        self.0 = number.checked_mul(factor).ok_or(EXPECTED)?;
        Ok(())
    }
    fn get(&self) -> Value {
        match self.0 {
            n if n >= 1 << 30 && n % (1 << 30) == 0 => format!("{}GiB", n >> 30).into(),
            n if n >= 1 << 20 && n % (1 << 20) == 0 => format!("{}MiB", n >> 20).into(),
            n if n >= 1 << 10 && n % (1 << 10) == 0 => format!("{}KiB", n >> 10).into(),
            n => n.into(),
        }
    }
    fn kind(&self) -> &'static str {
        "size in bytes"
    }
}

impl Setting for PathBuf {
    fn set(&mut self, value: &Value) -> Result<(), Faults> {
        *self = value.as_str().filter(|s| !s.is_empty()).ok_or("expected a path")?.into();
        Ok(())
    }
    fn set_text(&mut self, text: &str) -> Result<(), Faults> {
        self.set(&text.into())
    }
    fn get(&self) -> Value {
        self.to_string_lossy().into_owned().into()
    }
    fn kind(&self) -> &'static str {
        "path"
    }
}

impl Setting for String {
    fn set(&mut self, value: &Value) -> Result<(), Faults> {
        *self = text_or_number(value).ok_or("expected text")?;
        Ok(())
    }
    fn set_text(&mut self, text: &str) -> Result<(), Faults> {
        self.set(&text.into())
    }
    fn get(&self) -> Value {
        self.clone().into()
    }
    fn kind(&self) -> &'static str {
        "text"
    }
}

impl Setting for Option<String> {
    fn set(&mut self, value: &Value) -> Result<(), Faults> {
        *self = match value {
            Value::Null => None,
            value => Some(text_or_number(value).ok_or("expected text or nothing")?).filter(|text| !text.is_empty()),
        };
        Ok(())
    }
    fn set_text(&mut self, text: &str) -> Result<(), Faults> {
        *self = Some(text.to_owned()).filter(|t| !t.is_empty());
        Ok(())
    }
    fn get(&self) -> Value {
        self.clone().map_or(Value::Null, Value::String)
    }
    fn kind(&self) -> &'static str {
        "text, may be absent"
    }
}

impl Setting for bool {
    fn set(&mut self, value: &Value) -> Result<(), Faults> {
        *self = value.as_bool().ok_or("expected true or false")?;
        Ok(())
    }
    fn get(&self) -> Value {
        (*self).into()
    }
    fn kind(&self) -> &'static str {
        "true or false"
    }
}

impl Setting for u64 {
    fn set(&mut self, value: &Value) -> Result<(), Faults> {
        *self = value.as_u64().ok_or("expected a whole number, 0 or more")?;
        Ok(())
    }
    fn get(&self) -> Value {
        (*self).into()
    }
    fn kind(&self) -> &'static str {
        "whole number"
    }
}

impl Setting for f64 {
    fn set(&mut self, value: &Value) -> Result<(), Faults> {
        *self = value.as_f64().filter(|n| n.is_finite()).ok_or("expected a number")?;
        Ok(())
    }
    fn get(&self) -> Value {
        (*self).into()
    }
    fn kind(&self) -> &'static str {
        "number"
    }
}

impl Setting for Vec<String> {
    fn set(&mut self, value: &Value) -> Result<(), Faults> {
        *self = match value {
            Value::String(one) => vec![one.clone()],
            Value::Sequence(items) => {
                items.iter().map(text_or_number).collect::<Option<_>>().ok_or("expected a list of texts")?
            }
            _ => return Err("expected a text or a list of texts".into()),
        };
        Ok(())
    }
    fn set_text(&mut self, text: &str) -> Result<(), Faults> {
        *self = text.split(',').map(|part| part.trim().to_owned()).filter(|p| !p.is_empty()).collect();
        Ok(())
    }
    fn get(&self) -> Value {
        Value::Sequence(self.iter().cloned().map(Value::String).collect())
    }
    fn kind(&self) -> &'static str {
        "list of texts"
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn lengths_of_time() {
        let seconds = |text: &str| text.parse::<Seconds>().ok().map(|seconds| seconds.0);
        for (text, expected) in [("90", 90.0), ("1.5", 1.5), ("250ms", 0.25), ("1h30m", 5400.0), (" 2d ", 172_800.0)] {
            assert_eq!(seconds(text), Some(expected), "{text}");
        }
        for text in ["", "soon", "5 minutes", "-1", "-1s", "nan", "inf", "1e10", "99999999d", "m5", "5.5.5s", "5é"] {
            assert_eq!(seconds(text), None, "{text}");
        }
    }

    #[test]
    fn shares_and_sizes() {
        let share = |text: &str| {
            let mut ratio = Ratio(0.0);
            ratio.set_text(text).ok().map(|()| ratio.0)
        };
        assert_eq!((share("0.1"), share("10%"), share("1")), (Some(0.1), Some(0.1), Some(1.0)));
        assert_eq!((share("10"), share("-1%"), share("nan"), share("ten")), (None, None, None, None));
        let size = |text: &str| {
            let mut bytes = Bytes(0);
            bytes.set_text(text).ok().map(|()| bytes.0)
        };
        assert_eq!((size("512"), size("1KiB"), size("2 MB")), (Some(512), Some(1024), Some(2_000_000)));
        assert_eq!((size("1.5GiB"), size("-1"), size("1TB"), size("99999999999GiB")), (None, None, None, None));
    }

    #[test]
    fn a_refused_value_leaves_the_old_one() {
        let mut interval = Seconds(3.0);
        assert!(interval.set(&Value::Bool(true)).is_err() && interval.set_text("x").is_err());
        assert_eq!(interval, Seconds(3.0));
    }

    proptest! {
        #[test]
        fn what_is_shown_is_read_back(milliseconds in 0_u32..100_000_000, size in any::<u64>()) {
            let seconds = Seconds(f64::from(milliseconds) / 1000.0);
            prop_assert_eq!(seconds.to_string().parse(), Ok(seconds));
            let mut bytes = Bytes(0);
            prop_assert!(bytes.set(&Bytes(size).get()).is_ok());
            prop_assert_eq!(bytes, Bytes(size));
        }
    }
}
