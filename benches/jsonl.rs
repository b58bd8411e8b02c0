//! What reading the end of a file of JSON lines costs, however long the file is.
//!
//! `AUTOSWE_BENCH_BYTES` sets the size of the large file; the default is 1 GB.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::sync::OnceLock;

use autoswe_exporter::config::Config;
use autoswe_exporter::jsonl::{Appender, Limits, last_lines};
use autoswe_exporter::observation::Time;
use autoswe_exporter::source::Source;
use autoswe_exporter::source::verdicts::{VerdictsSource, parse};
use divan::Bencher;

const LINE: &str = concat!(
    r#"{"ts": "2026-11-22T11:00:00Z", "epoch": 3, "iter": 117, "module": "core/parser", "verdict": "ACCEPT", "#,
    r#""score": 0.93, "reason": "all cells of the module are green and the diff stays within its bounds"}"#,
    "\n"
);

fn main() {
    divan::main();
}

/// The large file, written once, unlinked by the operating system when the benchmark ends.
fn large() -> &'static File {
    static LARGE: OnceLock<File> = OnceLock::new();
    LARGE.get_or_init(|| {
        let size: usize = std::env::var("AUTOSWE_BENCH_BYTES").map_or(1_000_000_000, |text| text.parse().unwrap());
        filled(size)
    })
}

fn filled(size: usize) -> File {
    let file = tempfile::tempfile().unwrap();
    let block = LINE.repeat(10_000);
    let mut writer = BufWriter::new(&file);
    for _ in 0..size.div_ceil(block.len()) {
        writer.write_all(block.as_bytes()).unwrap();
    }
    writer.flush().unwrap();
    drop(writer);
    file
}

#[divan::bench]
fn last_five_lines_of_a_large_file(bencher: Bencher<'_, '_>) {
    let file = large();
    bencher.bench(|| last_lines(file, 5, Limits::default()).unwrap());
}

#[divan::bench]
fn last_five_lines_of_a_small_file(bencher: Bencher<'_, '_>) {
    let file = filled(LINE.len() * 10_000);
    bencher.bench(|| last_lines(&file, 5, Limits::default()).unwrap());
}

#[divan::bench]
fn verdicts_of_a_large_file_read_and_parsed(bencher: Bencher<'_, '_>) {
    let file = large();
    bencher.bench(|| parse(&last_lines(file, 25, Limits::default()).unwrap()));
}

/// What a reading costs when nothing changed: one `stat`.
#[divan::bench]
fn verdicts_unchanged(bencher: Bencher<'_, '_>) {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("verdicts.jsonl"), LINE.repeat(100)).unwrap();
    let config = Config { runtime_dir: dir.path().to_owned(), ..Config::default() };
    let mut source = VerdictsSource::new(&config);
    bencher.bench_local(|| source.read(Time::UNIX_EPOCH));
}

/// Nothing but one endless line: the most that a hostile file can cost.
#[divan::bench]
fn one_endless_line(bencher: Bencher<'_, '_>) {
    let file = tempfile::tempfile().unwrap();
    (&file).write_all(&vec![b'x'; 8 << 20]).unwrap();
    bencher.bench(|| last_lines(&file, 5, Limits::default()).unwrap());
}

#[divan::bench]
fn append_a_line(bencher: Bencher<'_, '_>) {
    let dir = tempfile::tempdir().unwrap();
    let mut appender = Appender::new(dir.path().join("a.jsonl"), None);
    let line = vec![b'x'; 3000];
    bencher.bench_local(|| appender.append(&line, Time::UNIX_EPOCH).unwrap());
}
