//! A panel: what it shows, what that means, what to do, and how it is drawn.
//!
//! Invariant: a panel cannot be made without a title, a unit, a description of both kinds, and bounds.

use super::limit::{Bounds, CRIT, GOOD, Limit, REFERENCE, WARN};

/// Grafana's names of the units that are used.
pub(super) mod unit {
    pub(in super::super) const NUMBER: &str = "none";
    pub(in super::super) const SECONDS: &str = "s";
    pub(in super::super) const SHARE: &str = "percentunit";
    pub(in super::super) const TOKENS: &str = "suffix:tok/s";
    pub(in super::super) const PER_SECOND: &str = "suffix:/s";
    pub(in super::super) const WATTS: &str = "watt";
    pub(in super::super) const HERTZ: &str = "hertz";
    pub(in super::super) const CELSIUS: &str = "celsius";
    pub(in super::super) const BYTES: &str = "bytes";
    pub(in super::super) const JOULES: &str = "joule";
}

/// A panel.
pub(super) struct Panel {
    pub(super) title: &'static str,
    /// What it shows.
    pub(super) shows: &'static str,
    /// What to do when it looks bad.
    pub(super) act: &'static str,
    pub(super) unit: &'static str,
    pub(super) view: View,
    /// Columns of Grafana's 24, and rows.
    pub(super) size: (u64, u64),
    pub(super) queries: Vec<Query>,
    pub(super) bounds: Bounds,
    /// The limits of `bounds` are drawn as they are in force on the machine.
    pub(super) limit_lines: bool,
    /// Colours of series or columns, by name.
    pub(super) colours: Vec<(&'static str, &'static str)>,
    /// Each series has a colour of its own, by its name.
    pub(super) distinct: bool,
    /// Words and colours for values.
    pub(super) words: &'static [(&'static str, &'static str, &'static str)],
    pub(super) decimals: Option<u64>,
    /// The axis goes at least from the one to the other.
    pub(super) range: (Option<f64>, Option<f64>),
    /// The axis grows by factors: the values are far below a limit, and both are to be seen.
    pub(super) by_factors: bool,
    /// What stands there when there is nothing to show.
    pub(super) nothing: Option<&'static str>,
    /// The shortest time between two points.
    pub(super) least_step: Option<&'static str>,
}

/// How a panel is drawn.
pub(super) enum View {
    /// Lines over time; `fill` is the opacity of the area below in percent, `stacked` piles them up.
    Lines { fill: u64, stacked: bool },
    /// Bars over time, piled up.
    Bars,
    /// One large figure; `trend` draws its past behind it, `loud` colours the whole panel.
    Figure { trend: bool, loud: bool },
    /// One lane for each series, its colour the value.
    Lanes,
    /// One row for each set of labels, the worst first.
    Table(Table),
    /// One bar for each series.
    Gauge,
}

/// A table: its columns from left to right, and by which one it is sorted, largest value first.
pub(super) struct Table {
    pub(super) columns: Vec<Column>,
    pub(super) worst: &'static str,
}

/// A column of a table.
pub(super) struct Column {
    /// A label, written `label:NAME`, or the id of a query.
    pub(super) of: &'static str,
    pub(super) title: &'static str,
    pub(super) unit: &'static str,
    pub(super) width: Option<u64>,
    pub(super) bounds: Option<Bounds>,
    pub(super) words: &'static [(&'static str, &'static str, &'static str)],
    /// Title and address of a link.
    pub(super) link: Option<(&'static str, String)>,
}

/// A query of a panel.
pub(super) struct Query {
    /// Its `refId`, which stands for it in overrides and tables.
    pub(super) id: &'static str,
    /// PromQL, `$M` standing for the selected machines.
    pub(super) expr: String,
    pub(super) legend: &'static str,
    /// The colour of its series, where the query alone says it.
    pub(super) colour: Option<&'static str>,
    /// It is what measurements are compared with, and is drawn dashed.
    pub(super) dashed: bool,
}

/// Severities and what stands for a machine that gives no answer.
pub(super) const SEVERITIES: &[(&str, &str, &str)] =
    &[("0", "OK", GOOD), ("1", "WARN", WARN), ("2", "CRIT", CRIT), ("3", "DOWN", "purple")];

impl Panel {
    /// A panel `title` that shows figures in `unit`. `shows` says what, `act` what to do when it looks bad.
    pub(super) fn new(title: &'static str, unit: &'static str, shows: &'static str, act: &'static str) -> Self {
        Panel {
            title,
            shows,
            act,
            unit,
            view: View::Lines { fill: 12, stacked: false },
            size: (8, 8),
            queries: Vec::new(),
            bounds: Bounds::Free,
            limit_lines: false,
            colours: Vec::new(),
            distinct: false,
            words: &[],
            decimals: None,
            range: (None, None),
            by_factors: false,
            nothing: None,
            least_step: None,
        }
    }

    pub(super) fn view(mut self, view: View) -> Self {
        self.view = view;
        self
    }

    /// A figure without a past.
    pub(super) fn figure(self) -> Self {
        self.view(View::Figure { trend: false, loud: false })
    }

    /// A figure with its past behind it.
    pub(super) fn trend(self) -> Self {
        self.view(View::Figure { trend: true, loud: false })
    }

    /// A figure that colours the whole panel.
    pub(super) fn loud(self) -> Self {
        self.view(View::Figure { trend: false, loud: true })
    }

    pub(super) fn size(mut self, width: u64, height: u64) -> Self {
        self.size = (width, height);
        self
    }

    /// Adds the series of `expr`; `id` names the query within the panel.
    pub(super) fn query(mut self, id: &'static str, legend: &'static str, expr: &str) -> Self {
        self.queries.push(Query { id, expr: expr.to_owned(), legend, colour: None, dashed: false });
        self
    }

    /// Adds the series of `expr` in `colour`.
    pub(super) fn coloured(mut self, colour: &'static str, id: &'static str, legend: &'static str, expr: &str) -> Self {
        self.queries.push(Query { id, expr: expr.to_owned(), legend, colour: Some(colour), dashed: false });
        self
    }

    /// Adds what the measurements are to be compared with, dashed.
    pub(super) fn reference(self, id: &'static str, legend: &'static str, expr: &str) -> Self {
        self.dashed(REFERENCE, id, legend, expr)
    }

    /// Adds the series of `expr` as dashed lines in `colour`.
    pub(super) fn dashed(mut self, colour: &'static str, id: &'static str, legend: &'static str, expr: &str) -> Self {
        self.queries.push(Query { id, expr: expr.to_owned(), legend, colour: Some(colour), dashed: true });
        self
    }

    pub(super) fn bounds(mut self, bounds: Bounds) -> Self {
        self.bounds = bounds;
        self
    }

    /// Bad at and above these limits of `check`, which are drawn as they are in force.
    pub(super) fn above(self, check: &'static str, warn: Option<&'static str>, crit: Option<&'static str>) -> Self {
        let limit = |name| Limit(check, name);
        self.bounds(Bounds::Above { warn: warn.map(limit), crit: crit.map(limit) }).with_limit_lines()
    }

    /// Bad below these limits of `check`, which are drawn as they are in force.
    pub(super) fn below(self, check: &'static str, warn: Option<&'static str>, crit: Option<&'static str>) -> Self {
        let limit = |name| Limit(check, name);
        self.bounds(Bounds::Below { warn: warn.map(limit), crit: crit.map(limit) }).with_limit_lines()
    }

    fn with_limit_lines(mut self) -> Self {
        self.limit_lines = matches!(self.view, View::Lines { .. });
        self
    }

    /// The limits are not drawn: other machines have others, or the panel draws them itself.
    pub(super) fn without_limit_lines(mut self) -> Self {
        self.limit_lines = false;
        self
    }

    pub(super) fn colours(mut self, colours: &[(&'static str, &'static str)]) -> Self {
        self.colours = colours.to_vec();
        self
    }

    /// Many lines, told apart by colours of their own, without areas below them.
    pub(super) fn distinct(mut self) -> Self {
        self.distinct = true;
        self.view(View::Lines { fill: 0, stacked: false })
    }

    pub(super) fn words(mut self, words: &'static [(&'static str, &'static str, &'static str)]) -> Self {
        self.words = words;
        self
    }

    pub(super) fn decimals(mut self, decimals: u64) -> Self {
        self.decimals = Some(decimals);
        self
    }

    pub(super) fn at_least_zero(mut self) -> Self {
        self.range.0 = Some(0.0);
        self
    }

    pub(super) fn by_factors(mut self) -> Self {
        self.by_factors = true;
        self
    }

    /// A share of a whole.
    pub(super) fn zero_to_one(mut self) -> Self {
        self.range = (Some(0.0), Some(1.0));
        self
    }

    pub(super) fn nothing(mut self, words: &'static str) -> Self {
        self.nothing = Some(words);
        self
    }

    pub(super) fn least_step(mut self, step: &'static str) -> Self {
        self.least_step = Some(step);
        self
    }

    /// Its queries, those of its limits among them.
    pub(super) fn all_queries(&self) -> Vec<Query> {
        let own = self.queries.iter().map(|query| Query { expr: query.expr.clone(), ..*query });
        let limits = self.bounds.limits().into_iter().filter(|_| self.limit_lines);
        own.chain(limits.map(|(limit, colour)| limit_line(limit, colour))).collect()
    }

    /// What a person reads about it.
    pub(super) fn description(&self) -> String {
        format!("{}\n\n**When it looks bad:** {}", self.shows, self.act)
    }
}

fn limit_line(limit: Limit, colour: &'static str) -> Query {
    let (id, legend) = if colour == WARN { ("warn", "warning limit") } else { ("crit", "critical limit") };
    Query { id, expr: limit.expr(), legend, colour: Some(colour), dashed: true }
}

impl Column {
    pub(super) fn new(of: &'static str, title: &'static str, unit: &'static str) -> Self {
        Column { of, title, unit, width: None, bounds: None, words: &[], link: None }
    }

    /// Coloured by `bounds`.
    pub(super) fn judged(mut self, bounds: Bounds) -> Self {
        self.bounds = Some(bounds);
        self
    }

    pub(super) fn words(mut self, words: &'static [(&'static str, &'static str, &'static str)]) -> Self {
        self.words = words;
        self
    }

    pub(super) fn width(mut self, width: u64) -> Self {
        self.width = Some(width);
        self
    }

    pub(super) fn link(mut self, title: &'static str, url: String) -> Self {
        self.link = Some((title, url));
        self
    }
}
