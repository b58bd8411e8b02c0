//! Compressed forms beside the files of a release.

use std::io::Write;
use std::process::{Command, Stdio};

use autoswe_exporter::journey::release::{Built, Manifest, Piece, Terms, UNWATCHED};

use super::gate::Words;
use super::stage::{Site, Stage, files, site, stamps};

const ENDINGS: [&str; 3] = ["br", "gz", "zst"];

/// The sidecars in what is shown.
fn sidecars(stage: &Stage) -> Vec<String> {
    let mut files = files(&stage.output().join("current"));
    files.retain(|path| ENDINGS.iter().any(|ending| path.ends_with(&format!(".{ending}"))));
    files
}

fn of(paths: &[&str]) -> Vec<String> {
    paths.iter().flat_map(|path| ENDINGS.map(|ending| format!("{path}.{ending}"))).collect()
}

#[test]
fn large_files_that_compress_have_sidecars_and_the_manifest_lists_them() {
    let (stage, gate) = (Stage::new(), Words::new(1, &[]));
    let small = "s".repeat(1_199);
    let more =
        [("small.txt", small), ("a/large.png", "x".repeat(90_000)), ("a/huge.html", "<p>huge</p>\n".repeat(90_000))];
    let site: Site = site(3, 0).into_iter().chain(more.map(|(path, text)| (path.to_owned(), text))).collect();
    stage.publish(&site, &gate);
    // Also looks whether each holds its file.
    assert_eq!(stage.shown(), Some(site));
    assert_eq!(sidecars(&stage), of(&["a/huge.html", "site-data.json", "style.css"]));
    let root = stage.output().join("current");
    let manifest = Manifest::parse(&std::fs::read(root.join("manifest.json")).unwrap()).unwrap();
    let listed = |path: &str| manifest.files.iter().find(|file| file.path == path).unwrap();
    let types = ENDINGS.map(|ending| listed(&format!("style.css.{ending}")).media_type.as_str());
    assert_eq!(types, ["application/octet-stream", "application/gzip", "application/zstd"]);
    assert!(of(&["a/huge.html"]).iter().all(|path| listed(path).size < 10_000));
}

/// An unpacker that is none of ours.
#[test]
fn gzip_itself_unpacks_what_is_made_for_it() {
    let (stage, gate) = (Stage::new(), Words::new(1, &[]));
    stage.publish(&site(2, 0), &gate);
    let root = stage.output().join("current");
    let mut gzip = Command::new("gzip").arg("-dc").stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let packed = std::fs::read(root.join("site-data.json.gz")).unwrap();
    assert_eq!(packed[..8], [0x1f, 0x8b, 8, 0, 0, 0, 0, 0], "no name and no time");
    gzip.stdin.take().unwrap().write_all(&packed).unwrap();
    let output = gzip.wait_with_output().unwrap();
    assert!(output.status.success() && output.stdout == std::fs::read(root.join("site-data.json")).unwrap());
}

#[test]
fn what_does_not_compress_has_none() {
    let (stage, gate) = (Stage::new(), Words::new(1, &[]));
    let (mut noise, mut seed) = (Vec::new(), 0x9e37_79b9_7f4a_7c15_u64);
    while noise.len() < 20_000 {
        seed ^= seed << 13;
        seed ^= seed >> 7;
        seed ^= seed << 17;
        noise.extend(seed.to_le_bytes());
    }
    let fill = Box::new(move |file: &mut dyn Write| Ok(file.write_all(&noise)?));
    let piece = Piece { path: "noise.ico".into(), source: [1; 32], fill };
    let terms = Terms { as_of: None, keep: 2, sidecars: true, watch: UNWATCHED };
    let Built::Clean(release) = stage.store().unwrap().build(vec![piece], &gate, terms).unwrap() else { panic!() };
    assert_eq!(files(&release.path), ["manifest.json", "noise.ico"]);
}

#[test]
fn one_whose_file_stays_is_neither_made_nor_scanned_again() {
    let (stage, gate) = (Stage::new(), Words::new(1, &[]));
    stage.publish(&site(3, 0), &gate);
    for version in 1..6 {
        let before = stamps(&stage.output().join("current/"));
        gate.take_scanned();
        stage.publish(&site(3, version), &gate);
        let after = stamps(&stage.output().join("current/"));
        for path in of(&["style.css"]) {
            assert_eq!(before[&path].0, after[&path].0, "{path} in version {version}");
        }
        assert!(of(&["site-data.json"]).iter().all(|path| before[path] != after[path]));
        assert!(!gate.take_scanned().iter().any(|path| path.contains(".json.") || path.contains(".css")));
    }
}

#[test]
fn they_go_when_they_are_turned_off_and_come_when_they_are_turned_on() {
    let (mut stage, gate) = (Stage::new(), Words::new(1, &[]));
    let with = stage.publish(&site(3, 0), &gate);
    stage.sidecars = false;
    let without = stage.publish(&site(3, 0), &gate);
    assert!(sidecars(&stage).is_empty() && with.hash != without.hash);
    assert_eq!(stage.shown(), Some(site(3, 0)));
    stage.publish(&site(3, 1), &gate);
    stage.sidecars = true;
    stage.publish(&site(3, 2), &gate);
    assert_eq!(sidecars(&stage), of(&["site-data.json", "style.css"]));
    assert_eq!(stage.publish(&site(3, 0), &gate).hash, with.hash);
}

#[test]
fn what_lies_under_the_name_of_one_stays_and_what_is_missing_comes_when_it_goes() {
    let (stage, gate) = (Stage::new(), Words::new(1, &[]));
    let mut theirs = site(3, 0);
    // A directory, because `whole` takes a file of that name for a sidecar.
    theirs.insert("style.css.gz/notes.txt".into(), "theirs".into());
    stage.publish(&theirs, &gate);
    assert_eq!(stage.shown(), Some(theirs));
    let both =
        [&["site-data.json.br", "site-data.json.gz", "site-data.json.zst"][..], &["style.css.br", "style.css.zst"]];
    assert_eq!(sidecars(&stage), both.concat());
    stage.publish(&site(3, 0), &gate);
    assert_eq!(sidecars(&stage), of(&["site-data.json", "style.css"]));
}

#[test]
fn a_snapshot_has_them_too() {
    let (stage, gate) = (Stage::new(), Words::new(1, &[]));
    let release = stage.publish(&site(3, 0), &gate);
    assert!(stage.store().unwrap().snapshot("v1", &release.hash).unwrap());
    let root = stage.output().join("snapshots/v1");
    assert_eq!(files(&root), files(&release.path));
    assert!(root.join("style.css.br").is_file());
}
