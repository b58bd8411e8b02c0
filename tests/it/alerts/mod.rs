//! The shipped alert rules, before Prometheus's own judge (`promtool`): they load, and the unit tests in `alerts/tests/`
//! pass and cover every alert at each of its severities.

mod flap;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use autoswe_exporter::alert::definition;
use autoswe_exporter::alert::rules::{JOB, print};
use autoswe_exporter::config::AlertsConfig;
use autoswe_exporter::config::value::Seconds;
use serde_yaml::Value;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn promtool(arguments: &[&str], files: &[PathBuf]) -> Output {
    let mut command = Command::new("promtool");
    command.args(arguments).args(files).output().expect("promtool is installed by tests/run")
}

/// What promtool said, for people; empty when it was content.
fn complaint(output: &Output) -> String {
    let text = |bytes| String::from_utf8_lossy(bytes).into_owned();
    if output.status.success() { String::new() } else { text(&output.stdout) + &text(&output.stderr) }
}

/// The files of unit tests.
fn tests() -> Vec<PathBuf> {
    let entries = std::fs::read_dir(root().join("alerts/tests")).unwrap();
    let mut files: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    files.retain(|path| path.extension().is_some_and(|extension| extension == "yml"));
    files.sort();
    files
}

#[test]
fn promtool_accepts_the_shipped_rules_and_those_of_any_settings() {
    let shipped = root().join("alerts/autoswe.rules.yml");
    assert_eq!(complaint(&promtool(&["check", "rules", "--lint-fatal"], &[shipped])), "");
    let (warn_for, crit_for) = (Seconds(0.5), Seconds(90.0));
    let config =
        AlertsConfig { warn_for, crit_for, runbooks: "https://it's/a: #page".into(), ..AlertsConfig::default() };
    let directory = tempfile::tempdir().unwrap();
    let other = directory.path().join("rules.yml");
    std::fs::write(&other, print(&config, r#"a "job" with \ and {{"#)).unwrap();
    assert_eq!(complaint(&promtool(&["check", "rules", "--lint-fatal"], &[other])), "");
}

#[test]
fn the_unit_tests_of_the_alerts_pass() {
    // One process for each file, all at once: it takes most of its time to parse.
    let running: Vec<_> = tests()
        .into_iter()
        .map(|file| std::thread::spawn(move || complaint(&promtool(&["test", "rules"], &[file]))))
        .collect();
    let complaints: String = running.into_iter().map(|test| test.join().unwrap()).collect();
    assert_eq!(complaints, "");
}

/// Name and severity of an alert.
type Named = (String, String);

/// The alerts that some test of `file` lets fire, with their texts.
fn fired(file: &Path) -> Vec<Named> {
    let tests: Value = serde_yaml::from_str(&std::fs::read_to_string(file).unwrap()).unwrap();
    let sequence = |value: &Value| value.as_sequence().cloned().unwrap_or_default();
    let cases = sequence(&tests["tests"]).into_iter().flat_map(|test| sequence(&test["alert_rule_test"]));
    let mut fired = Vec::new();
    for case in cases {
        for alert in sequence(&case["exp_alerts"]) {
            let text = |key: &str| alert["exp_annotations"][key].as_str().unwrap_or_default().to_owned();
            let said = ["summary", "description", "runbook_url"].map(text);
            assert!(said.iter().all(|text| !text.is_empty()), "{}: {alert:?} without its texts", file.display());
            let severity = alert["exp_labels"]["severity"].as_str().unwrap().to_owned();
            fired.push((case["alertname"].as_str().unwrap().to_owned(), severity));
        }
    }
    fired
}

#[test]
fn every_alert_has_a_test_in_which_it_fires_and_one_in_which_it_does_not() {
    let alerts = definition::all(&AlertsConfig::default(), JOB);
    let known: BTreeSet<Named> = alerts.into_iter().map(|alert| (alert.name, alert.severity.to_owned())).collect();
    let fired: BTreeSet<Named> = tests().iter().flat_map(|file| fired(file)).collect();
    let missing: Vec<_> = known.difference(&fired).collect();
    assert!(missing.is_empty(), "no test in alerts/tests lets these fire: {missing:?}");
    let text: String = tests().iter().map(|file| std::fs::read_to_string(file).unwrap()).collect();
    for (name, severity) in known.iter().filter(|(_, severity)| severity != "none") {
        let quiet = format!("alertname: {name}, exp_alerts: [] }}");
        assert!(text.contains(&quiet), "no test in alerts/tests keeps {name} ({severity}) quiet");
    }
}
