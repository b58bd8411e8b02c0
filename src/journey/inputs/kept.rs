//! Files that only save the next run time: a checksum, then JSON.
//!
//! Invariant: a reader sees a whole file of this form or nothing; whatever is spoilt counts as nothing.

use std::fs::DirBuilder;
use std::io::{self, Write};
use std::os::unix::fs::DirBuilderExt;
use std::path::Path;

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::journey::digest::{hex, sha256};
use crate::observation::Reading;
use crate::source::file::read_bounded;

/// Largest file that is read, bytes: a million commits or points.
const MAX: u64 = 512 << 20;

/// What `path` keeps; `None` where there is nothing of use.
pub(super) fn load<T: DeserializeOwned>(path: &Path) -> Option<T> {
    let Reading::Observed((bytes, _)) = read_bounded("kept file", path, MAX) else { return None };
    let (sum, json) = bytes.split_at_checked(65)?;
    (sum == checksum(json).as_bytes()).then(|| serde_json::from_slice(json).ok()).flatten()
}

/// Replaces what `path` keeps. Its directory is made where it is not there, for this user alone.
///
/// # Errors
/// Those of writing; what was there before stays then.
pub(super) fn store<T: Serialize>(path: &Path, value: &T) -> io::Result<()> {
    let json = serde_json::to_vec(value)?;
    write_whole(path, &[checksum(&json).as_bytes(), &json].concat())
}

/// Writes a private file (0600) as a whole: at every instant the old one or the new one stands there, also after a loss
/// of power.
pub(in crate::journey) fn write_whole(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let directory = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    DirBuilder::new().recursive(true).mode(0o700).create(directory)?;
    // tempfile creates with mode 0600 and takes its file away when it is dropped.
    let mut file = tempfile::Builder::new().prefix(".new-").tempfile_in(directory)?;
    file.write_all(bytes)?;
    file.as_file().sync_all()?;
    file.persist(path).map_err(|error| error.error)?;
    std::fs::File::open(directory)?.sync_all()
}

/// 64 hexadecimal digits and a line ending.
fn checksum(bytes: &[u8]) -> String {
    hex(&sha256(bytes)) + "\n"
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn what_is_stored_comes_back_for_this_user_alone() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("deep/inputs/some.json");
        store(&path, &vec![1, 2]).unwrap();
        store(&path, &vec![3]).unwrap();
        assert_eq!(load::<Vec<u8>>(&path), Some(vec![3]));
        let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!((mode(&path), mode(path.parent().unwrap())), (0o600, 0o700));
        assert_eq!(std::fs::read_dir(path.parent().unwrap()).unwrap().count(), 1, "nothing half-written stays");
    }

    #[test]
    fn every_spoilt_byte_and_every_cut_counts_as_nothing() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("some.json");
        store(&path, &vec![7, 8]).unwrap();
        let whole = std::fs::read(&path).unwrap();
        for at in 0..whole.len() {
            let mut spoilt = whole.clone();
            spoilt[at] ^= 1;
            std::fs::write(&path, &spoilt).unwrap();
            assert_eq!(load::<Vec<u8>>(&path), None, "byte {at}");
            std::fs::write(&path, &whole[..at]).unwrap();
            assert_eq!(load::<Vec<u8>>(&path), None, "cut at {at}");
        }
        std::fs::write(&path, &whole).unwrap();
        assert_eq!(load::<Vec<u8>>(&path), Some(vec![7, 8]));
    }
}
