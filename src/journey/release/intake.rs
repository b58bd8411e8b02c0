//! Takes the files of a release in: makes each, writes it, and has the gate scan what was written.
//!
//! Invariant: the gate sees the bytes that the file holds, read back from it, and the file's name; a file is written
//! only where nothing stands yet.

use std::collections::HashSet;
use std::fs::File;
use std::io::{Read, Seek, Write};
use std::sync::atomic::{AtomicUsize, Ordering};

use super::error::{Error, disk, disk_io};
use super::gate::{Finding, Gate};
use super::manifest;
use super::place::{Cursor, Directory, Identity, Look, PUBLIC_FILE};
use super::refusal::Unscanned;
use super::steps::{Step, Watch};
use super::tree::{MANIFEST, Tree};
use crate::journey::digest::{Digest, sha256, sha256_of};
use crate::journey::draft::Draft;

/// Writes a file's bytes.
pub type Fill<'a> = Box<dyn Fn(&mut dyn Write) -> anyhow::Result<()> + Send + Sync + 'a>;

/// One file that is to be, whatever makes it.
pub struct Piece<'a> {
    /// Where it stands in the release.
    pub path: String,
    /// SHA-256 of all that its bytes depend on.
    pub source: Digest,
    /// Writes its bytes; called again it writes the same.
    pub fill: Fill<'a>,
}

impl<'a> From<Draft<'a>> for Piece<'a> {
    fn from(draft: Draft<'a>) -> Self {
        let Draft { path, source, render } = draft;
        let fill: Fill<'a> = Box::new(move |file| Ok(file.write_all(&render()?)?));
        Piece { path, source, fill }
    }
}

/// What became of a piece.
#[derive(Debug)]
pub(super) struct Taken {
    /// SHA-256 of its bytes.
    pub(super) sha256: Digest,
    /// Its file.
    pub(super) identity: Identity,
    /// What the gate said.
    pub(super) verdict: Verdict,
}

/// What the gate said of a file and its name.
#[derive(Debug, Default)]
pub(super) struct Verdict {
    /// What must not be shown.
    pub(super) findings: Vec<Finding>,
    /// That it could not be scanned.
    pub(super) unscanned: Option<Unscanned>,
}

impl Verdict {
    /// Whether it may be shown.
    pub(super) fn is_clean(&self) -> bool {
        self.findings.is_empty() && self.unscanned.is_none()
    }
}

/// Where files are taken in.
pub(super) struct Intake<'a> {
    /// The root that they are written below.
    pub(super) staging: &'a Directory,
    /// Who scans them.
    pub(super) gate: &'a dyn Gate,
    /// A release whose files the gate's present rules have found clean.
    pub(super) base: Option<&'a (Directory, Tree)>,
    /// Contents that the gate's present rules have found clean.
    pub(super) clean: &'a HashSet<Digest>,
    /// Whether each file is flushed to the disk at once.
    pub(super) flush: bool,
    /// Who is told.
    pub(super) watch: Watch<'a>,
}

/// Largest file that is scanned from memory, bytes; a larger one is streamed.
const IN_MEMORY: u64 = 4 << 20;
/// Sizes of files that are compared with their earlier version, bytes: of smaller ones all is looked at as soon.
const COMPARED: std::ops::Range<u64> = 512 << 10..64 << 20;

impl Intake<'_> {
    /// Does `work` with each number of `queue`, in that order, on as many threads as there are processors: each has a
    /// place in the tree and room to work in. What came of them, in the order of the numbers.
    pub(super) fn each<T: Send>(
        &self,
        queue: &[usize],
        work: impl Fn(usize, &mut Cursor<'_>, &mut Vec<u8>) -> Result<T, Error> + Sync,
    ) -> Result<Vec<T>, Error> {
        let next = AtomicUsize::new(0);
        let serve = || {
            let (mut done, mut cursor, mut buffer) = (Vec::new(), Cursor::making(self.staging), Vec::new());
            while let Some(at) = queue.get(next.fetch_add(1, Ordering::Relaxed)) {
                // After an error the others need not go on.
                let one =
                    work(*at, &mut cursor, &mut buffer).inspect_err(|_| next.store(queue.len(), Ordering::Relaxed));
                done.push((*at, one?));
            }
            Ok(done)
        };
        let threads = std::thread::available_parallelism().map_or(1, usize::from).min(queue.len());
        let parts = std::thread::scope(|scope| {
            let threads: Vec<_> = (0..threads).map(|_| scope.spawn(serve)).collect();
            threads.into_iter().map(|thread| thread.join().unwrap_or_else(|_| Err(panicked()))).collect::<Vec<_>>()
        });
        let mut done: Vec<_> = parts.into_iter().collect::<Result<Vec<_>, _>>()?.into_iter().flatten().collect();
        done.sort_unstable_by_key(|(at, _)| *at);
        Ok(done.into_iter().map(|(_, one)| one).collect())
    }

    pub(super) fn told(&self, step: Step) -> Result<(), Error> {
        (self.watch)(step).map_err(disk_io("write below", self.staging.path()))
    }

    /// Takes in one piece below where `cursor` began. `buffer` is room to work in.
    pub(super) fn take(
        &self,
        cursor: &mut Cursor<'_>,
        piece: &Piece<'_>,
        buffer: &mut Vec<u8>,
    ) -> Result<Taken, Error> {
        let place = self.staging.path().join(&piece.path);
        let (directory, name) = cursor.enter(&piece.path).map_err(disk("make the directory of", &place))?;
        let mut file = directory.create(name, PUBLIC_FILE).map_err(disk("make the file", &place))?;
        (piece.fill)(&mut file).map_err(|cause| made(piece, &place, cause))?;
        let sha256 = read_back(&mut file, buffer).map_err(disk_io("read back", &place))?;
        let verdict = match self.clean.contains(&sha256) {
            // Its name is another than that of the file that was found clean.
            true => judge_name(self.gate, &piece.path),
            false => match self.earlier(&piece.path) {
                Some(earlier) => judge_since(self.gate, &piece.path, &earlier, &mut file),
                None => judge(self.gate, &piece.path, &mut file, buffer),
            },
        };
        if self.flush {
            file.sync_all().map_err(disk_io("flush", &place))?;
        }
        let identity = Look::at(&file).map_err(disk("look at", &place))?.identity;
        Ok(Taken { sha256, identity, verdict })
    }

    /// The base's bytes of the file at `path`, where they are what was found clean, and enough for a comparison to save
    /// more than it costs.
    fn earlier(&self, path: &str) -> Option<Vec<u8>> {
        let (root, tree) = self.base?;
        if path == MANIFEST {
            // It is what is made of the tree, and was scanned when it was made.
            return Some(manifest::write(tree));
        }
        let entry = tree.find(path).filter(|entry| COMPARED.contains(&entry.identity.size))?;
        let mut cursor = Cursor::new(root);
        let (directory, name) = cursor.enter(path).ok()?;
        let mut bytes = Vec::new();
        directory.read(name).ok()?.take(COMPARED.end).read_to_end(&mut bytes).ok()?;
        (sha256(&bytes) == entry.sha256).then_some(bytes)
    }
}

/// What `gate` says of the file at `path`, name and content, of which it found `earlier` clean.
fn judge_since(gate: &dyn Gate, path: &str, earlier: &[u8], file: &mut File) -> Verdict {
    let said = file.rewind().and_then(|()| gate.scan_since(path, earlier, file));
    verdict(gate, path, said)
}

/// What `gate` says of the file at `path`, name and content, which `buffer` holds when it is not too large (see
/// [`read_back`]).
pub(super) fn judge(gate: &dyn Gate, path: &str, file: &mut File, buffer: &[u8]) -> Verdict {
    let said = file.metadata().and_then(|metadata| {
        if metadata.len() <= IN_MEMORY {
            return gate.scan(path, buffer);
        }
        file.rewind()?;
        gate.scan_stream(path, file)
    });
    verdict(gate, path, said)
}

/// What `gate` says of the manifest of `tree`.
pub(super) fn judge_manifest(gate: &dyn Gate, tree: &Tree) -> Verdict {
    verdict(gate, MANIFEST, gate.scan(MANIFEST, &manifest::write(tree)))
}

/// What `gate` says of the name at `path` alone.
pub(super) fn judge_name(gate: &dyn Gate, path: &str) -> Verdict {
    verdict(gate, path, gate.scan(path, b""))
}

/// An error is never "clean". Its file is named only where the name is clean.
fn verdict(gate: &dyn Gate, path: &str, said: std::io::Result<Vec<Finding>>) -> Verdict {
    match said {
        Ok(findings) => Verdict { findings, unscanned: None },
        Err(error) => {
            let findings = gate.scan(path, b"").unwrap_or_default();
            let file = findings.first().map_or_else(|| path.to_owned(), |finding| finding.file.clone());
            Verdict { findings, unscanned: Some(Unscanned { file, error: error.to_string() }) }
        }
    }
}

fn panicked() -> Error {
    Error::Unfit("a thread that makes files panicked; report it as a bug".into())
}

/// An error of the file system is told as one: its mend is another than that of a file that cannot be made.
fn made(piece: &Piece<'_>, place: &std::path::Path, cause: anyhow::Error) -> Error {
    match cause.downcast::<std::io::Error>() {
        Ok(cause) => disk_io("write", place)(cause),
        Err(cause) => Error::Render { path: piece.path.clone(), cause },
    }
}

/// SHA-256 of `file` from its beginning; `buffer` holds its bytes afterwards when it is not too large to be kept.
pub(super) fn read_back(file: &mut File, buffer: &mut Vec<u8>) -> std::io::Result<Digest> {
    file.rewind()?;
    buffer.clear();
    if file.metadata()?.len() > IN_MEMORY {
        return sha256_of(file);
    }
    file.take(IN_MEMORY + 1).read_to_end(buffer)?;
    Ok(sha256(buffer))
}
