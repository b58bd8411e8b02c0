//! What the service manager is told: ready after the first assessment of something, and the severity in a line.
//!
//! Invariant: ready is said once, and not before a reading was judged; listening alone is not working.

use crate::assessment::{Assessment, Severity};
use crate::systemd::notify;

/// What was told so far.
pub(super) struct Manager {
    read: bool,
    ready: bool,
    status: String,
}

impl Manager {
    /// `blind` when every source is off: then there is no reading to wait for.
    pub(super) fn new(blind: bool) -> Self {
        Manager { read: blind, ready: false, status: String::new() }
    }

    /// A reading is part of the next assessment.
    pub(super) fn reading_came(&mut self) {
        self.read = true;
    }

    /// Tells what is new. What could not be said is said after the next assessment.
    pub(super) fn tell(&mut self, assessment: &Assessment) {
        if !self.read {
            return;
        }
        self.ready = self.ready || notify::ready();
        let status = status(assessment);
        if status != self.status && notify::status(&status) {
            self.status = status;
        }
    }
}

/// The severity and the checks that it comes from.
fn status(assessment: &Assessment) -> String {
    let worst: Vec<&str> = assessment
        .checks
        .iter()
        .filter(|check| check.severity == assessment.severity && check.severity != Severity::Ok)
        .map(|check| check.check)
        .collect();
    if worst.is_empty() {
        assessment.severity.to_string()
    } else {
        format!("{}: {}", assessment.severity, worst.join(", "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::assessment::assess;
    use crate::config::{Config, Inputs, load_over};
    use crate::observation::Time;
    use crate::state::State;

    fn blank() -> Assessment {
        let loaded = load_over(Config::default(), &Inputs::default()).expect("the defaults load");
        let now = Time::now();
        assess(&State::new(&loaded.config, now), &loaded.thresholds(), now)
    }

    #[test]
    fn nothing_is_said_before_a_reading_was_judged() {
        let mut manager = Manager::new(false);
        manager.tell(&blank());
        assert!(!manager.ready && manager.status.is_empty());
        manager.reading_came();
        manager.tell(&blank());
        assert!(manager.ready && !manager.status.is_empty());
    }

    #[test]
    fn without_sources_there_is_nothing_to_wait_for() {
        let mut manager = Manager::new(true);
        manager.tell(&blank());
        assert!(manager.ready);
    }

    #[test]
    fn the_status_names_the_checks_that_are_worst() {
        let mut assessment = blank();
        assessment.severity = Severity::Crit;
        assessment.checks[0].severity = Severity::Crit;
        assert_eq!(status(&assessment), format!("CRIT: {}", assessment.checks[0].check));
        assessment.severity = Severity::Ok;
        assert_eq!(status(&assessment), "OK");
    }
}
