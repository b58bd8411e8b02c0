//! Answers of models find their iterations, and are summed; then the history's own counts are compared.
//!
//! Invariant: an answer counts in one iteration or in none; side chains count as the answers that began them.

use std::collections::BTreeMap;

use super::super::inputs::Told;
use super::super::transcript::{Ledger, Turn};
use super::windows::{Owner, Windows};
use super::{Work, kinds};
use crate::journey::run::{Origin, Sourced, Tokens};

/// Answers of one model in one file.
#[derive(Debug, Clone, Copy)]
struct Part {
    model: u16,
    file: u32,
    tokens: Tokens,
    first: u64,
    lines: u32,
}

/// What one iteration took.
#[derive(Debug, Clone, Default)]
struct Sum {
    parts: Vec<Part>,
    calls: u64,
}

/// Takes all answers. The transcripts' files are numbered from `base` on.
pub(super) fn take(work: &mut Work, windows: &Windows, ledger: &Ledger, base: usize) {
    let base = u32::try_from(base).unwrap_or(u32::MAX);
    let sums = sums(work, windows, ledger, base);
    for (place, sum) in sums.iter().enumerate().filter(|(_, sum)| !sum.parts.is_empty()) {
        let iteration = &mut work.iterations[place];
        iteration.turns = Some(sum.turns(base));
        iteration.tool_calls = Some(Sourced { value: sum.calls, from: sum.turns(base).from });
        iteration.tokens = sum.by_model(&ledger.models, base);
    }
    let notes = std::mem::take(&mut work.notes);
    for (place, note) in &notes {
        compare(work, *place, &note.tokens, note.from);
    }
    work.notes = notes;
}

fn sums(work: &mut Work, windows: &Windows, ledger: &Ledger, base: u32) -> Vec<Sum> {
    let owners: Vec<Option<usize>> =
        ledger.sessions.iter().map(|session| work.by_id.get(&session.id).copied().flatten()).collect();
    let began = work.began.map_or(i64::MIN, |began| began.as_millisecond());
    let as_of = work.as_of.map_or(i64::MAX, |as_of| as_of.as_millisecond());
    let mut sums = vec![Sum::default(); work.iterations.len()];
    let mut place = 0;
    for turn in &ledger.turns {
        let from = Origin::of(turn.file.saturating_add(base), turn.offset);
        let by_id = owners.get(turn.session as usize).copied().flatten();
        let owner = by_id.map_or_else(|| windows.next_at(&mut place, turn.at_ms), Owner::One);
        match owner {
            _ if turn.at_ms < began => work.report.pass(&kinds::EARLIER_RUN, from),
            Owner::One(iteration) => sums[iteration].add(turn),
            _ if turn.at_ms > as_of => work.report.pass(&kinds::LATER, from),
            Owner::Nobody | Owner::Several => work.report.pass(&kinds::UNASSIGNED, from),
        }
    }
    sums
}

impl Sum {
    fn add(&mut self, turn: &Turn) {
        self.calls += u64::from(turn.tool_calls);
        let is_its = |part: &&mut Part| part.model == turn.model && part.file == turn.file;
        // Answers of one file come one after the other, nearly always.
        match self.parts.iter_mut().rev().find(is_its) {
            Some(part) => {
                part.tokens += turn.tokens;
                part.first = part.first.min(turn.offset);
                part.lines = part.lines.saturating_add(1);
            }
            None => self.parts.push(Part {
                model: turn.model,
                file: turn.file,
                tokens: turn.tokens,
                first: turn.offset,
                lines: 1,
            }),
        }
    }

    fn turns(&self, base: u32) -> Sourced<u64> {
        let value = self.parts.iter().map(|part| u64::from(part.lines)).sum();
        Sourced { value, from: places(self.parts.iter(), base) }
    }

    fn by_model(&self, models: &[String], base: u32) -> BTreeMap<String, Sourced<Tokens>> {
        let mut numbers: Vec<u16> = self.parts.iter().map(|part| part.model).collect();
        numbers.sort_unstable();
        numbers.dedup();
        let of = |model: u16| {
            let parts = || self.parts.iter().filter(move |part| part.model == model);
            let mut value = Tokens::default();
            parts().for_each(|part| value += part.tokens);
            let name = models.get(usize::from(model)).cloned().unwrap_or_else(|| "unknown".into());
            (name, Sourced { value, from: places(parts(), base) })
        };
        numbers.into_iter().map(of).collect()
    }
}

/// One place a file, with the first offset and the number of lines.
fn places<'a>(parts: impl Iterator<Item = &'a Part>, base: u32) -> Vec<Origin> {
    let mut places: Vec<Origin> = parts
        .map(|part| Origin { file: part.file.saturating_add(base), offset: part.first, lines: part.lines })
        .collect();
    places.sort_unstable();
    places.dedup_by(|later, first| {
        let same = later.file == first.file;
        first.lines = first.lines.saturating_add(if same { later.lines } else { 0 });
        same
    });
    places
}

/// Compares with what the history tells of the iteration; where only one of the two tells anything, that counts.
fn compare(work: &mut Work, place: usize, told: &[(String, Told)], from: Origin) {
    let iteration = &mut work.iterations[place];
    if iteration.tokens.is_empty() {
        let own = told.iter().map(|(model, told)| (model.clone(), Sourced::at(told.tokens(), from)));
        iteration.tokens = own.collect();
        return;
    }
    if told.is_empty() {
        return;
    }
    let told: BTreeMap<&str, Told> = told.iter().map(|(model, told)| (model.as_str(), *told)).collect();
    let mut models: Vec<String> = iteration.tokens.keys().cloned().collect();
    models.extend(told.keys().map(|model| (*model).to_owned()));
    models.sort();
    models.dedup();
    for model in models {
        let (own, counted) = (told.get(model.as_str()), work.iterations[place].tokens.get(&model));
        let (text, from) = match (own, counted) {
            (Some(own), Some(counted)) if differ(own.tokens().total(), counted.value) => {
                let text =
                    format!("{} by the history, {} by the transcripts", own.tokens().total(), counted.value.total());
                (text, [vec![from], counted.from.clone()].concat())
            }
            (Some(own), None) if own.tokens().total() > 0 => {
                let text = format!("{} by the history, none by the transcripts", own.tokens().total());
                work.iterations[place].tokens.insert(model.clone(), Sourced::at(own.tokens(), from));
                (text, vec![from])
            }
            (None, Some(counted)) if counted.value.total() > 0 => {
                (format!("none by the history, {} by the transcripts", counted.value.total()), counted.from.clone())
            }
            _ => continue,
        };
        let key = work.iterations[place].key;
        work.report.disagree(kinds::TOKENS, Some(key), format!("tokens of {model} in {key}: {text}"), from);
    }
}

/// Whether the history's total is off by more than 1 %. It may count with the cache or without: where it agrees with
/// either there is nothing to tell.
fn differ(told: u64, counted: Tokens) -> bool {
    let off = |counted: u64| told.abs_diff(counted).saturating_mul(100) > told.max(counted);
    off(counted.total()) && off(counted.input.saturating_add(counted.output))
}
