//! What the search looks through: all iterations in a few words each, as scripts that are loaded only when somebody
//! searches. Scripts, because a page that is opened from a disk may load those and nothing else.
//!
//! Invariant: a script that is full never changes but by its iterations; it holds one call with JSON, so that no text of
//! the data is ever code.

use std::ops::Range;
use std::sync::Arc;

use serde_json::{Value, json};

use crate::journey::draft::Draft;
use crate::journey::site::book::Book;
use crate::journey::site::figures::when;
use crate::journey::site::{draft, say};

/// Iterations in a script.
const CHUNK: usize = 1000;
/// The greatest number that a script can count to without rounding.
const EXACT: u64 = 1 << 53;

/// How many scripts `count` iterations fill.
pub(super) const fn chunks(count: usize) -> usize {
    count.div_ceil(CHUNK)
}

/// The scripts.
pub(super) fn drafts<'a>(book: &Arc<Book<'a>>) -> Vec<Draft<'a>> {
    let count = book.data.iterations.len();
    let one = |chunk: usize| {
        let range = chunk * CHUNK..((chunk + 1) * CHUNK).min(count);
        let source = book.seed().digests(range.clone().map(|index| book.digest(index)).collect::<Vec<_>>().into_iter());
        draft(book, format!("iterations/data-{}.js", chunk + 1), source, move |book| Ok(script(book, range.clone())))
    };
    (0..chunks(count)).map(one).collect()
}

fn script(book: &Book<'_>, range: Range<usize>) -> Vec<u8> {
    let number = range.start / CHUNK + 1;
    let lines: Vec<String> = range.map(|index| line(book, index).to_string()).collect();
    // No separator of lines that older scripts take for an end: `clean` took them out.
    format!("journeyData({number},[\n{}\n]);\n", lines.join(",\n")).into_bytes()
}

/// Epoch, iteration, outcome, Unix milliseconds, slug, module; and the name of the page where it is not what epoch and
/// iteration make it.
fn line(book: &Book<'_>, index: usize) -> Value {
    let iteration = &book.data.iterations[index];
    let (epoch, iter) = (iteration.epoch, iteration.iter);
    let text = |text: Option<&String>| text.map(|text| say::cut(text, 120)).unwrap_or_default();
    let at = when(iteration).map(|at| at.as_millisecond());
    let class = say::class(iteration.outcome);
    let mut line = vec![json!(epoch), json!(iter), json!(class), json!(at)];
    line.extend([json!(text(iteration.slug.as_ref())), json!(text(iteration.module.as_ref()))]);
    let plain = format!("epoch-{epoch}-iter-{iter:04}");
    if book.names[index] != plain || epoch >= EXACT || iter >= EXACT {
        line.push(json!(book.names[index]));
    }
    Value::Array(line)
}
