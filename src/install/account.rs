//! The user that system units run as.
//!
//! Invariant: never root by default. The exporter serves HTTP and needs no privilege, and what the watchdog may do
//! beyond its own files a rule of polkit says.

use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

/// A user of the machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Account {
    /// Number.
    pub uid: u32,
    /// Name.
    pub name: String,
    /// Home directory.
    pub home: PathBuf,
}

/// The user that was asked for, else the owner of the repository, else whoever called sudo: the loop works on the
/// repository, so its owner is who the loop runs as. `None` when that is nobody but root.
///
/// # Errors
/// When the user that was asked for is not known.
pub fn loop_user(
    asked: Option<&str>,
    sudo: Option<&str>,
    repo_root: &Path,
    root: Option<&Path>,
) -> Result<Option<Account>, String> {
    let passwd = root.map_or_else(|| PathBuf::from("/etc/passwd"), |root| root.join("etc/passwd"));
    // An image without users yet, and users of a directory service: the machine at hand may know them.
    let known = [passwd, PathBuf::from("/etc/passwd")].map(|file| std::fs::read_to_string(file).unwrap_or_default());
    let find = |wanted: &dyn Fn(&Account) -> bool| known.iter().find_map(|text| accounts(text).find(|a| wanted(a)));
    if let Some(name) = asked {
        let missing = || format!("--run-as {name}: there is no such user in /etc/passwd; name another or add it");
        return find(&|account| account.name == name).map(Some).ok_or_else(missing);
    }
    let owner = std::fs::metadata(repo_root).map(|found| found.uid()).unwrap_or(0);
    let ordinary = |account: &Account| account.uid != 0;
    Ok(find(&|account| account.uid == owner && ordinary(account))
        .or_else(|| find(&|account| Some(account.name.as_str()) == sudo && ordinary(account))))
}

/// The lines of a passwd file that are whole.
fn accounts(passwd: &str) -> impl Iterator<Item = Account> {
    passwd.lines().filter_map(|line| {
        let mut fields = line.split(':');
        let name = fields.next().filter(|name| is_name(name))?;
        let uid = fields.nth(1)?.parse().ok()?;
        let home = Path::new(fields.nth(2)?);
        home.is_absolute().then(|| Account { uid, name: name.to_owned(), home: home.to_owned() })
    })
}

/// What systemd takes as a user's name without a second thought.
fn is_name(name: &str) -> bool {
    !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || "_-.".contains(c))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_passwd_file_is_read_line_by_line() {
        let text = "root:x:0:0:root:/root:/bin/sh\nbroken\n+nis::::::\nann:x:1000:1000:Ann:/home/ann:/bin/sh\n";
        let found: Vec<_> = accounts(text).collect();
        assert_eq!(found.len(), 2);
        assert_eq!(found[1], Account { uid: 1000, name: "ann".into(), home: "/home/ann".into() });
    }

    #[test]
    fn the_user_is_the_one_asked_for_or_the_owner_or_who_called_sudo() {
        let root = tempfile::tempdir().expect("a directory");
        std::fs::create_dir(root.path().join("etc")).expect("mkdir");
        let uid = rustix::process::getuid().as_raw();
        let passwd = format!("root:x:0:0::/root:\nowner:x:{uid}:1::/home/owner:\nann:x:77777:1::/home/ann:\n");
        std::fs::write(root.path().join("etc/passwd"), passwd).expect("write");
        let user = |asked, sudo| {
            let found = loop_user(asked, sudo, root.path(), Some(root.path())).expect("known");
            found.map(|account| account.name)
        };
        assert_eq!(user(Some("ann"), None).as_deref(), Some("ann"));
        assert_eq!(user(Some("root"), None).as_deref(), Some("root"), "asked for is asked for");
        let owner = (uid != 0).then_some("owner");
        assert_eq!(user(None, None).as_deref(), owner, "root is nobody to run as");
        assert_eq!(user(None, Some("ann")).as_deref(), owner.or(Some("ann")));
        assert!(loop_user(Some("nobody-of-that-name"), None, root.path(), None).is_err());
    }
}
