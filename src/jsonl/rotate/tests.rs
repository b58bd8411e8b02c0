use super::*;
use crate::check::example_now;

const TIME: &str = "20261122T120000.000Z";

struct Place {
    dir: tempfile::TempDir,
}

impl Place {
    fn new() -> Self {
        Place { dir: tempfile::tempdir().unwrap() }
    }

    fn path(&self) -> PathBuf {
        self.dir.path().join("a.jsonl")
    }

    fn write(&self, name: &str, bytes: impl AsRef<[u8]>) {
        fs::write(self.dir.path().join(name), bytes).unwrap();
    }

    fn names(&self) -> Vec<String> {
        let mut names: Vec<String> = fs::read_dir(self.dir.path())
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }

    fn unpacked(&self, name: &str) -> Vec<u8> {
        zstd::decode_all(File::open(self.dir.path().join(name)).unwrap()).unwrap()
    }
}

#[test]
fn compresses_what_was_rotated() {
    let place = Place::new();
    place.write("a.jsonl", "1\n2\n");
    rename_away(&place.path(), example_now()).unwrap();
    place.write("a.jsonl", "3\n");
    assert_eq!(tidy(&place.path(), 8).unwrap(), Tidied { compressed: 1, deleted: 0 });
    assert_eq!(place.names(), ["a.jsonl", &format!("a.jsonl.{TIME}.zst")]);
    assert_eq!(place.unpacked(&format!("a.jsonl.{TIME}.zst")), b"1\n2\n");
    assert_eq!(tidy(&place.path(), 8).unwrap(), Tidied::default(), "there is nothing left to do");
}

/// The directory as a crash leaves it after each step of the rotation; the next run finishes the work.
#[test]
fn a_crash_at_any_step_loses_nothing() {
    let packed = zstd::encode_all(&b"1\n2\n"[..], LEVEL).unwrap();
    let (plain, zst) = (format!("a.jsonl.{TIME}"), format!("a.jsonl.{TIME}.zst"));
    let partial = format!("{zst}.tmp");
    type Files<'a> = Vec<(&'a str, &'a [u8])>;
    let crashes: [(&str, Files<'_>); 5] = [
        ("after the rename", vec![(&plain, b"1\n2\n")]),
        ("while compressing", vec![(&plain, b"1\n2\n"), (&partial, &packed[..packed.len() / 2])]),
        ("before the second rename", vec![(&plain, b"1\n2\n"), (&partial, &packed)]),
        ("before the deletion", vec![(&plain, b"1\n2\n"), (&zst, &packed)]),
        ("after all", vec![(&zst, &packed)]),
    ];
    for (when, files) in crashes {
        let place = Place::new();
        files.iter().for_each(|(name, bytes)| place.write(name, bytes));
        tidy(&place.path(), 8).unwrap();
        assert_eq!(place.names(), [zst.as_str()], "{when}");
        assert_eq!(place.unpacked(&zst), b"1\n2\n", "{when}");
    }
}

#[test]
fn keeps_the_newest_and_deletes_only_its_own() {
    let place = Place::new();
    for day in 10..20 {
        place.write(&format!("a.jsonl.202611{day}T000000.000Z{}", if day < 15 { ".zst" } else { "" }), "x");
    }
    // Both forms of one file, as a crash leaves them, count once.
    place.write("a.jsonl.20261119T000000.000Z.zst", "x");
    let foreign =
        ["a.jsonl", "a.jsonl.1", "a.jsonl.20261101T000000.000Z.bak", "a.jsonl.old", "b.jsonl.20261101T000000.000Z"];
    foreign.iter().for_each(|name| place.write(name, "mine"));
    assert_eq!(tidy(&place.path(), 3).unwrap(), Tidied { compressed: 3, deleted: 7 });
    let left: Vec<String> = place.names().into_iter().filter(|name| !foreign.contains(&name.as_str())).collect();
    assert_eq!(left, [17, 18, 19].map(|day| format!("a.jsonl.202611{day}T000000.000Z.zst")));
    assert_eq!(place.names().len(), 3 + foreign.len());
}

#[test]
fn a_rotated_file_that_another_compresses_is_left_to_it() {
    let place = Place::new();
    let plain = format!("a.jsonl.{TIME}");
    place.write(&plain, "1\n");
    let other = File::open(place.dir.path().join(&plain)).unwrap();
    other.lock().unwrap();
    assert_eq!(tidy(&place.path(), 8).unwrap(), Tidied::default());
    drop(other);
    assert_eq!(tidy(&place.path(), 8).unwrap(), Tidied { compressed: 1, deleted: 0 });
}

#[test]
fn what_cannot_be_read_is_an_error_and_stays() {
    let place = Place::new();
    let plain = format!("a.jsonl.{TIME}");
    fs::create_dir(place.dir.path().join(&plain)).unwrap();
    place.write("a.jsonl.20261122T130000.000Z", "1\n");
    assert!(tidy(&place.path(), 8).is_err());
    let later = "a.jsonl.20261122T130000.000Z.zst".to_owned();
    assert_eq!(place.names(), [plain, later], "the others are compressed, nothing half-written is left behind");
    assert_eq!(tidy(Path::new("/no/such/a.jsonl"), 8).unwrap_err().kind(), ErrorKind::NotFound);
}
