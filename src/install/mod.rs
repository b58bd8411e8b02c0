//! Putting the unit files of `deploy/` in their place, and taking them away again.
//!
//! Invariants: a file that a person made, changed or masked is never touched without being told to, and then kept as
//! a `.bak`; a file is written as a whole or not at all; nothing is removed that was not written here and left as it
//! was. Whether that is so is seen from the file alone (`stamp`), wherever the programs are by then.

mod account;
mod escape;
mod fill;
mod place;
mod set;
mod stamp;
mod systemctl;
mod write;

pub use account::{Account, loop_user};
pub use fill::Filling;
pub use place::Places;
pub use set::{Kind, PROGRAMS, TO_ENABLE, Unit, units};
pub use systemctl::Systemctl;
pub use write::{Installed, Options, Removed};

use std::path::PathBuf;

use crate::config::UnitManager;

/// A file as it is to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Planned {
    /// Where.
    pub path: PathBuf,
    /// What, with its stamp.
    pub text: String,
    /// Where a person may have such a unit already, so that the example is not wanted.
    pub elsewhere: Vec<PathBuf>,
}

/// The files of `scope`, filled in.
///
/// # Errors
/// When something that is to be filled in cannot be written in a unit file; the message says what.
pub fn plan(scope: UnitManager, places: &Places, filling: &Filling) -> Result<Vec<Planned>, String> {
    let planned = |unit: &Unit| {
        let text = stamp::stamped(unit.kind.comment(), &fill::fill(unit, filling)?);
        let elsewhere = if unit.kind == Kind::Example { places.elsewhere(unit.name) } else { Vec::new() };
        Ok(Planned { path: places.of(unit), text, elsewhere })
    };
    units(scope).iter().filter(|unit| unit.kind != Kind::Example || filling.example).map(planned).collect()
}

/// Writes one file, or says why not. With `dry_run` it only says what would be done.
pub fn install(file: &Planned, options: Options) -> Installed {
    write::install(file, options)
}

/// Takes away the file of one unit if it is as it was written.
pub fn remove(unit: &Unit, places: &Places, dry_run: bool) -> (PathBuf, Removed) {
    let path = places.of(unit);
    let removed = write::remove(&path, dry_run);
    (path, removed)
}
