//! The parity matrix: its cells counted by status while the file streams by.
//!
//! Invariant: memory does not grow with the file, and time grows with its bytes and with nothing else: nesting,
//! anchors, aliases and the length of one value are bounded, and what is beyond a bound is refused with its place.

mod chars;
mod count;
mod json;

use std::io::{Read, Seek};

use saphyr_parser::{Event, Marker, Parser};

use crate::config::Config;
use crate::observation::{Data, Parity, Reading, Time};
use crate::source::Source;
use crate::source::file::Cached;
use chars::{Chars, Fault, Watch};
use count::{Collection, Counter};

/// Reads the matrix when it changed.
#[derive(Debug)]
pub struct ParitySource {
    file: Cached<Parity>,
}

impl ParitySource {
    /// The source as `config` has it: section `parity`, relative to `repo_root`.
    pub fn new(config: &Config) -> Self {
        let path = config.in_repo(&config.parity.file);
        ParitySource { file: Cached::new("parity matrix", path, config.parity.max_size.0) }
    }

    /// How often the matrix was parsed.
    pub fn parses(&self) -> u64 {
        self.file.parses()
    }
}

impl Source for ParitySource {
    fn read(&mut self, now: Time) -> Reading<Data> {
        self.file.read_stream(now, |file, _| parse(file)).map(Data::Parity)
    }
}

/// Counts the cells of the matrix in `reader`: YAML, or JSON of any size.
///
/// A cell is a mapping with a `status` that is no mapping or list; whatever else stands in that mapping describes
/// the cell, except mappings further down, which may be cells of their own. In a mapping without a `status`, and in
/// a list, a plain value that is one of the four words is a cell too. Words are compared without regard to case; a
/// `status` that is none of them is unknown. An alias counts as often as it is used.
///
/// # Errors
/// Where the file is no matrix, why, and how to mend it.
pub fn parse<R: Read + Seek>(reader: &mut R) -> Result<Parity, String> {
    match parse_yaml(reader) {
        Ok(parity) => Ok(parity),
        Err(Refusal::Fault(Fault::TooLong { .. })) if json::looks_like_json(reader) => json::parse(reader),
        Err(Refusal::Fault(fault)) => Err(fault.to_string()),
        Err(Refusal::Malformed(why)) => Err(why),
    }
}

enum Refusal {
    Fault(Fault),
    Malformed(String),
}

fn parse_yaml(reader: &mut impl Read) -> Result<Parity, Refusal> {
    let watch = Watch::default();
    let mut parser = Parser::new_from_iter(Chars::new(reader, &watch));
    let mut counter = Counter::default();
    while let Some(next) = parser.next_event() {
        // A fault of the characters looks like the end of the file to the parser: what it says then is void.
        if let Some(fault) = watch.fault() {
            return Err(Refusal::Fault(fault));
        }
        let (event, span) = next.map_err(|error| refuse(error.marker(), error.info()))?;
        watch.refill();
        take(&mut counter, &event, span.start.line()).map_err(|why| refuse(&span.start, &why))?;
    }
    counter.finish().map_err(Refusal::Malformed)
}

fn take(counter: &mut Counter, event: &Event<'_>, line: usize) -> Result<(), String> {
    match event {
        Event::Scalar(text, _, anchor, _) => counter.scalar(text, *anchor, line),
        Event::Alias(anchor) => counter.alias(*anchor),
        Event::SequenceStart(anchor, _) => counter.open(Collection::List, *anchor),
        Event::MappingStart(anchor, _) => counter.open(Collection::Mapping, *anchor),
        Event::SequenceEnd | Event::MappingEnd => {
            counter.close();
            Ok(())
        }
        _ => Ok(()),
    }
}

fn refuse(at: &Marker, why: &str) -> Refusal {
    Refusal::Malformed(format!("line {}, column {}: {why}; correct the file there", at.line(), at.col() + 1))
}

#[cfg(test)]
mod tests;
