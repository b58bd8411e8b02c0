//! The effective configuration as YAML that loads again, each setting with a comment of its origin.
//!
//! Invariant: what is printed loads to the same values. No setting holds a secret: keys stay in the environment
//! variables that settings name.

use serde_yaml::Value;

use super::load::Loaded;
use super::section::{Setting, Visitor};

/// Column of the comments, where the value leaves room.
const COMMENT_COLUMN: usize = 56;

/// `loaded` as YAML with comments.
pub fn print(loaded: &Loaded) -> String {
    let mut printer = Printer { loaded, text: String::new() };
    loaded.config.clone().accept(&mut printer);
    printer.text
}

struct Printer<'a> {
    loaded: &'a Loaded,
    text: String,
}

impl Printer<'_> {
    /// One line at `depth`; the comment stands in a column of its own.
    fn line(&mut self, depth: usize, text: &str, comment: &str) {
        let line = format!("{:indent$}{text}", "", indent = 2 * depth);
        self.text += &match comment {
            "" => format!("{line}\n"),
            comment => format!("{line:COMMENT_COLUMN$} # {comment}\n"),
        };
    }
}

/// How deep the setting at `path` lies, and its key.
fn depth_and_key(path: &str) -> (usize, &str) {
    (path.matches('.').count(), path.rsplit('.').next().unwrap_or_default())
}

impl Visitor for Printer<'_> {
    fn enter(&mut self, path: &str, _doc: &'static str) {
        let (depth, key) = depth_and_key(path);
        if !key.is_empty() {
            self.line(depth, &format!("{key}:"), "");
        }
    }

    fn setting(&mut self, path: &str, _doc: &'static str, setting: &mut dyn Setting) {
        let origin = self.loaded.origin(path).to_string();
        let (depth, key) = depth_and_key(path);
        match setting.get() {
            Value::Mapping(fields) if !fields.is_empty() => {
                self.line(depth, &format!("{key}:"), &origin);
                for (name, value) in &fields {
                    self.line(depth + 1, &format!("{}: {}", inline(name), inline(value)), "");
                }
            }
            value => self.line(depth, &format!("{key}: {}", inline(&value)), &origin),
        }
    }
}

/// `value` on one line: plain where YAML allows it, else in the quotes and brackets of JSON, which YAML reads too.
pub(super) fn inline(value: &Value) -> String {
    let plain = match value {
        Value::Sequence(items) => Some(format!("[{}]", items.iter().map(quoted).collect::<Vec<_>>().join(", "))),
        Value::Mapping(fields) => {
            let fields = fields.iter().map(|(key, value)| format!("{}: {}", quoted(key), quoted(value)));
            Some(format!("{{{}}}", fields.collect::<Vec<_>>().join(", ")))
        }
        Value::String(_) => serde_yaml::to_string(value).ok().map(|text| text.trim_end_matches('\n').to_owned()),
        _ => None,
    };
    // YAML 1.1, which the writer speaks, breaks lines at more characters than YAML 1.2, which the reader speaks.
    let breaks = |c: char| c.is_control() || matches!(c, '\u{2028}' | '\u{2029}');
    let broken = value.as_str().is_some_and(|text| text.contains(breaks));
    plain.filter(|text| !broken && !text.contains('\n')).unwrap_or_else(|| quoted(value))
}

/// As JSON, with the control characters escaped that JSON would let stand.
fn quoted(value: &Value) -> String {
    let json = serde_json::to_string(value).unwrap_or_default();
    json.chars().map(|c| if c.is_control() { format!("\\u{:04x}", u32::from(c)) } else { c.into() }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Inputs, load};
    use proptest::prelude::*;

    fn reloaded(text: &str) -> Loaded {
        let directory = tempfile::tempdir().expect("a directory");
        let file = directory.path().join("printed.yml");
        std::fs::write(&file, text).expect("write");
        let inputs = Inputs { file: Some(file), directory: "/start".into(), ..Inputs::default() };
        load(&inputs).unwrap_or_else(|errors| panic!("{errors}\n{text}"))
    }

    #[test]
    fn what_is_printed_loads_to_the_same_values() {
        let first =
            reloaded("vllm: {url: 'http://x:1'}\nloop: {heartbeat: '~/.claude/projects/*/*.jsonl', state: ''}\n");
        let printed = print(&first);
        assert_eq!(reloaded(&printed).config, first.config);
    }

    #[test]
    fn every_setting_shows_its_origin() {
        let loaded = reloaded("vllm:\n  url: http://x:1\n");
        let printed = print(&loaded);
        let line =
            |key: &str| printed.lines().find(|line| line.trim_start().starts_with(key)).expect("a line").to_owned();
        assert!(line("url:").starts_with("  url: http://x:1 ") && line("url:").ends_with("printed.yml:2"));
        assert!(line("runtime_dir:").ends_with("# default"));
        assert!(line("phases:").ends_with("# default"));
        assert!(line("planner:").starts_with("    planner: {"), "{}", line("planner:"));
    }

    proptest! {
        #[test]
        fn any_text_survives_printing(text in "\\PC{0,40}|[\\PC\u{7f}\u{85}\u{2028}\u{2029}\u{feff}\\n\\t ]{1,8}") {
            let mut loaded = reloaded("");
            loaded.config.loop_.unit = text.clone();
            loaded.config.loop_.heartbeat = format!("x{text}").into();
            loaded.config.gpu.recording = Some(text.clone()).filter(|text| !text.is_empty());
            loaded.config.checks.loop_.future = crate::config::value::Seconds(0.0123);
            prop_assert_eq!(reloaded(&print(&loaded)).config, loaded.config);
        }
    }
}
