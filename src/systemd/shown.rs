//! The properties of a unit as `systemctl show` names them, whichever way they were asked for.
//!
//! Invariant: what the manager did not tell is absent, never a default.

use std::collections::HashMap;

use zbus::{OwnedVariant, Variant};

/// The properties that are asked for where they must be named one by one. Some are of services or of timers alone.
pub(super) const NAMES: &str = "Id,LoadState,LoadError,ActiveState,SubState,UnitFileState,FragmentPath,InvocationID,\
    Type,Restart,RestartUSec,TimeoutStartUSec,TimeoutStopUSec,WatchdogUSec,KillMode,SendSIGKILL,RefuseManualStart,\
    RefuseManualStop,NeedDaemonReload,StartLimitIntervalUSec,StartLimitBurst,ConditionResult";

/// What a manager told of a unit.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Shown {
    values: HashMap<String, String>,
    /// The conditions of a start; `None` where they were not told.
    pub conditions: Option<Vec<Condition>>,
}

/// One condition of a unit's start.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Condition {
    /// Its name, such as `ConditionPathExists`.
    pub name: String,
    /// It must not hold (`!`).
    pub negated: bool,
    /// What it looks at.
    pub parameter: String,
}

/// A length of time that may have no end.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Span {
    /// Seconds.
    Finite(f64),
    /// `infinity`.
    Infinite,
}

impl Shown {
    /// Properties of these names and values, the values as `systemctl show` prints them. For tests of what judges them.
    pub fn of(properties: &[(&str, &str)]) -> Self {
        let values = properties.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        Shown { values: values.collect(), conditions: Some(Vec::new()) }
    }

    /// What came over the bus.
    pub(super) fn from_bus(all: &HashMap<String, OwnedVariant>) -> Self {
        let values = all.iter().filter_map(|(name, value)| Some((name.clone(), text(value)?)));
        Shown { values: values.collect(), conditions: all.get("Conditions").and_then(|list| conditions(list)) }
    }

    /// What `systemctl show` printed, and `systemctl cat`: the conditions are not shown in words.
    pub(super) fn from_text(shown: &str, files: Option<&str>) -> Self {
        let values = shown.lines().filter_map(|line| line.split_once('='));
        Shown {
            values: values.map(|(name, value)| (name.to_owned(), value.to_owned())).collect(),
            conditions: files.map(conditions_in),
        }
    }

    /// A property; empty where it was not told.
    pub fn text(&self, name: &str) -> &str {
        self.values.get(name).map_or("", String::as_str)
    }

    /// Whether a property is `yes`.
    pub fn is(&self, name: &str) -> bool {
        self.text(name) == "yes"
    }

    /// A number.
    pub fn number(&self, name: &str) -> Option<u64> {
        self.text(name).parse().ok()
    }

    /// A length of time.
    pub fn span(&self, name: &str) -> Option<Span> {
        span(self.text(name))
    }
}

/// A value as `systemctl show` prints it, except that lengths of time stay microseconds.
fn text(value: &Variant<'_>) -> Option<String> {
    match value {
        Variant::Str(text) => Some(text.to_string()),
        Variant::Bool(yes) => Some(if *yes { "yes" } else { "no" }.into()),
        Variant::U32(number) => Some(number.to_string()),
        Variant::I32(number) => Some(number.to_string()),
        Variant::U64(number) => Some(number.to_string()),
        Variant::Array(bytes) => bytes
            .iter()
            .map(|byte| if let Variant::U8(byte) = byte { Some(format!("{byte:02x}")) } else { None })
            .collect(),
        // An error: its name and its words.
        Variant::Structure(pair) => match pair.fields() {
            [Variant::Str(_), Variant::Str(words)] => Some(words.to_string()),
            _ => None,
        },
        _ => None,
    }
}

/// Conditions as the bus has them: name, whether one of several is enough, whether negated, parameter, last outcome.
fn conditions(list: &Variant<'_>) -> Option<Vec<Condition>> {
    let rows = Vec::<(String, bool, bool, String, i32)>::try_from(list.try_clone().ok()?).ok()?;
    let condition = |(name, _, negated, parameter, _)| Condition { name, negated, parameter };
    Some(rows.into_iter().map(condition).collect())
}

/// Conditions as unit files have them; an empty one takes those before it away.
fn conditions_in(files: &str) -> Vec<Condition> {
    let mut found: Vec<Condition> = Vec::new();
    for line in files.lines().map(str::trim).filter(|line| line.starts_with("Condition")) {
        let Some((name, value)) = line.split_once('=') else { continue };
        let (name, value) = (name.trim(), value.trim());
        if value.is_empty() {
            found.clear();
            continue;
        }
        let value = value.strip_prefix('|').unwrap_or(value);
        let negated = value.starts_with('!');
        let parameter = value.trim_start_matches('!').trim().to_owned();
        found.push(Condition { name: name.to_owned(), negated, parameter });
    }
    found
}

/// Microseconds, or the words that `systemctl` makes of them, such as `1min 30s`.
fn span(text: &str) -> Option<Span> {
    match text {
        "infinity" => return Some(Span::Infinite),
        "" => return None,
        _ => {}
    }
    if let Ok(microseconds) = text.parse::<u64>() {
        return Some(if microseconds == u64::MAX { Span::Infinite } else { Span::Finite(microseconds as f64 / 1e6) });
    }
    text.split_ascii_whitespace().map(word).sum::<Option<f64>>().map(Span::Finite)
}

/// One word of a length of time, seconds.
fn word(word: &str) -> Option<f64> {
    let unit = word.trim_start_matches(|c: char| c.is_ascii_digit() || c == '.');
    let number: f64 = word.strip_suffix(unit)?.parse().ok()?;
    let seconds = match unit {
        "us" => 1e-6,
        "ms" => 1e-3,
        "s" => 1.0,
        "min" => 60.0,
        "h" => 3600.0,
        "d" => 86_400.0,
        "w" => 604_800.0,
        // What systemd counts a month and a year as.
        "month" => 2_629_800.0,
        "y" => 31_557_600.0,
        _ => return None,
    };
    Some(number * seconds)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_of_time_are_read_in_both_forms() {
        let finite = |seconds| Some(Span::Finite(seconds));
        let table = [
            ("90000000", finite(90.0)),
            ("1min 30s", finite(90.0)),
            ("100ms", finite(0.1)),
            ("1.500s", finite(1.5)),
            ("1month 1w 1d 1h", finite(2_629_800.0 + 604_800.0 + 86_400.0 + 3600.0)),
            ("0", finite(0.0)),
            ("18446744073709551615", Some(Span::Infinite)),
            ("infinity", Some(Span::Infinite)),
            ("", None),
            ("soon", None),
            ("3 parsecs", None),
        ];
        for (text, expected) in table {
            assert_eq!(span(text), expected, "{text}");
        }
    }

    #[test]
    fn both_ways_tell_the_same() {
        let condition = ("ConditionPathExists", false, true, "/run/PAUSE", 1);
        let bus: [(&str, Variant<'_>); 6] = [
            ("Type", "notify".into()),
            ("TimeoutStopUSec", 90_000_000_u64.into()),
            ("RefuseManualStop", false.into()),
            ("InvocationID", vec![0_u8, 255].into()),
            ("LoadError", ("org.x", "not found").into()),
            ("Conditions", vec![condition].into()),
        ];
        let owned = |(name, value): (&str, Variant<'_>)| (name.to_owned(), OwnedVariant::try_from(value).unwrap());
        let bus = Shown::from_bus(&bus.into_iter().map(owned).collect());
        let shown = "Type=notify\nTimeoutStopUSec=1min 30s\nRefuseManualStop=no\nInvocationID=00ff\nnonsense\n";
        let files = "# /a.service\n[Unit]\nConditionACPower=\n ConditionPathExists = |!/run/PAUSE\n[Service]\n";
        let text = Shown::from_text(shown, Some(files));
        for name in ["Type", "RefuseManualStop", "InvocationID", "Restart"] {
            assert_eq!(bus.text(name), text.text(name), "{name}");
        }
        assert_eq!(bus.span("TimeoutStopUSec"), text.span("TimeoutStopUSec"));
        assert_eq!(bus.text("LoadError"), "not found");
        let pause = Condition { name: "ConditionPathExists".into(), negated: true, parameter: "/run/PAUSE".into() };
        assert_eq!((&bus.conditions, &text.conditions), (&Some(vec![pause.clone()]), &Some(vec![pause])));
        assert_eq!(Shown::from_text("", None).conditions, None);
        assert_eq!(conditions_in("ConditionPathExists=/a\nConditionPathExists=\n"), []);
    }
}
