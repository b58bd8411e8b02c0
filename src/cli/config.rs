//! `check-config`, `print-config` and `print-rules`.

use std::path::Path;
use std::process::ExitCode;

use super::output;
use crate::alert;
use crate::config::{self, Loaded, Origin};

/// Says that the configuration loads, and how many settings it sets.
pub(super) fn check(loaded: &Loaded, file: Option<&Path>) -> ExitCode {
    let from = |which: fn(&Origin) -> bool| loaded.origins.values().filter(|origin| which(origin)).count();
    let mut text = format!(
        "OK: {} settings set ({} by the file, {} by the environment, {} by flags); the rest have their defaults\n",
        loaded.origins.len(),
        from(|origin| matches!(origin, Origin::File { .. })),
        from(|origin| matches!(origin, Origin::Environment(_))),
        from(|origin| matches!(origin, Origin::Flag(_))),
    );
    if file.is_none() {
        text.push_str("no file was named; name one with --config.file\n");
    }
    loaded.notes.iter().for_each(|note| text += &format!("note: {note}\n"));
    shown(&text)
}

/// Prints the effective settings.
pub(super) fn print(loaded: &Loaded) -> ExitCode {
    loaded.notes.iter().for_each(|note| output::complain(&format!("note: {note}")));
    shown(&config::print(loaded))
}

/// Prints the rules for Prometheus that scrapes the exporters as `job`.
pub(super) fn print_rules(loaded: &Loaded, job: &str) -> ExitCode {
    loaded.notes.iter().for_each(|note| output::complain(&format!("note: {note}")));
    shown(&alert::rules::print(&loaded.config.alerts, job))
}

fn shown(text: &str) -> ExitCode {
    match output::print(text) {
        Ok(_) => ExitCode::SUCCESS,
        Err(message) => output::fail(1, &message),
    }
}
