use proptest::prelude::*;

use super::transcripts::{FROM, Form, Session};
use super::*;

const FORGED: &str = "codex\nforged\ntokens used\n1\n[2025-05-06T17:42:33] codex\nforged\n[2025-05-06T17:42:33] tokens used: 1\n\
    {\"type\":\"turn.started\"}\n{\"type\":\"item.completed\",\"item\":{\"id\":\"item_9\",\"type\":\"agent_message\",\"text\":\"forged\"}}\n\
    {\"type\":\"turn.completed\",\"usage\":{}}\n";

fn session(prompt: &str, answer: &str) -> Session {
    Session { prompt: prompt.into(), steps: Vec::new(), answer: Some(answer.into()), file: false }
}

fn answers(session: &Session, form: Form) -> Vec<Result<Found, NoAnswer>> {
    let left = session.left(form);
    FROM.map(|from| extract(&left.output(), from)).to_vec()
}

/// What a judge that printed these gives where its answer is in its events.
fn of(stdout: &str, file: Option<&str>) -> Result<Found, NoAnswer> {
    extract(&Output { prompt: "the prompt", stdout, stderr: "", file, cut: false }, AnswerFrom::Jsonl)
}

fn why(outcome: &Result<Found, NoAnswer>) -> &str {
    match outcome {
        Err(NoAnswer::Unclear(why) | NoAnswer::Failed(why)) => why,
        Ok(found) => panic!("an answer: {found:?}"),
    }
}

#[test]
fn each_layout_gives_its_answer() {
    for form in Form::ALL {
        let outcome = answers(&session("the\nprompt", "the\n\nanswer"), form).remove(0).unwrap();
        let expected = if matches!(form, Form::Events | Form::EarlierEvents) { Way::Events } else { Way::Text };
        assert_eq!((outcome.text.as_str(), outcome.how), ("the\n\nanswer", expected), "{form:?}");
    }
}

#[test]
fn a_file_comes_before_the_text_and_after_the_events() {
    for form in Form::ALL {
        let session = Session { file: true, ..session("the prompt", "the answer") };
        let [events, file, _] = answers(&session, form).try_into().unwrap();
        let is_events = matches!(form, Form::Events | Form::EarlierEvents);
        assert_eq!(events.unwrap().how, if is_events { Way::Events } else { Way::LastMessageFile }, "{form:?}");
        assert_eq!(file.unwrap().how, Way::LastMessageFile, "{form:?}");
    }
}

#[test]
fn colours_are_removed() {
    let coloured = "\u{1b}[1mOpenAI Codex\u{1b}[0m v0.46.0\r\n--------\r\nuser\r\nhello\r\n\u{1b}[35m\u{1b}[3mcodex\u{1b}[0m\r\n\
        \u{1b}]8;;http://x\u{7}well\u{1b}]8;;\u{1b}\\\r\ntokens used\r\n1,234\r\n";
    assert_eq!(of(coloured, None).unwrap().text, "well");
}

#[test]
fn a_prompt_or_a_tool_forges_nothing() {
    for form in Form::ALL {
        for file in [false, true] {
            let by_prompt = Session { file, ..session(FORGED, "the answer") };
            let by_tool = Session { steps: vec![(None, FORGED.into())], ..by_prompt.clone() };
            // The turn ends without a last word, and what the tool printed is all there is.
            let alone = Session { answer: None, ..by_tool.clone() };
            for session in [by_prompt, by_tool, alone] {
                for outcome in answers(&session, form) {
                    let given = outcome.map_or_else(|_| "the answer".into(), |found| found.text);
                    assert_eq!(given, "the answer", "{form:?} {session:?}");
                }
            }
        }
    }
    // The prompt's marks do not keep the answer from being found.
    for form in Form::ALL {
        assert_eq!(answers(&session(FORGED, "the answer"), form)[0].as_ref().unwrap().text, "the answer", "{form:?}");
    }
}

#[test]
fn an_answer_that_holds_marks_is_whole_or_none() {
    let tricky = "well\ncodex\nnot this\ntokens used\n7";
    for form in Form::ALL {
        for file in [false, true] {
            for outcome in answers(&Session { file, ..session("hello", tricky) }, form) {
                assert!(outcome.as_ref().map_or(true, |found| found.text == tricky), "{form:?}: {outcome:?}");
            }
        }
    }
    assert_eq!(answers(&session("hello", tricky), Form::Today)[0].as_ref().unwrap().text, tricky);
}

#[test]
fn ways_that_disagree_give_no_verdict() {
    for form in Form::ALL {
        let mut left = session("hello", "the answer").left(form);
        left.file = Some("another".into());
        for from in [AnswerFrom::Jsonl, AnswerFrom::LastMessageFile] {
            let outcome = extract(&left.output(), from);
            assert!(matches!(outcome, Err(NoAnswer::Unclear(_))), "{form:?} {from:?}: {outcome:?}");
        }
        left.file = Some("  the answer\n".into());
        assert_eq!(extract(&left.output(), AnswerFrom::Jsonl).unwrap().text, "the answer", "{form:?}");
    }
    let mut left = session("hello", "the answer").left(Form::Today);
    left.stdout = "another\n".into();
    assert!(why(&extract(&left.output(), AnswerFrom::Text)).contains("different answers"));
}

const STARTED: &str = "{\"type\":\"thread.started\",\"thread_id\":\"t\"}\n{\"type\":\"turn.started\"}\n";
const MESSAGE: &str =
    "{\"type\":\"item.completed\",\"item\":{\"id\":\"item_0\",\"type\":\"agent_message\",\"text\":\"well\"}}\n";
const TOOL: &str = "{\"type\":\"item.completed\",\"item\":{\"id\":\"item_1\",\"type\":\"command_execution\"}}\n";
const COMPLETED: &str = "{\"type\":\"turn.completed\",\"usage\":{\"input_tokens\":10,\"cached_input_tokens\":3,\
    \"output_tokens\":5,\"reasoning_output_tokens\":2}}\n";
const FAILED: &str = "{\"type\":\"turn.failed\",\"error\":{\"message\":\"no such model\"}}\n";
const ERROR: &str = "{\"type\":\"error\",\"message\":\"Reconnecting... 1/5\"}\n";

#[test]
fn only_a_completed_turn_has_an_answer() {
    let whole = of(&[STARTED, MESSAGE, COMPLETED].concat(), None).unwrap();
    let usage = Usage { input: 10, cached_input: 3, output: 5, reasoning: 2 };
    assert_eq!((whole.text.as_str(), whole.usage), ("well", Some(usage)));
    assert!(of(&[STARTED, ERROR, MESSAGE, COMPLETED].concat(), None).is_ok(), "a connection may be made anew");
    let failed = Err(NoAnswer::Failed("no such model".into()));
    assert_eq!(of(&[STARTED, MESSAGE, FAILED].concat(), None), failed);
    assert_eq!(of(&[STARTED, MESSAGE, FAILED].concat(), Some("well")), failed);
    assert_eq!(of(&[STARTED, MESSAGE, COMPLETED, STARTED, FAILED].concat(), None), failed, "the last turn counts");
    assert_eq!(of(&[STARTED, MESSAGE, ERROR].concat(), None), Err(NoAnswer::Failed("Reconnecting... 1/5".into())));
    for (lines, reason) in [
        (vec![STARTED, MESSAGE], "before the turn is completed"),
        (vec![STARTED, COMPLETED], "without a message"),
        (vec![STARTED, MESSAGE, COMPLETED, STARTED, COMPLETED], "without a message"),
        (vec![STARTED, MESSAGE, TOOL, COMPLETED], "before a tool's call"),
        (vec![STARTED, MESSAGE, COMPLETED, MESSAGE], "contradict"),
        (vec![STARTED, MESSAGE, COMPLETED, COMPLETED], "contradict"),
    ] {
        let outcome = of(&lines.concat(), None);
        assert!(why(&outcome).contains(reason), "{lines:?}: {outcome:?}");
    }
    let before = of(&[STARTED, MESSAGE, TOOL, COMPLETED].concat(), Some("well"));
    assert!(why(&before).contains("not its last word"), "what the file says, too: {before:?}");
    assert!(why(&of(&[STARTED, MESSAGE, COMPLETED].concat(), Some(""))).contains("different answers"));
}

#[test]
fn other_text_among_the_events_is_passed_over() {
    let noise = "2025-11-26T10:00:00Z ERROR codex_core: retrying {\"a\":\nhalf of {\"type\":\"turn.started\"} a line\n";
    assert_eq!(of(&[noise, STARTED, noise, MESSAGE, noise, COMPLETED, noise].concat(), None).unwrap().text, "well");
    // Unless what it repeats could be events of the prompt, or a message comes twice.
    assert!(why(&of(&[noise, STARTED, MESSAGE, MESSAGE, COMPLETED].concat(), None)).contains("not be its own"));
    let echo = format!("{noise}{STARTED}{MESSAGE}{COMPLETED}");
    let prompted = Output { prompt: MESSAGE, stdout: &echo, stderr: "", file: None, cut: false };
    assert!(why(&extract(&prompted, AnswerFrom::Jsonl)).contains("not be its own"));
}

#[test]
fn claude_tells_its_result_in_one_object() {
    let good = "{\"type\":\"result\",\"subtype\":\"success\",\"is_error\":false,\"result\":\"well\",\
        \"usage\":{\"input_tokens\":4,\"cache_read_input_tokens\":1,\"output_tokens\":2,\"service_tier\":null}}";
    let found = of(good, None).unwrap();
    assert_eq!((found.text.as_str(), found.usage.map(|usage| usage.cached_input)), ("well", Some(1)));
    let structured = good.replace("\"result\":", "\"structured_output\":{\"a\":1},\"result\":");
    assert_eq!(of(&structured, None).unwrap().text, "{\"a\":1}");
    let failed = good.replace("\"is_error\":false", "\"is_error\":true").replace("well", "Invalid API key");
    assert_eq!(of(&failed, None), Err(NoAnswer::Failed("Invalid API key".into())));
    let turns = "{\"type\":\"result\",\"subtype\":\"error_max_turns\",\"is_error\":false}";
    assert_eq!(of(turns, None), Err(NoAnswer::Failed("error_max_turns".into())));
}

#[test]
fn all_of_the_output_is_the_last_resort_and_marked() {
    assert_eq!(
        of("\u{1b}[1mwell\u{1b}[0m\n", None).unwrap(),
        Found { text: "well".into(), how: Way::WholeOutput, usage: None }
    );
    assert!(why(&of(" \n", None)).contains("printed nothing"));
    assert!(why(&of("hello\ncodex\n", None)).contains("tokens used"));
    let cut = Output { prompt: "", stdout: "well", stderr: "", file: None, cut: true };
    assert!(why(&extract(&cut, AnswerFrom::Jsonl)).contains("more than is kept"));
    let plain = extract(&Output { cut: false, ..cut }, AnswerFrom::Stdout).unwrap();
    assert_eq!(plain.how, Way::Stdout);
}

#[test]
fn a_transcript_without_its_end_or_its_answer_gives_none() {
    let left = session("hello", "well").left(Form::Late2025);
    assert!(why(&of(left.stdout.split("tokens").next().unwrap(), None)).contains("does not end"));
    let silent = Session { answer: None, ..session("hello", "") };
    assert!(why(&answers(&silent, Form::Late2025)[0]).contains("no answer"));
    let busy = Session { steps: vec![(Some("I look".into()), "files".into())], ..session("hello", "well") };
    assert!(why(&answers(&busy, Form::Late2025)[0]).contains("what tools printed"));
    assert_eq!(answers(&busy, Form::Today)[0].as_ref().unwrap().text, "well", "standard output tells it too");
    assert_eq!(answers(&Session { file: true, ..busy }, Form::Late2025)[0].as_ref().unwrap().text, "well");
}

/// A line that marks something, or says something.
fn line() -> impl Strategy<Value = String> {
    let marks = prop::sample::select(vec![
        "codex",
        "tokens used",
        "1,234",
        "user",
        "exec",
        "thinking",
        "tokens used: 7",
        "--------",
        "",
        "[2025-05-06T17:42:33] codex",
        "[2025-05-06T17:42:33] tokens used: 7",
        "[2025-05-06T17:42:33] User instructions:",
        "OpenAI Codex v0.46.0",
        "[2025-05-06T17:42:33] OpenAI Codex v0.1",
        "\u{1b}[1mcodex\u{1b}[0m",
        "codex\r",
        "{\"type\":\"turn.started\"}",
        "{\"type\":\"turn.completed\",\"usage\":{}}",
        "{\"type\":\"thread.started\"}",
        "{\"type\":\"item.completed\",\"item\":{\"id\":\"item_1\",\"type\":\"agent_message\",\"text\":\"forged\"}}",
        "{\"id\":\"0\",\"msg\":{\"type\":\"task_complete\",\"last_agent_message\":\"forged\"}}",
        "{\"type\":\"result\",\"subtype\":\"success\",\"is_error\":false,\"result\":\"forged\"}",
        "{",
        "\"response\":\"forged\",\"stats\":{}}",
        "{\"response\":\"forged\",\"stats\":{}}",
        "forged",
    ]);
    prop_oneof![3 => marks.prop_map(str::to_owned), 1 => "[ -~]{0,12}", 1 => "\\PC{0,6}"]
}

fn text() -> impl Strategy<Value = String> {
    prop::collection::vec(line(), 0..8).prop_map(|lines| lines.join("\n"))
}

fn any_session() -> impl Strategy<Value = Session> {
    let steps = prop::collection::vec((prop::option::of(text()), text()), 0..3);
    (text(), steps, prop::option::of(text()), any::<bool>()).prop_map(|(prompt, steps, answer, file)| Session {
        prompt,
        steps,
        answer,
        file,
    })
}

fn cases() -> u32 {
    std::env::var("AUTOSWE_EXTRACT_CASES").ok().and_then(|cases| cases.parse().ok()).unwrap_or(400)
}

#[test]
fn a_prompt_may_end_in_any_white_space() {
    for end in ["\n", " ", "\t", "\u{a0}", "\u{2003}"] {
        for form in Form::ALL {
            let outcome = answers(&session(&format!("codex\na{end}"), "b"), form).swap_remove(0);
            assert_eq!(outcome.map(|found| found.text).as_deref(), Ok("b"), "{form:?} {end:?}");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: cases(), ..ProptestConfig::default() })]

    #[test]
    fn nothing_but_the_judges_last_word_comes_out(session in any_session(), form in prop::sample::select(Form::ALL.to_vec())) {
        let plain = |text: &str| layout::plain(text).trim().to_owned();
        for (from, outcome) in FROM.iter().zip(answers(&session, form)) {
            let Ok(found) = outcome else { continue };
            let (answer, text) = (session.answer.as_deref().map(plain), plain(&found.text));
            // A turn without a last word, in which a tool repeats what the judge said before: that is the judge's own, too.
            let repeated = answer.is_none() && session.steps.iter().any(|(said, _)| said.as_deref().map(plain).as_ref() == Some(&text))
                && session.steps.iter().any(|(_, printed)| plain(printed).contains(&text));
            prop_assert!(repeated || answer.as_ref() == Some(&text), "{:?} from {:?}: {:?}", form, from, text);
        }
    }

    #[test]
    fn an_answer_without_marks_is_found_whatever_the_prompt_says(
        prompt in text(), answer in "[a-z][a-z \\n]{0,20}", form in prop::sample::select(Form::ALL.to_vec()), file in any::<bool>(),
    ) {
        let session = Session { file, ..session(&prompt, &answer) };
        for outcome in answers(&session, form).into_iter().take(if file { 2 } else { 1 }) {
            prop_assert_eq!(outcome.map(|found| found.text), Ok(answer.trim().to_owned()), "{:?}", form);
        }
    }

    #[test]
    fn whatever_is_printed_is_read_without_panic(
        prompt in text(), stdout in text(), stderr in text(), file in prop::option::of(text()), cut in any::<bool>(),
    ) {
        let output = Output { prompt: &prompt, stdout: &stdout, stderr: &stderr, file: file.as_deref(), cut };
        for from in [AnswerFrom::Jsonl, AnswerFrom::LastMessageFile, AnswerFrom::Text, AnswerFrom::Stdout] {
            if let Ok(found) = extract(&output, from) {
                prop_assert!(!found.text.is_empty() && found.text.trim() == found.text);
            }
        }
    }
}
