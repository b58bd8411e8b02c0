//! The registry: what every check must bring, and the reference that is written from it.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::path::Path;

use super::*;
use crate::config::Limits;
use crate::config::section::{Node, Setting, Visitor};
use crate::metric;
use crate::observation::{Failure, FailureKind, SourceId};

/// Limits that are crossed by falling below them; all others are crossed by rising above them.
const FALLING: [(&str, &str); 3] = [("review", "score"), ("host", "memory"), ("host", "disk")];

fn run(check: &Check, observations: Vec<Observation>) -> CheckResult {
    let thresholds = Thresholds::new(&Config::default(), false);
    check.run(&example_state(observations), &thresholds, example_now())
}

#[test]
fn ids_are_unique_and_name_a_source_in_the_order_of_reports() {
    let ids: Vec<&str> = CHECKS.iter().map(|check| check.id).collect();
    let sources: Vec<&str> = SourceId::ALL.iter().map(|id| id.name()).filter(|name| ids.contains(name)).collect();
    assert_eq!(ids, sources);
}

#[test]
fn every_code_has_a_section_in_the_runbook_and_every_section_a_code() {
    for check in CHECKS {
        let Check { id, runbook, codes, .. } = check;
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/runbooks").join(runbook);
        let page = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        assert!(page.starts_with(&format!("# Check `{id}`\n")), "{runbook} needs its check's name as its title");
        let headings = page.lines().filter(|line| line.starts_with("## "));
        let mut sections = BTreeSet::new();
        for heading in headings {
            let words: Vec<&str> = heading.split('`').skip(1).step_by(2).collect();
            let found: BTreeSet<Severity> =
                words.iter().filter_map(|word| check.code(word)).flat_map(|code| code.found).copied().collect();
            let said =
                [Severity::Warn, Severity::Crit].into_iter().filter(|severity| heading.contains(severity.name()));
            assert_eq!(said.collect::<BTreeSet<_>>(), found, "severities in `{heading}` of {runbook}");
            sections.extend(words);
        }
        assert_eq!(sections, codes.iter().map(|code| code.word).collect(), "sections of {runbook} and codes of {id}");
    }
}

#[test]
fn absence_failure_and_silence_resolve_nothing() {
    let later = example_now() + jiff::SignedDuration::from_mins(10);
    let thresholds = Thresholds::new(&Config::default(), false);
    for check in CHECKS {
        let fires = (check.fires)();
        let source = fires[0].source;
        let after = |reading: Option<Reading<Data>>| {
            let last =
                reading.map(|reading| Observation { source, at: example_now(), took: Default::default(), reading });
            let state = example_state(fires.iter().cloned().chain(last).collect());
            check.run(&state, &thresholds, later)
        };
        let found = run(check, fires.clone()).findings;
        let failed = Reading::Failed(Failure::new(FailureKind::TimedOut, "it hangs"));
        let missing = Reading::Missing("it is gone".into());
        for reading in [None, Some(failed), Some(missing)] {
            // Its processes went with the unit: the kernel removes no cgroup that has any.
            let ends = check.id == "subagents" && matches!(reading, Some(Reading::Missing(_)));
            let then = after(reading.clone());
            for Finding { code, severity, .. } in &found {
                let stands = then.findings.iter().any(|finding| finding.code == *code && finding.severity >= *severity);
                assert!(stands || ends, "{}: {reading:?} resolves {code}: {:?}", check.id, then.findings);
            }
            assert!(ends || then.findings.len() > found.len(), "{}: {reading:?} says nothing itself", check.id);
        }
    }
}

#[test]
fn the_metrics_of_the_checks_exist() {
    for check in CHECKS {
        assert!(!check.metrics.is_empty(), "{} rests on no metric", check.id);
        for name in check.metrics {
            assert!(metric::find(name).is_some(), "{} rests on {name}, which no file of src/metric defines", check.id);
        }
    }
}

#[test]
fn examples_fire_and_stay_quiet() {
    for check in CHECKS {
        let fires = run(check, (check.fires)());
        assert!(!fires.findings.is_empty(), "{}: the example that fires finds nothing: {}", check.id, fires.summary);
        let quiet = run(check, (check.quiet)());
        assert_eq!(quiet.findings, [], "{}", check.id);
        assert_eq!(quiet.presence, Presence::Judged, "{}: the quiet example has nothing to judge", check.id);
    }
}

#[test]
fn findings_are_for_people_and_in_one_line() {
    for finding in CHECKS.iter().flat_map(|check| run(check, (check.fires)()).findings) {
        let Finding { severity, code, reason, hint } = finding;
        assert_ne!(severity, Severity::Ok, "{code}");
        assert!(code.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_'), "{code}");
        for text in [reason, hint] {
            assert!(!text.is_empty() && !text.contains('\n'), "{code}: {text}");
        }
    }
}

#[test]
fn nothing_read_is_nothing_found() {
    for check in CHECKS {
        let result = run(check, Vec::new());
        assert_eq!((result.presence, &result.findings[..]), (Presence::Pending, &[][..]), "{}", check.id);
    }
}

#[test]
fn warning_lies_before_critical() {
    let limits = metric::limits(&Limits::default());
    let mut pairs = 0;
    for ((check, limit), &warn) in &limits {
        let Some(stem) = limit.strip_suffix("warn") else { continue };
        let Some(&crit) = limits.get(&(check.clone(), format!("{stem}crit"))) else { continue };
        let falling = FALLING.contains(&(check.as_str(), stem.trim_end_matches('_')));
        assert!(if falling { warn > crit } else { warn < crit }, "{check}.{limit}: {warn} against {crit}");
        pairs += 1;
    }
    assert!(pairs >= 8, "only {pairs} pairs of limits were found; were they renamed?");
}

#[test]
fn every_section_of_limits_belongs_to_a_source() {
    let checks: BTreeSet<String> = metric::limits(&Limits::default()).into_keys().map(|(check, _)| check).collect();
    let sources: BTreeSet<String> = SourceId::ALL.iter().map(|id| id.name().to_owned()).collect();
    assert_eq!(checks, sources);
}

#[test]
fn the_reference_is_what_the_code_says() {
    crate::golden::check("docs/generated/checks.md", &reference());
}

fn reference() -> String {
    let mut text = String::from(
        "<!-- Written from src/check by its tests. Change the code, then run UPDATE_DOCS=1 cargo nextest run --lib. -->\n\n\
         # Checks\n\n\
         Each check judges what its source read, against the limits below, which the configuration can change. What \
         is neither configured nor found on the machine is not judged: its check says \"not present\".\n",
    );
    let limits = documented_limits();
    for check in CHECKS {
        write_check(&mut text, check, limits.get(check.id).map_or(&[], Vec::as_slice)).unwrap();
    }
    text
}

/// One limit: its path below `checks`, its default, and what it means.
type Documented = (String, String, String);

fn write_check(text: &mut String, check: &Check, limits: &[Documented]) -> std::fmt::Result {
    let Check { id, summary, warn, crit, runbook, codes, metrics, .. } = check;
    writeln!(text, "\n## {id}\n\n{summary}\n\n- WARN: {warn}\n- CRIT: {crit}")?;
    writeln!(text, "- Runbook: [{runbook}](../runbooks/{runbook})")?;
    let metrics: Vec<String> = metrics.iter().map(|name| format!("`{name}`")).collect();
    writeln!(text, "- Metrics: {}", metrics.join(", "))?;
    writeln!(text, "\n| finding | severity | meaning | mend |\n| --- | --- | --- | --- |")?;
    for Code { word, found, summary, mend, .. } in *codes {
        let found: Vec<&str> = found.iter().map(|severity| severity.name()).collect();
        writeln!(text, "| `{word}` | {} | {summary} | {} |", found.join(", "), mend.replace('|', "\\|"))?;
    }
    if !limits.is_empty() {
        writeln!(text, "\n| limit | default | meaning |\n| --- | --- | --- |")?;
    }
    for (path, default, meaning) in limits {
        writeln!(text, "| `checks.{path}` | {default} | {meaning} |")?;
    }
    writeln!(text, "\nWhat it says, for example:\n\n```text")?;
    for result in [run(check, (check.fires)()), run(check, (check.quiet)())] {
        writeln!(text, "{:<4} {id}: {}", result.severity.name(), result.summary)?;
        for Finding { severity, code, reason, hint } in &result.findings {
            writeln!(text, "       {severity} {code}: {reason}\n         {hint}")?;
        }
    }
    writeln!(text, "```")
}

fn documented_limits() -> BTreeMap<String, Vec<Documented>> {
    struct Rows(BTreeMap<String, Vec<Documented>>);
    impl Visitor for Rows {
        fn enter(&mut self, _path: &str, _doc: &'static str) {}
        fn setting(&mut self, path: &str, doc: &'static str, setting: &mut dyn Setting) {
            let value = setting.get();
            let default = value.as_str().map_or_else(|| value.as_f64().unwrap().to_string(), str::to_owned);
            let meaning = doc.split_whitespace().collect::<Vec<_>>().join(" ");
            let check = path.split('.').next().unwrap().to_owned();
            self.0.entry(check).or_default().push((path.to_owned(), default, meaning));
        }
    }
    let mut rows = Rows(BTreeMap::new());
    Limits::default().accept("", "", &mut rows);
    rows.0
}
