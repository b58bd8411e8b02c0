//! The clocks that ages are taken from.

use jiff::SignedDuration;

use super::Found;
use crate::config::Config;
use crate::observation::{Time, seconds_since};
use crate::watchdog::doctor::Finding;
use crate::watchdog::doctor::gather::Facts;
use crate::words::{ago, length};

/// No build of this program is older (2025-01-01): a clock before it begins at 1970 after each boot.
const EARLIEST: i64 = 1_735_689_600;

/// All about the clocks.
pub(super) fn findings(facts: &Facts, config: &Config) -> Vec<Finding> {
    let mut found = Found::new("clock");
    let ntp = "`timedatectl set-ntp true` (systemd-timesyncd), or another time service";
    let earliest = Time::from_second(EARLIEST).unwrap_or(Time::UNIX_EPOCH);
    // A file's time may be of another zone by mistake, or some hours ahead on a machine that was just set up.
    let built = facts.built.map(|built| built - SignedDuration::from_hours(24));
    if facts.now < earliest {
        found.warn(format!("it is wrong: it shows {:.0}", facts.now), ntp);
    } else if let Some(built) = built.filter(|built| facts.now < *built) {
        found.warn(format!("it is wrong: it shows {:.0}, and this program is of {built:.0}", facts.now), ntp);
    }
    let beat = facts.files.as_ref().ok().and_then(|files| files.heartbeat.observed()?.at);
    let limit = config.checks.loop_.future.0;
    if let Some(at) = beat.filter(|at| -seconds_since(facts.now, *at) > limit) {
        found.warn(
            format!("the heartbeat is {} (checks.loop.future is {})", ago(facts.now, at), length(limit)),
            "both must be of one clock: is the loop's in another zone without saying so?",
        );
    }
    if !facts.has_boot_id {
        found.warn(
            "the boot id cannot be read: a restart before this boot counts as if it were of now",
            "is /proc mounted (/proc/sys/kernel/random/boot_id)?",
        );
    }
    match &facts.synchronized {
        Ok(true) => return found.or_ok("follows a time server, and the boot id can be read"),
        Ok(false) => found.warn("follows no time server; times in the audit trail may be wrong", ntp),
        Err(why) => {
            let why = if why.is_empty() { "no answer that is understood" } else { why };
            found.note(format!("not known whether it follows a time server ({why})"));
        }
    }
    found.findings
}
