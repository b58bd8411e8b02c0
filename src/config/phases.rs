//! The phases of the loop: how a sub-agent's phase is known, and how long it may take.

use serde_yaml::Value;

use super::section::{Node, Setting, Visitor};
use super::value::{Seconds, leaf};

/// One phase.
#[derive(Debug, Clone, PartialEq)]
pub struct Phase {
    /// The `phase` label.
    pub name: String,
    /// Regular expression over a process's command line.
    pub pattern: String,
    /// How long one sub-agent of this phase may take.
    pub budget: Seconds,
}

/// The phases in the order in which their patterns are tried.
#[derive(Debug, Clone, PartialEq)]
pub struct Phases(pub Vec<Phase>);

impl Default for Phases {
    fn default() -> Self {
        let phase = |name: &str, pattern: &str, budget| Phase {
            name: name.into(),
            pattern: pattern.into(),
            budget: Seconds(budget),
        };
        Phases(vec![
            phase("planner", r"(?i)\bplanner\b", 600.0),
            phase("judge", r"(?i)\bjudge\b|\bcodex\b", 720.0),
            phase("writer", r"(?i)\bwriter\b|\bclaude\b", 900.0),
        ])
    }
}

impl Phases {
    /// The budget of the phase called `name`.
    pub fn budget(&self, name: &str) -> Option<Seconds> {
        self.0.iter().find(|phase| phase.name == name).map(|phase| phase.budget)
    }
}

const EXPECTED: &str = "expected a mapping of phases, such as `writer: {pattern: '\\bwriter\\b', budget: 15m}`";

leaf!(Phases);

impl Setting for Phases {
    fn set(&mut self, value: &Value) -> Result<(), String> {
        let mapping = value.as_mapping().ok_or(EXPECTED)?;
        self.0 = mapping.iter().map(|(name, phase)| phase_from(name, phase)).collect::<Result<_, _>>()?;
        Ok(())
    }
    fn get(&self) -> Value {
        let phases = self.0.iter().map(|phase| {
            let fields = [("pattern", phase.pattern.clone().into()), ("budget", phase.budget.get())];
            (phase.name.clone().into(), Value::Mapping(fields.into_iter().map(|(k, v)| (k.into(), v)).collect()))
        });
        Value::Mapping(phases.collect())
    }
    fn kind(&self) -> &'static str {
        "mapping of phases"
    }
}

fn phase_from(name: &Value, phase: &Value) -> Result<Phase, String> {
    let name = name.as_str().ok_or(EXPECTED)?;
    let fields = phase.as_mapping().ok_or(EXPECTED)?;
    let mut parsed = Phase { name: name.into(), pattern: String::new(), budget: Seconds(0.0) };
    for (key, value) in fields {
        match key.as_str() {
            Some("pattern") => parsed.pattern.set(value)?,
            Some("budget") => parsed.budget.set(value)?,
            _ => return Err(format!("phase {name} has an unknown key {key:?}; {EXPECTED}")),
        }
    }
    if parsed.pattern.is_empty() || parsed.budget.0 <= 0.0 {
        return Err(format!("phase {name} needs a pattern and a budget above 0; {EXPECTED}"));
    }
    regex::Regex::new(&parsed.pattern).map_err(|error| format!("phase {name}: {error}"))?;
    Ok(parsed)
}
