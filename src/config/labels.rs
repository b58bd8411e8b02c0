//! Labels of the user's own, which go with every alert.
//!
//! Invariant: names are such that Alertmanager takes them, and none that this program sets itself.

use std::collections::BTreeMap;

use serde_yaml::Value;

use super::section::{Fault, Faults, Node, Setting, Visitor};
use super::value::leaf;

/// The labels that say which alert it is, on which machine, and those that Prometheus sets.
const RESERVED: [&str; 8] = ["alertname", "severity", "check", "code", "host", "unit", "instance", "job"];

/// Label names with their values.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Labels(pub BTreeMap<String, String>);

const EXPECTED: &str = "expected a mapping of labels, such as `{sender: push}`";

leaf!(Labels);

impl Setting for Labels {
    fn set(&mut self, value: &Value) -> Result<(), Faults> {
        let (mut labels, mut faults) = (BTreeMap::new(), Vec::new());
        for (name, value) in value.as_mapping().ok_or(EXPECTED)? {
            let mut text = String::new();
            let name = name.as_str().unwrap_or_default();
            match fault(name).map_or_else(|| text.set(value).and_then(|()| not_empty(&text)), |why| Err(why.into())) {
                Ok(()) => drop(labels.insert(name.to_owned(), text)),
                Err(Faults(wrong)) => faults.extend(wrong.into_iter().map(|wrong| Fault { at: name.into(), ..wrong })),
            }
        }
        if !faults.is_empty() {
            return Err(Faults(faults));
        }
        self.0 = labels;
        Ok(())
    }
    fn get(&self) -> Value {
        Value::Mapping(self.0.iter().map(|(name, value)| (name.clone().into(), value.clone().into())).collect())
    }
    fn kind(&self) -> &'static str {
        "mapping of labels"
    }
}

fn fault(name: &str) -> Option<String> {
    if RESERVED.contains(&name) {
        return Some("is set by the sender itself; choose another name, such as `sender`".into());
    }
    let word = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let right = name.starts_with(|c: char| word(c) && !c.is_ascii_digit()) && name.chars().all(word);
    (!right || name.starts_with("__"))
        .then(|| "expected a label name of letters, digits and _ that begins with neither a digit nor __".into())
}

/// Alertmanager drops a label that is empty.
fn not_empty(value: &str) -> Result<(), Faults> {
    if value.is_empty() { Err("expected a value; a label without one is none".into()) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(yaml: &str) -> Result<Labels, Vec<String>> {
        let mut labels = Labels::default();
        let outcome = labels.set(&serde_yaml::from_str(yaml).expect("YAML"));
        outcome.map(|()| labels).map_err(|faults| faults.0.into_iter().map(|fault| fault.at).collect())
    }

    #[test]
    fn names_are_such_that_alertmanager_takes_them() {
        let labels = set("{sender: push, rack: 7, _x: 'a b'}").expect("three labels");
        assert_eq!(labels.0.get("rack").map(String::as_str), Some("7"));
        assert_eq!(set("{host: x, 'a-b': x, 1a: x, __a: x, '': x, ä: x, e: '', l: [x]}").unwrap_err().len(), 8);
        assert_eq!(set("push"), Err(vec![String::new()]));
        assert!(RESERVED.iter().all(|name| fault(name).is_some()));
    }

    #[test]
    fn the_environment_gives_them_as_yaml() {
        let mut labels = Labels::default();
        labels.set_text("{sender: push}").expect("a mapping");
        assert_eq!(labels.0.len(), 1);
        assert!(labels.set_text("sender=push").is_err());
    }
}
