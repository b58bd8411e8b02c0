//! What an ordinary transcript tells, and which files are transcripts.

use std::os::unix::fs::symlink;

use super::*;

#[test]
fn an_answer_in_several_lines_is_one_turn_with_the_usage_of_the_last() {
    let home = Home::new();
    let lines = [
        json!({"type": "summary", "summary": "the usage of \"usage\"", "leafUuid": "x"}),
        answer("a", 1, [10, 1, 200, 30]),
        call("a", 2, [10, 40, 200, 30], "toolu_1"),
        result(3),
        call("a", 3, [10, 77, 200, 30], "toolu_2"),
        result(4),
        call("b", 5, [5, 6, 7, 8], "toolu_3"),
    ];
    home.write("s", super::lines(&lines));
    let ledger = home.read();
    assert_eq!(tokens(&ledger), [[10, 77, 200, 30], [5, 6, 7, 8]]);
    assert_eq!(ledger.turns.iter().map(|turn| turn.tool_calls).collect::<Vec<_>>(), [2, 1]);
    let first = ledger.turns[0];
    assert_eq!(first.at_ms, "2026-11-22T12:00:01.250Z".parse::<Time>().unwrap().as_millisecond());
    assert_eq!(first.offset, lines[0].to_string().len() as u64 + 1);
    assert_eq!(ledger.models, ["claude-opus-4-1"]);
    let session = &ledger.sessions[0];
    assert_eq!(session.id, "11111111-aaaa-4bbb-8ccc-222222222222");
    assert_eq!(session.cwd.as_deref(), Some(Path::new("/srv/loop")));
    assert_eq!(
        (session.first_at.as_millisecond(), session.last_at.as_millisecond()),
        (first.at_ms, first.at_ms + 4000)
    );
    assert_eq!(ledger.left_out, []);
}

#[test]
fn what_no_model_answered_counts_nothing() {
    let home = Home::new();
    let mut synthetic = answer("a", 1, [1, 1, 1, 1]);
    synthetic["message"]["model"] = json!("<synthetic>");
    let mut error = answer("b", 2, [1, 1, 1, 1]);
    error["isApiErrorMessage"] = json!(true);
    let mut none = answer("c", 3, [1, 1, 1, 1]);
    none["message"]["usage"] = Value::Null;
    let mut empty = answer("d", 4, [1, 1, 1, 1]);
    empty["message"]["usage"] = json!({"cache_read_input_tokens": 5, "input_tokens": null});
    home.write("s", lines(&[synthetic, error, none, empty, result(5)]));
    assert_eq!(home.read(), Ledger { files: vec![home.transcript("s")], ..Ledger::default() });
}

#[test]
fn an_answer_of_a_model_without_ids_or_names_is_still_one() {
    let home = Home::new();
    let mut line = answer("a", 1, [3, 4, 0, 0]);
    for name in ["requestId", "uuid", "sessionId", "cwd", "isSidechain"] {
        line.as_object_mut().unwrap().remove(name);
    }
    let message = line["message"].as_object_mut().unwrap();
    message.remove("id");
    message.remove("model");
    line["message"]["usage"] = json!({"input_tokens": "3", "output_tokens": 4.0});
    line["timestamp"] = json!(1_795_348_801.25);
    // Twice: the same answer, as in a copy.
    home.write("name-of-the-file", lines(&[line.clone(), line]));
    let ledger = home.read();
    assert_eq!(tokens(&ledger), [[3, 4, 0, 0]]);
    assert_eq!((ledger.models[0].as_str(), ledger.sessions[0].id.as_str()), ("unknown", "name-of-the-file"));
    assert_eq!((ledger.sessions[0].cwd.as_ref(), ledger.turns[0].at_ms), (None, 1_795_348_801_250));
}

#[test]
fn sub_agents_are_told_apart_and_escapes_in_names_are_understood() {
    let home = Home::new();
    let mut line = answer("a", 1, [1, 2, 3, 4]);
    line["isSidechain"] = json!(true);
    line["cwd"] = json!("/srv/a \"b\"\\c\u{e9}");
    let text = line.to_string().replace('\u{e9}', "\\u00e9");
    home.write("agent-1", format!("{text}\n"));
    let ledger = home.read();
    assert!(ledger.turns[0].sidechain);
    assert_eq!(ledger.sessions[0].cwd.as_deref(), Some(Path::new("/srv/a \"b\"\\c\u{e9}")));
}

#[test]
fn what_is_no_file_is_said_and_the_others_are_read() {
    let home = Home::new();
    home.write("good", lines(&[answer("a", 1, [1, 2, 3, 4])]));
    home.write("empty", "");
    fs::create_dir(home.transcript("directory")).unwrap();
    symlink(home.transcript("loop"), home.transcript("loop")).unwrap();
    symlink(home.path("nowhere"), home.transcript("broken")).unwrap();
    let ledger = home.read();
    assert_eq!(tokens(&ledger), [[1, 2, 3, 4]]);
    assert_eq!(left_out(&ledger), [("not_a_file", 1), ("unreadable", 2)]);
    assert!(ledger.left_out[1].text.contains("broken.jsonl"), "{}", ledger.left_out[1].text);
    assert_eq!(home.read(), ledger);
}

#[test]
fn a_project_that_two_names_lead_to_is_read_once() {
    let home = Home::new();
    home.write("s", lines(&[answer("a", 1, [1, 2, 3, 4])]) + "broken\n");
    symlink(home.path("projects/-srv-loop"), home.path("projects/again")).unwrap();
    fs::hard_link(home.transcript("s"), home.transcript("t")).unwrap();
    let ledger = home.read();
    assert_eq!(ledger.files, [home.transcript("s")]);
    assert_eq!((tokens(&ledger).len(), left_out(&ledger)), (1, vec![("malformed", 1)]));
}

#[test]
fn every_kind_of_glob_finds_what_it_means() {
    let home = Home::new();
    home.write("s", "");
    fs::create_dir_all(home.path("projects/-srv-loop/s/subagents")).unwrap();
    fs::write(home.path("projects/-srv-loop/s/subagents/agent-1.jsonl"), "").unwrap();
    let found = |glob: &str| Frozen::look(&[home.path(glob)]).map(|frozen| frozen.files.len());
    assert_eq!(found("projects/*/*.jsonl"), Ok(1));
    assert_eq!(found("projects/*/*/subagents/agent-*.jsonl"), Ok(1));
    assert_eq!(found("projects/**/*.jsonl"), Ok(2));
    assert_eq!(found("projects/-srv-loop/s.jsonl"), Ok(1));
    assert_eq!(found("projects/**/*"), Ok(2));
    assert_eq!(found("nowhere/*.jsonl"), Ok(0));
    let error = found("projects/[").unwrap_err().to_string();
    assert!(error.contains("journey.transcripts") && error.contains("projects/["), "{error}");
}
