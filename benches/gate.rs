//! What the leak gate costs on transcripts and Markdown, beside ripgrep with 30 patterns.
//!
//! Run with `cargo bench --bench gate`; `AUTOSWE_BENCH_JOURNEY` names the release build (without it the library is
//! measured as the benchmark was built), `AUTOSWE_BENCH_CORPUS` a file that keeps the corpus from run to run,
//! `AUTOSWE_BENCH_MB` its size (200). A peer that is missing is named as missing. Figures are CPU time and peak memory;
//! nothing here asserts.

#![expect(clippy::print_stdout, reason = "the figures are what it is for")]

#[path = "corpus/mod.rs"]
mod corpus;

use std::fs::File;
use std::io::BufWriter;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use autoswe_exporter::journey::leak::{Options, RuleSet, Scanner};

/// Tells the benchmark, started by itself, what to measure.
const PART: &str = "AUTOSWE_BENCH_PART";
const RUNS: usize = 3;

fn main() {
    let size: u64 = std::env::var("AUTOSWE_BENCH_MB").map_or(200, |size| size.parse().expect("a number of megabytes"));
    if let Ok(part) = std::env::var(PART) {
        return measure(&part, Path::new(&std::env::args().next_back().expect("a path")));
    }
    let directory = tempfile::tempdir().expect("a directory");
    let kept = std::env::var("AUTOSWE_BENCH_CORPUS").map(PathBuf::from).ok();
    let path = kept.unwrap_or_else(|| directory.path().join("transcript.jsonl"));
    if !path.exists() {
        let mut file = BufWriter::new(File::create(&path).expect("a file"));
        corpus::write(&mut file, size * 1_000_000).expect("room on the disk");
    }
    let bytes = std::fs::metadata(&path).expect("the file").len();
    println!("{bytes} bytes");
    for part in ["reading alone", "rules alone", "engine without rules", "library"] {
        peer(part, bytes, || {
            let mut command = Command::new(std::env::current_exe().expect("this program"));
            command.env(PART, part).arg(&path);
            command
        });
    }
    match std::env::var("AUTOSWE_BENCH_JOURNEY") {
        Ok(journey) => {
            peer("scan", bytes, || with(&journey, &["scan"], &path));
            peer("scan --public", bytes, || with(&journey, &["scan", "--public"], &path));
        }
        Err(_) => println!("scan: AUTOSWE_BENCH_JOURNEY names no release build"),
    }
    let patterns: Vec<_> = PATTERNS.iter().flat_map(|pattern| ["-e", pattern]).collect();
    peer("rg -c, 30 patterns", bytes, || with("rg", &[&["-c", "-a"][..], &patterns].concat(), &path));
    peer("rg -c, 30 literals", bytes, || {
        let literals: Vec<_> = LITERALS.iter().flat_map(|literal| ["-e", literal]).collect();
        with("rg", &[&["-c", "-a", "-F"][..], &literals].concat(), &path)
    });
}

/// Scans in this process.
fn measure(part: &str, path: &Path) {
    let mut file = File::open(path).expect("the corpus");
    let secrets = match part {
        "reading alone" => return read(&mut file, |_| {}),
        "rules alone" => {
            let (mut hits, mut runs) = (Vec::new(), Vec::new());
            return read(&mut file, |bytes| {
                runs.clear();
                hits.clear();
                (RuleSet::SECRETS.find)(bytes, &mut hits, &mut runs);
            });
        }
        "engine without rules" => RuleSet { find: |_, _, _| {}, ..RuleSet::SECRETS },
        _ => RuleSet::SECRETS,
    };
    let scanner = Scanner::new(Options { secrets, ..Options::default() }).expect("a scanner");
    let examined = scanner.examine("transcript.jsonl", "transcript.jsonl", &mut file);
    println!("    {} values found, {:?}", examined.findings.len(), examined.failed);
}

fn read(file: &mut File, mut each: impl FnMut(&[u8])) {
    let mut buffer = vec![0; 256 << 10];
    loop {
        match std::io::Read::read(file, &mut buffer).expect("bytes") {
            0 => return,
            length => each(&buffer[..length]),
        }
    }
}

fn with(program: &str, arguments: &[&str], path: &Path) -> Command {
    let mut command = Command::new(program);
    command.args(arguments).arg(path);
    command
}

/// CPU and memory of a program, by GNU time's words: the best of some runs.
fn peer(name: &str, bytes: u64, command: impl Fn() -> Command) {
    let mut best: Option<(f64, u64, String)> = None;
    for _ in 0..RUNS {
        let inner = command();
        let mut timed = Command::new("/usr/bin/env");
        timed.args(["time", "-f", "%U %S %M"]).arg(inner.get_program()).args(inner.get_args());
        timed.envs(inner.get_envs().filter_map(|(name, value)| Some((name, value?))));
        let Ok(output) = timed.stdin(Stdio::null()).output() else { return println!("{name}: `time` is not here") };
        let told = String::from_utf8_lossy(&output.stderr).lines().last().unwrap_or_default().to_owned();
        let mut figures = told.split_whitespace().filter_map(|figure| figure.parse::<f64>().ok());
        let (Some(user), Some(system), Some(kilobytes)) = (figures.next(), figures.next(), figures.next()) else {
            return println!("{name}: not here");
        };
        if output.status.code() == Some(127) {
            return println!("{name}: not here");
        }
        if best.as_ref().is_none_or(|(least, _, _)| user + system < *least) {
            best = Some((user + system, kilobytes as u64, String::from_utf8_lossy(&output.stdout).into_owned()));
        }
    }
    if let Some((cpu, kilobytes, told)) = best {
        let speed = bytes as f64 / cpu.max(0.01) / 1e6;
        println!("{name:<22} {cpu:>6.2} s CPU, {speed:>6.0} MB/s, {:>5.1} MiB", kilobytes as f64 / 1024.0);
        told.lines().filter(|line| line.starts_with("    ")).for_each(|line| println!("{line}"));
    }
}

/// Shapes of tokens as vendors publish them.
const PATTERNS: [&str; 30] = [
    "AKIA[0-9A-Z]{16}",
    "ASIA[0-9A-Z]{16}",
    "ghp_[A-Za-z0-9]{36}",
    "gho_[A-Za-z0-9]{36}",
    "ghs_[A-Za-z0-9]{36}",
    "github_pat_[A-Za-z0-9_]{82}",
    "glpat-[A-Za-z0-9_-]{20}",
    "xox[bp]-[0-9A-Za-z-]{10,}",
    "sk_live_[0-9a-zA-Z]{24}",
    "rk_live_[0-9a-zA-Z]{24}",
    "AIza[0-9A-Za-z_-]{35}",
    "ya29\\.[0-9A-Za-z_-]{20,}",
    "sk-[A-Za-z0-9]{48}",
    "sk-ant-[A-Za-z0-9_-]{90,}",
    "hf_[A-Za-z]{34}",
    "npm_[A-Za-z0-9]{36}",
    "pypi-[A-Za-z0-9_-]{50,}",
    "dop_v1_[a-f0-9]{64}",
    "SG\\.[A-Za-z0-9_-]{22}\\.[A-Za-z0-9_-]{43}",
    "key-[0-9a-f]{32}",
    "shpat_[a-f0-9]{32}",
    "sq0atp-[A-Za-z0-9_-]{22}",
    "EAACEdEose0cBA[0-9A-Za-z]+",
    "-----BEGIN [A-Z ]*PRIVATE KEY-----",
    "eyJ[A-Za-z0-9_-]{10,}\\.eyJ[A-Za-z0-9_-]{10,}",
    "(?i)password\\s*[=:]\\s*[\"'][^\"']{8,}",
    "(?i)api[_-]?key\\s*[=:]\\s*[\"'][^\"']{16,}",
    "[a-z]+://[^/\\s:@]+:[^/\\s:@]+@",
    "(?i)bearer [a-z0-9._-]{20,}",
    "AGE-SECRET-KEY-1[0-9A-Z]{58}",
];

const LITERALS: [&str; 30] = [
    "AKIA",
    "ASIA",
    "ghp_",
    "gho_",
    "ghs_",
    "github_pat_",
    "glpat-",
    "xoxb-",
    "sk_live_",
    "rk_live_",
    "AIza",
    "ya29.",
    "sk-ant-",
    "hf_",
    "npm_",
    "pypi-",
    "dop_v1_",
    "SG.",
    "shpat_",
    "sq0atp-",
    "EAACEdEose0cBA",
    "PRIVATE KEY-----",
    "AGE-SECRET-KEY-1",
    "xoxp-",
    "ghu_",
    "ghr_",
    "dckr_pat_",
    "PMAK-",
    "lin_api_",
    "vercel_",
];
