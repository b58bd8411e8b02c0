//! `doctor`: prints what the library found. The exit code is 1 when something is critical.

use std::process::ExitCode;
use std::time::Duration;

use super::output::{self, ColorChoice};
use super::shown;
use crate::config::Loaded;
use crate::watchdog::doctor::{self, Grade};
use crate::watchdog::exporter::Exporter;

/// How long a person waits without a word.
const PATIENCE: Duration = Duration::from_secs(2);

/// Runs the command.
pub(super) async fn run(loaded: &Loaded, exporter: &Exporter, as_json: bool) -> ExitCode {
    let examined = doctor::examine(loaded, exporter);
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
    let text = match as_json {
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
