//! The parity matrix and the time series, which the exporter's own recorder writes: a record an iteration.

use std::fmt::Write as _;
use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::Path;
use std::time::Duration;

use autoswe_exporter::assessment::{Thresholds, assess};
use autoswe_exporter::config::Config;
use autoswe_exporter::observation::{
    Data, Field, Gpu, GpuReading, Heartbeat, LoopReading, LoopState, Observation, Parity, Pause, Reading, Verdict,
    Verdicts,
};
use autoswe_exporter::sink::system_state::record;
use autoswe_exporter::state::State;

use super::story::{CELLS, Iteration, Story};
use super::traps::Traps;
use super::words::MODULES;

/// Writes the matrix to `repository` and the series to `runtime`.
pub(super) fn write(runtime: &Path, repository: &Path, story: &Story, traps: &mut Traps) -> io::Result<()> {
    let (green, scope) = story.parity().last().unwrap_or((CELLS / 8, CELLS));
    let acceptance = repository.join("acceptance");
    fs::create_dir_all(&acceptance)?;
    fs::write(acceptance.join("parity-matrix.yaml"), matrix(green, scope, traps))?;
    let mut out = BufWriter::new(File::create(runtime.join("system-state.jsonl"))?);
    let config = Config::default();
    let thresholds = Thresholds::new(&config, false);
    let mut state = story.iterations.first().map(|first| State::new(&config, first.started));
    let middle = story.iterations.len() / 2;
    for (at, (iteration, parity)) in story.iterations.iter().zip(story.parity()).enumerate() {
        let Some(state) = &mut state else { break };
        let module = match at == middle {
            true => traps.plant("system-state.jsonl", "module", iteration.module),
            false => iteration.module.to_owned(),
        };
        observations(iteration, module, parity).into_iter().for_each(|seen| state.apply(seen));
        let assessment = assess(state, &thresholds, iteration.ended);
        serde_json::to_writer(&mut out, &record(state, &assessment, iteration.ended))?;
        out.write_all(b"\n")?;
    }
    out.flush()
}

/// What a run of the exporter sees at the end of `iteration`.
fn observations(iteration: &Iteration, module: String, (green, scope): (u64, u64)) -> [Observation; 4] {
    let now = iteration.ended;
    let heartbeat = Heartbeat {
        at: Some(now),
        epoch: Some(iteration.epoch),
        iteration: Some(iteration.iter),
        vertex: Some("judge".into()),
        phase: Some("judge".into()),
        phase_started_at: Some(iteration.started),
        ..Heartbeat::default()
    };
    let state = LoopState { module: Some(module), status: Some("running".into()), ..LoopState::default() };
    let verdict = Verdict { at: Some(now), verdict: iteration.outcome.word().into(), ..Verdict::default() };
    let gpu = Gpu {
        uuid: "GPU-5ca1ab1e".into(),
        name: "NVIDIA GB10".into(),
        utilization: Field::Value(0.93),
        power: Field::Value(41.0 + (iteration.wedge % 70) as f64 / 10.0),
        temperature: Field::Value(61.0 + (iteration.wedge % 9) as f64),
        throttle_reasons: Field::Value(0),
        ..Gpu::default()
    };
    let parity = Parity { green, red: scope - green - 30, manual: 18, not_applicable: 12, ..Parity::default() };
    [
        Data::Loop(LoopReading {
            heartbeat: Reading::Observed(heartbeat),
            state: Reading::Observed(state),
            pause: Reading::Observed(Pause::default()),
        }),
        Data::Parity(parity),
        Data::Verdicts(Verdicts { recent: vec![verdict], malformed_lines: 0 }),
        Data::Gpu(GpuReading { driver_version: "580.95.05".into(), gpus: vec![gpu], lost: Vec::new() }),
    ]
    .map(|data| Observation {
        source: data.source(),
        at: now,
        took: Duration::from_millis(1),
        reading: Reading::Observed(data),
    })
}

/// The matrix as it stands at the end.
fn matrix(green: u64, scope: u64, traps: &mut Traps) -> String {
    let comment = traps.plant_line("parity-matrix.yaml", "comment", "Behaviour by behaviour, against the reference.");
    let mut text = format!("# {comment}\nmodules:\n");
    let each = scope / MODULES.len() as u64;
    let mut cell = 0;
    for (at, module) in MODULES.iter().enumerate() {
        writeln!(text, "  {}:", module.name).unwrap_or_default();
        let count = if at + 1 == MODULES.len() { scope - cell } else { each };
        for number in 0..count {
            let feature = module.features[usize::try_from(number).unwrap_or(0) % module.features.len()];
            let status = match cell {
                cell if cell < green => "green",
                cell if cell < green + 18 => "manual",
                cell if cell < green + 30 => "n/a",
                _ => "red",
            };
            let name = format!("{feature}-{:02}", number / module.features.len() as u64 + 1);
            match cell % 9 {
                0 => writeln!(text, "    {name}: {{status: {status}, owner: judge}}"),
                _ => writeln!(text, "    {name}: {status}"),
            }
            .unwrap_or_default();
            cell += 1;
        }
    }
    text
}
