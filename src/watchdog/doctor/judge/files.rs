//! The files: what the loop writes must be readable, what the watchdog writes must be writable.

use super::Found;
use crate::config::Config;
use crate::observation::{Heartbeat, Reading, seconds_since};
use crate::watchdog::doctor::Finding;
use crate::watchdog::doctor::files::{Directory, Files};
use crate::watchdog::doctor::gather::Facts;
use crate::words::{ago, bytes, length, percent};

/// All about the files.
pub(super) fn findings(facts: &Facts, config: &Config) -> Vec<Finding> {
    let files = match &facts.files {
        Ok(files) => files,
        Err(why) => {
            let mut found = Found::new("files");
            found.crit(why, "does the disk answer (`dmesg`)? nothing is restarted while looking for PAUSE fails");
            return found.findings;
        }
    };
    let mut all = runtime(files, facts.uid, config);
    // Below a directory that is not there nothing else is.
    if files.runtime.found.is_ok() {
        all.extend(written(files, facts.uid));
    }
    all.extend(heartbeat(files, facts, config));
    all.extend(pause(files, facts, config));
    all.extend(history(files, config));
    all
}

/// The runtime directory.
fn runtime(files: &Files, uid: u32, config: &Config) -> Vec<Finding> {
    let mut found = Found::new("files");
    let Directory { path, found: kind, writable } = &files.runtime;
    let path = path.display();
    match (kind, writable) {
        (Err(why), _) => found.crit(
            format!("the runtime directory: {why}"),
            "set runtime_dir (AUTOSWE_RUNTIME_DIR) to where the loop keeps its files; the loop makes it",
        ),
        (Ok(_), Err(why)) => found.crit(
            format!("{why}, so that no restart can be written down, and none is made"),
            format!("let uid {uid} write there (chown, chmod), or run this as the watchdog's user"),
        ),
        (Ok((owner, mode)), Ok(())) => {
            if *owner != uid {
                found.warn(
                    format!(
                        "{path} belongs to uid {owner}, and this is uid {uid}; files made by one may shut out the other"
                    ),
                    "run the watchdog, and this, as the loop's user",
                );
            }
            if mode & 0o002 != 0 {
                found.warn(
                    format!("everybody may write to {path}: anybody can pause the watchdog or forge a heartbeat"),
                    format!("`chmod o-w {path}`"),
                );
            }
        }
    }
    disk(&mut found, files, config);
    let room = files.disk.map_or_else(String::new, |room| format!(", {} free", bytes(room.available)));
    found.or_ok(format!("{path} is there and writable{room}"))
}

fn disk(found: &mut Found, files: &Files, config: &Config) {
    let Some(room) = files.disk else { return found.note("free disk space is not known") };
    let limits = &config.checks.host;
    let text = || {
        format!("disk {} free ({}) at {}", bytes(room.available), percent(room.ratio()), files.runtime.path.display())
    };
    let hint = "free some: a restart that cannot be written down is not made";
    if room.ratio() < limits.disk_crit.0 {
        found.crit(text(), hint);
    } else if room.ratio() < limits.disk_warn.0 {
        found.warn(text(), hint);
    }
}

/// Whether it was told already, of the runtime directory as a whole.
pub(super) fn is_told(files: &Files, why: &str) -> bool {
    files.runtime.writable.is_err() && why.contains(&*files.runtime.path.to_string_lossy())
}

/// What the watchdog writes beside the audit trail.
fn written(files: &Files, uid: u32) -> Vec<Finding> {
    let mut found = Found::new("files");
    if let Some(why) = files.state.as_ref().err().filter(|why| !is_told(files, why)) {
        found.warn(
            format!("the state file cannot be replaced ({why}): the exporter and `status` see no evaluation"),
            "let this user write there, or set watchdog.state",
        );
    }
    if let Some(Directory { path, found: kind, writable }) = &files.diagnostics {
        let path = path.display();
        let mend = "without diagnostics nobody learns why the loop hung; mend it, or set restart.diagnostics";
        match (kind, writable) {
            (Err(why), _) | (Ok(_), Err(why)) => found.warn(format!("diagnostics: {why}"), mend),
            (Ok((owner, mode)), Ok(())) if mode & 0o077 != 0 || *owner != uid => found.warn(
                format!("diagnostics hold journals and command lines, and {path} (uid {owner}, mode {mode:04o}) is open to others"),
                format!("`chmod 700 {path}`, owned by the watchdog's user"),
            ),
            _ => {}
        }
    }
    found.findings
}

/// The sign of life.
fn heartbeat(files: &Files, facts: &Facts, config: &Config) -> Vec<Finding> {
    let mut found = Found::new("heartbeat");
    let limits = &config.checks.loop_;
    let runs = facts.unit.as_ref().is_ok_and(|unit| unit.text("ActiveState") == "active");
    let beat = match &files.heartbeat {
        Reading::Observed(beat) => beat,
        Reading::Missing(why) => return unusable(found, why, (runs, limits.crit.0)),
        Reading::Failed(failure) => return unusable(found, &failure.message, (runs, limits.crit.0)),
    };
    let Some(at) = beat.at else {
        return unusable(found, "the heartbeat has no time", (runs, limits.crit.0));
    };
    let age = seconds_since(facts.now, at);
    if age > limits.warn.0 {
        let text = format!("{} old{}", length(age), if runs { "" } else { "; the loop does not run" });
        match runs {
            true => found.warn(text, "`autoswe-watchdog --once --dry-run` says what it makes of that"),
            false => found.note(text),
        }
    }
    let identity = identity(&mut found, beat, facts);
    if let Some(phase) = beat.phase.as_ref().filter(|phase| config.subagents.phases.budget(phase).is_none()) {
        found.note(format!("its phase {phase} has no budget in subagents.phases, so that no slow phase is waited for"));
    }
    found.or_ok(format!("written {}, {identity}", ago(facts.now, at)))
}

fn unusable(mut found: Found, why: &str, (runs, crit): (bool, f64)) -> Vec<Finding> {
    let hint = "set loop.heartbeat and loop.heartbeat_format to what the loop writes";
    match runs {
        true => {
            found.crit(format!("{why}; a loop without one is restarted when it has run for {}", length(crit)), hint)
        }
        false => found.warn(format!("{why}; the loop does not run"), hint),
    }
    found.findings
}

/// How it is known which run a heartbeat is of.
fn identity(found: &mut Found, beat: &Heartbeat, facts: &Facts) -> &'static str {
    let run = facts.unit.as_ref().map_or("", |unit| unit.text("InvocationID"));
    match &beat.invocation_id {
        None => "without an invocation_id, so that its run is known by times",
        Some(id) if run.is_empty() || id.replace('-', "") == run => "with the invocation_id of its run",
        Some(_) => {
            found.note("its invocation_id is not that of the present run: written before the last start?");
            "with an invocation_id"
        }
    }
}

/// The operator's sentinels.
fn pause(files: &Files, facts: &Facts, config: &Config) -> Vec<Finding> {
    let mut found = Found::new("pause");
    match &files.pause {
        Reading::Observed(pause) => match pause.since() {
            None => return found.or_ok("not paused, and the sentinels can be looked for"),
            Some(since) => {
                let text = format!("paused {}: nothing is restarted", ago(facts.now, since));
                match seconds_since(facts.now, since) > config.checks.loop_.paused.0 {
                    true => found.warn(text, "remove PAUSE and PAUSE_HARD when the pause is over"),
                    false => found.note(text),
                }
            }
        },
        Reading::Failed(failure) => found.crit(
            format!("{}; while that is not known nothing is restarted", failure.message),
            "mend the path, or set loop.pause and loop.pause_hard",
        ),
        Reading::Missing(why) => found.note(why),
    }
    found.findings
}

/// The audit trail and the restarts in it.
fn history(files: &Files, config: &Config) -> Vec<Finding> {
    let mut found = Found::new("history");
    let rules = &config.restart;
    let hint = "mend it, or set watchdog.restarts; no restart is made that cannot be written down";
    if let Some(why) = files.trail.as_ref().err().filter(|why| !is_told(files, why)) {
        found.crit(why, hint);
    }
    if let Err(why) = &files.saved {
        found.warn(why, "without it every age begins anew; a running watchdog writes it at its next evaluation");
    }
    match &files.spent {
        Err(why) if found.findings.is_empty() || files.trail.is_ok() => found.crit(
            format!("{why}; while the restarts cannot be counted none is made"),
            "look at the file, move it away or mend it, then `autoswe-watchdog reset`",
        ),
        Err(_) => {}
        Ok(spent) if spent.latched => found.crit(
            format!("{} restarts within {}: given up until a person looks", rules.latch, length(rules.latch_window.0)),
            "see `autoswe-watchdog status`, mend the cause, then `autoswe-watchdog reset`",
        ),
        Ok(spent) if spent.in_window >= rules.budget => found.crit(
            format!(
                "the budget of {} restarts in {} is spent: given up until it recovers",
                rules.budget,
                length(rules.budget_window.0)
            ),
            "see `autoswe-watchdog status`, mend the cause, then `autoswe-watchdog reset`",
        ),
        Ok(spent) => {
            let left = rules.budget.saturating_sub(spent.in_window);
            // What was told of the directory is no less in the way.
            if files.trail.is_err() {
                return found.findings;
            }
            return found.or_ok(format!(
                "{left} of {} restarts in {} left, and the audit trail can be appended to",
                rules.budget,
                length(rules.budget_window.0)
            ));
        }
    }
    found.findings
}
