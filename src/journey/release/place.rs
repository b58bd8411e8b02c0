//! Directories that are held open, and what is done in them by name.
//!
//! Invariant: below the directory that an operator named, no symbolic link is ever followed, whoever plants one and
//! whenever: each step is one name, relative to a directory that is open, and fails at a link.

use std::ffi::CString;
use std::fs::File;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::{Path, PathBuf};

use rustix::fs::{AtFlags, CWD, FileType, Mode, OFlags, RenameFlags};
use rustix::fs::{fchmod, fsync, linkat, mkdirat, openat, readlinkat, renameat, renameat_with, symlinkat, unlinkat};
use rustix::io::Errno;
use rustix::path::Arg;

use super::error::{Error, disk, disk_io};

/// What everybody may read.
pub(super) const PUBLIC_DIRECTORY: u32 = 0o755;
/// What only its owner may read.
pub(super) const PRIVATE_DIRECTORY: u32 = 0o700;
/// A file that everybody may read.
pub(super) const PUBLIC_FILE: u32 = 0o644;

/// A directory that is held open.
#[derive(Debug)]
pub(crate) struct Directory {
    fd: OwnedFd,
    path: PathBuf,
}

/// What stands under a name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Look {
    /// What kind of thing.
    pub(super) kind: FileType,
    /// Permission bits.
    pub(super) mode: u32,
    /// What tells whether a file is still the same.
    pub(super) identity: Identity,
}

/// What tells whether a file that was written is still as it was. No change time: a second hard link changes it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Identity {
    /// Bytes.
    pub(super) size: u64,
    /// Modification time, seconds and nanoseconds.
    pub(super) modified: (i64, u64),
    /// Its number in the file system.
    pub(super) inode: u64,
}

impl Look {
    fn of(stat: &rustix::fs::Stat) -> Self {
        let identity = Identity {
            size: stat.st_size.cast_unsigned(),
            modified: (stat.st_mtime, stat.st_mtime_nsec),
            inode: stat.st_ino,
        };
        let mode = stat.st_mode & 0o7777;
        Look { kind: FileType::from_raw_mode(stat.st_mode), mode, identity }
    }

    /// What an open file is.
    pub(super) fn at(file: impl AsFd) -> Result<Self, Errno> {
        rustix::fs::fstat(file).map(|stat| Look::of(&stat))
    }
}

impl Directory {
    /// Opens the directory at `path`, and makes it with `mode` where it is missing, and what leads to it. This path is
    /// the operator's own: links in it are followed.
    pub(super) fn make(path: &Path, mode: u32) -> Result<Self, Error> {
        use std::os::unix::fs::DirBuilderExt;
        if !path.is_dir() {
            let mut builder = std::fs::DirBuilder::new();
            builder.recursive(true).mode(mode).create(path).map_err(disk_io("make the directory", path))?;
        }
        Self::at(path).map_err(disk("open the directory", path))
    }

    /// Opens the directory at `path`, which is the operator's own: links in it are followed.
    pub(crate) fn at(path: &Path) -> Result<Self, Errno> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let fd = openat(CWD, path, flags, Mode::empty())?;
        Ok(Directory { fd, path: path.to_owned() })
    }

    /// Where it is, for messages.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Opens the directory `name` in this one.
    pub(crate) fn open(&self, name: impl Arg + Copy) -> Result<Self, Errno> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let fd = openat(&self.fd, name, flags, Mode::empty())?;
        let path = self.path.join(&*name.to_string_lossy());
        Ok(Directory { fd, path })
    }

    /// Makes the directory `name`, which must not be there.
    pub(super) fn make_new(&self, name: &str, mode: u32) -> Result<Self, Errno> {
        mkdirat(&self.fd, name, Mode::from_raw_mode(mode))?;
        // Whatever the umask took away is given back.
        self.open(name).and_then(|made| made.allow(mode).map(|()| made))
    }

    /// Opens the directory `name`, or makes it with `mode`.
    pub(super) fn open_or_make(&self, name: &str, mode: u32) -> Result<Self, Errno> {
        match self.make_new(name, mode) {
            Err(Errno::EXIST) => self.open(name),
            made => made,
        }
    }

    /// Sets its permission bits.
    pub(super) fn allow(&self, mode: u32) -> Result<(), Errno> {
        fchmod(&self.fd, Mode::from_raw_mode(mode))
    }

    /// Makes the file `name`, which must not be there, for writing and reading back.
    pub(super) fn create(&self, name: &str, mode: u32) -> Result<File, Errno> {
        let flags = OFlags::RDWR | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let fd = openat(&self.fd, name, flags, Mode::from_raw_mode(mode))?;
        fchmod(&fd, Mode::from_raw_mode(mode))?;
        Ok(fd.into())
    }

    /// Opens the file `name` for reading; whatever stands there, opening does not wait.
    pub(super) fn read(&self, name: &str) -> Result<File, Errno> {
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
        Ok(openat(&self.fd, name, flags, Mode::empty())?.into())
    }

    /// What stands under `name`; nothing where nothing does.
    pub(super) fn look(&self, name: impl Arg) -> Result<Option<Look>, Errno> {
        match rustix::fs::statat(&self.fd, name, AtFlags::SYMLINK_NOFOLLOW) {
            Ok(stat) => Ok(Some(Look::of(&stat))),
            Err(Errno::NOENT) => Ok(None),
            Err(other) => Err(other),
        }
    }

    /// Everything in it but `.` and `..`, in no order.
    pub(crate) fn names(&self) -> Result<Vec<CString>, Errno> {
        let mut names = Vec::new();
        for entry in rustix::fs::Dir::read_from(&self.fd)? {
            let name = entry?.file_name().to_owned();
            if name.as_c_str() != c"." && name.as_c_str() != c".." {
                names.push(name);
            }
        }
        Ok(names)
    }

    /// Moves `name` to `new` in the directory `to`.
    pub(crate) fn rename(&self, name: &str, to: &Directory, new: &str) -> Result<(), Errno> {
        renameat(&self.fd, name, &to.fd, new)
    }

    /// Puts `one` in the place of `other` and the other way round, at once.
    pub(super) fn exchange(&self, one: &str, other: &str) -> Result<(), Errno> {
        renameat_with(&self.fd, one, &self.fd, other, RenameFlags::EXCHANGE)
    }

    /// Gives the file `name` a second name in the directory `to`.
    pub(super) fn link(&self, name: &str, to: &Directory) -> Result<(), Errno> {
        linkat(&self.fd, name, &to.fd, name, AtFlags::empty())
    }

    /// Makes the symbolic link `name`, which leads to `target`.
    pub(super) fn point(&self, name: &str, target: &str) -> Result<(), Errno> {
        symlinkat(target, &self.fd, name)
    }

    /// Where the symbolic link `name` leads; nothing where there is none, or something else.
    pub(super) fn target(&self, name: &str) -> Result<Option<String>, Errno> {
        match readlinkat(&self.fd, name, Vec::new()) {
            Ok(target) => Ok(Some(target.to_string_lossy().into_owned())),
            Err(Errno::NOENT | Errno::INVAL) => Ok(None),
            Err(other) => Err(other),
        }
    }

    /// Takes the file or link `name` away.
    pub(super) fn unlink(&self, name: impl Arg) -> Result<(), Errno> {
        unlinkat(&self.fd, name, AtFlags::empty())
    }

    /// Takes `name` away, with all below it when it is a directory; it is fine when it is not there.
    pub(crate) fn remove(&self, name: impl Arg + Copy) -> Result<(), Errno> {
        match self.unlink(name) {
            Ok(()) | Err(Errno::NOENT) => return Ok(()),
            Err(Errno::ISDIR | Errno::PERM) => {}
            Err(other) => return Err(other),
        }
        let inner = self.open(name)?;
        for name in inner.names()? {
            inner.remove(name.as_c_str())?;
        }
        unlinkat(&self.fd, name, AtFlags::REMOVEDIR)
    }

    /// Waits until what was done in it is on the disk.
    pub(super) fn sync(&self) -> Result<(), Errno> {
        fsync(&self.fd)
    }

    /// Waits until all that was written to its file system is on the disk.
    pub(super) fn sync_file_system(&self) -> Result<(), Errno> {
        rustix::fs::syncfs(&self.fd)
    }

    /// Sets its modification time to now.
    pub(super) fn touch(&self) -> Result<(), Errno> {
        let now = rustix::fs::Timespec { tv_sec: 0, tv_nsec: rustix::fs::UTIME_NOW };
        rustix::fs::futimens(&self.fd, &rustix::fs::Timestamps { last_access: now, last_modification: now })
    }

    /// What it is itself.
    pub(super) fn look_at_itself(&self) -> Result<Look, Errno> {
        Look::at(&self.fd)
    }

    /// Takes the lock on it for as long as it is open; `false` when another has it.
    pub(super) fn lock(&self) -> Result<bool, Errno> {
        match rustix::fs::flock(&self.fd, rustix::fs::FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => Ok(true),
            Err(Errno::WOULDBLOCK) => Ok(false),
            Err(other) => Err(other),
        }
    }

    /// Gives the lock back.
    pub(super) fn unlock(&self) -> Result<(), Errno> {
        rustix::fs::flock(&self.fd, rustix::fs::FlockOperation::Unlock)
    }
}

impl AsFd for Directory {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }
}

/// Goes from directory to directory of a tree, and keeps the last one open: paths come in order.
#[derive(Debug)]
pub(super) struct Cursor<'a> {
    root: &'a Directory,
    within: String,
    open: Option<Directory>,
    makes: bool,
}

impl<'a> Cursor<'a> {
    /// At the root of a tree.
    pub(super) fn new(root: &'a Directory) -> Self {
        Cursor { root, within: String::new(), open: None, makes: false }
    }

    /// The same; directories that are missing are made.
    pub(super) fn making(root: &'a Directory) -> Self {
        Cursor { makes: true, ..Cursor::new(root) }
    }

    /// The directory that `path` lies in, and its name there.
    pub(super) fn enter<'p>(&mut self, path: &'p str) -> Result<(&Directory, &'p str), Errno> {
        let (within, name) = path.rsplit_once('/').unwrap_or(("", path));
        if within != self.within {
            (self.open, self.within) = (None, String::new());
            let mut open = None;
            for step in within.split('/').filter(|step| !step.is_empty()) {
                let from = open.as_ref().unwrap_or(self.root);
                open = Some(if self.makes { from.open_or_make(step, PUBLIC_DIRECTORY)? } else { from.open(step)? });
            }
            (self.open, self.within) = (open, within.to_owned());
        }
        Ok((self.open.as_ref().unwrap_or(self.root), name))
    }
}
