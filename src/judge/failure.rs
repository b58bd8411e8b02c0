//! Why there is no answer.
//!
//! Invariant: each reason has its exit code and one line for people; what the judge said itself is in it bounded, on one
//! line, and without a secret.

use std::time::Duration;

/// Why there is no answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Failure {
    /// The question or the configuration is wrong.
    #[error("{0}")]
    Usage(String),
    /// The judge could not be run, failed, or said that it failed.
    #[error("{how}{}", said(words))]
    Failed {
        /// How it failed, such as `the judge codex ended with exit code 1`.
        how: String,
        /// Its own words; empty where it said nothing.
        words: String,
    },
    /// It took too long and was ended.
    #[error("no answer within {:.0} s; {left}", .limit.as_secs_f64())]
    TimedOut {
        /// How long it had.
        limit: Duration,
        /// What is left of its processes, in words.
        left: String,
    },
    /// It ended well, and what it answered cannot be told.
    #[error("no verdict: {why}")]
    NoVerdict {
        /// Why not.
        why: String,
    },
    /// What the judge was to be asked about could not be gathered, or must not be sent.
    #[error("the evidence: {0}")]
    Evidence(String),
    /// Somebody else does the same at this moment.
    #[error("{0}; it was left to it")]
    Busy(String),
    /// This process was told to end, and ended the judge or its connection first.
    #[error("ended by signal {signal}; {left}")]
    Interrupted {
        /// The signal's number.
        signal: i32,
        /// What was ended first, in words.
        left: String,
    },
}

impl Failure {
    /// No verdict, because of `why`.
    pub fn no_verdict(why: impl Into<String>) -> Self {
        Failure::NoVerdict { why: why.into() }
    }

    /// The program's exit code.
    pub fn exit_code(&self) -> u8 {
        match self {
            Failure::Failed { .. } | Failure::Evidence(_) => 1,
            Failure::TimedOut { .. } => 3,
            Failure::NoVerdict { .. } => 4,
            Failure::Usage(_) => 64,
            // EX_TEMPFAIL of sysexits.h.
            Failure::Busy(_) => 75,
            // As a shell tells it.
            Failure::Interrupted { signal, .. } => 128_u8.saturating_add(u8::try_from(*signal).unwrap_or(0)),
        }
    }

    /// One word for records and metrics.
    pub fn name(&self) -> &'static str {
        match self {
            Failure::Usage(_) => "usage",
            Failure::Failed { .. } => "failed",
            Failure::TimedOut { .. } => "timed-out",
            Failure::NoVerdict { .. } => "no-verdict",
            Failure::Evidence(_) => "evidence",
            Failure::Busy(_) => "busy",
            Failure::Interrupted { .. } => "interrupted",
        }
    }
}

fn said(words: &str) -> String {
    if words.is_empty() { "; it said nothing".into() } else { format!(": {words}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_failure_has_its_code_its_word_and_one_line() {
        let seconds = Duration::from_secs(420);
        let table = [
            (Failure::Usage("no prompt".into()), 64, "no prompt"),
            (Failure::Failed { how: "it ended".into(), words: "why".into() }, 1, "it ended: why"),
            (Failure::Failed { how: "it ended".into(), words: String::new() }, 1, "it ended; it said nothing"),
            (
                Failure::TimedOut { limit: seconds, left: "all was ended".into() },
                3,
                "no answer within 420 s; all was ended",
            ),
            (Failure::no_verdict("it is empty"), 4, "no verdict: it is empty"),
            (Failure::Evidence("it hangs".into()), 1, "the evidence: it hangs"),
            (Failure::Busy("another review is at work".into()), 75, "another review is at work; it was left to it"),
            (Failure::Interrupted { signal: 15, left: "it was ended".into() }, 143, "ended by signal 15; it was ended"),
        ];
        for (failure, code, text) in table {
            assert_eq!((failure.exit_code(), failure.to_string().as_str()), (code, text), "{}", failure.name());
        }
    }
}
