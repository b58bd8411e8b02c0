//! The configurations that documents and packages show must load.

use std::collections::BTreeSet;
use std::path::Path;

use autoswe_exporter::config::{Config, HeartbeatFormat, Inputs, Loaded, load};
use autoswe_exporter::watchdog::reason::Reason;

fn loaded(yaml: &str) -> Loaded {
    let directory = tempfile::tempdir().expect("a directory");
    let file = directory.path().join("shown.yml");
    std::fs::write(&file, yaml).expect("write");
    let inputs = Inputs { file: Some(file), directory: "/start".into(), ..Inputs::default() };
    load(&inputs).unwrap_or_else(|errors| panic!("{errors}\n{yaml}"))
}

fn read(path: &str) -> String {
    std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(path)).expect(path)
}

/// The fenced blocks of `language` in a Markdown document.
fn blocks(markdown: &str, language: &str) -> Vec<String> {
    let start = format!("```{language}\n");
    let blocks = markdown.split(&start).skip(1);
    blocks.map(|rest| rest.split("```").next().unwrap_or_default().to_owned()).collect()
}

#[test]
fn the_configuration_of_any_loop_is_complete() {
    let shown = blocks(&read("docs/any-loop.md"), "yaml");
    assert!(shown.len() >= 4, "the document shows several configurations");
    let Loaded { config, origins, .. } = loaded(&shown[0]);
    assert_eq!(config.loop_.heartbeat_format, HeartbeatFormat::Mtime);
    assert_eq!(config.loop_.state, None);
    let heartbeat = config.in_runtime_dir(&config.loop_.heartbeat);
    assert!(heartbeat.is_absolute() && heartbeat.to_string_lossy().contains('*'), "{}", heartbeat.display());
    assert_eq!(config.subagents.phases.0.len(), 1);
    assert!(
        ![config.parity.enabled, config.verdicts.enabled, config.site.enabled, config.review.enabled].contains(&true)
    );
    assert!(origins.contains_key("checks.loop.crit"));
}

#[test]
fn every_configuration_that_a_document_shows_loads() {
    for path in ["docs/any-loop.md", "docs/generated/config.md"] {
        for block in blocks(&read(path), "yaml") {
            assert!(!loaded(&block).origins.is_empty(), "{path}:\n{block}");
        }
    }
}

#[test]
fn the_packaged_example_shows_the_defaults() {
    let Loaded { config, origins, .. } = loaded(&read("deploy/autoswe-exporter.yml"));
    assert!(origins.len() >= 15, "the common settings are shown");
    let mut defaults = Config::default();
    (defaults.runtime_dir, defaults.repo_root) = (config.runtime_dir.clone(), config.repo_root.clone());
    assert_eq!(config, defaults, "what the example says and what is the default have parted");
}

/// What a Markdown document links to, without the part after `#`; addresses of other machines are left out.
fn links(markdown: &str) -> BTreeSet<&str> {
    let targets = markdown.split("](").skip(1).filter_map(|rest| rest.split(')').next());
    targets.filter(|target| !target.contains("://")).filter_map(|target| target.split('#').next()).collect()
}

/// The names of the files in `docs/runbooks` that tell of one decision of the watchdog's.
fn pages_of_decisions() -> BTreeSet<String> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/runbooks");
    let names = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    names.filter(|name| name.starts_with("watchdog-")).collect()
}

#[test]
fn each_decision_that_needs_a_person_has_its_page_and_each_page_is_named() {
    for reason in Reason::ALL {
        let Some(page) = reason.runbook() else { continue };
        let text = read(&format!("docs/runbooks/{page}"));
        assert!(text.contains(&format!("`{}`", reason.name())), "{page} does not name its reason {}", reason.name());
        assert!(text.contains(&format!("`{}`", reason.action().name())), "{page}: what is decided, a word");
    }
    let overview = read("docs/runbooks/watchdog.md");
    let pages = pages_of_decisions();
    let named: BTreeSet<String> =
        links(&overview).into_iter().filter(|link| link.starts_with("watchdog-")).map(str::to_owned).collect();
    assert_eq!(named, pages, "pages that watchdog.md links to, and pages that are there");
    let known: BTreeSet<&str> = Reason::ALL.into_iter().filter_map(Reason::runbook).collect();
    for page in &pages {
        // What came of a restart is found beside a decision, and is none itself.
        assert!(known.contains(page.as_str()) || page == "watchdog-did-not-take.md", "{page}: no decision names it");
    }
}

#[test]
fn each_page_of_a_decision_says_what_to_do_and_what_not() {
    for page in pages_of_decisions() {
        let text = read(&format!("docs/runbooks/{page}"));
        let headings: Vec<&str> = text.lines().filter_map(|line| line.strip_prefix("## ")).collect();
        assert_eq!(headings, ["What it means", "How to look", "What to do", "What not to do"], "{page}");
        assert!(text.starts_with("# Watchdog: ") && !blocks(&text, "sh").is_empty(), "{page}");
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/runbooks");
        for link in links(&text) {
            assert!(folder.join(link).is_file(), "{page} links to {link}, which is not there");
        }
    }
}
