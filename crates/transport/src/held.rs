//! Bytes that are held to be sent again and again. Large ones lie in files of memory, from which the kernel sends them
//! without a copy.
//!
//! Invariant: a file of memory is sealed before it is mapped, and known here for exactly as long as it is mapped. So bytes
//! at its addresses are its own, they never change, and it is enough to see where a slice lies to know how to send it.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Write};
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use bytes::Bytes;
use memmap2::Mmap;
use rustix::fs::{MemfdFlags, SealFlags, fcntl_add_seals, memfd_create};
use rustix::io::Errno;

/// From so many bytes on a file of memory is used: there the copy that is saved begins to outweigh the further call
/// (docs/benchmarks.md, "The site server beside nginx").
pub(crate) const LARGE: usize = 16 * 1024;
/// Files of memory at one time; each is an open file. What is held beyond them is copied when it is sent.
pub(crate) const MOST: usize = 512;

/// Where every file of memory is mapped, by its first address.
static MAPPED: RwLock<Table> = RwLock::new(Table::new());

type Table = BTreeMap<usize, Mapped>;

// Nothing panics while it is held.
fn mapped() -> RwLockReadGuard<'static, Table> {
    MAPPED.read().unwrap_or_else(PoisonError::into_inner)
}

fn mapped_mut() -> RwLockWriteGuard<'static, Table> {
    MAPPED.write().unwrap_or_else(PoisonError::into_inner)
}

#[derive(Debug)]
struct Mapped {
    length: usize,
    file: Arc<File>,
}

/// Bytes of a file of memory.
#[derive(Debug)]
pub(crate) struct Place {
    pub(crate) file: Arc<File>,
    pub(crate) offset: u64,
}

impl Place {
    /// Where `bytes` lie, if they are enough and lie in a file of memory.
    pub(crate) fn of(bytes: &[u8]) -> Option<Place> {
        if bytes.len() < LARGE {
            return None;
        }
        let address = bytes.as_ptr().addr();
        let table = mapped();
        let (start, mapped) = table.range(..=address).next_back()?;
        let offset = address - start;
        let is_within = offset.checked_add(bytes.len()).is_some_and(|end| end <= mapped.length);
        is_within.then(|| Place { file: Arc::clone(&mapped.file), offset: offset as u64 })
    }
}

/// Takes the bytes that are to be held, one after the other. What it holds is neither read nor checked.
#[derive(Debug)]
pub struct Holder(Kind);

#[derive(Debug)]
enum Kind {
    Heap(Vec<u8>),
    File(File),
}

impl Holder {
    /// For about `size` bytes.
    pub fn of(size: usize) -> Self {
        let file = if size < LARGE || mapped().len() >= MOST {
            None
        } else {
            // A kernel or a sandbox without them is no reason to hold nothing.
            memory_file().inspect_err(|error| tracing::debug!(%error, "no file of memory; using the heap")).ok()
        };
        // Exactly as much as is to be held: it stays for long.
        Holder(file.map_or_else(|| Kind::Heap(Vec::with_capacity(size)), Kind::File))
    }

    /// What was written.
    ///
    /// # Errors
    /// When the file of memory cannot be sealed or mapped.
    pub fn finish(self) -> io::Result<Bytes> {
        match self.0 {
            Kind::Heap(bytes) => Ok(bytes.into()),
            Kind::File(file) if file.metadata()?.len() == 0 => Ok(Bytes::new()),
            Kind::File(file) => Ok(Bytes::from_owner(Mapping::new(file)?)),
        }
    }
}

impl Write for Holder {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match &mut self.0 {
            Kind::Heap(held) => held.write(bytes),
            Kind::File(file) => file.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn memory_file() -> Result<File, Errno> {
    let flags = MemfdFlags::CLOEXEC | MemfdFlags::ALLOW_SEALING;
    let create = |flags| memfd_create("autoswe-held", flags).map(File::from);
    match create(flags | MemfdFlags::NOEXEC_SEAL) {
        // Before Linux 6.3.
        Err(Errno::INVAL) => create(flags),
        file => file,
    }
}

/// A file of memory in this process's memory.
struct Mapping(Mmap);

impl Mapping {
    fn new(file: File) -> io::Result<Self> {
        fcntl_add_seals(&file, SealFlags::WRITE | SealFlags::SHRINK | SealFlags::GROW | SealFlags::SEAL)?;
        #[expect(unsafe_code, reason = "to map a file is safe only where nobody can change it")]
        // SAFETY: the file is sealed: no process can write to it, make it shorter, or take the seals away.
        let map = unsafe { Mmap::map(&file) }?;
        let mapped = Mapped { length: map.len(), file: Arc::new(file) };
        mapped_mut().insert(map.as_ptr().addr(), mapped);
        Ok(Mapping(map))
    }
}

impl AsRef<[u8]> for Mapping {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}

impl Drop for Mapping {
    /// Forgotten before it is unmapped: then its addresses may be given to others.
    fn drop(&mut self) {
        mapped_mut().remove(&self.0.as_ptr().addr());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs::OpenOptions;
    use std::os::fd::AsRawFd;

    fn held(bytes: &[u8]) -> Bytes {
        let mut holder = Holder::of(bytes.len());
        holder.write_all(bytes).unwrap();
        holder.finish().unwrap()
    }

    fn text(length: usize) -> Vec<u8> {
        (0..length).map(|index| (index % 251) as u8).collect()
    }

    #[test]
    fn what_is_held_is_what_was_written() {
        for length in [0, 1, LARGE - 1, LARGE, LARGE + 1, 3 * LARGE + 7] {
            assert_eq!(held(&text(length)), text(length), "{length}");
        }
        // The size is a guess.
        for (guess, length) in [(0, LARGE), (LARGE, 0), (LARGE, 3), (LARGE, 3 * LARGE)] {
            let mut holder = Holder::of(guess);
            text(length).chunks(1000).for_each(|part| holder.write_all(part).unwrap());
            assert_eq!(holder.finish().unwrap(), text(length), "{guess} {length}");
        }
    }

    #[test]
    fn a_large_slice_of_a_file_of_memory_is_known_by_where_it_lies() {
        let (small, bytes, heap) = (held(&text(LARGE - 1)), held(&text(3 * LARGE)), Bytes::from(text(3 * LARGE)));
        let offset = |slice: &[u8]| Place::of(slice).map(|place| place.offset);
        for (slice, known) in [
            (&bytes[..], Some(0)),
            (&bytes[..LARGE], Some(0)),
            (&bytes[7..], Some(7)),
            (&bytes[2 * LARGE..], Some(2 * LARGE as u64)),
            (&bytes[2 * LARGE + 1..], None),
            (&small[..], None),
            (&heap[..], None),
        ] {
            assert_eq!(offset(slice), known, "{} bytes", slice.len());
        }
    }

    #[test]
    fn a_file_of_memory_is_known_for_as_long_as_its_bytes_are_held() {
        let (bytes, others) = (held(&text(LARGE)), held(&text(LARGE)));
        let address = bytes.as_ptr().addr();
        let is_known = || MAPPED.read().unwrap().contains_key(&address);
        let part = bytes.slice(5..7);
        drop(bytes);
        assert!(is_known(), "a part of it is held");
        drop(part);
        assert!(!is_known());
        assert!(Place::of(&others).is_some());
    }

    #[test]
    fn nobody_can_change_a_file_of_memory() {
        let bytes = held(&text(LARGE));
        let place = Place::of(&bytes).unwrap();
        let path = format!("/proc/self/fd/{}", place.file.as_raw_fd());
        let mut open = OpenOptions::new().write(true).open(path).unwrap();
        assert_eq!(open.write_all(b"other").unwrap_err().kind(), io::ErrorKind::PermissionDenied);
        assert!(open.set_len(0).is_err());
        assert_eq!(bytes, text(LARGE));
    }

    #[test]
    fn beyond_the_most_files_the_heap_holds_the_rest() {
        let many: Vec<Bytes> = (0..MOST + 2).map(|_| held(&text(LARGE))).collect();
        let are_files = |held: &[Bytes]| held.iter().filter(|bytes| Place::of(bytes).is_some()).count();
        // Fewer where another test holds some.
        assert!(are_files(&many) <= MOST && are_files(&many[..MOST / 2]) > 0);
        assert!(many.iter().all(|bytes| *bytes == text(LARGE)));
    }
}
