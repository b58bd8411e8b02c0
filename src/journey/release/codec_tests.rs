use std::io::{Seek, Write};

use super::*;
use crate::journey::digest::{hex, sha256};

/// A page of `bytes` bytes: words that chance puts together, the same at each run.
fn page(bytes: usize) -> Vec<u8> {
    let words =
        ["<tr><td>", "accepted", "reverted", "</td></tr>\n", "billing/", "iteration ", "2026-11-", "0.", "tokens "];
    let (mut text, mut seed) = (Vec::new(), 0x9e37_79b9_7f4a_7c15_u64);
    while text.len() < bytes {
        seed ^= seed << 13;
        seed ^= seed >> 7;
        seed ^= seed << 17;
        text.extend_from_slice(words[(seed % 9) as usize].as_bytes());
        text.extend_from_slice((seed >> 40 & 0xfff).to_string().as_bytes());
    }
    text.truncate(bytes);
    text
}

fn file(bytes: &[u8]) -> File {
    let mut file = tempfile::tempfile().unwrap();
    file.write_all(bytes).unwrap();
    file.rewind().unwrap();
    file
}

fn content(file: &mut File) -> Vec<u8> {
    let mut bytes = Vec::new();
    file.rewind().unwrap();
    file.read_to_end(&mut bytes).unwrap();
    bytes
}

fn packed(codec: Codec, bytes: &[u8]) -> Vec<u8> {
    let mut packed = tempfile::tempfile().unwrap();
    codec.pack(bytes.len() as u64, &mut file(bytes), &mut packed).unwrap();
    content(&mut packed)
}

fn holds(codec: Codec, packed: &[u8], original: &[u8]) -> bool {
    codec.holds(&file(packed), &mut file(original)).unwrap_or(false)
}

/// When this fails, an encoder makes other bytes than before, and what was published would not be made the same again:
/// change [`MAKING`], and these with it.
#[test]
fn equal_files_are_packed_to_the_bytes_that_are_written_here() {
    let of = |size: usize| Codec::ALL.map(|codec| hex(&sha256(&packed(codec, &page(size))))[..16].to_owned());
    let levels = format!(
        "made 1: brotli {}/{} window {BROTLI_WINDOW}, gzip {}/{}, zstd {}/{}, thorough up to {LARGE}",
        THOROUGH.brotli, QUICK.brotli, THOROUGH.gzip, QUICK.gzip, THOROUGH.zstd, QUICK.zstd
    );
    assert_eq!(levels, MAKING);
    let expected = [
        ["feb54cbe58c39edb", "9e3b82ef27f17410", "fdaa10f9d597d86d"],
        ["7b06d04bd5cf9f66", "0335a0708676e5a7", "e4137b42e8d58a48"],
    ];
    assert_eq!([of(60_000), of(700_000)], expected);
}

#[test]
fn what_was_packed_holds_its_file_and_nothing_else() {
    for codec in Codec::ALL {
        for size in [1, 1200, BUFFER, BUFFER + 1, 300_000] {
            let (page, packed) = (page(size), packed(codec, &page(size)));
            assert!(holds(codec, &packed, &page), "{codec:?} {size}");
            for other in [&page[1..], &[&page[..], b"x"].concat(), &[&page[..size - 1], b"\0"].concat()] {
                assert!(!holds(codec, &packed, other), "{codec:?} {size}");
            }
            for tail in [&b"\0"[..], b"secret", &packed] {
                assert!(!holds(codec, &[&packed, tail].concat(), &page), "{codec:?} {size}: {tail:?}");
            }
            assert!(!holds(codec, &packed[..packed.len() - 1], &page), "{codec:?} {size}: cut");
        }
    }
}

#[test]
fn a_tail_is_found_wherever_a_buffer_ends() {
    for codec in Codec::ALL {
        // What does not compress is packed to more than one buffer.
        let noise: Vec<u8> = (0..9000_u32).flat_map(|number| sha256(&number.to_le_bytes())).collect();
        let packed = packed(codec, &noise);
        assert!(packed.len() > 4 * BUFFER);
        assert!(holds(codec, &packed, &noise));
        assert!(!holds(codec, &[&packed[..], b"x"].concat(), &noise), "{codec:?}");
    }
}

#[test]
fn a_name_a_remark_or_a_time_in_the_head_is_found() {
    let page = page(2000);
    let builders = [
        flate2::GzBuilder::new().filename("secret"),
        flate2::GzBuilder::new().comment("secret"),
        flate2::GzBuilder::new().extra("secret"),
        flate2::GzBuilder::new().mtime(1),
    ];
    for builder in builders {
        let mut encoder = builder.write(Vec::new(), flate2::Compression::new(4));
        encoder.write_all(&page).unwrap();
        assert!(!holds(Codec::Gzip, &encoder.finish().unwrap(), &page));
    }
}

#[test]
fn a_frame_that_is_skipped_is_found() {
    let page = page(2000);
    let (packed, skipped) = (packed(Codec::Zstd, &page), b"\x50\x2a\x4d\x18\x06\0\0\0secret");
    assert!(!holds(Codec::Zstd, &[&skipped[..], &packed].concat(), &page));
    assert!(!holds(Codec::Zstd, &[&packed, &skipped[..]].concat(), &page));
}

#[test]
fn a_frame_tells_its_size_and_has_a_window_that_a_browser_takes() {
    for size in [1200, 60_000, 700_000, 20_000_000] {
        let packed = packed(Codec::Zstd, &page(size));
        assert_eq!(zstd::zstd_safe::get_frame_content_size(&packed).unwrap(), Some(size as u64));
        // RFC 8878, 3.1.1.1: without a window of its own, the frame's window is its content.
        let (descriptor, window) = (packed[4], packed[5]);
        let base = 1_u64 << (10 + (window >> 3));
        let window = if descriptor & 0x20 != 0 { size as u64 } else { base + base / 8 * u64::from(window & 7) };
        assert!(window <= 8 << 20, "{size}: {window}");
        assert_eq!(descriptor & 4, 0, "no sum of its own");
    }
}

#[test]
fn a_file_of_another_size_than_was_told_is_an_error_or_told_as_it_is() {
    let page = page(2000);
    let mut out = tempfile::tempfile().unwrap();
    assert!(Codec::Zstd.pack(1999, &mut file(&page), &mut out).is_err());
}
