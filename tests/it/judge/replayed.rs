//! The shipped entries of the Gemini CLI and of Claude Code in front of what the real ones said (`tests/fixtures`). Gemini
//! needs node and a hundred megabytes of packages; Claude is not free software and runs where it is asked for:
//! `tests/run claude`.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use autoswe_exporter::config::Judges;
use serde_json::json;

use super::world::{World, output};

/// Says what lies beside it, and writes down how it was called. Of its help only the flags are kept.
const DOUBLE: &str = r#"#!/bin/sh
[ "$1" != --help ] || exec cat "$HERE/help.txt"
printf '%s\0' "$@" >"$HERE/arguments"
cat >"$HERE/stdin"
cat "$HERE/stderr" >&2
cat "$HERE/stdout"
exit "$(cat "$HERE/code")"
"#;

/// A tool, and the version that was looked at.
#[derive(Debug, Clone, Copy)]
struct Tool(&'static str, &'static str);

const GEMINI: Tool = Tool("gemini", "0.61.0");
const CLAUDE: Tool = Tool("claude", "2.1.197");

fn fixture(Tool(name, version): Tool, file: &str) -> String {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tests/fixtures/{name}-{version}"));
    fs::read_to_string(folder.join(file)).unwrap()
}

/// The shipped entry of `tool`, with a double that prints these and ends with `code`.
fn world(tool: Tool, stdout: &str, stderr: &str, code: u8) -> World {
    let shipped = Judges::default().get(tool.0).unwrap().clone();
    let mut args = shipped.args;
    args.insert(0, "--flag-of-the-future=1".into());
    let directory = tempfile::tempdir().unwrap();
    let command = directory.path().join(tool.0);
    fs::write(&command, DOUBLE).unwrap();
    fs::set_permissions(&command, fs::Permissions::from_mode(0o755)).unwrap();
    let environment: Vec<String> = shipped.environment.into_iter().chain(["HERE".into()]).collect();
    let mut world = World::with(json!({"command": command.to_str(), "args": args, "help": shipped.help,
        "answer": shipped.answer.name(), "environment": environment}));
    world.directory = directory;
    for (name, content) in [("help.txt", fixture(tool, "help.txt").as_str()), ("stdout", stdout), ("stderr", stderr)] {
        fs::write(world.path(name), content).unwrap();
    }
    fs::write(world.path("code"), code.to_string()).unwrap();
    world
}

/// Gemini, which left `file` on its standard output and ended well.
fn gemini(file: &str) -> World {
    world(GEMINI, &fixture(GEMINI, file), "", 0)
}

fn claude(file: &str, code: u8) -> World {
    world(CLAUDE, &fixture(CLAUDE, file), "", code)
}

fn arguments(world: &World) -> Vec<String> {
    let told = fs::read_to_string(world.path("arguments")).unwrap();
    told.split_terminator('\0').map(str::to_owned).collect()
}

#[test]
fn gemini_is_called_with_flags_that_it_knows() {
    let world = gemini("answer.json").set("model", "gemini-of-the-day");
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
fn a_long_prompt_goes_to_gemini_by_standard_input() {
    let world = gemini("tool.json");
    let long = "long ".repeat(50_000);
    assert_eq!(world.ask(&long).answer(), "I have looked");
    assert_eq!(fs::read_to_string(world.path("stdin")).unwrap(), long);
    assert!(!arguments(&world).iter().any(|word| word.starts_with("--prompt")));
}

#[test]
fn half_an_answer_of_gemini_is_none_though_its_exit_code_is_0() {
    let told = gemini("cut.json").ask("x");
    let words =
        "the judge `mine` says that it failed, though its exit code is 0: Model stream ended without a finish reason.";
    assert_eq!(told.failure(1), words);
    assert!(gemini("asked-again.json").ask("x").failure(4).contains("was asked again"));
    assert!(gemini("tool-last.json").ask("x").failure(4).contains("without a message"));
    assert!(gemini("own-command.txt").ask("x").failure(4).contains("other text"));
    let retried = gemini("failed-once.json");
    assert_eq!(retried.ask("x").answer(), "it is well");
}

#[test]
fn the_failure_of_gemini_is_told_in_the_words_of_the_api() {
    let told = world(GEMINI, "", &fixture(GEMINI, "unauthorized.stderr"), 145).ask("x");
    assert_eq!(told.failure(1), "the judge `mine` ended with exit code 145: API key not valid");
}

#[test]
fn claude_is_called_with_flags_that_it_knows() {
    let world = claude("schema.json", 0).set("model", "claude-of-the-day").set("effort", "low");
    fs::write(world.path("schema"), "{\"type\":\"object\"}").unwrap();
    let mut asking = world.command("/cost");
    asking.arg("--schema").arg(world.path("schema"));
    assert_eq!(output(&mut asking).answer(), "{\"score\":7}");
    let expected = [
        "--print",
        "--output-format=json",
        "--model=claude-of-the-day",
        "--effort=low",
        "--json-schema={\"type\":\"object\"}",
        "--tools=",
        "--safe-mode",
        "--strict-mcp-config",
        "--disable-slash-commands",
        "--settings={\"env\":{\"CLAUDE_CODE_DISABLE_ATTACHMENTS\":\"1\",\
         \"CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC\":\"1\"}}",
        "--no-session-persistence",
        "--",
        "\n/cost",
    ];
    assert_eq!(arguments(&world), expected);
}

#[test]
fn what_claude_did_not_answer_is_no_answer() {
    let failure = |file, code, exit| claude(file, code).ask("x").failure(exit).to_owned();
    assert!(failure("refused.json", 1, 1).ends_with("exit code 1: API Error: 400 no such model"));
    assert!(failure("own-command.json", 0, 1).contains("a command of its own"));
    assert!(failure("schema-broken.json", 1, 1).contains("valid structured output"));
    assert!(failure("too-long.json", 1, 1).contains("output token maximum"));
    assert!(failure("empty.json", 0, 4).contains("without a message"));
}
