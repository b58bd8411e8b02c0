//! `alerts-state.json`: the active alerts, and what the webhook was told of them.
//!
//! | field | content |
//! | --- | --- |
//! | `version` | 1 |
//! | `at` | when the assessment was made after which this was written |
//! | `alerts` | list of alerts: `check`, `code`, `severity`, `starts_at`, `ends_at`, `reason`, `hint`, `stage` |
//! | `webhook` | `at`: when it was told last; `alerts`: what it was told to be firing |
//!
//! Invariant: replaced as a whole and flushed to the disk, so that a reader sees one state or the other, whatever
//! crashes. What stands there and is not understood is set aside, not overwritten.

use std::fs::{File, OpenOptions};
use std::io::{ErrorKind, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::active::{Active, Alert};
use crate::observation::{Reading, Time};
use crate::source::file::read_bounded;

/// The version that is written, and read.
const VERSION: u64 = 1;
/// Largest file that is read, bytes. Every alert there is, pending, resolved and told, takes some 100 kB.
const MAX: u64 = 4 << 20;

/// What the file holds.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Saved {
    version: u64,
    at: Option<Time>,
    alerts: Vec<Alert>,
    #[serde(default)]
    webhook: Told,
}

/// What the webhook was told, as far as it accepted it.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Told {
    /// When it accepted something last.
    pub at: Option<Time>,
    /// What it was told to be firing, and not yet to have resolved.
    pub alerts: Vec<Alert>,
}

impl Default for Saved {
    fn default() -> Self {
        Saved::new(&Active::default(), &Told::default())
    }
}

impl Saved {
    /// What is to be saved.
    pub fn new(active: &Active, told: &Told) -> Self {
        Saved { version: VERSION, at: active.at(), alerts: active.all().cloned().collect(), webhook: told.clone() }
    }

    /// What was saved.
    pub fn restore(self) -> (Active, Told) {
        (Active::restore(self.at, self.alerts), self.webhook)
    }

    /// What is saved at `path`; nothing where there is no such file. A file that cannot be understood is set aside.
    ///
    /// # Errors
    /// What stands there instead, and where it is now.
    pub fn read(path: &Path) -> Result<Self, String> {
        let why = match read_bounded("state of the alerts", path, MAX) {
            Reading::Missing(_) => return Ok(Saved::default()),
            Reading::Failed(failure) => failure.message,
            Reading::Observed((bytes, _)) => match Saved::parse(&bytes) {
                Ok(saved) => return Ok(saved),
                Err(why) => format!("state of the alerts {}: {why}", path.display()),
            },
        };
        Err(format!("{why}; {}", set_aside(path)))
    }

    fn parse(bytes: &[u8]) -> Result<Self, String> {
        // A list would do for the fields in their order, and is not what was written.
        let fields: serde_json::Map<_, _> = serde_json::from_slice(bytes).map_err(|error| error.to_string())?;
        match fields.get("version").and_then(serde_json::Value::as_u64) {
            Some(VERSION) => serde_json::from_value(fields.into()).map_err(|error| error.to_string()),
            Some(version) => Err(format!("written by another version of this program (format {version})")),
            None => Err("not written by this program".into()),
        }
    }

    /// Replaces the file at `path`.
    ///
    /// # Errors
    /// Those of writing, flushing and renaming, with the path and the mend.
    pub fn write(&self, path: &Path) -> Result<(), String> {
        self.replace(path).map_err(|error| {
            let mend = match error.kind() {
                ErrorKind::NotFound => "it begins when the loop makes that directory, or mend runtime_dir",
                ErrorKind::StorageFull | ErrorKind::QuotaExceeded => "make room",
                _ => "let this program's user write it, or set alerts.state elsewhere",
            };
            format!("{}: {error}; {mend}", path.display())
        })
    }

    fn replace(&self, path: &Path) -> std::io::Result<()> {
        let beside = named(path, ".new");
        // Whatever a crash or somebody else left there must not be written into.
        match std::fs::remove_file(&beside) {
            Err(error) if error.kind() != ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let mut file = OpenOptions::new().write(true).create_new(true).mode(0o644).open(&beside)?;
        file.write_all(&serde_json::to_vec(self)?)?;
        file.sync_all()?;
        std::fs::rename(&beside, path)?;
        let directory = path.parent().filter(|parent| !parent.as_os_str().is_empty());
        File::open(directory.unwrap_or(Path::new(".")))?.sync_all()
    }
}

/// Moves what stands at `path` out of the way; says where it went.
fn set_aside(path: &Path) -> String {
    let aside = named(path, ".set-aside");
    match std::fs::rename(path, &aside) {
        Ok(()) => format!("it was moved to {}, and the alerts begin anew", aside.display()),
        Err(error) => format!("the alerts begin anew, and it could not be moved away ({error}); do that"),
    }
}

fn named(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(suffix);
    path.with_file_name(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_state_is_told_and_set_aside() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("alerts-state.json");
        assert_eq!(Saved::read(&path), Ok(Saved::default()));
        let whole = serde_json::to_string(&Saved::default()).unwrap();
        let future = whole.replace("\"version\":1", "\"version\":2");
        let torn = &whole[..whole.len() - 3];
        let foreign = [
            "",
            "{",
            "[]",
            "null",
            "[1,null,[]]",
            "{\"alerts\": []}",
            "{\"version\": 1}",
            "\u{0}\u{0}",
            torn,
            &future,
            "{\"version\": 1, \"at\": \"soon\", \"alerts\": []}",
            "{\"version\": 1, \"at\": null, \"alerts\": [5]}",
        ];
        for text in foreign {
            std::fs::write(&path, text).unwrap();
            let why = Saved::read(&path).unwrap_err();
            assert!(why.contains("alerts-state.json.set-aside"), "{text}: {why}");
            assert_eq!(std::fs::read_to_string(directory.path().join("alerts-state.json.set-aside")).unwrap(), text);
            assert_eq!(Saved::read(&path), Ok(Saved::default()), "{text}");
        }
        std::fs::create_dir(&path).unwrap();
        assert!(Saved::read(&path).unwrap_err().contains("is a directory"));
    }

    #[test]
    fn it_is_replaced_as_a_whole_whatever_lies_beside_it() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("alerts-state.json");
        let precious = directory.path().join("precious");
        std::fs::write(&precious, "precious").unwrap();
        std::os::unix::fs::symlink(&precious, directory.path().join("alerts-state.json.new")).unwrap();
        Saved::default().write(&path).unwrap();
        assert_eq!(Saved::read(&path), Ok(Saved::default()));
        assert_eq!(std::fs::read_to_string(precious).unwrap(), "precious");
        let error = Saved::default().write(&directory.path().join("gone/state.json")).unwrap_err();
        assert!(error.contains("gone/state.json: No such file") && error.contains("runtime_dir"), "{error}");
    }
}
