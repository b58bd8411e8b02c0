//! The loop's unit: whether a restart is accepted, ends the old run, and brings a new one.

use std::path::Path;

use super::{Found, systemctl, word};
use crate::config::{Config, UnitManager};
use crate::observation::Reading;
use crate::systemd::{Active, Condition, Shown, Span};
use crate::watchdog::doctor::Finding;
use crate::watchdog::doctor::gather::Facts;
use crate::words::length;

/// All about the unit.
pub(super) fn findings(facts: &Facts, config: &Config) -> Vec<Finding> {
    let unit = match &facts.unit {
        Ok(unit) => unit,
        Err(why) => {
            let mut found = Found::new("unit");
            match facts.ways.bus.is_err() && facts.ways.systemctl.is_err() {
                true => found.note("not looked at: the manager does not answer"),
                false => found.crit(
                    format!("{} cannot be looked at: {why}", config.loop_.unit),
                    "is loop.unit the name of a unit, such as autoswe.service?",
                ),
            }
            return found.findings;
        }
    };
    if let Some(finding) = not_loaded(unit, facts, config) {
        return finding;
    }
    let paused = matches!(&facts.files, Ok(files) if matches!(&files.pause, Reading::Observed(pause)
        if pause.since().is_some()));
    [basics(unit, config, paused), stop(unit, config), start(unit, config), start_limit(unit, config)].concat()
}

/// A unit that the manager does not have.
fn not_loaded(unit: &Shown, facts: &Facts, config: &Config) -> Option<Vec<Finding>> {
    let (name, kind) = (&config.loop_.unit, config.loop_.unit_manager);
    let load = unit.text("LoadState");
    let mut found = Found::new("unit");
    let (this, other) = match kind {
        UnitManager::User => (UnitManager::User, UnitManager::System),
        UnitManager::System => (UnitManager::System, UnitManager::User),
    };
    let ctl = systemctl(kind);
    match load {
        "loaded" => return None,
        "not-found" if facts.is_elsewhere => found.crit(
            format!("the {} manager has no {name}, the {} manager has", word(this), word(other)),
            format!("set loop.unit_manager: {}", word(other)),
        ),
        "not-found" => found.crit(
            format!("the {} manager of uid {} has no {name}", word(kind), facts.uid),
            format!(
                "set loop.unit and loop.unit_manager, and run this as the loop's user; `{ctl} cat {name}` must show it"
            ),
        ),
        "masked" => found.crit(
            format!("{name} is masked: it cannot be started"),
            format!("`{ctl} unmask {name}`, with --runtime where it was masked so"),
        ),
        load => found.crit(
            format!("{name} is not loaded ({load}): {}", or_unknown(unit.text("LoadError"))),
            format!("mend its file ({}), then `{ctl} daemon-reload`", or_unknown(unit.text("FragmentPath"))),
        ),
    }
    Some(found.findings)
}

fn or_unknown(text: &str) -> &str {
    if text.is_empty() { "not told" } else { text }
}

/// Whether it runs, is started again, and may be restarted.
fn basics(unit: &Shown, config: &Config, paused: bool) -> Vec<Finding> {
    let mut found = Found::new("unit");
    let (name, ctl) = (&config.loop_.unit, systemctl(config.loop_.unit_manager));
    state(&mut found, unit, (name, ctl));
    manual(&mut found, unit, name);
    kind(&mut found, unit, name);
    restart(&mut found, unit);
    conditions(&mut found, unit, config, paused);
    kills(&mut found, unit);
    let (type_, restart) = (or_unknown(unit.text("Type")), or_unknown(unit.text("Restart")));
    let active = unit.text("ActiveState");
    found.or_ok(format!("{name} is loaded and {active}, Type={type_}, Restart={restart}"))
}

fn state(found: &mut Found, unit: &Shown, (name, ctl): (&str, &str)) {
    match Active::of(unit.text("ActiveState")) {
        Active::Active => {}
        Active::Inactive => found.warn(
            format!("{name} does not run; the watchdog leaves alone what somebody stopped"),
            format!("`{ctl} start {name}` where it should run"),
        ),
        Active::Failed => found.crit(
            format!("{name} has failed; the watchdog leaves crashes to systemd, and systemd has given up"),
            format!("see `{ctl} status {name}`, mend it, then `{ctl} reset-failed {name}` and `{ctl} start {name}`"),
        ),
        busy => found.note(format!(
            "{name} is {} ({}); nothing is done while that lasts",
            busy.name(),
            unit.text("SubState")
        )),
    }
    match unit.text("UnitFileState") {
        "masked" | "masked-runtime" => found.crit(
            format!("{name} is masked since it was loaded: once stopped it cannot be started"),
            format!("`{ctl} unmask {name}`"),
        ),
        "disabled" => found.note(format!("{name} is not enabled: a boot does not start it (`{ctl} enable {name}`)")),
        _ => {}
    }
    if unit.is("NeedDaemonReload") {
        found.warn(
            format!("the file of {name} was changed since it was loaded; this report is about what was loaded"),
            format!("`{ctl} daemon-reload`"),
        );
    }
}

fn manual(found: &mut Found, unit: &Shown, name: &str) {
    for setting in ["RefuseManualStop", "RefuseManualStart"] {
        if unit.is(setting) {
            found.crit(
                format!("{setting}=yes: {name} refuses to be restarted"),
                format!("take {setting}= out of its [Unit] section"),
            );
        }
    }
}

fn kind(found: &mut Found, unit: &Shown, name: &str) {
    if !name.ends_with(".service") {
        found.warn(
            format!("{name} is no service: it has no process of its own that a restart would end"),
            "set loop.unit to the service that runs the loop",
        );
    }
    if unit.text("Type") == "oneshot" {
        found.crit(
            "Type=oneshot: it is \"activating\" for as long as the loop runs, and a unit that starts is never restarted",
            "use Type=exec (or notify) in its [Service] section",
        );
    }
}

fn restart(found: &mut Found, unit: &Shown) {
    match unit.text("Restart") {
        "no" => found.warn(
            "Restart=no: a crash is nobody's, because the watchdog leaves crashes to systemd",
            "Restart=always (or on-failure) and RestartSec=30 in its [Service] section",
        ),
        weak @ ("on-success" | "on-abnormal" | "on-abort" | "on-watchdog") => found.warn(
            format!("Restart={weak}: a loop that exits with an error is not started again by anybody"),
            "Restart=always (or on-failure) in its [Service] section",
        ),
        _ => {}
    }
}

/// A start whose condition does not hold is skipped, and counts as done.
fn conditions(found: &mut Found, unit: &Shown, config: &Config, paused: bool) {
    let Some(conditions) = &unit.conditions else {
        return found.note("the conditions of its start are not known (the bus tells them)");
    };
    for condition in conditions.iter().filter(|condition| is_pause(condition, config)) {
        let Condition { name, parameter, .. } = condition;
        let text =
            format!("{name}=!{parameter}: after a crash while paused systemd skips the start, and never tries again");
        let hint = "take it out, and let the loop itself wait while it is paused";
        match paused {
            true => found.crit(format!("{text}; it is paused now"), hint),
            false => found.warn(text, hint),
        }
    }
    let others: Vec<String> = conditions.iter().filter(|other| !is_pause(other, config)).map(shown).collect();
    if !others.is_empty() {
        found.note(format!(
            "started only with {}: where that does not hold, a restart stops it for good",
            others.join(", ")
        ));
    }
}

fn shown(condition: &Condition) -> String {
    format!("{}={}{}", condition.name, if condition.negated { "!" } else { "" }, condition.parameter)
}

/// Whether it keeps the unit from starting while somebody paused the loop.
fn is_pause(condition: &Condition, config: &Config) -> bool {
    let path = Path::new(&condition.parameter);
    let settings = [&config.loop_.pause, &config.loop_.pause_hard];
    condition.name.starts_with("ConditionPathExists")
        && condition.negated
        && settings
            .into_iter()
            .any(|pause| config.in_runtime_dir(pause) == path || path.file_name() == pause.file_name())
}

/// What a stop leaves behind.
fn kills(found: &mut Found, unit: &Shown) {
    match unit.text("KillMode") {
        "none" => found.crit(
            "KillMode=none: a restart kills nothing, and starts a second copy beside the wedged one",
            "KillMode=control-group (take KillMode= out of its [Service] section)",
        ),
        "process" => found.warn(
            "KillMode=process: sub-agents of the old run survive a restart beside the new one",
            "KillMode=control-group (take KillMode= out), or mixed",
        ),
        _ => {}
    }
    if unit.text("SendSIGKILL") == "no" {
        found.warn(
            "SendSIGKILL=no: a loop that ignores SIGTERM is never killed, and stays beside the new one",
            "take SendSIGKILL= out of its [Service] section",
        );
    }
}

/// How long a stop may take.
fn stop(unit: &Shown, config: &Config) -> Vec<Finding> {
    let mut found = Found::new("stop");
    let verify = config.restart.verify.0;
    match unit.span("TimeoutStopUSec") {
        None => found.note("TimeoutStopSec is not known"),
        Some(Span::Infinite) => found.crit(
            "TimeoutStopSec=infinity: stopping a loop that ignores SIGTERM never ends, and the restart with it",
            "TimeoutStopSec=90 in its [Service] section",
        ),
        Some(Span::Finite(seconds)) if seconds >= verify => found.warn(
            format!(
                "TimeoutStopSec ({}) is no shorter than restart.verify ({}): a restart counts as not taken before the \
                 old run is killed",
                length(seconds),
                length(verify)
            ),
            "TimeoutStopSec=90, or a longer restart.verify",
        ),
        Some(Span::Finite(seconds)) => {
            return found.or_ok(format!("killed after {} (TimeoutStopSec) at the latest", length(seconds)));
        }
    }
    found.findings
}

/// How long a start may take, where it takes any time.
fn start(unit: &Shown, config: &Config) -> Vec<Finding> {
    let mut found = Found::new("start");
    let (type_, verify) = (unit.text("Type"), config.restart.verify.0);
    if !matches!(type_, "notify" | "notify-reload" | "forking" | "dbus") {
        return Vec::new();
    }
    match unit.span("TimeoutStartUSec") {
        None => found.note("TimeoutStartSec is not known"),
        Some(Span::Infinite) => found.crit(
            format!(
                "TimeoutStartSec=infinity with Type={type_}: a start that hangs never ends, and is never restarted"
            ),
            "TimeoutStartSec=90 in its [Service] section",
        ),
        Some(Span::Finite(seconds)) if seconds >= verify => found.warn(
            format!(
                "TimeoutStartSec ({}) is no shorter than restart.verify ({}): a restart may count as not taken while \
                 the loop still starts",
                length(seconds),
                length(verify)
            ),
            "a shorter TimeoutStartSec, or a longer restart.verify",
        ),
        Some(Span::Finite(seconds)) => {
            return found.or_ok(format!("given up after {} (TimeoutStartSec) at the latest", length(seconds)));
        }
    }
    found.findings
}

/// Whether a crash loop ends, and whether the watchdog's restarts run into that.
fn start_limit(unit: &Shown, config: &Config) -> Vec<Finding> {
    let mut found = Found::new("start-limit");
    let (Some(interval), Some(burst)) = (unit.span("StartLimitIntervalUSec"), unit.number("StartLimitBurst")) else {
        found.note("not known");
        return found.findings;
    };
    let mend = "StartLimitIntervalSec=1h and StartLimitBurst=8 in its [Unit] section";
    let is_retried = !matches!(unit.text("Restart"), "" | "no");
    match (interval, unit.span("RestartUSec")) {
        _ if burst == 0 || interval == Span::Finite(0.0) => {
            found.warn("there is none: a loop that crashes at every start is started for ever", mend);
        }
        (Span::Finite(window), Some(Span::Finite(pause))) if is_retried && pause * burst as f64 >= window => found.warn(
            format!(
                "{burst} starts in {} are never reached with RestartSec={pause}: a loop that crashes at every start is \
                 started for ever",
                length(window)
            ),
            mend,
        ),
        (interval, _) => {
            let window = if let Span::Finite(window) = interval { length(window) } else { "all its life".into() };
            return found.or_ok(format!(
                "{burst} starts in {window}; the watchdog's own ({} in {}) never hit it, because each empties its \
                 counter first (ResetFailedUnit)",
                config.restart.budget,
                length(config.restart.budget_window.0)
            ));
        }
    }
    found.findings
}
