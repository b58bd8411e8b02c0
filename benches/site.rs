//! What the site of a long run costs: the drafts of every file with nothing new, one more iteration, and all files anew.
//!
//! Run with `cargo bench --bench site`; `AUTOSWE_BENCH_ITERATIONS` says how long the run is (10,000). Figures are CPU
//! seconds of this process, the best of several: a machine that does other things too stretches the clock, not these.

#![expect(clippy::print_stdout, reason = "the figures are what it is for")]

#[path = "../tests/site_sample/mod.rs"]
mod site_sample;
#[path = "stage/mod.rs"]
mod stage;

use std::collections::BTreeMap;
use std::hint::black_box;

use autoswe_exporter::journey::draft::{Digest, Draft};
use autoswe_exporter::journey::site::{Settings, files};
use autoswe_exporter::journey::site_data::SiteData;
use stage::own_cpu_seconds;

const RUNS: usize = 5;

fn main() {
    let count = std::env::var("AUTOSWE_BENCH_ITERATIONS").map_or(10_000, |count| count.parse().expect("a number"));
    let settings = Settings {
        title: "The journey".into(),
        base_url: None,
        commit_url: Some("https://git.example.org/commit/{hash}".into()),
        with_site: true,
    };
    let newer = site_sample::journey(count + 1);
    let mut older = newer.clone();
    older.iterations.pop();
    let known = sources(&older, &settings);
    println!("{count} iterations, {} files", known.len());
    let nothing = time("nothing new: names and digests", || files(&older, &settings).len());
    let changed = fresh(files(&newer, &settings), &known).count();
    let one = time(&format!("one more: and {changed} files made"), || {
        fresh(files(&newer, &settings), &known).map(|draft| black_box(made(&draft))).sum::<usize>()
    });
    let all = time("all files made", || files(&older, &settings).iter().map(|draft| black_box(made(draft))).sum());
    let bytes: usize = files(&older, &settings).iter().map(made).sum();
    println!("all files: {:.1} MB, {:.0} MB a CPU second", bytes as f64 / 1e6, bytes as f64 / all / 1e6);
    println!("one more over nothing new: {:.0} ms", (one - nothing) * 1e3);
    for draft in fresh(files(&newer, &settings), &known).filter(|draft| made(draft) > 100_000) {
        println!("  {:>9} bytes {}", made(&draft), draft.path);
    }
}

fn sources(data: &SiteData, settings: &Settings) -> BTreeMap<String, Digest> {
    files(data, settings).into_iter().map(|draft| (draft.path.clone(), draft.source)).collect()
}

/// The drafts whose source is not known.
fn fresh<'d>(drafts: Vec<Draft<'d>>, known: &BTreeMap<String, Digest>) -> impl Iterator<Item = Draft<'d>> {
    drafts.into_iter().filter(|draft| known.get(&draft.path) != Some(&draft.source))
}

fn made(draft: &Draft<'_>) -> usize {
    (draft.render)().expect("a file").len()
}

fn time(name: &str, mut work: impl FnMut() -> usize) -> f64 {
    let mut best = f64::INFINITY;
    for _ in 0..RUNS {
        let start = own_cpu_seconds();
        black_box(work());
        best = best.min(own_cpu_seconds() - start);
    }
    println!("{name:<36} {:>8.1} ms of CPU", best * 1e3);
    best
}
