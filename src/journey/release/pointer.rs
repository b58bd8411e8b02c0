//! `current`: which release is shown.
//!
//! Invariant: it is replaced by renaming a new link over it, so that whoever follows it sees the old release or the new
//! one; what is not a link is left alone.

use rustix::fs::FileType;

use super::error::{Error, disk, disk_io};
use super::staging::fresh_name;
use super::steps::{Step, Watch};
use super::{RELEASES, Store};
use crate::journey::digest::unhex;

/// The pointer's name.
pub(super) const CURRENT: &str = "current";
/// How the name of a pointer begins that is not in its place yet.
pub(super) const PREFIX: &str = ".current-";

/// The names under which earlier programs have looked for the site, and where they lead now.
const COMPATIBLE: [(&str, &str); 2] = [("dist", CURRENT), ("site-data.json", "current/site-data.json")];

/// Something that an operator should know, and that stopped nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Note(pub String);

/// The hash of the release that a pointer to `target` names.
pub(super) fn named(target: &str) -> Option<&str> {
    let (directory, hash) = target.split_once('/')?;
    (directory == RELEASES && unhex(hash).is_some()).then_some(hash)
}

impl Store {
    /// Shows the release called `hash`. Nothing is done when it is shown already.
    ///
    /// # Errors
    /// When there is no such release, or the pointer cannot be replaced.
    pub fn flip(&self, hash: &str, watch: Watch<'_>) -> Result<bool, Error> {
        if self.current()?.as_deref() == Some(hash) {
            return Ok(false);
        }
        let Some(root) = self.find(hash)? else {
            return Err(Error::Unfit(format!("there is no release {hash} to be shown")));
        };
        // Releases go by age, and this one is the newest now, whenever it was made.
        root.touch().map_err(disk("set the time of", root.path()))?;
        let place = self.output.path().join(CURRENT);
        let refused = || disk("point to the new release with", &place);
        let told = |step| watch(step).map_err(disk_io("point to the new release with", &place));
        let fresh = fresh_name(PREFIX);
        self.output.point(&fresh, &format!("{RELEASES}/{hash}")).map_err(refused())?;
        told(Step::PointerMade)?;
        self.output.rename(&fresh, &self.output, CURRENT).map_err(refused())?;
        self.output.sync().map_err(refused())?;
        told(Step::Flipped)?;
        Ok(true)
    }

    /// Shows nothing any more.
    pub(super) fn show_nothing(&self) -> Result<(), Error> {
        let refused = || disk("take away", self.output.path());
        self.output.remove(CURRENT).map_err(refused())?;
        self.output.sync().map_err(refused())
    }

    /// Refuses what stands where the pointer belongs and is none.
    pub(super) fn check_pointer(&self) -> Result<(), Error> {
        let place = self.output.path().join(CURRENT);
        match self.output.look(CURRENT).map_err(disk("look at", &place))? {
            Some(look) if look.kind != FileType::Symlink => Err(Error::InTheWay(format!(
                "{} is no symbolic link, and the pointer to the release that is shown belongs there; move it away",
                place.display()
            ))),
            _ => Ok(()),
        }
    }

    /// Makes the links by which earlier programs find the site, where nothing is. Says what stands in their place.
    ///
    /// # Errors
    /// When a link cannot be made.
    pub fn make_compatible(&self) -> Result<Vec<Note>, Error> {
        let mut notes = Vec::new();
        for (name, target) in COMPATIBLE {
            let place = self.output.path().join(name);
            let refused = || disk("make the link", &place);
            if self.output.look(name).map_err(refused())?.is_none() {
                self.output.point(name, target).map_err(refused())?;
            } else if self.output.target(name).map_err(refused())?.as_deref() != Some(target) {
                notes.push(Note(format!(
                    "{} is left as it is: it is not the link to {target} that would show this site there",
                    place.display()
                )));
            }
        }
        Ok(notes)
    }
}
