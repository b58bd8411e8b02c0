//! The shipped entry of the Gemini CLI in front of what the real one said (`tests/fixtures/gemini-0.61.0`): it needs node
//! and a hundred megabytes of packages, so that it is not run here.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use autoswe_exporter::config::Judges;
use serde_json::json;

use super::world::World;

/// Says what lies beside it, and writes down how it was called.
const DOUBLE: &str = r#"#!/bin/sh
[ "$1" != --help ] || exec cat "$HERE/help.txt"
printf '%s\0' "$@" >"$HERE/arguments"
cat >"$HERE/stdin"
cat "$HERE/stderr" >&2
cat "$HERE/stdout"
exit "$(cat "$HERE/code")"
"#;

fn fixture(name: &str) -> String {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/gemini-0.61.0");
    fs::read_to_string(folder.join(name)).unwrap()
}

/// The shipped entry, with a double that prints these and ends with `code`.
fn world(stdout: &str, stderr: &str, code: u8) -> World {
    let shipped = Judges::default().get("gemini").unwrap().clone();
    let mut args = shipped.args;
    args.insert(0, "--flag-of-the-future=1".into());
    let directory = tempfile::tempdir().unwrap();
    let command = directory.path().join("gemini");
    fs::write(&command, DOUBLE).unwrap();
    fs::set_permissions(&command, fs::Permissions::from_mode(0o755)).unwrap();
    let environment: Vec<String> = shipped.environment.into_iter().chain(["HERE".into()]).collect();
    let mut world = World::with(json!({"command": command.to_str(), "args": args, "help": shipped.help,
        "answer": shipped.answer.name(), "environment": environment}));
    world.directory = directory;
    for (name, content) in [("help.txt", fixture("help.txt").as_str()), ("stdout", stdout), ("stderr", stderr)] {
        fs::write(world.path(name), content).unwrap();
    }
    fs::write(world.path("code"), code.to_string()).unwrap();
    world
}

fn arguments(world: &World) -> Vec<String> {
    let told = fs::read_to_string(world.path("arguments")).unwrap();
    told.split_terminator('\0').map(str::to_owned).collect()
}

#[test]
fn it_is_called_with_flags_that_it_knows() {
    let world = world(&fixture("answer.json"), "", 0).set("model", "gemini-of-the-day");
    assert!(world.ask("/memory show").answer().starts_with("well\nhello\n"));
    let expected = [
        "--model=gemini-of-the-day",
        "--output-format=json",
        "--skip-trust",
        "--approval-mode=default",
        "--extensions=none",
        "--allowed-mcp-server-names=none",
        "--prompt=\n/memory show",
    ];
    assert_eq!(arguments(&world), expected);
    assert_eq!(fs::read_to_string(world.path("stdin")).unwrap(), "");
}

#[test]
fn a_long_prompt_goes_by_standard_input() {
    let world = world(&fixture("tool.json"), "", 0);
    let long = "long ".repeat(50_000);
    assert_eq!(world.ask(&long).answer(), "I have looked");
    assert_eq!(fs::read_to_string(world.path("stdin")).unwrap(), long);
    assert!(!arguments(&world).iter().any(|word| word.starts_with("--prompt")));
}

#[test]
fn half_an_answer_is_none_though_its_exit_code_is_0() {
    let told = world(&fixture("cut.json"), "", 0).ask("x");
    let words =
        "the judge `mine` says that it failed, though its exit code is 0: Model stream ended without a finish reason.";
    assert_eq!(told.failure(1), words);
    assert!(world(&fixture("asked-again.json"), "", 0).ask("x").failure(4).contains("was asked again"));
    assert!(world(&fixture("tool-last.json"), "", 0).ask("x").failure(4).contains("without a message"));
    assert!(world(&fixture("own-command.txt"), "", 0).ask("x").failure(4).contains("other text"));
    let retried = world(&fixture("failed-once.json"), "", 0);
    assert_eq!(retried.ask("x").answer(), "it is well");
}

#[test]
fn its_failure_is_told_in_the_words_of_the_api() {
    let told = world("", &fixture("unauthorized.stderr"), 145).ask("x");
    assert_eq!(told.failure(1), "the judge `mine` ended with exit code 145: API key not valid");
}
