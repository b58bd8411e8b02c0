//! Who commits, from git's configuration.
//!
//! Invariant: files of configuration are read, and those that they include, whatever the condition; git is not run.

use std::path::{Path, PathBuf};

use super::{MAIL, PERSON, Places, Unreadable, Values, inside, text};

/// Files that include each other end somewhere.
const MOST_FILES: usize = 32;

/// Adds name and mail address of user, author and committer.
pub(super) fn read(places: &Places, values: &mut Values) -> Result<(), Unreadable> {
    let variable =
        |wanted: &str| places.environment.iter().find(|(name, _)| name == wanted).map(|(_, value)| value.as_str());
    for name in ["GIT_AUTHOR", "GIT_COMMITTER"] {
        values.name(&PERSON, variable(&format!("{name}_NAME")).unwrap_or_default());
        values.add(&MAIL, variable(&format!("{name}_EMAIL")).unwrap_or_default());
    }
    let mut files = vec![inside(&places.root, "/etc/gitconfig".as_ref())];
    let settings = variable("XDG_CONFIG_HOME").map(PathBuf::from);
    files.extend(
        settings.or(places.home.as_ref().map(|home| home.join(".config"))).map(|config| config.join("git/config")),
    );
    files.extend(places.home.as_ref().map(|home| home.join(".gitconfig")));
    if let Some(repository) = &places.repository {
        files.extend(of_repository(repository)?);
    }
    let mut next = 0;
    while let Some(path) = files.get(next).cloned().filter(|_| next < MOST_FILES) {
        next += 1;
        let text = text("git's configuration", &path)?.unwrap_or_default();
        for (key, value) in parse(&text) {
            match &key[..] {
                "user.name" | "author.name" | "committer.name" => values.name(&PERSON, &value),
                "user.email" | "author.email" | "committer.email" => values.add(&MAIL, &value),
                "include.path" | "includeif.path" => files.push(included(&path, &value, places.home.as_deref())),
                _ => {}
            }
        }
    }
    Ok(())
}

/// The configuration of a repository, of a work tree of one (`.git` is then a file), or of a bare one.
fn of_repository(repository: &Path) -> Result<Vec<PathBuf>, Unreadable> {
    let git = repository.join(".git");
    if git.is_dir() {
        return Ok(vec![git.join("config")]);
    }
    let pointer = text("git's pointer to a repository", &git)?.unwrap_or_default();
    let Some(directory) = pointer.strip_prefix("gitdir:").map(|path| repository.join(path.trim())) else {
        return Ok(vec![repository.join("config")]);
    };
    let common = text("git's pointer to a repository", &directory.join("commondir"))?;
    let common = common.map_or(directory.clone(), |path| directory.join(path.trim()));
    Ok(vec![common.join("config"), directory.join("config.worktree")])
}

fn included(from: &Path, path: &str, home: Option<&Path>) -> PathBuf {
    match (path.strip_prefix("~/"), home) {
        (Some(rest), Some(home)) => home.join(rest),
        _ => from.parent().unwrap_or(from).join(path),
    }
}

/// Keys as `section.key` in small letters, without the name of a subsection, and their values.
fn parse(text: &str) -> Vec<(String, String)> {
    let (mut section, mut pairs) = (String::new(), Vec::new());
    for line in text.lines().map(str::trim).filter(|line| !line.starts_with(['#', ';'])) {
        if let Some(head) = line.strip_prefix('[') {
            section = head.split([']', ' ', '"']).next().unwrap_or_default().to_ascii_lowercase();
        } else if let Some((key, value)) = line.split_once('=') {
            let value = value.trim();
            let value = value
                .strip_prefix('"')
                .and_then(|rest| rest.split_once('"'))
                .map_or_else(|| value.split(['#', ';']).next().unwrap_or_default().trim(), |(quoted, _)| quoted);
            pairs.push((format!("{section}.{}", key.trim().to_ascii_lowercase()), value.to_owned()));
        }
    }
    pairs
}
