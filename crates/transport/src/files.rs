//! Room for as many open files as there may be connections.
//!
//! Invariant: the limit is only ever raised, and no further than this process may.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use crate::held;

/// Files that the program needs beside its connections: those of memory, and some.
const OTHERS: u64 = held::MOST as u64 + 128;

/// Raises the number of files that may be open to what so many connections need; warns where that is not allowed.
pub(crate) fn make_room(connections: usize) {
    let limit = getrlimit(Resource::Nofile);
    let needed = u64::try_from(connections).unwrap_or(u64::MAX).saturating_add(OTHERS);
    let Some(raised) = raised(limit, needed) else { return };
    if let Err(error) = setrlimit(Resource::Nofile, raised) {
        tracing::debug!(%error, "cannot raise the number of open files");
    }
    let allowed = getrlimit(Resource::Nofile).current;
    if let Some(allowed) = allowed.filter(|allowed| *allowed < needed) {
        tracing::warn!(
            connections,
            needed,
            allowed,
            "too few files may be open for so many connections: clients may have to wait to be accepted; \
             raise LimitNOFILE= of the unit (or ulimit -Hn), or allow fewer connections"
        );
    }
}

/// The limit to set so that `needed` files can be open, or as many as may be; `None` when it suffices as it is.
fn raised(limit: Rlimit, needed: u64) -> Option<Rlimit> {
    // No number means no limit.
    let current = limit.current.filter(|current| *current < needed)?;
    let allowed = limit.maximum.map_or(needed, |maximum| needed.min(maximum));
    Some(Rlimit { current: Some(allowed.max(current)), maximum: limit.maximum })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_limit_is_raised_as_far_as_needed_and_allowed() {
        let limit = |current, maximum| Rlimit { current, maximum };
        for (before, needed, after) in [
            (limit(Some(1024), Some(4096)), 1000, None),
            (limit(Some(1024), Some(4096)), 2000, Some(2000)),
            (limit(Some(1024), Some(4096)), 9000, Some(4096)),
            (limit(Some(1024), None), 9000, Some(9000)),
            (limit(None, None), 9000, None),
        ] {
            let raised = raised(before, needed);
            assert_eq!(raised.and_then(|raised| raised.current), after, "{before:?} {needed}");
            assert!(raised.is_none_or(|raised| raised.maximum == before.maximum));
        }
    }
}
