//! A journey that nobody wishes for: harmful texts in every field, numbers at their ends, times missing or absurd.

use std::collections::BTreeMap;

use autoswe_exporter::journey::run::{EventKind, Outcome, Tokens};
use autoswe_exporter::journey::site_data::*;
use autoswe_exporter::observation::{ReviewSeverity, Time};

use super::sample::bare;

fn time(second: i64) -> Time {
    Time::from_second(second).unwrap()
}

/// Texts that would do harm if anything forgot to escape them.
fn harmful() -> Vec<String> {
    let mut texts: Vec<String> = [
        "<script>alert(1)</script>\"'&<img src=x onerror=alert(2)>",
        "../x",
        "a/../../etc/passwd",
        "",
        " ",
        ".",
        "CON",
        "\u{202e}gnp.exe",
        "\u{200f}\u{2067}rtl\u{2069}",
        "👩\u{200d}💻 emoji 🎉",
        "line\nbreak\r\ttab\0nul\u{7f}\u{85}\u{2028}",
        "]]></summary><x>",
        "{{ 7*7 }} {% raw %}",
        "# head\n- item | cell `code` [a](javascript:alert(1)) ![i](http://e/x.png)",
        "yes",
        "null",
        "2025-11-24",
        "0x10",
        "'quote' \"double\" \\",
        "---\n...",
        "\u{fffe}\u{ffff}\u{feff}",
        "Billing",
        "billing",
        "BILLING",
        "index",
        "page-1",
        "مرحبا بالعالم",
        "</title><script>alert(3)</script>",
        "%2e%2e%2f",
        "*/alert(4)/*",
    ]
    .map(str::to_owned)
    .into();
    texts.push("x".repeat(10_000));
    texts.push("wide words ".repeat(900));
    texts
}

/// Everything at its worst.
pub(crate) fn hostile() -> SiteData {
    let texts = harmful();
    let times = [None, Some(Time::MIN), Some(Time::MAX), Some(time(0)), Some(time(1_763_622_000))];
    let outcomes = [Outcome::Accept, Outcome::Revert, Outcome::WedgedNoVerdict, Outcome::InProgress, Outcome::Unknown];
    let kinds = [EventKind::Wedge, EventKind::Lesson, EventKind::Restart, EventKind::Refinement, EventKind::Bypass];
    let scores = [f64::NAN, f64::INFINITY, -1e300, 0.1, 99.5];
    let event = |index: usize, text: &String| Event {
        kind: kinds[index % 5],
        at: times[(index + 1) % 5],
        word: Some(text.clone()),
        text: Some(text.clone()),
    };
    let iteration = |(index, text): (usize, &String)| {
        let mut one = bare([0, 1, u64::MAX][index % 3], index as u64 * 3, outcomes[index % 5]);
        (one.slug, one.module) = (Some(text.clone()), Some(text.clone()));
        (one.started_at, one.ended_at) = (times[index % 5], times[(index + 3) % 5]);
        one.tokens = BTreeMap::from([(text.clone(), Tokens { input: u64::MAX, output: 1, ..Tokens::default() })]);
        one.turns = Some(u64::MAX);
        one.files = Some(texts.clone());
        let changed = Some((u64::MAX, 0));
        one.commits = vec![Commit { hash: text.clone(), at: times[index % 5], subject: Some(text.clone()), changed }];
        let reason = Some(text.clone());
        one.verdict =
            Some(Verdict { at: times[(index + 2) % 5], word: one.outcome, score: Some(scores[index % 5]), reason });
        one.events = vec![event(index, text)];
        one
    };
    let mut iterations: Vec<Iteration> = texts.iter().enumerate().map(iteration).collect();
    iterations.sort_by_key(|one| (one.epoch, one.iter));
    // Two of a name.
    let again = Iteration { module: Some("again".into()), ..iterations[0].clone() };
    iterations.insert(1, again);
    let review = |(index, text): (usize, &String)| Review {
        at: times[index % 5],
        health_score: Some(scores[index % 5]),
        verdict: Some(text.clone()),
        summary: Some(text.clone()),
        findings: Some([("crit".into(), u64::MAX), (text.clone(), 1)].into()),
        worst: vec![Finding {
            severity: ReviewSeverity::ALL[index % 4],
            what: text.clone(),
            evidence: Some(text.clone()),
            suggestion: Some(text.clone()),
        }],
    };
    let point = |at: i64, cells: u64| ParityPoint {
        at: time(at),
        green: cells,
        red: cells,
        manual: 0,
        not_applicable: u64::MAX,
        unknown: cells,
    };
    SiteData {
        version: VERSION,
        started_at: Some(Time::MIN),
        as_of: Some(Time::MAX),
        phase: Some(texts[0].clone()),
        iterations,
        events: texts.iter().enumerate().map(|(index, text)| event(index, text)).collect(),
        parity: vec![point(0, 0), point(1_763_622_000, u64::MAX / 4)],
        reviews: texts.iter().enumerate().map(review).collect(),
        contradictions: texts.iter().map(|text| (text.clone(), u64::MAX)).collect(),
        left_out: texts.iter().map(|text| (text.clone(), 1)).collect(),
    }
}
