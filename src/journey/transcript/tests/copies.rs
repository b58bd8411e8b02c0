//! Answers that stand in several files, or twice in one.

use super::*;

/// A line as another session copied it.
fn copied(line: &Value) -> Value {
    let mut line = line.clone();
    line["sessionId"] = json!("99999999-ffff-4fff-8fff-999999999999");
    line
}

#[test]
fn a_resumed_session_counts_only_its_own_answers() {
    let home = Home::new();
    let old = [answer("a", 1, [1, 1, 1, 1]), call("b", 2, [2, 2, 2, 2], "toolu_1")];
    let new = [copied(&old[0]), copied(&old[1]), copied(&answer("c", 9, [3, 3, 3, 3]))];
    // Files are named by chance: the copy may come first.
    for (first, second) in [("a-old", "b-new"), ("b-old", "a-new")] {
        home.write(first, lines(&old));
        home.write(second, lines(&new));
        let ledger = home.read_anew();
        assert_eq!(tokens(&ledger), [[1; 4], [2; 4], [3; 4]]);
        assert_eq!(ledger.turns[1].tool_calls, 1);
        fs::remove_file(home.transcript(first)).unwrap();
        fs::remove_file(home.transcript(second)).unwrap();
    }
}

/// By the globs that hold where nothing else is set: a sub-agent's answers count, and those that stand in the session's file
/// too count once.
#[test]
fn a_sub_agents_own_transcript_adds_what_its_session_lacks() {
    let home = Home::new();
    let mut side = [answer("side", 3, [5; 4]), answer("only there", 4, [7; 4])];
    side.iter_mut().for_each(|line| line["isSidechain"] = json!(true));
    home.write("session", lines(&[answer("main", 1, [1; 4]), result(5)]) + &lines(&side[..1]));
    fs::create_dir_all(home.path("projects/-srv-loop/session/subagents")).unwrap();
    home.write("session/subagents/agent-1", lines(&side));
    home.write("session/subagents/other-1", lines(&[answer("of something else", 6, [9; 4])]));
    let globs = Config::default().journey.transcripts.into_iter();
    let globs: Vec<_> = globs.map(|glob| home.path(glob.strip_prefix("~/.claude/").unwrap())).collect();
    let ledger = read(&Frozen::look(&globs).unwrap(), &home.options(), &mut |_, _| {});
    assert_eq!((tokens(&ledger), left_out(&ledger)), (vec![[1; 4], [5; 4], [7; 4]], vec![]));
    assert_eq!(ledger.turns.iter().map(|turn| turn.sidechain).collect::<Vec<_>>(), [false, true, true]);
    assert_eq!(ledger.sessions.len(), 1, "it is part of the session");
}

#[test]
fn of_two_copies_the_earlier_line_owns_the_answer_and_then_the_first_file() {
    let home = Home::new();
    home.write("b", lines(&[answer("a", 1, [1, 1, 1, 1]), answer("x", 4, [9, 9, 9, 9])]));
    home.write("a", lines(&[copied(&answer("a", 3, [1, 1, 1, 1])), copied(&answer("x", 4, [9, 9, 9, 9]))]));
    let ledger = home.read();
    let owners: Vec<_> = ledger.turns.iter().map(|turn| ledger.files[turn.file as usize].clone()).collect();
    assert_eq!(owners, [home.transcript("b"), home.transcript("a")]);
    let sessions: Vec<_> = ledger.turns.iter().map(|turn| ledger.sessions[turn.session as usize].id.clone()).collect();
    assert_eq!(sessions, ["11111111-aaaa-4bbb-8ccc-222222222222", "99999999-ffff-4fff-8fff-999999999999"]);
}

#[test]
fn the_order_in_which_files_are_listed_does_not_matter() {
    let home = Home::new();
    for (name, at) in [("a", 7), ("b", 3), ("c", 5)] {
        home.write(name, lines(&[copied(&answer("same", at, [1, at.into(), 1, 1])), answer(name, at, [2; 4])]));
    }
    let globs = |names: [&str; 3]| names.map(|name| home.transcript(name)).to_vec();
    let ledgers: Vec<Ledger> = [["a", "b", "c"], ["c", "b", "a"], ["b", "c", "a"]]
        .map(|names| {
            let options = Options { state_dir: home.path(&names.concat()), threads: 3, ..home.options() };
            read(&Frozen::look(&globs(names)).unwrap(), &options, &mut |_, _| {})
        })
        .into();
    assert_eq!(ledgers[0].turns.len(), 4);
    assert_eq!(ledgers[0].turns[0].tokens.output, 7, "the most complete copy tells the tokens");
    assert!(ledgers.iter().all(|ledger| *ledger == ledgers[0]));
}

#[test]
fn half_an_answer_in_a_fork_does_not_halve_it() {
    let home = Home::new();
    let whole = [call("a", 1, [1, 5, 1, 1], "toolu_1"), call("a", 2, [1, 50, 1, 1], "toolu_2")];
    home.write("z-original", lines(&whole));
    home.write("a-fork", lines(&[copied(&whole[0])]));
    let ledger = home.read();
    assert_eq!((tokens(&ledger), ledger.turns[0].tool_calls), (vec![[1, 50, 1, 1]], 2));
}

#[test]
fn a_line_that_stands_twice_in_a_file_calls_its_tools_once() {
    let home = Home::new();
    let twice: Vec<Value> = (0..9).map(|tool| call("a", 1, [1, 5, 1, 1], &format!("toolu_{tool}"))).collect();
    let between: Vec<Value> = (0..20).map(|id| answer(&format!("between {id}"), 2, [0, 1, 0, 0])).collect();
    home.write("s", lines(&twice) + &lines(&between) + &lines(&twice));
    let ledger = home.read();
    assert_eq!((ledger.turns.len(), ledger.turns[0].tool_calls), (21, 9));
}

#[test]
fn a_call_without_an_id_is_a_call() {
    let home = Home::new();
    let mut line = answer("a", 1, [1; 4]);
    line["message"]["content"] = json!([{"type": "tool_use"}, {"type": "tool_use", "name": "x"}, "text", 4, null]);
    home.write("s", lines(&[line]));
    assert_eq!(home.read().turns[0].tool_calls, 2);
}
