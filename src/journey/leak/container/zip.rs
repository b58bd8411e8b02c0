//! Zip archives, read from front to back: a header before each file.
//!
//! Invariant: a file that is encrypted, or packed in another way than stored or deflated, is an error.

use std::io::{self, BufRead, BufReader, Read};

use super::super::Layer;
use super::unpack;

/// The lengths in the header are those of the file: bit 3 says that they come after it, bit 0 that it is encrypted.
const LENGTHS_AFTER: u16 = 1 << 3;
const ENCRYPTED: u16 = 1;
/// Lengths that do not fit stand in an extra field of this kind.
const ZIP64: u16 = 1;

/// Calls `each` with the name and content of each file of the archive, and with what the directory at its end says.
///
/// # Errors
/// When the archive, or a file of it, cannot be read, or `each` says so.
pub(in super::super) fn members(
    reader: &mut dyn Read,
    each: &mut dyn FnMut(&str, &mut dyn Read) -> io::Result<()>,
) -> io::Result<()> {
    let mut reader = BufReader::new(reader);
    loop {
        let mut magic = [0; 4];
        let Some(()) = filled(&mut reader, &mut magic)? else { return Ok(()) };
        match &magic {
            b"PK\x03\x04" => member(&mut reader, each)?,
            // The directory, with comments: the names and texts in it stand as they are.
            b"PK\x01\x02" | b"PK\x05\x06" | b"PK\x06\x06" | b"PK\x06\x08" => return each("(directory)", &mut reader),
            _ => return Err(io::Error::other("the zip archive is damaged: no file begins where one should")),
        }
    }
}

/// What stands before a file.
struct Header {
    flags: u16,
    method: u16,
    packed: u64,
    name: String,
    extra: Vec<u8>,
}

fn member(
    reader: &mut BufReader<&mut dyn Read>,
    each: &mut dyn FnMut(&str, &mut dyn Read) -> io::Result<()>,
) -> io::Result<()> {
    let header = header(reader)?;
    if header.flags & ENCRYPTED != 0 {
        return Err(io::Error::other("the zip archive is encrypted: unpack it first"));
    }
    let after = header.flags & LENGTHS_AFTER != 0;
    match header.method {
        0 if !after => {
            let mut content = reader.take(header.packed);
            each(&header.name, &mut content)?;
            io::copy(&mut content, &mut io::sink())?;
            if content.limit() > 0 {
                return Err(io::Error::other("the zip archive ends within a file"));
            }
        }
        8 => {
            deflated(&header.name, reader, each)?;
            if after {
                descriptor(reader)?;
            }
        }
        _ => return Err(io::Error::other("the zip archive packs a file in another way than deflate: unpack it first")),
    }
    each(&format!("{} (extra)", header.name), &mut header.extra.as_slice())
}

/// A deflated file ends where its last block does.
fn deflated(
    name: &str,
    reader: &mut BufReader<&mut dyn Read>,
    each: &mut dyn FnMut(&str, &mut dyn Read) -> io::Result<()>,
) -> io::Result<()> {
    let mut content = unpack::bounded(Layer::Zip, reader);
    each(name, &mut content)?;
    io::copy(&mut content, &mut io::sink()).map(drop)
}

fn header(reader: &mut impl Read) -> io::Result<Header> {
    let mut fixed = [0; 26];
    reader.read_exact(&mut fixed)?;
    let short = |at: usize| u16::from_le_bytes([fixed[at], fixed[at + 1]]);
    let mut name = vec![0; usize::from(short(22))];
    reader.read_exact(&mut name)?;
    let mut extra = vec![0; usize::from(short(24))];
    reader.read_exact(&mut extra)?;
    let packed = u32::from_le_bytes([fixed[14], fixed[15], fixed[16], fixed[17]]);
    let packed = if packed == u32::MAX { long_length(&extra)? } else { u64::from(packed) };
    let name = String::from_utf8_lossy(&name).into_owned();
    Ok(Header { flags: short(2), method: short(4), packed, name, extra })
}

/// The packed length in the extra field: after the plain one.
fn long_length(mut extra: &[u8]) -> io::Result<u64> {
    while let [kind_low, kind_high, low, high, rest @ ..] = extra {
        let (kind, length) =
            (u16::from_le_bytes([*kind_low, *kind_high]), usize::from(u16::from_le_bytes([*low, *high])));
        if kind == ZIP64
            && let Some(packed) = rest.get(8..16)
        {
            return Ok(packed.iter().rev().fold(0, |number, &byte| number << 8 | u64::from(byte)));
        }
        extra = rest.get(length..).unwrap_or_default();
    }
    Err(io::Error::other("the zip archive is damaged: a length is missing"))
}

/// Passes the lengths after a file: 12 or 20 bytes, which may begin with a mark of their own.
fn descriptor(reader: &mut BufReader<&mut dyn Read>) -> io::Result<()> {
    let mut word = [0; 4];
    reader.read_exact(&mut word)?;
    let marked = &word == b"PK\x07\x08";
    io::copy(&mut reader.by_ref().take(if marked { 12 } else { 8 }), &mut io::sink())?;
    // Twice as long lengths: the next header is eight bytes further on.
    if !reader.fill_buf()?.starts_with(b"PK") {
        io::copy(&mut reader.by_ref().take(8), &mut io::sink())?;
    }
    Ok(())
}

/// Fills `block`; `None` where the reader has ended before it.
fn filled(reader: &mut impl BufRead, block: &mut [u8; 4]) -> io::Result<Option<()>> {
    if reader.fill_buf()?.is_empty() {
        return Ok(None);
    }
    reader.read_exact(block).map(Some)
}
