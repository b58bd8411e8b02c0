//! A file of settings as text.
//!
//! Invariant: whatever stands at the path, reading ends soon and takes bounded memory, and a text that a YAML parser
//! would misread is refused with the line to mend.

use std::fs::Metadata;
use std::path::Path;

use crate::observation::Reading;
use crate::source::file;

/// The text of `file`, of at most `max` bytes; `flag` is what names the file on the command line.
///
/// # Errors
/// What is wrong and the mend, without the file's name.
pub(crate) fn read(file: &Path, max: u64, flag: &str) -> Result<String, String> {
    read_with_metadata(file, max, flag).map(|(text, _)| text)
}

/// As [`read`], with what the file system said of the file that was read.
///
/// # Errors
/// As [`read`].
pub(crate) fn read_with_metadata(file: &Path, max: u64, flag: &str) -> Result<(String, Metadata), String> {
    let (bytes, metadata) = match file::read_bounded("configuration", file, max) {
        Reading::Observed(read) => read,
        Reading::Missing(_) => return Err(format!("there is no such file; name another with {flag}")),
        Reading::Failed(failure) => {
            // The error's place names the file already.
            let named = format!("configuration {}: ", file.display());
            return Err(failure.message.trim_start_matches(&named).to_owned());
        }
    };
    text(bytes).map(|text| (text, metadata))
}

fn text(bytes: Vec<u8>) -> Result<String, String> {
    let text = String::from_utf8(bytes).map_err(|error| {
        let line = line_at(error.as_bytes(), error.utf8_error().valid_up_to());
        format!("is not UTF-8 in line {line}; save it as UTF-8 text")
    })?;
    match text.find(is_unprintable) {
        // The scanner would take a NUL byte for the end of the file and drop what follows.
        Some(at) => {
            Err(format!("holds a control character in line {}; save it as plain text", line_at(text.as_bytes(), at)))
        }
        None => Ok(text),
    }
}

/// The line, counted from 1, in which the byte at `end` lies.
fn line_at(bytes: &[u8], end: usize) -> usize {
    bytes[..end].iter().filter(|byte| **byte == b'\n').count() + 1
}

/// Characters that YAML does not allow in a text.
fn is_unprintable(c: char) -> bool {
    c.is_ascii_control() && !matches!(c, '\t' | '\n' | '\r')
}
