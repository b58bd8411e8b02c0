//! The words of a decision: what is done, and which row of the table said so.
//!
//! Invariant: closed lists, so that they can be labels. A reason belongs to one action.

/// What the watchdog does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Action {
    /// Nothing: the loop is alive.
    Ok,
    /// Nothing: the loop is silent, and not yet for too long.
    Warn,
    /// Nothing: it must not, or a restart would not help.
    Hold,
    /// Nothing yet.
    Wait,
    /// It restarts the loop.
    Restart,
    /// Nothing any more: a person must look.
    GiveUp,
}

impl Action {
    /// Every action.
    pub const ALL: [Action; 6] =
        [Action::Ok, Action::Warn, Action::Hold, Action::Wait, Action::Restart, Action::GiveUp];

    /// The word in labels and files.
    pub const fn name(self) -> &'static str {
        match self {
            Action::Ok => "ok",
            Action::Warn => "warn",
            Action::Hold => "hold",
            Action::Wait => "wait",
            Action::Restart => "restart",
            Action::GiveUp => "give_up",
        }
    }
}

/// Which row of the decision table matched.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Reason {
    /// Row 1: the service manager did not answer, or not with what was asked for.
    Bus,
    /// Row 2: a pause sentinel is there.
    Paused,
    /// Row 2: looking for the pause sentinels failed.
    PauseUnknown,
    /// Row 3: the unit is not loaded.
    NotLoaded,
    /// Row 4: the unit has a job, or is starting, stopping or reloading.
    Busy,
    /// Row 5: the operator stopped the unit.
    Stopped,
    /// Row 6: the unit failed, which is systemd's business.
    Failed,
    /// Row 8: the loop is alive.
    Fresh,
    /// Row 9: the loop is silent.
    Ageing,
    /// Row 10a: the phase may still be at work.
    Phase,
    /// Row 10b: the model server or a GPU is gone.
    Dependency,
    /// Row 10c: the budget is spent.
    Budget,
    /// Row 10c: too many restarts in a day.
    Latched,
    /// Row 10c: the audit trail cannot be read or written.
    History,
    /// Row 10d: the last restart was too short a while ago.
    Backoff,
    /// Row 10d: not enough evaluations agree yet.
    Confirming,
    /// Row 11: the loop is wedged.
    Silent,
}

impl Reason {
    /// Every reason, in the order of the table.
    pub const ALL: [Reason; 17] = [
        Reason::Bus,
        Reason::Paused,
        Reason::PauseUnknown,
        Reason::NotLoaded,
        Reason::Busy,
        Reason::Stopped,
        Reason::Failed,
        Reason::Fresh,
        Reason::Ageing,
        Reason::Phase,
        Reason::Dependency,
        Reason::Budget,
        Reason::Latched,
        Reason::History,
        Reason::Backoff,
        Reason::Confirming,
        Reason::Silent,
    ];

    /// The word in labels and files.
    pub const fn name(self) -> &'static str {
        match self {
            Reason::Bus => "bus",
            Reason::Paused => "paused",
            Reason::PauseUnknown => "pause_unknown",
            Reason::NotLoaded => "not_loaded",
            Reason::Busy => "busy",
            Reason::Stopped => "stopped",
            Reason::Failed => "failed",
            Reason::Fresh => "fresh",
            Reason::Ageing => "ageing",
            Reason::Phase => "phase",
            Reason::Dependency => "dependency",
            Reason::Budget => "budget",
            Reason::Latched => "latched",
            Reason::History => "history",
            Reason::Backoff => "backoff",
            Reason::Confirming => "confirming",
            Reason::Silent => "silent",
        }
    }

    /// The reason called `name`.
    pub fn of(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|reason| reason.name() == name)
    }

    /// What is done for this reason.
    pub const fn action(self) -> Action {
        match self {
            Reason::Fresh => Action::Ok,
            Reason::Ageing => Action::Warn,
            Reason::Budget | Reason::Latched | Reason::History => Action::GiveUp,
            Reason::Backoff | Reason::Confirming => Action::Wait,
            Reason::Silent => Action::Restart,
            Reason::Bus
            | Reason::Paused
            | Reason::PauseUnknown
            | Reason::NotLoaded
            | Reason::Busy
            | Reason::Stopped
            | Reason::Failed
            | Reason::Phase
            | Reason::Dependency => Action::Hold,
        }
    }

    /// The page of `docs/runbooks` that says what a person should do; `None` where nobody has to do anything.
    pub const fn runbook(self) -> Option<&'static str> {
        match self {
            Reason::Bus => Some("watchdog-bus.md"),
            Reason::Paused | Reason::PauseUnknown => Some("watchdog-paused.md"),
            Reason::NotLoaded => Some("watchdog-not-loaded.md"),
            Reason::Busy => Some("watchdog-busy.md"),
            Reason::Stopped => Some("watchdog-stopped.md"),
            Reason::Failed => Some("watchdog-failed.md"),
            Reason::Dependency => Some("watchdog-dependency.md"),
            Reason::Budget | Reason::Latched => Some("watchdog-budget.md"),
            Reason::History => Some("watchdog-history.md"),
            Reason::Ageing | Reason::Phase | Reason::Backoff | Reason::Confirming | Reason::Silent => {
                Some("watchdog-silent.md")
            }
            Reason::Fresh => None,
        }
    }
}
