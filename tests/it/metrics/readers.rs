//! Both pages against promtool and prometheus-client's parsers.

use std::collections::BTreeMap;
use std::io::Write;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use autoswe_exporter::metric::Samples;
use autoswe_exporter::sink::{openmetrics, prometheus};
use serde_json::Value;

use super::{Line, example, lines};

#[test]
fn everything_known_uses_every_metric() {
    assert_eq!(example::unused(), [""; 0]);
}

#[test]
fn promtool_has_nothing_to_say() {
    for samples in example::all() {
        assert_eq!(promtool_says(&prometheus::render(&samples)), "");
    }
}

#[test]
fn promtool_would_say_something() {
    let said = promtool_says(b"# HELP bad_total A.\n# TYPE bad_total gauge\nbad_total 1\n");
    assert!(said.contains("bad_total"), "{said}");
}

/// What `promtool check metrics` says about the page, and how it ended if not well.
pub(crate) fn promtool_says(page: &[u8]) -> String {
    let mut promtool = Command::new("promtool");
    let Output { status, stdout, stderr } = pipe(promtool.args(["check", "metrics"]), page);
    let ended = if status.success() { String::new() } else { status.to_string() };
    format!("{}{}{ended}", String::from_utf8_lossy(&stdout), String::from_utf8_lossy(&stderr))
}

#[test]
fn the_text_parser_reads_every_sample() {
    for samples in example::all() {
        assert_same(&lines(&samples), &parsed("text", &prometheus::render(&samples)));
    }
}

#[test]
fn the_openmetrics_parser_reads_every_sample() {
    for samples in example::all() {
        assert_same(&lines(&samples), &parsed("openmetrics", &openmetrics::render(&samples)));
    }
}

#[test]
fn openmetrics_tells_kind_unit_and_help() {
    let samples = example::rich();
    let families = families("openmetrics", &openmetrics::render(&samples));
    let family = |name: &str| families.iter().find(|family| family["name"] == name).unwrap();
    let energy = family("autoswe_gpu_energy_joules");
    assert_eq!((&energy["kind"], &energy["unit"]), (&"counter".into(), &"joules".into()));
    assert_eq!(family("autoswe_gpu_power_watts")["help"], "Power drawn.");
    assert_eq!(family("autoswe_build")["kind"], "info");
    assert_eq!(family("autoswe_vllm_time_to_first_token_seconds")["kind"], "summary");
    assert_eq!(family("autoswe_review_health_score")["unit"], "");
    assert_eq!(families.len(), samples.families().count());
}

fn assert_same(expected: &BTreeMap<Line, f64>, found: &BTreeMap<Line, f64>) {
    for (line, value) in expected {
        assert_eq!(found.get(line), Some(value), "{line:?}");
    }
    assert_eq!(found.len(), expected.len());
}

fn parsed(which: &str, page: &[u8]) -> BTreeMap<Line, f64> {
    let families = families(which, page);
    let samples = families.iter().flat_map(|family| family["samples"].as_array().unwrap());
    let mut lines = BTreeMap::new();
    for sample in samples {
        let labels = serde_json::from_value(sample[1].clone()).unwrap();
        let line = (sample[0].as_str().unwrap().to_owned(), labels);
        assert_eq!(lines.insert(line, sample[2].as_str().unwrap().parse().unwrap()), None, "a line twice: {sample}");
    }
    lines
}

/// What prometheus-client makes of the page.
pub(crate) fn families(which: &str, page: &[u8]) -> Vec<Value> {
    let Output { status, stdout, stderr } = python("samples.py", &[which], page);
    let page = String::from_utf8_lossy(page);
    assert!(status.success(), "the {which} parser refuses the page:\n{}\n{page}", String::from_utf8_lossy(&stderr));
    serde_json::from_slice(&stdout).unwrap()
}

/// What a script of `tests/python` makes of `input`.
pub(crate) fn python(script: &str, arguments: &[&str], input: &[u8]) -> Output {
    let python = Path::new(env!("CARGO_TARGET_TMPDIR")).with_file_name("python").join("bin/python3");
    assert!(python.exists(), "no {}; tests/run makes it, with the packages that the scripts need", python.display());
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/python").join(script);
    pipe(Command::new(python).arg(script).args(arguments), input)
}

/// What `command` makes of `input`.
fn pipe(command: &mut Command, input: &[u8]) -> Output {
    let program = command.get_program().to_owned();
    let spawned = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn();
    let mut child = spawned.unwrap_or_else(|error| panic!("{program:?}: {error}; tests/run installs it"));
    let mut stdin = child.stdin.take().unwrap();
    std::thread::scope(|scope| {
        // A program that ends early closes the pipe; its status says why.
        scope.spawn(move || drop(stdin.write_all(input)));
        child.wait_with_output().unwrap()
    })
}

#[test]
fn hostile_text_stays_within_its_label() {
    let samples: Samples = example::rich();
    for (which, page) in [("text", prometheus::render(&samples)), ("openmetrics", openmetrics::render(&samples))] {
        let names: Vec<String> = parsed(which, &page)
            .into_keys()
            .filter(|(name, _)| name == "autoswe_gpu_info")
            .filter_map(|(_, mut labels)| labels.remove("name"))
            .collect();
        assert!(names.contains(&example::NASTY.to_owned()), "{which}: {names:?}");
    }
}
