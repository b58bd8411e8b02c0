//! Somebody else writes to the output directory, the state is lost, the rules change.

use std::fs;
use std::io::Write;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::path::Path;

use autoswe_exporter::journey::release::{Error, UNWATCHED};

use super::gate::Words;
use super::stage::{Site, Stage, names, site, stamps};

/// Something that is done to a release, and what it is called.
type Harm = (&'static str, fn(&Path));

const HARMS: [Harm; 12] = [
    ("altered", |root| fs::write(root.join("style.css"), "altered, longer than it was").unwrap()),
    ("altered at the same length", |root| {
        let text = fs::read_to_string(root.join("style.css")).unwrap();
        fs::write(root.join("style.css"), text.to_uppercase()).unwrap();
    }),
    ("gone", |root| fs::remove_file(root.join("pages/a/1.html")).unwrap()),
    ("directory gone", |root| fs::remove_dir_all(root.join("pages")).unwrap()),
    ("link in its place", |root| {
        fs::remove_file(root.join("style.css")).unwrap();
        symlink("/etc/passwd", root.join("style.css")).unwrap();
    }),
    ("one more", |root| fs::write(root.join("pages/planted.html"), "planted").unwrap()),
    ("a directory more", |root| {
        fs::create_dir_all(root.join("planted/deep")).unwrap();
        fs::write(root.join("planted/deep/x"), "planted").unwrap();
    }),
    ("unreadable", |root| fs::set_permissions(root.join("style.css"), fs::Permissions::from_mode(0o600)).unwrap()),
    ("open to others", |root| fs::set_permissions(root.join("pages"), fs::Permissions::from_mode(0o777)).unwrap()),
    ("a sidecar altered", |root| fs::write(root.join("style.css.br"), "altered").unwrap()),
    ("a sidecar with a tail", |root| {
        let mut file = fs::OpenOptions::new().append(true).open(root.join("style.css.gz")).unwrap();
        file.write_all(b"tail").unwrap();
    }),
    ("a file and its sidecar gone", |root| {
        fs::remove_file(root.join("style.css")).unwrap();
        fs::remove_file(root.join("style.css.zst")).unwrap();
    }),
];

fn oldest(stage: &Stage) -> std::path::PathBuf {
    let releases = stage.output().join("releases");
    let age = |name: &String| fs::metadata(releases.join(name)).unwrap().modified().unwrap();
    releases.join(stage.releases().into_iter().min_by_key(age).unwrap())
}

#[test]
fn a_release_that_was_tampered_with_is_mended_when_it_is_recycled() {
    for (name, harm) in HARMS {
        let (stage, gate) = (Stage::new(), Words::new(1, &[]));
        for version in 0..4 {
            stage.publish(&site(4, version), &gate);
        }
        harm(&oldest(&stage));
        let inode = fs::metadata(oldest(&stage)).unwrap().ino();
        let release = stage.publish(&site(4, 4), &gate);
        assert_eq!(fs::metadata(&release.path).unwrap().ino(), inode, "the oldest was recycled");
        assert_eq!(stage.shown(), Some(site(4, 4)), "{name}");
    }
}

#[test]
fn what_is_shown_is_mended_when_it_was_tampered_with() {
    for (name, harm) in HARMS {
        let (stage, gate) = (Stage::new(), Words::new(1, &[]));
        let release = stage.publish(&site(4, 0), &gate);
        assert!(stage.store().unwrap().intact().unwrap().is_some());
        harm(&release.path);
        assert_eq!(stage.store().unwrap().intact().unwrap(), None, "{name}");
        assert_eq!(stage.publish(&site(4, 0), &gate).hash, release.hash);
        assert_eq!(stage.shown(), Some(site(4, 0)), "{name}");
        assert!(stage.store().unwrap().intact().unwrap().is_some(), "{name}");
        assert_eq!(stage.releases().len(), 1);
    }
}

#[test]
fn a_copy_with_other_times_and_inodes_is_kept_as_it_is() {
    let (stage, gate) = (Stage::new(), Words::new(1, &[]));
    let release = stage.publish(&site(4, 0), &gate);
    let copy = stage.output().join("copy");
    let copied = std::process::Command::new("cp").arg("-r").arg(&release.path).arg(&copy).status().unwrap();
    assert!(copied.success());
    fs::remove_dir_all(&release.path).unwrap();
    fs::rename(&copy, &release.path).unwrap();
    gate.take_scanned();
    stage.publish(&site(4, 0), &gate);
    assert_eq!(stage.shown(), Some(site(4, 0)));
    assert_eq!(gate.take_scanned(), ["manifest.json"]);
    assert!(stage.store().unwrap().intact().unwrap().is_some());
}

#[test]
fn planted_links_lead_nowhere() {
    let (stage, gate) = (Stage::new(), Words::new(1, &[]));
    let outside = tempfile::tempdir().unwrap();
    fs::create_dir(outside.path().join("a")).unwrap();
    for number in 0..8 {
        fs::write(outside.path().join(format!("a/{number}.html")), "outside").unwrap();
    }
    let before = stamps(outside.path());
    for version in 0..4 {
        stage.publish(&site(4, version), &gate);
    }
    // In the place of a directory of the release that is recycled, and as what a killed run left.
    let oldest = oldest(&stage);
    let age = fs::metadata(&oldest).unwrap().modified().unwrap();
    fs::remove_dir_all(oldest.join("pages")).unwrap();
    symlink(outside.path(), oldest.join("pages")).unwrap();
    fs::File::open(&oldest).unwrap().set_modified(age).unwrap();
    symlink(outside.path(), stage.output().join("releases/.staging-1-x")).unwrap();
    symlink(outside.path(), stage.output().join(".current-1-x")).unwrap();
    stage.publish(&site(4, 4), &gate);
    assert_eq!(stage.shown(), Some(site(4, 4)));
    assert!(!oldest.exists(), "it was recycled");
    assert_eq!(stamps(outside.path()), before);
    assert!(!stage.releases().iter().any(|name| name.starts_with('.')));
    // In the place of the releases' own directory.
    let releases = stage.output().join("releases");
    fs::rename(&releases, stage.output().join("moved")).unwrap();
    symlink(outside.path(), &releases).unwrap();
    let error = stage.run(&site(4, 5), &gate, UNWATCHED).unwrap_err().to_string();
    assert!(error.contains("a directory belongs there"), "{error}");
    assert_eq!(stamps(outside.path()), before);
}

#[test]
fn what_is_no_pointer_is_not_replaced() {
    let (stage, gate) = (Stage::new(), Words::new(1, &[]));
    fs::create_dir_all(stage.output().join("current")).unwrap();
    let error = stage.run(&site(2, 0), &gate, UNWATCHED).unwrap_err();
    assert!(matches!(&error, Error::InTheWay(_)) && error.to_string().contains("move it away"), "{error}");
}

#[test]
fn a_lost_state_has_everything_scanned_again_and_writes_no_file_again() {
    let (stage, gate) = (Stage::new(), Words::new(1, &[]));
    let releases: Vec<_> = (0..3).map(|version| stage.publish(&site(4, version), &gate)).collect();
    let mut before = stamps(&releases[2].path);
    before.remove("manifest.json");
    for loss in ["removed", "torn"] {
        for record in names(&stage.state().join("records")) {
            let record = stage.state().join("records").join(record);
            match loss {
                "removed" => fs::remove_file(&record).unwrap(),
                _ => fs::OpenOptions::new().write(true).open(&record).unwrap().set_len(200).unwrap(),
            }
        }
        gate.take_scanned();
        stage.publish(&site(4, 2), &gate);
        let scanned = gate.take_scanned();
        // A page has the same bytes as the iteration's file, which were found clean by then.
        let mut own = site(4, 2).into_keys().filter(|path| !path.starts_with("pages"));
        assert!(own.all(|path| scanned.contains(&path)), "{loss}: {scanned:?}");
        let mut after = stamps(&releases[2].path);
        after.remove("manifest.json");
        assert_eq!(after, before, "{loss}");
        stage.shown();
    }
}

fn with(mut site: Site, path: &str, text: &str) -> Site {
    site.insert(path.into(), text.into());
    site
}

#[test]
fn when_the_rules_change_what_fails_is_withdrawn_and_the_newest_clean_one_is_shown() {
    let (stage, old) = (Stage::new(), Words::new(1, &[]));
    let clean = stage.publish(&site(4, 0), &old);
    let first = stage.publish(&with(site(4, 1), "notes.txt", "a\nfor Acme"), &old);
    stage.store().unwrap().snapshot("of-acme", &first.hash).unwrap();
    let shown = stage.publish(&with(site(4, 2), "acme.txt", "Acme"), &old);
    let new = Words::new(2, &["Acme"]);
    let withdrawn = stage.store().unwrap().rescan(&new).unwrap();
    let places: Vec<_> = withdrawn.iter().map(|one| (one.place.clone(), one.was_shown)).collect();
    let place = |release: &autoswe_exporter::journey::release::Release| format!("releases/{}", release.hash);
    assert_eq!(places, [(place(&shown), true), (place(&first), false), ("snapshots/of-acme".into(), false)]);
    assert_eq!(
        (withdrawn[1].refusal.findings[0].file.as_str(), withdrawn[1].refusal.findings[0].line),
        ("notes.txt", 2)
    );
    assert_eq!((stage.shown(), stage.releases()), (Some(site(4, 0)), vec![clean.hash]));
    assert!(names(&stage.output().join("snapshots")).is_empty());
    for one in &withdrawn {
        let directory = stage.state().join("withdrawn").join(&one.now);
        assert_eq!(fs::metadata(&directory).unwrap().mode() & 0o777, 0o700);
        assert!(fs::read_dir(directory).unwrap().count() > 3, "nothing of it is lost");
    }
    assert!(stage.store().unwrap().rescan(&new).unwrap().is_empty());
    // The rest is known to be clean by the new rules, and a manifest says so.
    new.take_scanned();
    stage.publish(&site(4, 3), &new);
    assert_eq!(new.take_scanned().len(), 9, "three iterations in two files, two pages that change, the manifest");
    let manifest = fs::read_to_string(stage.output().join("current/manifest.json")).unwrap();
    assert!(manifest.contains(&"02".repeat(32)));
}

#[test]
fn when_nothing_is_clean_by_the_new_rules_nothing_is_shown() {
    let (stage, old) = (Stage::new(), Words::new(1, &[]));
    stage.publish(&site(4, 0), &old);
    stage.publish(&site(4, 1), &old);
    let refusal = stage.refused(&site(4, 2), &Words::new(2, &["iteration 1"]));
    assert_eq!(refusal.counts["word"], 2);
    assert_eq!((stage.shown(), stage.releases()), (None, vec![]));
    assert!(!stage.output().join("current").is_symlink());
}

#[test]
fn what_cannot_be_scanned_or_was_altered_is_withdrawn_too() {
    let harms: [Harm; 3] =
        [HARMS[1], HARMS[5], ("unlisted", |root| fs::remove_file(root.join("manifest.json")).unwrap())];
    for (name, harm) in harms {
        let (stage, old) = (Stage::new(), Words::new(1, &[]));
        let release = stage.publish(&site(4, 0), &old);
        harm(&release.path);
        fs::remove_dir_all(stage.state().join("records")).unwrap();
        let withdrawn = stage.store().unwrap().rescan(&Words::new(2, &[])).unwrap();
        assert!(withdrawn.len() == 1 && !withdrawn[0].refusal.unscanned.is_empty(), "{name}: {withdrawn:?}");
        assert_eq!(stage.shown(), None);
    }
    let (stage, old) = (Stage::new(), Words::new(1, &[]));
    stage.publish(&with(site(1, 0), "a.txt", "UNREADABL"), &old);
    let withdrawn = stage.store().unwrap().rescan(&Words::new(2, &["UNREADABL"])).unwrap();
    assert_eq!(withdrawn.len(), 1);
}
