//! What a release of 20,000 files costs: the first, one more iteration (linked, then recycled), and nothing new.
//!
//! The gate is a stand-in that costs next to nothing: what the real one costs is measured with it. Run with
//! `cargo bench --bench release`; `AUTOSWE_BENCH_FILES` sets another number of files.

#![expect(clippy::print_stdout, reason = "the figures are what it is for")]

#[path = "stage/mod.rs"]
mod stage;

use std::io::{self, Read};
use std::path::Path;
use std::time::Instant;

use autoswe_exporter::journey::draft::{Digest, Draft};
use autoswe_exporter::journey::release::{Built, Finding, Gate, Piece, Private, Release, Store, Terms, UNWATCHED};
use ring::digest::{SHA256, digest};
use stage::own_cpu_seconds;

/// Releases that are kept beside the one that is shown.
const KEEP: usize = 5;

/// Finds nothing but its canary.
struct Quick;

impl Gate for Quick {
    fn scan(&self, name: &str, _: &[u8]) -> io::Result<Vec<Finding>> {
        let finding = |rule: &str| Finding {
            rule: rule.into(),
            file: name.into(),
            line: 1,
            column: 1,
            fingerprint: String::new(),
            layers: Vec::new(),
        };
        Ok(if name == "canary.txt" { vec![finding("canary")] } else { Vec::new() })
    }

    fn scan_stream(&self, name: &str, _: &mut dyn Read) -> io::Result<Vec<Finding>> {
        self.scan(name, b"")
    }

    fn rules_hash(&self) -> Digest {
        [1; 32]
    }

    fn canaries(&self) -> io::Result<Vec<(String, Vec<u8>)>> {
        Ok(vec![("canary.txt".into(), b"canary".to_vec())])
    }

    fn is_caught(&self, _: &str, findings: &[Finding]) -> Result<(), String> {
        findings.first().map(|_| ()).ok_or_else(|| "it was not found".into())
    }
}

fn main() {
    let files: usize = std::env::var("AUTOSWE_BENCH_FILES").map_or(20_000, |files| files.parse().expect("a number"));
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path();
    let iterations = files / 2;
    time("first release", || release(path, iterations, 0));
    for version in 1..=KEEP {
        time("one more iteration, linked", || release(path, iterations, version));
    }
    for version in KEEP + 1..=KEEP + 5 {
        time("one more iteration, recycled", || release(path, iterations, version));
    }
    time("the same again", || release(path, iterations, KEEP + 5));
    for _ in 0..3 {
        time("nothing new: what is shown is intact", || {
            store(path).intact().expect("a readable directory").expect("it is intact")
        });
    }
}

fn store(path: &Path) -> Store {
    let private = Private::open(&path.join("state")).expect("a state directory");
    Store::open(&path.join("web"), private).expect("an output directory")
}

fn release(path: &Path, iterations: usize, version: usize) -> Release {
    let store = store(path);
    let terms = Terms { as_of: None, keep: KEEP, sidecars: false, watch: UNWATCHED };
    assert!(store.rescan(&Quick).expect("readable releases").is_empty());
    let Ok(Built::Clean(release)) = store.build(pieces(iterations, version), &Quick, terms) else {
        panic!("it is clean")
    };
    store.flip(&release.hash, UNWATCHED).expect("the pointer");
    store.make_compatible().expect("the links");
    store.prune(KEEP, &release.hash, UNWATCHED).expect("old releases go");
    release
}

/// A site with `iterations` and `version` more: two files each, an index, the data, and a page of the newest.
fn pieces(iterations: usize, version: usize) -> Vec<Piece<'static>> {
    let mut pieces = Vec::with_capacity(2 * (iterations + version) + 3);
    for number in 0..iterations + version {
        pieces.push(piece(format!("iterations/epoch-1-iter-{number:05}.md"), number, 2_000));
        // The last one has no link to a next one yet.
        let is_last = usize::from(number + 1 == iterations + version);
        pieces.push(piece(format!("iterations/epoch-1-iter-{number:05}.html"), 2 * number + is_last, 8_000));
    }
    pieces.push(piece("index.html".into(), version, 30_000));
    pieces.push(piece("newest.html".into(), version, 60_000));
    pieces.push(piece("site-data.json".into(), version, 400 * iterations));
    pieces
}

fn piece(path: String, seed: usize, size: usize) -> Piece<'static> {
    let text = format!("{path} {seed} ");
    let mut source = [0; 32];
    source.copy_from_slice(digest(&SHA256, text.as_bytes()).as_ref());
    Draft { path, source, render: Box::new(move || Ok(text.repeat(size.div_ceil(text.len())).into_bytes())) }.into()
}

fn time(name: &str, work: impl FnOnce() -> Release) {
    let (start, cpu) = (Instant::now(), own_cpu_seconds());
    let release = work();
    let (took, cpu) = (start.elapsed(), own_cpu_seconds() - cpu);
    println!(
        "{name}: {:.0} ms, {:.0} ms of CPU time, {} files, {} MB",
        took.as_secs_f64() * 1e3,
        cpu * 1e3,
        release.files,
        release.bytes / 1_000_000
    );
}
