//! Documents that are written from the code and kept in the repository.
//!
//! Invariant: a document that differs from what the code says fails its test, and one command mends it.

use std::path::Path;

/// Compares the document at `path` (relative to the package's root) with `text`. With `UPDATE_DOCS=1` in the
/// environment the document is written instead.
///
/// # Panics
/// When the document differs, names the first line that does and the command that rewrites it.
pub(crate) fn check(path: &str, text: &str) {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join(path);
    if std::env::var_os("UPDATE_DOCS").is_some_and(|value| value == "1") {
        std::fs::create_dir_all(file.parent().expect("a document lies in a directory")).expect("create its directory");
        std::fs::write(&file, text).expect("write the document");
        return;
    }
    compare(path, &std::fs::read_to_string(&file).unwrap_or_default(), text);
}

fn compare(path: &str, known: &str, text: &str) {
    if let Some(difference) = first_difference(known, text) {
        panic!("{path} is not what the code says ({difference}); rewrite it with: UPDATE_DOCS=1 cargo nextest run");
    }
}

/// Where two texts part, in words; `None` when they are the same.
fn first_difference(known: &str, text: &str) -> Option<String> {
    if known == text {
        return None;
    }
    let line = known.lines().zip(text.lines()).take_while(|(known, text)| known == text).count();
    let shown = |text: &str| text.lines().nth(line).map_or("nothing".to_owned(), |line| format!("`{line}`"));
    Some(format!("line {}: {} stands there, {} belongs there", line + 1, shown(known), shown(text)))
}

#[cfg(test)]
mod tests {
    use super::first_difference;

    #[test]
    fn equal_texts_do_not_differ() {
        assert_eq!(first_difference("a\nb\n", "a\nb\n"), None);
    }

    #[test]
    fn the_first_line_that_differs_is_named() {
        let difference = first_difference("a\nb\n", "a\nc\n").expect("they differ");
        assert_eq!(difference, "line 2: `b` stands there, `c` belongs there");
    }

    #[test]
    fn a_missing_line_is_named() {
        let difference = first_difference("", "a\n").expect("they differ");
        assert_eq!(difference, "line 1: nothing stands there, `a` belongs there");
    }

    #[test]
    #[should_panic(expected = "UPDATE_DOCS=1")]
    fn drift_fails_with_the_command_that_mends_it() {
        super::compare("docs/generated/some.md", "", "text\n");
    }
}
