//! The same inputs give the same bytes, and nothing new changes nothing.

use std::fs;

use super::place::{Place, files, shown};
use crate::release::stage::stamps;

#[test]
fn other_directories_give_the_same_content_and_nothing_new_writes_nothing() {
    let place = Place::new(12);
    let first = place.synthesize(&["--rebuild-site"]);
    let before = stamps(&place.path("site"));
    let again = place.run(&["synthesize", "--rebuild-site"]);
    assert!(again.code == Some(0) && again.out.starts_with("nothing new"), "{again:?}");
    assert_eq!((stamps(&place.path("site")), place.shown().unwrap()), (before, first.clone()));
    // Another output directory and another state directory.
    place.set("state_dir", place.path("elsewhere/state").to_str().into());
    let other = place.path("elsewhere/deep/web");
    fs::create_dir_all(place.path("elsewhere/deep")).unwrap();
    let ended = place.run(&["synthesize", "--rebuild-site", "--outdir", other.to_str().unwrap()]);
    assert_eq!((ended.code, shown(&other).unwrap()), (Some(0), first.clone()), "{ended:?}");
    // The same files, made in another order in directories that were made in another order.
    for name in ["projects", "runtime"] {
        let (old, new) = (place.path(&format!("old-{name}")), place.path(name));
        fs::rename(&new, &old).unwrap();
        for path in files(&old).iter().rev().filter(|path| !path.starts_with(old.join("journey"))) {
            let copy = new.join(path.strip_prefix(&old).unwrap());
            fs::create_dir_all(copy.parent().unwrap()).unwrap();
            fs::copy(path, copy).unwrap();
        }
    }
    place.set("state_dir", place.path("elsewhere/again").to_str().into());
    let other = place.path("elsewhere/again-web");
    let ended = place.run(&["synthesize", "--rebuild-site", "--outdir", other.to_str().unwrap()]);
    assert_eq!((ended.code, shown(&other).unwrap()), (Some(0), first), "{ended:?}");
}
