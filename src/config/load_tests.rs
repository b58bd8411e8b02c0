use super::*;
use crate::config::value::Seconds;
use crate::config::{HeartbeatFormat, UnitManager};

struct Case {
    directory: tempfile::TempDir,
    inputs: Inputs,
}

/// A case whose file holds `bytes`.
fn case(bytes: impl AsRef<[u8]>) -> Case {
    let directory = tempfile::tempdir().expect("a directory");
    let file = directory.path().join("c.yml");
    std::fs::write(&file, bytes).expect("write the file");
    let inputs = Inputs { file: Some(file), directory: "/start".into(), ..Inputs::default() };
    Case { directory, inputs }
}

impl Case {
    fn environment(mut self, name: &str, value: &str) -> Self {
        self.inputs.environment.push((name.into(), value.into()));
        self
    }

    fn flag(mut self, path: &str, text: &str) -> Self {
        self.inputs.flags.push(FlagSetting { path: path.into(), text: text.into(), flag: format!("--{path}") });
        self
    }

    fn loaded(self) -> Loaded {
        load(&self.inputs).unwrap_or_else(|errors| panic!("{errors}"))
    }

    /// The errors, with the file's directory cut away.
    fn errors(self) -> Vec<String> {
        let errors = load(&self.inputs).expect_err("an error");
        let directory = format!("{}/", self.directory.path().display());
        errors.to_string().replace(&directory, "").lines().map(str::to_owned).collect()
    }
}

#[test]
fn nothing_at_all_is_all_defaults() {
    for text in ["", "\n", "# nothing\n", "vllm:\n", "---\n"] {
        let loaded = case(text).loaded();
        assert!(loaded.origins.is_empty() && loaded.notes.is_empty(), "{text:?}");
        assert_eq!(loaded.config.vllm, Config::default().vllm);
    }
    let without_file = load(&Inputs::default()).expect("defaults");
    assert_eq!(without_file.origin("vllm.url"), &Origin::Default);
    assert!(!without_file.vllm_expected());
}

#[test]
fn the_later_layer_wins_and_every_setting_remembers_who_set_it() {
    let text =
        "vllm:\n  url: http://file:1\n  interval: 3s\nloop:\n  unit_manager: system\n  heartbeat_format: mtime\n";
    let loaded = case(text)
        .environment("AUTOSWE_VLLM_URL", "http://environment:2")
        .environment("AUTOSWE_VLLM_INTERVAL", "4s")
        .environment("AUTOSWE_RUNTIME_DIR", "run")
        .environment("AUTOSWE_GPU_ENABLED", "")
        .flag("vllm.interval", "5s")
        .loaded();
    let Loaded { config, .. } = &loaded;
    assert_eq!(config.vllm.url, "http://environment:2");
    assert_eq!(config.vllm.interval, Seconds(5.0));
    assert_eq!(config.loop_.unit_manager, UnitManager::System);
    assert_eq!(config.loop_.heartbeat_format, HeartbeatFormat::Mtime);
    assert_eq!(config.runtime_dir, Path::new("/start/run"));
    assert_eq!(config.in_runtime_dir(&config.verdicts.file), Path::new("/start/run/verdicts.jsonl"));
    assert!(config.gpu.enabled, "an empty variable counts as unset");

    assert_eq!(loaded.origin("vllm.url").to_string(), "environment AUTOSWE_VLLM_URL");
    assert_eq!(loaded.origin("vllm.interval").to_string(), "flag --vllm.interval");
    assert!(loaded.origin("loop.unit_manager").to_string().ends_with("c.yml:5"));
    assert_eq!(loaded.origin("gpu.enabled"), &Origin::Default);
    assert!(loaded.vllm_expected() && loaded.thresholds().vllm_expected);
}

#[test]
fn all_errors_come_at_once_with_their_place_and_mend() {
    let text = "\
vllm:
  urk: http://x
  interval: soon
loop:
  unit_manager: sytem
  fields: {ts: ts}
  url: http://y
parity: yes
checks:
  loop: {warn: 20m}
colour: red
subagents:
  phases:
    writer: {pattern: '(', budget: 10m}
web.telemetry_path: /m
web: {listen_addresses: ['9765'], telemetry_path: /livez}
";
    let errors = case(text).environment("AUTOSWE_GPU_INTERVAL", "-1").flag("host.enabled", "maybe").errors();
    let expected = [
        "c.yml:2:3: vllm.urk: unknown key; did you mean `url`?",
        "c.yml:3:13: vllm.interval: expected a length of time such as 90s, 10m, 1h30m, 2d or a number of seconds",
        "c.yml:5:17: loop.unit_manager: expected one of user, system; did you mean `system`?",
        "c.yml:6:16: loop.fields.ts: expected a JSON pointer such as /status/iteration (it begins with /; ~0 stands for ~)",
        "c.yml:7:3: loop.url: unknown key; did you mean `vllm.url`?",
        "c.yml:8:9: parity: expected settings, such as `enabled: ...`",
        "c.yml:10:16: checks.loop.warn: the warning must come first: checks.loop.warn (1200) must lie below checks.loop.crit (900)",
        "c.yml:11:1: colour: unknown key; known here: ",
        "c.yml:14:23: subagents.phases.writer.pattern: not a regular expression: unclosed group; expected one such as '\\bwriter\\b'",
        "c.yml:15:1: web.telemetry_path: unknown key; write `web.telemetry_path` as nested keys, one line each",
        "c.yml:16:25: web.listen_addresses: `9765` is no address to listen on; expected one such as :9765, 127.0.0.1:9765 or [::1]:9765",
        "environment AUTOSWE_GPU_INTERVAL: gpu.interval: expected a length of time such as 90s, 10m, 1h30m, 2d or a number of seconds",
        "flag --host.enabled: host.enabled: expected true or false",
    ];
    for (found, expected) in errors.iter().zip(expected) {
        assert!(found.starts_with(expected), "\nfound    {found}\nexpected {expected}");
    }
    assert_eq!(errors.len(), expected.len(), "{errors:#?}");
}

#[test]
fn a_variable_that_is_no_setting_is_a_note() {
    let loaded = case("")
        .environment("AUTOSWE_VLLM_URI", "http://x")
        .environment("AUTOSWE_JOURNEY_KEY", "secret")
        .environment("OTHER", "x")
        .loaded();
    assert_eq!(loaded.notes.len(), 2);
    assert!(
        loaded.notes[1].contains("AUTOSWE_VLLM_URI") && loaded.notes[1].contains("did you mean `AUTOSWE_VLLM_URL`?")
    );
    assert!(!loaded.notes[0].contains("secret"), "a note never shows a value");
}

#[test]
fn variables_of_the_command_line_are_no_note() {
    let mut case = case("").environment("AUTOSWE_LOG_LEVEL", "debug");
    case.inputs.flag_variables = vec!["AUTOSWE_LOG_LEVEL"];
    assert!(case.loaded().notes.is_empty());
}

#[test]
fn environment_names_follow_the_rule_and_are_unique() {
    assert_eq!(environment_name("vllm.url"), "AUTOSWE_VLLM_URL");
    assert_eq!(environment_name("runtime_dir"), "AUTOSWE_RUNTIME_DIR");
    let names: Vec<String> = Schema::new().settings.iter().map(|path| environment_name(path)).collect();
    let unique: std::collections::BTreeSet<&String> = names.iter().collect();
    assert_eq!(unique.len(), names.len());
}

#[test]
fn lists_and_maps_come_from_the_environment_too() {
    let loaded = case("")
        .environment("AUTOSWE_WEB_LISTEN_ADDRESSES", ":1, [::1]:2")
        .environment("AUTOSWE_SUBAGENTS_PHASES", "{builder: {pattern: make, budget: 5m}}")
        .environment("AUTOSWE_LOOP_STATE", "none.json")
        .loaded();
    assert_eq!(loaded.config.web.listen_addresses, [":1", "[::1]:2"]);
    assert_eq!(loaded.config.subagents.phases.budget("builder"), Some(Seconds(300.0)));
    assert_eq!(loaded.config.loop_.state.as_deref(), Some("none.json"));
}

#[test]
fn a_file_that_is_no_text_is_refused_clearly() {
    let cases: [(&[u8], &str); 4] = [
        (b"a: \xff\n", "c.yml: is not UTF-8 in line 1; save it as UTF-8 text"),
        (b"vllm:\n\turl: x\n", "c.yml:2:"),
        (b"just words\n", "c.yml:1:1: expected settings"),
        (
            b"host: {enabled: true}\n\x00\x01vllm:\n",
            "c.yml: holds a control character in line 2; save it as plain text",
        ),
    ];
    for (bytes, expected) in cases {
        let errors = case(bytes).errors();
        assert!(errors.len() == 1 && errors[0].starts_with(expected), "{errors:?}");
    }
}

#[test]
fn a_large_file_is_refused_unread() {
    let errors = case("# filler\n".repeat(10_000_000 / 9)).errors();
    assert_eq!(errors, ["c.yml: larger than the 1048576 bytes that are read at most"]);
}

#[test]
fn a_truncated_file_never_panics() {
    let text =
        "vllm: {url: 'http://x:1', interval: 2s}\nsubagents:\n  phases:\n    w: {pattern: \"\\\\bw\", budget: 1m}\n";
    for end in 0..text.len() {
        let case = case(&text[..end]);
        drop(load(&case.inputs));
    }
}

proptest::proptest! {
    #[test]
    fn any_text_loads_or_is_refused(text in "\\PC{0,60}", yaml in "([a-z:&*!{}\\[\\], '\"|>#-]|\n|\n  |vllm:|url|loop:){0,60}") {
        for text in [text, yaml] {
            let (layer, errors) = layer::from_yaml(Path::new("c.yml"), &text, &Schema::new());
            proptest::prop_assert!(errors.iter().all(|error| error.to_string().starts_with("c.yml:")));
            drop(layer);
        }
    }
}

#[test]
fn what_is_no_file_is_refused_clearly() {
    let mut case = case("");
    let refusal = |file: &Path, case: &mut Case| {
        case.inputs.file = Some(file.to_owned());
        load(&case.inputs).expect_err("refused").to_string()
    };
    let directory = case.directory.path().to_owned();
    assert!(refusal(&directory, &mut case).contains("is a directory"));
    assert!(refusal(&directory.join("none.yml"), &mut case).contains("no such file"));
    let fifo = directory.join("fifo");
    rustix::fs::mknodat(rustix::fs::CWD, &fifo, rustix::fs::FileType::Fifo, 0o600.into(), 0).expect("a FIFO");
    assert!(refusal(&fifo, &mut case).contains("where a regular file belongs"));
    assert!(refusal(Path::new("/dev/zero"), &mut case).contains("where a regular file belongs"));
}
