//! What a parity matrix of the size that the contract allows costs: 100,000 cells, 10.9 MB.
//!
//! `cargo bench --bench parity`; the last line is the peak memory of the whole run.

use std::fmt::Write;
use std::io::Cursor;
use std::sync::LazyLock;

use autoswe_exporter::source::parity::parse;

static MATRIX: LazyLock<String> = LazyLock::new(|| {
    let mut yaml = String::from("version: 1\nmodules:\n");
    for cell in 0..100_000 {
        if cell % 100 == 0 {
            write!(yaml, "  module_{:04}:\n    owner: team\n    cells:\n", cell / 100).expect("text takes it");
        }
        let status = ["green", "red", "manual", "n/a"][cell % 4];
        write!(yaml, "      - id: cell-{cell:06}\n        name: behaves as before in this case\n")
            .expect("text takes it");
        write!(yaml, "        status: {status}\n        note: \"checked\"\n").expect("text takes it");
    }
    yaml
});

/// The same matrix as one line of JSON.
static JSON: LazyLock<String> = LazyLock::new(|| {
    let value: serde_json::Value = serde_yaml::from_str(&MATRIX).expect("YAML");
    value.to_string()
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

fn main() {
    divan::main();
}
