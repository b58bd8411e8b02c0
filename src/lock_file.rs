//! A file whose lock keeps a second instance away, and in which the holder says who it is.
//!
//! Invariant: the lock is the kernel's and ends with its holder; what the file says is only for people.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, Read, Seek, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use rustix::fs::OFlags;

use crate::observation::Time;

/// Opens the file at `path`, or makes it with `mode`; `flags` are those beside the usual.
///
/// # Errors
/// When it cannot be opened for reading and writing.
pub(crate) fn open(path: &Path, mode: u32, flags: OFlags) -> io::Result<File> {
    // NONBLOCK: whatever stands there, opening it does not wait.
    let flags = OFlags::NONBLOCK | OFlags::NOCTTY | flags;
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true).truncate(false).mode(mode).custom_flags(flags.bits().cast_signed());
    options.open(path)
}

/// What the holder wrote of itself. What is no text is no help; whoever tells of it names the file all the same.
pub(crate) fn holder(mut file: &File) -> String {
    let mut holder = String::new();
    file.rewind().and_then(|()| file.take(200).read_to_string(&mut holder)).ok();
    holder.trim().to_owned()
}

/// Writes who holds the lock of `file`: this process, what it `does` where that is said, and since when.
///
/// # Errors
/// When it cannot be written.
pub(crate) fn sign(mut file: &File, does: Option<&str>) -> io::Result<()> {
    file.set_len(0)?;
    file.rewind()?;
    let does = does.map(|does| format!(", {does}")).unwrap_or_default();
    writeln!(file, "pid {}{does}, since {:.0}", std::process::id(), Time::now())
}

/// A lock that is held; it is given back when this is dropped.
#[derive(Debug)]
pub(crate) struct Lock(File);

impl Drop for Lock {
    fn drop(&mut self) {
        // Not left to the closing of the file: a child that is being started has it open for a moment longer.
        self.0.unlock().ok();
    }
}

/// Takes the lock of the file at `path`, which is made for this user alone; inside, who holds it.
///
/// # Errors
/// When the file cannot be opened, locked or written.
pub(crate) fn take(path: &Path) -> io::Result<Result<Lock, String>> {
    let file = open(path, 0o600, OFlags::NOFOLLOW)?;
    match file.try_lock() {
        Ok(()) => sign(&file, None).map(|()| Ok(Lock(file))),
        Err(TryLockError::Error(cause)) => Err(cause),
        Err(TryLockError::WouldBlock) => Ok(Err(match holder(&file).as_str() {
            "" => "it has not said who it is".into(),
            holder => crate::words::clean(holder),
        })),
    }
}
