//! Reads what was frozen.
//!
//! Invariant: one input that cannot be read costs that input alone, and is named.

use std::io::Read;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use super::events::{self, Refused};
use super::frozen::{Found, Frozen, FrozenFile, Open};
use super::gathered::Gathered;
use super::git;
use super::lines::{Part, Piece, each, trimmed};
use super::parity;
use super::passed::Passed;
use super::places::Input;
use super::restarts::Restarts;
use super::state;
use crate::journey::run::{EventKind, Origin};
use crate::journey::threads::beside;
use crate::source::file::with_mend;

/// Largest state that is read, bytes, as the exporter has it: its history grows for the whole run.
const MAX_STATE: u64 = 64 << 20;

/// Everything that `frozen` tells. `state_dir` keeps what saves the next run time.
///
/// Where the repository has something new, git is run and waited for, two minutes at most; see [`git`]. Nothing here
/// fails: what cannot be read is named in [`Gathered::left_out`].
pub fn read(frozen: &Frozen, state_dir: &Path) -> Gathered {
    let mut reading = Reading::new(frozen);
    reading.list();
    // The state is half of all text, and cannot be cut into parts: it is read beside all others.
    let (others, ()) = beside(
        || {
            let mut others = Reading::new(frozen);
            others.files(|input| input != Input::State);
            others
        },
        || reading.files(|input| input == Input::State),
    );
    reading.join(others);
    let numbers = reading.numbers.clone();
    let series = parity::read(frozen, |place| numbers[place], state_dir, &mut reading.passed);
    (reading.gathered.parity, reading.gathered.recorded_at) = (series.points, series.last);
    reading.repository(state_dir);
    Gathered { left_out: reading.passed.into_entries(), ..reading.gathered }
}

/// The number that each place of [`Frozen::files`] has among the files of the run; only files that are there count.
fn numbers(frozen: &Frozen) -> Vec<u32> {
    let there = frozen.files.iter().map(|file| u32::from(!matches!(file.found, Found::Missing)));
    there.scan(0, |next, there| Some(std::mem::replace(next, *next + there))).collect()
}

/// What is said of what is passed over.
pub(super) fn passed_text(kind: &str, path: &Path) -> String {
    let what = match kind {
        "malformed" => "has lines that are none of its kind; look at the first and mend what writes them",
        "oversized" => "has lines longer than journey.max_line; raise it where they are wanted",
        "torn" => "ends in a line without its line ending, which waits for the next run",
        "unplaced" => "has lines that tell neither a time nor an iteration; let what writes them add `ts`",
        "no_review" => "has reviews that failed: no score of 0 to 100 in them",
        _ => "was not read wholly",
    };
    format!("{} {what}", path.display())
}

struct Reading<'a> {
    frozen: &'a Frozen,
    numbers: Vec<u32>,
    gathered: Gathered,
    passed: Passed,
}

impl<'a> Reading<'a> {
    /// Of which nothing is read yet.
    fn new(frozen: &'a Frozen) -> Self {
        Reading { frozen, numbers: numbers(frozen), gathered: Gathered::default(), passed: Passed::default() }
    }

    /// Reads the files that are `wanted`.
    fn files(&mut self, wanted: impl Fn(Input) -> bool) {
        for (place, file) in self.frozen.files.iter().enumerate().filter(|(_, file)| wanted(file.input)) {
            if let Some(open) = file.open() {
                self.file(file, open, Origin::of(self.numbers[place], 0));
            }
        }
    }

    /// Adds what `others` tells of all files but the state.
    fn join(&mut self, others: Reading<'a>) {
        let Gathered { files, modified, state, history, .. } = std::mem::take(&mut self.gathered);
        self.gathered = Gathered { files, modified, state, history, ..others.gathered };
        self.passed.extend(others.passed.into_entries());
    }

    /// Lists the files that are there, and says which of them cannot be read.
    fn list(&mut self) {
        for (file, number) in self.frozen.files.iter().zip(&self.numbers) {
            match &file.found {
                Found::Missing if file.input == Input::State => self.passed.push(crate::journey::run::LeftOut {
                    kind: "missing".into(),
                    count: 1,
                    first: None,
                    text: format!(
                        "no state at {}; set runtime_dir or loop.state where it lies elsewhere",
                        file.path.display()
                    ),
                }),
                Found::Missing => continue,
                Found::Failed(why) => self.passed.count("unreadable", Origin::of(*number, 0), || why.clone()),
                Found::Open(_) => {}
            }
            if !matches!(file.found, Found::Missing) {
                self.gathered.files.push(file.path.clone());
                self.gathered.modified.push(file.open().and_then(|open| open.modified));
            }
        }
    }

    fn file(&mut self, file: &FrozenFile, open: &Open, at: Origin) {
        match file.input {
            Input::State => self.state(file, open, at.file),
            Input::Heartbeat => {
                if let Some(text) = self.whole(file, open, at) {
                    self.gathered.heartbeat = state::heartbeat(&text, at.file, &self.frozen.fields);
                }
            }
            Input::Verdicts => self.lines(file, open, at, |gathered, line, from| {
                gathered.verdicts.push(events::verdict(line, from)?);
                Ok(())
            }),
            Input::Reviews => self.lines(file, open, at, |gathered, line, from| {
                gathered.reviews.push(events::review(line, from)?);
                Ok(())
            }),
            Input::Restarts => {
                let mut restarts = Restarts::default();
                self.lines(file, open, at, |_, line, from| restarts.take(line, from));
                self.gathered.events.extend(restarts.events());
            }
            Input::Wedges => self.events(file, open, at, EventKind::Wedge),
            Input::Lessons => self.events(file, open, at, EventKind::Lesson),
            Input::Refinements => self.events(file, open, at, EventKind::Refinement),
            Input::Bypasses => self.events(file, open, at, EventKind::Bypass),
            Input::Series => {}
        }
    }

    fn state(&mut self, file: &FrozenFile, open: &Open, number: u32) {
        let Some(text) = self.whole(file, open, Origin::of(number, 0)) else { return };
        let name = file.path.display().to_string();
        let read = state::state(&text, (number, &name), &self.frozen.fields, &mut self.passed);
        (self.gathered.state, self.gathered.history) = read;
    }

    /// The bytes of a file that is one JSON text.
    fn whole(&mut self, file: &FrozenFile, open: &Open, at: Origin) -> Option<Vec<u8>> {
        if open.length > MAX_STATE {
            self.passed.count("oversized", at, || {
                format!("{} is larger than the {MAX_STATE} bytes that are read", file.path.display())
            });
            return None;
        }
        let mut bytes = Vec::with_capacity(usize::try_from(open.length).unwrap_or(0));
        if let Err(error) = Part::new(&open.file, 0, open.length).read_to_end(&mut bytes) {
            let why = with_mend(&error);
            self.passed.count("unreadable", at, || format!("{}: {why}", file.path.display()));
            return None;
        }
        // One that was replaced by renaming is still as it was. Its change time moves then, so that is not looked at.
        let modified = |metadata: &std::fs::Metadata| (metadata.len(), crate::source::file::modified_at(metadata));
        let is_same = open.file.metadata().is_ok_and(|now| modified(&now) == (open.length, open.modified));
        if !is_same {
            self.changed(file, at);
        }
        Some(bytes)
    }

    fn changed(&mut self, file: &FrozenFile, at: Origin) {
        self.passed.count("changed", at, || {
            format!(
                "{} was cut or rewritten in place while it was read, so that it may be read as half of two; the next \
                 run reads it anew",
                file.path.display()
            )
        });
    }

    fn events(&mut self, file: &FrozenFile, open: &Open, at: Origin, kind: EventKind) {
        self.lines(file, open, at, |gathered, line, from| {
            gathered.events.push(events::event(kind, line, from)?);
            Ok(())
        });
    }

    /// Hands each line that is not blank to `take`.
    fn lines(
        &mut self,
        file: &FrozenFile,
        open: &Open,
        at: Origin,
        mut take: impl FnMut(&mut Gathered, &[u8], Origin) -> Result<(), Refused>,
    ) {
        let Reading { gathered, passed, .. } = self;
        let part = Part::new(&open.file, 0, open.length);
        let read = each(part, 0, self.frozen.max_line, |offset, piece| {
            let from = Origin::of(at.file, offset);
            let kind = match piece {
                Piece::Line(line) => match trimmed(line) {
                    [] => return,
                    line => match take(gathered, line, from) {
                        Ok(()) => return,
                        Err(Refused::Malformed) => "malformed",
                        Err(Refused::Unplaced) => "unplaced",
                        Err(Refused::NoReview) => "no_review",
                    },
                },
                Piece::TooLong => "oversized",
                Piece::Torn => "torn",
            };
            passed.count(kind, from, || passed_text(kind, &file.path));
        });
        match read {
            Err(error) => {
                let why = with_mend(&error);
                self.passed.count("unreadable", at, || format!("{}: {why}", file.path.display()));
            }
            Ok(_) if open.file.metadata().is_ok_and(|now| now.size() < open.length) => self.changed(file, at),
            Ok(_) => {}
        }
    }

    fn repository(&mut self, state_dir: &Path) {
        let number = u32::try_from(self.gathered.files.len()).unwrap_or(u32::MAX);
        let at = Origin::of(number, 0);
        let repository = match &self.frozen.repository {
            Ok(Some(repository)) => repository,
            Ok(None) => return,
            Err(why) => {
                let entry = crate::journey::run::LeftOut {
                    kind: "no_commits".into(),
                    count: 1,
                    first: None,
                    text: why.clone(),
                };
                return self.passed.push(entry);
            }
        };
        self.gathered.files.push(repository.path.clone());
        self.gathered.modified.push(None);
        let question = git::Question {
            since: self.gathered.began().map(|began| began.value),
            named: self.gathered.history.iter().flat_map(|one| one.commits.iter().cloned()).collect(),
        };
        let (commits, failure) = git::commits(repository, &question, state_dir);
        if let Some(why) = failure {
            self.passed.count("no_commits", at, || why);
        }
        self.gathered.commits = commits.map(|commits| super::gathered::Commits { file: number, ..commits });
    }
}
