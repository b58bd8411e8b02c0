//! What an unexpected answer looks like, in a few words for people. Pure.

/// Bytes of a foreign answer that a message shows at most.
const SHOWN: usize = 120;

/// What `page` seems to be.
pub(super) fn looks_like(page: &[u8]) -> String {
    let start = page.trim_ascii_start();
    let lower = start[..start.len().min(64)].to_ascii_lowercase();
    match start.first() {
        None => "an empty page".into(),
        Some(b'<') if lower.starts_with(b"<!doctype html") || lower.starts_with(b"<html") => "an HTML page".into(),
        Some(b'<') => "XML or HTML".into(),
        Some(b'{' | b'[') => format!("JSON ({})", excerpt(page)),
        Some(0x1f) if start.get(1) == Some(&0x8b) => "gzip that nobody asked for".into(),
        _ if is_binary(start) => "binary data".into(),
        _ => format!("text ({})", excerpt(page)),
    }
}

fn is_binary(bytes: &[u8]) -> bool {
    let head = &bytes[..bytes.len().min(512)];
    // A character may be cut in two at the end of the head.
    head.contains(&0) || std::str::from_utf8(head).is_err_and(|error| error.valid_up_to() + 4 < head.len())
}

/// The first bytes of `page` on one line, in quotes.
pub(super) fn excerpt(page: &[u8]) -> String {
    let text = String::from_utf8_lossy(&page[..page.len().min(4 * SHOWN)]);
    let words: Vec<&str> =
        text.split(|c: char| c.is_whitespace() || c.is_control()).filter(|w| !w.is_empty()).collect();
    let line = words.join(" ");
    let cut: String = line.chars().take(SHOWN).collect();
    let more = if cut.len() < line.len() || page.len() > 4 * SHOWN { " ..." } else { "" };
    format!("\"{cut}{more}\"")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn foreign_content_is_named() {
        assert_eq!(looks_like(b""), "an empty page");
        assert_eq!(looks_like(b"\n <!DOCTYPE html><html>"), "an HTML page");
        assert_eq!(looks_like(b"<?xml version"), "XML or HTML");
        assert_eq!(looks_like(b"{\"a\":1}\n"), "JSON (\"{\"a\":1}\")");
        assert_eq!(looks_like(b"\x1f\x8b\x08\0"), "gzip that nobody asked for");
        assert_eq!(looks_like(&[0xff; 600]), "binary data");
        assert_eq!(looks_like(b"SSH-2.0-OpenSSH\r\n"), "text (\"SSH-2.0-OpenSSH\")");
    }

    #[test]
    fn an_excerpt_is_one_short_clean_line() {
        let shown = excerpt("a\r\n\x1b[31m b".as_bytes());
        assert_eq!(shown, "\"a [31m b\"");
        let long = excerpt("word ".repeat(1000).as_bytes());
        assert!(long.chars().count() <= SHOWN + 6 && long.ends_with("...\""), "{long}");
    }
}
