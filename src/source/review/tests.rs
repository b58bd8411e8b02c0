use super::*;
use crate::jsonl::Line;

const GOOD: &str = r#"{"ts": 1795345200, "health_score": 82, "verdict": "healthy", "summary": "steady", "findings": [
    {"severity": "info", "what": "small steps", "evidence": "12 commits"},
    {"severity": "CRIT", "what": "tests are deleted", "evidence": "commit 1f2e", "suggestion": "read it"},
    {"severity": "dire", "what": 7}, "no object", {"severity": "warn"}, null], "judge": "codex", "model": "gpt-5.5"}"#;

fn parsed(lines: &[&str]) -> Review {
    let lines = lines.iter().map(|line| Line::Text(line.as_bytes().to_vec())).collect();
    parse(&Tail { lines, ..Tail::default() })
}

fn time(seconds: i64) -> Time {
    Time::from_second(seconds).unwrap()
}

#[test]
fn reads_the_last_good_review() {
    let review = parsed(&[r#"{"ts": 1, "health_score": 10}"#, GOOD]);
    let good = review.last_good.unwrap();
    assert_eq!((good.at, good.health_score), (time(1_795_345_200), 82.0));
    assert_eq!((good.verdict.as_deref(), good.summary.as_deref()), (Some("healthy"), Some("steady")));
    assert_eq!((good.judge.as_deref(), good.model.as_deref()), (Some("codex"), Some("gpt-5.5")));
    let findings = good.findings.unwrap();
    let told: Vec<_> = findings.worst.iter().map(|finding| (finding.severity.name(), finding.what.as_str())).collect();
    assert_eq!(told, [("crit", "tests are deleted"), ("info", "small steps"), ("other", "7"), ("other", "no object")]);
    assert_eq!(findings.worst[0].evidence.as_deref(), Some("commit 1f2e"));
    assert_eq!(findings.worst[0].suggestion.as_deref(), Some("read it"));
    assert_eq!((review.last_attempt_at, review.failed_since), (Some(time(1_795_345_200)), 0));
    assert_eq!(review.last_failed, None);
}

#[test]
fn findings_that_are_not_told_are_not_none() {
    let findings = |line: &str| parsed(&[line]).last_good.unwrap().findings;
    assert_eq!(findings(r#"{"ts": 1, "health_score": 10}"#), None);
    assert_eq!(findings(r#"{"ts": 1, "health_score": 10, "findings": "many"}"#), None);
    assert_eq!(findings(r#"{"ts": 1, "health_score": 10, "findings": []}"#).map(|found| found.count()), Some(0));
}

#[test]
fn what_a_reviewer_writes_is_bounded() {
    let long = "x".repeat(10_000);
    let finding = format!(r#"{{"severity": "warn", "what": "{long}", "evidence": "{long}", "suggestion": "{long}"}}"#);
    let line = format!(
        r#"{{"ts": 1, "health_score": 1, "verdict": "{long}", "summary": "{long}", "findings": [{}]}}"#,
        vec![finding; 100].join(",")
    );
    let good = parsed(&[&line]).last_good.unwrap();
    assert_eq!((good.verdict.unwrap().len(), good.summary.unwrap().len()), (50, 500));
    let findings = good.findings.unwrap();
    assert_eq!((findings.worst.len(), findings.count()), (20, 100));
    assert!(findings.worst.iter().all(|finding| finding.what.len() == 500));
    let failed = format!(r#"{{"ts": 1, "error": "{long}", "reason": "{long}"}}"#);
    assert_eq!(parsed(&[&failed]).last_failed.unwrap().why().len(), 50 + 2 + 500);
}

#[test]
fn failed_attempts_are_kept_apart() {
    let failed = [
        r#"{"ts": 1795345300, "error": "timed-out", "reason": "no answer within 420 s"}"#,
        r#"{"ts": 1795345400, "health_score": null}"#,
        r#"{"ts": 1795345500, "health_score": 101}"#,
        r#"{"health_score": 50}"#,
        "not JSON",
    ];
    let review = parsed(&[&[GOOD], &failed[..]].concat());
    assert_eq!(review.last_good.map(|good| good.health_score), Some(82.0));
    assert_eq!((review.last_attempt_at, review.failed_since), (Some(time(1_795_345_500)), 5));
}

#[test]
fn the_last_failed_attempt_says_why() {
    let why = |line: &str| parsed(&[GOOD, line]).last_failed.unwrap().why();
    assert_eq!(
        why(r#"{"ts": 1, "error": "timed-out", "reason": "no answer within 9 s"}"#),
        "timed-out: no answer within 9 s"
    );
    assert_eq!(why(r#"{"ts": 1, "error": "no answer"}"#), "no answer");
    assert_eq!(why(r#"{"ts": 1, "error": "reviewed"}"#), "reviewed");
    assert_eq!(why(r#"{"ts": 1, "health_score": 101}"#), "its line has no health_score from 0 to 100");
    assert_eq!(why(r#"{"health_score": 10}"#), "its line has no time (ts)");
    assert_eq!(why("[]"), "its line is no JSON object");
    // It stays after the next good one.
    let review = parsed(&[r#"{"ts": 7, "error": "failed", "judge": "codex", "model": "m"}"#, GOOD]);
    let failed = review.last_failed.unwrap();
    assert_eq!((failed.at, failed.outcome, review.failed_since), (Some(time(7)), ReviewOutcome::Failed, 0));
    assert_eq!((failed.judge.as_deref(), failed.model.as_deref()), (Some("codex"), Some("m")));
}

#[test]
fn without_any_good_review_there_is_none() {
    assert_eq!(parsed(&[]), Review::default());
    let review = parsed(&[r#"{"ts": "2026-11-22T10:00:00Z"}"#, "[]"]);
    assert_eq!((review.last_good, review.failed_since), (None, 2));
    assert_eq!(review.last_attempt_at, Some("2026-11-22T10:00:00Z".parse().unwrap()));
}
