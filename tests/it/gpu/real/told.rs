//! Comparisons in words: what we tell, what `nvidia-smi` tells, and whether that agrees.
//!
//! Invariant: a value that only one of the two tells is a disagreement.

use std::fmt::{Debug, Display};
use std::time::{Duration, Instant};

/// Longest wait for two that were asked at different moments to agree.
const PATIENCE: Duration = Duration::from_secs(20);
/// Between two comparisons.
const PAUSE: Duration = Duration::from_millis(200);

/// One comparison.
pub(super) struct Told {
    line: String,
    agrees: bool,
}

impl Told {
    /// Two numbers that may differ by `within`.
    pub(super) fn near(what: impl Display, ours: Option<f64>, theirs: Option<f64>, within: f64) -> Self {
        let agrees = match (ours, theirs) {
            (Some(ours), Some(theirs)) => (ours - theirs).abs() <= within,
            (ours, theirs) => ours == theirs,
        };
        let line = format!("{what}: ours {}, nvidia-smi {}, within {within:.3}", number(ours), number(theirs));
        Told { line, agrees }
    }

    /// Two values that must be the same.
    pub(super) fn same<T: PartialEq + Debug>(what: impl Display, ours: T, theirs: T) -> Self {
        Told { line: format!("{what}: ours {ours:?}, nvidia-smi {theirs:?}"), agrees: ours == theirs }
    }

    /// What must hold of our own value.
    pub(super) fn holds(what: impl Display, holds: bool) -> Self {
        Told { line: what.to_string(), agrees: holds }
    }
}

/// `absent`, or the number.
pub(super) fn number(value: Option<f64>) -> String {
    value.map_or("absent".into(), |value| format!("{value:.3}"))
}

/// Compares until all agree; the last comparison, whether it does or not, printed.
pub(super) async fn settle(compare: impl AsyncFn() -> Vec<Told>) -> Vec<Told> {
    let until = Instant::now() + PATIENCE;
    loop {
        let told = compare().await;
        if told.iter().all(|told| told.agrees) || Instant::now() > until {
            return print(told);
        }
        tokio::time::sleep(PAUSE).await;
    }
}

/// Prints comparisons, at once, because the test may yet fail for another reason.
pub(super) fn print(told: Vec<Told>) -> Vec<Told> {
    for Told { line, agrees } in &told {
        eprintln!("{} {line}", if *agrees { "agrees   " } else { "DISAGREES" });
    }
    told
}

/// Fails with those that do not agree.
#[track_caller]
pub(super) fn judge(told: Vec<Told>) {
    let off: Vec<String> = told.into_iter().filter(|told| !told.agrees).map(|told| told.line).collect();
    assert!(off.is_empty(), "{}", off.join("\n"));
}
