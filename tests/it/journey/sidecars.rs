//! Compressed forms beside the files of a real run's release.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use super::place::{Place, files};

/// Sidecars in what is shown, by path, with their inodes and those of their files.
fn sidecars(place: &Place) -> BTreeMap<PathBuf, (u64, u64)> {
    let root = fs::canonicalize(place.path("site/current")).unwrap();
    let is_sidecar =
        |path: &PathBuf| ["br", "gz", "zst"].iter().any(|ending| path.extension() == Some(ending.as_ref()));
    let all = files(&root).into_iter().filter(is_sidecar);
    let inode = |path: &Path| fs::metadata(path).unwrap().ino();
    let one =
        |path: PathBuf| (path.strip_prefix(&root).unwrap().to_owned(), (inode(&path), inode(&path.with_extension(""))));
    all.map(one).collect()
}

#[test]
fn they_stay_with_their_files_are_mended_and_go_when_they_are_turned_off() {
    let place = Place::new(30);
    let (hash, site) = place.synthesize(&["--rebuild-site"]);
    let before = sidecars(&place);
    for ending in ["br", "gz", "zst"] {
        assert!(before.contains_key(Path::new(&format!("site-data.json.{ending}"))), "{before:?}");
    }
    assert!(!before.keys().any(|path| site.contains_key(path.to_str().unwrap())));
    // What is made of one iteration changes; the other files and their sidecars are the same ones.
    let mut state = place.state();
    state["history"][29]["slug"] = "renamed".into();
    place.write_state(&state);
    let (_, changed) = place.synthesize(&[]);
    let after = sidecars(&place);
    assert_eq!(after.keys().collect::<Vec<_>>(), before.keys().collect::<Vec<_>>());
    let mut stayed = 0_usize;
    for (path, (sidecar, file)) in &after {
        let (sidecar_stayed, file_stayed) = (*sidecar == before[path].0, *file == before[path].1);
        assert_eq!(sidecar_stayed, file_stayed, "{}", path.display());
        stayed += usize::from(file_stayed);
    }
    assert!((1..after.len()).contains(&stayed), "{after:?}");
    // Somebody alters one, and takes another away.
    let root = place.path("site/current");
    fs::write(root.join("site-data.json.gz"), "altered").unwrap();
    fs::remove_file(root.join("site-data.json.br")).unwrap();
    assert_eq!(place.synthesize(&[]).1, changed);
    assert_eq!(sidecars(&place).len(), after.len());
    place.set("sidecars", false.into());
    assert_eq!(place.synthesize(&[]).1, changed);
    assert!(sidecars(&place).is_empty());
    place.set("sidecars", true.into());
    place.synthesize(&[]);
    assert_eq!(sidecars(&place).len(), before.len());
    assert!(place.path("site/releases").join(hash).exists(), "the first one is kept, too");
}
