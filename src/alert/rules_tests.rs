use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::path::Path;

use super::super::definition::{all, of_check};
use super::*;
use crate::promql::{Recorded as Known, faults};

const FILE: &str = "alerts/autoswe.rules.yml";

fn defaults() -> Vec<Alert> {
    all(&AlertsConfig::default(), JOB)
}

/// The expressions of PromQL in an annotation's template, with the machine filled in.
fn queries(template: &str) -> Vec<String> {
    let queries = template.split("(printf `").skip(1).filter_map(|rest| rest.split('`').next());
    queries.map(|query| query.replace("%[1]s", r#"instance="a", job="autoswe""#)).collect()
}

#[test]
fn the_shipped_file_is_what_the_code_says() {
    crate::golden::check(FILE, &print(&AlertsConfig::default(), JOB));
}

#[test]
fn every_expression_names_metrics_and_labels_that_exist() {
    let recorded: Vec<Known<'_>> = RECORDED.iter().map(|recorded| (recorded.name, recorded.labels)).collect();
    for Recorded { name, expression, .. } in RECORDED {
        assert_eq!(faults(&expression.replace("$job", "'autoswe'"), &recorded), [""; 0], "{name}");
    }
    for alert in defaults() {
        assert_eq!(faults(&alert.expression, &recorded), [""; 0], "{}", alert.name);
        for query in queries(&alert.description.join(" ")) {
            assert_eq!(faults(&query, &recorded), [""; 0], "{}", alert.name);
        }
    }
}

#[test]
fn every_alert_has_a_name_a_severity_texts_and_a_runbook_that_exists() {
    let mut seen = BTreeSet::new();
    for alert in defaults() {
        let Alert { name, severity, summary, description, runbook_url, .. } = &alert;
        assert!(seen.insert((name.clone(), *severity)), "{name} {severity} stands twice");
        assert!(name.starts_with("Autoswe") && name.bytes().all(|byte| byte.is_ascii_alphanumeric()), "{name}");
        assert!(["warning", "critical", "none"].contains(severity), "{name}: {severity}");
        assert!(!summary.contains('\n') && !summary.ends_with('.'), "{name}: {summary}");
        assert!(description.last().unwrap().starts_with("To do: "), "{name}");
        let (page, anchor) = runbook_url.rsplit_once('/').unwrap().1.split_once('#').unwrap();
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/runbooks").join(page);
        let text = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        assert!(text.contains(&format!("<a id=\"{anchor}\"></a>\n")), "{name}: {page} has no anchor {anchor}");
    }
    assert_eq!(seen.iter().filter(|(_, severity)| *severity == "none").count(), 1, "one dead man's switch");
}

#[test]
fn every_code_has_an_alert_at_each_of_its_severities_and_no_other() {
    for check in CHECKS {
        let alerts = of_check(check, &AlertsConfig::default(), JOB);
        let given: Vec<(String, &str)> = alerts.into_iter().map(|alert| (alert.name, alert.severity)).collect();
        let expected: Vec<(String, &str)> = check
            .codes
            .iter()
            .flat_map(|code| code.found.iter().rev().map(|found| (crate::alert::name(check.id, code.word), *found)))
            .map(|(name, found)| (name, crate::alert::severity(found).unwrap()))
            .collect();
        assert_eq!(given, expected);
    }
}

#[test]
fn what_nobody_is_called_for_alone_fires_at_once() {
    for alert in defaults() {
        let asked = alert.severity != "none";
        assert_eq!((alert.fires_after.is_some(), alert.keeps_firing.is_some()), (asked, asked), "{}", alert.name);
    }
}

#[test]
fn the_settings_and_the_job_are_in_the_text() {
    let config = AlertsConfig {
        warn_for: Seconds(1.0),
        crit_for: Seconds(0.25),
        keep_firing_for: Seconds(90.0),
        runbooks: "https://example/it's/".into(),
        ..AlertsConfig::default()
    };
    let text = print(&config, r#"a "b""#);
    let count = |words: &str| text.matches(words).count();
    let alerts = count("      - alert: ");
    assert_eq!(count("        keep_firing_for: 90s\n"), alerts - 1);
    assert_eq!(count("        for: 1s\n") + count("        for: 250ms\n"), alerts - 3);
    assert_eq!(count("        for: 5m\n"), 2, "what is about the targets waits until Prometheus has scraped them");
    assert_eq!(count("          runbook_url: 'https://example/it''s/"), alerts);
    assert!(!text.contains("\"autoswe\"") && text.contains(r#"up{job="a \"b\""} == 0"#));
}

#[test]
fn prometheus_reads_the_file_as_it_was_meant() {
    let text = print(&AlertsConfig::default(), JOB);
    let file: serde_yaml::Value = serde_yaml::from_str(&text).unwrap();
    let groups = file["groups"].as_sequence().unwrap();
    let rules = groups.iter().flat_map(|group| group["rules"].as_sequence().unwrap());
    let rules: BTreeMap<(String, String), &serde_yaml::Value> = rules
        .filter_map(|rule| {
            let severity = rule["labels"]["severity"].as_str()?.to_owned();
            Some(((rule["alert"].as_str()?.to_owned(), severity), rule))
        })
        .collect();
    for alert in defaults() {
        let rule = rules[&(alert.name.clone(), alert.severity.to_owned())];
        let said = |key: &str| rule["annotations"][key].as_str().unwrap();
        assert_eq!(rule["expr"].as_str().unwrap(), alert.expression, "{}", alert.name);
        assert_eq!((said("summary"), said("runbook_url")), (&*alert.summary, &*alert.runbook_url));
        assert_eq!(said("description"), alert.description.join(" "), "however its lines are wrapped");
    }
}

#[test]
fn lines_are_not_too_long_to_read() {
    for line in print(&AlertsConfig::default(), JOB).lines() {
        assert!(line.chars().count() <= 200, "{line}");
    }
}

#[test]
fn the_reference_is_what_the_code_says() {
    crate::golden::check("docs/generated/alerts.md", &reference().unwrap());
}

fn reference() -> std::result::Result<String, std::fmt::Error> {
    let config = AlertsConfig::default();
    let mut text = String::from(
        "<!-- Written from src/check and src/alert by their tests. Change the code, then run UPDATE_DOCS=1 cargo \
         nextest run --lib. -->\n\n# Alerts\n\nWhat `alerts/autoswe.rules.yml` raises, with the default settings of \
         `alerts`. A warning stays true while the same code is found critical. `held` means: as the exporter says \
         now, or, while a scrape fails or a restarted exporter has not judged again, as it was known last, for an \
         hour at most. An alert is resolved when its reason has been gone for 2 min (`alerts.keep_firing_for`).\n",
    );
    for check in CHECKS {
        section(&mut text, &format!("Check `{}`", check.id), &of_check(check, &config, JOB))?;
    }
    section(&mut text, "Watching the watchers", &of_watchers(&config, JOB))?;
    writeln!(text, "\n## Recorded series\n\n| series | expression |\n| --- | --- |")?;
    for recorded in RECORDED {
        writeln!(text, "| `{}` | {} |", recorded.name, cell(&recorded.expression.replace("$job", &quoted(JOB))))?;
    }
    Ok(text)
}

fn section(text: &mut String, heading: &str, alerts: &[Alert]) -> Result {
    writeln!(text, "\n## {heading}\n\n| alert | severity | `for` | says | expression | runbook |")?;
    writeln!(text, "| --- | --- | --- | --- | --- | --- |")?;
    for alert in alerts {
        let after = alert.fires_after.map_or("-".into(), duration);
        let says = alert.summary.replace("{{ $labels.instance }}: ", "");
        let runbook = alert.runbook_url.rsplit_once('/').map_or("", |(_, page)| page);
        let (name, severity, expression) = (&alert.name, alert.severity, cell(&alert.expression));
        let link = format!("[{runbook}](../runbooks/{runbook})");
        writeln!(text, "| `{name}` | {severity} | {after} | {says} | {expression} | {link} |")?;
    }
    Ok(())
}

/// An expression in one line of a table.
fn cell(expression: &str) -> String {
    let line = expression.split_whitespace().collect::<Vec<_>>().join(" ");
    format!("`{}`", line.replace('|', "\\|"))
}
