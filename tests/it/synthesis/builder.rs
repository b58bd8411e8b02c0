//! A builder of the operator's own: a shell script in place of npm.

use std::path::PathBuf;
use std::time::Duration;

use autoswe_exporter::journey::last_run::Outcome;
use autoswe_exporter::journey::synthesis::Builder;

use super::stage::Stage;
use crate::release::stage::names;

/// A stage whose builder runs `script`, with pages asked for.
fn with_script(script: &str) -> Stage {
    let mut stage = Stage::new();
    let directory = stage.path("project");
    std::fs::create_dir_all(directory.join("dist")).unwrap();
    std::fs::write(directory.join("dist/old.html"), "of an earlier build").unwrap();
    std::fs::write(directory.join("build.sh"), script).unwrap();
    std::os::unix::fs::symlink("build.sh", directory.join("link.sh")).unwrap();
    stage.request.rebuild_site = true;
    stage.request.builder = Some(Builder {
        command: vec!["sh".into(), "link.sh".into()],
        directory,
        input: PathBuf::from("src/content"),
        output: PathBuf::from("dist"),
        timeout: Duration::from_secs(60),
        base_url: Some("https://example.org/journey/".into()),
    });
    stage.words = vec!["hunter2"];
    stage
}

const BUILD: &str = "mkdir -p dist/pages; cp src/content/iterations/1.md dist/pages/1.html; \
                     ls src/content > dist/index.html; env | sort > dist/env.txt";

#[test]
fn what_it_builds_of_data_and_markdown_is_published_beside_them() {
    let stage = with_script(BUILD);
    stage.run(Outcome::Published);
    let site = stage.shown().unwrap();
    assert_eq!((site["pages/1.html"].as_str(), site["index.html"].as_str()), ("two", "iterations\nsite-data.json\n"));
    assert!(site.contains_key("iterations/1.md") && !site.contains_key("old.html"));
    let environment: Vec<&str> = site["env.txt"].lines().map(|line| line.split_once('=').unwrap().0).collect();
    let allowed = ["HOME", "JOURNEY_BASE", "LANG", "LC_ALL", "OLDPWD", "PATH", "PWD", "SHLVL", "TZ", "USER", "_"];
    assert!(environment.iter().all(|name| allowed.contains(name)), "{environment:?}");
    assert!(site["env.txt"].contains("JOURNEY_BASE=https://example.org/journey/\n"));
    assert_eq!(names(&stage.path("project")), ["build.sh", "dist", "link.sh"], "it worked in a copy");
    assert!(!names(&stage.path("state")).iter().any(|name| name.starts_with('.')), "the copy is gone");
    stage.run(Outcome::Unchanged);
    std::fs::write(stage.path("project/build.sh"), format!("{BUILD}; echo more > dist/more.html")).unwrap();
    stage.run(Outcome::Published);
    assert_eq!(stage.shown().unwrap()["more.html"], "more\n");
}

#[test]
fn what_it_leaves_passes_the_same_gate() {
    for plant in ["echo hunter2 > dist/x.html", "touch dist/hunter2", "printf aHVudGVyMg== > dist/x.bin"] {
        let stage = with_script(&format!("{BUILD}; {plant}"));
        let report = stage.run(Outcome::Refused);
        assert_eq!((report.last_run.findings["word"], stage.shown()), (1, None), "{plant}");
    }
}

#[test]
fn links_devices_and_odd_names_in_its_output_are_refused() {
    let plants = [
        ("ln -s /etc/passwd dist/x.html", "neither file nor directory"),
        ("ln -s /etc dist/etc", "neither file nor directory"),
        ("mkfifo dist/x", "neither file nor directory"),
        ("echo > dist/.htaccess", "hidden"),
        ("echo > 'dist/a b'", "a character that is none of"),
        ("echo > dist/manifest.json", "manifest.json is the release's own"),
        ("echo > dist/site-data.json", "two files of the release are called site-data.json"),
        ("rm -r dist", "left nothing in"),
        ("rm -r dist; echo > dist", "left no directory in dist"),
        ("rm -r dist; ln -s /etc dist", "a link leads from dist out of"),
    ];
    for (plant, expected) in plants {
        let stage = with_script(&format!("{BUILD}; {plant}"));
        let error = format!("{:#}", stage.run(Outcome::Failed).error.unwrap());
        assert!(error.contains(expected), "{plant}: {error}");
        assert_eq!(stage.shown(), None);
    }
}

#[test]
fn one_that_fails_is_told_with_its_last_words() {
    let stage = with_script("echo starting; echo 'no such module' >&2; exit 3");
    let error = format!("{:#}", stage.run(Outcome::Failed).error.unwrap());
    assert!(error.contains("`sh` ended with exit status: 3: no such module"), "{error}");
}

#[test]
fn one_that_hangs_ends_at_its_deadline() {
    let mut stage = with_script("sleep 600");
    stage.request.builder.as_mut().unwrap().timeout = Duration::from_millis(300);
    let error = format!("{:#}", stage.run(Outcome::Failed).error.unwrap());
    assert!(error.contains("gave no answer within"), "{error}");
}

#[test]
fn its_places_lie_in_its_project() {
    for place in ["../elsewhere", "/etc"] {
        let mut stage = with_script(BUILD);
        stage.request.builder.as_mut().unwrap().output = place.into();
        let error = format!("{:#}", stage.run(Outcome::Failed).error.unwrap());
        assert!(error.contains("leads out of the builder's directory"), "{error}");
    }
}
