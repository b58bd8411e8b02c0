//! Public SSH keys, and what their comments say.
//!
//! Invariant: private keys are not opened: their format tells them.

use std::path::Path;

use super::{HOST, KEY, USER, Unreadable, Values, names, text};

/// Adds the keys of `.ssh/*.pub` below `home`, their comments, and user and host of a comment such as `ann@box`.
pub(super) fn read(home: &Path, values: &mut Values) -> Result<(), Unreadable> {
    for path in names("public SSH keys", &home.join(".ssh"))? {
        if path.extension().is_some_and(|extension| extension == "pub") {
            add(&text("public SSH key", &path)?.unwrap_or_default(), values);
        }
    }
    Ok(())
}

fn add(file: &str, values: &mut Values) {
    for line in file.lines() {
        let mut fields = line.trim().splitn(3, ' ');
        let (Some(_), Some(key)) = (fields.next(), fields.next()) else { continue };
        values.add(&KEY, key);
        let comment = fields.next().unwrap_or_default();
        values.name(&KEY, comment);
        if let Some((user, host)) = comment.split_once('@') {
            values.name(&USER, user);
            values.name(&HOST, host);
        }
    }
}
