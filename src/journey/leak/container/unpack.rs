//! Opens compressed streams.
//!
//! Invariant: what a small file unpacks to is bounded, and so is the memory that unpacking takes: more is an error.

use std::cell::Cell;
use std::io::{self, BufRead, Read};
use std::rc::Rc;

use super::super::Layer;

/// Any file may unpack to this many bytes; in tests to fewer, so that a bomb may be small.
const FREE: u64 = if cfg!(test) { 4 << 20 } else { 256 << 20 };
/// Beyond that, this many for each compressed byte. Text compresses to a twentieth, and repetitive logs to a hundredth.
const RATIO: u64 = 200;
/// Windows of all streams that are open within each other, in bytes: what decoders keep of what they have told.
const WINDOWS: u64 = 24 << 20;
/// The largest window of Zstandard up to its level 19, as a power of two.
const ZSTD_WINDOW: u32 = 23;
/// The largest window of Brotli.
const BROTLI_WINDOW: u64 = 16 << 20;

/// What unpacking may still take.
#[derive(Debug, Clone, Copy)]
pub(in super::super) struct Budget {
    windows: u64,
    /// Containers within containers.
    depth: u32,
}

impl Budget {
    /// For a file that lies in no other.
    pub(in super::super) fn new() -> Self {
        Budget { windows: WINDOWS, depth: 3 }
    }

    /// What is left within a container.
    ///
    /// # Errors
    /// When it lies too deep, or its decoder takes too much memory beside those around it.
    pub(in super::super) fn within(self, layer: Layer) -> io::Result<Self> {
        let window = match layer {
            Layer::Zstd => 1 << ZSTD_WINDOW,
            Layer::Brotli => BROTLI_WINDOW,
            _ => 0,
        };
        let depth = self.depth.checked_sub(1);
        let depth = depth.ok_or_else(|| io::Error::other("containers within containers are opened three deep"))?;
        let windows = self.windows.checked_sub(window);
        let windows =
            windows.ok_or_else(|| io::Error::other("unpacking streams within streams takes too much memory"))?;
        Ok(Budget { windows, depth })
    }
}

/// Unpacks `reader`, which is packed with `layer`.
///
/// # Errors
/// When no decoder can be made; the reader that is given back tells of damage, of a bomb, and of a window that is too
/// large.
pub(in super::super) fn unpacked<'a>(layer: Layer, reader: &'a mut dyn Read) -> io::Result<Box<dyn Read + 'a>> {
    let taken = Rc::new(Cell::new(0));
    let counted = Counted { reader, taken: Rc::clone(&taken) };
    let unpacked: Box<dyn Read + 'a> = match layer {
        Layer::Zstd => {
            let mut decoder = zstd::stream::read::Decoder::new(counted)?;
            decoder.window_log_max(ZSTD_WINDOW)?;
            Box::new(decoder)
        }
        Layer::Brotli => Box::new(brotli_decompressor::Decompressor::new(counted, 4096)),
        Layer::Zlib => Box::new(flate2::read::ZlibDecoder::new(counted)),
        _ => Box::new(flate2::read::MultiGzDecoder::new(counted)),
    };
    Ok(Box::new(Bounded { unpacked, taken, told: 0, layer }))
}

/// Unpacks a deflated file, and takes no byte after its end from `reader`.
pub(super) fn bounded<'a>(layer: Layer, reader: &'a mut dyn BufRead) -> impl Read + 'a {
    let taken = Rc::new(Cell::new(0));
    let counted = Counted { reader, taken: Rc::clone(&taken) };
    Bounded { unpacked: Box::new(flate2::bufread::DeflateDecoder::new(counted)), taken, told: 0, layer }
}

/// Whether `head` unpacks to the beginning of an object of git.
pub(super) fn is_git_object(head: &[u8]) -> bool {
    let mut start = [0; 7];
    let length = flate2::read::ZlibDecoder::new(head).read(&mut start).unwrap_or(0);
    [&b"blob "[..], b"tree ", b"commit ", b"tag "].iter().any(|kind| start[..length].starts_with(kind))
}

/// The name and the comment of the file that `head`, the start of a gzip stream, keeps.
pub(in super::super) fn gzip_label(head: &[u8]) -> &[u8] {
    const EXTRA: u8 = 4;
    const NAME_OR_COMMENT: u8 = 8 | 16;
    let Some(&flags) = head.get(3).filter(|flags| **flags & NAME_OR_COMMENT != 0) else { return &[] };
    let extra = match head.get(10..12) {
        Some(length) if flags & EXTRA != 0 => 2 + usize::from(u16::from_le_bytes([length[0], length[1]])),
        _ => 0,
    };
    let label = head.get(10 + extra..).unwrap_or_default();
    let ends = label.iter().enumerate().filter(|(_, byte)| **byte == 0).map(|(at, _)| at);
    &label[..ends.take((flags & NAME_OR_COMMENT).count_ones() as usize).last().unwrap_or(label.len())]
}

/// Counts what is read.
struct Counted<'a, R: ?Sized> {
    reader: &'a mut R,
    taken: Rc<Cell<u64>>,
}

impl BufRead for Counted<'_, dyn BufRead + '_> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        self.reader.fill_buf()
    }

    fn consume(&mut self, amount: usize) {
        self.taken.set(self.taken.get() + amount as u64);
        self.reader.consume(amount);
    }
}

impl<R: Read + ?Sized> Read for Counted<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.reader.read(buffer)?;
        self.taken.set(self.taken.get() + read as u64);
        Ok(read)
    }
}

/// Refuses to tell more than a file of its size may hold.
struct Bounded<'a> {
    unpacked: Box<dyn Read + 'a>,
    taken: Rc<Cell<u64>>,
    told: u64,
    layer: Layer,
}

impl Read for Bounded<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.unpacked.read(buffer).map_err(|error| damaged(self.layer, &error))?;
        self.told += read as u64;
        if self.told > FREE.max(self.taken.get().saturating_mul(RATIO)) {
            let message = format!("{} unpacks to over {RATIO} times its size: unpack it first", self.layer.word());
            return Err(io::Error::other(message));
        }
        Ok(read)
    }
}

fn damaged(layer: Layer, error: &io::Error) -> io::Error {
    if error.kind() == io::ErrorKind::Interrupted {
        return io::ErrorKind::Interrupted.into();
    }
    io::Error::other(format!("the {} stream cannot be unpacked ({error})", layer.word()))
}
