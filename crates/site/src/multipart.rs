//! Several parts of a file in one answer: `multipart/byteranges` (RFC 9110, 14.6).
//!
//! Invariant: the boundary stands in no part of the file, and the parts are slices of it.

use std::fmt::Write as _;
use std::ops::Range;

use autoswe_transport::Payload;
use bytes::{Bytes, BytesMut};
use http::HeaderValue;

use crate::Content;
use crate::validator::digits_of;

/// What is told of each part beside its place.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Kind {
    pub(crate) media_type: &'static str,
    /// The content coding, where it has one. It stands at each part and not at the whole: what is coded are the bytes of
    /// the file, and not what stands between them.
    pub(crate) coding: Option<&'static str>,
}

/// Half of the content's own hash, that half of it which its entity tag does not show: bytes that hold the hash of
/// themselves cannot be made.
const BOUNDARY: usize = 32;

/// `parts` of `content` as a body, and its `Content-Type`.
pub(crate) fn of(content: &Content, kind: Kind, parts: &[Range<usize>]) -> (Payload, HeaderValue) {
    let boundary = boundary(content);
    let mut row = Vec::with_capacity(2 * parts.len() + 1);
    for (index, part) in parts.iter().enumerate() {
        row.push(head(&boundary, kind, (part, content.bytes.len()), index == 0));
        row.push(content.bytes.slice(part.clone()));
    }
    row.push(Bytes::from(format!("\r\n--{boundary}--\r\n")));
    (Payload::row(row), header(format_args!("multipart/byteranges; boundary={boundary}")))
}

fn boundary(content: &Content) -> String {
    let (_, hidden) = content.sha256.split_at(BOUNDARY / 2);
    hidden.iter().flat_map(|byte| digits_of(*byte)).map(char::from).collect()
}

/// What stands before a part.
fn head(boundary: &str, kind: Kind, (part, length): (&Range<usize>, usize), is_first: bool) -> Bytes {
    let mut head = BytesMut::with_capacity(160);
    let mut write = |line: std::fmt::Arguments<'_>| head.write_fmt(line).unwrap_or_default();
    write(format_args!("{}--{boundary}\r\nContent-Type: {}\r\n", if is_first { "" } else { "\r\n" }, kind.media_type));
    if let Some(coding) = kind.coding {
        write(format_args!("Content-Encoding: {coding}\r\n"));
    }
    write(format_args!("Content-Range: bytes {}-{}/{length}\r\n\r\n", part.start, part.end - 1));
    head.freeze()
}

/// The `Content-Range` of one part of a file of `length` bytes.
pub(crate) fn content_range(part: &Range<usize>, length: usize) -> HeaderValue {
    header(format_args!("bytes {}-{}/{length}", part.start, part.end - 1))
}

/// The `Content-Range` that tells only a file's length.
pub(crate) fn content_range_of_none(length: usize) -> HeaderValue {
    header(format_args!("bytes */{length}"))
}

#[expect(clippy::expect_used, reason = "digits and a few words may stand in a header")]
fn header(text: std::fmt::Arguments<'_>) -> HeaderValue {
    HeaderValue::from_maybe_shared(Bytes::from(text.to_string())).expect("printable ASCII")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture::{bytes_of, content};

    #[test]
    fn parts_stand_between_boundaries() {
        let kind = Kind { media_type: "text/plain; charset=utf-8", coding: None };
        let (payload, media_type) = of(&content("abcdefgh"), kind, &[6..8, 0..1]);
        let written = String::from_utf8(bytes_of(payload)).unwrap();
        let boundary = media_type.to_str().unwrap().strip_prefix("multipart/byteranges; boundary=").unwrap();
        assert_eq!(
            written,
            format!(
                "--{boundary}\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Range: bytes 6-7/8\r\n\r\ngh\r\n\
                 --{boundary}\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Range: bytes 0-0/8\r\n\r\na\r\n\
                 --{boundary}--\r\n"
            )
        );
    }

    #[test]
    fn a_coding_stands_at_each_part() {
        let kind = Kind { media_type: "text/css", coding: Some("br") };
        let (payload, _) = of(&content("abcdefgh"), kind, &[0..1, 3..4]);
        let written = String::from_utf8(bytes_of(payload)).unwrap();
        assert_eq!(written.matches("Content-Type: text/css\r\nContent-Encoding: br\r\nContent-Range: ").count(), 2);
    }

    #[test]
    fn the_boundary_is_the_half_of_the_hash_that_no_tag_shows() {
        let sha256 = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        assert_eq!(boundary(&content("abc")), sha256[32..]);
    }

    #[test]
    fn places_in_a_header() {
        assert_eq!(content_range(&(0..1), 10), "bytes 0-0/10");
        assert_eq!(content_range(&(5..10), 10), "bytes 5-9/10");
        assert_eq!(content_range_of_none(10), "bytes */10");
    }
}
