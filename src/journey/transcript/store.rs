//! The state on the disk: `pieces-N.bin`, to which pieces are appended, and `index.bin`, which says how many of them
//! count.
//!
//! Invariant: killed at any instant, the state is the old one or the new one: pieces are on the disk before the index
//! that counts them takes the place of the old one, by rename. A state that is not what was written is thrown away
//! whole and built anew.

use std::fs::{self, DirBuilder, File, OpenOptions, TryLockError};
use std::io::{self, ErrorKind, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use crc32fast::Hasher;

use super::codec::{Put, Take};
use super::piece::{Piece, SIZE};
use super::state::State;

/// First bytes of the index.
const MAGIC: &[u8; 8] = b"aswtrans";

/// The version of both files: another one is thrown away.
const VERSION: u64 = 1;

/// Largest index that is read, bytes: some 300 a transcript and 200 a session.
const MOST: u64 = 1 << 30;

/// Pieces that are read or written at once.
const AT_ONCE: usize = 4096;

/// The directory of the state.
#[derive(Debug)]
pub(super) struct Store {
    directory: PathBuf,
    /// Held while this lives; `None` where another process holds it, or where it cannot be made: nothing is saved then.
    lock: Option<File>,
    saved: Saved,
}

/// What the index says of the pieces.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
struct Saved {
    /// The N of `pieces-N.bin`; 0 where there is none.
    generation: u64,
    count: u64,
    /// CRC-32 of the pieces that count.
    checksum: u32,
}

impl Store {
    /// Opens `directory`, which is made where it is missing, and keeps other processes from writing to it.
    pub(super) fn open(directory: PathBuf) -> Self {
        let lock = match lock(&directory) {
            Ok(lock) => Some(lock),
            Err(why) => {
                tracing::warn!(directory = %directory.display(), "what is read of transcripts is not kept: {why}");
                None
            }
        };
        Store { directory, lock, saved: Saved::default() }
    }

    /// The state that was saved; an empty one where there is none or where it cannot be trusted.
    pub(super) fn load(&mut self) -> State {
        match self.try_load() {
            Ok(state) => state,
            Err(why) => {
                let directory = self.directory.display();
                tracing::warn!(%directory, "all transcripts are read anew, and deleted ones do not count: {why}");
                State::default()
            }
        }
    }

    fn try_load(&mut self) -> Result<State, String> {
        let index = match read_at_most(&self.index(), MOST) {
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(State::default()),
            result => result.map_err(|error| format!("index.bin: {error}"))?,
        };
        let (saved, body) = parse(&index)?;
        let pieces = self.pieces(&saved).map_err(|error| format!("pieces-{}.bin: {error}", saved.generation))?;
        let state = State::decode(&mut Take(body), pieces).ok_or("index.bin is not what was written")?;
        self.saved = saved;
        Ok(state)
    }

    fn pieces(&self, saved: &Saved) -> io::Result<Vec<Piece>> {
        if saved.count == 0 {
            return Ok(Vec::new());
        }
        let mut file = File::open(self.pieces_of(saved.generation))?;
        let broken = || io::Error::new(ErrorKind::InvalidData, "is not what was written");
        let mut left = usize::try_from(saved.count).map_err(|_| broken())?;
        if file.metadata()?.len() / (SIZE as u64) < saved.count {
            return Err(broken());
        }
        let (mut pieces, mut hasher) = (Vec::with_capacity(left), Hasher::new());
        let mut bytes = vec![0; AT_ONCE * SIZE];
        while left > 0 {
            let part = &mut bytes[..left.min(AT_ONCE) * SIZE];
            file.read_exact(part)?;
            hasher.update(part);
            pieces.extend(part.as_chunks().0.iter().map(Piece::decode));
            left = left.saturating_sub(AT_ONCE);
        }
        if hasher.finalize() == saved.checksum { Ok(pieces) } else { Err(broken()) }
    }

    /// Saves `state`, where anything of it is new.
    ///
    /// # Errors
    /// Those of writing. What was saved before stands then.
    pub(super) fn save(&mut self, state: &mut State) -> io::Result<()> {
        if self.lock.is_none() || !state.touched && !state.rewritten {
            return Ok(());
        }
        if state.rewritten || self.saved.count == 0 {
            // Later ones are of later sessions, mostly: what is loaded then is sorted already.
            state.pieces.sort_unstable_by_key(|piece| (piece.at_ms, piece.file, piece.offset));
        }
        let saved = self.save_pieces(state)?;
        let fresh = self.directory.join("index.new");
        let mut file = create(&fresh)?;
        file.write_all(&render(state, &saved))?;
        file.sync_all()?;
        fs::rename(&fresh, self.index())?;
        File::open(&self.directory)?.sync_all()?;
        self.saved = saved;
        self.tidy();
        Ok(())
    }

    /// Appends the pieces that are new, or writes all of them to a file of their own where some were taken away.
    fn save_pieces(&self, state: &State) -> io::Result<Saved> {
        let known = if state.rewritten { 0 } else { usize::try_from(self.saved.count).unwrap_or(0) };
        let new = &state.pieces[known..];
        if new.is_empty() && known > 0 {
            return Ok(self.saved);
        }
        let (mut saved, mut file) = if known == 0 {
            let generation = self.saved.generation + 1;
            (Saved { generation, ..Saved::default() }, create(&self.pieces_of(generation))?)
        } else {
            (self.saved, OpenOptions::new().write(true).open(self.pieces_of(self.saved.generation))?)
        };
        // What a run that was killed has appended is not counted by any index.
        file.set_len(saved.count * SIZE as u64)?;
        file.seek(SeekFrom::End(0))?;
        let mut hasher = Hasher::new_with_initial_len(saved.checksum, saved.count * SIZE as u64);
        let mut bytes = Vec::with_capacity(AT_ONCE.min(new.len()) * SIZE);
        for pieces in new.chunks(AT_ONCE) {
            bytes.clear();
            pieces.iter().for_each(|piece| bytes.extend_from_slice(&piece.encode()));
            hasher.update(&bytes);
            file.write_all(&bytes)?;
        }
        file.sync_all()?;
        saved.count += new.len() as u64;
        saved.checksum = hasher.finalize();
        Ok(saved)
    }

    /// Deletes the files of pieces that no index counts. One that stays does no harm.
    fn tidy(&self) {
        let current = self.pieces_of(self.saved.generation);
        for entry in fs::read_dir(&self.directory).into_iter().flatten().flatten() {
            let name = entry.file_name();
            if name.to_string_lossy().starts_with("pieces-") && entry.path() != current {
                drop(fs::remove_file(entry.path()));
            }
        }
    }

    fn index(&self) -> PathBuf {
        self.directory.join("index.bin")
    }

    fn pieces_of(&self, generation: u64) -> PathBuf {
        self.directory.join(format!("pieces-{generation}.bin"))
    }
}

/// Makes `directory` and locks it; the error says why not, and the mend.
fn lock(directory: &Path) -> Result<File, String> {
    let make = DirBuilder::new().recursive(true).mode(0o700).create(directory);
    let open = || OpenOptions::new().create(true).truncate(false).write(true).mode(0o600).open(directory.join("lock"));
    let file = make.and_then(|()| open()).map_err(|error| crate::source::file::with_mend(&error))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err("another process is writing there; it keeps what it reads itself".into()),
        Err(TryLockError::Error(error)) => Err(error.to_string()),
    }
}

/// Creates the file at `path` or empties it; for this user alone, because the state names directories and sessions.
fn create(path: &Path) -> io::Result<File> {
    OpenOptions::new().create(true).truncate(true).write(true).mode(0o600).open(path)
}

fn read_at_most(path: &Path, most: u64) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    File::open(path)?.take(most).read_to_end(&mut bytes)?;
    Ok(bytes)
}

fn render(state: &State, saved: &Saved) -> Vec<u8> {
    let mut put = Put(MAGIC.to_vec());
    [VERSION, saved.generation, saved.count, saved.checksum.into()].into_iter().for_each(|number| put.u64(number));
    state.encode(&mut put);
    let checksum = crc32fast::hash(&put.0);
    put.u64(checksum.into());
    put.0
}

/// What the index says of the pieces, and the rest of it.
fn parse(index: &[u8]) -> Result<(Saved, &[u8]), String> {
    let broken = "index.bin is not what was written";
    let (content, checksum) = index.split_last_chunk::<8>().ok_or(broken)?;
    if u64::from_le_bytes(*checksum) != u64::from(crc32fast::hash(content)) {
        return Err(broken.into());
    }
    let mut take = Take(content.strip_prefix(MAGIC).ok_or(broken)?);
    let mut number = || take.u64().ok_or(broken);
    match number()? {
        VERSION => {}
        version => return Err(format!("index.bin is of version {version}, this program knows {VERSION}")),
    }
    let (generation, count, checksum) = (number()?, number()?, number()?);
    let checksum = u32::try_from(checksum).map_err(|_| broken)?;
    Ok((Saved { generation, count, checksum }, take.0))
}
