//! What a check may find: the table from which findings take their hints, and alerts their text.
//!
//! Invariant: what is said of a code, whatever was found, stands in its check's table and nowhere else.

use crate::assessment::Severity::{self, Warn};

/// Something that a check may find.
#[derive(Debug, Clone, Copy)]
pub struct Code {
    /// Stable word for scripts and alerts; unique within its check.
    pub word: &'static str,
    /// The severities that it may be found at, the milder first.
    pub found: &'static [Severity],
    /// What it means, as the headline of an alert: a sentence without its full stop.
    pub summary: &'static str,
    /// What to do about it, in one line: the hint of its findings, unless a finding knows better.
    pub mend: &'static str,
    /// The readings that show it, for the description of an alert.
    pub shows: &'static [Shown],
}

impl Code {
    /// The severity nearest to `severity` that it may be found at.
    pub fn nearest(&self, severity: Severity) -> Severity {
        let may_be = self.found.iter().copied().find(|found| *found == severity);
        may_be.or(self.found.first().copied()).unwrap_or(severity)
    }
}

/// A reading that shows what was found, as the metrics tell it.
#[derive(Debug, Clone, Copy)]
pub struct Shown {
    /// A sentence without its full stop: `{}` is the value, `{gpu}` the value of the label `gpu`.
    pub says: &'static str,
    /// Where the value comes from, in PromQL: `$here` stands for the matchers of the machine, `$check` for the check's
    /// id. The sentence is said once for each series of the answer.
    pub value: &'static str,
    /// How the value is written.
    pub form: Form,
    /// The word for how a limit was crossed: `over` or `under`.
    pub crossed: &'static str,
    /// The limit that makes it this severity, by its name below the check's section of `checks`.
    pub limits: &'static [(Severity, &'static str)],
}

/// How a value is written for people.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// Seconds, as a length of time.
    Length,
    /// A share of 1, in percent.
    Share,
    /// A number without a fraction.
    Whole,
    /// A number with one digit after the point.
    Tenths,
    /// Hertz, with a prefix such as M for a million.
    Hertz,
    /// It is not: the labels tell all.
    Untold,
}

impl Shown {
    const fn new(form: Form, says: &'static str, value: &'static str) -> Self {
        Shown { says, value, form, crossed: "over", limits: &[] }
    }

    /// A length of time, seconds.
    pub const fn length(says: &'static str, value: &'static str) -> Self {
        Self::new(Form::Length, says, value)
    }

    /// A share of 1.
    pub const fn share(says: &'static str, value: &'static str) -> Self {
        Self::new(Form::Share, says, value)
    }

    /// A number of which the fraction does not matter.
    pub const fn whole(says: &'static str, value: &'static str) -> Self {
        Self::new(Form::Whole, says, value)
    }

    /// A number of which the tenths matter.
    pub const fn tenths(says: &'static str, value: &'static str) -> Self {
        Self::new(Form::Tenths, says, value)
    }

    /// A clock, hertz.
    pub const fn hertz(says: &'static str, value: &'static str) -> Self {
        Self::new(Form::Hertz, says, value)
    }

    /// Labels whose series are there when it is so.
    pub const fn labels(says: &'static str, value: &'static str) -> Self {
        Self::new(Form::Untold, says, value)
    }

    /// The same, and over which limits it is.
    pub const fn over(self, limits: &'static [(Severity, &'static str)]) -> Self {
        Shown { limits, ..self }
    }

    /// The same, and under which limits it is.
    pub const fn under(self, limits: &'static [(Severity, &'static str)]) -> Self {
        Shown { limits, crossed: "under", ..self }
    }

    /// The limit that makes it `severity`, by its name.
    pub fn limit(&self, severity: Severity) -> Option<&'static str> {
        self.limits.iter().find(|(of, _)| *of == severity).map(|(_, name)| *name)
    }
}

/// Why and since when reading a check's source fails.
pub(super) const FAILING: &[Shown] = &[FAILS, FAILING_FOR];

/// Why reading a check's source fails.
pub(super) const FAILS: Shown =
    Shown::labels("The source {source} fails: {reason}", r#"autoswe_source_failure{$here, source="$check"} == 1"#);

/// For how long the readings of a check's source have failed.
pub(super) const FAILING_FOR: Shown = Shown::length(
    "It has been so for {}",
    r#"time() - autoswe_source_failure_start_timestamp_seconds{$here, source="$check"}"#,
);

/// When a check's source was last read with success.
pub(super) const LAST_READ: &[Shown] = &[Shown::length(
    "The source {source} was last read {} ago",
    r#"time() - autoswe_source_last_success_timestamp_seconds{$here, source="$check"}"#,
)];

/// What was there is not there any more.
pub(super) const VANISHED: Code = Code {
    word: "vanished",
    found: &[Warn],
    summary: "what the check reads was there and is gone",
    mend: "find out who deleted or moved it and put it back; restart the exporter where that was on purpose",
    shows: &[],
};

/// It is there and cannot be read.
pub(super) const UNREADABLE: Code = Code {
    word: "unreadable",
    found: &[Warn],
    summary: "what the check reads cannot be read",
    mend: "mend what the reason names; until then the last good reading is judged",
    shows: FAILING,
};

/// It was not read for too long: the exporter's own trouble.
pub(super) const UNREAD: Code = Code {
    word: "unread",
    found: &[Warn],
    summary: "the exporter does not keep up with reading",
    mend: "read the exporter's log and restart it",
    shows: LAST_READ,
};
