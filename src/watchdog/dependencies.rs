//! What the loop needs and a restart would not bring back: the model server and the GPUs, by the exporter's own checks.
//!
//! They are looked at by a child process (`autoswe-exporter dependencies`), so that a driver that hangs in the kernel
//! costs that child, and the watchdog itself needs neither the driver's library nor a network. Invariant: a look that
//! failed is "not known", never "fine".

use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use tokio::time::Instant;

use super::decide::Dependency;
use super::exporter::Exporter;
use crate::assessment::{Assessment, Thresholds, assess};
use crate::check::beyond_help;
use crate::config::{Config, value::Seconds};
use crate::observation::{SourceId, Time, VllmSample};
use crate::process;
use crate::sink::state_json;
use crate::source::set;
use crate::state::State;

/// How long the look goes on when something is not as it should be: long enough for a stall to show and for the
/// one-token request to be answered, and shorter than the time between two evaluations.
const LOOK: Duration = Duration::from_secs(20);
/// How long the child may take.
const DEADLINE: Duration = Duration::from_secs(25);
/// Time between two readings of vLLM.
const PAUSE: Duration = Duration::from_secs(2);
/// Bytes of the child's answer that are kept. Readings of 64 GPUs take some 100 kB.
const MOST: usize = 1 << 20;

/// What is known from before.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Known {
    /// vLLM answered once, so that its absence is an outage.
    pub vllm: bool,
    /// A GPU was there once.
    pub gpu: bool,
}

/// What a look found.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Found {
    /// What a restart of the loop would not cure.
    pub down: Option<String>,
    /// vLLM answered, now or before.
    pub vllm_seen: bool,
    /// A GPU is there, or was.
    pub gpu_seen: bool,
    /// The readings, for diagnostics.
    pub readings: Value,
}

/// Has the exporter's program look.
///
/// # Errors
/// Why nothing is known.
pub async fn ask(exporter: &Exporter, known: Known) -> Result<Found, String> {
    let mut command = exporter.command("dependencies");
    command.args(known.vllm.then_some("--vllm-seen")).args(known.gpu.then_some("--gpu-seen"));
    let output = process::run(&mut command, DEADLINE, MOST).await.map_err(|error| match error {
        process::Error::TimedOut { .. } => {
            "looking at vLLM and the GPUs takes too long; see `dmesg` for a driver that hangs".to_owned()
        }
        process::Error::Spawn { .. } => format!("{error}; the watchdog needs it beside itself, or in PATH"),
    })?;
    Found::parse(&output.stdout).ok_or_else(|| {
        let said = String::from_utf8_lossy(&output.stderr);
        let line = said.lines().last().unwrap_or_default();
        format!("`autoswe-exporter dependencies` ended with {} and no answer: {line}", output.status)
    })
}

impl Found {
    /// What the child printed; `None` where it is no such answer, or does not say whether anything is down.
    fn parse(answer: &[u8]) -> Option<Self> {
        let answer: Value = serde_json::from_slice(answer).ok()?;
        answer.get("down").filter(|down| down.is_null() || down.is_string())?;
        serde_json::from_value(answer).ok()
    }

    /// What it means to a decision.
    pub fn dependency(&self) -> Dependency {
        self.down.clone().map_or(Dependency::Fine, Dependency::Down)
    }
}

/// Whether there is anything to look at.
pub fn any(config: &Config) -> bool {
    config.vllm.enabled || config.gpu.enabled
}

/// Looks, until all is well or `LOOK` has passed.
///
/// # Errors
/// When the operating system gives no thread.
pub async fn look(config: &Config, thresholds: &Thresholds, known: Known) -> std::io::Result<Found> {
    let config = only_dependencies(config);
    let mut thresholds = thresholds.clone();
    thresholds.vllm_expected |= known.vllm;
    let mut readers = set::readers(&config)?;
    let mut state = State::new(&config, Time::now());
    let start = Instant::now();
    loop {
        let (back, observations) = set::read_all(readers).await;
        readers = back;
        observations.into_iter().for_each(|observation| state.apply(observation));
        let assessment = assess(&state, &thresholds, Time::now());
        let down = down(&state, &assessment, known);
        let settled = down.is_none() && !must_look_again(&state);
        if settled || start.elapsed() >= LOOK {
            return Ok(Found {
                down,
                vllm_seen: known.vllm || state.vllm_window.reached(),
                gpu_seen: known.gpu || state.gpu.last().is_some_and(|last| !last.value.gpus.is_empty()),
                readings: state_json(&state, &assessment)["sources"].take(),
            });
        }
        tokio::time::sleep(PAUSE).await;
    }
}

/// The configuration with nothing on but vLLM and the GPUs, and an early one-token request.
fn only_dependencies(config: &Config) -> Config {
    let mut config = config.only(&[SourceId::Vllm, SourceId::Gpu]);
    config.vllm.canary_after = Seconds(config.vllm.canary_after.0.min(config.checks.vllm.stall_warn.0));
    config.vllm.canary_timeout = Seconds(config.vllm.canary_timeout.0.min(8.0));
    config
}

/// What is down; a GPU that was there and whose library is gone too.
fn down(state: &State, assessment: &Assessment, known: Known) -> Option<String> {
    beyond_help(&assessment.checks).or_else(|| {
        let view = state.gpu.view(assessment.at);
        let gone = known.gpu && matches!(view, crate::state::View::Missing { .. });
        gone.then(|| "gpu: its library was there before and is gone".to_owned())
    })
}

/// Whether one more reading may show a stall: there is work, and nothing was seen to move yet.
fn must_look_again(state: &State) -> bool {
    let has_work = |sample: &VllmSample| {
        let requests = |count: Option<f64>| count.is_some_and(|count| count > 0.0);
        sample.engines.iter().any(|engine| requests(engine.running) || requests(engine.waiting))
    };
    let readings = state.sources[SourceId::Vllm.index()].attempts;
    let work = state.vllm.last().is_some_and(|last| has_work(&last.value));
    work && !state.vllm_window.gauges_are_stale() && (readings < 2 || state.vllm_window.stands_still())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_that_does_not_say_whether_anything_is_down_is_none() {
        let found = Found { gpu_seen: true, ..Found::default() };
        assert_eq!(Found::parse(serde_json::to_string(&found).unwrap().as_bytes()), Some(found));
        let down = Found::parse(br#"{"down": "vllm: stalled", "later": 1}"#).unwrap();
        assert_eq!(down.dependency(), Dependency::Down("vllm: stalled".into()));
        for answer in [&b""[..], b"{}", b"[]", b"null", br#"{"down": 5}"#, br#"{"vllm_seen": true}"#] {
            assert_eq!(Found::parse(answer), None);
        }
    }
}
