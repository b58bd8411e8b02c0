//! Values of the environment, and of files of variables.
//!
//! Invariant: a value counts unless it is shown to be everybody's: short, an ordinary word, a number, a place of every
//! system, or of a variable whose values are public.

use std::net::Ipv4Addr;

use glob::Pattern;

use super::{ENVIRONMENT, Places, SECRET, Unreadable, Values, text};

/// Shorter values are words that stand in any text, in bytes.
const SHORTEST: usize = 8;

/// Variables whose values are the same on many machines, say how something is shown, or are meant to be seen: those of
/// the site, and the names of models and versions.
const PUBLIC: [&str; 43] = [
    "TERM",
    "TERM_*",
    "COLORTERM",
    "LANG",
    "LANGUAGE",
    "LC_*",
    "SHELL",
    "EDITOR",
    "VISUAL",
    "PAGER",
    "LESS*",
    "LS_COLORS",
    "XDG_SESSION_*",
    "XDG_CURRENT_DESKTOP",
    "XDG_*_DIRS",
    "XDG_MENU_PREFIX",
    "DESKTOP_SESSION",
    "DEBIAN_FRONTEND",
    "SYSTEMD_*",
    "JOURNAL_STREAM",
    "INVOCATION_ID",
    "LISTEN_*",
    "WATCHDOG_*",
    "MANAGERPID",
    "RUST*",
    "CARGO*",
    "MAKEFLAGS",
    "PYTHON*",
    "NODE_*",
    "NVM_*",
    "CUDA_*",
    "NVIDIA_*",
    "*_MODEL",
    "*_MODEL_NAME",
    "*_VERSION",
    "TZ",
    "JOURNEY_BASE",
    "AUTOSWE_JOURNEY_TITLE",
    "AUTOSWE_JOURNEY_BASE_URL",
    "AUTOSWE_JOURNEY_COMMIT_URL",
    "NEXTEST*",
    "PS[0-9]",
    "_",
];

/// Parts of the names of variables that hold credentials: no list makes these public but the operator's own.
const CREDENTIAL: [&str; 11] =
    ["KEY", "TOKEN", "SECRET", "PASS", "PWD", "CRED", "AUTH", "COOKIE", "DSN", "WEBHOOK", "PRIVATE"];

/// Adds the values of the environment and of the files.
pub(super) fn read(places: &Places, values: &mut Values) -> Result<(), Unreadable> {
    let public = |name: &str| matches(name, places.public_environment.iter().map(String::as_str));
    for (name, value) in &places.environment {
        if !public(name) {
            add(name, value, values);
        }
    }
    for path in &places.environment_files {
        let secret = path.file_name().is_some_and(|name| name.to_string_lossy().starts_with("secret"));
        let text = text("file of environment variables", path)?.unwrap_or_default();
        for (name, value) in parse(&text).into_iter().filter(|(name, _)| !public(name)) {
            if secret && value.len() >= SHORTEST {
                values.add(&SECRET, &value);
            } else {
                add(&name, &value, values);
            }
        }
    }
    Ok(())
}

/// One value; of a list of directories each.
fn add(name: &str, value: &str, values: &mut Values) {
    let credential = credential(name);
    if !credential && value.contains(':') && value.split(':').all(|part| part.starts_with('/') || part.is_empty()) {
        value.split(':').filter(|part| telling(name, part)).for_each(|part| values.add(&ENVIRONMENT, part));
    } else if telling(name, value) {
        values.add(if credential { &SECRET } else { &ENVIRONMENT }, value);
    }
}

/// Whether `value` of the variable `name` says something that not everybody's says.
fn telling(name: &str, value: &str) -> bool {
    let value = value.trim();
    if value.len() < SHORTEST {
        return false;
    }
    let word =
        value.bytes().all(|byte| byte.is_ascii_lowercase()) || value.bytes().all(|byte| byte.is_ascii_uppercase());
    let number =
        value.len() < 12 && value.bytes().all(|byte| byte.is_ascii_digit() || matches!(byte, b'.' | b',' | b'-'));
    let common = word || number || of_system(value) || loopback(value) || matches(name, PUBLIC.into_iter());
    credential(name) || !common
}

/// `PWD` and `OLDPWD` are directories.
pub(crate) fn credential(name: &str) -> bool {
    let name = name.to_ascii_uppercase();
    !matches!(&name[..], "PWD" | "OLDPWD")
        && !name.ends_with("_SOCK")
        && CREDENTIAL.iter().any(|part| name.contains(part))
}

fn matches<'p>(name: &str, mut globs: impl Iterator<Item = &'p str>) -> bool {
    // A glob that is none is a name.
    globs.any(|glob| Pattern::new(glob).map_or(glob == name, |glob| glob.matches(name)))
}

/// Whether `path` lies where packages put the same things on every machine.
pub(super) fn of_system(path: &str) -> bool {
    const ROOTS: [&str; 12] =
        ["usr", "bin", "sbin", "lib", "lib64", "etc", "proc", "sys", "dev", "tmp", "nonexistent", "snap"];
    const VAR: [&str; 6] = ["/var/lib", "/var/run", "/var/cache", "/var/spool", "/var/log", "/var/www"];
    let root = path.strip_prefix('/').map(|rest| rest.split('/').next().unwrap_or_default());
    let under_var =
        VAR.iter().any(|place| path.strip_prefix(place).is_some_and(|rest| rest.is_empty() || rest.starts_with('/')));
    root.is_some_and(|root| root.is_empty() || ROOTS.contains(&root)) || under_var
}

/// Whether `value` is a URL of this host's own loopback, or a host and port of it.
fn loopback(value: &str) -> bool {
    let rest = value.split_once("://").map_or(value, |(_, rest)| rest);
    let host = rest.split(['/', ':', '?']).next().unwrap_or_default();
    host == "localhost"
        || host.parse::<Ipv4Addr>().is_ok_and(|address| address.is_loopback() || address.is_unspecified())
}

/// The variables of a file as systemd reads it (`EnvironmentFile=`): comments with `#` and `;`, quotes, a backslash at a
/// line's end. An `export` before the name, which shells need, is passed over.
fn parse(text: &str) -> Vec<(String, String)> {
    let joined = text.replace("\\\r\n", "").replace("\\\n", "");
    let lines = joined.lines().map(str::trim).filter(|line| !line.starts_with(['#', ';']));
    let pairs = lines.filter_map(|line| {
        let (name, value) = line.strip_prefix("export ").unwrap_or(line).split_once('=')?;
        Some((name.trim().to_owned(), unquoted(value.trim())))
    });
    pairs.collect()
}

fn unquoted(value: &str) -> String {
    let quote =
        value.chars().next().filter(|first| matches!(first, '"' | '\'') && value.len() > 1 && value.ends_with(*first));
    match quote {
        Some('\'') => value[1..value.len() - 1].to_owned(),
        Some(_) => value[1..value.len() - 1].replace("\\\"", "\"").replace("\\\\", "\\"),
        None => value.to_owned(),
    }
}
