//! Planted secrets: a gate that lets one pass is broken, and then nothing is published.
//!
//! Invariant: they take the same way as every other file, and are gone before there is a release.

use std::io::Write;

use super::error::{Error, disk, disk_io};
use super::intake::{Intake, Piece};
use super::place::Cursor;
use super::steps::Step;

/// Plants the gate's canaries below where `intake` writes, has each scanned as any other file, and takes them away.
///
/// # Errors
/// When one of them passes, or they cannot be planted.
pub(super) fn plant(intake: &Intake<'_>) -> Result<(), Error> {
    let root = intake.staging;
    let (mut cursor, mut buffer) = (Cursor::making(root), Vec::new());
    let canaries = intake.gate.canaries().map_err(disk_io("make a canary for", root.path()))?;
    if canaries.is_empty() {
        return Err(Error::Canary("none was planted".into()));
    }
    for (path, bytes) in canaries {
        let fill = Box::new(move |file: &mut dyn Write| Ok(file.write_all(&bytes)?));
        let piece = Piece { path, source: [0; 32], fill };
        let taken = intake.take(&mut cursor, &piece, &mut buffer)?;
        (intake.watch)(Step::CanaryPlanted).map_err(disk_io("plant the canary in", root.path()))?;
        root.unlink(piece.path.as_str()).map_err(disk("remove the canary from", root.path()))?;
        intake.gate.is_caught(&piece.path, &taken.verdict.findings).map_err(Error::Canary)?;
    }
    Ok(())
}
