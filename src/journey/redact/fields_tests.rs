use std::path::PathBuf;

use super::*;
use crate::journey::leak::exact::Exact;
use crate::journey::leak::rules::{Hit, Kind, Rule};
use crate::journey::redact::{Settings, redact};
use crate::journey::run::{EventKind, Origin};
use crate::observation::ReviewSeverity;

const FROM: Origin = Origin { file: 0, offset: 7, lines: 1 };
const HOST: Rule = Rule { name: "machine-host", kind: Kind::Identity, description: "a host" };

fn none(_: &[u8], _: &mut Vec<Hit>, _: &mut Vec<std::ops::Range<usize>>) {}

fn time(second: i64) -> Time {
    Time::from_second(1_795_348_800 + second).unwrap()
}

fn sourced<T>(value: T) -> Option<Sourced<T>> {
    Some(Sourced { value, from: vec![FROM] })
}

/// An iteration whose every text is `text`.
fn iteration(iter: u64, text: &str) -> Iteration {
    let event = Event {
        kind: EventKind::Wedge,
        at: None,
        iter: None,
        epoch: None,
        word: Some(text.into()),
        text: Some(text.into()),
        from: FROM,
    };
    Iteration {
        key: Key { epoch: 3, iter },
        slug: sourced(text.into()),
        module: sourced(text.into()),
        outcome: Outcome::Accept,
        outcome_from: vec![FROM],
        started_at: sourced(time(iter.cast_signed() * 100)),
        ended_at: None,
        tokens: [(text.into(), Sourced { value: Tokens { input: 1, ..Tokens::default() }, from: vec![FROM] })].into(),
        turns: sourced(4),
        tool_calls: None,
        judge_calls: None,
        judge_tokens: None,
        revisions: sourced(0),
        files: sourced(vec![text.into(), "src/lib.rs".into()]),
        commits: vec![Commit {
            hash: "0123456789abcdef0123456789abcdef01234567".into(),
            at: None,
            subject: Some(text.into()),
            changed: Some((1, 2)),
            by_id: true,
            from: FROM,
        }],
        verdict: Some(Verdict { at: None, word: text.into(), score: Some(0.5), reason: Some(text.into()), from: FROM }),
        events: vec![event],
    }
}

fn run(iterations: Vec<Iteration>, text: &str) -> Run {
    Run {
        files: vec![PathBuf::from(text)],
        phase: sourced(text.into()),
        epochs: vec![Epoch { number: 3, iterations }],
        events: vec![Event {
            kind: EventKind::Lesson,
            at: Some(time(0)),
            iter: None,
            epoch: None,
            word: Some(text.into()),
            text: Some(text.into()),
            from: FROM,
        }],
        reviews: vec![Review {
            at: None,
            health_score: Some(f64::NAN),
            verdict: Some(text.into()),
            summary: Some(text.into()),
            findings: Some(Findings::of(vec![ReviewFinding {
                severity: ReviewSeverity::Warn,
                what: text.into(),
                evidence: Some(text.into()),
                suggestion: Some(text.into()),
            }])),
            from: FROM,
        }],
        contradictions: vec![Contradiction { kind: text.into(), key: None, text: text.into(), from: vec![FROM] }],
        left_out: vec![LeftOut { kind: "torn".into(), count: 2, first: Some(FROM), text: text.into() }],
        ..Run::default()
    }
}

fn shown(run: &Run, free_text: bool) -> SiteData {
    let machine = [Exact { rule: &HOST, value: b"spark-41a7".to_vec() }];
    redact(run, &Settings { free_text, secrets: none }, &machine).unwrap()
}

#[test]
fn no_field_lets_anything_private_through() {
    for private in [
        "/home/ann/x",
        "ann@spark-41a7:/x",
        "spark-41a7",
        "../../etc/x",
        "C:\\Users\\ann",
        "c3BhcmstNDFhNw==",
        "10.1.2.3",
        "~ann/x",
        "\\\\spark-41a7\\x",
    ] {
        // A sentence may climb; a file may not.
        for free_text in [false, !private.starts_with("..")] {
            let json = serde_json::to_string(&shown(&run(vec![iteration(1, private)], private), free_text)).unwrap();
            for part in [private, "ann", "spark", "41a7", "etc", "c3Bhcm", "10.1"] {
                assert!(!json.contains(part), "{part} in {json}");
            }
        }
    }
}

#[test]
fn free_text_is_shown_only_where_it_is_asked_for() {
    let told = Iteration { files: None, ..iteration(1, "It went well, somehow") };
    let run = run(vec![told], "It went well, somehow");
    let silent = shown(&run, false);
    assert!(!serde_json::to_string(&silent).unwrap().contains("somehow"));
    assert_eq!(silent.reviews[0].findings, Some([("warn".to_owned(), 1)].into()), "the counts always");
    assert_eq!(silent.reviews[0].worst, []);
    let data = shown(&run, true);
    let text = Some("It went well, somehow".to_owned());
    let iteration = &data.iterations[0];
    assert_eq!(
        [
            &iteration.slug,
            &iteration.module,
            &iteration.commits[0].subject,
            &iteration.events[0].text,
            &data.reviews[0].summary
        ],
        [&text; 5]
    );
    let finding = &data.reviews[0].worst[0];
    assert_eq!([&Some(finding.what.clone()), &finding.evidence, &finding.suggestion], [&text; 3]);
    assert_eq!(iteration.verdict.as_ref().unwrap().reason, text);
    // A sentence is no word and no name of a model.
    assert_eq!((iteration.events[0].word.as_deref(), data.phase.as_deref()), (Some("other"), Some("other")));
    assert_eq!(iteration.tokens.keys().collect::<Vec<_>>(), ["other"]);
}

#[test]
fn what_is_known_is_shown_as_it_is() {
    let data = shown(&run(vec![iteration(1, "core/parser")], "core/parser"), false);
    let iteration = &data.iterations[0];
    let name = Some("core/parser");
    assert_eq!(
        [
            iteration.slug.as_deref(),
            iteration.module.as_deref(),
            iteration.events[0].word.as_deref(),
            data.phase.as_deref()
        ],
        [name; 4]
    );
    assert_eq!(iteration.files.as_deref(), Some(&["core/parser".to_owned(), "src/lib.rs".into()][..]));
    assert_eq!((iteration.turns, iteration.tool_calls, iteration.revisions), (Some(4), None, Some(0)));
    assert_eq!(iteration.commits[0].hash, "0123456789abcdef0123456789abcdef01234567");
    assert_eq!(
        iteration.verdict.as_ref().map(|verdict| (verdict.word, verdict.score)),
        Some((Outcome::Unknown, Some(0.5)))
    );
    assert_eq!(data.reviews[0].health_score, None, "not a number");
    assert_eq!((data.contradictions, data.left_out), ([("other".into(), 1)].into(), [("torn".into(), 2)].into()));
}

#[test]
fn a_commit_without_a_hash_is_no_commit() {
    let mut odd = iteration(1, "x");
    odd.commits.extend(
        ["HEAD", "0123", "/home/ann", "g123456789abcdef0123456789abcdef01234567"]
            .map(|hash| Commit { hash: hash.into(), ..odd.commits[0].clone() }),
    );
    assert_eq!(shown(&run(vec![odd], "x"), true).iterations[0].commits.len(), 1);
}

#[test]
fn masks_count_in_the_order_of_time_and_what_comes_later_changes_none() {
    // The later iteration stands first, and the event lies between the two.
    let mut run = run(vec![iteration(2, "/data/two"), iteration(1, "/data/one")], "x");
    run.events[0].at = Some(time(150));
    run.events[0].text = Some("/data/three".into());
    let data = shown(&run, true);
    let modules: Vec<_> = data.iterations.iter().map(|one| (one.iter, one.module.as_deref().unwrap())).collect();
    assert_eq!(modules, [(1, "path-1"), (2, "path-3")]);
    assert_eq!(data.events[0].text.as_deref(), Some("path-2"));
    run.epochs[0].iterations.push(iteration(3, "/data/four"));
    assert_eq!(shown(&run, true).iterations[..2], data.iterations[..]);
    assert_eq!(shown(&run, true), shown(&run, true));
}

#[test]
fn every_rule_has_the_word_of_its_mask() {
    let words = crate::journey::leak::identity::RULES.iter().map(|rule| crate::journey::redact::masks::word(rule));
    let known = crate::journey::leak::identity::MASKS;
    assert!(
        words.clone().all(|word| known.contains(&word) && (word != "value" && word != "hidden")),
        "{:?}",
        words.collect::<Vec<_>>()
    );
}
