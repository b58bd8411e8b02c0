//! Opens compressed streams.
//!
//! Invariant: what a small file unpacks to is bounded, and so is the memory that unpacking takes: more is an error. No
//! byte of a file is passed over: what is no part of a stream, or what its format lets an unpacker skip, is an error.

use std::cell::Cell;
use std::io::{self, BufRead, BufReader, Read};
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
        Layer::Zstd => Box::new(Joined::<_, zstd::Decoder<'_, _>>::new(counted)),
        Layer::Brotli => Box::new(Brotli(brotli::Decompressor::new(counted, 4096))),
        Layer::Zlib => Box::new(Joined::<_, flate2::bufread::ZlibDecoder<_>>::new(counted)),
        _ => Box::new(Joined::<_, flate2::bufread::GzDecoder<_>>::new(counted)),
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

/// Looks behind the end of a stream of Brotli, too.
struct Brotli<R: Read>(brotli::Decompressor<R>);

impl<R: Read> Read for Brotli<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self.0.read(buffer)? {
            // Asked once more after the end, it fails where it has read more than the stream.
            0 if !buffer.is_empty() => self.0.read(&mut [0]),
            read => Ok(read),
        }
    }
}

/// One of the streams that may follow each other in a file.
trait Part<R>: Read + Sized {
    /// Begins to unpack what `reader` has next.
    fn open(reader: R) -> io::Result<Self>;
    /// Whether all of its head was looked at, now that it is unpacked; [`gzip_label`] looks at the first one's.
    fn check(&self, is_first: bool) -> io::Result<()>;
    /// Gives back what comes behind it.
    fn close(self) -> R;
}

impl<R: BufRead> Part<R> for flate2::bufread::GzDecoder<R> {
    fn open(reader: R) -> io::Result<Self> {
        Ok(Self::new(reader))
    }

    fn check(&self, is_first: bool) -> io::Result<()> {
        let Some(header) = self.header() else { return Ok(()) };
        let labels = [header.filename(), header.comment()].map(|label| label.map_or(0, <[u8]>::len));
        let seen = if is_first { super::HEAD / 2 } else { 0 };
        if header.extra().is_some() || labels.iter().sum::<usize>() > seen {
            return Err(io::Error::other("a head with more than a name: unpack it first"));
        }
        Ok(())
    }

    fn close(self) -> R {
        self.into_inner()
    }
}

impl<R: BufRead> Part<R> for flate2::bufread::ZlibDecoder<R> {
    fn open(reader: R) -> io::Result<Self> {
        Ok(Self::new(reader))
    }

    fn check(&self, _: bool) -> io::Result<()> {
        Ok(())
    }

    fn close(self) -> R {
        self.into_inner()
    }
}

impl<R: BufRead> Part<R> for zstd::Decoder<'_, R> {
    fn open(mut reader: R) -> io::Result<Self> {
        if matches!(reader.fill_buf()?.first(), Some(0x50..=0x5f)) {
            return Err(io::Error::other("a frame that unpackers skip: take it out first"));
        }
        let mut decoder = zstd::Decoder::with_buffer(reader)?.single_frame();
        decoder.window_log_max(ZSTD_WINDOW)?;
        Ok(decoder)
    }

    fn check(&self, _: bool) -> io::Result<()> {
        Ok(())
    }

    fn close(self) -> R {
        self.finish()
    }
}

/// Unpacks one stream after the other, to the end of the file.
struct Joined<R, P> {
    /// What comes next, between two streams.
    left: Option<R>,
    /// The stream that is unpacked.
    open: Option<P>,
    is_first: bool,
}

impl<R: Read, P: Part<BufReader<R>>> Joined<BufReader<R>, P> {
    fn new(reader: R) -> Self {
        Joined { left: Some(BufReader::new(reader)), open: None, is_first: true }
    }
}

impl<R: BufRead, P: Part<R>> Read for Joined<R, P> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            if let Some(part) = &mut self.open {
                let read = part.read(buffer)?;
                if read > 0 || buffer.is_empty() {
                    return Ok(read);
                }
                part.check(self.is_first)?;
                (self.left, self.is_first) = (self.open.take().map(P::close), false);
            }
            // Nothing is left only after an error, which is one still.
            let left = self.left.as_mut().ok_or_else(|| io::Error::other("it failed before"))?;
            if left.fill_buf()?.is_empty() {
                return Ok(0);
            }
            self.open = self.left.take().map(P::open).transpose()?;
        }
    }
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
