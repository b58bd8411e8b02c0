//! The program as a user starts it: exit codes, standard output and standard error.

use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

/// The program in an empty home directory, with nothing of ours in its environment.
fn program(home: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_autoswe-exporter"));
    command.env_clear().env("HOME", home).current_dir(home).stdin(Stdio::null());
    command
}

struct Run {
    code: Option<i32>,
    stdout: String,
    stderr: String,
}

fn run(command: &mut Command) -> Run {
    let Output { status, stdout, stderr } = command.output().expect("the program starts");
    let text = |bytes| String::from_utf8(bytes).expect("UTF-8");
    Run { code: status.code(), stdout: text(stdout), stderr: text(stderr) }
}

fn home() -> tempfile::TempDir {
    tempfile::tempdir().expect("a directory")
}

fn file(home: &tempfile::TempDir, name: &str, text: &str) -> PathBuf {
    let path = home.path().join(name);
    std::fs::write(&path, text).expect("write");
    path
}

/// Nothing but files below `home` is read: no vLLM, GPU or /proc of the machine that runs the tests.
const QUIET: [&str; 4] =
    ["--no-collector.vllm", "--no-collector.gpu", "--no-collector.subagents", "--no-collector.host"];

#[test]
fn help_and_version_are_for_reading() {
    let home = home();
    let help = run(program(home.path()).arg("--help"));
    assert_eq!(help.code, Some(0));
    for word in
        ["report", "check-config", "print-config", "demo", "--web.listen-address", "--no-collector.", "Examples:"]
    {
        assert!(help.stdout.contains(word), "{word} is missing in:\n{}", help.stdout);
    }
    let version = run(program(home.path()).arg("--version"));
    assert_eq!(version.stdout, format!("autoswe-exporter {}\n", env!("CARGO_PKG_VERSION")));
}

#[test]
fn a_mistake_of_the_user_ends_with_2() {
    let home = home();
    for line in ["--no-such-flag", "no-such-command", "report --sample soon", "report --watch=0", "--log.level loud"] {
        let run = run(program(home.path()).args(line.split(' ')));
        assert_eq!(run.code, Some(2), "{line}: {}", run.stderr);
        assert!(run.stdout.is_empty() && !run.stderr.is_empty(), "{line}");
    }
    let variable = run(program(home.path()).arg("check-config").env("AUTOSWE_LOG_FORMAT", "xml"));
    assert_eq!(variable.code, Some(2));
    assert!(variable.stderr.contains("AUTOSWE_LOG_FORMAT: expected one of logfmt, json"), "{}", variable.stderr);
}

#[test]
fn check_config_counts_or_names_every_mistake() {
    let home = home();
    let good = file(&home, "good.yml", "vllm: {url: 'http://x:1', interval: 3s}\n");
    let checked =
        run(program(home.path()).arg("check-config").arg("--config.file").arg(&good).env("AUTOSWE_GPU_ENABLED", "no"));
    assert_eq!(checked.code, Some(2), "`no` is no truth value: {}", checked.stderr);
    let checked = run(program(home.path())
        .args(["--no-collector.gpu", "check-config", "--config.file"])
        .arg(&good)
        .env("AUTOSWE_REPO_ROOT", "/x"));
    assert_eq!((checked.code, checked.stderr.as_str()), (Some(0), ""));
    assert!(
        checked.stdout.starts_with("OK: 4 settings set (2 by the file, 1 by the environment, 1 by flags)"),
        "{}",
        checked.stdout
    );
    let bad = file(&home, "bad.yml", "vlm: {}\nloop:\n  interval: 0\n");
    let checked = run(program(home.path()).arg("check-config").env("AUTOSWE_CONFIG_FILE", &bad));
    assert_eq!(checked.code, Some(2));
    for line in
        ["bad.yml:1:1: vlm: unknown key; did you mean `vllm`?", "bad.yml:3:13: loop.interval: expected at least 10ms"]
    {
        assert!(checked.stderr.contains(line), "{line} is missing in:\n{}", checked.stderr);
    }
}

#[test]
fn every_command_refuses_a_bad_configuration() {
    let home = home();
    let bad = file(&home, "bad.yml", "nonsense: 1\n");
    for command in [&["report"][..], &["print-config"], &["check-config"], &[]] {
        let run = run(program(home.path()).args(command).arg("--config.file").arg(&bad));
        assert_eq!(run.code, Some(2), "{command:?}");
        assert!(run.stderr.contains("bad.yml:1:1: nonsense: unknown key"), "{command:?}: {}", run.stderr);
    }
}

#[test]
fn print_rules_prints_the_shipped_rules_or_those_of_the_configuration() {
    let home = home();
    let shipped = include_str!("../../alerts/autoswe.rules.yml");
    let printed = run(program(home.path()).arg("print-rules"));
    assert_eq!((printed.code, printed.stderr.as_str()), (Some(0), ""));
    assert!(printed.stdout == shipped, "print-rules prints something else than alerts/autoswe.rules.yml");
    let set = file(&home, "set.yml", "alerts: {warn_for: 10m, runbooks: 'https://wiki/x'}\n");
    let printed = run(program(home.path()).args(["print-rules", "--job", "spark", "--config.file"]).arg(&set));
    for words in [r#"up{job="spark"} == 0"#, "        for: 10m\n", "'https://wiki/x/loop.md#heartbeat_old'"] {
        assert!(printed.stdout.contains(words), "{words}");
    }
    let refused = run(program(home.path()).args(["print-rules", "--job", ""]));
    assert_eq!((refused.code, refused.stdout.as_str()), (Some(2), ""));
}

#[test]
fn print_config_prints_what_loads_to_the_same() {
    let home = home();
    let first =
        run(program(home.path()).args(["print-config", "--no-collector.gpu"]).env("AUTOSWE_VLLM_URL", "http://x:1"));
    assert_eq!(first.code, Some(0), "{}", first.stderr);
    assert!(
        first.stdout.contains("# flag --no-collector.gpu") && first.stdout.contains("# environment AUTOSWE_VLLM_URL")
    );
    let printed = file(&home, "printed.yml", &first.stdout);
    let second = run(program(home.path()).args(["print-config", "--config.file"]).arg(&printed));
    let values = |text: &str| -> Vec<String> {
        text.lines().map(|line| line.split(" # ").next().unwrap_or_default().trim_end().to_owned()).collect()
    };
    assert_eq!(values(&second.stdout), values(&first.stdout));
}

#[test]
fn a_report_names_every_source_in_json() {
    let home = home();
    let run = run(program(home.path()).args(["report", "--json"]).args(QUIET));
    assert!(matches!(run.code, Some(0 | 1)), "{}", run.stderr);
    let json: serde_json::Value = serde_json::from_str(&run.stdout).expect("JSON");
    let sources = json["sources"].as_object().expect("sources");
    assert_eq!(sources.len(), 10);
    assert_eq!(sources["gpu"]["status"], "disabled");
    assert_ne!(sources["parity"]["status"], "pending", "what is enabled was read");
    assert_eq!(run.code == Some(1), json["severity"] == "CRIT", "the exit code follows the severity");
}

#[test]
fn a_report_is_coloured_only_when_asked() {
    let home = home();
    let plain = run(program(home.path()).args(["report", "--sample", "0"]).args(QUIET));
    assert!(!plain.stdout.contains('\u{1b}') && plain.stderr.is_empty(), "{}{}", plain.stdout, plain.stderr);
    let colored = run(program(home.path()).args(["report", "--sample", "0", "--color", "always"]).args(QUIET));
    assert!(colored.stdout.contains('\u{1b}'));
}

#[test]
fn a_reader_that_goes_away_is_no_panic() {
    let home = home();
    let mut child = program(home.path())
        .args(["report", "--json", "--watch=0.1"])
        .args(QUIET)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the program starts");
    // Closing the only reading end makes the next write fail; the program ends by itself.
    drop(child.stdout.take());
    let output = child.wait_with_output().expect("it ends");
    assert!(matches!(output.status.code(), Some(0 | 1)), "{output:?}");
    assert_eq!(String::from_utf8_lossy(&output.stderr), "");
}

#[test]
fn watching_ends_at_an_interrupt_with_the_last_exit_code() {
    use std::io::{BufRead, BufReader};

    let home = home();
    let mut child = program(home.path())
        .args(["report", "--json", "--watch=0.1"])
        .args(QUIET)
        .stdout(Stdio::piped())
        .spawn()
        .expect("the program starts");
    let mut lines = BufReader::new(child.stdout.take().expect("a pipe")).lines();
    let severities: Vec<String> = lines
        .by_ref()
        .take(2)
        .map(|line| {
            serde_json::from_str::<serde_json::Value>(&line.expect("a line")).expect("JSON")["severity"].to_string()
        })
        .collect();
    assert_eq!(severities.len(), 2, "one line for each round");
    let pid = rustix::process::Pid::from_child(&child);
    rustix::process::kill_process(pid, rustix::process::Signal::INT).expect("interrupt it");
    // Rounds that were under way are read to the end, so that the pipe does not fill.
    lines.for_each(drop);
    let code = child.wait().expect("it ends").code();
    assert_eq!(code, Some(i32::from(severities[1] == "\"CRIT\"")));
}

#[test]
fn a_full_disk_is_told() {
    let home = home();
    let full = std::fs::OpenOptions::new().write(true).open("/dev/full").expect("/dev/full");
    let run = program(home.path()).arg("print-config").stdout(full).output().expect("the program starts");
    assert_eq!(run.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&run.stderr).contains("cannot be written"));
}

#[test]
fn one_record_is_appended_when_asked() {
    let home = home();
    for lines in 1..=2 {
        let run = run(program(home.path())
            .args(["report", "--log", "--sample", "0"])
            .args(QUIET)
            .env("AUTOSWE_RUNTIME_DIR", home.path()));
        assert_eq!(run.stderr, "");
        let series = std::fs::read_to_string(home.path().join("system-state.jsonl")).expect("the series");
        assert_eq!(series.lines().count(), lines);
        let record: serde_json::Value = serde_json::from_str(series.lines().last().expect("a line")).expect("JSON");
        assert!(["OK", "WARN", "CRIT"].contains(&record["severity"].as_str().expect("a severity")), "{record}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn vllm_is_sampled_twice_and_probed() {
    let world = autoswe_exporter::demo::Demo::start(4.0).await.expect("the stand-in starts");
    let url = world.vllm_url();
    let asked = tokio::task::spawn_blocking(move || {
        let home = home();
        run(program(home.path())
            .args([
                "report",
                "--json",
                "--probe-tps",
                "--sample",
                "500ms",
                "--no-collector.gpu",
                "--no-collector.subagents",
            ])
            .env("AUTOSWE_VLLM_URL", url))
    });
    let run = asked.await.expect("it ends");
    let json: serde_json::Value = serde_json::from_str(&run.stdout).expect("JSON");
    assert_eq!(json["sources"]["vllm"]["attempts"], 2);
    assert!(json["rates"]["generation_tokens_per_second"].is_number(), "{}", json["rates"]);
    assert!(json["probe"]["tokens_per_second"].as_f64().is_some_and(|rate| rate > 0.0), "{}", json["probe"]);
    assert!(json["probe"]["tokens"].as_u64().is_some_and(|tokens| tokens > 0));
}

#[test]
fn a_probe_that_fails_leaves_the_report_whole() {
    let home = home();
    // Port 9 of the loopback: nothing listens there.
    let run = run(program(home.path())
        .args(["report", "--json", "--probe-tps", "--no-collector.gpu", "--no-collector.subagents"])
        .env("AUTOSWE_VLLM_URL", "http://127.0.0.1:9"));
    let json: serde_json::Value = serde_json::from_str(&run.stdout).expect("JSON");
    assert_eq!(json["probe"]["failure"], "unreachable");
    assert_eq!(json["sources"]["vllm"]["failure"], "unreachable");
    assert_ne!(json["sources"]["host"]["status"], "failed", "one failing source hides no other");
}
