//! The configurations that documents and packages show must load.

use std::path::Path;

use autoswe_exporter::config::{Config, HeartbeatFormat, Inputs, Loaded, load};

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
