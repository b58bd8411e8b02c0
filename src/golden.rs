//! Files written from the code: a test compares, and writes them when asked to.

use std::path::Path;

/// Compares the file at `path` (from the package's root) with `text`; with `UPDATE_DOCS=1` writes it.
#[track_caller]
pub(crate) fn check(path: &str, text: &str) {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join(path);
    if std::env::var_os("UPDATE_DOCS").is_some_and(|value| value == "1") {
        std::fs::create_dir_all(file.parent().unwrap()).unwrap();
        std::fs::write(&file, text).unwrap();
    }
    let found = std::fs::read_to_string(&file).unwrap_or_default();
    assert!(
        found == text,
        "{path} is not what the code says; run UPDATE_DOCS=1 cargo test --lib and commit the change"
    );
}
