//! Tar archives: a header of 512 bytes before each file, with its name and length.
//!
//! Invariant: a header whose checksum is wrong is an error, never the end of the archive.

use std::io::{self, Read};

const BLOCK: usize = 512;
/// A longer name, or table of attributes, is refused.
const LONGEST_NAME: u64 = 64 << 10;

/// Whether `head` is the header of a tar archive: its checksum is that of its bytes.
pub(super) fn is_header(head: &[u8]) -> bool {
    head.len() >= BLOCK && head[0] != 0 && checksum(head) == number(&head[148..156])
}

/// Calls `each` with the name and content of each file of the archive, and with the names of links' targets.
///
/// # Errors
/// When the archive cannot be read, or `each` says so.
pub(in super::super) fn members(
    reader: &mut dyn Read,
    each: &mut dyn FnMut(&str, &mut dyn Read) -> io::Result<()>,
) -> io::Result<()> {
    let mut longer = Longer::default();
    let mut header = [0; BLOCK];
    loop {
        if !fill(reader, &mut header)? || header.iter().all(|&byte| byte == 0) {
            return Ok(());
        }
        if !is_header(&header) {
            return Err(io::Error::other("the tar archive is damaged: a header's checksum is wrong"));
        }
        let length = longer
            .length
            .take()
            .or_else(|| number(&header[124..136]))
            .ok_or_else(|| io::Error::other("the tar archive is damaged: a length is no number"))?;
        let mut content = reader.take(length);
        match header[156] {
            kind @ (b'L' | b'K' | b'x' | b'g') => longer.read(kind, &mut content, length)?,
            _ => {
                let name = longer.name.take().unwrap_or_else(|| name(&header));
                each(&name, &mut content)?;
                let target = longer.target.take().unwrap_or_else(|| text(&header[157..257]));
                if !target.is_empty() {
                    each(&format!("{name} (link)"), &mut target.as_bytes())?;
                }
            }
        }
        let rest = content.limit() + (BLOCK as u64 - length % BLOCK as u64) % BLOCK as u64;
        if io::copy(&mut reader.take(rest), &mut io::sink())? < rest {
            return Err(io::Error::other("the tar archive ends within a file"));
        }
    }
}

/// What extended headers say of the file after them.
#[derive(Default)]
struct Longer {
    name: Option<String>,
    target: Option<String>,
    length: Option<u64>,
}

impl Longer {
    fn read(&mut self, kind: u8, content: &mut dyn Read, length: u64) -> io::Result<()> {
        if length > LONGEST_NAME {
            return Err(io::Error::other("the tar archive has a name of over 64 KiB"));
        }
        let mut bytes = Vec::new();
        content.read_to_end(&mut bytes)?;
        match kind {
            b'L' => self.name = Some(text(&bytes)),
            b'K' => self.target = Some(text(&bytes)),
            _ => String::from_utf8_lossy(&bytes).lines().for_each(|line| self.attribute(line)),
        }
        Ok(())
    }

    /// One line of a pax header: its length, a blank, `key=value`.
    fn attribute(&mut self, line: &str) {
        let Some((key, value)) = line.split_once(' ').and_then(|(_, rest)| rest.split_once('=')) else { return };
        match key {
            "path" => self.name = Some(value.to_owned()),
            "linkpath" => self.target = Some(value.to_owned()),
            "size" => self.length = value.parse().ok(),
            _ => {}
        }
    }
}

fn name(header: &[u8; BLOCK]) -> String {
    let prefix = if &header[257..262] == b"ustar" { text(&header[345..500]) } else { String::new() };
    let name = text(&header[..100]);
    if prefix.is_empty() { name } else { format!("{prefix}/{name}") }
}

fn text(field: &[u8]) -> String {
    let end = field.iter().position(|&byte| byte == 0).unwrap_or(field.len());
    String::from_utf8_lossy(&field[..end]).into_owned()
}

/// A number in octal digits, or in binary after a byte of 0x80, as GNU tar writes large ones.
fn number(field: &[u8]) -> Option<u64> {
    if field[0] & 0x80 != 0 {
        return field[1..]
            .iter()
            .try_fold(0_u64, |number, &byte| number.checked_mul(256)?.checked_add(u64::from(byte)));
    }
    let digits = field.split(|&byte| byte == 0).next().unwrap_or_default().trim_ascii();
    u64::from_str_radix(std::str::from_utf8(digits).ok()?, 8).ok()
}

/// The sum of the header's bytes, with blanks in place of the checksum.
fn checksum(head: &[u8]) -> Option<u64> {
    let sum = |bytes: &[u8]| bytes.iter().map(|&byte| u64::from(byte)).sum::<u64>();
    Some(sum(&head[..148]) + 8 * u64::from(b' ') + sum(&head[156..BLOCK]))
}

/// Fills `block`; `false` where the reader has ended.
fn fill(reader: &mut dyn Read, block: &mut [u8; BLOCK]) -> io::Result<bool> {
    let mut filled = 0;
    while filled < BLOCK {
        match reader.read(&mut block[filled..]) {
            Ok(0) if filled == 0 => return Ok(false),
            Ok(0) => return Err(io::Error::other("the tar archive ends within a header")),
            Ok(read) => filled += read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(true)
}
