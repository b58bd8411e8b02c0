//! The way to the service manager, and whether it stays.

use super::{Found, systemctl};
use crate::config::UnitManager;
use crate::watchdog::doctor::Finding;
use crate::watchdog::doctor::gather::Facts;
use crate::watchdog::doctor::linger::Linger;
use crate::words::took;

/// Whether a restart can be asked for.
pub(super) fn bus(facts: &Facts, kind: UnitManager) -> Vec<Finding> {
    let mut found = Found::new("bus");
    let mend = match kind {
        UnitManager::User if !facts.runtime_dir_is_set => format!(
            "`export XDG_RUNTIME_DIR=/run/user/{}`, or run this as a unit of that manager; without a login: `loginctl \
             enable-linger`",
            facts.uid
        ),
        UnitManager::User => {
            "`systemctl --user status dbus.socket dbus.service`; Debian: install dbus-user-session".into()
        }
        UnitManager::System => "`systemctl status dbus.socket dbus.service`".into(),
    };
    match (&facts.ways.bus, &facts.ways.systemctl) {
        (Ok(bus), Ok(_)) => {
            return found.or_ok(format!("answers in {}; `{}` in its place too", took(*bus), systemctl(kind)));
        }
        (Ok(bus), Err(why)) => found.warn(
            format!(
                "answers in {}, but `{}`, which has to do when the bus is dead, does not: {why}",
                took(*bus),
                systemctl(kind)
            ),
            format!("try `{} list-units`; {mend}", systemctl(kind)),
        ),
        (Err(why), Ok(other)) => {
            found.warn(format!("{why}; `{}` answers in its place in {}", systemctl(kind), took(*other)), mend)
        }
        (Err(why), Err(other)) => {
            found.crit(format!("nothing can be asked of the manager: {why}; and {other}"), mend);
        }
    }
    found.findings
}

/// Whether the manager outlives a logout.
pub(super) fn linger(facts: &Facts) -> Vec<Finding> {
    let mut found = Found::new("linger");
    match &facts.linger {
        Linger::On => return found.or_ok("loop and watchdog run without a login"),
        Linger::NotApplicable => found.note("not needed: the system manager runs without a login"),
        Linger::Off(user) => found.warn(
            format!("{user} does not linger: the last logout stops loop and watchdog, and a boot starts neither"),
            format!("`loginctl enable-linger {user}`"),
        ),
        Linger::Unknown(why) => found.note(format!(
            "not known whether loop and watchdog outlive a logout, because logind does not tell ({why})"
        )),
    }
    found.findings
}
