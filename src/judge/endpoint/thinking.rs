//! What a local model thinks aloud in its answer, where its server does not tell thinking and answer apart.
//!
//! ```text
//! <think>the prompt asks ...</think> the answer       most models
//! the prompt asks ...                                 DeepSeek-R1, QwQ, Qwen3-Thinking: the chat template has written
//! </think>                                            the opening mark, so that it is missing here
//! the answer
//! ```
//!
//! Invariant: pure; what comes out is the whole text, or all that follows the only closing mark. A text in which marks
//! stand otherwise (quoted in the thinking, named in the answer) tells no answer. Thinking without any mark cannot be
//! told from an answer; a server that tells them apart (vLLM: `--reasoning-parser`) never sends it as one.

/// Marks around thinking: those of most models, ByteDance Seed, Magistral, Kimi.
const MARKS: [(&str, &str); 5] = [
    ("<think>", "</think>"),
    ("<thinking>", "</thinking>"),
    ("<seed:think>", "</seed:think>"),
    ("[THINK]", "[/THINK]"),
    ("◁think▷", "◁/think▷"),
];

/// What only stands in a text whose channels nobody has told apart.
const CHANNELS: [&str; 2] = ["<|channel|>", "<|channel>"];

const MIXED: &str = "marks of thinking stand in its answer, so that the two cannot be told apart; start the server with a \
    parser for the model's reasoning (vLLM: --reasoning-parser)";
const ENDLESS: &str = "its thinking does not end, so that there is no answer";

/// The answer in `text`. `is_apart`: the server has told thinking and answer apart already, so that no mark has a
/// meaning.
///
/// # Errors
/// Why it cannot be told.
pub(super) fn answer(text: &str, is_apart: bool) -> Result<&str, &'static str> {
    let text = text.trim();
    let has = |mark: &str| text.contains(mark);
    let found: Vec<_> = MARKS.iter().filter(|(open, close)| has(open) || has(close)).collect();
    let has_channels = CHANNELS.iter().any(|mark| has(mark));
    // Within one JSON value a mark can only be part of a string.
    if found.is_empty() && !has_channels || is_json(text) {
        return Ok(text);
    }
    let [(open, close)] = found.as_slice() else { return Err(MIXED) };
    if is_apart || has_channels {
        return Err(MIXED);
    }
    match (text.matches(open).count(), text.matches(close).count()) {
        (1, 0) if text.starts_with(open) => Err(ENDLESS),
        (1, 1) => {
            text.strip_prefix(open).and_then(|rest| rest.split_once(close)).map(|(_, rest)| rest.trim()).ok_or(MIXED)
        }
        (0, 1) => after_line(text, close).ok_or(MIXED),
        _ => Err(MIXED),
    }
}

/// What follows the line that `mark` is.
fn after_line<'t>(text: &'t str, mark: &str) -> Option<&'t str> {
    let (before, after) = text.split_once(mark)?;
    let begins = before.trim_end_matches([' ', '\t']);
    let ends = after.trim_start_matches([' ', '\t', '\r']);
    let is_line = (begins.is_empty() || begins.ends_with('\n')) && (ends.is_empty() || ends.starts_with('\n'));
    is_line.then(|| after.trim())
}

fn is_json(text: &str) -> bool {
    text.starts_with(['{', '[']) && serde_json::from_str::<serde::de::IgnoredAny>(text).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thinking_is_no_part_of_the_answer() {
        for text in [
            "<think>\nwell ...\n</think>\n\nthe answer",
            "<think></think>the answer",
            "well ...\n</think>\n\nthe answer",
            "\n</think>\nthe answer\n",
            "[THINK]well[/THINK]the answer",
            "◁think▷well◁/think▷the answer",
            "the answer",
        ] {
            assert_eq!(answer(text, false), Ok("the answer"), "{text}");
        }
        assert_eq!(answer("<think>all there is</think>\n", false), Ok(""));
    }

    #[test]
    fn what_cannot_be_told_apart_is_no_answer() {
        assert_eq!(answer("<think>\nwell, the answer is 7", false), Err(ENDLESS));
        for mixed in [
            "<think>the text says </think> 10, but</think>the answer",
            "the text says\n</think>\n10, but\n</think>\nthe answer",
            "the mark is `</think>`, and the answer goes on",
            "the answer\n<think>an afterthought</think>",
            "<think><think>a</think>the answer",
            "<think>[THINK]a[/THINK]</think>the answer",
            "<|channel|>analysis<|message|>well<|end|><|channel|>final<|message|>the answer",
            "the answer </think>",
        ] {
            assert_eq!(answer(mixed, false), Err(MIXED), "{mixed}");
        }
        // The server has ended the thinking at the first mark, which may have been a quotation.
        assert_eq!(answer("10, but\n</think>\nthe answer", true), Err(MIXED));
        assert_eq!(answer("the answer", true), Ok("the answer"));
    }

    #[test]
    fn in_json_a_mark_is_text() {
        for text in [r#"{"a": "no </think> there"}"#, r#"["<think>"]"#, r#"{"a": "<|channel|>"}"#] {
            assert_eq!(answer(text, false), Ok(text));
            assert_eq!(answer(text, true), Ok(text));
        }
        assert_eq!(answer("{\"a\": 1}\n</think>\n{\"a\": 2}", false), Ok("{\"a\": 2}"));
        assert_eq!(answer("{\"a\": \"</think>\"", false), Err(MIXED), "it is not whole");
    }
}
