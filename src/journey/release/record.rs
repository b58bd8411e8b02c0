//! What a release's files were when they were written, kept beside the private state: a file that is still so need
//! not be hashed, made or scanned again.
//!
//! Invariant: a record that is torn, altered or of another version is no record, and then everything is looked at
//! again. It is a binary file of this program alone: a header, the entries, and SHA-256 of all that.

use super::place::Identity;
use super::tree::{Entry, Tree};
use crate::journey::digest::{Digest, sha256};
use crate::observation::Time;

/// First bytes of a record, with the format's version.
const MAGIC: &[u8; 16] = b"autoswe-tree v1\n";

/// Bytes that [`rules`] needs.
pub(super) const HEAD: usize = MAGIC.len() + 32;

/// `tree` as a record.
pub(super) fn encode(tree: &Tree) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(256 + tree.entries.len() * 160);
    bytes.extend_from_slice(MAGIC);
    bytes.extend_from_slice(&tree.rules);
    bytes.extend_from_slice(&tree.content);
    let as_of = tree.as_of.map_or(i128::MIN, Time::as_nanosecond);
    bytes.extend_from_slice(&as_of.to_le_bytes());
    put_identity(&mut bytes, &tree.manifest);
    put_number(&mut bytes, tree.entries.len() as u64);
    for entry in &tree.entries {
        put_number(&mut bytes, entry.path.len() as u64);
        bytes.extend_from_slice(entry.path.as_bytes());
        bytes.extend_from_slice(&entry.source);
        bytes.extend_from_slice(&entry.sha256);
        put_identity(&mut bytes, &entry.identity);
    }
    let sum = sha256(&bytes);
    bytes.extend_from_slice(&sum);
    bytes
}

/// The tree that `bytes` are a whole record of.
pub(super) fn decode(bytes: &[u8]) -> Option<Tree> {
    let (body, sum) = bytes.split_last_chunk::<32>()?;
    let mut rest = body.strip_prefix(MAGIC).filter(|_| sha256(body) == *sum)?;
    let (rules, content) = (take(&mut rest)?, take(&mut rest)?);
    let as_of = i128::from_le_bytes(take(&mut rest)?);
    let manifest = identity(&mut rest)?;
    let count = usize::try_from(number(&mut rest)?).ok()?;
    // An entry has more than 64 bytes: a count that does not fit is not believed.
    let mut entries = Vec::with_capacity(count.min(rest.len() / 64));
    for _ in 0..count {
        let length = usize::try_from(number(&mut rest)?).ok()?;
        let (path, after) = rest.split_at_checked(length)?;
        rest = after;
        let path = str::from_utf8(path).ok()?.to_owned();
        entries.push(Entry {
            path,
            source: take(&mut rest)?,
            sha256: take(&mut rest)?,
            identity: identity(&mut rest)?,
        });
    }
    Some(Tree { rules, content, as_of: Time::from_nanosecond(as_of).ok(), manifest, entries })
}

/// The rules that a release was last found clean by, from the first [`HEAD`] bytes of its record.
pub(super) fn rules(head: &[u8]) -> Option<Digest> {
    head.strip_prefix(MAGIC)?.first_chunk().copied()
}

fn put_number(bytes: &mut Vec<u8>, number: u64) {
    bytes.extend_from_slice(&number.to_le_bytes());
}

fn put_identity(bytes: &mut Vec<u8>, identity: &Identity) {
    put_number(bytes, identity.size);
    bytes.extend_from_slice(&identity.modified.0.to_le_bytes());
    put_number(bytes, identity.modified.1);
    put_number(bytes, identity.inode);
}

fn take<const N: usize>(rest: &mut &[u8]) -> Option<[u8; N]> {
    let (taken, after) = rest.split_first_chunk::<N>()?;
    *rest = after;
    Some(*taken)
}

fn number(rest: &mut &[u8]) -> Option<u64> {
    take(rest).map(u64::from_le_bytes)
}

fn identity(rest: &mut &[u8]) -> Option<Identity> {
    let size = number(rest)?;
    let modified = (i64::from_le_bytes(take(rest)?), number(rest)?);
    Some(Identity { size, modified, inode: number(rest)? })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tree() -> Tree {
        let entry = |path: &str, inode| Entry {
            path: path.into(),
            source: sha256(b"source"),
            sha256: sha256(path.as_bytes()),
            identity: Identity { size: 5, modified: (-3, 999_999_999), inode },
        };
        Tree {
            rules: [1; 32],
            content: [2; 32],
            as_of: Time::from_nanosecond(1_795_348_800_000_000_001).ok(),
            manifest: Identity { size: 9, modified: (7, 8), inode: u64::MAX },
            entries: vec![entry("a.html", 1), entry("b/c.md", 2)],
        }
    }

    #[test]
    fn a_record_is_read_back_as_it_was() {
        let mut tree = tree();
        assert_eq!(decode(&encode(&tree)), Some(tree.clone()));
        assert_eq!(rules(&encode(&tree)[..HEAD]), Some([1; 32]));
        tree.as_of = None;
        assert_eq!(decode(&encode(&tree)), Some(tree));
    }

    #[test]
    fn a_record_that_is_cut_or_altered_anywhere_is_none() {
        let whole = encode(&tree());
        for at in 0..whole.len() {
            assert_eq!(decode(&whole[..at]), None, "cut at {at}");
            let mut altered = whole.clone();
            altered[at] ^= 1;
            assert_eq!(decode(&altered), None, "altered at {at}");
        }
    }
}
