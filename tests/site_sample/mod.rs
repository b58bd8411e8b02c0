//! Journeys of an invented loop as site data: the same for the same length.

use std::collections::BTreeMap;

use autoswe_exporter::journey::run::{EventKind, Outcome, Tokens};
use autoswe_exporter::journey::site_data::*;
use autoswe_exporter::observation::{ReviewSeverity, Time};

const MODULES: [&str; 14] = [
    "billing/invoice-rounding",
    "billing/ledger",
    "auth/session",
    "auth/password-reset",
    "catalog/search",
    "catalog/import",
    "orders/checkout",
    "orders/refunds",
    "reports/export",
    "reports/schedule",
    "mail/templates",
    "api/pagination",
    "api/webhooks",
    "storage/attachments",
];
const VERBS: [&str; 10] =
    ["fix", "port", "complete", "rework", "cover", "align", "split", "restore", "speed up", "finish"];
const THINGS: [&str; 12] = [
    "half-even rounding",
    "time zones",
    "empty pages",
    "the retry order",
    "error texts",
    "currency formats",
    "sort order",
    "null handling",
    "the audit trail",
    "locale fallbacks",
    "bulk deletes",
    "rate limits",
];

/// Numbers that look random (xorshift).
struct Chance(u64);

impl Chance {
    fn below(&mut self, below: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % below
    }

    fn one<'a>(&mut self, of: &[&'a str]) -> &'a str {
        of[self.below(of.len() as u64) as usize]
    }

    fn hash(&mut self) -> String {
        (0..40).map(|_| char::from_digit(self.below(16) as u32, 16).unwrap()).collect()
    }
}

fn time(second: i64) -> Time {
    Time::from_second(second).unwrap()
}

/// An iteration of which nothing is known but its key and outcome.
pub(crate) fn bare(epoch: u64, iter: u64, outcome: Outcome) -> Iteration {
    Iteration {
        epoch,
        iter,
        outcome,
        slug: None,
        module: None,
        started_at: None,
        ended_at: None,
        tokens: BTreeMap::new(),
        turns: None,
        tool_calls: None,
        judge_calls: None,
        judge_tokens: None,
        revisions: None,
        files: None,
        commits: Vec::new(),
        verdict: None,
        events: Vec::new(),
    }
}

/// A run of `count` iterations, the last of them under way.
pub(crate) fn journey(count: usize) -> SiteData {
    let mut chance = Chance(0x9e37_79b9_7f4a_7c15);
    let started = 1_763_622_000;
    let mut data = SiteData { version: VERSION, started_at: Some(time(started)), ..SiteData::default() };
    let mut at = started + 90;
    let mut green = 24;
    for index in 0..count {
        let (epoch, iter) = (index as u64 / 400 + 1, index as u64 % 400 + 1);
        let last = index + 1 == count;
        let iteration = iteration(&mut chance, (epoch, iter), &mut at, last);
        if iteration.outcome == Outcome::Accept {
            green += chance.below(8);
            let scope = 250 + index as u64 / 8 * 3 + if index > count / 2 { 22 } else { 0 };
            green = green.min(scope - 20);
            let at = iteration.ended_at.unwrap();
            data.parity.push(ParityPoint {
                at,
                green,
                red: scope - green - 7,
                manual: 7,
                not_applicable: 14,
                unknown: 0,
            });
        }
        data.iterations.push(iteration);
        let pause = if chance.below(23) == 0 { 2400 + chance.below(28_000) } else { 40 + chance.below(200) };
        at += if last { 0 } else { pause as i64 };
    }
    data.as_of = Some(time(at + 700));
    data.phase = Some("writer".into());
    data.reviews = reviews(&mut chance, started, at);
    data.events = vec![restart(started + 40, "took")];
    data.contradictions = BTreeMap::from([("times".into(), 2), ("tokens".into(), 1)]);
    data.left_out = BTreeMap::from([("torn".into(), 1), ("earlier_run".into(), 38), ("malformed".into(), 3)]);
    data
}

fn restart(second: i64, word: &str) -> Event {
    let at = Some(time(second));
    Event { kind: EventKind::Restart, at, word: Some(word.into()), text: None }
}

fn iteration(chance: &mut Chance, key: (u64, u64), at: &mut i64, last: bool) -> Iteration {
    let outcome = match chance.below(20) {
        _ if last => Outcome::InProgress,
        0..=13 => Outcome::Accept,
        14..=17 => Outcome::Revert,
        18 => Outcome::WedgedNoVerdict,
        _ if key.1.is_multiple_of(7) => Outcome::Unknown,
        _ => Outcome::Accept,
    };
    let started = *at;
    let length = 900 + chance.below(3600) as i64 + if outcome == Outcome::WedgedNoVerdict { 2000 } else { 0 };
    let thing = format!("{} {}", chance.one(&VERBS), chance.one(&THINGS));
    let mut one = bare(key.0, key.1, outcome);
    one.slug = Some(thing.replace(' ', "-"));
    one.module = Some(chance.one(&MODULES).into());
    one.started_at = Some(time(started));
    if last {
        return one;
    }
    *at += length;
    one.ended_at = Some(time(*at));
    one.turns = Some(40 + chance.below(120));
    one.tool_calls = Some(60 + chance.below(200));
    one.judge_calls = Some(1 + chance.below(3));
    one.judge_tokens = Some(18_000 + chance.below(40_000));
    one.revisions = Some(chance.below(3));
    one.tokens = tokens(chance);
    one.files = Some(
        (0..1 + chance.below(7)).map(|file| format!("src/{}/part_{file}.rs", one.module.as_deref().unwrap())).collect(),
    );
    told(chance, &mut one, &thing, *at);
    one
}

fn tokens(chance: &mut Chance) -> BTreeMap<String, Tokens> {
    let writer = Tokens {
        input: 90_000 + chance.below(200_000),
        output: 20_000 + chance.below(60_000),
        cache_read: 900_000 + chance.below(2_500_000),
        cache_creation: 40_000 + chance.below(90_000),
    };
    let planner =
        Tokens { input: 12_000 + chance.below(20_000), output: 2000 + chance.below(4000), ..Tokens::default() };
    BTreeMap::from([("writer-large".into(), writer), ("planner-small".into(), planner)])
}

/// Verdict, commits and events.
fn told(chance: &mut Chance, one: &mut Iteration, thing: &str, at: i64) {
    let reason = match one.outcome {
        Outcome::Accept => {
            format!("All cells of `{}` pass, and **nothing else** moved.", one.module.as_deref().unwrap())
        }
        Outcome::Revert => {
            "Two cells turned red:\n\n- rounding of *negative* amounts\n- the empty invoice\n\nThe change is undone."
                .into()
        }
        _ => String::new(),
    };
    if matches!(one.outcome, Outcome::Accept | Outcome::Revert) {
        let score = (50 + chance.below(50)) as f64 / 10.0;
        one.verdict =
            Some(Verdict { at: Some(time(at - 20)), word: one.outcome, score: Some(score), reason: Some(reason) });
    }
    if one.outcome == Outcome::Accept {
        let changed = Some((10 + chance.below(300), chance.below(120)));
        let subject = Some(format!("{}: {thing}", one.module.as_deref().unwrap()));
        one.commits.push(Commit { hash: chance.hash(), at: Some(time(at - 30)), subject, changed });
    }
    if one.outcome == Outcome::WedgedNoVerdict {
        let word = Some("no_tokens".into());
        one.events.push(Event { kind: EventKind::Wedge, at: Some(time(at - 1500)), word, text: None });
        one.events.push(restart(at - 600, if chance.below(5) == 0 { "did_not_take" } else { "took" }));
        let text = Some("The server had stopped answering; the heartbeat went on.".into());
        one.events.push(Event { kind: EventKind::Lesson, at: Some(time(at - 100)), word: None, text });
    }
    if chance.below(40) == 0 {
        let text = Some("A revert now names the cell that turned red.".into());
        one.events.push(Event { kind: EventKind::Refinement, at: Some(time(at - 5)), word: None, text });
    }
}

fn reviews(chance: &mut Chance, started: i64, ended: i64) -> Vec<Review> {
    let review = |second| {
        let score = 55 + chance.below(40);
        let verdict = Some(if score > 70 { "healthy" } else { "drifting" }.to_owned());
        let summary = Some("Progress is steady; reverts cluster in one module.".to_owned());
        let finding = |severity, what: &str| Finding {
            severity,
            what: what.to_owned(),
            evidence: Some("verdicts of the last two hours".to_owned()),
            suggestion: (severity == ReviewSeverity::Crit).then(|| "let somebody look at it".to_owned()),
        };
        let mut worst = vec![finding(ReviewSeverity::Info, "iterations take half an hour in the median")];
        if score <= 70 {
            worst.insert(0, finding(ReviewSeverity::Crit, "a test was deleted to get green"));
        }
        let findings = worst.iter().map(|finding| (finding.severity.name().to_owned(), 1)).collect();
        Review {
            at: Some(time(second)),
            health_score: Some(score as f64),
            verdict,
            summary,
            findings: Some(findings),
            worst,
        }
    };
    (started + 7200..ended).step_by(14_400).map(review).collect()
}
