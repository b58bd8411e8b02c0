//! One line of the files of verdicts, events and reviews.
//!
//! Invariant: pure; a line that tells nothing of what its file is for gives [`Refused`], and an unknown field is no reason
//! for that.

use serde_json::Value;

use super::fields::{object, prose};
use super::gathered::{EventLine, VerdictLine};
use super::state::ids;
use crate::journey::run::{Event, EventKind, Origin, Review, Verdict};
use crate::source::{json, review};

/// Characters of a free text that are kept.
const TEXT: usize = 4000;
/// Characters of a word that are kept; a longer one is no word.
const WORD: usize = 40;

/// Why a line gives nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Refused {
    /// It is no JSON object, or lacks what makes it a line of its file.
    Malformed,
    /// It tells neither a time nor an iteration.
    Unplaced,
    /// A review that was asked for and not given.
    NoReview,
}

/// A verdict. Only its word is required.
pub(super) fn verdict(line: &[u8], from: Origin) -> Result<VerdictLine, Refused> {
    let names = ["ts", "epoch", "iter", "module", "verdict", "score", "reason"];
    let [ts, epoch, iter, module, verdict, score, reason] = object(line, &names).ok_or(Refused::Malformed)?;
    let word = verdict.as_str().map(str::trim).filter(|word| !word.is_empty()).ok_or(Refused::Malformed)?;
    Ok(VerdictLine {
        epoch: json::whole(&epoch),
        iter: json::whole(&iter),
        module: json::text(&module),
        verdict: Verdict {
            at: json::time(&ts),
            word: word.chars().take(200).map(|c| if c.is_control() { ' ' } else { c }).collect(),
            score: json::number(&score),
            reason: prose(&reason, TEXT),
            from,
        },
    })
}

/// What is looked at in an event: ten fields with a meaning, then those that may hold what it says, the likeliest first;
/// the files have fields of their own.
const EVENT: [&str; 22] = [
    "ts",
    "epoch",
    "iter",
    "kind",
    "type",
    "outcome",
    "verdict",
    "session_id",
    "sessionId",
    "invocation_id",
    "lesson",
    "text",
    "message",
    "reason",
    "summary",
    "detail",
    "details",
    "description",
    "rule",
    "refinement",
    "attempt",
    "action",
];

/// An event of `kind`.
pub(super) fn event(kind: EventKind, line: &[u8], from: Origin) -> Result<EventLine, Refused> {
    let values = object(line, &EVENT).ok_or(Refused::Malformed)?;
    let [ts, epoch, iter, word, kind_of, outcome, verdict, session, session_id, invocation, texts @ ..] = values;
    let (at, iter) = (json::time(&ts), json::whole(&iter));
    if at.is_none() && iter.is_none() {
        return Err(Refused::Unplaced);
    }
    let says = |value: &Value| value.as_str().is_some_and(is_no_verdict);
    Ok(EventLine {
        no_verdict: kind == EventKind::Wedge && [&word, &kind_of, &outcome, &verdict].into_iter().any(says),
        event: Event {
            kind,
            at,
            iter,
            epoch: json::whole(&epoch),
            word: [&word, &kind_of].into_iter().find_map(self::word),
            text: texts.iter().find_map(|value| prose(value, TEXT)),
            from,
        },
        ids: [session, session_id, invocation].iter().flat_map(ids).collect(),
    })
}

fn is_no_verdict(word: &str) -> bool {
    ["wedged_no_verdict", "no_verdict"].iter().any(|known| word.trim().eq_ignore_ascii_case(known))
}

/// A word of a vocabulary: letters, digits, `_`, `-`, `.`; anything else may be a sentence.
pub(super) fn word(value: &Value) -> Option<String> {
    let text = value.as_str()?.trim();
    let is_word = (1..=WORD).contains(&text.len())
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_-.".contains(&byte));
    is_word.then(|| text.to_owned())
}

/// A review. Without a score of 0 to 100 it is an attempt that failed.
pub(super) fn review(line: &[u8], from: Origin) -> Result<Review, Refused> {
    let names = ["ts", "health_score", "verdict", "summary", "findings"];
    let [ts, score, verdict, summary, findings] = object(line, &names).ok_or(Refused::Malformed)?;
    let score = json::number(&score).filter(|score| (0.0..=100.0).contains(score)).ok_or(Refused::NoReview)?;
    Ok(Review {
        at: json::time(&ts),
        health_score: Some(score),
        verdict: json::text(&verdict),
        summary: prose(&summary, TEXT),
        findings: review::findings(&findings, prose),
        from,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const HERE: Origin = Origin { file: 2, offset: 70, lines: 1 };

    #[test]
    fn a_verdict_needs_its_word_alone() {
        let line =
            br#"{"ts":5,"epoch":3,"iter":"7","module":"m","verdict":" ACCEPT ","score":"0.9","reason":"a\nb","x":1}"#;
        let verdict = verdict(line, HERE).unwrap();
        assert_eq!((verdict.epoch, verdict.iter, verdict.module.as_deref()), (Some(3), Some(7), Some("m")));
        let Verdict { at, word, score, reason, from } = verdict.verdict;
        assert_eq!((at, word.as_str(), score), (json::unix(5.0), "ACCEPT", Some(0.9)));
        assert_eq!((reason.as_deref(), from), (Some("a\nb"), HERE));
        assert!(super::verdict(br#"{"verdict":"X"}"#, HERE).is_ok());
        for line in ["", "7", "[]", "{}", r#"{"verdict":null}"#, r#"{"verdict":" "}"#, r#"{"verdict":"A""#] {
            assert_eq!(super::verdict(line.as_bytes(), HERE), Err(Refused::Malformed), "{line}");
        }
    }

    #[test]
    fn an_event_has_a_time_or_an_iteration() {
        let told = |line: &str| event(EventKind::Wedge, line.as_bytes(), HERE);
        let wedge = told(r#"{"ts":5,"epoch":3,"iter":7,"kind":"hung_child","message":"it sat there"}"#).unwrap();
        assert_eq!((wedge.event.at, wedge.event.epoch, wedge.event.iter), (json::unix(5.0), Some(3), Some(7)));
        assert_eq!(wedge.event.word.as_deref(), Some("hung_child"));
        assert_eq!((wedge.event.text.as_deref(), wedge.no_verdict), (Some("it sat there"), false));
        assert!(told(r#"{"iter":7,"outcome":"WEDGED_NO_VERDICT"}"#).unwrap().no_verdict);
        assert!(told(r#"{"ts":1,"kind":"a sentence, no word"}"#).unwrap().event.word.is_none());
        assert_eq!(told(r#"{"kind":"x"}"#), Err(Refused::Unplaced));
        assert_eq!(told("nonsense"), Err(Refused::Malformed));
        let bypass = event(EventKind::Bypass, br#"{"ts":1,"sessionId":"0123-4567-89"}"#, HERE).unwrap();
        assert_eq!(bypass.ids, ["0123-4567-89"]);
    }

    #[test]
    fn a_review_without_a_score_is_an_attempt() {
        let read = review(br#"{"ts":5,"health_score":82,"verdict":"healthy","summary":"steady"}"#, HERE).unwrap();
        assert_eq!((read.health_score, read.verdict.as_deref()), (Some(82.0), Some("healthy")));
        assert_eq!(read.findings, None, "not told is not none");
        let line =
            br#"{"health_score":8,"findings":[{"severity":"info","what":"a"},{"severity":"crit","what":"b\nc"}]}"#;
        let findings = review(line, HERE).unwrap().findings.unwrap();
        let told: Vec<_> = findings.worst.iter().map(|one| (one.severity.name(), one.what.as_str())).collect();
        assert_eq!(told, [("crit", "b\nc"), ("info", "a")]);
        assert_eq!(review(br#"{"ts":5,"error":"no answer"}"#, HERE), Err(Refused::NoReview));
        assert_eq!(review(br#"{"ts":5,"health_score":101}"#, HERE), Err(Refused::NoReview));
        assert_eq!(review(b"[]", HERE), Err(Refused::Malformed));
    }
}
