//! How fast a captured vLLM page is parsed, and how fast it becomes a sample.

use std::hint::black_box;

use autoswe_exporter::promtext::Samples;
use autoswe_exporter::source::vllm::parse;
use divan::Bencher;
use divan::counter::BytesCount;

static PAGE: &[u8] = include_bytes!("../tests/fixtures/vllm-0.32.0/busy-12.prom");

fn main() {
    divan::main();
}

/// Every sample and every label of it.
#[divan::bench]
fn samples_and_labels(bencher: Bencher<'_, '_>) {
    bencher.counter(BytesCount::of_slice(PAGE)).bench_local(|| {
        let mut found = 0;
        for sample in Samples::new(black_box(PAGE)) {
            found += sample.labels.into_iter().count() + usize::from(sample.value > 0.0);
        }
        found
    });
}

/// Every sample, its labels checked but not looked at.
#[divan::bench]
fn samples(bencher: Bencher<'_, '_>) {
    bencher
        .counter(BytesCount::of_slice(PAGE))
        .bench_local(|| Samples::new(black_box(PAGE)).map(|sample| sample.value).fold(0.0, f64::max));
}

/// The page as the source takes it.
#[divan::bench]
fn page_to_sample(bencher: Bencher<'_, '_>) {
    bencher.counter(BytesCount::of_slice(PAGE)).bench_local(|| parse(black_box(PAGE), "http://127.0.0.1:8010"));
}
