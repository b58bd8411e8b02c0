//! Accounts of people, from the user database.
//!
//! Invariant: an account is a person's when its id is that of one, when it can log in, or when this program runs as it.

use std::path::PathBuf;

use super::{PERSON, Places, USER, Unreadable, Values, inside, text};

/// The first id of people (`UID_MIN` of login.defs), and the one of nobody.
const FIRST: u32 = 1000;
const NOBODY: u32 = 65_534;

/// Adds names, people and homes; returns the home of this program's user where the database has it.
pub(super) fn read(places: &Places, values: &mut Values) -> Result<Option<PathBuf>, Unreadable> {
    let database = text("user database", &inside(&places.root, "/etc/passwd".as_ref()))?.unwrap_or_default();
    let mut own = None;
    for account in parse(&database) {
        let logs_in = !["", "nologin", "false", "sync", "halt", "shutdown"]
            .contains(&account.shell.rsplit('/').next().unwrap_or_default());
        let person = account.id >= FIRST && account.id != NOBODY;
        if account.id == places.user {
            own = Some(PathBuf::from(account.home));
        }
        if person || logs_in || account.id == places.user {
            values.name(&USER, account.name);
            values.name(&PERSON, account.person);
            values.directory(account.home);
        }
    }
    for (name, value) in &places.environment {
        match &name[..] {
            "USER" | "LOGNAME" | "SUDO_USER" => values.name(&USER, value),
            "HOME" => values.directory(value),
            _ => {}
        }
    }
    if let Some(home) = &places.home {
        values.directory(&home.to_string_lossy());
    }
    Ok(own)
}

/// One line of the database.
struct Account<'t> {
    name: &'t str,
    id: u32,
    /// The first part of the comment field, which holds a full name.
    person: &'t str,
    home: &'t str,
    shell: &'t str,
}

/// The accounts of `/etc/passwd`; lines of another shape are no accounts.
fn parse(database: &str) -> impl Iterator<Item = Account<'_>> {
    database.lines().filter_map(|line| {
        let mut fields = line.split(':');
        let (name, _, id, _) = (fields.next()?, fields.next()?, fields.next()?.parse().ok()?, fields.next()?);
        let (comment, home, shell) = (fields.next()?, fields.next()?, fields.next().unwrap_or_default());
        Some(Account { name, id, person: comment.split(',').next().unwrap_or_default(), home, shell })
    })
}
