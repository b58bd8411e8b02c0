//! `doctor`: prints what the library found. The exit code is 1 when something is critical.

use std::ffi::OsString;
use std::process::ExitCode;
use std::time::Duration;

use super::arguments::{Doctor, Part};
use super::output::{self, ColorChoice};
use super::{MYSELF, look, shown};
use crate::config::Loaded;
use crate::watchdog::dependencies::Known;
use crate::watchdog::doctor::{self, Grade};

/// How long a person waits without a word.
const PATIENCE: Duration = Duration::from_secs(2);

/// Runs the command; `own` is the command line, with which the child that looks at vLLM and the GPUs is started.
pub(super) async fn run(loaded: &Loaded, asked: Doctor, own: &[OsString]) -> ExitCode {
    if let Some(Part::Dependencies { vllm_seen, gpu_seen }) = asked.part {
        return look(loaded, Known { vllm: vllm_seen, gpu: gpu_seen }).await;
    }
    let child = MYSELF.into();
    let examined = doctor::examine(loaded, (&child, own));
    tokio::pin!(examined);
    let report = match tokio::time::timeout(PATIENCE, &mut examined).await {
        Ok(report) => report,
        Err(_) => {
            if output::on_terminal() {
                output::complain("something is slow or down; looking on for half a minute at most");
            }
            examined.await
        }
    };
    let text = match asked.json {
        true => format!("{:#}\n", doctor::json(&report)),
        false => {
            let color = ColorChoice::Auto.decide(output::on_terminal(), |name| std::env::var_os(name));
            doctor::text(&report, color)
        }
    };
    match (shown(&text), report.worst()) {
        (_, Grade::Crit) => ExitCode::from(1),
        (code, _) => code,
    }
}
