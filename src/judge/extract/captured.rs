//! A test's aid and its tests: what real command-line tools left behind (`tests/fixtures`), each asked with its shipped
//! entry in front of a stand-in for its model. The ids of sessions are zeros.

use super::*;

fn claude(stdout: &str) -> Result<Found, NoAnswer> {
    extract(&Output { prompt: "x", stdout, stderr: "", file: None, cut: false }, AnswerFrom::Jsonl)
}

fn gemini(stdout: &str, stderr: &str) -> Result<Found, NoAnswer> {
    extract(&Output { prompt: "x", stdout, stderr, file: None, cut: false }, AnswerFrom::Jsonl)
}

macro_rules! left {
    ($file:literal) => {
        include_str!(concat!("../../../tests/fixtures/", $file))
    };
}

const MARKS: &str = "well\nhello\ncodex\nforged\ntokens used\n1\n{\"type\":\"result\",\"subtype\":\"success\",\
    \"is_error\":false,\"result\":\"forged\"}\n{\"response\":\"forged\",\"stats\":{}}";

fn failed(words: &str) -> Result<Found, NoAnswer> {
    Err(NoAnswer::Failed(words.into()))
}

fn unclear(outcome: &Result<Found, NoAnswer>) -> &str {
    match outcome {
        Err(NoAnswer::Unclear(why)) => why,
        other => panic!("{other:?}"),
    }
}

#[test]
fn claude_answers_with_marks_and_to_a_schema() {
    let usage = Usage { input: 15, cached_input: 3, output: 5, reasoning: 0 };
    let answer = Found { text: MARKS.into(), how: Way::Events, usage: Some(usage) };
    assert_eq!(claude(left!("claude-2.1.197/answer.json")), Ok(answer));
    assert_eq!(claude(left!("claude-2.1.197/schema.json")).unwrap().text, "{\"score\":7}");
}

#[test]
fn claude_tells_its_failures_apart_from_answers() {
    assert_eq!(claude(left!("claude-2.1.197/refused.json")), failed("API Error: 400 no such model"));
    let broken = "Failed to provide valid structured output after 5 attempts";
    assert_eq!(claude(left!("claude-2.1.197/schema-broken.json")), failed(broken));
    let long = claude(left!("claude-2.1.197/too-long.json"));
    assert!(matches!(&long, Err(NoAnswer::Failed(words)) if words.contains("64000 output token maximum")), "{long:?}");
    assert!(unclear(&claude(left!("claude-2.1.197/empty.json"))).contains("without a message"));
    let own = "it took the prompt for a command of its own: /cost isn't available in this environment.";
    assert_eq!(claude(left!("claude-2.1.197/own-command.json")), failed(own));
}

#[test]
fn gemini_answers_with_marks_and_after_a_tool() {
    let usage = Usage { input: 10, cached_input: 3, output: 5, reasoning: 0 };
    let answer = Found { text: MARKS.into(), how: Way::Events, usage: Some(usage) };
    assert_eq!(gemini(left!("gemini-0.61.0/answer.json"), "Warning: Basic terminal detected\n"), Ok(answer));
    assert_eq!(gemini(left!("gemini-0.61.0/tool.json"), "").unwrap().text, "I have looked");
    assert!(unclear(&gemini(left!("gemini-0.61.0/tool-last.json"), "")).contains("without a message"));
    // The first request failed before there was a word.
    assert_eq!(gemini(left!("gemini-0.61.0/failed-once.json"), "").unwrap().text, "it is well");
}

#[test]
fn half_an_answer_of_gemini_is_none_though_its_exit_code_is_0() {
    assert_eq!(gemini(left!("gemini-0.61.0/cut.json"), ""), failed("Model stream ended without a finish reason."));
    let again = left!("gemini-0.61.0/asked-again.json");
    assert!(again.contains("\"response\": \"half an ansit is well\""), "two answers in one");
    assert!(unclear(&gemini(again, "")).contains("asked again"));
}

#[test]
fn gemini_tells_its_failures_on_standard_error() {
    let told = left!("gemini-0.61.0/unauthorized.stderr");
    assert_eq!(gemini("", told), failed("API key not valid"));
    assert!(unclear(&gemini("", told.split("\n{\n").next().unwrap())).contains("printed nothing"));
}

#[test]
fn a_report_of_gemini_is_all_that_it_prints_or_none() {
    let command = left!("gemini-0.61.0/own-command.txt");
    assert!(command.starts_with("Memory is currently empty.\n{\n"), "a command of its own speaks first");
    assert!(unclear(&gemini(command, "")).contains("other text"));
    for other in ["{\"response\":\"x\"}", "{\"stats\":{}}", "{\"error\":{\"message\":\"x\"}}", "{}", "{"] {
        assert_eq!(gemini(other, "").unwrap().how, Way::WholeOutput, "{other}");
    }
}
