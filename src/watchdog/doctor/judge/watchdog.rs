//! The watchdog itself: whether it runs, and who starts it again.

use super::files::is_told;
use super::{Found, systemctl, word};
use crate::config::Config;
use crate::observation::seconds_since;
use crate::systemd::{Active, Shown, Span};
use crate::watchdog::doctor::Finding;
use crate::watchdog::doctor::files::{Files, Lock};
use crate::watchdog::doctor::gather::{Facts, UNITS};
use crate::words::{ago, length};

/// All about the watchdog.
pub(super) fn findings(facts: &Facts, config: &Config) -> Vec<Finding> {
    let mut found = Found::new("watchdog");
    let ctl = systemctl(config.loop_.unit_manager);
    let install = format!("`autoswe-exporter install-units --{}`", word(config.loop_.unit_manager));
    let files = facts.files.as_ref().ok();
    let holder = files.and_then(|files| if let Lock::Held(who) = &files.lock { Some(who.as_str()) } else { None });
    if let Some(files) = files
        && let Lock::Unusable(why) = &files.lock
        && !is_told(files, why)
    {
        found.crit(
            format!("its lock cannot be had: {why}"),
            "without it the watchdog does not start; mend the file, or take it away",
        );
    }
    let [service, timer, once] = facts.own.each_ref().map(|unit| unit.as_ref().ok().filter(|unit| is_loaded(unit)));
    let (daemon_runs, timer_runs) = (service.is_some_and(is_active), timer.is_some_and(is_active));
    match (service, timer) {
        _ if facts.own.iter().any(Result::is_err) => found.note("its units cannot be looked at"),
        (None, None) => nobody(&mut found, holder, &install),
        _ => installed(&mut found, (service, timer), ctl),
    }
    if daemon_runs && timer_runs {
        found.warn(
            format!("{} and {} are both active: each turns the other away", UNITS[0], UNITS[1]),
            format!("`{ctl} disable --now {}`", UNITS[1]),
        );
    }
    if let Some(unit) = service.filter(|_| daemon_runs) {
        its_watchdog(&mut found, unit, config);
    }
    if let Some(unit) = timer.filter(|_| timer_runs) {
        runs_of_timer(&mut found, (unit, once), (ctl, &install));
    }
    evaluated(&mut found, files, facts, (config, timer_runs));
    let who = match (daemon_runs, timer_runs) {
        (true, _) => UNITS[0],
        (_, true) => UNITS[1],
        // Its units are not known.
        _ if holder.is_some() => "a watchdog",
        _ => return found.findings,
    };
    let at = files.and_then(|files| files.saved.as_ref().ok()?.last_evaluation_ts);
    let last =
        at.map_or_else(|| ", no evaluation yet".into(), |at| format!(", last evaluation {}", ago(facts.now, at)));
    found.or_ok(format!("{who} is active{last}"))
}

fn is_loaded(unit: &&Shown) -> bool {
    unit.text("LoadState") == "loaded"
}

fn is_active(unit: &Shown) -> bool {
    // A daemon that has just been started is activating until its first evaluation.
    matches!(Active::of(unit.text("ActiveState")), Active::Active | Active::Activating | Active::Reloading)
}

/// No unit is installed.
fn nobody(found: &mut Found, holder: Option<&str>, install: &str) {
    match holder {
        Some(who) => found.warn(format!("a watchdog runs ({who}), but not as a unit: nobody starts it again"), install),
        None => found.warn("nobody restarts the loop: no watchdog is installed or runs", install),
    }
}

/// At least one unit is installed: is one at work, and does a boot start it?
fn installed(found: &mut Found, (service, timer): (Option<&Shown>, Option<&Shown>), ctl: &str) {
    let units = [(UNITS[0], service), (UNITS[1], timer)];
    let there = units.into_iter().filter_map(|(name, unit)| Some((name, unit?)));
    let (at_work, idle): (Vec<_>, Vec<_>) = there.partition(|(_, unit)| is_active(unit));
    if at_work.is_empty() {
        for (name, unit) in &idle {
            let state = Active::of(unit.text("ActiveState")).name();
            found.warn(
                format!("nobody restarts the loop: {name} is {state}"),
                format!("`{ctl} status {name}`, then `{ctl} enable --now {name}`"),
            );
        }
    }
    for (name, _) in at_work.iter().filter(|(_, unit)| unit.text("UnitFileState") == "disabled") {
        found.warn(
            format!("{name} is not enabled: after a boot nobody restarts the loop"),
            format!("`{ctl} enable {name}`"),
        );
    }
}

/// Who restarts the restarter.
fn its_watchdog(found: &mut Found, unit: &Shown, config: &Config) {
    let hint = "WatchdogSec=180 in its [Service] section, with Type=notify and Restart=always";
    let interval = config.restart.interval.0;
    match unit.span("WatchdogUSec") {
        None => {}
        Some(Span::Infinite) => found.warn("WatchdogSec is not set: a watchdog that hangs stays so", hint),
        Some(Span::Finite(0.0)) => found.warn("WatchdogSec is not set: a watchdog that hangs stays so", hint),
        // An evaluation tells that it is finished, and may take long when it looks at dependencies or restarts.
        Some(Span::Finite(seconds)) if seconds < 2.0 * interval + 60.0 => found.warn(
            format!("WatchdogSec ({}) is short for an evaluation each {}", length(seconds), length(interval)),
            hint,
        ),
        Some(Span::Finite(_)) => {}
    }
    if unit.text("Restart") == "no" {
        found.warn(format!("Restart=no in {}: nobody starts it again after a crash", UNITS[0]), "Restart=always");
    }
}

/// A timer that is active may have no next run, and a run that hangs keeps every later one away.
fn runs_of_timer(found: &mut Found, (timer, once): (&Shown, Option<&Shown>), (ctl, install): (&str, &str)) {
    if timer.text("SubState") == "elapsed" {
        found.warn(format!("{} is active and has no next run", UNITS[1]), format!("`{ctl} restart {}`", UNITS[1]));
    }
    match once.map(|unit| unit.span("TimeoutStartUSec")) {
        None => {
            found.warn(format!("{}, which the timer starts, is not there", UNITS[2]), format!("{install} writes both"))
        }
        Some(Some(Span::Infinite)) => found.warn(
            format!("TimeoutStartSec=infinity in {}: one run that hangs is the last", UNITS[2]),
            "TimeoutStartSec=150 in its [Service] section",
        ),
        _ => {}
    }
}

/// Whether it evaluates.
fn evaluated(found: &mut Found, files: Option<&Files>, facts: &Facts, (config, by_timer): (&Config, bool)) {
    let Some(at) = files.and_then(|files| files.saved.as_ref().ok()?.last_evaluation_ts) else { return };
    let age = seconds_since(facts.now, at);
    // The timer comes every five minutes, give or take its accuracy.
    let limit = if by_timer { config.checks.watchdog.warn.0.max(390.0) } else { config.checks.watchdog.warn.0 };
    let is_at_work = files.is_some_and(|files| matches!(files.lock, Lock::Held(_))) || by_timer;
    if age > limit && is_at_work {
        found.warn(
            format!("its last evaluation was {}, though it is at work", ago(facts.now, at)),
            "see its journal; an evaluation that hangs ends by WatchdogSec",
        );
    }
}
