//! Names of modules as names of files.
//!
//! Invariant: every name is made of `a-z 0-9 . _ -`, begins with a letter or digit, is short, and belongs to one module
//! alone, on file systems that do not know upper from lower case too. What a module's file is called depends on the
//! module's name, not on the others', so that no page moves because a module was added.

use std::collections::BTreeSet;

use super::source::short;

/// The longest part of a module's name that its file's name spells out, in bytes.
const SPELLED: usize = 60;

/// Gives out names of files.
#[derive(Default)]
pub(super) struct Names(BTreeSet<String>);

impl Names {
    /// The name of the file of `module`, without folder and ending. Each module is to be named once.
    pub(super) fn give(&mut self, module: &str) -> String {
        let plain = plain(module);
        let name = plain.unwrap_or_else(|| format!("{}__{}", spelled(module), short(module.as_bytes(), 12)));
        let mut free = name.clone();
        // Two names with one digest: nobody has them by chance.
        for count in 2.. {
            if self.0.insert(free.clone()) {
                break;
            }
            free = format!("{name}__{count}");
        }
        free
    }
}

/// `module` with dots for slashes, where nothing else of it needs a change and no other module can come out like it.
fn plain(module: &str) -> Option<String> {
    let harmless = |c: u8| matches!(c, b'a'..=b'z' | b'0'..=b'9' | b'_' | b'-');
    let part = |part: &str| part.bytes().all(harmless) && part.starts_with(|c: char| c.is_ascii_alphanumeric());
    let fits = module.len() <= SPELLED && !module.contains("__") && module.split('/').all(part);
    // What the folder of modules needs itself.
    let taken = module == "index" || module.starts_with("page-");
    (fits && !taken).then(|| module.replace('/', "."))
}

/// What can be spelled of `module`, for people; its digest tells it from others.
fn spelled(module: &str) -> String {
    let mut spelled = String::new();
    for c in module.chars() {
        match c.to_ascii_lowercase() {
            c @ ('a'..='z' | '0'..='9') => spelled.push(c),
            _ if spelled.is_empty() || spelled.ends_with('-') => {}
            _ => spelled.push('-'),
        }
        if spelled.len() >= SPELLED {
            break;
        }
    }
    let spelled = spelled.trim_end_matches('-');
    if spelled.is_empty() { "module".into() } else { spelled.into() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ordinary_names_stay_as_they_are() {
        let mut names = Names::default();
        assert_eq!(names.give("billing"), "billing");
        assert_eq!(names.give("billing/invoice-rounding"), "billing.invoice-rounding");
    }

    #[test]
    fn names_are_safe_unique_and_independent_of_each_other() {
        let long = "x".repeat(10_000);
        let hostile =
            ["Billing", "billing", "BILLING", "../x", "a/../b", "<script>", "", ".", "..", "/", "index", "page-2"];
        let hostile =
            hostile.iter().copied().chain(["a.b", "a/b", "a__b", "\u{202e}abc", "😀", "con", "a b", "a\0b", &long]);
        let hostile: Vec<&str> = hostile.collect();
        let mut names = Names::default();
        let given: Vec<String> = hostile.iter().map(|name| names.give(name)).collect();
        for (name, alone) in given.iter().zip(&hostile) {
            assert!(name.len() <= SPELLED + 14 && name.starts_with(|c: char| c.is_ascii_alphanumeric()), "{name}");
            assert!(name.bytes().all(|c| matches!(c, b'a'..=b'z' | b'0'..=b'9' | b'.' | b'_' | b'-')), "{name}");
            assert_eq!(*name, Names::default().give(alone));
        }
        assert_eq!(given.iter().collect::<BTreeSet<_>>().len(), given.len(), "{given:?}");
        assert!(!given.iter().any(|name| name == "index" || name.starts_with("page-") && !name.contains("__")));
    }

    #[test]
    fn nobody_can_call_a_module_as_anothers_file_is_called() {
        let file = Names::default().give("Billing");
        assert_ne!(Names::default().give(&file), file);
    }

    #[test]
    fn a_name_that_was_given_is_not_given_again() {
        let mut names = Names::default();
        let first = names.give("A");
        assert_ne!(names.give("A"), first);
    }
}
