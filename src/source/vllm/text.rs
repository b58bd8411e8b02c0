//! What an unexpected answer looks like, in a few words for people. Pure.

use crate::http::excerpt;

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
}
