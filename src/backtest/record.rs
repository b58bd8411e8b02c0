//! One line of the series, as far as the checks look at it.
//!
//! Invariant: a key that is absent stays apart from one that is `null`, because what an older recorder did not write
//! cannot be judged again.

use super::found::{FindingCode, Found};
use super::keys::{KEYS, Number, OF_PHASE, SOURCES, Source, Use};
use crate::assessment::Severity;
use crate::check::CHECKS;
use crate::jsonl::scan::{Scalar, Scanner};
use crate::observation::{FailureKind, RestartOutcome, Time, known_verdict};
use crate::source::json;

/// The version of the keys that is understood.
const VERSION: f64 = 1.0;
/// The key was not in the record. JSON has no such number.
const ABSENT: f64 = f64::NEG_INFINITY;

/// How a source went.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum Told {
    /// The record does not say.
    #[default]
    Absent,
    Observed,
    Stale,
    Missing,
    Pending,
    Disabled,
    Failed(FailureKind),
}

impl Told {
    fn of(word: &[u8]) -> Self {
        match word {
            b"observed" => Told::Observed,
            b"stale" => Told::Stale,
            b"missing" => Told::Missing,
            b"pending" => Told::Pending,
            b"disabled" => Told::Disabled,
            word => {
                let kind = FailureKind::ALL.into_iter().find(|kind| kind.name().as_bytes() == word);
                kind.map_or(Told::Absent, Told::Failed)
            }
        }
    }

    /// Whether the latest reading gave nothing new, so that what was read before it stands.
    pub(super) fn keeps_last(self) -> bool {
        matches!(self, Told::Failed(_) | Told::Stale)
    }
}

/// One record.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Moment {
    /// When it was assessed.
    pub(super) at: Time,
    /// The severity that it names.
    pub(super) severity: Severity,
    /// What was found then.
    pub(super) recorded: Found,
    /// How each source went.
    pub(super) told: [Told; SOURCES],
    numbers: [f64; Number::ALL.len()],
    /// The heartbeat's phase, by its place among the configured ones.
    pub(super) phase: Option<u8>,
    /// Age of the oldest sub-agent of a configured phase.
    pub(super) agents: Vec<(u8, f64)>,
    /// The last verdicts, oldest first; `None` for one of no known word.
    pub(super) verdicts: Vec<Option<&'static str>>,
    /// XID codes, and the seconds since each.
    pub(super) xids: Vec<f64>,
    pub(super) xid_ages: Vec<f64>,
    /// What came of the watchdog's last restart.
    pub(super) outcome: Option<RestartOutcome>,
    /// The texts of the critical findings, `check: reason`.
    pub(super) crits: Vec<String>,
    /// Those of the warnings.
    pub(super) warns: Vec<String>,
    /// Findings that this version does not know.
    pub(super) foreign: usize,
}

/// Why a line gives no record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Refused {
    /// It is no JSON object, or has no time or severity.
    NoRecord,
    /// Its keys have a meaning that this version does not know.
    Newer,
    /// It lies outside the time that was asked for.
    Outside,
}

/// What is asked of a line.
#[derive(Debug, Clone, Default)]
pub(super) struct Reader {
    /// The configured phases, in order.
    pub(super) phases: Vec<String>,
    /// Nothing before this.
    pub(super) since: Option<Time>,
    /// Nothing after this.
    pub(super) until: Option<Time>,
}

impl Moment {
    /// A record that tells nothing yet.
    pub(super) fn new() -> Self {
        Moment {
            at: Time::UNIX_EPOCH,
            severity: Severity::Ok,
            recorded: Found::default(),
            told: [Told::Absent; SOURCES],
            numbers: [ABSENT; Number::ALL.len()],
            phase: None,
            agents: Vec::new(),
            verdicts: Vec::new(),
            xids: Vec::new(),
            xid_ages: Vec::new(),
            outcome: None,
            crits: Vec::new(),
            warns: Vec::new(),
            foreign: 0,
        }
    }

    /// The value of `number`; `None` where it is `null` or was not written.
    #[inline]
    pub(super) fn get(&self, number: Number) -> Option<f64> {
        let value = self.numbers[number as usize];
        value.is_finite().then_some(value)
    }

    /// Whether `number` is a true truth value.
    pub(super) fn is(&self, number: Number) -> bool {
        self.numbers[number as usize] == 1.0
    }

    /// Whether the record has the key at all.
    pub(super) fn has(&self, number: Number) -> bool {
        self.numbers[number as usize] != ABSENT
    }

    /// How `source` went.
    pub(super) fn told(&self, source: Source) -> Told {
        self.told[source as usize]
    }

    /// Takes `number` from `other`, grown by `older` seconds.
    pub(super) fn keep(&mut self, number: Number, other: &Moment, older: f64) {
        self.numbers[number as usize] = other.numbers[number as usize] + older;
    }
}

impl Reader {
    /// The record in `line`.
    pub(super) fn read(&self, line: &[u8]) -> Result<Moment, Refused> {
        let mut moment = Moment::new();
        self.read_into(&mut moment, line).map(|()| moment)
    }

    /// The same into a record that tells nothing yet: it is large to move.
    pub(super) fn read_into(&self, moment: &mut Moment, line: &[u8]) -> Result<(), Refused> {
        match self.scan(moment, line) {
            (Err(Refused::NoRecord), _) | (_, true) => {
                *moment = self.read_slowly(line)?;
                Ok(())
            }
            (read, false) => read,
        }
    }

    /// By way of `serde_json`, which writes the line anew without anything unusual in it.
    fn read_slowly(&self, line: &[u8]) -> Result<Moment, Refused> {
        let object: serde_json::Map<String, serde_json::Value> =
            serde_json::from_slice(line).map_err(|_| Refused::NoRecord)?;
        let plain = serde_json::to_vec(&object).map_err(|_| Refused::NoRecord)?;
        let mut moment = Moment::new();
        self.scan(&mut moment, &plain).0.map(|()| moment)
    }

    /// The record, and whether an escape may have hidden what it says.
    fn scan(&self, moment: &mut Moment, line: &[u8]) -> (Result<(), Refused>, bool) {
        let Some(mut scanner) = Scanner::object(line) else { return (Err(Refused::NoRecord), false) };
        let mut fields = Fields { reader: self, moment, time: None, severity: None, found: Vec::new(), crit: [0; 16] };
        let read = match fields.scan(&mut scanner) {
            Some(true) => fields.finish(),
            Some(false) => Err(Refused::Outside),
            None => Err(Refused::NoRecord),
        };
        (read, scanner.escaped)
    }

    fn covers(&self, time: Time) -> bool {
        self.since.is_none_or(|since| time >= since) && self.until.is_none_or(|until| time <= until)
    }
}

/// A record in the making.
struct Fields<'a> {
    reader: &'a Reader,
    moment: &'a mut Moment,
    time: Option<Time>,
    severity: Option<Severity>,
    /// The check's place and the code.
    found: Vec<(usize, Option<FindingCode>)>,
    /// Critical findings of each check; the last place counts those of unknown ones.
    crit: [u8; 16],
}

impl Fields<'_> {
    /// Whether the line is wanted; `None` where it is not understood.
    fn scan(&mut self, scanner: &mut Scanner<'_>) -> Option<bool> {
        if scanner.ends() {
            return Some(true);
        }
        let mut next = 0;
        loop {
            let known = match KEYS.get(next) {
                Some((key, known)) if scanner.expect(key) => Some(*known),
                _ => {
                    let key = scanner.key()?;
                    let place = KEYS.iter().position(|(known, _)| known.as_bytes() == key);
                    next = place.unwrap_or(next.wrapping_sub(1));
                    match place {
                        Some(place) => Some(KEYS[place].1),
                        None => {
                            self.unknown(key, scanner)?;
                            None
                        }
                    }
                }
            };
            next = next.wrapping_add(1);
            if let Some(known) = known {
                self.take(known, scanner)?;
                if known == Use::Time && self.time.is_some_and(|time| !self.reader.covers(time)) {
                    return Some(false);
                }
            }
            if !scanner.comma() {
                return scanner.ends().then_some(true);
            }
        }
    }

    #[inline]
    fn take(&mut self, known: Use, scanner: &mut Scanner<'_>) -> Option<()> {
        match known {
            Use::Ignored => scanner.skip()?,
            Use::Number(number) => self.moment.numbers[number as usize] = number_of(scanner.scalar()?),
            Use::Reading(source) => {
                self.moment.told[source as usize] = match scanner.scalar()? {
                    Scalar::Text(word) => Told::of(word),
                    _ => Told::Absent,
                }
            }
            other => return self.take_other(other, scanner),
        }
        Some(())
    }

    fn take_other(&mut self, known: Use, scanner: &mut Scanner<'_>) -> Option<()> {
        match known {
            Use::Time => self.time = time_of(scanner.scalar()?),
            Use::Severity => self.severity = text_of(scanner.scalar()?).and_then(Severity::of),
            Use::Crit => self.moment.crits = texts(scanner)?,
            Use::Warn => self.moment.warns = texts(scanner)?,
            Use::Findings => {
                self.found.clear();
                self.findings(scanner)?;
            }
            Use::Phase => {
                let phase = text_of(scanner.scalar()?);
                self.moment.phase = phase.and_then(|phase| self.phase(phase));
            }
            Use::Verdicts => {
                let mut words = Vec::new();
                each(scanner, |value| words.push(text_of(value).and_then(known_verdict)))?;
                self.moment.verdicts = words;
            }
            Use::Xids => self.moment.xids = numbers(scanner)?,
            Use::XidAges => self.moment.xid_ages = numbers(scanner)?,
            Use::Outcome => self.moment.outcome = text_of(scanner.scalar()?).and_then(RestartOutcome::of),
            Use::Ignored | Use::Number(_) | Use::Reading(_) => scanner.skip()?,
        }
        Some(())
    }

    /// A key that is not in the table: one of a phase, or foreign.
    fn unknown(&mut self, key: &[u8], scanner: &mut Scanner<'_>) -> Option<()> {
        let phase =
            std::str::from_utf8(key).ok().and_then(|key| key.strip_prefix(OF_PHASE.0)?.strip_suffix(OF_PHASE.1));
        match phase.and_then(|phase| self.phase(phase)) {
            Some(phase) => {
                let age = number_of(scanner.scalar()?);
                self.moment.agents.retain(|(known, _)| *known != phase);
                self.moment.agents.extend(age.is_finite().then_some((phase, age)));
            }
            None => scanner.skip()?,
        }
        Some(())
    }

    fn phase(&self, name: &str) -> Option<u8> {
        self.reader.phases.iter().position(|phase| phase == name).and_then(|place| u8::try_from(place).ok())
    }

    fn findings(&mut self, scanner: &mut Scanner<'_>) -> Option<()> {
        each(scanner, |value| {
            if let Some((check, code)) = text_of(value).and_then(|name| name.split_once('.')) {
                self.found.push((place_of(check), FindingCode::of(check, code)));
            }
        })
    }

    fn finish(mut self) -> Result<(), Refused> {
        let (Some(time), Some(severity)) = (self.time, self.severity) else { return Err(Refused::NoRecord) };
        if self.moment.get(Number::Version).is_some_and(|version| version > VERSION) {
            return Err(Refused::Newer);
        }
        (self.moment.at, self.moment.severity) = (time, severity);
        for text in &self.moment.crits {
            let place = place_of(text.split(':').next().unwrap_or_default());
            self.crit[place] = self.crit[place].saturating_add(1);
        }
        // The recorder lists the findings check by check, the critical ones of each first.
        for (place, code) in std::mem::take(&mut self.found) {
            let is_crit = self.crit[place] > 0;
            self.crit[place] = self.crit[place].saturating_sub(1);
            match code {
                Some(code) => self.moment.recorded.add(code, if is_crit { Severity::Crit } else { Severity::Warn }),
                None => self.moment.foreign += 1,
            }
        }
        if self.moment.is(Number::MustRestart) {
            self.moment.recorded.add(FindingCode::RESTART, Severity::Crit);
        }
        Ok(())
    }
}

/// The place of a check, the last one for an unknown check.
fn place_of(check: &str) -> usize {
    CHECKS.iter().position(|known| known.id == check).unwrap_or(15)
}

fn number_of(value: Scalar<'_>) -> f64 {
    match value {
        Scalar::Number(number) => number,
        Scalar::Text(_) => {
            text_of(value).and_then(|text| text.trim().parse().ok()).filter(|n: &f64| n.is_finite()).unwrap_or(f64::NAN)
        }
        Scalar::Nothing => f64::NAN,
    }
}

fn time_of(value: Scalar<'_>) -> Option<Time> {
    match value {
        Scalar::Number(seconds) => json::unix(seconds),
        Scalar::Text(text) => utc(text).or_else(|| json::time(&serde_json::Value::from(text_of(value)?))),
        Scalar::Nothing => None,
    }
}

/// `2026-11-22T12:00:00.123Z`, as the recorder writes it; `None` for any other form, and for days that not every month
/// has.
fn utc(text: &[u8]) -> Option<Time> {
    let (head, rest) = text.split_at_checked(19)?;
    let digits = |from: usize, count: usize| -> Option<i64> {
        head[from..from + count]
            .iter()
            .try_fold(0, |all, byte| byte.is_ascii_digit().then(|| all * 10 + i64::from(byte - b'0')))
    };
    let apart = [head[4], head[7], head[10], head[13], head[16]] == *b"--T::";
    let fraction = rest.strip_suffix(b"Z").filter(|_| apart)?;
    let nanoseconds = match fraction.split_first() {
        None => 0,
        Some((b'.', decimals)) if (1..=9).contains(&decimals.len()) => {
            let add = |all: i32, byte: &u8| byte.is_ascii_digit().then(|| all * 10 + i32::from(byte - b'0'));
            decimals.iter().try_fold(0, add)? * 10_i32.pow(9 - decimals.len() as u32)
        }
        Some(_) => return None,
    };
    let (year, month, day) = (digits(0, 4)?, digits(5, 2)?, digits(8, 2)?);
    let (hour, minute, second) = (digits(11, 2)?, digits(14, 2)?, digits(17, 2)?);
    let usual = (1970..=9999).contains(&year)
        && (1..=12).contains(&month)
        && (1..=28).contains(&day)
        && hour < 24
        && minute < 60
        && second < 60;
    // Days since 1970 of a year that begins in March, so that leap days come last.
    let (year, month) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    let days = 365 * year + year / 4 - year / 100 + year / 400 + (153 * month + 2) / 5 + day - 1 - 719_468;
    let seconds = days * 86_400 + hour * 3600 + minute * 60 + second;
    usual.then(|| Time::new(seconds, nanoseconds).ok())?
}

/// A text that has no escapes; what is looked for has none.
fn text_of(value: Scalar<'_>) -> Option<&str> {
    match value {
        Scalar::Text(text) => std::str::from_utf8(text).ok(),
        _ => None,
    }
}

fn unescaped(raw: &[u8]) -> String {
    if raw.contains(&b'\\') {
        let quoted = [b"\"", raw, b"\""].concat();
        if let Ok(text) = serde_json::from_slice(&quoted) {
            return text;
        }
    }
    String::from_utf8_lossy(raw).into_owned()
}

/// Texts with their escapes resolved.
fn texts(scanner: &mut Scanner<'_>) -> Option<Vec<String>> {
    let (escaped, mut texts) = (scanner.escaped, Vec::new());
    each(scanner, |value| {
        if let Scalar::Text(raw) = value {
            texts.push(unescaped(raw));
        }
    })?;
    scanner.escaped = escaped;
    Some(texts)
}

fn numbers(scanner: &mut Scanner<'_>) -> Option<Vec<f64>> {
    let mut numbers = Vec::new();
    each(scanner, |value| numbers.push(number_of(value)))?;
    Some(numbers)
}

/// Shows each element of a list to `visit`; another value is passed over.
fn each<'a>(scanner: &mut Scanner<'a>, mut visit: impl FnMut(Scalar<'a>)) -> Option<()> {
    if !scanner.list() {
        return scanner.skip();
    }
    if scanner.list_ends() {
        return Some(());
    }
    loop {
        visit(scanner.scalar()?);
        if !scanner.comma() {
            return scanner.list_ends().then_some(());
        }
    }
}

#[cfg(test)]
#[path = "record_tests.rs"]
mod tests;
