//! The phases of the loop: how a sub-agent's phase is known, and how long it may take.

use serde_yaml::Value;

use super::checked::Pattern;
use super::section::{Fault, Faults, Node, Setting, Visitor};
use super::suggest::did_you_mean;
use super::value::{Seconds, leaf};

/// One phase.
#[derive(Debug, Clone, PartialEq)]
pub struct Phase {
    /// The `phase` label.
    pub name: String,
    /// Regular expression over a process's command line.
    pub pattern: Pattern,
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
    fn set(&mut self, value: &Value) -> Result<(), Faults> {
        let mapping = value.as_mapping().ok_or(EXPECTED)?;
        let (mut phases, mut faults) = (Vec::new(), Vec::new());
        for (name, fields) in mapping {
            let name = text_of(name);
            match phase_from(&name, fields) {
                Ok(phase) => phases.push(phase),
                Err(wrong) => faults.extend(wrong.below(&name)),
            }
        }
        if !faults.is_empty() {
            return Err(Faults(faults));
        }
        self.0 = phases;
        Ok(())
    }
    fn get(&self) -> Value {
        let phases = self.0.iter().map(|phase| {
            let fields = [("pattern", phase.pattern.get()), ("budget", phase.budget.get())];
            (phase.name.clone().into(), Value::Mapping(fields.into_iter().map(|(k, v)| (k.into(), v)).collect()))
        });
        Value::Mapping(phases.collect())
    }
    fn kind(&self) -> &'static str {
        "mapping of phases"
    }
}

/// A key as it was written.
fn text_of(key: &Value) -> String {
    key.as_str().map_or_else(|| serde_yaml::to_string(key).unwrap_or_default().trim().to_owned(), str::to_owned)
}

fn phase_from(name: &str, fields: &Value) -> Result<Phase, Faults> {
    let fields = fields.as_mapping().ok_or(EXPECTED)?;
    let mut phase = Phase { name: name.into(), pattern: Pattern::default(), budget: Seconds(0.0) };
    let mut faults = Vec::new();
    for (key, value) in fields {
        let key = text_of(key);
        let outcome = match key.as_str() {
            "pattern" => phase.pattern.set(value),
            "budget" => phase.budget.set(value).and_then(|()| above_zero(phase.budget)),
            unknown => Err(unknown_field(unknown)),
        };
        faults.extend(outcome.err().into_iter().flat_map(|wrong| wrong.below(&key)));
    }
    let has = |field: &str| fields.get(field).is_some();
    if faults.is_empty() && !(has("pattern") && has("budget") && !phase.pattern.is_empty()) {
        faults.push(Fault { at: String::new(), message: format!("needs a pattern and a budget; {EXPECTED}") });
    }
    if faults.is_empty() { Ok(phase) } else { Err(Faults(faults)) }
}

fn above_zero(budget: Seconds) -> Result<(), Faults> {
    if budget.0 > 0.0 { Ok(()) } else { Err("expected more than 0, such as 15m".into()) }
}

fn unknown_field(key: &str) -> Faults {
    format!("unknown key{}", did_you_mean(key, ["pattern", "budget"])).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn faults(yaml: &str) -> Vec<(String, String)> {
        let value = serde_yaml::from_str(yaml).expect("YAML");
        let faults = Phases::default().set(&value).err().unwrap_or_default();
        faults.0.into_iter().map(|fault| (fault.at, fault.message)).collect()
    }

    #[test]
    fn phases_keep_the_order_in_which_they_were_written() {
        let yaml = "z: {pattern: zed, budget: 1m}\na: {pattern: ay, budget: 2m}";
        let mut phases = Phases::default();
        phases.set(&serde_yaml::from_str(yaml).expect("YAML")).expect("two phases");
        assert_eq!(phases.0.iter().map(|phase| phase.name.as_str()).collect::<Vec<_>>(), ["z", "a"]);
        assert_eq!(phases.budget("a"), Some(Seconds(120.0)));
        assert_eq!(phases.budget("b"), None);
    }

    #[test]
    fn every_fault_says_where_it_is() {
        let found = faults("a: {pattern: '(', budget: 0}\nb: {patern: x}\nc: 5");
        let places: Vec<&str> = found.iter().map(|(at, _)| at.as_str()).collect();
        assert_eq!(places, ["a.pattern", "a.budget", "b.patern", "c"]);
        assert!(found[2].1.contains("did you mean `pattern`"), "{found:?}");
    }

    #[test]
    fn a_phase_needs_both_fields() {
        assert_eq!(faults("a: {budget: 5m}")[0].0, "a");
        assert_eq!(faults("a: {pattern: '', budget: 5m}")[0].0, "a");
    }

    #[test]
    fn the_default_phases_compile_and_match() {
        for (name, command) in [("planner", "claude --agent planner"), ("judge", "codex exec"), ("writer", "claude -p")]
        {
            let phases = Phases::default();
            let first = phases.0.iter().find(|phase| {
                phase.pattern.compile().expect("a default pattern compiles").is_match(command.as_bytes())
            });
            assert_eq!(first.map(|phase| phase.name.as_str()), Some(name), "{command}");
        }
    }
}
