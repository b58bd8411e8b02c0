//! Sets of findings, small enough to compare at every instant.
//!
//! Invariant: each code of each check has one place in the set, in the order of [`CHECKS`]; the last place tells
//! whether the loop must be restarted.

use crate::assessment::{Assessment, Presence, Severity};
use crate::check::{CHECKS, Check};

/// Most codes that all checks may have together.
pub(super) const CODES: usize = 127;

/// One code of one check, or the restart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FindingCode(u8);

impl FindingCode {
    /// The loop must be restarted.
    pub const RESTART: FindingCode = FindingCode(CODES as u8);

    /// The place of `code` of the check `check`; `None` where this version has no such code.
    pub fn of(check: &str, code: &str) -> Option<Self> {
        let mut first = 0;
        for known in CHECKS {
            if known.id == check {
                let place = known.codes.iter().position(|known| known.word == code)?;
                return u8::try_from(first + place).ok().map(FindingCode);
            }
            first += known.codes.len();
        }
        None
    }

    /// Every code in the order of reports.
    pub fn all() -> impl Iterator<Item = FindingCode> {
        (0..=CODES as u8).map(FindingCode).filter(|code| *code == FindingCode::RESTART || code.place().is_some())
    }

    /// The check and the code; those of the restart are `liveness` and `must_restart`.
    pub fn names(self) -> (&'static str, &'static str) {
        self.place().map_or(("liveness", "must_restart"), |(check, code)| (check.id, code))
    }

    /// The check and the code, as records name it: `loop.heartbeat_old`.
    pub fn name(self) -> String {
        let (check, code) = self.names();
        format!("{check}.{code}")
    }

    /// Its place among all codes, from 0.
    pub fn index(self) -> usize {
        usize::from(self.0)
    }

    fn place(self) -> Option<(&'static Check, &'static str)> {
        let mut place = self.index();
        for check in CHECKS {
            match check.codes.get(place) {
                Some(code) => return Some((check, code.word)),
                None => place -= check.codes.len(),
            }
        }
        None
    }
}

/// A set of codes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Codes(u128);

impl Codes {
    /// Those of the check at `place` in [`CHECKS`].
    pub fn of_check(place: usize) -> Self {
        let first: usize = CHECKS[..place].iter().map(|check| check.codes.len()).sum();
        Codes(((1u128 << CHECKS[place].codes.len()) - 1) << first)
    }

    /// The set with `code` in it.
    #[must_use]
    pub fn with(self, code: FindingCode) -> Self {
        Codes(self.0 | 1 << code.0)
    }

    /// What is in either.
    #[must_use]
    pub fn and(self, other: Codes) -> Self {
        Codes(self.0 | other.0)
    }

    /// What is not in `other`.
    #[must_use]
    pub fn without(self, other: Codes) -> Self {
        Codes(self.0 & !other.0)
    }

    /// What is in both.
    #[must_use]
    pub fn within(self, other: Codes) -> Self {
        Codes(self.0 & other.0)
    }

    /// Whether `code` is in it.
    pub fn has(self, code: FindingCode) -> bool {
        self.0 >> code.0 & 1 == 1
    }

    /// Whether nothing is in it.
    pub fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// What is in it, in the order of reports.
    pub fn iter(self) -> impl Iterator<Item = FindingCode> {
        let mut rest = self.0;
        std::iter::from_fn(move || {
            let place = rest.trailing_zeros();
            rest &= rest.wrapping_sub(1);
            u8::try_from(place).ok().filter(|place| *place < 128).map(FindingCode)
        })
    }
}

/// What was found at one instant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Found {
    /// At WARN or CRIT: what is critical crossed the warning on its way.
    pub warn: Codes,
    /// At CRIT.
    pub crit: Codes,
}

impl Found {
    /// The findings of `assessment`, and whether the loop must be restarted; beside them the codes of the checks that
    /// had no reading yet, of which nothing is known.
    pub fn of(assessment: &Assessment) -> (Self, Codes) {
        let (mut found, mut pending) = (Found::default(), Codes::default());
        for (place, check) in assessment.checks.iter().enumerate() {
            if check.presence == Presence::Pending {
                pending = pending.and(Codes::of_check(place));
            }
            for finding in &check.findings {
                if let Some(code) = FindingCode::of(check.check, finding.code) {
                    found.add(code, finding.severity);
                }
            }
        }
        if assessment.liveness.must_restart {
            found.add(FindingCode::RESTART, Severity::Crit);
        }
        (found, pending)
    }

    /// Adds `code`, found at `severity`.
    pub fn add(&mut self, code: FindingCode, severity: Severity) {
        if severity >= Severity::Warn {
            self.warn = self.warn.with(code);
        }
        if severity == Severity::Crit {
            self.crit = self.crit.with(code);
        }
    }

    /// The same, of the codes in `of` taken from `other`.
    #[must_use]
    pub fn taking(self, of: Codes, other: Found) -> Self {
        Found {
            warn: self.warn.without(of).and(other.warn.within(of)),
            crit: self.crit.without(of).and(other.crit.within(of)),
        }
    }

    /// How bad `code` was.
    pub fn at(self, code: FindingCode) -> Severity {
        match (self.warn.has(code), self.crit.has(code)) {
            (_, true) => Severity::Crit,
            (true, false) => Severity::Warn,
            (false, false) => Severity::Ok,
        }
    }

    /// The worst of all checks.
    pub fn severity(self) -> Severity {
        let restart = Codes::default().with(FindingCode::RESTART);
        match (self.warn.without(restart).is_empty(), self.crit.without(restart).is_empty()) {
            (_, false) => Severity::Crit,
            (false, true) => Severity::Warn,
            (true, true) => Severity::Ok,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_of_every_check_has_a_place_of_its_own() {
        let all: Vec<FindingCode> = CHECKS
            .iter()
            .flat_map(|check| check.codes.iter().map(|code| FindingCode::of(check.id, code.word).unwrap()))
            .collect();
        assert!(all.len() <= CODES && all.is_sorted() && all.windows(2).all(|pair| pair[0] != pair[1]));
        assert_eq!(FindingCode::all().count(), all.len() + 1);
        for (check, code) in CHECKS.iter().flat_map(|check| check.codes.iter().map(|code| (check.id, code.word))) {
            assert_eq!(FindingCode::of(check, code).unwrap().names(), (check, code));
        }
        assert_eq!((FindingCode::of("loop", "nonsense"), FindingCode::of("nonsense", "unread")), (None, None));
        assert_eq!(FindingCode::RESTART.name(), "liveness.must_restart");
    }

    #[test]
    fn a_set_holds_what_was_put_into_it() {
        let (first, last) = (FindingCode::of("loop", "heartbeat_old").unwrap(), FindingCode::RESTART);
        let both = Codes::default().with(last).with(first);
        assert_eq!(both.iter().collect::<Vec<_>>(), [first, last]);
        assert!(both.has(first) && !both.without(both).has(first) && Codes::default().is_empty());
        assert_eq!(Codes::of_check(0).iter().count(), CHECKS[0].codes.len());
        assert!(Codes::of_check(9).iter().all(|code| code.names().0 == "host"));
    }

    #[test]
    fn a_critical_finding_is_a_warning_too_and_a_restart_is_no_finding() {
        let mut found = Found::default();
        found.add(FindingCode::RESTART, Severity::Crit);
        assert_eq!((found.severity(), found.at(FindingCode::RESTART)), (Severity::Ok, Severity::Crit));
        let code = FindingCode::of("site", "site_old").unwrap();
        found.add(code, Severity::Warn);
        assert_eq!((found.severity(), found.at(code)), (Severity::Warn, Severity::Warn));
        found.add(code, Severity::Crit);
        assert_eq!((found.severity(), found.warn.has(code)), (Severity::Crit, true));
        let recorded = Found::default().taking(Codes::of_check(6), found);
        assert_eq!((recorded.at(code), recorded.at(FindingCode::RESTART)), (Severity::Crit, Severity::Ok));
    }
}
