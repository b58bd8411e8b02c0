//! The first line of a file that was written here: who wrote it, and a checksum of all that follows.
//!
//! Invariant: a file counts as ours and unchanged only when the checksum of every byte after its first line is the
//! one in it.

use flate2::Crc;

const MARK: &str = "Written by autoswe-exporter install-units; crc32 ";
const REST: &str = ". Once changed, this file is yours: it is neither replaced nor removed.";

/// Whose file it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Owner {
    /// Written here and as it was.
    Ours,
    /// Written here and changed since.
    Changed,
    /// Not written here.
    Foreign,
}

/// `text` with the stamp before it.
pub(super) fn stamped(comment: &str, text: &str) -> String {
    format!("{comment} {MARK}{:08x}{REST}\n{text}", checksum(text.as_bytes()))
}

/// Whose file holds these bytes.
pub(super) fn owner(bytes: &[u8]) -> Owner {
    let end = bytes.iter().position(|byte| *byte == b'\n').unwrap_or(bytes.len());
    let (first, rest) = (&bytes[..end], bytes.get(end + 1..).unwrap_or_default());
    let first = String::from_utf8_lossy(first);
    let Some((_, after)) = first.split_once(MARK) else { return Owner::Foreign };
    let written = after.get(..8).and_then(|digits| u32::from_str_radix(digits, 16).ok());
    if written == Some(checksum(rest)) { Owner::Ours } else { Owner::Changed }
}

fn checksum(bytes: &[u8]) -> u32 {
    let mut crc = Crc::new();
    crc.update(bytes);
    crc.sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_anywhere_is_seen() {
        let text = stamped("#", "[Unit]\nDescription=x\n");
        assert!(text.starts_with("# Written by"));
        assert_eq!(owner(text.as_bytes()), Owner::Ours);
        for changed in [text.replace("=x", "=y"), format!("{text}\n"), text.trim_end().to_owned()] {
            assert_eq!(owner(changed.as_bytes()), Owner::Changed, "{changed}");
        }
        assert_eq!(owner(text.split_once('\n').expect("lines").1.as_bytes()), Owner::Foreign);
        for bytes in [&b""[..], b"\n", b"\xff\xff\n", b"[Unit]"] {
            assert_eq!(owner(bytes), Owner::Foreign);
        }
        assert_eq!(owner(b"# Written by autoswe-exporter install-units; crc32 zz"), Owner::Changed);
    }
}
