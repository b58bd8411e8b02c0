//! A released site of three files, for the site server.

use std::path::{Path, PathBuf};

use ring::digest::{SHA256, digest};

/// The files that are asked for: name and bytes.
pub(crate) const FILES: [(&str, usize); 3] = [("1k.txt", 1_000), ("20k.txt", 20_000), ("1m.txt", 1_000_000)];

/// Writes a release with the files below `root/web`, and points to it; where the files are.
pub(crate) fn release(root: &Path) -> PathBuf {
    let hex =
        |bytes: &[u8]| digest(&SHA256, bytes).as_ref().iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    let mut files: Vec<(&str, Vec<u8>)> = FILES.map(|(name, bytes)| (name, noise(bytes))).into();
    files.sort();
    let sums: String = files.iter().map(|(name, bytes)| format!("{}  {name}\n", hex(bytes))).collect();
    let hash = hex(sums.as_bytes());
    let directory = root.join("web/releases").join(&hash);
    std::fs::create_dir_all(&directory).expect("a directory");
    let listed: Vec<_> = files
        .iter()
        .map(|(name, bytes)| {
            std::fs::write(directory.join(name), bytes).expect("a file");
            serde_json::json!({"path": name, "size": bytes.len(), "sha256": hex(bytes), "media_type": "text/plain"})
        })
        .collect();
    let manifest = serde_json::json!({"version": 1, "content_hash": hash, "rules_hash": hash, "files": listed});
    std::fs::write(directory.join("manifest.json"), manifest.to_string()).expect("the manifest");
    std::os::unix::fs::symlink(format!("releases/{hash}"), root.join("web/current")).expect("the pointer");
    directory
}

/// Text that no coding makes shorter by much.
fn noise(bytes: usize) -> Vec<u8> {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let next = move || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"[(state % 64) as usize]
    };
    std::iter::repeat_with(next).take(bytes).collect()
}
