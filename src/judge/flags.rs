//! The flags that an installed tool knows, from its own help.
//!
//! Invariant: a tool is asked once for as long as its file stays the same; one that does not tell, in time or at all, is
//! given every flag, so that it says itself what is wrong.

use std::collections::BTreeSet;
use std::ffi::{OsStr, OsString};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

/// Which file a tool is: device, inode, size, and modification time in nanoseconds.
type Identity = (PathBuf, u64, u64, u64, i128);

/// What tools told.
#[derive(Debug, Default)]
pub(super) struct Known(Mutex<Vec<(Identity, Option<BTreeSet<String>>)>>);

impl Known {
    /// The flags that the tool `identity` knows, as it told before or tells through `ask`.
    pub(super) async fn flags(
        &self,
        identity: Option<Identity>,
        ask: impl Future<Output = Option<String>>,
    ) -> Option<BTreeSet<String>> {
        let identity = identity?;
        let known = |known: &Vec<(Identity, _)>| {
            known.iter().find(|(tool, _)| *tool == identity).map(|(_, flags)| Clone::clone(flags))
        };
        if let Some(flags) = known(&self.0.lock().unwrap_or_else(PoisonError::into_inner)) {
            return flags;
        }
        let flags: Option<BTreeSet<String>> = ask.await.map(|help| parse(&help)).filter(|flags| !flags.is_empty());
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push((identity, flags.clone()));
        flags
    }
}

/// Which file `command` is, looked for in `path` as a shell would.
pub(super) fn identity(command: &str, path: Option<&OsStr>) -> Option<Identity> {
    let found = match command.contains('/') {
        true => Some(PathBuf::from(command)),
        false => std::env::split_paths(path?).map(|directory| directory.join(command)).find(|file| is_program(file)),
    }?;
    let metadata = found.metadata().ok()?;
    let modified = i128::from(metadata.mtime()) * 1_000_000_000 + i128::from(metadata.mtime_nsec());
    Some((found, metadata.dev(), metadata.ino(), metadata.size(), modified))
}

fn is_program(file: &Path) -> bool {
    file.metadata().is_ok_and(|metadata| metadata.is_file() && metadata.mode() & 0o111 != 0)
}

/// The flags in a help text: lines that begin with one name it in each form, before what they say of it.
fn parse(help: &str) -> BTreeSet<String> {
    let lines = help.lines().map(str::trim_start).filter(|line| line.starts_with('-'));
    let names = lines.flat_map(|line| {
        let forms = line.split("  ").next().unwrap_or(line);
        forms.split([',', ' ']).filter(|word| word.starts_with('-')).map(str::to_owned).collect::<Vec<_>>()
    });
    let bare = names.map(|name| name.split(['=', '<', '[']).next().unwrap_or_default().to_owned());
    bare.filter(|name| name.trim_start_matches('-').starts_with(|c: char| c.is_ascii_alphanumeric())).collect()
}

/// The value of the variable `name` in `environment`.
pub(super) fn variable<'e>(environment: &'e [(OsString, OsString)], name: &str) -> Option<&'e OsStr> {
    environment.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_os_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flags_are_read_from_the_help_of_each_kind_of_parser() {
        let clap = "Usage: codex exec [OPTIONS] --not-this\n\nOptions:\n  -c, --config <key=value>\n          Override, as \
            with `-c model=\"o3\"`\n\n      --json\n          Print events\n  -i, --image <FILE>...\n";
        assert_eq!(parse(clap).into_iter().collect::<Vec<_>>(), ["--config", "--image", "--json", "-c", "-i"]);
        let commander =
            "Options:\n  -p, --print                  Print the response, not --this\n  --model <model>  x\n";
        assert_eq!(parse(commander).into_iter().collect::<Vec<_>>(), ["--model", "--print", "-p"]);
        let yargs = "  -m, --model                  Model  [string]\n      --output-format[=x]";
        assert_eq!(parse(yargs).into_iter().collect::<Vec<_>>(), ["--model", "--output-format", "-m"]);
        assert!(parse("- a list\n-- and\n--- more\nno flags").is_empty());
    }

    #[tokio::test]
    async fn a_tool_is_asked_once_until_its_file_changes() {
        let directory = tempfile::tempdir().unwrap();
        let tool = directory.path().join("tool");
        std::fs::write(&tool, "one").unwrap();
        let (known, asked) = (Known::default(), Mutex::new(0));
        let ask = || async {
            *asked.lock().unwrap() += 1;
            Some("  --json  x".to_owned())
        };
        let identity = || identity(tool.to_str().unwrap(), None);
        for _ in 0..3 {
            assert!(known.flags(identity(), ask()).await.unwrap().contains("--json"));
        }
        assert_eq!(*asked.lock().unwrap(), 1);
        std::fs::write(&tool, "another").unwrap();
        known.flags(identity(), ask()).await;
        assert_eq!(*asked.lock().unwrap(), 2);
        assert_eq!(known.flags(super::identity("/nowhere/tool", None), ask()).await, None, "it cannot be asked");
    }
}
