//! How long to wait before the next attempt.
//!
//! Invariant: at most [`Backoff`]'s longest wait, whatever a receiver asks for, and never in step with other machines.

use std::hash::{BuildHasher, RandomState};
use std::time::Duration;

/// Waits that double from the first to the longest.
#[derive(Debug, Clone, Copy)]
pub(super) struct Backoff {
    first: Duration,
    longest: Duration,
    failures: u32,
}

impl Backoff {
    pub(super) fn new(first: Duration, longest: Duration) -> Self {
        Backoff { first, longest, failures: 0 }
    }

    pub(super) fn reset(&mut self) {
        self.failures = 0;
    }

    /// The wait after one more failure, where the receiver asked for `after`.
    pub(super) fn next(&mut self, after: Option<Duration>) -> Duration {
        let doubled = self.first.saturating_mul(1 << self.failures.min(16)).min(self.longest);
        self.failures = self.failures.saturating_add(1);
        let wait = doubled.mul_f64(0.5 + 0.5 * random());
        after.map_or(wait, |after| after.min(self.longest).max(wait))
    }
}

/// The wait that the header `Retry-After` asks for. A date in it is not read: its clock is another one.
pub(super) fn retry_after(header: Option<&reqwest::header::HeaderValue>) -> Option<Duration> {
    header?.to_str().ok()?.trim().parse().ok().map(Duration::from_secs)
}

/// A number from 0 to 1. The standard library seeds its hash tables at random.
fn random() -> f64 {
    RandomState::new().hash_one(0) as f64 / u64::MAX as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_up_to_the_longest_and_differ() {
        let (first, longest) = (Duration::from_secs(1), Duration::from_secs(30));
        let waits = |after: Option<u64>| {
            let mut backoff = Backoff::new(first, longest);
            let after = after.map(Duration::from_secs);
            (0..40).map(|_| backoff.next(after).as_secs_f64()).collect::<Vec<_>>()
        };
        for (index, wait) in waits(None).into_iter().enumerate() {
            let most = f64::from(1 << index.min(5)).min(30.0);
            assert!((most / 2.0..=most).contains(&wait), "{index}: {wait}");
        }
        assert_ne!(waits(None), waits(None));
        assert!(waits(Some(3600)).iter().all(|wait| *wait == 30.0));
        assert!(waits(Some(7))[0] == 7.0 && waits(Some(7))[9] >= 15.0);
        assert!(waits(Some(0))[0] > 0.0, "0 is no leave to be hammered");
    }

    #[test]
    fn a_wait_is_asked_for_in_seconds() {
        let after = |text: &str| retry_after(Some(&text.parse().unwrap()));
        assert_eq!(after(" 7 "), Some(Duration::from_secs(7)));
        assert_eq!((after("soon"), after("-1"), after("Wed, 21 Oct 2026 07:28:00 GMT")), (None, None, None));
        assert_eq!(retry_after(None), None);
    }
}
