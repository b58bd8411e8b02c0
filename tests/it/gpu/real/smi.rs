//! What `nvidia-smi` tells.
//!
//! Invariant: what it has no value for is `None`, whatever its words for that are; a question that it refuses is
//! printed with its answer and counts as having no value.

use std::collections::BTreeMap;
use std::process::Command;

const FORMAT: &str = "--format=csv,noheader,nounits";

/// The indices of all GPUs. Without a driver the test ends here.
pub(super) fn gpus() -> Vec<u32> {
    let told = run(&["--query-gpu=index".into(), FORMAT.into()]);
    let told = told.unwrap_or_else(|why| panic!("this test needs an NVIDIA GPU and its driver: {why}"));
    told.lines().map(|index| index.trim().parse().unwrap()).collect()
}

/// The values of `fields` of one GPU.
pub(super) fn ask<const N: usize>(gpu: u32, fields: [&str; N]) -> [Option<String>; N] {
    table("gpu", gpu, fields).pop().unwrap_or([const { None }; N])
}

/// The same where the values are numbers, hexadecimal ones after `0x`.
pub(super) fn numbers<const N: usize>(gpu: u32, fields: [&str; N]) -> [Option<f64>; N] {
    ask(gpu, fields).map(|text| number(&text?))
}

/// The rows of `--query-WHAT` for one GPU.
pub(super) fn table<const N: usize>(what: &str, gpu: u32, fields: [&str; N]) -> Vec<[Option<String>; N]> {
    let arguments = [format!("--id={gpu}"), format!("--query-{what}={}", fields.join(",")), FORMAT.into()];
    let told = run(&arguments).unwrap_or_else(|why| {
        eprintln!("{why}");
        String::new()
    });
    let row = |line: &str| line.split(", ").map(value).collect::<Vec<_>>().try_into();
    let rows = told.lines().filter(|line| !line.trim().is_empty());
    rows.map(|line| row(line).unwrap_or_else(|_| panic!("{fields:?}: {line}"))).collect()
}

/// The temperatures of one GPU by their names, degrees Celsius, such as `GPU Slowdown Temp` or, as a margin, `GPU
/// Slowdown T.Limit Temp`.
pub(super) fn temperatures(gpu: u32) -> BTreeMap<String, f64> {
    let told = run(&["-q".into(), "-d".into(), "TEMPERATURE".into(), format!("--id={gpu}")]).unwrap();
    eprintln!("{}", told.trim());
    let celsius = |line: &str| {
        let (name, text) = line.split_once(':')?;
        Some((name.trim().to_owned(), text.trim().strip_suffix(" C")?.parse().ok()?))
    };
    told.lines().filter_map(celsius).collect()
}

fn number(text: &str) -> Option<f64> {
    match text.strip_prefix("0x") {
        Some(digits) => u32::from_str_radix(digits, 16).ok().map(f64::from),
        None => text.parse().ok(),
    }
}

fn value(text: &str) -> Option<String> {
    let text = text.trim();
    (!text.starts_with('[') && text != "N/A").then(|| text.to_owned())
}

fn run(arguments: &[String]) -> Result<String, String> {
    let output = Command::new("nvidia-smi").args(arguments).output().map_err(|error| format!("nvidia-smi: {error}"))?;
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    if output.status.success() {
        return Ok(said);
    }
    let complaints = String::from_utf8_lossy(&output.stderr);
    Err(format!("nvidia-smi {}: {}: {} {}", arguments.join(" "), output.status, said.trim(), complaints.trim()))
}
