//! The files that are installed, as the package holds them.
//!
//! Invariant: what is embedded is what lies in `deploy/`, and it works as it is where the programs are in `/usr/bin`.

use crate::config::UnitManager;

/// The programs that the units start.
pub const PROGRAMS: [&str; 4] = ["autoswe-exporter", "autoswe-watchdog", "autoswe-journey", "autoswe-judge"];

/// The units that most people want.
pub const TO_ENABLE: [&str; 2] = ["autoswe-exporter.service", "autoswe-watchdog.service"];

/// What a file is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A unit of this project.
    Unit,
    /// The loop's own unit: an example to be changed, written only where there is none.
    Example,
    /// A rule of polkit.
    Rule,
}

impl Kind {
    /// What begins a comment.
    pub fn comment(self) -> &'static str {
        match self {
            Kind::Unit | Kind::Example => "#",
            Kind::Rule => "//",
        }
    }
}

/// One file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Unit {
    /// Its name.
    pub name: &'static str,
    /// What it is.
    pub kind: Kind,
    /// Its text as packaged.
    pub text: &'static str,
}

macro_rules! set {
    ($directory:literal: $($name:literal $kind:ident,)*) => {
        [$(Unit {
            name: $name,
            kind: Kind::$kind,
            text: include_str!(concat!("../../deploy/systemd/", $directory, "/", $name)),
        },)*]
    };
}

const RULE: Unit = Unit {
    name: "50-autoswe-watchdog.rules",
    kind: Kind::Rule,
    text: include_str!("../../deploy/polkit/autoswe-watchdog.rules"),
};

static USER: [Unit; 15] = set! { "user":
    "autoswe-exporter.service" Unit,
    "autoswe-watchdog.service" Unit,
    "autoswe-watchdog-once.service" Unit,
    "autoswe-watchdog-once.timer" Unit,
    "autoswe-report.service" Unit,
    "autoswe-report.timer" Unit,
    "autoswe-synth.service" Unit,
    "autoswe-synth.timer" Unit,
    "autoswe-synth-bridge.path" Unit,
    "autoswe-synth-bridge.service" Unit,
    "autoswe-journey-server.service" Unit,
    "autoswe-journey-server.socket" Unit,
    "autoswe-review.service" Unit,
    "autoswe-review.timer" Unit,
    "autoswe.service" Example,
};

static SYSTEM: [Unit; 16] = {
    let [a, b, c, d, e, f, g, h, i, j, k, l, m, n, example] = set! { "system":
        "autoswe-exporter.service" Unit,
        "autoswe-watchdog.service" Unit,
        "autoswe-watchdog-once.service" Unit,
        "autoswe-watchdog-once.timer" Unit,
        "autoswe-report.service" Unit,
        "autoswe-report.timer" Unit,
        "autoswe-synth.service" Unit,
        "autoswe-synth.timer" Unit,
        "autoswe-synth-bridge.path" Unit,
        "autoswe-synth-bridge.service" Unit,
        "autoswe-journey-server.service" Unit,
        "autoswe-journey-server.socket" Unit,
        "autoswe-review.service" Unit,
        "autoswe-review.timer" Unit,
        "autoswe.service" Example,
    };
    [a, b, c, d, e, f, g, h, i, j, k, l, m, n, RULE, example]
};

/// The files of `scope`.
pub fn units(scope: UnitManager) -> &'static [Unit] {
    match scope {
        UnitManager::User => &USER,
        UnitManager::System => &SYSTEM,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(unit: &Unit) -> Vec<&'static str> {
        unit.text.lines().filter(|line| !line.starts_with('#')).collect()
    }

    fn all() -> impl Iterator<Item = &'static Unit> {
        units(UnitManager::User).iter().chain(units(UnitManager::System))
    }

    #[test]
    fn every_oneshot_ends() {
        for unit in all().filter(|unit| unit.text.contains("Type=oneshot")) {
            let limit = lines(unit).into_iter().find_map(|line| line.strip_prefix("TimeoutStartSec="));
            assert!(limit.is_some_and(|limit| limit != "infinity" && limit != "0"), "{}: {limit:?}", unit.name);
        }
        assert_eq!(all().filter(|unit| unit.text.contains("Type=oneshot")).count(), 10);
    }

    #[test]
    fn no_unit_is_skipped_while_paused() {
        for unit in all() {
            assert!(!lines(unit).iter().any(|line| line.starts_with("Condition") || line.starts_with("Assert")));
        }
    }

    /// The evidence is gathered, and a judge asked twice at most, whose tree is given ten seconds to end; what is in
    /// `deploy/` fits the default limit.
    #[test]
    fn a_review_may_take_as_long_as_its_judge() {
        for unit in all().filter(|unit| unit.name == "autoswe-review.service") {
            let limit =
                lines(unit).into_iter().find_map(|line| line.strip_prefix("TimeoutStartSec=")?.strip_suffix("min"));
            let seconds = 60.0 * limit.and_then(|limit| limit.parse().ok()).unwrap_or(0.0_f64);
            let judge = crate::config::Config::default().judge.timeout.0;
            let gathering = crate::judge::review::GATHERING.as_secs_f64();
            let needed = gathering + 2.0 * (judge + 10.0);
            assert!(seconds > needed && seconds < 30.0 * 60.0, "{seconds} s, and {needed} s may be needed");
        }
    }

    #[test]
    fn every_timer_has_a_next_run_and_a_service() {
        for unit in all().filter(|unit| unit.name.ends_with(".timer")) {
            let has = |key: &str| lines(unit).iter().any(|line| line.starts_with(key));
            assert!(has("OnBootSec=") && has("OnCalendar=") && has("AccuracySec=") && !has("OnUnit"), "{}", unit.name);
            let service = unit.name.replace(".timer", ".service");
            assert!(all().any(|unit| unit.name == service), "{service}");
        }
    }

    #[test]
    fn both_sets_say_the_same_beside_the_sandbox() {
        let of = |unit: &Unit, key: &str| -> Vec<String> {
            lines(unit).iter().filter(|line| line.starts_with(key)).map(|line| (*line).to_owned()).collect()
        };
        for user in units(UnitManager::User) {
            let system = units(UnitManager::System).iter().find(|unit| unit.name == user.name).expect(user.name);
            for key in [
                "Description",
                "Type",
                "Exec",
                "Restart",
                "Timeout",
                "On",
                "Watchdog",
                "Start",
                "Success",
                "After",
                "Path",
                "Nice",
                "IO",
                "Kill",
                "RestrictNamespaces",
                "Listen",
                "Limit",
            ] {
                assert_eq!(of(user, key), of(system, key), "{}: {key}", user.name);
            }
        }
    }

    #[test]
    fn every_trigger_is_taken_away_first_and_none_is_lost() {
        for unit in all().filter(|unit| unit.name.ends_with(".path")) {
            let path = lines(unit).into_iter().find_map(|line| line.strip_prefix("PathExists=")).expect(unit.name);
            let service = unit.name.replace(".path", ".service");
            for service in all().filter(|unit| unit.name == service) {
                let lines = lines(service);
                let first = lines.iter().find(|line| line.starts_with("Exec")).expect(service.name);
                assert_eq!(*first, format!("ExecStartPre=/bin/rm -f -- {path}"));
                assert!(lines.contains(&"StartLimitIntervalSec=0"), "{}", service.name);
            }
        }
    }

    #[test]
    fn every_system_service_names_its_user() {
        for unit in units(UnitManager::System).iter().filter(|unit| unit.name.ends_with(".service")) {
            assert!(lines(unit).contains(&"User=autoswe"), "{}", unit.name);
        }
    }
}
