//! Whether a Prometheus on this machine evaluates rules for the alerts that are to be pushed: as its rule files say.
//!
//! Two senders of one alert wake people twice, and where their labels are the same one's "resolved" ends the other's
//! alert. Invariant: bounded in files and bytes, and what is no rule file is passed over.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use serde::Deserialize;

use super::names;
use crate::config::AlertmanagerConfig;
use crate::observation::Reading;
use crate::source::file::read_bounded;

/// Files that are looked at.
const MOST_FILES: usize = 500;
/// Largest of them, bytes; Prometheus's own mixins have some 100 kB.
const LARGEST: u64 = 4 << 20;

/// What the rule files say.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Beside {
    /// Files that define what is pushed too, each in a line with both ways out.
    pub clashes: Vec<String>,
    /// Files that could not be looked into.
    pub notes: Vec<String>,
}

#[derive(Deserialize)]
struct Rules {
    #[serde(default)]
    groups: Vec<Group>,
}

#[derive(Deserialize)]
struct Group {
    #[serde(default)]
    rules: Vec<Rule>,
}

#[derive(Deserialize)]
struct Rule {
    alert: Option<String>,
    #[serde(default)]
    labels: BTreeMap<String, serde_yaml::Value>,
}

/// Looks through the rule files that `config` names. Nothing is looked at where nothing is pushed.
pub fn look(config: &AlertmanagerConfig) -> Beside {
    let mut beside = Beside::default();
    if config.urls.is_empty() {
        return beside;
    }
    let files: BTreeSet<PathBuf> = config.rule_files.iter().flat_map(|pattern| matches(pattern)).collect();
    for file in files.into_iter().take(MOST_FILES) {
        match read_bounded("rule file", &file, LARGEST) {
            Reading::Missing(_) => {}
            Reading::Failed(failure) => beside.notes.push(failure.message),
            Reading::Observed((bytes, _)) => beside.clashes.extend(clash(&file, &bytes, config)),
        }
    }
    beside
}

fn matches(pattern: &str) -> Vec<PathBuf> {
    glob::glob(pattern).map(|paths| paths.flatten().take(MOST_FILES).collect()).unwrap_or_default()
}

/// What `bytes` define that is pushed too; `None` where that is nothing, or where they are no rules.
fn clash(file: &Path, bytes: &[u8], config: &AlertmanagerConfig) -> Option<String> {
    let rules: Rules = serde_yaml::from_slice(bytes).ok()?;
    let (names, own) = (names(), &config.labels.0);
    let mut same = rules.groups.iter().flat_map(|group| &group.rules).filter_map(|rule| {
        let name = rule.alert.as_ref().filter(|name| names.contains(*name))?;
        let apart = own.iter().any(|(label, value)| rule.labels.get(label).and_then(|it| it.as_str()) != Some(value));
        (!apart).then_some(name)
    });
    let first = same.next()?;
    let more = match same.count() {
        0 => String::new(),
        more => format!(" (and {more} more)"),
    };
    Some(format!("{} defines the alert {first}{more}, which is pushed too; {WAYS_OUT}", file.display()))
}

/// What to do where two send the same alert.
pub const WAYS_OUT: &str = "take these rules out of that Prometheus or the addresses out of alertmanager.urls, or, where \
                            both are meant, tell them apart with alertmanager.labels: {sender: push}";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Labels;

    const RULES: &str = "groups:\n- name: a\n  rules:\n  - record: x\n    expr: up\n  - alert: AutosweLoopHeartbeatOld\n    \
                         expr: up\n    labels: {severity: critical, team: ml}\n  - alert: AutosweHostDiskLow\n    expr: up\n";

    fn given(files: &[(&str, &str)], labels: &[(&str, &str)]) -> Beside {
        let directory = tempfile::tempdir().unwrap();
        for (name, text) in files {
            std::fs::write(directory.path().join(name), text).unwrap();
        }
        let labels = labels.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        look(&AlertmanagerConfig {
            urls: vec!["http://a".into()],
            labels: Labels(labels),
            rule_files: vec![format!("{}/*.yml", directory.path().display()), "/nowhere/*.yml".into(), "[".into()],
            ..AlertmanagerConfig::default()
        })
    }

    #[test]
    fn rules_for_what_is_pushed_are_named_with_file_and_alert() {
        let Beside { clashes, notes } = given(&[("autoswe.yml", RULES), ("b.yml", "groups: []")], &[]);
        assert_eq!((clashes.len(), notes.len()), (1, 0));
        let words =
            ["autoswe.yml defines", "AutosweLoopHeartbeatOld (and 1 more)", "alertmanager.urls", "sender: push"];
        assert!(words.iter().all(|word| clashes[0].contains(word)), "{clashes:?}");
    }

    #[test]
    fn labels_of_ones_own_tell_them_apart_unless_the_rules_have_them_too() {
        assert_eq!(given(&[("a.yml", RULES)], &[("sender", "push")]), Beside::default());
        let clashes = given(&[("a.yml", RULES)], &[("team", "ml")]).clashes;
        assert!(clashes[0].contains("AutosweLoopHeartbeatOld, which"), "{clashes:?}");
    }

    #[test]
    fn what_is_no_rule_file_is_passed_over() {
        let files = [
            ("prometheus.yml", "global: {}\nscrape_configs: []\n"),
            ("torn.yml", "groups:\n- name: 'a"),
            ("list.yml", "[]"),
            ("other.yml", "groups: [{rules: [{alert: NodeDown}, {record: a}]}]"),
        ];
        assert_eq!(given(&files, &[]), Beside::default());
    }

    #[test]
    fn nothing_is_looked_at_where_nothing_is_pushed() {
        assert_eq!(look(&AlertmanagerConfig::default()), Beside::default());
    }
}
