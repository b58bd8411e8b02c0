//! Work that is done at once on the processors that there are.
//!
//! Invariant: whoever asks goes on when all is done; a panic of any part goes on, too.

use std::thread::{available_parallelism, scope};

/// Does both at once, `other` on a thread of its own.
pub(super) fn beside<T: Send, U>(other: impl FnOnce() -> T + Send, own: impl FnOnce() -> U) -> (T, U) {
    scope(|scope| {
        let other = scope.spawn(other);
        let own = own();
        (joined(other.join()), own)
    })
}

/// Does `work` with `items` in parts of equal length, one for each processor, none of fewer than `least`. What each part
/// came to, in their order.
pub(super) fn in_parts<T: Sync, U: Send>(items: &[T], least: usize, work: impl Fn(&[T]) -> U + Sync) -> Vec<U> {
    let parts = available_parallelism().map_or(1, usize::from).min(items.len() / least.max(1)).max(1);
    if parts == 1 {
        return vec![work(items)];
    }
    scope(|scope| {
        let work = &work;
        let parts: Vec<_> =
            items.chunks(items.len().div_ceil(parts)).map(|part| scope.spawn(move || work(part))).collect();
        parts.into_iter().map(|part| joined(part.join())).collect()
    })
}

/// What a thread came to.
pub(super) fn joined<T>(ended: std::thread::Result<T>) -> T {
    ended.unwrap_or_else(|panic| std::panic::resume_unwind(panic))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_come_back_in_their_order_and_whole() {
        for count in [0, 1, 7, 1000] {
            let items: Vec<usize> = (0..count).collect();
            assert_eq!(in_parts(&items, 3, <[usize]>::to_vec).concat(), items);
        }
    }

    #[test]
    fn a_panic_of_a_part_goes_on() {
        let items = [0; 100];
        assert!(std::panic::catch_unwind(|| in_parts(&items, 1, |_| panic!("on purpose"))).is_err());
        assert!(std::panic::catch_unwind(|| beside(|| panic!("on purpose"), || ())).is_err());
    }
}
