//! Reads what is new in one transcript.
//!
//! Invariant: what comes of a part depends on its lines alone, not on where earlier readings ended, nor on how long a
//! line may be in memory; a line that cannot be understood costs itself and nothing else.

use std::collections::HashMap;
use std::fs::File;
use std::io;
use std::ops::Range;
use std::sync::atomic::AtomicU64;

use super::answer::{Line, Told, Usage, sign};
use super::lines::{Buffer, Lines, Step, Survey, ends};
use super::piece::{Counts, Piece};
use super::pull::Whole;

/// Answers before the latest whose further lines are still put to their piece; later ones begin another.
const NEAR: usize = 8;

/// The name of a model that a line does not tell.
const UNKNOWN: &str = "unknown";

/// Lines that were passed over for one reason.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Passed {
    pub(super) count: u64,
    /// Where the first of them begins.
    pub(super) first: u64,
}

impl Passed {
    pub(super) fn add(&mut self, offset: u64) {
        self.merge(Passed { count: 1, first: offset });
    }

    /// Adds those of a later part of the same file.
    pub(super) fn merge(&mut self, later: Passed) {
        self.first = if self.count == 0 { later.first } else { self.first };
        self.count += later.count;
    }
}

/// Where an answer was given: in which session, in which directory.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct Place {
    pub(super) session: String,
    /// Empty where it is not told.
    pub(super) cwd: String,
}

/// What a part of a file tells. Places and models of its pieces are numbered within it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Part {
    pub(super) pieces: Vec<Piece>,
    pub(super) places: Vec<Place>,
    pub(super) models: Vec<String>,
    pub(super) malformed: Passed,
    pub(super) untimed: Passed,
    /// Behind the last line that has its line ending.
    pub(super) read: u64,
}

/// Reads the bytes `range` of `file`. `session` is the session of lines that tell none: the name of the file.
///
/// # Errors
/// As [`Lines::step`]; nothing of the part counts then.
pub(super) fn read(
    file: &File,
    range: Range<u64>,
    session: &str,
    (buffer, done): (&mut Buffer, &AtomicU64),
) -> io::Result<Part> {
    let sign = sign();
    let mut reader = Reader { session, part: Part::default(), line: Line::default(), names: Names::default() };
    let mut lines = Lines::new(file, buffer, range, done);
    loop {
        match lines.step()? {
            Step::Line(bytes, offset) => {
                let shape = shape(ends(bytes), || bytes.contains(&0));
                let signed = shape == Shape::Object && sign.find(bytes).is_some();
                reader.take(shape, signed, offset, |line| line.read(Whole(bytes)));
            }
            Step::Long(offset) => {
                let survey = lines.survey(&sign)?;
                if !survey.complete {
                    return Ok(reader.end(offset));
                }
                reader.long(&mut lines, &survey, offset)?;
            }
            Step::End => {
                return Ok(reader.end(lines.offset()));
            }
        }
    }
}

/// What a line looks like from outside.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Shape {
    Blank,
    Object,
    Broken,
}

fn shape(ends: Option<(u8, u8)>, nul: impl FnOnce() -> bool) -> Shape {
    match ends {
        Some((b'{', b'}')) => Shape::Object,
        None if !nul() => Shape::Blank,
        _ => Shape::Broken,
    }
}

struct Reader<'a> {
    session: &'a str,
    part: Part,
    line: Line,
    names: Names,
}

/// Numbers of the places and models that were met.
#[derive(Default)]
struct Names {
    places: HashMap<Place, u32>,
    models: HashMap<String, u16>,
    /// The bytes of the latest, which most lines share, and their numbers.
    latest: Option<Latest>,
}

struct Latest {
    session: Vec<u8>,
    cwd: Vec<u8>,
    model: Vec<u8>,
    numbers: (u32, u16),
}

impl Reader<'_> {
    fn end(mut self, read: u64) -> Part {
        self.part.pieces.shrink_to_fit();
        self.part.read = read;
        self.part
    }

    fn long(&mut self, lines: &mut Lines<'_>, survey: &Survey, offset: u64) -> io::Result<()> {
        let shape = shape(survey.ends, || survey.nul);
        let signed = shape == Shape::Object && survey.signed;
        let mut told = None;
        if signed {
            let mut rest = lines.rest_of_line();
            told = self.line.read(&mut rest);
            rest.finish()?;
        } else {
            lines.rest_of_line().finish()?;
        }
        self.take(shape, signed, offset, |_| told);
        Ok(())
    }

    /// Takes in the line at `offset`; only a signed one is read.
    fn take(&mut self, shape: Shape, signed: bool, offset: u64, read: impl FnOnce(&mut Line) -> Option<Told>) {
        let told = match shape {
            Shape::Blank => return,
            Shape::Broken => None,
            Shape::Object if !signed => return,
            Shape::Object => read(&mut self.line),
        };
        match told {
            None => self.part.malformed.add(offset),
            Some(Told::Other) => {}
            Some(Told::Untimed) => self.part.untimed.add(offset),
            Some(Told::Answer { at_ms, usage }) => {
                let key = self.line.identity(at_ms, usage);
                self.answer(key, at_ms, counts(usage), offset);
            }
        }
    }

    fn answer(&mut self, key: [u8; 12], at_ms: i64, tokens: Counts, offset: u64) {
        let marks: Vec<[u8; 3]> = self.line.tools.iter().map(|mark| low_bytes(*mark)).collect();
        let near = self.part.pieces.len().saturating_sub(NEAR);
        if let Some(piece) = self.part.pieces[near..].iter_mut().rev().find(|piece| piece.key == key) {
            // The usage grows from line to line: the last one is the whole.
            piece.tokens = tokens;
            if piece.call(&marks) {
                return;
            }
        }
        let Some((place, model)) = self.numbers() else { return self.part.malformed.add(offset) };
        let sidechain = self.line.sidechain;
        let bare = Piece { key, at_ms, offset, tokens, place, file: 0, model, sidechain, tools: Default::default() };
        let groups = marks.chunks(super::piece::TOOLS).map(Some);
        for group in groups.chain(marks.is_empty().then_some(None)) {
            let mut piece = bare;
            piece.call(group.unwrap_or_default());
            self.part.pieces.push(piece);
        }
    }

    /// The numbers of the line's place and model; `None` where there are more models than anybody has.
    fn numbers(&mut self) -> Option<(u32, u16)> {
        let line = &self.line;
        if let Some(latest) = &self.names.latest
            && latest.session == line.session
            && latest.cwd == line.cwd
            && latest.model == line.model
        {
            return Some(latest.numbers);
        }
        let or = |bytes: &[u8], other: &str| match bytes {
            [] => other.to_owned(),
            bytes => String::from_utf8_lossy(bytes).into_owned(),
        };
        let place = Place { session: or(&line.session, self.session), cwd: or(&line.cwd, "") };
        let numbers = (
            number(&mut self.names.places, &mut self.part.places, place)?,
            number(&mut self.names.models, &mut self.part.models, or(&line.model, UNKNOWN))?,
        );
        let (session, cwd, model) = (line.session.clone(), line.cwd.clone(), line.model.clone());
        self.names.latest = Some(Latest { session, cwd, model, numbers });
        Some(numbers)
    }
}

/// The number of `value` in `list`, to which it is added where it is new; `None` where there is no number left.
pub(super) fn number<T, N>(known: &mut HashMap<T, N>, list: &mut Vec<T>, value: T) -> Option<N>
where
    T: std::hash::Hash + Eq + Clone,
    N: TryFrom<usize> + Copy,
{
    if let Some(number) = known.get(&value) {
        return Some(*number);
    }
    let number = N::try_from(list.len()).ok()?;
    list.push(value.clone());
    known.insert(value, number);
    Some(number)
}

/// A count that is absent beside one that is told is of something that was not used.
fn counts(usage: Usage) -> Counts {
    [usage.input, usage.output, usage.cache_read, usage.cache_creation].map(Option::unwrap_or_default)
}

fn low_bytes(mark: u32) -> [u8; 3] {
    let [first, second, third, _] = mark.to_le_bytes();
    [first, second, third]
}
