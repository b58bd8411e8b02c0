//! Prometheus text, parsed where it lies: 0.0.4, 1.0.0 (quoted names) and OpenMetrics 1.0.
//!
//! Invariant: no allocation per sample, no panic whatever the bytes, and time and memory bounded by the page. A line
//! that is not understood costs itself; [`Outcome`] tells how many there were and where the first one stands.

mod line;
mod number;
#[cfg(test)]
mod tests;
mod text;

pub use line::{Label, Labels, Sample};
pub use text::Text;

/// Walks over the samples of a page.
///
/// ```
/// let mut samples = autoswe_exporter::promtext::Samples::new(b"up{job=\"vllm\"} 1\n");
/// let sample = samples.next().unwrap();
/// assert!(sample.name.is("up") && sample.value == 1.0);
/// assert!(sample.labels.get("job").unwrap().is("vllm"));
/// assert!(samples.next().is_none() && samples.outcome().is_prometheus());
/// ```
#[derive(Debug, Clone)]
pub struct Samples<'a> {
    rest: &'a [u8],
    line: u64,
    outcome: Outcome,
}

/// What was found on the lines walked so far.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Outcome {
    /// Lines that are samples.
    pub samples: u64,
    /// Lines that start with `#`.
    pub comments: u64,
    /// Lines that are neither.
    pub bad_lines: u64,
    /// The first of those.
    pub first_bad: Option<BadLine>,
}

/// A line that is not Prometheus text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BadLine {
    /// Its number, from 1.
    pub number: u64,
    /// What is wrong with it.
    pub why: &'static str,
}

impl Outcome {
    /// Whether the page was Prometheus text at all: it had something of it, and more of it than of anything else.
    /// A page of which a single line is broken still is.
    pub fn is_prometheus(&self) -> bool {
        let good = self.samples + self.comments;
        good > 0 && (self.bad_lines == 0 || self.samples > self.bad_lines)
    }
}

impl<'a> Samples<'a> {
    /// Starts at the first line of `page`.
    pub fn new(page: &'a [u8]) -> Self {
        Samples { rest: page, line: 0, outcome: Outcome::default() }
    }

    /// What was found so far; of the whole page once the iterator has ended.
    pub fn outcome(&self) -> Outcome {
        self.outcome
    }

    /// The next line without its line feed, and whether it had one.
    fn next_line(&mut self) -> Option<(&'a [u8], bool)> {
        if self.rest.is_empty() {
            return None;
        }
        self.line += 1;
        let (line, ended) = match memchr::memchr(b'\n', self.rest) {
            Some(at) => (&self.rest[..at], true),
            None => (self.rest, false),
        };
        self.rest = &self.rest[line.len() + usize::from(ended)..];
        Some((line.strip_suffix(b"\r").unwrap_or(line), ended))
    }

    fn bad(&mut self, why: &'static str) {
        self.outcome.bad_lines += 1;
        self.outcome.first_bad.get_or_insert(BadLine { number: self.line, why });
    }
}

impl<'a> Iterator for Samples<'a> {
    type Item = Sample<'a>;

    fn next(&mut self) -> Option<Sample<'a>> {
        while let Some((line, ended)) = self.next_line() {
            match line::parse(line) {
                Ok(line::Line::Blank) => {}
                Ok(line::Line::Comment) => self.outcome.comments += 1,
                // A page cut within `10549` would otherwise say 105.
                Ok(line::Line::Sample(_)) if !ended => self.bad("cut off: it does not end in a line feed"),
                Ok(line::Line::Sample(sample)) => {
                    self.outcome.samples += 1;
                    return Some(sample);
                }
                Err(why) => self.bad(why),
            }
        }
        None
    }
}
