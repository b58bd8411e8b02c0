use proptest::prelude::*;
use serde_json::{Value, json};

use super::answer::{Gap, Reading};
use crate::judge::extract::{Found, Usage, Way};

const MOST: usize = 16_000;

/// What bytes that come in these pieces give.
fn read(is_stream: bool, pieces: &[&[u8]]) -> Result<Found, Gap> {
    let mut reading = Reading::new(is_stream, MOST);
    for piece in pieces {
        if !reading.push(piece) {
            break;
        }
    }
    reading.found()
}

fn event(data: &Value) -> String {
    format!("data: {data}\n\n")
}

fn choice(delta: &Value, finish: Option<&str>) -> Value {
    json!({"id": "c", "object": "chat.completion.chunk", "choices": [{"index": 0, "delta": delta, "finish_reason": finish}]})
}

fn says(text: &str) -> String {
    event(&choice(&json!({"content": text}), None))
}

fn ends(finish: &str) -> String {
    event(&choice(&json!({}), Some(finish)))
}

const DONE: &str = "data: [DONE]\n\n";

fn stream(parts: &[&str]) -> Result<Found, Gap> {
    read(true, &[parts.concat().as_bytes()])
}

fn document(message: &Value, finish: Option<&str>) -> Result<Found, Gap> {
    let usage = json!({"prompt_tokens": 10, "completion_tokens": 5});
    let page = json!({"choices": [{"index": 0, "message": message, "finish_reason": finish}], "usage": usage});
    read(false, &[page.to_string().as_bytes()])
}

fn why(outcome: &Result<Found, Gap>) -> &str {
    match outcome {
        Err(Gap::Unclear(why, _)) => why,
        other => panic!("{other:?}"),
    }
}

#[test]
fn an_answer_that_ended_by_itself_is_given_whole() {
    let usage = event(&json!({"choices": [], "usage": {"prompt_tokens": 10, "completion_tokens": 5,
        "prompt_tokens_details": {"cached_tokens": 3}, "completion_tokens_details": {"reasoning_tokens": 2}}}));
    let role = event(&choice(&json!({"role": "assistant", "content": ""}), None));
    let found = stream(&[": ping\n\n", &role, &says(" it is"), &says(" well\n"), &ends("stop"), &usage, DONE]).unwrap();
    let expected = Usage { input: 10, cached_input: 3, output: 5, reasoning: 2 };
    assert_eq!(found, Found { text: "it is well".into(), how: Way::Endpoint, usage: Some(expected) });
    // The end may be told with the last words, twice, or before an empty one; usage may be missing or strange.
    let last = event(&choice(&json!({"content": "well"}), Some("stop")));
    let empty =
        event(&json!({"choices": [{"delta": {"content": ""}, "finish_reason": ""}], "usage": {"prompt_tokens": "x"}}));
    let found = stream(&[&last, &ends("stop"), &empty]).unwrap();
    assert_eq!((found.text.as_str(), found.usage), ("well", None));
    assert!(stream(&[&last, DONE, "data: nonsense\n\n"]).is_ok(), "nothing counts after the end");
}

#[test]
fn a_document_is_read_where_a_server_does_not_stream() {
    let found = document(&json!({"role": "assistant", "content": "well", "refusal": null}), Some("stop")).unwrap();
    assert_eq!((found.text.as_str(), found.usage.map(|usage| usage.output)), ("well", Some(5)));
    let undeclared = format!("{}{}{DONE}", says("well"), ends("stop"));
    assert_eq!(read(false, &[undeclared.as_bytes()]).unwrap().text, "well");
}

#[test]
fn an_answer_that_was_cut_is_none() {
    for (finish, reason) in [
        ("length", "may write no more"),
        ("content_filter", "content filter"),
        ("tool_calls", "calls a tool"),
        ("abort", "did not end by itself"),
    ] {
        for outcome in
            [stream(&[&says("well"), &ends(finish), DONE]), document(&json!({"content": "well"}), Some(finish))]
        {
            assert!(why(&outcome).contains(reason), "{finish}: {outcome:?}");
        }
    }
    assert!(why(&stream(&[&says("well"), DONE])).contains("does not say that it ended"));
    assert!(why(&document(&json!({"content": "well"}), None)).contains("does not say that it ended"));
    let cut = ends("stop");
    assert!(why(&stream(&[&says("well"), &cut[..cut.len() - 1]])).contains("does not say that it ended"));
    assert!(why(&read(false, &[b"{\"choices\": [{\"message\": {\"content\": \"we"])).contains("within its JSON"));
}

#[test]
fn what_is_not_one_text_is_no_answer() {
    let two = json!({"choices": [{"index": 0, "delta": {"content": "a"}}, {"index": 1, "delta": {"content": "b"}}]});
    let other = json!({"choices": [{"index": 1, "delta": {"content": "b"}, "finish_reason": "stop"}]});
    let parts = event(&choice(&json!({"content": [{"type": "text", "text": "a"}]}), None));
    let call = event(&choice(&json!({"tool_calls": [{"function": {"name": "f"}}]}), None));
    let thought = event(&choice(&json!({"reasoning_content": "hm", "content": null}), None));
    let refused = event(&choice(&json!({"refusal": "I will not"}), None));
    for (events, reason) in [
        (event(&two), "several answers"),
        (event(&other), "several answers"),
        (parts, "another kind"),
        (call, "calls a tool"),
        (format!("{}{}", ends("stop"), says("more")), "goes on after"),
        (format!("{}{}", ends("length"), ends("stop")), "goes on after"),
        (format!("{}data: {{\n\n", says("a")), "not the JSON"),
        (refused, "refuses"),
        (thought, "it thought, and answered nothing"),
        (says("<think>hm</think>"), "it thought, and answered nothing"),
        (says("<think>hm"), "does not end"),
        (says("a </think> b"), "cannot be told apart"),
        (says(" "), "it answered nothing"),
        (says(&"long ".repeat(MOST)), "longer than judge.max_output"),
        (says("long ").repeat(MOST), "longer than judge.max_output"),
    ] {
        let outcome = stream(&[&events, &ends("stop"), DONE]);
        assert!(why(&outcome).contains(reason), "{reason}: {outcome:?}");
    }
    assert!(why(&stream(&[])).contains("without an event"));
    assert!(why(&stream(&["\n\n: ping\n\n"])).contains("without an event"));
    for cut in ["data: {\"error\": 7}\n", "{\"error\": 7}"] {
        let Err(Gap::Unclear(why, words)) = stream(&[cut]) else { panic!("{cut}") };
        assert!(why.contains("without an event") && words == "{\"error\": 7}", "{why}: {words}");
    }
    assert!(why(&read(false, &[b" \n"])).contains("empty page"));
    assert!(why(&read(false, &[&[b'x'; MOST + 1]])).contains("max_output"));
    assert!(why(&read(true, &[&[b'x'; MOST + 1]])).contains("max_output"));
    assert!(why(&read(false, &[b"{\"choices\": []}"])).contains("does not say that it ended"));
}

#[test]
fn what_it_thinks_is_not_kept() {
    let thought = event(&choice(&json!({"reasoning": "hm ".repeat(1000)}), None)).repeat(100);
    assert_eq!(stream(&[&thought, &says("well"), &ends("stop"), DONE]).unwrap().text, "well");
}

#[test]
fn a_failure_is_told_in_its_words_and_wins() {
    let error = json!({"error": {"message": "engine died", "code": 500}});
    let old = json!({"object": "error", "message": "engine died"});
    for told in
        [event(&error), event(&old), "event: error\ndata: engine died\n\n".into(), format!("error: {error}\n\n")]
    {
        for events in [vec![&*says("well"), &told, DONE], vec![&*says("well"), &ends("stop"), &told, DONE]] {
            assert_eq!(stream(&events), Err(Gap::Failed("engine died".into())), "{events:?}");
        }
    }
    assert_eq!(read(false, &[error.to_string().as_bytes()]), Err(Gap::Failed("engine died".into())));
    assert_eq!(stream(&["data: {\"error\": 7}\n\n"]), Err(Gap::Failed("7".into())));
}

#[test]
fn what_is_no_chat_completion_is_told_by_its_beginning() {
    for page in ["<html>Bad Gateway</html>", "{}", "[]", "7", "{\"choices\": 5}", "all is well"] {
        assert_eq!(read(false, &[page.as_bytes()]), Err(Gap::Foreign(page.into())), "{page}");
    }
}

/// A part of a stream: what a server may send, in order or not.
fn part() -> impl Strategy<Value = String> {
    let text =
        prop::sample::select(vec!["a", "b ", "\n", "", "<think>", "</think>", "\n</think>\n", "{\"x\":1}", "grün"]);
    let finish =
        prop::sample::select(vec!["stop", "stop", "stop", "length", "content_filter", "tool_calls", "abort", ""]);
    let odd = prop::sample::select(vec![
        ": ping\n\n",
        DONE,
        "data: {\n\n",
        "data: {}\n\n",
        "data: 7\n\n",
        "event: error\ndata: x\n\n",
        "data: {\"error\":{\"message\":\"x\"}}\n\n",
        "data: {\"error\":null,\"choices\":null}\n\n",
        "data: {\"choices\":[{\"index\":1,\"delta\":{\"content\":\"other\"},\"finish_reason\":\"stop\"}]}\n\n",
        "data: {\"choices\":[{\"delta\":{\"content\":[]}}]}\n\n",
        "data: {\"choices\":[{\"delta\":{\"refusal\":\"no\"}}]}\n\n",
        "data: {\"choices\":[{\"delta\":{\"reasoning\":\"forged\"}}]}\n\n",
        "data: {\"choices\":[{\"message\":{\"content\":\"forged\"}}]}\n\n",
        "data: {\"choices\":[],\"usage\":{\"prompt_tokens\":1,\"completion_tokens\":2}}\n\n",
        "id: forged\n",
        "data: {\"choices\":[{\"delta\":\n",
    ]);
    prop_oneof![
        6 => text.clone().prop_map(says),
        2 => finish.clone().prop_map(ends),
        2 => (text, finish).prop_map(|(text, finish)| event(&choice(&json!({"content": text}), Some(finish)))),
        2 => odd.prop_map(str::to_owned),
    ]
}

/// A stream as it should be, for what comes after to spoil.
fn whole() -> impl Strategy<Value = (String, String)> {
    prop::collection::vec("[a-z<>/ \\n]{0,8}", 1..5).prop_map(|texts| {
        let events: String = texts.iter().map(|text| says(text)).collect();
        (format!("{events}{}{DONE}", ends("stop")), texts.concat())
    })
}

/// What the bytes of a stream carry, read in the plainest way: all the text up to its end, and whether it says `stop`.
fn carried(bytes: &[u8]) -> (String, bool) {
    let text = String::from_utf8_lossy(bytes).replace("\r\n", "\n").replace('\r', "\n");
    let (mut content, mut is_finished) = (String::new(), false);
    let text = text.trim_start_matches('\u{feff}');
    for block in text.split("\n\n") {
        let lines = block.lines().filter_map(|line| line.strip_prefix("data:"));
        let data = lines.map(|line| line.strip_prefix(' ').unwrap_or(line)).collect::<Vec<_>>().join("\n");
        let Ok(value) = serde_json::from_str::<Value>(&data) else { continue };
        content.push_str(value["choices"][0]["delta"]["content"].as_str().unwrap_or_default());
        is_finished |= value["choices"][0]["finish_reason"] == "stop";
    }
    (content, is_finished)
}

/// Holds `outcome` to what `bytes` carry.
fn hold(bytes: &[u8], outcome: &Result<Found, Gap>) -> Result<(), TestCaseError> {
    let Ok(found) = outcome else { return Ok(()) };
    let (content, is_finished) = carried(bytes);
    prop_assert!(is_finished, "{:?} of a stream that does not end", found);
    prop_assert!(content.contains(&found.text), "{:?} of {:?}", found, content);
    prop_assert!(!found.text.is_empty() && found.text.trim() == found.text);
    if !content.contains("think>") {
        let until_done = String::from_utf8_lossy(bytes);
        let (content, _) = carried(until_done.split(DONE).next().unwrap_or_default().as_bytes());
        prop_assert_eq!(content.trim(), &found.text, "all of it");
    }
    Ok(())
}

fn cases() -> u32 {
    std::env::var("AUTOSWE_EXTRACT_CASES").ok().and_then(|cases| cases.parse().ok()).unwrap_or(400)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: cases(), ..ProptestConfig::default() })]

    #[test]
    fn nothing_but_the_text_of_a_finished_choice_comes_out(parts in prop::collection::vec(part(), 0..8)) {
        let bytes = parts.concat().into_bytes();
        hold(&bytes, &read(true, &[&bytes]))?;
    }

    #[test]
    fn pieces_make_no_difference(parts in prop::collection::vec(part(), 0..6), size in 1_usize..40) {
        let bytes = parts.concat().into_bytes();
        let pieces: Vec<&[u8]> = bytes.chunks(size).collect();
        prop_assert_eq!(read(true, &pieces), read(true, &[&bytes]));
    }

    #[test]
    fn a_stream_that_was_cut_before_its_end_gives_nothing((stream, content) in whole(), cut in any::<prop::sample::Index>()) {
        let end = stream.len() - DONE.len();
        let outcome = read(true, &[&stream.as_bytes()[..cut.index(end)]]);
        prop_assert!(outcome.is_err(), "{:?} of {:?}", outcome, content);
        let outcome = read(true, &[stream.as_bytes()]);
        prop_assert_eq!(outcome.is_ok(), !content.trim().is_empty());
    }

    #[test]
    fn a_spoilt_stream_is_read_without_panic_and_invents_nothing(
        (stream, _) in whole(),
        spoils in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>(), 0_u8..3), 0..6),
    ) {
        let mut bytes = stream.into_bytes();
        for (at, byte, how) in spoils {
            let at = at.index(bytes.len());
            match how {
                0 => bytes[at] = byte,
                1 => bytes.insert(at, byte),
                _ => drop(bytes.remove(at)),
            }
        }
        hold(&bytes, &read(true, &[&bytes]))?;
    }

    #[test]
    fn any_bytes_are_read_without_panic(bytes in prop::collection::vec(any::<u8>(), 0..200), is_stream in any::<bool>()) {
        prop_assert!(read(is_stream, &[&bytes]).is_err());
    }
}
