//! What a parity matrix of the size that the contract allows costs: 100,000 cells, 10.9 MB.
//!
//! `cargo bench --bench parity`; the last line is the peak memory of the whole run.

use std::fmt::Write;
use std::io::Cursor;
use std::sync::LazyLock;

use autoswe_exporter::source::parity::parse;

const STATUS: [&str; 4] = ["green", "red", "manual", "n/a"];

static MATRIX: LazyLock<String> = LazyLock::new(|| {
    let mut yaml = String::from("version: 1\nmodules:\n");
    for cell in 0..100_000 {
        if cell % 100 == 0 {
            write!(yaml, "  module_{:04}:\n    owner: team\n    cells:\n", cell / 100).expect("text takes it");
        }
        write!(yaml, "      - id: cell-{cell:06}\n        name: behaves as before in this case\n")
            .expect("text takes it");
        write!(yaml, "        status: {}\n        note: \"checked\"\n", STATUS[cell % 4]).expect("text takes it");
    }
    yaml
});

/// As many cells as one line of JSON.
static JSON: LazyLock<String> = LazyLock::new(|| {
    let mut json = String::from("{\"cells\": [{}");
    for cell in 0..100_000 {
        write!(json, ", {{\"id\": \"cell-{cell:06}\", \"name\": \"behaves as before in this case\", ")
            .expect("text takes it");
        write!(json, "\"status\": \"{}\", \"note\": \"checked\"}}", STATUS[cell % 4]).expect("text takes it");
    }
    json + "]}"
});

#[divan::bench(sample_count = 10)]
fn yaml(bencher: divan::Bencher<'_, '_>) {
    let matrix = MATRIX.as_bytes();
    let bencher = bencher.counter(divan::counter::BytesCount::of_slice(matrix));
    bencher.bench(|| parse(&mut Cursor::new(divan::black_box(matrix))).expect("a matrix").cells());
}

#[divan::bench(sample_count = 10)]
fn json(bencher: divan::Bencher<'_, '_>) {
    let matrix = JSON.as_bytes();
    let bencher = bencher.counter(divan::counter::BytesCount::of_slice(matrix));
    bencher.bench(|| parse(&mut Cursor::new(divan::black_box(matrix))).expect("a matrix").cells());
}

/// The worst that the bounds admit: a flow collection that ends just before it is refused.
#[divan::bench(sample_count = 10)]
fn flow_collections_at_the_bound(bencher: divan::Bencher<'_, '_>) {
    let long = format!("- [{}]\n", "a,".repeat(125 << 10)).repeat(40);
    bencher.bench(|| parse(&mut Cursor::new(divan::black_box(&long))).expect("a matrix").cells());
}

#[expect(clippy::print_stdout, reason = "the figure is the point of the run")]
fn main() {
    divan::main();
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let peak = status.lines().find(|line| line.starts_with("VmHWM")).unwrap_or("VmHWM: not told here");
    println!("{peak}, the benchmarks' own text (10 MB each) included; run one alone to see its own");
}
