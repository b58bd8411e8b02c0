//! What is known of this machine and must not be shown: the exact values that the gate and redaction look for.
//!
//! Invariants: each source is a pure function of a text and a thin reader; a source that is there and cannot be read is
//! an error that says what, where and the mend, never "nothing found"; one that is not there is none. No error and no
//! log shows a value.
//!
//! Left out, because they would be found in every text: values shorter than [`SHORTEST`] bytes, accounts that every
//! system has (`root`, `ubuntu`, `admin`), and roles (`localhost`, `server`).

mod accounts;
pub(crate) mod environment;
mod git;
mod hosts;
mod keys;
mod kube;
#[cfg(test)]
mod tests;

use std::collections::BTreeSet;
use std::fs::File;
use std::io::{ErrorKind, Read};
use std::path::{Path, PathBuf};

use super::exact::Exact;
use super::rules::{Kind, Rule};

/// Shorter values are not looked for, in bytes.
pub const SHORTEST: usize = 4;

/// The longest file that is read, in bytes: a routing table, a kubeconfig with many clusters.
const LARGEST: u64 = 16 << 20;

const fn rule(name: &'static str, kind: Kind, description: &'static str) -> Rule {
    Rule { name, kind, description }
}

/// This machine's names and those it knows others by.
pub const HOST: Rule = rule("machine-host", Kind::Identity, "a name of this machine or of one that it knows");
/// Accounts of people on this machine.
pub const USER: Rule = rule("machine-user", Kind::Identity, "an account of this machine");
/// Homes and the loop's directories.
pub const PATH: Rule = rule("machine-path", Kind::Identity, "a home or a directory of the loop on this machine");
/// Addresses of this machine's interfaces.
pub const ADDRESS: Rule = rule("machine-address", Kind::Identity, "an address of this machine");
/// People's names.
pub const PERSON: Rule = rule("machine-person", Kind::Identity, "the name of a person who works on this machine");
/// Mail addresses.
pub const MAIL: Rule = rule("machine-mail", Kind::Identity, "the mail address of a person who works on this machine");
/// Clusters, their contexts, servers and users.
pub const CLUSTER: Rule = rule("machine-cluster", Kind::Identity, "a cluster that this machine reaches");
/// Public keys.
pub const KEY: Rule = rule("machine-key", Kind::Identity, "a public key of this machine");
/// The machine's id.
pub const ID: Rule = rule("machine-id", Kind::Identity, "the id of this machine");
/// A value of the environment.
pub const ENVIRONMENT: Rule = rule("environment-value", Kind::Identity, "the value of an environment variable");
/// A value of `secrets.env`, or a credential of a kubeconfig.
pub const SECRET: Rule = rule("machine-secret", Kind::Secret, "a credential of this machine");
/// A word of the file of private words.
pub const WORD: Rule = rule("private-word", Kind::Identity, "a word of the file of private words");

/// All rules of this module.
pub const RULES: &[&Rule] =
    &[&HOST, &USER, &PATH, &ADDRESS, &PERSON, &MAIL, &CLUSTER, &KEY, &ID, &ENVIRONMENT, &SECRET, &WORD];

/// Where the values are read.
#[derive(Debug, Clone, Default)]
pub struct Places {
    /// The root of the file system: `/`, but for tests.
    pub root: PathBuf,
    /// The user id that this program runs as.
    pub user: u32,
    /// The user's home.
    pub home: Option<PathBuf>,
    /// The environment.
    pub environment: Vec<(String, String)>,
    /// Files of environment variables, such as `cluster.env`; all values of one whose name begins with `secret` count.
    pub environment_files: Vec<PathBuf>,
    /// Globs of the variables whose values may be shown.
    pub public_environment: Vec<String>,
    /// The loop's repository.
    pub repository: Option<PathBuf>,
    /// Directories whose places tell about the machine, such as the runtime directory.
    pub directories: Vec<PathBuf>,
    /// The file of private words.
    pub private_words: Option<PathBuf>,
}

/// A source that is there and gave nothing.
#[derive(Debug, thiserror::Error)]
#[error("{what} {}: {why}; what it holds cannot be kept out of what is published, so nothing is", .path.display())]
pub struct Unreadable {
    /// What the file is.
    what: &'static str,
    /// Where it is.
    path: PathBuf,
    /// Why it could not be read, and the mend.
    why: String,
}

/// Every value of this machine that must not be shown, sorted.
///
/// # Errors
/// When a source is there and cannot be read.
pub fn exact_values(places: &Places) -> Result<Vec<Exact>, Unreadable> {
    let mut values = Values::default();
    let accounts = accounts::read(places, &mut values)?;
    hosts::read(&places.root, &mut values)?;
    environment::read(places, &mut values)?;
    git::read(places, &mut values)?;
    let homes = accounts.into_iter().map(|home| inside(&places.root, &home)).chain(places.home.clone());
    for home in homes.collect::<BTreeSet<_>>() {
        keys::read(&home, &mut values)?;
    }
    kube::read(places, &mut values)?;
    words(places, &mut values)?;
    for directory in places.directories.iter().chain(&places.repository) {
        values.directory(&directory.to_string_lossy());
    }
    Ok(values.finish())
}

/// The lines of the file of private words. It must be there when it is named, and a word that is too short to be looked
/// for is a mistake that somebody would rely on.
fn words(places: &Places, values: &mut Values) -> Result<(), Unreadable> {
    const WHAT: &str = "file of private words";
    let Some(path) = &places.private_words else { return Ok(()) };
    let unreadable = |why: String| Unreadable { what: WHAT, path: path.clone(), why };
    let text =
        text(WHAT, path)?.ok_or_else(|| unreadable("is not there; write it, or take `private_words` away".into()))?;
    for (number, line) in text.lines().enumerate() {
        let word = line.trim();
        if word.is_empty() || word.starts_with('#') {
            continue;
        }
        if word.len() < SHORTEST {
            let why = format!(
                "line {} has fewer than {SHORTEST} bytes, which would be found everywhere; write more of it",
                number + 1
            );
            return Err(unreadable(why));
        }
        values.add(&WORD, word);
    }
    Ok(())
}

/// What was collected.
#[derive(Default)]
struct Values(BTreeSet<(Vec<u8>, &'static str)>, Vec<&'static Rule>);

impl Values {
    /// A value that is looked for if it is long enough.
    fn add(&mut self, rule: &'static Rule, value: &str) {
        let value = value.trim();
        if value.len() >= SHORTEST && self.0.insert((value.as_bytes().to_vec(), rule.name)) && !self.1.contains(&rule) {
            self.1.push(rule);
        }
    }

    /// A name of a host or an account, unless everybody has one.
    fn name(&mut self, rule: &'static Rule, name: &str) {
        if !super::identity::common_name(name) {
            self.add(rule, name);
        }
    }

    /// A directory that a person chose, and how coding agents spell it.
    fn directory(&mut self, path: &str) {
        let path = path.trim_end_matches('/');
        if path.starts_with('/') && path.matches('/').count() > 1 && !environment::of_system(path) {
            self.add(&PATH, path);
            self.add(&PATH, &path.replace(['/', '.', '_'], "-"));
        }
    }

    fn finish(self) -> Vec<Exact> {
        let Values(values, rules) = self;
        let exact = values
            .into_iter()
            .filter_map(|(value, name)| rules.iter().find(|rule| rule.name == name).map(|rule| Exact { rule, value }));
        exact.collect()
    }
}

/// `path`, which is absolute, below `root`.
fn inside(root: &Path, path: &Path) -> PathBuf {
    root.join(path.strip_prefix("/").unwrap_or(path))
}

/// The text of a regular file; `None` where there is none.
fn text(what: &'static str, path: &Path) -> Result<Option<String>, Unreadable> {
    let unreadable = |why: String| Unreadable { what, path: path.to_owned(), why };
    let there = |error: &std::io::Error| !matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory);
    match std::fs::metadata(path) {
        Ok(metadata) if !metadata.is_file() => return Err(unreadable("is no regular file; move it away".into())),
        Ok(_) => {}
        Err(error) if there(&error) => return Err(unreadable(mend(&error))),
        Err(_) => return Ok(None),
    }
    let mut bytes = Vec::new();
    let read = File::open(path).and_then(|file| file.take(LARGEST + 1).read_to_end(&mut bytes));
    match read {
        Ok(_) if bytes.len() as u64 > LARGEST => {
            Err(unreadable(format!("is larger than {LARGEST} bytes; make it smaller")))
        }
        Ok(_) => Ok(Some(String::from_utf8_lossy(&bytes).into_owned())),
        // An interface without a hardware address answers so in `/sys`.
        Err(error) if error.kind() == ErrorKind::InvalidInput => Ok(None),
        Err(error) if there(&error) => Err(unreadable(mend(&error))),
        Err(_) => Ok(None),
    }
}

fn mend(error: &std::io::Error) -> String {
    match error.kind() {
        ErrorKind::PermissionDenied => format!("{error}; let this program's user read it (chmod, chown)"),
        _ => error.to_string(),
    }
}

/// The names in a directory, sorted; none where there is none.
fn names(what: &'static str, path: &Path) -> Result<Vec<PathBuf>, Unreadable> {
    let unreadable = |error: std::io::Error| Unreadable { what, path: path.to_owned(), why: mend(&error) };
    let entries = match std::fs::read_dir(path) {
        Ok(entries) => entries,
        Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => return Ok(Vec::new()),
        Err(error) => return Err(unreadable(error)),
    };
    let mut names =
        entries.map(|entry| entry.map(|entry| entry.path())).collect::<Result<Vec<_>, _>>().map_err(unreadable)?;
    names.sort();
    Ok(names)
}
