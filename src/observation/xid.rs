//! The XIDs after which a GPU cannot be trusted before somebody has acted.
//!
//! Source: NVIDIA's "Xid Catalog" (docs.nvidia.com/deploy/xid-errors, edition for Ampere and newer). Critical are the
//! codes whose immediate action there is to reset the GPU or to restart the machine (`RESET_GPU`, `RESTART_BM`), and
//! 48 and 74, whose workflows call for the same. Left out are the codes that ask to restart the application (13, 31,
//! 43, 45, 94 ...: vLLM's own check notices), those to be ignored (63, 92), 154, which only announces what another
//! code calls for, and 155, which links going to sleep also cause.

/// Critical codes, ascending, with what they mean.
const CRITICAL: [(u64, &str); 16] = [
    (46, "the GPU stopped processing"),
    (48, "uncorrectable memory error"),
    (62, "its micro-controller halted"),
    (64, "remapping a bad memory row failed"),
    (74, "NVLink error"),
    (79, "the GPU fell off the bus"),
    (95, "uncontained memory error"),
    (109, "context switch timed out"),
    (110, "security fault"),
    (119, "its system processor (GSP) does not answer"),
    (120, "its system processor (GSP) failed"),
    (136, "link training failed"),
    (140, "unrecovered memory error"),
    (143, "the GPU could not be initialised"),
    (156, "a part of the GPU was retired"),
    (158, "fatal timeout"),
];

/// What `xid` means, when it is critical.
pub fn critical_xid(xid: u64) -> Option<&'static str> {
    CRITICAL.binary_search_by_key(&xid, |(code, _)| *code).ok().map(|at| CRITICAL[at].1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_found_because_they_are_in_order() {
        assert!(CRITICAL.is_sorted_by(|a, b| a.0 < b.0));
        assert!(CRITICAL.iter().all(|(code, meaning)| critical_xid(*code) == Some(meaning)));
        assert_eq!((critical_xid(13), critical_xid(154)), (None, None));
    }
}
