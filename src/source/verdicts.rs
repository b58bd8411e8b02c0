//! The judge's last verdicts, from the end of `verdicts.jsonl`.
//!
//! One JSON object a line: `ts` (RFC 3339 or Unix seconds), `epoch`, `iter`, `module`, `verdict`, `score`, `reason`.
//! Only `verdict` is required. Invariant: a line that is not a verdict is counted and hides no other, nor do so many
//! that all verdicts lie before the lines read.

use super::lines::{Lines, object};
use super::{Source, json};
use crate::config::Config;
use crate::jsonl::Tail;
use crate::observation::{Data, Reading, Time, Verdict, Verdicts};

/// Verdicts that are kept.
const RECENT: usize = 5;
/// Lines that are looked through for them, so that a few spoilt ones do not hide the verdicts before.
const LINES: usize = 25;

/// Reads the end of `verdicts.jsonl`.
#[derive(Debug)]
pub struct VerdictsSource {
    lines: Lines<Verdicts>,
    recent: Vec<Verdict>,
}

impl VerdictsSource {
    /// The source that `config` describes.
    pub fn new(config: &Config) -> Self {
        let path = config.in_runtime_dir(&config.verdicts.file);
        VerdictsSource { lines: Lines::new("verdicts", path, LINES), recent: Vec::new() }
    }
}

impl Source for VerdictsSource {
    fn read(&mut self, _now: Time) -> Reading<Data> {
        let reading = self.lines.read(parse);
        reading.map(|mut verdicts| {
            if !verdicts.recent.is_empty() || verdicts.malformed_lines == 0 {
                self.recent.clone_from(&verdicts.recent);
            } else {
                verdicts.recent.clone_from(&self.recent);
            }
            Data::Verdicts(verdicts)
        })
    }
}

/// The last verdicts, and the lines after the oldest of them that are none.
pub fn parse(tail: &Tail) -> Verdicts {
    let mut verdicts = Verdicts::default();
    for line in tail.parsed(verdict).into_iter().rev() {
        match line {
            Some(verdict) => verdicts.recent.push(verdict),
            None => verdicts.malformed_lines += 1,
        }
        if verdicts.recent.len() == RECENT {
            break;
        }
    }
    verdicts.recent.reverse();
    verdicts
}

fn verdict(line: &[u8]) -> Option<Verdict> {
    let line = object(line)?;
    let field = |name| line.get(name);
    Some(Verdict {
        verdict: field("verdict")?.as_str().map(str::trim).filter(|word| !word.is_empty())?.chars().take(200).collect(),
        at: field("ts").and_then(json::time),
        epoch: field("epoch").and_then(json::whole),
        iteration: field("iter").and_then(json::whole),
        module: field("module").and_then(json::text),
        score: field("score").and_then(json::number),
        reason: field("reason").and_then(json::text),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::jsonl::Line;

    fn parsed(lines: &[&str]) -> Verdicts {
        let lines = lines.iter().map(|line| Line::Text(line.as_bytes().to_vec())).collect();
        parse(&Tail { lines, ..Tail::default() })
    }

    #[test]
    fn reads_every_field() {
        let verdicts = parsed(&[
            r#"{"ts": "2026-11-22T11:00:00+01:00", "epoch": 3, "iter": "117", "module": "core/x", "verdict": "ACCEPT",
                "score": 0.9, "reason": "green", "more": [1, {}]}"#,
        ]);
        let expected = Verdict {
            at: Some("2026-11-22T10:00:00Z".parse().unwrap()),
            epoch: Some(3),
            iteration: Some(117),
            module: Some("core/x".into()),
            verdict: "ACCEPT".into(),
            score: Some(0.9),
            reason: Some("green".into()),
        };
        assert_eq!(verdicts, Verdicts { recent: vec![expected], malformed_lines: 0 });
    }

    #[test]
    fn absent_and_mistyped_fields_are_absent() {
        let verdicts =
            parsed(&[r#"{"verdict": " revert ", "ts": [], "epoch": -1, "iter": {}, "score": "x", "module": null}"#]);
        assert_eq!(verdicts.recent, [Verdict { verdict: "revert".into(), ..Verdict::default() }]);
    }

    #[test]
    fn keeps_the_last_five_and_counts_what_is_spoilt_among_them() {
        let word = |n: usize| format!(r#"{{"verdict": "{n}"}}"#);
        let lines =
            [word(0), "old and spoilt".into(), word(1), word(2), "{\"verdict\": 3}".into(), word(3), word(4), word(5)];
        let verdicts = parsed(&lines.iter().map(String::as_str).collect::<Vec<_>>());
        assert_eq!(verdicts.recent.iter().map(|v| v.verdict.as_str()).collect::<Vec<_>>(), ["1", "2", "3", "4", "5"]);
        assert_eq!(verdicts.malformed_lines, 1, "what lies before the oldest verdict shown is forgotten");
    }

    #[test]
    fn what_is_no_verdict_is_counted() {
        let deep = "[".repeat(100_000);
        let spoilt =
            ["[]", "null", "\"ACCEPT\"", "{}", r#"{"verdict": ""}"#, r#"{"verdict": null}"#, "{\"verdict\":", &deep];
        assert_eq!(parsed(&spoilt), Verdicts { recent: vec![], malformed_lines: 8 });
        let tail =
            Tail { lines: vec![Line::TooLong, Line::Text(b"{\"verdict\": \"\xff\"}".to_vec())], ..Tail::default() };
        assert_eq!(parse(&tail).malformed_lines, 2);
    }

    #[test]
    fn a_hostile_word_is_cut() {
        assert_eq!(
            parsed(&[&format!(r#"{{"verdict": "{}"}}"#, "é".repeat(5000))]).recent[0].verdict.chars().count(),
            200
        );
    }
}
