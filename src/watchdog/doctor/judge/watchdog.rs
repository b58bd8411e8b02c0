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
    let files = facts.files.as_ref().ok();
    let holder = files.and_then(|files| if let Lock::Held(who) = &files.lock { Some(who.as_str()) } else { None });
    lock(&mut found, files);
    let own = Own::of(facts);
    own.judge(&mut found, facts, config, holder);
    let who = match (own.daemon_runs(), own.timer_runs()) {
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

/// A lock that cannot be had, unless that was told of the directory that it is in.
fn lock(found: &mut Found, files: Option<&Files>) {
    if let Some(files) = files
        && let Lock::Unusable(why) = &files.lock
        && !is_told(files, why)
    {
        found.crit(
            format!("its lock cannot be had: {why}"),
            "without it the watchdog does not start; mend the file, or take it away",
        );
    }
}

/// The watchdog's own units, as far as they are there.
struct Own<'a> {
    service: Option<&'a Shown>,
    timer: Option<&'a Shown>,
    once: Option<&'a Shown>,
}

impl<'a> Own<'a> {
    fn of(facts: &'a Facts) -> Self {
        let [service, timer, once] = facts.own.each_ref().map(|unit| unit.as_ref().ok().filter(is_loaded));
        Own { service, timer, once }
    }

    fn daemon_runs(&self) -> bool {
        self.service.is_some_and(is_active)
    }

    fn timer_runs(&self) -> bool {
        self.timer.is_some_and(is_active)
    }

    fn judge(&self, found: &mut Found, facts: &Facts, config: &Config, holder: Option<&str>) {
        let kind = config.loop_.unit_manager;
        let (ctl, install) = (systemctl(kind), format!("`autoswe-exporter install-units --{}`", word(kind)));
        match (self.service, self.timer) {
            _ if facts.own.iter().any(Result::is_err) => found.note("its units cannot be looked at"),
            (None, None) => nobody(found, holder, &install),
            _ => installed(found, (self.service, self.timer), ctl),
        }
        if self.daemon_runs() && self.timer_runs() {
            found.warn(
                format!("{} and {} are both active: each turns the other away", UNITS[0], UNITS[1]),
                format!("`{ctl} disable --now {}`", UNITS[1]),
            );
        }
        if let Some(unit) = self.service.filter(|_| self.daemon_runs()) {
            its_watchdog(found, unit, config);
        }
        if let Some(unit) = self.timer.filter(|_| self.timer_runs()) {
            runs_of_timer(found, (unit, self.once), (ctl, &install));
        }
        // One that is still starting has made no evaluation yet.
        let daemon_is_up = self.service.is_some_and(|unit| unit.text("ActiveState") == "active");
        evaluated(found, facts, config, (daemon_is_up, self.timer_runs()));
    }
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
fn evaluated(found: &mut Found, facts: &Facts, config: &Config, (daemon_runs, by_timer): (bool, bool)) {
    let Ok(files) = &facts.files else { return };
    let at = files.saved.as_ref().ok().and_then(|saved| saved.last_evaluation_ts);
    let age = at.map_or(f64::INFINITY, |at| seconds_since(facts.now, at));
    let limit = config.checks.watchdog.evaluation(by_timer);
    let is_at_work = matches!(files.lock, Lock::Held(_));
    let last = at.map_or_else(
        || "no evaluation is known".into(),
        |at| format!("the last evaluation was {}", ago(facts.now, at)),
    );
    if age > limit && daemon_runs && files.lock == Lock::Free && files.runtime.found.is_ok() {
        found.warn(
            format!("{} is active and not at work in {}: {last}", UNITS[0], files.runtime.path.display()),
            "do it and this command read the same configuration (runtime_dir, --config.file, AUTOSWE_*)?",
        );
    } else if at.is_some() && age > limit && (is_at_work || by_timer) {
        found.warn(
            format!("{last}, though it is at work"),
            "see its journal; an evaluation that hangs ends by WatchdogSec, or by TimeoutStartSec of the timer's unit",
        );
    }
}
