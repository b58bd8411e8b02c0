//! What redaction costs: 10,000 iterations with free text, and the identity rules on text without a hit.
//!
//! One reason in five names a path and a host of the machine, so that it is masked and looked at again.

use std::sync::OnceLock;

use autoswe_exporter::journey::leak::exact::Exact;
use autoswe_exporter::journey::leak::identity;
use autoswe_exporter::journey::leak::rules::{Hit, Kind, Rule};
use autoswe_exporter::journey::redact::{Settings, redact};
use autoswe_exporter::journey::run::{Commit, Epoch, Iteration, Key, Origin, Outcome, Run, Sourced, Tokens, Verdict};
use autoswe_exporter::observation::Time;
use divan::Bencher;
use divan::counter::BytesCount;

static HOST: Rule = Rule { name: "machine-host", kind: Kind::Identity, description: "a host" };
const FROM: Origin = Origin { file: 0, offset: 0, lines: 1 };
const PLAIN: &str = include_str!("../src/journey/redact/plain.txt");

fn main() {
    divan::main();
}

fn sourced<T>(value: T) -> Option<Sourced<T>> {
    Some(Sourced { value, from: vec![FROM] })
}

/// A sentence, another one for each number.
fn sentence(number: u64) -> &'static str {
    static LINES: OnceLock<Vec<&str>> = OnceLock::new();
    let lines = LINES.get_or_init(|| PLAIN.lines().collect());
    lines[(number.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 32) as usize % lines.len()]
}

fn iteration(iter: u64) -> Iteration {
    let place =
        if iter.is_multiple_of(5) { "On spark-41a7 in /home/ann/work" } else { "And so on, as it was in round" };
    let texts = [0, 1, 2].map(|part| sentence(iter * 3 + part)).join(" ");
    Iteration {
        key: Key { epoch: 1, iter },
        slug: sourced(format!("fix-parser-{iter}")),
        module: sourced(format!("core/module{}", iter % 40)),
        outcome: Outcome::Accept,
        outcome_from: vec![FROM],
        started_at: sourced(Time::from_second(1_795_348_800 + iter.cast_signed() * 100).unwrap()),
        ended_at: None,
        tokens: [("qwen3-coder".to_owned(), Sourced { value: Tokens::default(), from: vec![FROM] })].into(),
        turns: sourced(40),
        tool_calls: sourced(30),
        judge_calls: sourced(2),
        judge_tokens: sourced(1000),
        revisions: sourced(1),
        files: sourced(
            (0..4).map(|file| format!("src/core/module{}/file{}.rs", iter % 40, (iter + file) % 60)).collect(),
        ),
        commits: vec![Commit {
            hash: format!("{iter:040x}"),
            at: None,
            subject: Some(format!("core: {} {iter}", sentence(iter).chars().take(40).collect::<String>())),
            changed: Some((10, 2)),
            by_id: true,
            from: FROM,
        }],
        verdict: Some(Verdict {
            at: None,
            word: "ACCEPT".into(),
            score: Some(0.9),
            reason: Some(format!("{texts} {place} {iter}.")),
            from: FROM,
        }),
        events: Vec::new(),
    }
}

/// The rules for secrets are measured by themselves, with the gate.
fn none(_: &[u8], _: &mut Vec<Hit>, _: &mut Vec<std::ops::Range<usize>>) {}

#[divan::bench]
fn redaction_of_ten_thousand_iterations(bencher: Bencher<'_, '_>) {
    let run =
        Run { epochs: vec![Epoch { number: 1, iterations: (0..10_000).map(iteration).collect() }], ..Run::default() };
    let value = |number: usize| if number == 0 { "spark-41a7".into() } else { format!("value-number-{number}-x") };
    let machine: Vec<Exact> = (0..150).map(|number| Exact { rule: &HOST, value: value(number).into_bytes() }).collect();
    let settings = Settings { free_text: true, secrets: none };
    bencher.bench(|| redact(&run, &settings, &machine).unwrap());
}

#[divan::bench]
fn identity_rules_on_plain_text(bencher: Bencher<'_, '_>) {
    let text = PLAIN.repeat(20_000);
    bencher.counter(BytesCount::of_str(&text)).bench(|| {
        let mut hits = Vec::new();
        text.as_bytes().chunks(256 << 10).for_each(|chunk| identity::find(chunk, &mut hits));
        hits
    });
}
