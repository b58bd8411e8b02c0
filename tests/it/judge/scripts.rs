//! Judges that behave badly, each with its own message and exit code.

use std::fs;
use std::process::Command;

use serde_json::json;

use super::world::{World, output};

#[test]
fn the_answer_and_nothing_else_is_printed() {
    let world = World::script(r#"echo "it is"; echo noise >&2; echo "$1""#, "stdout");
    assert_eq!(world.ask("well?").answer(), "it is\nwell?");
}

#[test]
fn a_judge_that_waits_for_its_input_finds_none() {
    // The program's own standard input is open and says nothing, which a judge that inherits it would wait for.
    let world = World::script("cat; readlink /proc/self/fd/0", "stdout");
    assert_eq!(world.ask("hello").answer(), "/dev/null");
}

#[test]
fn a_judge_that_prints_nothing_gives_no_verdict() {
    for answer in ["stdout", "text", "jsonl", "last-message-file"] {
        let asked = World::script("exit 0", answer).ask("hello");
        assert_eq!(asked.failure(4), "no verdict: of the judge `mine`: it printed nothing", "{answer}");
    }
}

#[test]
fn a_judge_that_prints_a_gigabyte_is_read_to_its_end_in_little_memory() {
    let flood = "head -c 1000000000 /dev/zero | tr '\\0' x";
    let events = r#"
        echo '{"type":"thread.started","thread_id":"t"}'; echo '{"type":"turn.started"}'
        FLOOD; echo
        echo '{"type":"item.completed","item":{"id":"item_0","type":"agent_message","text":"well"}}'
        echo '{"type":"turn.completed","usage":{}}'"#;
    for (script, answer, code) in [(events.replace("FLOOD", flood), "jsonl", 0), (flood.to_owned(), "stdout", 4)] {
        let world = World::script(&script, answer);
        let asking = world.command("hello");
        // A third of the flood is more than it may ever hold.
        let mut limited = Command::new("sh");
        limited.args(["-c", "ulimit -v 330000; exec \"$@\"", "sh"]).arg(asking.get_program()).args(asking.get_args());
        let asked = output(&mut limited);
        match code {
            0 => assert_eq!(asked.answer(), "well"),
            code => assert!(asked.failure(code).contains("more than is kept"), "{asked:?}"),
        }
    }
}

#[test]
fn a_failed_turn_is_a_failure_whatever_the_exit_code_says() {
    let failed = r#"echo '{"type":"turn.started"}'
        echo '{"type":"item.completed","item":{"id":"item_0","type":"agent_message","text":"half"}}'
        echo '{"type":"turn.failed","error":{"message":"the model is gone"}}'; echo half >"$2"; exit "#;
    let good = World::script(&format!("{failed} 0"), "jsonl").ask("hello");
    let told = "the judge `mine` says that it failed, though its exit code is 0: the model is gone";
    assert_eq!(good.failure(1), told);
    let bad = World::script(&format!("{failed} 7"), "jsonl").ask("hello");
    assert_eq!(bad.failure(1), "the judge `mine` ended with exit code 7: the model is gone");
}

#[test]
fn an_unfinished_turn_is_no_verdict_and_an_exit_code_is_a_failure() {
    let unfinished = r#"echo '{"type":"turn.started"}'
        echo '{"type":"item.completed","item":{"id":"item_0","type":"agent_message","text":"half"}}'"#;
    let asked = World::script(unfinished, "jsonl").ask("hello");
    assert!(asked.failure(4).contains("before the turn is completed"), "{asked:?}");
    let asked = World::script("echo well; echo '  why\tit failed' >&2; exit 3", "stdout").ask("hello");
    assert_eq!(asked.failure(1), "the judge `mine` ended with exit code 3: why it failed");
}

#[test]
fn a_judge_that_dies_by_a_signal_is_told_so() {
    let asked = World::script("echo well; echo bye >&2; kill -SEGV $$", "stdout").ask("hello");
    assert_eq!(asked.failure(1), "the judge `mine` was ended by signal 11: bye");
}

#[test]
fn ways_that_disagree_are_no_verdict() {
    let script = r#"echo '{"type":"turn.started"}'
        echo '{"type":"item.completed","item":{"id":"item_0","type":"agent_message","text":"well"}}'
        echo '{"type":"turn.completed","usage":{}}'; echo "$1" >"$2""#;
    let world = World::script(script, "jsonl");
    assert_eq!(world.ask("well").answer(), "well");
    assert!(world.ask("not well").failure(4).contains("different answers"));
}

#[test]
fn an_answer_to_a_schema_is_json_or_no_verdict() {
    let world = World::script(r#"printf %s "$1""#, "stdout");
    fs::write(world.path("schema.json"), r#"{"type":"object"}"#).unwrap();
    let ask = |prompt: &str| output(world.command(prompt).arg("--schema").arg(world.path("schema.json")));
    assert_eq!(ask("{\"a\": 1}").answer(), "{\"a\": 1}");
    assert!(ask("all is well").failure(4).contains("no JSON, though a schema was given"));
    fs::write(world.path("schema.json"), "[]").unwrap();
    assert!(ask("{}").failure(64).contains("a JSON schema is an object"));
}

#[test]
fn all_of_the_output_is_the_last_resort_and_marked() {
    let asked = World::script("echo well", "jsonl").ask("hello");
    assert_eq!((asked.code, asked.stdout.as_str()), (Some(0), "well\n"));
    assert!(asked.stderr.contains("as the last resort"), "{asked:?}");
}

#[test]
fn what_a_judge_says_of_its_failure_is_short_and_holds_no_key() {
    let script = r#"echo "no access with $JUDGE_API_KEY" >&2; yes blah | head -c 100000 >&2; echo "no $JUDGE_API_KEY" >&2; exit 1"#;
    let world = World::script(script, "stdout");
    let asked = output(world.command("hello").env("JUDGE_API_KEY", "correct-horse-battery-9"));
    let told = asked.failure(1);
    assert!(told.contains("blah") && !told.contains("horse") && told.len() < 1000, "{told}");
}

#[test]
fn a_judge_gets_the_listed_variables_and_no_other() {
    let world = World::script("env | cut -d= -f1 | sort | xargs", "stdout");
    let mut command = world.command("hello");
    command.env_clear().env("PATH", "/usr/bin:/bin").env("HOME", "/nowhere").env("TERM", "xterm").env("LC_ALL", "C");
    command.env("JUDGE_API_KEY", "k").env("ANTHROPIC_API_KEY", "k").env("SECRET", "s").env("LD_PRELOAD", "");
    assert_eq!(output(&mut command).answer(), "HOME JUDGE_API_KEY LC_ALL PATH PWD TERM");
    let world = World::script("echo $TERM; pwd; ls -A", "stdout");
    let told = world.ask("hello");
    let (term, directory) = told.answer().split_once('\n').unwrap();
    assert_eq!(term, "dumb");
    assert!(directory.ends_with("/work"), "an empty directory of its own: {told:?}");
    assert!(!std::path::Path::new(directory).exists(), "it goes in the end");
}

#[test]
fn a_long_prompt_goes_by_file() {
    let script = r#"wc -c; printf %s "$1""#;
    let entry = json!({"command": "/bin/sh", "args": ["-c", script, "judge", "{prompt}"], "long_prompt": "-"});
    let long = "x".repeat(300_000);
    let world = World::with(entry);
    assert_eq!(world.ask(&long).answer(), "300000\n-");
    assert_eq!(world.ask("short").answer(), "0\nshort");
    assert_eq!(world.set("max_argument", 0).ask("secret").answer(), "6\n-");
}

#[test]
fn a_tool_that_does_not_tell_its_flags_in_time_is_given_all_of_them() {
    let script = r#"[ "$1" != help ] || { HELP; }; echo "$@""#;
    let entry = |help: &str| {
        json!({"command": "/bin/sh", "args": ["-c", script.replace("HELP", help), "judge", "--json", "--cd={directory}x"],
            "help": ["-c", script.replace("HELP", help), "judge", "help"]})
    };
    let told = World::with(entry("echo '  -c  x'; echo '      --json  Print'; exit 0")).ask("hello");
    assert_eq!(told.answer(), "--json");
    for silent in ["exit 1", "exit 0", "sleep 600"] {
        let told = World::with(entry(silent)).ask("hello");
        assert!(told.answer().starts_with("--json --cd=/"), "{silent}: {told:?}");
    }
}

#[test]
fn mistakes_in_the_usage_are_told_as_such() {
    let world = World::script("echo well", "stdout");
    assert!(world.ask(" \n").failure(64).contains("the prompt is empty"));
    assert!(world.ask("a\0b").failure(64).contains("NUL byte"));
    let with = |arguments: &[&str]| output(world.command("hello").args(arguments));
    assert_eq!(with(&["--nonsense"]).code, Some(64));
    assert_eq!(with(&["--timeout", "soon"]).code, Some(64));
    let unknown = with(&["--judge", "nobody"]);
    assert!(unknown.code == Some(64) && unknown.stderr.contains("mine"), "{unknown:?}");
    fs::remove_file(world.path("prompt")).unwrap();
    let mut bare = Command::new(env!("CARGO_BIN_EXE_autoswe-judge"));
    assert!(output(bare.arg("rubric").arg(world.path("prompt"))).failure(64).contains("No such file"));
    assert_eq!(output(&mut Command::new(env!("CARGO_BIN_EXE_autoswe-judge"))).code, Some(64));
    let missing = World::with(json!({"command": "/nowhere/judge", "args": ["{prompt}"]})).ask("hello");
    let told = missing.failure(1);
    assert!(told.contains("judge.entries.mine.command (/nowhere/judge)") && told.contains("No such file"), "{told}");
}
