//! Makes a large run of the loop, for tests, benchmarks and people who want to try the journey:
//!
//! ```sh
//! cargo run --release --example generate-run -- --iterations 10000 --transcripts 2GB --out /tmp/run
//! ```
//!
//! Standard output is one JSON object: the configuration that reads the run, what was made, and what was planted where.

#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a program for the terminal, not part of what is shipped"
)]

#[path = "mod.rs"]
mod generated_run;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser;

use generated_run::{Plan, generate};

/// Makes up a run of the loop: everything that the journey reads, in the real formats.
#[derive(Debug, Parser)]
#[command(name = "generate-run")]
struct Arguments {
    /// Finished iterations
    #[arg(long, default_value_t = 200)]
    iterations: u64,
    /// Bytes of transcripts, about, such as 20MB or 2GB
    #[arg(long, default_value = "20MB", value_parser = bytes)]
    transcripts: u64,
    /// Where to make it: a directory that is empty or not there yet
    #[arg(long)]
    out: PathBuf,
    /// Commits at most, of the last accepted iterations
    #[arg(long, default_value_t = u64::MAX)]
    commits: u64,
    /// Another number, another run
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Plant fake secrets of known formats, a kind in each place
    #[arg(long)]
    secrets: bool,
    /// Plant this text in one place of every input file
    #[arg(long)]
    plant: Option<String>,
}

fn main() -> ExitCode {
    match run(Arguments::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("generate-run: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: Arguments) -> std::io::Result<()> {
    let Arguments { iterations, transcripts, out, commits, seed, secrets, plant } = arguments;
    if std::fs::read_dir(&out).is_ok_and(|mut entries| entries.next().is_some()) {
        return Err(std::io::Error::other(format!("{} is not empty; name another directory", out.display())));
    }
    let plan = Plan { iterations, transcripts, commits, seed, secrets, plant };
    let made = generate(&out, &plan)?;
    let (files, bytes, answers) = made.transcripts;
    let told = serde_json::json!({
        "config": made.config,
        "transcripts": {"files": files, "bytes": bytes, "answers": answers},
        "planted": made.traps,
    });
    println!("{told:#}");
    Ok(())
}

/// A size in bytes, with or without a unit.
fn bytes(text: &str) -> Result<u64, String> {
    let (number, unit) = text.split_at(text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len()));
    let factor = match unit {
        "" | "B" => 1,
        "kB" => 1000,
        "MB" => 1_000_000,
        "GB" => 1_000_000_000,
        _ => return Err("write a number with kB, MB or GB, such as 20MB".into()),
    };
    number.parse::<u64>().ok().and_then(|number| number.checked_mul(factor)).ok_or_else(|| "is no size".into())
}
