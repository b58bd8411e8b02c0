//! The parity matrix over time, from the time series: 550 MB a year, of which only the changes are wanted.
//!
//! What each file of the series told is kept under `state_dir/inputs/parity.json`: up to which byte it was read, a check
//! hash of the bytes before that, and the points. A file that only grew is read on from there; one that was compressed
//! or replaced is another file and is read anew, once.
//!
//! Invariant: with what was kept the same comes out as without.

use std::fs::File;
use std::io::{self, Read};
use std::os::unix::fs::FileExt;
use std::path::Path;

use memchr::{memchr2, memmem};
use serde::{Deserialize, Serialize};

use super::fields::object;
use super::frozen::{Frozen, Open};
use super::kept::{load, store};
use super::lines::{Part, Piece, each, trimmed};
use super::passed::Passed;
use super::places::Input;
use crate::journey::digest::{hex, sha256};
use crate::journey::run::{Origin, ParityPoint, Sourced};
use crate::observation::Time;
use crate::source::file::Identity;
use crate::source::json;

/// The version of what is kept.
const VERSION: u32 = 1;
/// Bytes before the place up to which a file was read that are hashed.
const CHECKED: u64 = 4096;
/// What a compressed file begins with.
const ZSTD: [u8; 4] = [0x28, 0xb5, 0x2f, 0xfd];
/// Bytes that are read of one file at most, decompressed: 64 times what is rotated by default. A forged file of a few
/// kilobytes may unpack to a terabyte.
const MOST: u64 = 4 << 30;

/// What is kept.
#[derive(Debug, Default, PartialEq, Serialize, Deserialize)]
struct Kept {
    version: u32,
    max_line: usize,
    segments: Vec<Segment>,
}

/// What one file of the series told.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Segment {
    identity: Identity,
    /// Everything before this byte was read; of a compressed file, of what it unpacks to.
    read_to: u64,
    /// Hash of the bytes before it; empty of a compressed file, which never grows.
    check: String,
    /// Where the counts changed, in the order of the file.
    points: Vec<Point>,
    /// The bytes of the last record that hold the counts.
    region: String,
    /// Time and place of the last record, when it tells one.
    last: Option<(Time, u64)>,
    /// Kind, number and first place of what was passed over.
    passed: Vec<(String, u64, u64)>,
    /// Why it could not be read to its end.
    failure: Option<String>,
    /// A line without its ending follows.
    torn: Option<u64>,
}

/// The matrix as one record has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
struct Point {
    at: Time,
    /// Green, red, manual, not applicable, unknown.
    counts: [u64; 5],
    offset: u64,
}

/// What the series tells.
#[derive(Debug, Default)]
pub(super) struct Told {
    pub(super) points: Vec<ParityPoint>,
    pub(super) last: Option<Sourced<Time>>,
}

/// Reads what is new of the series. `number` tells a file's place among those of the run.
pub(super) fn read(frozen: &Frozen, number: impl Fn(usize) -> u32, state_dir: &Path, passed: &mut Passed) -> Told {
    let path = state_dir.join("inputs/parity.json");
    let known = load::<Kept>(&path).filter(|kept| kept.version == VERSION && kept.max_line == frozen.max_line);
    let known = known.unwrap_or_default();
    let mut told = Told::default();
    let mut kept = Kept { version: VERSION, max_line: frozen.max_line, segments: Vec::new() };
    for (place, file) in frozen.files.iter().enumerate().filter(|(_, file)| file.input == Input::Series) {
        let Some(open) = file.open() else { continue };
        let segment = segment(open, &known.segments, frozen.max_line);
        segment.tell(number(place), &file.path, passed);
        let file = number(place);
        told.points.extend(segment.points.iter().map(|point| point.of(file)));
        told.last = segment.last.map(|(at, offset)| Sourced::at(at, Origin::of(file, offset))).or(told.last);
        // A disk that failed may not the next time; a spoilt compressed file stays what it is.
        if segment.failure.is_none() || segment.check.is_empty() {
            kept.segments.push(segment);
        }
    }
    // The clock may have been set back in between; equal times keep the order of the files.
    told.points.sort_by_key(|point| point.at);
    told.points.dedup_by(|later, earlier| later.counts() == earlier.counts());
    if kept != known
        && let Err(error) = store(&path, &kept)
    {
        // It only saves time, so the run goes on; whoever writes the release says what is wrong with the directory.
        tracing::warn!(path = %path.display(), %error, "what was read of the time series cannot be kept");
    }
    told
}

impl ParityPoint {
    fn counts(&self) -> [u64; 5] {
        [self.green, self.red, self.manual, self.not_applicable, self.unknown]
    }
}

impl Point {
    fn of(&self, file: u32) -> ParityPoint {
        let [green, red, manual, not_applicable, unknown] = self.counts;
        let from = Origin::of(file, self.offset);
        ParityPoint { at: self.at, green, red, manual, not_applicable, unknown, from }
    }
}

/// What `open` tells, read on from what is known of it.
fn segment(open: &Open, known: &[Segment], max_line: usize) -> Segment {
    if let Some(same) = known.iter().find(|segment| segment.identity == open.identity) {
        return same.clone();
    }
    let grown = known.iter().find(|segment| {
        segment.identity.is_same_file(&open.identity)
            && segment.read_to <= open.length
            && !segment.check.is_empty()
            && check(&open.file, segment.read_to).is_some_and(|check| check == segment.check)
    });
    let mut segment = grown.cloned().unwrap_or_else(|| Segment::new(open.identity));
    segment.identity = open.identity;
    segment.read(open, max_line);
    segment
}

/// Hash of the bytes before `end`.
fn check(file: &File, end: u64) -> Option<String> {
    let mut bytes = Vec::new();
    Part::new(file, end.saturating_sub(CHECKED), end).read_to_end(&mut bytes).ok()?;
    Some(hex(&sha256(&bytes)))
}

impl Segment {
    fn new(identity: Identity) -> Self {
        Segment {
            identity,
            read_to: 0,
            check: String::new(),
            points: Vec::new(),
            region: String::new(),
            last: None,
            passed: Vec::new(),
            failure: None,
            torn: None,
        }
    }

    /// Reads from where it stands to the frozen end.
    fn read(&mut self, open: &Open, max_line: usize) {
        (self.failure, self.torn) = (None, None);
        let mut head = [0; 4];
        let compressed = open.file.read_exact_at(&mut head, 0).is_ok() && head == ZSTD;
        let part = Part::new(&open.file, if compressed { 0 } else { self.read_to }, open.length);
        let (start, most) = (self.read_to, MOST.saturating_sub(self.read_to));
        let region = self.region.clone().into_bytes();
        let mut scan = Scan { segment: self, region, last: Vec::new(), last_at: 0 };
        let ended = match compressed {
            false => scan.lines(part.take(most), start, max_line),
            true => zstd::stream::read::Decoder::new(part)
                .and_then(|decoder| scan.lines(decoder.take(MOST), start, max_line)),
        };
        scan.finish();
        match ended {
            Ok(end) if end >= MOST.saturating_sub(max_line as u64) => {
                self.failure = Some(format!("more than {MOST} bytes in it"))
            }
            Ok(end) => self.read_to = end,
            Err(error) => self.failure = Some(error.to_string()),
        }
        self.check = match compressed {
            true => String::new(),
            false => check(&open.file, self.read_to).unwrap_or_default(),
        };
    }

    fn count(&mut self, kind: &str, offset: u64) {
        match self.passed.iter_mut().find(|(known, ..)| known == kind) {
            Some((_, count, _)) => *count += 1,
            None => self.passed.push((kind.into(), 1, offset)),
        }
    }

    /// Says what was passed over.
    fn tell(&self, file: u32, path: &Path, passed: &mut Passed) {
        for (kind, count, first) in &self.passed {
            let text = super::read::passed_text(kind, path);
            let first = Some(Origin::of(file, *first));
            passed.push(crate::journey::run::LeftOut { kind: kind.clone(), count: *count, first, text });
        }
        if let Some(offset) = self.torn {
            passed.count("torn", Origin::of(file, offset), || super::read::passed_text("torn", path));
        }
        if let Some(why) = &self.failure {
            passed.count("unreadable", Origin::of(file, self.read_to), || {
                format!("{}: {why}; what stands before was read. Look at the disk, or delete the file", path.display())
            });
        }
    }
}

/// A file being read.
struct Scan<'a> {
    segment: &'a mut Segment,
    /// The bytes of the last record that hold the counts: nearly all records have the same, and need no parsing.
    region: Vec<u8>,
    /// The last record, for its time.
    last: Vec<u8>,
    last_at: u64,
}

impl Scan<'_> {
    fn lines(&mut self, reader: impl Read, start: u64, max_line: usize) -> io::Result<u64> {
        let finders = [memmem::Finder::new(b"\"parity_green\":"), memmem::Finder::new(b"\"parity_unknown\":")];
        each(reader, start, max_line, |offset, piece| match piece {
            Piece::Line(line) => self.line(line, offset, &finders),
            Piece::TooLong => self.segment.count("oversized", offset),
            Piece::Torn => self.segment.torn = Some(offset),
        })
    }

    fn line(&mut self, line: &[u8], offset: u64, finders: &[memmem::Finder<'_>; 2]) {
        let line = trimmed(line);
        if line.is_empty() {
            return;
        }
        self.last.clear();
        self.last.extend_from_slice(line);
        self.last_at = offset;
        match region(line, finders) {
            Some(region) if region == self.region => {}
            region => self.parse(line, offset, region),
        }
    }

    fn parse(&mut self, line: &[u8], offset: u64, region: Option<&[u8]>) {
        let names = ["ts", "parity_green", "parity_red", "parity_manual", "parity_not_applicable", "parity_unknown"];
        let Some([ts, counts @ ..]) = object(line, &names) else { return self.segment.count("malformed", offset) };
        let Some(at) = json::time(&ts) else { return self.segment.count("malformed", offset) };
        self.region.clear();
        self.region.extend_from_slice(region.unwrap_or_default());
        // A record in which one is not told says nothing of the matrix: it was not read then.
        let mut known = [0; 5];
        for (known, told) in known.iter_mut().zip(&counts) {
            let Some(told) = json::whole(told) else { return };
            *known = told;
        }
        if self.segment.points.last().is_none_or(|last| last.counts != known) {
            self.segment.points.push(Point { at, counts: known, offset });
        }
    }

    /// Notes the last record's time, and where the next reading goes on from.
    fn finish(self) {
        if !self.last.is_empty() {
            let at = object(&self.last, &["ts"]).and_then(|[ts]| json::time(&ts));
            self.segment.last = at.map(|at| (at, self.last_at));
        }
        self.segment.region = String::from_utf8(self.region).unwrap_or_default();
    }
}

/// From the first count of a record to the end of the last one. In a text of a record the quotes of these keys would be
/// escaped, so what is found is a key.
fn region<'a>(line: &'a [u8], [first, last]: &[memmem::Finder<'_>; 2]) -> Option<&'a [u8]> {
    let start = first.find(line)?;
    let rest = &line[start..];
    let near = &rest[..rest.len().min(300)];
    let key = last.find(near)?;
    let end = key + memchr2(b',', b'}', &near[key..])?;
    Some(&rest[..end])
}

#[cfg(test)]
#[path = "parity_tests.rs"]
mod tests;
