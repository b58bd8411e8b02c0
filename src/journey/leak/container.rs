//! What kind of file a stream is, by its first bytes: text, something that can be opened, or something that cannot.
//!
//! Invariant: a format that packs or encrypts what it holds is opened or refused; it is never looked at from outside and
//! called clean.

mod tar;
mod unpack;
mod zip;

pub(super) use tar::members as tar_members;
pub(super) use unpack::{Budget, gzip_label, unpacked};
pub(super) use zip::members as zip_members;

use super::Layer;

/// Bytes that tell the kind of a file: a tar header.
pub(super) const HEAD: usize = 512;

/// The kind of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// Looked at as it is.
    Plain,
    /// One compressed stream.
    Packed(Layer),
    /// Files one after the other.
    Archive(Layer),
    /// What it is called, with its article.
    Closed(&'static str),
}

/// Formats that are not opened, by their first bytes.
const CLOSED: [(&[u8], &str); 12] = [
    (b"BZh", "a bzip2 file"),
    (b"\xfd7zXZ\0", "an xz file"),
    (b"7z\xbc\xaf\x27\x1c", "a 7z archive"),
    (b"Rar!\x1a\x07", "a RAR archive"),
    (b"\x04\x22\x4d\x18", "an LZ4 file"),
    (b"LZIP", "an lzip file"),
    (b"\x1f\x9d", "a compress (.Z) file"),
    (b"age-encryption.org/v1", "an age-encrypted file"),
    (b"Salted__", "an openssl-encrypted file"),
    (b"PACK\0\0\0", "a pack of git objects (scan `git log -p --all` instead, or leave it out with --exclude)"),
    (b"%PDF-", "a PDF, whose texts are compressed (scan its text instead)"),
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "an OLE document"),
];

/// The kind of the file called `name` that begins with `head`.
pub(super) fn kind(name: &str, head: &[u8]) -> Kind {
    if let Some((_, what)) = CLOSED.iter().find(|(magic, _)| head.starts_with(magic)) {
        return Kind::Closed(what);
    }
    match head {
        [0x1f, 0x8b, ..] => Kind::Packed(Layer::Gzip),
        // Also what may be skipped before a frame of Zstandard, which is an error then.
        [0x28, 0xb5, 0x2f, 0xfd, ..] | [0x50..=0x5f, 0x2a, 0x4d, 0x18, ..] => Kind::Packed(Layer::Zstd),
        [b'P', b'K', 3, 4, ..] | [b'P', b'K', 5, 6, ..] => Kind::Archive(Layer::Zip),
        _ if tar::is_header(head) => Kind::Archive(Layer::Tar),
        // Brotli has no mark of its own; servers know it by its name.
        _ if name.to_ascii_lowercase().ends_with(".br") && !head.is_empty() => Kind::Packed(Layer::Brotli),
        [0x78, 0x01 | 0x5e | 0x9c | 0xda, ..] if unpack::is_git_object(head) => Kind::Packed(Layer::Zlib),
        _ => Kind::Plain,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_are_told_by_the_first_bytes() {
        assert_eq!(kind("a", b"\x1f\x8b\x08"), Kind::Packed(Layer::Gzip));
        assert_eq!(kind("a", b"\x28\xb5\x2f\xfd"), Kind::Packed(Layer::Zstd));
        assert_eq!(kind("a.html.BR", b"x"), Kind::Packed(Layer::Brotli));
        assert_eq!(kind("a", b"PK\x03\x04"), Kind::Archive(Layer::Zip));
        assert_eq!(kind("a.gz", b"text"), Kind::Plain, "a name is no gzip");
        assert_eq!(kind("a", b""), Kind::Plain);
        assert_eq!(kind("a", b"x\x01"), Kind::Plain);
        assert!(matches!(kind("a", b"7z\xbc\xaf\x27\x1c\0"), Kind::Closed(_)));
    }
}
