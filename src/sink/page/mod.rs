//! The status page: what a person sees at a glance, as one HTML page without scripts or anything to load.
//!
//! Invariant: the page maps a [`Moment`] and decides nothing; every text from outside is escaped by the template;
//! a severity is always told by a word and a shape, never by colour alone.

mod cards;
mod chart;
mod review;
mod words;

use askama::Template;

use self::cards::Card;
use self::chart::Spark;
use self::review::Reviewed;
use super::figures::{Figures, SourceFigures, sources};
use super::moment::Moment;
use crate::alert;
use crate::alert::active::{Active, Alert, Key};
use crate::assessment::{CheckResult, Presence, Severity};
use crate::history::{Event, History};
use crate::observation::{Time, seconds_since};
use crate::state::Freshness;

/// How often the page loads itself anew, seconds: well within the 600 s after which a heartbeat is old, and slow
/// enough to read.
const REFRESH_SECONDS: u32 = 15;
/// Changes that are shown.
const EVENTS: usize = 12;

/// Whether the page loads itself anew.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refresh {
    /// Every 15 s.
    On,
    /// Not at all, for reading.
    Off,
}

/// The status page of `moment`.
#[expect(clippy::expect_used, reason = "the template holds no expression that can fail; writing to a String cannot")]
pub fn render(moment: &Moment, refresh: Refresh) -> String {
    StatusPage::of(moment, refresh).render().expect("a page")
}

#[derive(Template)]
#[template(path = "status.html")]
struct StatusPage<'a> {
    tone: Tone,
    headline: &'static str,
    subline: String,
    since: Option<Moments>,
    now: Moments,
    host: &'a str,
    telemetry_path: &'a str,
    version: &'static str,
    refresh_seconds: Option<u32>,
    must_restart: Option<&'a str>,
    urgent: Vec<(&'static str, Tone, &'a str)>,
    alerts: Option<String>,
    strip: Option<Spark>,
    cards: Vec<Card>,
    review: Option<Reviewed>,
    judged: Vec<CheckRow<'a>>,
    idle: Vec<CheckRow<'a>>,
    events: Vec<EventRow<'a>>,
    sources: Vec<SourceRow>,
}

/// How a part of the page looks: a severity, or none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Tone {
    Ok,
    Warn,
    Crit,
    None,
}

impl Tone {
    fn class(self) -> &'static str {
        match self {
            Tone::Ok => "ok",
            Tone::Warn => "warn",
            Tone::Crit => "crit",
            Tone::None => "none",
        }
    }

    fn word(self) -> &'static str {
        match self {
            Tone::Ok => "OK",
            Tone::Warn => "WARN",
            Tone::Crit => "CRIT",
            Tone::None => "–",
        }
    }

    /// The shape of the severity on a 24 by 24 field; the same in the page and in the browser's tab.
    fn shape(self) -> &'static str {
        match self {
            Tone::Ok => "<circle cx='12' cy='12' r='10'/>",
            Tone::Warn => "<path d='M12 2.5 22.5 21h-21z'/>",
            Tone::Crit => "<path d='M8 2h8l6 6v8l-6 6H8l-6-6V8z'/>",
            Tone::None => "<circle cx='12' cy='12' r='9' stroke-dasharray='3.5 3.5'/>",
        }
    }

    fn mark(self) -> &'static str {
        match self {
            Tone::Ok => "<path d='m7.5 12.5 3 3 6-6.5'/>",
            Tone::Warn => "<path d='M12 9.5v5m0 3v.01'/>",
            Tone::Crit => "<path d='m9 9 6 6m0-6-6 6'/>",
            Tone::None => "",
        }
    }

    /// The name of its drawing in the page.
    fn icon(self) -> String {
        format!("icon-{}", self.class())
    }

    const ALL: [Tone; 4] = [Tone::Ok, Tone::Warn, Tone::Crit, Tone::None];

    /// The tab's icon as a data address. `#` and `<` must not stand in one as they are.
    fn favicon(self) -> String {
        let colour = match self {
            Tone::Ok => "1a7f37",
            Tone::Warn => "b26a00",
            Tone::Crit => "c4162a",
            Tone::None => "768390",
        };
        let (shape, mark) = (self.shape(), self.mark());
        let svg = format!(
            "<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 24 24'><g fill='#{colour}'>{shape}</g>\
             <g fill='none' stroke='#fff' stroke-width='2.5' stroke-linecap='round'>{mark}</g></svg>"
        );
        format!("data:image/svg+xml,{}", svg.replace('#', "%23").replace('<', "%3C").replace('>', "%3E"))
    }
}

impl From<Severity> for Tone {
    fn from(severity: Severity) -> Self {
        match severity {
            Severity::Ok => Tone::Ok,
            Severity::Warn => Tone::Warn,
            Severity::Crit => Tone::Crit,
        }
    }
}

/// A time as machines and people read it.
struct Moments {
    iso: String,
    clock: String,
    ago: String,
    length: String,
}

impl Moments {
    fn of(at: Time, now: Time) -> Self {
        let length = words::length(seconds_since(now, at).max(0.0));
        Moments { iso: format!("{at:.0}"), clock: words::clock(at, now), ago: words::ago(at, now), length }
    }
}

/// The alerts that fire, and how many wait; `None` where there are none.
fn alerts_line(alerts: &Active) -> Option<String> {
    let named = |alert: &Alert| {
        let Key { check, code, severity } = &alert.key;
        Some(format!("{} ({})", alert::name(check, code), alert::severity(*severity)?))
    };
    let (firing, pending) = (crate::words::list(alerts.firing().map(named)), alerts.pending().count());
    match (firing.is_empty(), pending) {
        (true, 0) => None,
        (true, _) => Some(format!("{pending} pending")),
        (false, 0) => Some(firing),
        (false, _) => Some(format!("{firing}; {pending} more pending")),
    }
}

struct CheckRow<'a> {
    result: &'a CheckResult,
    tone: Tone,
    since: Option<Moments>,
}

struct EventRow<'a> {
    event: &'a Event,
    at: Moments,
    from: Option<Tone>,
    to: Tone,
}

struct SourceRow {
    name: &'static str,
    tone: Tone,
    state: &'static str,
    last_success: String,
    took: String,
    failures: String,
}

impl<'a> StatusPage<'a> {
    fn of(moment: &'a Moment, refresh: Refresh) -> Self {
        let Moment { state, assessment, history, alerts, about } = moment;
        let now = assessment.at;
        let rows = |judged| check_rows(&assessment.checks, history, (now, judged));
        let figures = Figures::of(state, now);
        let (tone, headline) = headline(&assessment.checks, assessment.severity);
        StatusPage {
            tone,
            headline,
            subline: subline(&assessment.checks),
            since: history.severity_since().map(|at| Moments::of(at, now)),
            now: Moments::of(now, now),
            host: &about.host,
            telemetry_path: &about.telemetry_path,
            version: env!("CARGO_PKG_VERSION"),
            refresh_seconds: (refresh == Refresh::On).then_some(REFRESH_SECONDS),
            must_restart: assessment.liveness.must_restart.then_some(assessment.liveness.reason.as_str()),
            urgent: urgent(&assessment.checks),
            alerts: alerts_line(alerts),
            strip: chart::strip(&history.severities(now)),
            cards: cards::cards(&figures, history, now),
            review: review::reviewed(&figures.review, now),
            judged: rows(true),
            idle: rows(false),
            events: history.events().take(EVENTS).map(|event| EventRow::of(event, now)).collect(),
            sources: source_rows(sources(state, now), now),
        }
    }
}

fn headline(checks: &[CheckResult], severity: Severity) -> (Tone, &'static str) {
    let judged = checks.iter().any(|check| check.presence == Presence::Judged);
    match severity {
        Severity::Ok if !judged => (Tone::None, "Starting: nothing was judged yet"),
        Severity::Ok => (Tone::Ok, "All is well"),
        Severity::Warn => (Tone::Warn, "Worth a look, not urgent"),
        Severity::Crit => (Tone::Crit, "Needs somebody now"),
    }
}

/// `1 critical, 2 warnings in 10 checks`.
fn subline(checks: &[CheckResult]) -> String {
    let judged = checks.iter().filter(|check| check.presence == Presence::Judged).count();
    let of = |severity| checks.iter().filter(|check| check.severity == severity).count();
    let judged = words::count(judged, "check", "checks");
    match (of(Severity::Crit), of(Severity::Warn)) {
        (0, 0) => format!("{judged}, nothing found"),
        (0, warn) => format!("{} in {judged}", words::count(warn, "warning", "warnings")),
        (crit, 0) => format!("{crit} critical in {judged}"),
        (crit, warn) => format!("{crit} critical and {} in {judged}", words::count(warn, "warning", "warnings")),
    }
}

/// A piece of a hint: words, or a command to type.
struct Span<'a> {
    text: &'a str,
    code: bool,
}

/// The pieces of `hint`; commands stand between backticks in it.
fn spans(hint: &str) -> impl Iterator<Item = Span<'_>> {
    let pieces = hint.split('`').enumerate().map(|(index, text)| Span { text, code: index % 2 == 1 });
    pieces.filter(|span| !span.text.is_empty())
}

/// Every finding, worst first, in the order of the checks within one severity.
fn urgent(checks: &[CheckResult]) -> Vec<(&'static str, Tone, &str)> {
    let of = |check: &'_ CheckResult| check.check;
    let mut findings: Vec<_> =
        checks.iter().flat_map(|check| check.findings.iter().map(move |finding| (of(check), finding))).collect();
    findings.sort_by_key(|(_, finding)| std::cmp::Reverse(finding.severity));
    findings.into_iter().map(|(check, finding)| (check, finding.severity.into(), finding.reason.as_str())).collect()
}

/// The checks that judged, or those that did not; the worst first.
fn check_rows<'a>(checks: &'a [CheckResult], history: &History, (now, judged): (Time, bool)) -> Vec<CheckRow<'a>> {
    let chosen = checks.iter().filter(|check| (check.presence == Presence::Judged) == judged);
    let mut rows: Vec<_> = chosen
        .map(|result| CheckRow {
            result,
            tone: if judged { result.severity.into() } else { Tone::None },
            since: history.since(result.check).map(|at| Moments::of(at, now)),
        })
        .collect();
    rows.sort_by_key(|row| std::cmp::Reverse(row.result.severity));
    rows
}

impl<'a> EventRow<'a> {
    fn of(event: &'a Event, now: Time) -> Self {
        EventRow { event, at: Moments::of(event.at, now), from: event.from.map(Tone::from), to: event.to.into() }
    }
}

fn source_rows(sources: Vec<SourceFigures>, now: Time) -> Vec<SourceRow> {
    let row = |source: SourceFigures| {
        let (tone, state) = match (source.freshness, source.success) {
            (Freshness::Disabled, _) => (Tone::None, "off"),
            (Freshness::Pending, _) => (Tone::None, "not read yet"),
            (Freshness::Failed, _) | (_, Some(false)) => (Tone::Warn, "failed"),
            (Freshness::Stale, _) => (Tone::Warn, "overdue"),
            (Freshness::Missing, _) => (Tone::None, "nothing there"),
            (Freshness::Observed, _) => (Tone::Ok, "read"),
        };
        SourceRow {
            name: source.source,
            tone,
            state,
            last_success: words::ago_or_dash(source.last_success_at, now),
            took: if source.attempts > 0 { words::took(source.took_seconds) } else { "–".into() },
            failures: format!("{} of {}", words::whole(Some(source.failures)), words::whole(Some(source.attempts))),
        }
    };
    sources.into_iter().map(row).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_in_a_hint_stand_out() {
        let shown = |hint| spans(hint).map(|span| (span.text, span.code)).collect::<Vec<_>>();
        assert_eq!(shown("end it with `kill 7`."), [("end it with ", false), ("kill 7", true), (".", false)]);
        assert_eq!(shown("`ps` shows it"), [("ps", true), (" shows it", false)]);
        assert_eq!(shown("look at the log"), [("look at the log", false)]);
    }
}
