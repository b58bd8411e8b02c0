//! `docs/generated/config.md`: the reference of every setting, written from the declaration.

use super::Config;
use super::load::environment_name;
use super::print::inline;
use super::section::{Setting, Visitor};

const HEAD: &str = "\
<!-- Written from src/config by a test. Rewrite it with: UPDATE_DOCS=1 cargo nextest run -->

# Configuration

`autoswe-exporter --config.file FILE` (or `AUTOSWE_CONFIG_FILE`) reads a YAML file of at most 1 MiB. Every setting has
a default, so the file holds only what differs. A dotted name such as `vllm.url` stands for nested keys:

```yaml
vllm:
  url: http://127.0.0.1:8010
```

A later layer wins: default, file, environment variable, command-line flag. An empty variable counts as unset; lists
are separated by commas in a variable. Unknown keys are refused. `autoswe-exporter check-config` tells every error at
once, `autoswe-exporter print-config` shows each effective value and where it came from. SIGHUP reads the file again.

A *duration* is a number of seconds or text such as `250ms`, `90s`, `10m`, `1h30m`, `2d`. A *ratio* is 0 to 1, or a
percentage such as `10%`. A *size* is a number of bytes or text such as `16MiB`, `1GB`. In a *path* a leading `~/` is
the home directory.
";

fn reference() -> String {
    let mut reference = Reference { text: HEAD.to_owned(), table_open: false };
    Config::default().accept(&mut reference);
    reference.text
}

struct Reference {
    text: String,
    table_open: bool,
}

impl Visitor for Reference {
    fn enter(&mut self, path: &str, doc: &'static str) {
        let title = if path.is_empty() { "Top level".to_owned() } else { format!("`{path}`") };
        let level = if path.contains('.') { "###" } else { "##" };
        let doc = if path.is_empty() { String::new() } else { format!("\n{}\n", one_line(doc)) };
        self.text += &format!("\n{level} {title}\n{doc}\n");
        self.table_open = false;
    }

    fn setting(&mut self, path: &str, doc: &'static str, setting: &mut dyn Setting) {
        if !self.table_open {
            self.text
                .push_str("| setting | kind | default | environment | what it is |\n| --- | --- | --- | --- | --- |\n");
            self.table_open = true;
        }
        let (kind, default, name) = (setting.kind(), cell(&inline(&setting.get())), environment_name(path));
        let doc = cell(&one_line(doc));
        self.text += &format!("| `{path}` | {kind} | `{default}` | `{name}` | {doc} |\n");
    }
}

/// A doc comment's lines as one.
fn one_line(doc: &str) -> String {
    doc.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// `text` within a table's cell.
fn cell(text: &str) -> String {
    text.replace('|', "\\|")
}

#[test]
fn the_reference_says_what_the_code_says() {
    crate::golden::check("docs/generated/config.md", &reference());
}
