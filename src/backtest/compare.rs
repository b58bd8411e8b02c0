//! What was recorded beside what is judged now: which episodes are new, gone, longer or shorter.
//!
//! Invariant: pure. Every episode of both sides lies in exactly one row; a difference within what the records resolve is
//! none.

use super::episodes::Episode;
use super::found::FindingCode;
use crate::assessment::Severity;
use crate::observation::{Time, seconds_since};

/// How what is judged differs from what was recorded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Difference {
    /// Found now, and not then.
    New,
    /// Found then, and not now.
    Gone,
    /// Critical now, a warning then.
    Worse,
    /// A warning now, critical then.
    Milder,
    /// Found, or critical, for longer than then.
    Longer,
    /// For shorter.
    Shorter,
    /// No difference.
    Same,
}

impl Difference {
    /// Every difference, the greatest first.
    pub const ALL: [Difference; 7] = [
        Difference::New,
        Difference::Gone,
        Difference::Worse,
        Difference::Milder,
        Difference::Longer,
        Difference::Shorter,
        Difference::Same,
    ];

    /// The word in tables and JSON.
    pub const fn name(self) -> &'static str {
        match self {
            Difference::New => "new",
            Difference::Gone => "gone",
            Difference::Worse => "worse",
            Difference::Milder => "milder",
            Difference::Longer => "longer",
            Difference::Shorter => "shorter",
            Difference::Same => "same",
        }
    }
}

/// Episodes of one code that overlap.
#[derive(Debug, Clone, PartialEq)]
pub struct Row {
    /// The code.
    pub code: FindingCode,
    /// How they differ.
    pub difference: Difference,
    /// As recorded.
    pub recorded: Option<Side>,
    /// As judged now.
    pub judged: Option<Side>,
}

/// Episodes of one row on one side.
#[derive(Debug, Clone, PartialEq)]
pub struct Side {
    /// The beginning of the first.
    pub from: Time,
    /// The end of the last.
    pub to: Time,
    /// Found at the end of the series.
    pub open: bool,
    /// How many.
    pub episodes: usize,
    /// Together, while somebody watched, seconds.
    pub seconds: f64,
    /// Of that critical, seconds.
    pub crit_seconds: f64,
    /// The worst.
    pub severity: Severity,
    /// What was said at the worst.
    pub text: String,
    slack: f64,
}

/// A difference shorter than this is none, seconds: limits are in minutes, and nobody is woken for less.
const MINUTE: f64 = 60.0;

/// `rows` with those of one code and one difference joined that follow each other within `within` seconds, so that what
/// comes and goes is one line to read.
pub fn joined<'a>(rows: impl Iterator<Item = &'a Row>, within: f64) -> Vec<Row> {
    let mut all: Vec<Row> = Vec::new();
    let mut latest = std::collections::BTreeMap::new();
    for row in rows {
        let key = (row.code, row.difference);
        let known: Option<&mut Row> = latest.get(&key).and_then(|place: &usize| all.get_mut(*place));
        match known {
            Some(known) if row.from().zip(known.to()).is_some_and(|(from, to)| seconds_since(from, to) <= within) => {
                known.join(row);
            }
            _ => {
                latest.insert(key, all.len());
                all.push(row.clone());
            }
        }
    }
    all
}

impl Row {
    fn join(&mut self, other: &Row) {
        for (side, more) in [(&mut self.recorded, &other.recorded), (&mut self.judged, &other.judged)] {
            match (side.as_mut(), more) {
                (Some(side), Some(more)) => side.join(more),
                (None, more) => side.clone_from(more),
                (Some(_), None) => {}
            }
        }
    }

    /// When it ends, on either side.
    pub fn to(&self) -> Option<Time> {
        let sides = [&self.judged, &self.recorded];
        sides.into_iter().flatten().map(|side| side.to).max()
    }

    /// The side that is shown: as judged, else as recorded.
    pub fn shown(&self) -> Option<&Side> {
        self.judged.as_ref().or(self.recorded.as_ref())
    }

    /// When it begins, on either side.
    pub fn from(&self) -> Option<Time> {
        let sides = [&self.judged, &self.recorded];
        sides.into_iter().flatten().map(|side| side.from).min()
    }
}

impl Side {
    fn join(&mut self, other: &Side) {
        if other.severity > self.severity {
            self.text.clone_from(&other.text);
        }
        self.to = self.to.max(other.to);
        self.open |= other.open;
        self.episodes += other.episodes;
        self.seconds += other.seconds;
        self.crit_seconds += other.crit_seconds;
        self.severity = self.severity.max(other.severity);
        self.slack += other.slack;
    }
}

/// The rows of both sides, by time.
pub fn compare(recorded: &[Episode], judged: &[Episode]) -> Vec<Row> {
    let mut rows: Vec<Row> = FindingCode::all().flat_map(|code| rows_of(code, recorded, judged)).collect();
    rows.sort_by_key(|row| (row.from(), row.code));
    rows
}

fn rows_of(code: FindingCode, recorded: &[Episode], judged: &[Episode]) -> Vec<Row> {
    let of = |side: &'static str, episodes: &[Episode]| -> Vec<(Time, Time, &'static str, usize)> {
        let own = episodes.iter().enumerate().filter(|(_, episode)| episode.code == code);
        own.map(|(place, episode)| (episode.from, episode.to, side, place)).collect()
    };
    let mut all = [of("recorded", recorded), of("judged", judged)].concat();
    all.sort_unstable();
    let mut rows: Vec<Row> = Vec::new();
    let mut end: Option<Time> = None;
    for (from, to, side, place) in all {
        if end.is_none_or(|end| from > end) {
            rows.push(Row { code, difference: Difference::Same, recorded: None, judged: None });
            end = None;
        }
        end = Some(end.map_or(to, |end| end.max(to)));
        if let Some(row) = rows.last_mut() {
            match side {
                "recorded" => add(&mut row.recorded, &recorded[place]),
                _ => add(&mut row.judged, &judged[place]),
            }
        }
    }
    rows.iter_mut().for_each(|row| row.difference = difference(row));
    rows
}

fn add(side: &mut Option<Side>, episode: &Episode) {
    let new = Side {
        from: episode.from,
        to: episode.to,
        open: episode.open,
        episodes: 1,
        seconds: episode.seconds,
        crit_seconds: episode.crit_seconds,
        severity: episode.severity(),
        text: episode.text.clone(),
        slack: episode.slack,
    };
    match side {
        None => *side = Some(new),
        Some(side) => side.join(&new),
    }
}

fn difference(row: &Row) -> Difference {
    let (Some(then), Some(now)) = (&row.recorded, &row.judged) else {
        return if row.judged.is_some() { Difference::New } else { Difference::Gone };
    };
    if now.severity != then.severity {
        return if now.severity > then.severity { Difference::Worse } else { Difference::Milder };
    }
    let resolved = then.slack + now.slack + MINUTE;
    let more = [now.crit_seconds - then.crit_seconds, now.seconds - then.seconds];
    match more.into_iter().find(|more| more.abs() > resolved) {
        None => Difference::Same,
        Some(more) if more > 0.0 => Difference::Longer,
        Some(_) => Difference::Shorter,
    }
}

#[cfg(test)]
mod tests {
    use jiff::SignedDuration;
    use proptest::prelude::*;

    use super::*;
    use crate::check::example_now;

    fn episode(from: i64, to: i64, crit: i64) -> Episode {
        let at = |second| example_now() + SignedDuration::from_secs(second);
        Episode {
            code: FindingCode::of("site", "site_old").unwrap(),
            from: at(from),
            to: at(to),
            open: false,
            seconds: (to - from) as f64,
            crit_seconds: crit as f64,
            crits: if crit > 0 { vec![(at(to - crit), at(to))] } else { Vec::new() },
            slack: 10.0,
            text: format!("{from}"),
        }
    }

    fn told(recorded: &[Episode], judged: &[Episode]) -> Vec<Difference> {
        compare(recorded, judged).iter().map(|row| row.difference).collect()
    }

    #[test]
    fn what_is_on_one_side_only_is_new_or_gone() {
        let (one, other) = ([episode(0, 100, 0)], [episode(500, 600, 0)]);
        assert_eq!(told(&one, &other), [Difference::Gone, Difference::New]);
    }

    #[test]
    fn a_difference_within_the_resolution_is_none() {
        assert_eq!(told(&[episode(0, 900, 0)], &[episode(75, 900, 0)]), [Difference::Same]);
        assert_eq!(told(&[episode(0, 900, 0)], &[episode(90, 900, 0)]), [Difference::Shorter]);
        assert_eq!(told(&[episode(0, 900, 50)], &[episode(0, 900, 140)]), [Difference::Longer]);
        assert_eq!(told(&[episode(0, 100, 50)], &[episode(0, 100, 0)]), [Difference::Milder]);
        assert_eq!(told(&[episode(0, 100, 0)], &[episode(0, 100, 9)]), [Difference::Worse]);
    }

    #[test]
    fn episodes_that_overlap_are_one_row() {
        let rows = compare(&[episode(0, 1000, 0)], &[episode(100, 200, 0), episode(300, 400, 50)]);
        let [row] = &rows[..] else { panic!("{rows:?}") };
        let judged = row.judged.as_ref().unwrap();
        assert_eq!((judged.episodes, judged.seconds, judged.text.as_str()), (2, 200.0, "300"));
    }

    #[test]
    fn rows_that_follow_each_other_are_joined_and_others_are_not() {
        let rows = compare(&[], &[episode(0, 100, 0), episode(200, 300, 50), episode(9000, 9100, 0)]);
        let joined = joined(rows.iter(), 3600.0);
        let told: Vec<_> =
            joined.iter().flat_map(|row| &row.judged).map(|s| (s.episodes, s.seconds, s.severity)).collect();
        assert_eq!(told, [(2, 200.0, Severity::Crit), (1, 100.0, Severity::Warn)]);
    }

    proptest! {
        #[test]
        fn every_episode_lies_in_one_row_and_equal_sides_are_the_same(
            ends in proptest::collection::vec((0_i64..1000, 0_i64..1000), 0..12),
            split in 0_usize..12,
        ) {
            let all: Vec<Episode> = ends.iter().map(|(a, b)| episode(*a.min(b), *a.max(b), 0)).collect();
            let (recorded, judged) = all.split_at(split.min(all.len()));
            let rows = compare(recorded, judged);
            let count = |side: fn(&Row) -> &Option<Side>| rows.iter().filter_map(|row| side(row).as_ref()).map(|s| s.episodes).sum::<usize>();
            prop_assert_eq!((count(|row| &row.recorded), count(|row| &row.judged)), (recorded.len(), judged.len()));
            prop_assert!(compare(&all, &all).iter().all(|row| row.difference == Difference::Same));
        }
    }
}
