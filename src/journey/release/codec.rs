//! The compressed forms in which a file can lie beside itself, and how each is made and checked.
//!
//! Invariant: equal bytes are packed to equal bytes, on every machine: levels and windows are constants, one thread
//! packs a file, and nothing of the file's time or name gets into it.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read, Write};

use brotli::enc::{BrotliEncoderParams, StandardAlloc};

/// A compressed form.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Codec {
    /// RFC 7932.
    Brotli,
    /// RFC 1952.
    Gzip,
    /// RFC 8878.
    Zstd,
}

/// How hard it is tried.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Levels {
    brotli: i32,
    gzip: u32,
    zstd: i32,
}

/// Files of more bytes than this are packed with [`QUICK`]: they are few, they change at each run, and nobody waits for
/// a program of a few megabytes the way one waits for a page.
pub(super) const LARGE: u64 = 256 << 10;
/// For pages: from here on, twice the time saves less than one part in twenty (docs/benchmarks.md).
const THOROUGH: Levels = Levels { brotli: 5, gzip: 4, zstd: 6 };
/// For large files: what all three cost together is what one of the next level costs.
const QUICK: Levels = Levels { brotli: 2, gzip: 2, zstd: 1 };
/// The window of Brotli as a power of two: 4 MiB, of the 16 MiB that the format allows. It is what the encoder keeps in
/// memory, twice.
const BROTLI_WINDOW: i32 = 22;
/// The largest window of Zstandard as a power of two: 8 MiB, which RFC 9659 lets a browser refuse to go beyond.
const ZSTD_WINDOW: u32 = 23;
/// Bytes that are handed on at a time. Packing to equal bytes rests on its being the same everywhere.
const BUFFER: usize = 64 << 10;

/// What the bytes that are made depend on, beside the file: whoever changes a constant above, or takes in another version
/// of an encoder that makes other bytes, changes it. A test holds it against bytes that were made.
pub(super) const MAKING: &str = "made 1: brotli 5/2 window 22, gzip 4/2, zstd 6/1, thorough up to 262144";

impl Codec {
    /// All of them, in the order of their endings.
    pub(super) const ALL: [Codec; 3] = [Codec::Brotli, Codec::Gzip, Codec::Zstd];

    /// How the name of a file in this form ends.
    pub(super) fn ending(self) -> &'static str {
        match self {
            Codec::Brotli => ".br",
            Codec::Gzip => ".gz",
            Codec::Zstd => ".zst",
        }
    }

    /// Packs `original`, which has `size` bytes, into `packed`.
    ///
    /// # Errors
    /// When either of the files fails, or `original` has another size.
    pub(super) fn pack(self, size: u64, original: &mut File, packed: &mut File) -> io::Result<()> {
        let levels = if size > LARGE { QUICK } else { THOROUGH };
        match self {
            Codec::Brotli => brotli(levels.brotli, size, original, packed),
            Codec::Gzip => {
                // Without a time and a name, which the header has room for.
                let level = flate2::Compression::new(levels.gzip);
                let mut encoder = flate2::GzBuilder::new().write(packed, level);
                feed(original, &mut encoder)?;
                encoder.finish().map(|_| ())
            }
            Codec::Zstd => {
                let mut encoder = zstd::Encoder::new(packed, levels.zstd)?;
                encoder.set_pledged_src_size(Some(size))?;
                feed(original, &mut encoder)?;
                encoder.finish().map(|_| ())
            }
        }
    }

    /// Whether `packed` holds `original` in this form and nothing else: one stream, no name or remark in its head,
    /// nothing before and nothing behind it.
    ///
    /// # Errors
    /// When either of the files fails, or `packed` cannot be unpacked.
    pub(super) fn holds(self, packed: &File, original: &mut File) -> io::Result<bool> {
        let mut packed = BufReader::with_capacity(BUFFER, packed);
        let is_same = match self {
            Codec::Brotli => {
                let mut decoder = brotli::Decompressor::new(&mut packed, BUFFER);
                // Asked once more after the end, it fails where it has read more than its stream.
                is_same(&mut decoder, original)? && decoder.read(&mut [0])? == 0
            }
            Codec::Gzip => {
                let mut decoder = flate2::bufread::GzDecoder::new(&mut packed);
                is_same(&mut decoder, original)? && decoder.header().is_some_and(is_bare)
            }
            Codec::Zstd => {
                let is_frame = packed.fill_buf()?.starts_with(&zstd::zstd_safe::MAGICNUMBER.to_le_bytes());
                let mut decoder = zstd::Decoder::with_buffer(&mut packed)?.single_frame();
                decoder.window_log_max(ZSTD_WINDOW)?;
                is_frame && is_same(&mut decoder, original)?
            }
        };
        Ok(is_same && packed.fill_buf()?.is_empty())
    }
}

fn brotli(quality: i32, size: u64, original: &mut File, packed: &mut File) -> io::Result<()> {
    let size_hint = usize::try_from(size).unwrap_or(usize::MAX);
    let params = BrotliEncoderParams { quality, lgwin: BROTLI_WINDOW, size_hint, ..BrotliEncoderParams::default() };
    let (mut input, mut output) = (vec![0; BUFFER], vec![0; BUFFER]);
    let allocator = StandardAlloc::default();
    brotli::BrotliCompressCustomAlloc(original, packed, &mut input, &mut output, &params, allocator).map(|_| ())
}

/// Hands all of `from` on to `to`, [`BUFFER`] bytes at a time.
fn feed(from: &mut File, to: &mut impl Write) -> io::Result<()> {
    let mut buffer = Vec::with_capacity(BUFFER);
    while from.take(BUFFER as u64).read_to_end(&mut buffer)? > 0 {
        to.write_all(&buffer)?;
        buffer.clear();
    }
    Ok(())
}

/// Whether both hold the same bytes.
fn is_same(one: &mut dyn Read, other: &mut File) -> io::Result<bool> {
    let (mut ours, mut theirs) = (vec![0; BUFFER], vec![0; BUFFER]);
    loop {
        let read = one.read(&mut ours)?;
        if read == 0 {
            return Ok(other.read(&mut theirs)? == 0);
        }
        match other.read_exact(&mut theirs[..read]) {
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(false),
            outcome => outcome?,
        }
        if ours[..read] != theirs[..read] {
            return Ok(false);
        }
    }
}

fn is_bare(header: &flate2::GzHeader) -> bool {
    header.mtime() == 0 && header.filename().is_none() && header.comment().is_none() && header.extra().is_none()
}

#[cfg(test)]
#[path = "codec_tests.rs"]
mod tests;
