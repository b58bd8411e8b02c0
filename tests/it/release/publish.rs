//! What a run writes, what it leaves alone, and what it refuses.

use std::os::unix::fs::MetadataExt;
use std::process::Command;

use autoswe_exporter::journey::release::{Built, Error, Terms, UNWATCHED};

use super::gate::Words;
use super::stage::{Stage, files, names, pieces, site, stamps, whole};

#[test]
fn a_site_is_released_whole_and_found_under_every_name() {
    let (mut stage, gate) = (Stage::new(), Words::new(1, &[]));
    stage.sidecars = false;
    let release = stage.publish(&site(5, 0), &gate);
    assert_eq!(stage.shown(), Some(site(5, 0)));
    assert_eq!((release.files, release.is_new), (site(5, 0).len() as u64, true));
    assert_eq!(release.bytes, site(5, 0).values().map(|text| text.len() as u64).sum::<u64>());
    assert_eq!(
        std::fs::read_link(stage.output().join("current")).unwrap().to_str().unwrap(),
        format!("releases/{}", release.hash)
    );
    assert_eq!(std::fs::read_to_string(stage.output().join("dist/index.html")).unwrap(), "index.html 0\n");
    assert!(std::fs::read_to_string(stage.output().join("site-data.json")).unwrap().starts_with("site-data.json 0\n"));
    assert_eq!(stage.releases(), *std::slice::from_ref(&release.hash), "nothing is left in staging");
    let state = std::fs::metadata(stage.state()).unwrap();
    assert_eq!(state.mode() & 0o7777, 0o700, "the state is private");
}

#[test]
fn the_hash_is_what_sha256sum_says() {
    let stage = Stage::new();
    let release = stage.publish(&site(3, 0), &Words::new(1, &[]));
    let script = "find * -type f ! -path manifest.json | LC_ALL=C sort | xargs sha256sum | sha256sum";
    let output = Command::new("sh").arg("-c").arg(script).current_dir(&release.path).output().unwrap();
    assert_eq!(String::from_utf8(output.stdout).unwrap(), format!("{}  -\n", release.hash));
}

#[test]
fn the_same_content_twice_writes_nothing() {
    let (stage, gate) = (Stage::new(), Words::new(1, &[]));
    let first = stage.publish(&site(5, 0), &gate);
    let before = stamps(&stage.output());
    gate.take_scanned();
    let second = stage.publish(&site(5, 0), &gate);
    assert_eq!((second.hash, second.is_new), (first.hash, false));
    assert_eq!(stamps(&stage.output()), before);
    assert!(gate.take_scanned().is_empty());
}

#[test]
fn the_same_bytes_from_another_source_write_nothing_either() {
    let (stage, gate) = (Stage::new(), Words::new(1, &[]));
    stage.publish(&site(5, 0), &gate);
    let mut before = stamps(&stage.output().join("current/"));
    before.remove("manifest.json");
    for _ in 0..2 {
        let (store, site) = (stage.store().unwrap(), site(5, 0));
        let mut pieces = pieces(&site);
        pieces.iter_mut().for_each(|piece| piece.source = [7; 32]);
        let terms = Terms { as_of: None, keep: 2, sidecars: true, watch: UNWATCHED };
        assert!(matches!(store.build(pieces, &gate, terms), Ok(Built::Clean(release)) if !release.is_new));
        let mut after = stamps(&stage.output().join("current/"));
        after.remove("manifest.json");
        assert_eq!(after, before);
    }
}

#[test]
fn only_what_changed_is_made_and_scanned() {
    let (mut stage, gate) = (Stage::new(), Words::new(1, &[]));
    stage.keep = 2;
    stage.publish(&site(5, 0), &gate);
    gate.take_scanned();
    for version in 1..8 {
        stage.publish(&site(5, version), &gate);
        let page = 4 + version;
        let mut expected = vec![
            format!("iterations/epoch-1-iter-{page:04}.md"),
            format!("pages/a/{page}.html"),
            "index.html".into(),
            "site-data.json".into(),
            "manifest.json".into(),
        ];
        expected.sort();
        assert_eq!(gate.take_scanned(), expected);
        assert_eq!(stage.shown(), Some(site(5, version)));
        assert_eq!(stage.releases().len(), (version + 1).min(3));
        for name in stage.releases() {
            whole(&stage.output().join("releases").join(name));
        }
    }
}

#[test]
fn going_back_to_what_is_still_there_only_moves_the_pointer() {
    let (stage, gate) = (Stage::new(), Words::new(1, &[]));
    let first = stage.publish(&site(5, 0), &gate);
    stage.publish(&site(5, 1), &gate);
    let before = stamps(&first.path);
    let again = stage.publish(&site(5, 0), &gate);
    assert_eq!((&again.hash, again.is_new), (&first.hash, false));
    assert_eq!((stamps(&first.path), stage.shown()), (before, Some(site(5, 0))));
}

#[test]
fn a_pointer_that_was_lost_or_led_astray_is_set_again() {
    let (stage, gate) = (Stage::new(), Words::new(1, &[]));
    let current = stage.output().join("current");
    stage.publish(&site(2, 0), &gate);
    for target in [None, Some("/etc"), Some("releases/none"), Some("../elsewhere")] {
        std::fs::remove_file(&current).unwrap();
        if let Some(target) = target {
            std::os::unix::fs::symlink(target, &current).unwrap();
        }
        stage.publish(&site(2, 0), &gate);
        assert_eq!(stage.shown(), Some(site(2, 0)), "{target:?}");
    }
}

#[test]
fn what_leaks_is_refused_in_content_name_and_encoding_and_the_old_release_stays() {
    let (stage, gate) = (Stage::new(), Words::new(1, &["hunter2"]));
    stage.publish(&site(3, 0), &gate);
    let before = (stamps(&stage.output()), names(&stage.output().join("releases")));
    let plants = [
        ("index.html", "<p>hunter2</p>"),
        ("iterations/epoch-1-iter-0001.md", "a\nb\nxx aHVudGVyMg==\n"),
        ("site-data.json", "{\"x\": \"hunter2\"}"),
        ("feed.xml", "<title>&#104;&#117;&#110;&#116;&#101;&#114;&#50;</title>"),
        ("chart.svg", "<svg><desc>hunter2</desc></svg>"),
    ];
    for (path, text) in plants {
        let mut leaking = site(3, 1);
        leaking.insert(path.into(), text.into());
        let refusal = stage.refused(&leaking, &gate);
        assert_eq!(refusal.counts["word"], 1, "{path}");
        assert_eq!((refusal.findings[0].file.as_str(), refusal.findings.len()), (path, 1));
        assert_eq!(before, (stamps(&stage.output()), names(&stage.output().join("releases"))));
    }
    let mut leaking = site(3, 1);
    leaking.insert("pages/hunter2.html".into(), "hunter2 and UNREADABLE".into());
    let refusal = stage.refused(&leaking, &gate);
    assert!(!serde_json::to_string(&refusal).unwrap().contains("hunter2"), "{refusal:?}");
    assert_eq!(refusal.findings[0].file, refusal.unscanned[0].file, "the name is withheld everywhere");
}

#[test]
fn what_cannot_be_scanned_is_refused() {
    let (stage, gate) = (Stage::new(), Words::new(1, &[]));
    let mut odd = site(3, 0);
    odd.insert("odd.bin".into(), "UNREADABLE".into());
    let refusal = stage.refused(&odd, &gate);
    assert_eq!((refusal.findings.len(), refusal.unscanned[0].file.as_str()), (0, "odd.bin"));
    assert_eq!((stage.shown(), stage.releases()), (None, vec![]));
}

#[test]
fn a_gate_that_misses_the_canary_publishes_nothing() {
    let stage = Stage::new();
    let error = stage.run(&site(3, 0), &Words::blind(), UNWATCHED).unwrap_err();
    assert!(matches!(error, Error::Canary(_)), "{error}");
    assert_eq!((stage.shown(), stage.releases()), (None, vec![]));
    assert!(!files(&stage.output()).iter().any(|path| path.contains("canary")));
}

#[test]
fn a_large_file_is_streamed_and_scanned_all_the_same() {
    let (stage, gate) = (Stage::new(), Words::new(1, &["hunter2"]));
    let mut large = site(1, 0);
    large.insert("large.txt".into(), "0123456789abcde\n".repeat(265_000));
    stage.publish(&large, &gate);
    assert_eq!(stage.shown(), Some(large.clone()));
    large.get_mut("large.txt").unwrap().push_str("hunter2");
    assert_eq!(stage.refused(&large, &gate).findings[0].line, 265_001);
}

#[test]
fn paths_that_are_none_are_refused_before_anything_is_written() {
    let (stage, gate) = (Stage::new(), Words::new(1, &[]));
    for path in ["../up.html", "/etc/passwd", "a/../../b", ".hidden", "manifest.json", "a\nb"] {
        let mut bad = site(1, 0);
        bad.insert(path.into(), String::new());
        assert!(matches!(stage.run(&bad, &gate, UNWATCHED), Err(Error::Unfit(_))), "{path}");
    }
    assert_eq!(stage.releases(), [] as [&str; 0]);
}

#[test]
fn a_snapshot_outlives_the_release_it_was_made_of() {
    let (stage, gate) = (Stage::new(), Words::new(1, &[]));
    let release = stage.publish(&site(3, 0), &gate);
    assert!(stage.store().unwrap().snapshot("v1", &release.hash).unwrap());
    assert!(!stage.store().unwrap().snapshot("v1", &release.hash).unwrap(), "it is there");
    for version in 1..6 {
        stage.publish(&site(3, version), &gate);
    }
    assert!(!release.path.exists());
    assert_eq!(whole(&stage.output().join("snapshots/v1")), (release.hash, site(3, 0)));
    let newest = stage.store().unwrap().current().unwrap().unwrap();
    let error = stage.store().unwrap().snapshot("v1", &newest).unwrap_err().to_string();
    assert!(error.contains("there is a snapshot v1 already"), "{error}");
    for id in ["", ".x", "a/b", "..", &"a".repeat(65), &newest] {
        assert!(stage.store().unwrap().snapshot(id, &newest).is_err(), "{id}");
    }
}

#[test]
fn a_release_that_is_not_shown_is_kept_and_shown_later() {
    let (stage, gate) = (Stage::new(), Words::new(1, &[]));
    stage.publish(&site(2, 0), &gate);
    let (store, next) = (stage.store().unwrap(), site(2, 1));
    let terms = Terms { as_of: None, keep: 0, sidecars: true, watch: UNWATCHED };
    let Built::Clean(release) = store.build(pieces(&next), &gate, terms).unwrap() else { panic!("it is clean") };
    store.prune(0, &release.hash, UNWATCHED).unwrap();
    assert_eq!((stage.shown(), stage.releases().len()), (Some(site(2, 0)), 2));
    assert!(store.flip(&release.hash, UNWATCHED).unwrap());
    assert_eq!(stage.shown(), Some(site(2, 1)));
}

#[test]
fn what_stands_where_old_links_belong_is_left_alone_and_told() {
    let (stage, gate) = (Stage::new(), Words::new(1, &[]));
    std::fs::create_dir_all(stage.output().join("dist")).unwrap();
    std::fs::write(stage.output().join("dist/index.html"), "mine").unwrap();
    stage.publish(&site(2, 0), &gate);
    let notes = stage.store().unwrap().make_compatible().unwrap();
    assert!(notes.len() == 1 && notes[0].0.contains("web/dist is left as it is"), "{notes:?}");
    assert_eq!(std::fs::read_to_string(stage.output().join("dist/index.html")).unwrap(), "mine");
}

#[test]
fn a_second_run_in_the_same_output_directory_is_told_so() {
    let stage = Stage::new();
    let held = stage.store().unwrap();
    let error = stage.store().unwrap_err();
    assert!(matches!(&error, Error::Held(_)) && error.to_string().contains("another run writes to"), "{error}");
    drop(held);
    stage.store().unwrap();
}

#[test]
fn a_large_file_is_scanned_since_its_earlier_version_where_that_is_what_was_found_clean() {
    let (stage, gate) = (Stage::new(), Words::new(1, &["secret"]));
    let large = |version: usize| format!("{}\n{version}\n", "some words\n".repeat(60_000));
    let with = |version: usize, text: String| {
        let mut site = site(3, version);
        site.insert("large.json".into(), text);
        site
    };
    let since = || {
        let since = std::mem::take(&mut *gate.since.lock().unwrap());
        since.into_iter().find(|(name, _)| name == "large.json").map(|(_, earlier)| earlier)
    };
    stage.publish(&with(0, large(0)), &gate);
    assert_eq!(since(), None, "there is none yet");
    let second = stage.publish(&with(1, large(1)), &gate);
    assert_eq!(since(), Some(large(0).into_bytes()));
    assert_eq!(stage.refused(&with(2, large(2) + "secret"), &gate).counts["word"], 1);
    assert_eq!(since(), Some(large(1).into_bytes()));
    // Altered at the same length, with its time set back.
    let path = second.path.join("large.json");
    let modified = std::fs::metadata(&path).unwrap().modified().unwrap();
    std::fs::write(&path, large(7)).unwrap();
    std::fs::File::options().append(true).open(&path).unwrap().set_modified(modified).unwrap();
    stage.publish(&with(3, large(3)), &gate);
    assert_eq!(since(), None, "what was altered was not found clean");
}
