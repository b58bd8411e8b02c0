//! `check-config`, `print-config` and `print-rules`.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::ExitCode;

use super::output;
use crate::alert::{self, beside};
use crate::config::{self, ConfigError, ConfigErrors, Loaded, Origin};
use crate::sink::push::Endpoint;
use crate::web::Secure;

/// What is wrong beyond the settings themselves: in the files that they name. `None` where nothing is.
pub(super) fn beyond(loaded: &Loaded) -> Option<ConfigErrors> {
    let files = [&loaded.config.web.config_file, &loaded.config.journey.server.config_file].into_iter().flatten();
    // One file may do for both servers.
    let files: BTreeSet<_> = files.collect();
    let web = files.into_iter().filter_map(|file| Secure::check(Path::new(file)).err());
    let errors: Vec<_> = twice(loaded).into_iter().chain(web).flat_map(|errors| errors.0).collect();
    (!errors.is_empty()).then_some(ConfigErrors(errors))
}

/// The mistake of pushing alerts that a Prometheus sends too, as its rule files say; `None` where nobody does.
fn twice(loaded: &Loaded) -> Option<ConfigErrors> {
    let path = "alertmanager.urls";
    let clashes = beside::look(&loaded.config.alertmanager).clashes;
    let errors: Vec<_> = clashes.into_iter().map(|clash| ConfigError::at(loaded.origin(path), path, clash)).collect();
    (!errors.is_empty()).then_some(ConfigErrors(errors))
}

/// Who is told of alerts; empty where nobody is.
fn receivers(loaded: &Loaded) -> String {
    let line = |receiver: Result<Endpoint, String>| match receiver {
        Ok(receiver) if receiver.is_alertmanager() => format!("alerts are pushed to {}\n", receiver.name()),
        Ok(_) => format!("alerts are pushed to the webhook in {}\n", loaded.config.webhook.url_env),
        Err(why) => format!("note: {why}; until then that receiver is left out\n"),
    };
    let unread = beside::look(&loaded.config.alertmanager).notes;
    let notes = unread.into_iter().map(|why| format!("note: {why}; whether it sends the same alerts is not known\n"));
    Endpoint::all(&loaded.config).into_iter().map(line).chain(notes).collect()
}

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
    text += &receivers(loaded);
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
