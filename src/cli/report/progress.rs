//! A progress line on standard error while somebody waits.
//!
//! Invariant: nothing is written unless standard error is a terminal, and the line is gone when the work is done.

use std::cell::Cell;
use std::io::{IsTerminal, Write};
use std::pin::pin;
use std::time::{Duration, Instant};

/// How often the line is drawn again; work that is done sooner shows none.
const TICK: Duration = Duration::from_millis(150);

/// The line.
pub(in crate::cli) struct Progress {
    on_terminal: bool,
    drawn: Cell<bool>,
}

impl Progress {
    /// No line yet.
    pub(in crate::cli) fn new() -> Self {
        Progress { on_terminal: std::io::stderr().is_terminal(), drawn: Cell::new(false) }
    }

    /// Runs `work` with the line that `words` makes of the time passed.
    pub(in crate::cli) async fn during<T>(
        &self,
        words: impl Fn(Duration) -> String,
        work: impl Future<Output = T>,
    ) -> T {
        if !self.on_terminal {
            return work.await;
        }
        let (started, mut work) = (Instant::now(), pin!(work));
        loop {
            tokio::select! {
                done = &mut work => {
                    self.clear();
                    return done;
                }
                () = tokio::time::sleep(TICK) => self.draw(&words(started.elapsed())),
            }
        }
    }

    /// Draws `words`.
    pub(super) fn draw(&self, words: &str) {
        if self.on_terminal {
            self.drawn.set(true);
            // A progress line that cannot be drawn is no loss.
            drop(write!(std::io::stderr(), "\r\x1b[2m{words} ...\x1b[0m\x1b[K"));
        }
    }

    /// Takes the line away.
    pub(super) fn clear(&self) {
        if self.drawn.replace(false) {
            drop(write!(std::io::stderr(), "\r\x1b[K"));
        }
    }
}

/// `[#####.....]`: `done` of `of` as a bar of 20 characters.
pub(in crate::cli) fn bar(done: u64, of: u64) -> String {
    const WIDTH: u64 = 20;
    let filled = (done.min(of) * WIDTH).checked_div(of).unwrap_or(0);
    (0..WIDTH).map(|place| if place < filled { '#' } else { '.' }).collect()
}

#[cfg(test)]
mod tests {
    use super::bar;

    #[test]
    fn the_bar_fills_from_the_left() {
        assert_eq!(bar(0, 128), "....................");
        assert_eq!(bar(64, 128), "##########..........");
        assert_eq!(bar(500, 128), "####################");
        assert_eq!(bar(1, 0), "....................");
    }
}
