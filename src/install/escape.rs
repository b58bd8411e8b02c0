//! Paths as unit files need them written.
//!
//! The settings differ: `ExecStart=` and `Environment=` take words in quotes with C escapes, `ReadWritePaths=` quotes
//! with a bare backslash, `WorkingDirectory=`, `EnvironmentFile=` and `PathExists=` the rest of the line as it is. In all of them a
//! `%` begins a specifier. Invariant: what systemd reads back is the path that was given, or it is refused here.

use std::path::Path;

/// `path` as text, if a line of a unit file can hold it.
pub(super) fn text(path: &Path) -> Result<&str, String> {
    let text = path.to_str().ok_or_else(|| format!("{}: is not UTF-8, which unit files must be", path.display()))?;
    if text.chars().any(char::is_control) {
        return Err(format!("{text:?}: holds a control character, which no unit file can; rename it"));
    }
    Ok(text)
}

/// A word in quotes.
pub(super) fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\"").replace('%', "%%"))
}

/// A word of a command line.
pub(super) fn argument(text: &str) -> String {
    if plain(text) { text.to_owned() } else { quoted(text).replace('$', "$$") }
}

/// All that is left of a line.
pub(super) fn bare(text: &str) -> String {
    // A blank at the end would be cut off, and a backslash would take in the next line.
    let end = if text.ends_with([' ', '\\']) { "/" } else { "" };
    format!("{}{end}", text.replace('%', "%%"))
}

/// The beginning of a command line that runs `program`.
pub(super) fn program(program: &str) -> String {
    if program.contains(['"', '\'', '\\']) {
        // systemd takes no program with such a character in its path; a shell that becomes the program does.
        let word = quoted(program).replace('$', "$$");
        return format!("/bin/sh -c 'exec \"$$0\" \"$$@\"' {word}");
    }
    if plain(program) { program.to_owned() } else { quoted(program) }
}

/// Whether it means nothing but itself wherever it stands.
fn plain(text: &str) -> bool {
    text.chars().all(|c| c.is_alphanumeric() || "/._-+@:".contains(c))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_means_something_to_systemd_is_escaped() {
        assert_eq!(program("/usr/bin/autoswe-exporter"), "/usr/bin/autoswe-exporter");
        assert_eq!(program("/my 100%/x"), r#""/my 100%%/x""#);
        assert_eq!(program("/a'b/$x"), r#"/bin/sh -c 'exec "$$0" "$$@"' "/a'b/$$x""#);
        assert_eq!(quoted(r#"A=/a "b" \c %h"#), r#""A=/a \"b\" \\c %%h""#);
        assert_eq!((argument("/a/b"), argument("/a $x")), ("/a/b".into(), r#""/a $$x""#.into()));
        assert_eq!(bare("/a b%c"), "/a b%%c");
        assert_eq!(bare("/a\\"), "/a\\/");
    }

    #[test]
    fn what_no_unit_file_can_hold_is_refused() {
        use std::os::unix::ffi::OsStrExt as _;
        assert!(text(Path::new("/a\nUser=root")).is_err());
        assert!(text(Path::new(std::ffi::OsStr::from_bytes(b"/\xff"))).is_err());
        assert_eq!(text(Path::new("/ä b")), Ok("/ä b"));
    }
}
