//! `rate_limit`: how often may be asked, as a bucket of tokens.
//!
//! Invariant: over any time t at most burst + t / interval requests are let through.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// One request each `interval`, and `burst` at once after a pause.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Rate {
    pub(super) interval: Duration,
    pub(super) burst: u32,
}

/// The bucket of a [`Rate`].
#[derive(Debug)]
pub(super) struct Bucket {
    rate: Rate,
    filled: Mutex<(f64, Instant)>,
}

impl Bucket {
    /// A full one.
    pub(super) fn new(rate: Rate, now: Instant) -> Self {
        Bucket { rate, filled: Mutex::new((f64::from(rate.burst), now)) }
    }

    /// Takes a token, if there is one at `now`.
    pub(super) fn take(&self, now: Instant) -> bool {
        let mut filled = self.filled.lock().unwrap_or_else(PoisonError::into_inner);
        let (tokens, since) = *filled;
        let new = now.saturating_duration_since(since).div_duration_f64(self.rate.interval);
        let tokens = (tokens + new).min(f64::from(self.rate.burst));
        let there = tokens >= 1.0;
        *filled = (if there { tokens - 1.0 } else { tokens }, now.max(since));
        there
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_burst_is_let_through_and_then_one_each_interval() {
        let start = Instant::now();
        let bucket = Bucket::new(Rate { interval: Duration::from_secs(2), burst: 3 }, start);
        let at = |seconds: f64| bucket.take(start + Duration::from_secs_f64(seconds));
        assert_eq!([at(0.0), at(0.0), at(0.0), at(0.0)], [true, true, true, false]);
        assert_eq!([at(1.9), at(2.0), at(2.1)], [false, true, false]);
        assert_eq!([at(100.0), at(100.0), at(100.0), at(100.0)], [true, true, true, false]);
    }
}
