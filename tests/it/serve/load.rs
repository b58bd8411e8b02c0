//! What the server takes up of what lies on the disk, while it changes under its hands.

use std::os::unix::fs::{PermissionsExt, symlink};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use autoswe_exporter::journey::release::{MANIFEST, Shelf};
use autoswe_exporter::journey::serve::{Change, Found, Loader, Site, Terms};
use sha2_name::named;

use crate::release::gate::Words;
use crate::release::stage::{self, Stage, site};

const HOUR: Duration = Duration::from_secs(3600);

/// Names of assets as the site makes them.
mod sha2_name {
    use ring::digest::{SHA256, digest};

    /// `assets/NAME-HASH.css` of `text`.
    pub(super) fn named(name: &str, text: &str) -> String {
        let hash = digest(&SHA256, text.as_bytes());
        let hash: String = hash.as_ref().iter().take(5).map(|byte| format!("{byte:02x}")).collect();
        format!("assets/{name}-{hash}.css")
    }
}

fn loader(stage: &Stage) -> Loader {
    let terms = Terms { most_bytes: 1 << 20, immutable: vec![glob::Pattern::new("_astro/*").unwrap()] };
    Loader::new(Shelf::new(stage.output()), terms)
}

fn clean() -> Words {
    Words::new(1, &["secret"])
}

/// The site after a look that must change it.
fn changed(change: Change) -> Arc<Site> {
    assert!(change.refused.is_empty(), "{:?}", change.refused);
    change.site.expect("another site")
}

fn refused(change: &Change, expected: &str) {
    let errors: Vec<_> = change.refused.iter().map(ToString::to_string).collect();
    assert!(errors.iter().any(|error| error.contains(expected)), "{expected}: {errors:?}");
}

fn shown(site: &Site, path: &str) -> Option<String> {
    match site.find(path) {
        Found::Resource(resource) => Some(String::from_utf8(resource.plain.bytes.to_vec()).unwrap()),
        Found::Directory | Found::Nothing => None,
    }
}

#[test]
fn exactly_what_the_manifest_lists_is_shown_from_the_moment_of_the_flip() {
    let stage = Stage::new();
    let mut loader = loader(&stage);
    let now = SystemTime::now();
    let empty = changed(loader.look(now));
    assert!(matches!(empty.find("/"), Found::Nothing) && empty.current.release.is_none());
    assert!(loader.look(now).site.is_none(), "nothing has changed");

    let first = stage.publish(&site(3, 0), &clean());
    std::fs::write(first.path.join("planted.html"), "planted").unwrap();
    let shows_first = changed(loader.look(now));
    assert_eq!(shows_first.current.release.as_ref(), Some(&first.hash));
    for (path, text) in site(3, 0) {
        assert_eq!(shown(&shows_first, &format!("/{path}")), Some(text), "{path}");
    }
    for path in ["/planted.html", "/manifest.json", "/current", "/releases", "/pages/a", "/pages/a/"] {
        assert!(!matches!(shows_first.find(path), Found::Resource(_)), "{path}");
    }
    assert!(loader.look(now).site.is_none(), "nothing has changed");

    let second = stage.publish(&site(3, 1), &clean());
    let shows_second = changed(loader.look(now));
    assert_eq!(shows_second.current.release.as_ref(), Some(&second.hash));
    assert_eq!(shown(&shows_second, "/index.html").unwrap(), "index.html 1\n");
    assert_eq!(shown(&shows_first, "/index.html").unwrap(), "index.html 0\n", "who holds the old one sees the old one");
    // What is the same is held once.
    let bytes = |site: &Site, path: &str| site.current.get(path).unwrap().plain.bytes.as_ptr();
    assert_eq!(bytes(&shows_first, "pages/a/1.html"), bytes(&shows_second, "pages/a/1.html"));
}

#[test]
fn a_page_is_dated_by_its_last_change() {
    let stage = Stage::new();
    let mut loader = loader(&stage);
    stage.publish(&site(1, 0), &clean());
    let current = stage.output().join("current");
    let at = |seconds: u64| SystemTime::UNIX_EPOCH + Duration::from_secs(seconds);
    let since = |site: &Site, path: &str| site.current.get(path).unwrap().shown_since;
    // A link's own time cannot be set by the standard library; it was made in this second or the one before.
    let made = std::fs::symlink_metadata(&current).unwrap().modified().unwrap();
    let first = changed(loader.look(made + HOUR));
    let age = made.duration_since(since(&first, "index.html")).unwrap();
    assert!(age < Duration::from_secs(1), "{age:?}");
    stage.publish(&site(1, 1), &clean());
    let second = changed(loader.look(made + HOUR));
    assert_eq!(since(&second, "pages/a/0.html"), since(&first, "pages/a/0.html"));
    assert!(since(&second, "index.html") >= since(&first, "index.html"));
    // A clock that runs behind: no date lies in the future.
    let mut behind = self::loader(&stage);
    let site = changed(behind.look(at(1_000_000)));
    assert_eq!(since(&site, "index.html"), at(1_000_000));
}

#[test]
fn a_release_that_is_not_as_its_manifest_says_is_refused_as_a_whole() {
    let tampers: [(&str, fn(&std::path::Path)); 7] = [
        ("index.html is not as it was released", |root| replace(root, "index.html", "index.html X\n")),
        ("index.html is not as it was released", |root| replace(root, "index.html", "longer than it was\n")),
        ("index.html", |root| std::fs::remove_file(root.join("index.html")).unwrap()),
        ("index.html", |root| {
            std::fs::rename(root.join("index.html"), root.join("other.html")).unwrap();
            symlink("other.html", root.join("index.html")).unwrap();
        }),
        ("pages", |root| {
            std::fs::rename(root.join("pages"), root.join("aside")).unwrap();
            symlink("aside", root.join("pages")).unwrap();
        }),
        ("lists other files than its content_hash says", |root| {
            let manifest = std::fs::read_to_string(root.join(MANIFEST)).unwrap();
            replace(root, MANIFEST, &manifest.replace("style.css", "xtyle.css"));
        }),
        ("no manifest", |root| replace(root, MANIFEST, "{\"version\": 1, ")),
    ];
    for (expected, tamper) in tampers {
        let stage = Stage::new();
        let mut loader = loader(&stage);
        let first = stage.publish(&site(2, 0), &clean());
        changed(loader.look(SystemTime::now()));
        let second = stage.publish(&site(2, 1), &clean());
        tamper(&second.path);
        let change = loader.look(SystemTime::now());
        refused(&change, expected);
        let site = change.site.unwrap();
        assert_eq!(site.current.release.as_ref(), Some(&first.hash), "{expected}: the last good one stays");
        assert_eq!(shown(&site, "/index.html").unwrap(), "index.html 0\n");
        // One that starts now has nothing to stay with, and takes the newest one that is whole.
        let change = self::loader(&stage).look(SystemTime::now());
        refused(&change, expected);
        assert_eq!(change.site.unwrap().current.release.as_ref(), Some(&first.hash), "{expected}");
    }
}

fn replace(root: &std::path::Path, path: &str, text: &str) {
    // Another file in its place: releases share theirs.
    std::fs::remove_file(root.join(path)).unwrap();
    std::fs::write(root.join(path), text).unwrap();
    std::fs::set_permissions(root.join(path), PermissionsExt::from_mode(0o644)).unwrap();
}

#[test]
fn what_was_mended_is_taken_up_a_minute_later() {
    let stage = Stage::new();
    let mut loader = loader(&stage);
    let release = stage.publish(&site(1, 0), &clean());
    replace(&release.path, "index.html", "index.html X\n");
    let now = SystemTime::now();
    refused(&loader.look(now), "index.html");
    assert!(loader.look(now).refused.is_empty(), "told once");
    replace(&release.path, "index.html", "index.html 0\n");
    assert!(loader.look(now + Duration::from_secs(59)).site.is_none());
    let site = changed(loader.look(now + Duration::from_secs(60)));
    assert_eq!(site.current.release, Some(release.hash));
}

#[test]
fn a_pointer_to_anything_but_a_release_shows_nothing() {
    let stage = Stage::new();
    let release = stage.publish(&site(1, 0), &clean());
    let current = stage.output().join("current");
    for target in
        ["/etc", "../state", "releases", "releases/..", "snapshots/x", &format!("./releases/{}", release.hash)]
    {
        std::fs::remove_file(&current).unwrap();
        symlink(target, &current).unwrap();
        let site = changed(loader(&stage).look(SystemTime::now()));
        assert!(site.current.release.is_none() && site.current.files.is_empty(), "{target}");
    }
}

#[test]
fn what_is_withdrawn_is_gone_at_the_next_look_with_its_assets() {
    let stage = Stage::new();
    let mut loader = loader(&stage);
    let good = stage.publish(&site(1, 0), &clean());
    let mut doubtful = site(1, 1);
    let asset = named("style", "doubtful");
    doubtful.insert(asset.clone(), "doubtful".into());
    let bad = stage.publish(&doubtful, &clean());
    let site = changed(loader.look(SystemTime::now()));
    assert_eq!(site.current.release, Some(bad.hash));
    // New rules: the release that is shown is not clean any more.
    stage.store().unwrap().rescan(&Words::new(2, &["doubtful"])).unwrap();
    let site = changed(loader.look(SystemTime::now()));
    assert_eq!(site.current.release, Some(good.hash));
    assert_eq!(shown(&site, &format!("/{asset}")), None);
    // And the one before it.
    stage.store().unwrap().rescan(&Words::new(3, &["iteration"])).unwrap();
    let site = changed(loader.look(SystemTime::now()));
    assert!(site.current.release.is_none() && shown(&site, "/index.html").is_none());
}

#[test]
fn assets_that_are_named_after_their_content_outlive_their_release_by_an_hour() {
    let stage = Stage::new();
    let mut loader = loader(&stage);
    let now = SystemTime::now();
    let (old, new) = (named("style", "old"), named("style", "new"));
    let with = |asset: &str, text: &str, version| {
        let mut site = site(1, version);
        site.insert(asset.into(), text.into());
        site.insert("_astro/page.AbCdEf.css".into(), text.into());
        site.insert(format!("assets/plain-{version}.css"), text.into());
        site.insert("assets/style-0123456789.css".into(), text.into());
        site
    };
    stage.publish(&with(&old, "old", 0), &clean());
    let site = changed(loader.look(now));
    let immutable = |path: &str| site.current.get(path).unwrap().is_immutable;
    assert!(immutable(&old) && immutable("_astro/page.AbCdEf.css"));
    assert!(!immutable("assets/plain-0.css") && !immutable("assets/style-0123456789.css") && !immutable("index.html"));

    stage.publish(&with(&new, "new", 1), &clean());
    let flip = now + Duration::from_secs(100);
    let site = changed(loader.look(flip));
    assert_eq!(shown(&site, &format!("/{old}")).as_deref(), Some("old"));
    assert_eq!(shown(&site, &format!("/{new}")).as_deref(), Some("new"));
    assert_eq!(shown(&site, "/_astro/page.AbCdEf.css").as_deref(), Some("new"), "the new release wins");
    assert_eq!(shown(&site, "/assets/plain-0.css"), None);
    assert!(loader.look(flip + HOUR - Duration::from_secs(1)).site.is_none());
    let site = changed(loader.look(flip + HOUR));
    assert_eq!(shown(&site, &format!("/{old}")), None);
    assert_eq!(shown(&site, &format!("/{new}")).as_deref(), Some("new"));
}

#[test]
fn snapshots_are_shown_beside_the_release_and_one_that_is_broken_alone_is_refused() {
    let stage = Stage::new();
    let mut loader = loader(&stage);
    let first = stage.publish(&site(1, 0), &clean());
    for id in ["v1", "good"] {
        stage.store().unwrap().snapshot(id, &first.hash).unwrap();
    }
    stage.publish(&site(1, 1), &clean());
    let site = changed(loader.look(SystemTime::now()));
    assert_eq!(shown(&site, "/snapshots/v1/").unwrap(), "index.html 0\n");
    assert_eq!(shown(&site, "/").unwrap(), "index.html 1\n");
    let page =
        |volume: &autoswe_exporter::journey::serve::Volume| volume.get("pages/a/0.html").unwrap().plain.bytes.as_ptr();
    assert_eq!(page(&site.current), page(&site.snapshots["v1"]), "what is the same is held once");

    let snapshots = stage.output().join("snapshots");
    replace(&snapshots.join("v1"), "index.html", "index.html X\n");
    std::fs::create_dir(snapshots.join("none")).unwrap();
    symlink("v1", snapshots.join("link")).unwrap();
    symlink("/etc", snapshots.join("etc")).unwrap();
    let mut fresh = self::loader(&stage);
    let change = fresh.look(SystemTime::now());
    refused(&change, "v1/index.html is not as it was released");
    let site = change.site.unwrap();
    assert_eq!(site.snapshots.keys().map(|id| &**id).collect::<Vec<_>>(), ["good"]);
    assert_eq!(shown(&site, "/snapshots/good/").unwrap(), "index.html 0\n");
    assert_eq!(shown(&site, "/").unwrap(), "index.html 1\n");
    std::fs::remove_dir_all(snapshots.join("good")).unwrap();
    let site = fresh.look(SystemTime::now()).site.unwrap();
    assert!(!site.snapshots.contains_key("good"), "one that was removed is gone");
}

#[test]
fn more_than_the_memory_that_is_given_is_refused_before_it_is_read() {
    let stage = Stage::new();
    let first = stage.publish(&site(1, 0), &clean());
    let terms = |most_bytes| Terms { most_bytes, immutable: Vec::new() };
    let mut exact = Loader::new(Shelf::new(stage.output()), terms(first.bytes));
    assert_eq!(changed(exact.look(SystemTime::now())).current.release, Some(first.hash.clone()));
    let change = Loader::new(Shelf::new(stage.output()), terms(first.bytes - 1)).look(SystemTime::now());
    refused(&change, "raise journey.server.max_bytes");
    // A snapshot of the same costs nothing more.
    stage.store().unwrap().snapshot("same", &first.hash).unwrap();
    let site = changed(exact.look(SystemTime::now()));
    assert_eq!(site.snapshots.len(), 1);
}

#[test]
fn a_shelf_that_cannot_be_read_is_told_once_and_changes_nothing() {
    let stage = Stage::new();
    let mut loader = loader(&stage);
    let release = stage.publish(&site(1, 0), &clean());
    changed(loader.look(SystemTime::now()));
    let aside = stage.output().with_extension("aside");
    std::fs::rename(stage.output(), &aside).unwrap();
    std::fs::write(stage.output(), "a file").unwrap();
    refused(&loader.look(SystemTime::now()), "a directory belongs there");
    assert!(loader.look(SystemTime::now()).refused.is_empty());
    std::fs::remove_file(stage.output()).unwrap();
    std::fs::rename(&aside, stage.output()).unwrap();
    assert!(loader.look(SystemTime::now()).site.is_none(), "it is as it was");
    assert_eq!(stage::names(&stage.output().join("releases")), [release.hash]);
}
