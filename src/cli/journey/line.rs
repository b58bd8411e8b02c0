//! The line that tells a person on a terminal how far a run has come.
//!
//! Invariant: nothing is written unless standard error is a terminal; a run that is soon done shows nothing; the line is
//! gone when the work is done.

use std::io::{IsTerminal, Write};
use std::sync::Mutex;
use std::time::{Duration, Instant};

use super::super::report::progress::bar;
use crate::journey::synthesis::Progress;
use crate::words;

/// A run that is done sooner shows no line.
const PATIENCE: Duration = Duration::from_secs(2);
/// The line is drawn again no sooner than this.
const TICK: Duration = Duration::from_millis(150);

/// The line.
pub(super) struct Line {
    start: Instant,
    on_terminal: bool,
    drawn: Mutex<Option<Instant>>,
}

impl Line {
    /// No line yet; the run begins now.
    pub(super) fn new() -> Self {
        Line { start: Instant::now(), on_terminal: std::io::stderr().is_terminal(), drawn: Mutex::new(None) }
    }

    /// Draws how far it has come, when it is time to. Whoever waits for another run is told at once.
    pub(super) fn tell(&self, progress: Progress<'_>) {
        let is_soon = self.start.elapsed() < PATIENCE && !matches!(progress, Progress::Waiting { .. });
        if !self.on_terminal || is_soon {
            return;
        }
        // One that is being drawn by another thread is as good.
        let Ok(mut drawn) = self.drawn.try_lock() else { return };
        if drawn.is_none_or(|drawn| drawn.elapsed() >= TICK) {
            *drawn = Some(Instant::now());
            // A line that cannot be drawn is no loss.
            drop(write!(std::io::stderr(), "\r\x1b[2m{} ...\x1b[0m\x1b[K", text(progress)));
        }
    }
}

impl Drop for Line {
    fn drop(&mut self) {
        if self.drawn.lock().is_ok_and(|drawn| drawn.is_some()) {
            drop(write!(std::io::stderr(), "\r\x1b[K"));
        }
    }
}

fn text(progress: Progress<'_>) -> String {
    match progress {
        Progress::Waiting { holder } => format!("waiting for another run ({holder})"),
        Progress::Reading { done, of } => {
            format!("reading transcripts [{}] {} of {}", bar(done, of), words::bytes(done), words::bytes(of))
        }
        Progress::Building => "building the site".into(),
        Progress::Rescanning => "looking at what was published".into(),
        Progress::Making { done, of } => {
            format!("making and scanning files [{}] {done} of {of}", bar(done as u64, of as u64))
        }
        Progress::Releasing => "releasing".into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_part_of_a_run_is_told_in_words() {
        assert_eq!(text(Progress::Waiting { holder: "pid 7" }), "waiting for another run (pid 7)");
        assert_eq!(
            text(Progress::Reading { done: 1 << 30, of: 2 << 30 }),
            "reading transcripts [##########..........] 1 GiB of 2 GiB"
        );
        assert_eq!(
            text(Progress::Making { done: 0, of: 20_000 }),
            "making and scanning files [....................] 0 of 20000"
        );
    }
}
