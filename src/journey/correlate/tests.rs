//! Small stories: what the inputs say, and what comes of it.

use super::super::inputs::{Commits, EventLine, Finished, Gathered, RepoCommit, State, Told, VerdictLine};
use super::super::run::{Event, EventKind, Iteration, Key, Origin, Outcome, Run, Sourced, Tokens, Verdict};
use super::super::transcript::{Ledger, Session, Turn};
use super::correlate;
use crate::observation::Time;

/// Minutes after midnight of 2026-11-22.
pub(super) fn minute(minutes: i64) -> Time {
    Time::from_second(1_795_305_600 + minutes * 60).unwrap()
}

const STATE: u32 = 0;
const VERDICTS: u32 = 1;
const EVENTS: u32 = 2;
const REPOSITORY: u32 = 3;

/// Inputs that were last written at minute 1000.
pub(super) fn inputs() -> Gathered {
    let names = ["state.json", "verdicts.jsonl", "wedge-events.jsonl", "repository"];
    Gathered {
        files: names.map(Into::into).to_vec(),
        modified: vec![Some(minute(1000)), Some(minute(1000)), Some(minute(1000)), None],
        ..Gathered::default()
    }
}

/// `EPOCH/ITER OUTCOME START END`, `-` for what is not told: one object of the history a line.
pub(super) fn history(lines: &str) -> Vec<Finished> {
    let number = |text: &str| text.parse::<i64>().ok();
    let lines = lines.lines().map(str::trim).filter(|line| !line.is_empty());
    lines
        .enumerate()
        .map(|(place, line)| {
            let words: Vec<&str> = line.split_whitespace().collect();
            let (epoch, iter) = words[0].split_once('/').unwrap();
            Finished {
                epoch: epoch.parse().ok(),
                iter: iter.parse().ok(),
                outcome: Some(words[1].to_owned()).filter(|word| word != "-"),
                started_at: number(words[2]).map(minute),
                ended_at: number(words[3]).map(minute),
                from: Origin::of(STATE, 100 * place as u64),
                ..Finished::default()
            }
        })
        .collect()
}

/// `EPOCH/ITER WORD AT`, `-` for what is not told.
pub(super) fn verdicts(lines: &str) -> Vec<VerdictLine> {
    let lines = lines.lines().map(str::trim).filter(|line| !line.is_empty());
    lines
        .enumerate()
        .map(|(place, line)| {
            let words: Vec<&str> = line.split_whitespace().collect();
            let (epoch, iter) = words[0].split_once('/').unwrap();
            let verdict = Verdict {
                at: words[2].parse().ok().map(minute),
                word: words[1].into(),
                score: None,
                reason: None,
                from: Origin::of(VERDICTS, 10 * place as u64),
            };
            VerdictLine { epoch: epoch.parse().ok(), iter: iter.parse().ok(), module: None, verdict }
        })
        .collect()
}

/// The same as wedges; the word is the kind.
pub(super) fn wedges(lines: &str) -> Vec<EventLine> {
    let line = |line: VerdictLine| EventLine {
        no_verdict: line.verdict.word == "no_verdict",
        event: Event {
            kind: EventKind::Wedge,
            at: line.verdict.at,
            iter: line.iter,
            epoch: line.epoch,
            word: Some(line.verdict.word),
            text: None,
            from: Origin { file: EVENTS, ..line.verdict.from },
        },
        ids: Vec::new(),
    };
    verdicts(lines).into_iter().map(line).collect()
}

/// Answers of one model, ten tokens each, at these minutes.
pub(super) fn ledger(minutes: &[i64]) -> Ledger {
    let turn = |(place, at): (usize, &i64)| Turn {
        at_ms: minute(*at).as_millisecond(),
        session: 0,
        model: 0,
        sidechain: place % 2 == 1,
        tokens: Tokens { input: 4, output: 3, cache_read: 2, cache_creation: 1 },
        tool_calls: 1,
        file: 0,
        offset: place as u64,
    };
    let session = Session { id: "session-one".into(), cwd: None, first_at: minute(0), last_at: minute(0) };
    Ledger {
        files: vec!["transcript.jsonl".into()],
        sessions: vec![session],
        models: vec!["qwen".into()],
        turns: minutes.iter().enumerate().map(turn).collect(),
        left_out: Vec::new(),
    }
}

pub(super) fn of(inputs: Gathered) -> Run {
    correlate(inputs, Ledger::default())
}

fn iteration(run: &Run, epoch: u64, iter: u64) -> &Iteration {
    let mut all = run.epochs.iter().flat_map(|epoch| &epoch.iterations);
    all.find(|iteration| iteration.key == Key { epoch, iter }).unwrap()
}

/// `3/1 ACCEPT 3/2 REVERT`: keys and outcomes.
fn shown(run: &Run) -> String {
    let all = run.epochs.iter().flat_map(|epoch| &epoch.iterations);
    let words: Vec<String> = all.map(|one| format!("{} {}", one.key, one.outcome.word())).collect();
    words.join(" ")
}

/// `kind KEY` of each contradiction.
fn contradictions(run: &Run) -> Vec<String> {
    let key = |key: Option<Key>| key.map_or("-".into(), |key| key.to_string());
    run.contradictions.iter().map(|one| format!("{} {}", one.kind, key(one.key))).collect()
}

/// `kind count` of what was passed over.
fn left_out(run: &Run) -> Vec<String> {
    run.left_out.iter().map(|one| format!("{} {}", one.kind, one.count)).collect()
}

const TWO: &str = "3/1 ACCEPT 0 10
                   3/2 REVERT 10 20";

#[test]
fn a_plain_story_is_told_as_it_is() {
    let inputs = Gathered { history: history(TWO), verdicts: verdicts("3/1 ACCEPT 10\n3/2 REVERT 20"), ..inputs() };
    let run = correlate(inputs, ledger(&[1, 2, 10, 19, 20]));
    assert_eq!(shown(&run), "3/1 ACCEPT 3/2 REVERT");
    assert_eq!((contradictions(&run), left_out(&run)), (vec![], vec![]));
    let (one, two) = (iteration(&run, 3, 1), iteration(&run, 3, 2));
    let here = |offset, lines| vec![Origin { file: 4, offset, lines }];
    assert_eq!(one.turns, Some(Sourced { value: 2, from: here(0, 2) }));
    assert_eq!(
        two.turns,
        Some(Sourced { value: 3, from: here(2, 3) }),
        "an end belongs to who ends, a start to who begins"
    );
    assert_eq!((one.tokens["qwen"].value.total(), one.tool_calls.as_ref().unwrap().value), (20, 2));
    assert_eq!(one.revisions.as_ref().unwrap().value, 0);
    assert_eq!(run.as_of, Some(minute(20)));
    assert_eq!(run.started_at, Some(Sourced::at(minute(0), Origin::of(STATE, 0))));
}

#[test]
fn history_and_verdict_that_differ_are_listed_and_the_history_counts() {
    let verdicts = verdicts("3/1 REVERT 8\n3/1 revert 9\n3/1 WEDGED_NO_VERDICT 10\n3/2 REVERT 20");
    let run = of(Gathered { history: history(TWO), verdicts, ..inputs() });
    assert_eq!(shown(&run), "3/1 ACCEPT 3/2 REVERT");
    assert_eq!(contradictions(&run), ["outcome 3/1"]);
    assert_eq!(run.contradictions[0].from, [Origin::of(STATE, 0), Origin::of(VERDICTS, 20)]);
    let one = iteration(&run, 3, 1);
    assert_eq!(
        one.revisions,
        Some(Sourced { value: 2, from: vec![Origin::of(VERDICTS, 0), Origin::of(VERDICTS, 10)] })
    );
    assert_eq!(one.verdict.as_ref().unwrap().word, "WEDGED_NO_VERDICT");
}

#[test]
fn what_the_history_lacks_has_the_outcome_that_others_tell() {
    let lacking = Gathered {
        history: history("3/1 - 0 10"),
        verdicts: verdicts("3/1 ACCEPT 10\n3/2 REVERT 20"),
        events: wedges("3/3 no_verdict 30\n3/4 hung 40"),
        ..inputs()
    };
    let run = of(lacking);
    assert_eq!(shown(&run), "3/1 ACCEPT 3/2 REVERT 3/3 WEDGED_NO_VERDICT 3/4 UNKNOWN");
    assert_eq!(contradictions(&run), ["unknown_iteration 3/2", "unknown_iteration 3/3", "unknown_iteration 3/4"]);
    assert_eq!(iteration(&run, 3, 2).outcome_from, [Origin::of(VERDICTS, 10)]);
    assert_eq!(iteration(&run, 3, 4).outcome_from, []);
}

#[test]
fn the_running_iteration_is_in_progress_whatever_the_judge_said() {
    let state = State {
        epoch: Some(Sourced::at(3, Origin::of(STATE, 1))),
        iter: Some(Sourced::at(3, Origin::of(STATE, 2))),
        module: Some(Sourced::at("parser".into(), Origin::of(STATE, 3))),
        updated_at: Some(Sourced::at(minute(25), Origin::of(STATE, 4))),
        ..State::default()
    };
    let running =
        Gathered { state: state.clone(), history: history(TWO), verdicts: verdicts("3/3 REVERT 24"), ..inputs() };
    let run = correlate(running.clone(), ledger(&[1, 22, 25, 26]));
    assert_eq!(shown(&run), "3/1 ACCEPT 3/2 REVERT 3/3 IN_PROGRESS");
    let three = iteration(&run, 3, 3);
    assert_eq!((three.started_at.clone(), three.module.as_ref().unwrap().value.as_str()), (None, "parser"));
    assert_eq!(three.turns.as_ref().unwrap().value, 3, "from the last end to the newest time");
    assert_eq!(run.as_of, Some(minute(26)));
    assert_eq!(contradictions(&run), Vec::<String>::new());
    // Once it is in the history it does not run.
    let done = Gathered { history: history(&format!("{TWO}\n3/3 ACCEPT 20 30")), ..running };
    assert_eq!(shown(&of(done)), "3/1 ACCEPT 3/2 REVERT 3/3 ACCEPT");
}

#[test]
fn a_heartbeat_that_is_newer_than_the_state_tells_what_runs() {
    use super::super::inputs::Heartbeat;
    let beat = |iter, at| Heartbeat {
        at: Some(Sourced::at(minute(at), Origin::of(EVENTS, 0))),
        epoch: Some(3),
        iter: Some(iter),
        phase: Some("judge".into()),
    };
    let state = |iter| State {
        epoch: Some(Sourced::at(3, Origin::of(STATE, 1))),
        iter: Some(Sourced::at(iter, Origin::of(STATE, 2))),
        phase: Some(Sourced::at("idle".into(), Origin::of(STATE, 3))),
        updated_at: Some(Sourced::at(minute(25), Origin::of(STATE, 4))),
        ..State::default()
    };
    let story = |iter, beats, at| {
        let run = of(Gathered { state: state(iter), heartbeat: beat(beats, at), history: history(TWO), ..inputs() });
        let rest = shown(&run).replace("3/1 ACCEPT 3/2 REVERT", "");
        (rest, contradictions(&run), run.phase.unwrap().value)
    };
    let quiet: Vec<String> = Vec::new();
    assert_eq!(
        story(3, 4, 26),
        (" 3/4 IN_PROGRESS".into(), vec!["gap 3/4".into(), "running 3/4".into()], "judge".into())
    );
    assert_eq!(story(3, 4, 24), (" 3/3 IN_PROGRESS".into(), vec!["running 3/3".into()], "idle".into()));
    assert_eq!(story(2, 3, 26), (" 3/3 IN_PROGRESS".into(), quiet.clone(), "judge".into()), "the state lags");
    assert_eq!(story(2, 1, 26), (String::new(), quiet, "judge".into()), "both are finished");
}

#[test]
fn a_line_that_tells_only_a_number_finds_its_epoch_by_time() {
    let history = history("1/1 ACCEPT 0 10\n1/2 ACCEPT 10 20\n2/1 ACCEPT 100 110\n2/5 ACCEPT 110 120");
    let events = wedges("-/1 a 5\n-/1 b 105\n-/1 c -\n-/2 d -\n-/1 e 50\n-/2 f 115\n-/9 g -\n-/7 h 60");
    let run = of(Gathered { history, events, ..inputs() });
    let words = |epoch, iter| -> Vec<String> {
        iteration(&run, epoch, iter).events.iter().map(|event| event.word.clone().unwrap()).collect()
    };
    assert_eq!(words(1, 1), ["a", "e"], "after it, while its epoch was the last one begun");
    assert_eq!(words(2, 1), ["b"]);
    assert_eq!(words(1, 2), ["d"], "the only epoch that has it");
    assert_eq!(words(2, 2), ["f"], "epoch 2 ran, so it is one that the history lacks");
    assert_eq!(words(1, 7), ["h"]);
    assert_eq!(left_out(&run), ["unassigned 2"], "c may be of either, g of none");
    assert_eq!(run.events.len(), 2, "and stays with the run");
    assert_eq!(
        contradictions(&run),
        ["times 1/1", "unknown_iteration 1/7", "unknown_iteration 2/2", "gap 2/5"],
        "e came when 1/1 no longer ran"
    );
}

#[test]
fn what_tells_no_number_goes_by_time_or_by_id() {
    let mut history = history(TWO);
    history[1].ids = vec!["invocation-2".into()];
    let mut events = wedges("-/- a 5\n-/- b 500\n-/- c 501");
    events[2].ids = vec!["unknown-id".into(), "invocation-2".into()];
    let run = of(Gathered { history, events, ..inputs() });
    assert_eq!(iteration(&run, 3, 1).events[0].word.as_deref(), Some("a"));
    assert_eq!(iteration(&run, 3, 2).events[0].word.as_deref(), Some("c"));
    assert_eq!(run.events[0].word.as_deref(), Some("b"), "a restart between iterations is none of theirs");
    assert_eq!(left_out(&run), Vec::<String>::new());
}

#[test]
fn overlapping_iterations_share_no_answer_by_time() {
    let inputs = Gathered { history: history("3/1 ACCEPT 0 12\n3/2 ACCEPT 10 20"), ..inputs() };
    let run = correlate(inputs, ledger(&[5, 11, 15]));
    assert_eq!(contradictions(&run), ["overlap 3/2"]);
    assert_eq!(left_out(&run), ["unassigned 1"]);
    assert_eq!(iteration(&run, 3, 1).turns.as_ref().unwrap().value, 1);
    assert_eq!(iteration(&run, 3, 2).turns.as_ref().unwrap().value, 1);
}

#[test]
fn a_session_that_an_iteration_names_is_its_own_at_any_time() {
    let mut history = history("3/1 ACCEPT 0 10\n3/2 ACCEPT 10 20");
    history[0].ids = vec!["session-one".into()];
    let named = correlate(Gathered { history: history.clone(), ..inputs() }, ledger(&[5, 15]));
    assert_eq!(iteration(&named, 3, 1).turns.as_ref().unwrap().value, 2);
    assert_eq!(iteration(&named, 3, 2).turns, None, "missing is not 0");
    history[1].ids = vec!["session-one".into()];
    let shared = correlate(Gathered { history, ..inputs() }, ledger(&[5, 15]));
    assert_eq!(iteration(&shared, 3, 2).turns.as_ref().unwrap().value, 1);
    assert_eq!(contradictions(&shared), ["session_shared 3/2"]);
}

#[test]
fn missing_times_are_bounded_by_the_neighbours() {
    let inputs = Gathered {
        history: history("3/1 ACCEPT 0 -\n3/2 ACCEPT 10 20\n3/3 ACCEPT - 30\n3/4 ACCEPT 40 35"),
        ..inputs()
    };
    let run = correlate(inputs, ledger(&[5, 15, 25, 35, 45]));
    let turns = |iter| iteration(&run, 3, iter).turns.as_ref().map(|turns| turns.value);
    assert_eq!([1, 2, 3, 4].map(turns), [Some(1), Some(1), Some(1), Some(1)]);
    assert_eq!(contradictions(&run), ["times 3/4"]);
    assert_eq!(left_out(&run), ["unassigned 1"], "nobody ran at 35");
    assert_eq!(iteration(&run, 3, 1).ended_at, None, "a bound is no time that was told");
}

#[test]
fn an_earlier_run_is_left_out_and_counted() {
    let inputs = Gathered {
        history: history("1/1 ACCEPT 100 110"),
        verdicts: verdicts("1/1 REVERT 50\n1/1 ACCEPT 110"),
        events: wedges("1/1 hung 50\n1/2 hung 60"),
        ..inputs()
    };
    let run = correlate(inputs, ledger(&[50, 51, 105]));
    assert_eq!(shown(&run), "1/1 ACCEPT");
    assert_eq!(left_out(&run), ["earlier_run 1", "earlier_run 2", "earlier_run 2"]);
    assert_eq!(iteration(&run, 1, 1).revisions.as_ref().unwrap().value, 0);
    assert_eq!(iteration(&run, 1, 1).turns.as_ref().unwrap().value, 1);
}

#[test]
fn a_state_that_began_after_its_history_is_listed_and_loses_nothing() {
    let state = State { started_at: Some(Sourced::at(minute(15), Origin::of(STATE, 7))), ..State::default() };
    let run = of(Gathered { state, history: history(TWO), verdicts: verdicts("3/1 ACCEPT 10"), ..inputs() });
    assert_eq!(contradictions(&run), ["run_start -"]);
    assert_eq!((run.started_at.unwrap().value, left_out(&of(inputs()))), (minute(0), vec![]));
    assert!(run.epochs[0].iterations[0].verdict.is_some());
}

#[test]
fn duplicates_gaps_and_lines_without_a_number_are_told() {
    let mut twice = history(
        "3/1 REVERT 0 10\n3/1 ACCEPT 20 30\n3/4 ACCEPT 30 40\n4/1 ACCEPT 50 60\n-/2 ACCEPT 60 70\n-/- ACCEPT 1 2",
    );
    twice[1].slug = Some("second".into());
    let run = of(Gathered { history: twice, ..inputs() });
    assert_eq!(shown(&run), "3/1 ACCEPT 3/4 ACCEPT 4/1 ACCEPT 4/2 ACCEPT");
    assert_eq!(iteration(&run, 3, 1).slug.as_ref().unwrap().value, "second");
    assert_eq!(contradictions(&run), ["duplicate 3/1", "gap 3/4"]);
    assert_eq!(run.contradictions[1].text, "epoch 3 has no iteration 2 to 3");
    assert_eq!(left_out(&run), ["unnumbered 1"]);
}

#[test]
fn a_line_from_2099_moves_nothing() {
    let far = 40_000_000;
    let inputs =
        Gathered { history: history(TWO), verdicts: verdicts(&format!("3/2 REVERT 20\n3/1 ACCEPT {far}")), ..inputs() };
    let run = correlate(inputs.clone(), ledger(&[5, 1001, far]));
    assert_eq!(run.as_of, Some(minute(20)));
    assert_eq!(contradictions(&run), ["future 3/1", "times 3/1"]);
    assert_eq!(left_out(&run), ["later 2"]);
    // What the file's time admits counts.
    let later = Gathered { verdicts: verdicts("3/2 REVERT 1000"), ..inputs };
    assert_eq!(of(later).as_of, Some(minute(1000)));
}

fn commit(hash: &str, at: i64) -> RepoCommit {
    let hash = format!("{hash:0<40}");
    RepoCommit {
        hash,
        parents: Vec::new(),
        at: Some(minute(at)),
        subject: "s".into(),
        changed: Some((1, 2)),
        reachable: true,
    }
}

#[test]
fn commits_go_by_name_and_then_by_time() {
    let mut told = history("3/1 ACCEPT 0 10\n3/2 ACCEPT 10 20\n3/3 ACCEPT 20 30");
    told[0].commits = vec!["aaaaaaa".into(), "ccccccc".into(), format!("{:0<40}", "dead")];
    told[1].commits = vec![format!("{:0<40}", "aaaaaaa"), "bbbbbbb".into()];
    let list = vec![
        commit("aaaaaaa", 5),
        commit("bbbbbbb1", 6),
        commit("bbbbbbb2", 7),
        commit("eeee", 25),
        commit("ffff", 99),
    ];
    let inputs = Gathered { history: told, commits: Some(Commits { file: REPOSITORY, list, whole: true }), ..inputs() };
    let run = of(inputs.clone());
    let hashes = |run: &Run, iter| -> Vec<String> {
        let short = |one: &super::super::run::Commit| {
            format!("{}{}", one.hash.trim_end_matches('0'), if one.by_id { "" } else { "?" })
        };
        iteration(run, 3, iter).commits.iter().map(short).collect()
    };
    assert_eq!(hashes(&run, 1), ["dead", "aaaaaaa", "bbbbbbb1?", "bbbbbbb2?"]);
    assert_eq!((hashes(&run, 2), hashes(&run, 3)), (vec!["aaaaaaa".into()], vec!["eeee?".to_owned()]));
    assert_eq!(
        contradictions(&run),
        ["commit_missing 3/1", "commit_missing 3/1", "commit_shared 3/1", "commit_missing 3/2"]
    );
    assert_eq!(left_out(&run), ["unassigned_commits 1"]);
    let dead = &iteration(&run, 3, 1).commits[0];
    assert_eq!((dead.at, dead.changed, dead.from), (None, None, Origin::of(STATE, 0)));
    // Without the repository nobody can say what is missing.
    let blind = of(Gathered { commits: None, ..inputs });
    assert_eq!((hashes(&blind, 1), hashes(&blind, 2)), (vec!["dead".into()], vec!["aaaaaaa".to_owned()]));
    assert_eq!((contradictions(&blind), left_out(&blind)), (vec![], vec!["abbreviated 3".into()]));
}

#[test]
fn tokens_of_history_and_transcripts_are_compared() {
    let story = |told: &[(&str, Told)], turns: &[i64]| {
        let mut history = history("3/1 ACCEPT 0 10");
        history[0].tokens = told.iter().map(|(model, told)| ((*model).into(), *told)).collect();
        let run = correlate(Gathered { history, ..inputs() }, ledger(turns));
        let tokens = &iteration(&run, 3, 1).tokens;
        let shown =
            tokens.iter().map(|(model, tokens)| format!("{model} {} {}", tokens.value.total(), tokens.from[0].file));
        (shown.collect::<Vec<_>>().join(", "), contradictions(&run))
    };
    let quiet: Vec<String> = Vec::new();
    let ten: Vec<i64> = vec![1; 10];
    let off = || vec!["tokens 3/1".to_owned()];
    assert_eq!(story(&[("qwen", Told::Total(100))], &ten), ("qwen 100 4".into(), quiet.clone()));
    assert_eq!(story(&[("qwen", Told::Total(101))], &ten), ("qwen 100 4".into(), quiet.clone()));
    assert_eq!(story(&[("qwen", Told::Total(70))], &ten), ("qwen 100 4".into(), quiet.clone()), "without the cache");
    assert_eq!(story(&[("qwen", Told::Total(102))], &ten), ("qwen 100 4".into(), off()));
    assert_eq!(
        story(&[("qwen", Told::Total(7)), ("opus", Told::Total(9))], &[]),
        ("opus 9 0, qwen 7 0".into(), quiet.clone())
    );
    assert_eq!(story(&[], &ten), ("qwen 100 4".into(), quiet));
    let two = story(&[("opus", Told::Total(9))], &ten);
    assert_eq!(
        two,
        ("opus 9 0, qwen 100 4".into(), [off(), off()].concat()),
        "each tells of a model that the other lacks"
    );
}

#[test]
fn lines_that_repeat_another_count_once() {
    let inputs = Gathered {
        history: history(TWO),
        verdicts: verdicts("3/1 REVERT 5\n3/1 REVERT 5\n3/1 ACCEPT 10\n3/2 REVERT -\n3/2 REVERT -"),
        events: wedges("3/1 hung 5\n3/1 hung 5\n3/1 slow 5\n-/- idle 400\n-/- idle 400"),
        ..inputs()
    };
    let run = of(inputs);
    assert_eq!(iteration(&run, 3, 1).revisions.as_ref().unwrap().value, 1);
    assert_eq!(iteration(&run, 3, 2).revisions.as_ref().unwrap().value, 1, "without a time they may be two");
    assert_eq!((iteration(&run, 3, 1).events.len(), run.events.len()), (2, 1));
    assert_eq!(left_out(&run), ["repeated 1", "repeated 2"]);
}

#[test]
fn nothing_at_all_is_an_empty_run() {
    let run = correlate(Gathered::default(), Ledger::default());
    assert_eq!(run, Run::default());
}

#[test]
fn outcomes_are_known_by_their_words() {
    use super::history::outcome;
    assert_eq!(
        [" accept ", "REVERT", "Wedged_No_Verdict", "done"].map(outcome),
        [Outcome::Accept, Outcome::Revert, Outcome::WedgedNoVerdict, Outcome::Unknown]
    );
}
