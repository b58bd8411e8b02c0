//! The program against a real NVIDIA driver, judged by what `nvidia-smi` says. By name only: `tests/run gpu`.
//!
//! Each comparison is printed, so that the output is a record. The tests share the first GPU, so one runs at a time.

#![expect(clippy::print_stderr, reason = "the comparisons are the record")]

mod behaviour;
mod smi;
mod told;
mod values;
mod work;

use std::process::Command;

use serde_json::{Value, json};

use crate::exporter::{Exporter, Home};

/// One mebibyte, in which `nvidia-smi` tells memory.
const MIB: u64 = 1 << 20;

/// What stands for vLLM on the GPU. No command line of who runs these tests holds it.
const STAND_IN: &str = "vllm_stand_in.py";

/// The running program with the home it lives in.
struct World {
    _home: Home,
    exporter: Exporter,
}

impl World {
    /// The program with these settings beside those of these tests, once it has read the GPU. It logs all it can.
    async fn start(settings: Value) -> Self {
        // First, because it says in words that there is no driver.
        let gpus = smi::gpus();
        let home = home(settings);
        let exporter = Exporter::spawn(command(&home).args(["--log.level", "debug"])).await;
        let read = |state: &Value| state["sources"]["gpu"]["status"] == "observed";
        let gpu = &exporter.until("the GPU is read", read).await["sources"]["gpu"];
        eprintln!("GPUs {gpus:?}; a reading took {} s", gpu["duration_seconds"]);
        World { _home: home, exporter }
    }
}

/// A home in which the GPU alone is watched, often, and is given time to wake up.
fn home(settings: Value) -> Home {
    let gpu = json!({"enabled": true, "interval": "250ms", "deadline": "30s", "vllm_pattern": STAND_IN});
    let home = Home::new().with(json!({"gpu": gpu})).with(settings);
    home.beat(0);
    home
}

/// The program in `home`, which finds the driver's library where these tests find it.
fn command(home: &Home) -> Command {
    let mut command = home.command();
    if let Some(path) = std::env::var_os("LD_LIBRARY_PATH") {
        command.env("LD_LIBRARY_PATH", path);
    }
    command
}

/// A series of one GPU; `labels` are those behind `gpu`, each after a comma.
fn series(name: &str, gpu: u32, labels: &str) -> String {
    format!("autoswe_gpu_{name}{{gpu=\"{gpu}\"{labels}}}")
}
