//! `site-data.json` and its schema.
//!
//! Invariant: one iteration, event, reading of the matrix or review a line, so that two releases can be compared line by
//! line; what is read back from it is what it was written from.

use std::io::Write;
use std::sync::Arc;

use schemars::schema_for;
use serde::Serialize;

use super::book::Book;
use super::draft;
use crate::journey::draft::Draft;
use crate::journey::site_data::SiteData;

/// Both files.
pub(super) fn drafts<'a>(book: &Arc<Book<'a>>) -> Vec<Draft<'a>> {
    let data = book.everything(book.seed());
    vec![
        draft(book, "site-data.json".into(), data, |book| Ok(data_json(book)?)),
        draft(book, "site-data.schema.json".into(), book.seed(), |_| Ok(schema()?.into_bytes())),
    ]
}

/// The JSON Schema of `site-data.json`, drawn from the types.
pub(super) fn schema() -> serde_json::Result<String> {
    let mut schema = schema_for!(SiteData);
    schema.insert("title".into(), "The journey's site data, version 1".into());
    Ok(format!("{}\n", serde_json::to_string_pretty(&schema)?))
}

fn data_json(book: &Book<'_>) -> std::io::Result<Vec<u8>> {
    // In full, so that a field more cannot be forgotten here.
    let SiteData { version, started_at, as_of, phase, iterations, events, parity, reviews, contradictions, left_out } =
        book.data;
    let mut out = Object { out: Vec::with_capacity(iterations.len() * 512), begun: false };
    out.member("version", version)?;
    for (name, time) in [("started_at", started_at), ("as_of", as_of)] {
        time.iter().try_for_each(|time| out.member(name, time))?;
    }
    phase.iter().try_for_each(|phase| out.member("phase", phase))?;
    let lines = (0..iterations.len()).map(|index| Ok(book.line(index).as_bytes().to_vec()));
    out.list("iterations", lines, true)?;
    out.list("events", events.iter().map(serde_json::to_vec), false)?;
    out.list("parity", parity.iter().map(serde_json::to_vec), false)?;
    out.list("reviews", reviews.iter().map(serde_json::to_vec), false)?;
    for (name, counts) in [("contradictions", contradictions), ("left_out", left_out)] {
        if !counts.is_empty() {
            out.member(name, counts)?;
        }
    }
    out.out.extend_from_slice(b"\n}\n");
    Ok(out.out)
}

/// A JSON object in the making, a member a line.
struct Object {
    out: Vec<u8>,
    begun: bool,
}

impl Object {
    fn name(&mut self, name: &str) -> std::io::Result<()> {
        let before = if std::mem::replace(&mut self.begun, true) { ",\n" } else { "{\n" };
        write!(self.out, "{before}\"{name}\": ")
    }

    fn member(&mut self, name: &str, value: &impl Serialize) -> std::io::Result<()> {
        self.name(name)?;
        Ok(serde_json::to_writer(&mut self.out, value)?)
    }

    /// A list of ready-made lines; an empty one is left out unless it is `needed`.
    fn list(
        &mut self,
        name: &str,
        lines: impl ExactSizeIterator<Item = serde_json::Result<Vec<u8>>>,
        needed: bool,
    ) -> std::io::Result<()> {
        if lines.len() == 0 && !needed {
            return Ok(());
        }
        self.name(name)?;
        let mut before = "[\n";
        for line in lines {
            self.out.extend_from_slice(before.as_bytes());
            self.out.extend_from_slice(&line?);
            before = ",\n";
        }
        self.out.extend_from_slice(if before == "[\n" { b"[]" } else { b"\n]" });
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_schema_in_the_documents_is_the_one_that_is_published() {
        crate::golden::check("docs/generated/site-data.schema.json", &schema().unwrap());
    }
}
