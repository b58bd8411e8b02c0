//! A dashboard as Grafana's JSON.
//!
//! Invariant: pure; the same definition gives the same text.

use serde_json::{Map, Value, json};

use super::limit::{Bounds, GOOD, PLAIN, REFERENCE};
use super::panel::{Column, Panel, Query, Table, View};
use super::{Annotation, Dashboard, Row, Scope};

/// Of the dashboard format. Any later Grafana brings it up to date by itself.
const SCHEMA_VERSION: u64 = 39;

/// Columns of Grafana's grid.
pub(super) const COLUMNS: u64 = 24;

/// `dashboard` as a file.
pub(super) fn text(dashboard: &Dashboard) -> String {
    format!("{:#}\n", value(dashboard))
}

pub(super) fn value(dashboard: &Dashboard) -> Value {
    let annotations: Vec<Value> = dashboard.annotations.iter().map(|one| annotation(one, dashboard.scope)).collect();
    json!({
        "annotations": {"list": annotations},
        "description": dashboard.about,
        "editable": true,
        "graphTooltip": 1,
        "links": links(dashboard),
        "panels": rows(dashboard),
        "refresh": "30s",
        "schemaVersion": SCHEMA_VERSION,
        "tags": ["autoswe"],
        "templating": {"list": variables(dashboard.scope)},
        "time": {"from": "now-6h", "to": "now"},
        "timezone": "browser",
        "title": dashboard.title,
        "uid": dashboard.uid,
    })
}

fn source() -> Value {
    json!({"type": "prometheus", "uid": "${datasource}"})
}

fn annotation(one: &Annotation, scope: Scope) -> Value {
    json!({
        "datasource": source(),
        "enable": one.shown,
        "expr": scope.select(one.expr),
        "iconColor": one.colour,
        "name": one.name,
        "textFormat": one.text,
        "titleFormat": one.title,
        "useValueForTime": one.at_value,
    })
}

/// Links to the other dashboards, the time range kept. A fleet's choice of machines fits no single machine, and the
/// fleet is wanted whole: there the data source alone, or it and the job, are kept.
fn links(dashboard: &Dashboard) -> Vec<Value> {
    let others = super::all_titles().into_iter().filter(|(uid, _)| *uid != dashboard.uid);
    let link = |(uid, title): (&str, &str)| {
        let same = dashboard.scope == Scope::Machine && uid != "autoswe-fleet";
        let kept = match dashboard.scope {
            _ if same => "",
            Scope::Machine => "?${datasource:queryparam}&${job:queryparam}",
            Scope::Fleet => "?${datasource:queryparam}",
        };
        json!({
            "asDropdown": false,
            "icon": "dashboard",
            "includeVars": same,
            "keepTime": true,
            "tags": [],
            "targetBlank": false,
            "title": title,
            "tooltip": "",
            "type": "link",
            "url": format!("/d/{uid}{kept}"),
        })
    };
    others.map(link).collect()
}

fn variables(scope: Scope) -> Vec<Value> {
    let fleet = scope == Scope::Fleet;
    let of_job = if fleet { r#"job=~"$job""# } else { r#"job="$job""# };
    let labels = |name: &str, label: &str, query: &str| {
        let mut variable = json!({
            "datasource": source(),
            "includeAll": fleet,
            "label": label,
            "multi": fleet,
            "name": name,
            "query": {"query": query, "refId": name},
            "refresh": 2,
            "regex": "",
            "sort": 1,
            "type": "query",
        });
        if fleet {
            variable["allValue"] = ".+".into();
            variable["current"] = json!({"text": ["All"], "value": ["$__all"]});
        }
        variable
    };
    vec![
        json!({"label": "Data source", "name": "datasource", "query": "prometheus", "refresh": 1, "regex": "",
               "type": "datasource"}),
        labels("job", "Job", "label_values(autoswe_build_info, job)"),
        // `up` knows a machine that gives no answer, too.
        labels("instance", "Machine", &format!("label_values(up{{{of_job}}}, instance)")),
    ]
}

/// Panels from left to right and from top to bottom, those of a folded row within it.
fn rows(dashboard: &Dashboard) -> Vec<Value> {
    let mut place = Place { scope: dashboard.scope, next: 1, x: 0, y: 0, line: 0 };
    dashboard.rows.iter().flat_map(|row| place.row(row)).collect()
}

struct Place {
    scope: Scope,
    /// The next panel's number.
    next: u64,
    x: u64,
    y: u64,
    /// Height of the present line.
    line: u64,
}

impl Place {
    fn number(&mut self) -> u64 {
        self.next += 1;
        self.next - 1
    }

    fn row(&mut self, row: &Row) -> Vec<Value> {
        let heading = row.title.map(|title| {
            let place = json!({"h": 1, "w": COLUMNS, "x": 0, "y": self.y});
            self.y += 1;
            json!({"collapsed": row.folded, "gridPos": place, "id": self.number(), "panels": [], "title": title,
                   "type": "row"})
        });
        let from = self.y;
        let panels: Vec<Value> = row.panels.iter().map(|panel| self.panel(panel)).collect();
        (self.x, self.y, self.line) = (0, self.y + self.line, 0);
        match heading {
            Some(mut heading) if row.folded => {
                heading["panels"] = panels.into();
                self.y = from;
                vec![heading]
            }
            heading => heading.into_iter().chain(panels).collect(),
        }
    }

    fn panel(&mut self, panel: &Panel) -> Value {
        let (width, height) = panel.size;
        if self.x + width > COLUMNS {
            (self.x, self.y, self.line) = (0, self.y + self.line, 0);
        }
        let place = json!({"h": height, "w": width, "x": self.x, "y": self.y});
        self.x += width;
        self.line = self.line.max(height);
        let number = self.number();
        self::panel(panel, self.scope, place, number)
    }
}

fn panel(panel: &Panel, scope: Scope, place: Value, number: u64) -> Value {
    let queries = panel.all_queries();
    let (kind, options) = options(&panel.view);
    let mut value = json!({
        "datasource": source(),
        "description": panel.description(),
        "fieldConfig": {"defaults": defaults(panel), "overrides": overrides(panel, &queries)},
        "gridPos": place,
        "id": number,
        "options": options,
        "targets": queries.iter().map(|query| target(query, &panel.view, scope)).collect::<Vec<_>>(),
        "title": panel.title,
        "type": kind,
    });
    if let View::Table(table) = &panel.view {
        value["transformations"] = transformations(table, queries.len());
    }
    if let Some(step) = panel.least_step {
        value["interval"] = step.into();
    }
    value
}

fn target(query: &Query, view: &View, scope: Scope) -> Value {
    // A figure with its past, and whatever is drawn over time, needs the whole range.
    let now = matches!(view, View::Table(_) | View::Gauge | View::Figure { trend: false, .. });
    let format = if matches!(view, View::Table(_)) { "table" } else { "time_series" };
    json!({
        "datasource": source(),
        "editorMode": "code",
        "expr": scope.select(&query.expr),
        "format": format,
        "instant": now,
        "legendFormat": query.legend,
        "range": !now,
        "refId": query.id,
    })
}

/// What Grafana calls the kind of panel, and the options of that kind.
fn options(view: &View) -> (&'static str, Value) {
    match view {
        View::Lines { .. } | View::Bars => {
            ("timeseries", json!({"legend": legend(true), "tooltip": {"mode": "multi", "sort": "desc"}}))
        }
        View::Lanes => ("state-timeline", lanes()),
        View::Figure { trend, loud } => ("stat", figure(*trend, *loud)),
        View::Gauge => ("bargauge", gauge()),
        View::Table(table) => {
            let sort = json!([{"desc": true, "displayName": table.worst}]);
            ("table", json!({"cellHeight": "sm", "frameIndex": 0, "showHeader": true, "sortBy": sort}))
        }
    }
}

fn legend(shown: bool) -> Value {
    json!({"calcs": [], "displayMode": "list", "placement": "bottom", "showLegend": shown})
}

fn latest() -> Value {
    json!({"calcs": ["lastNotNull"], "fields": "", "values": false})
}

fn lanes() -> Value {
    json!({
        "alignValue": "left",
        "legend": legend(false),
        "mergeValues": true,
        "rowHeight": 0.85,
        "showValue": "never",
        "tooltip": {"mode": "single", "sort": "none"},
    })
}

fn figure(trend: bool, loud: bool) -> Value {
    json!({
        "colorMode": if loud { "background_solid" } else { "value" },
        "graphMode": if trend { "area" } else { "none" },
        "justifyMode": "auto",
        "orientation": "auto",
        "percentChangeColorMode": "standard",
        "reduceOptions": latest(),
        "showPercentChange": false,
        "textMode": "auto",
        "wideLayout": true,
    })
}

fn gauge() -> Value {
    json!({
        "displayMode": "basic",
        "legend": legend(false),
        "maxVizHeight": 300,
        "minVizHeight": 16,
        "minVizWidth": 8,
        "namePlacement": "left",
        "orientation": "horizontal",
        "reduceOptions": latest(),
        "showUnfilled": true,
        "sizing": "auto",
        "valueMode": "color",
    })
}

fn defaults(panel: &Panel) -> Value {
    let mut defaults = json!({
        "color": colour(panel),
        "mappings": mappings(panel.words),
        "thresholds": thresholds(panel.bounds),
        "unit": panel.unit,
    });
    let optional = [
        ("custom", custom(panel)),
        ("decimals", panel.decimals.map(Value::from)),
        ("max", panel.range.1.map(number)),
        ("min", panel.range.0.map(number)),
        ("noValue", panel.nothing.map(Value::from)),
    ];
    for (key, value) in optional {
        if let Some(value) = value {
            defaults[key] = value;
        }
    }
    defaults
}

/// A whole number without a fraction, so that the text is what Grafana itself would write.
fn number(number: f64) -> Value {
    if number.fract() == 0.0 { json!(number as i64) } else { json!(number) }
}

fn colour(panel: &Panel) -> Value {
    match panel.view {
        // A machine or a source has a colour of its own, the same in every panel; GPUs and engines are shades of one,
        // so that red and orange go on meaning trouble.
        View::Lines { .. } | View::Bars if panel.distinct => json!({"mode": "palette-classic-by-name"}),
        View::Lines { .. } | View::Bars => {
            let several = panel.queries.iter().any(|query| !query.dashed && query.legend.contains("{{"));
            let measured = panel.queries.iter().filter(|query| !query.dashed).count();
            if several || measured > 1 { json!({"fixedColor": PLAIN, "mode": "shades"}) } else { fixed(PLAIN) }
        }
        _ => json!({"mode": "thresholds"}),
    }
}

fn fixed(colour: &str) -> Value {
    json!({"fixedColor": colour, "mode": "fixed"})
}

fn custom(panel: &Panel) -> Option<Value> {
    let scale = if panel.by_factors { json!({"log": 10, "type": "log"}) } else { json!({"type": "linear"}) };
    let line = |fill: u64, stacked: bool| {
        let mode = if stacked { "normal" } else { "none" };
        json!({"axisBorderShow": false, "drawStyle": "line", "fillOpacity": fill, "gradientMode": "none",
               "lineWidth": 2, "scaleDistribution": scale, "showPoints": "never", "spanNulls": false,
               "stacking": {"group": "A", "mode": mode},
               "thresholdsStyle": {"mode": "off"}})
    };
    match &panel.view {
        View::Lines { fill, stacked } => Some(line(*fill, *stacked)),
        View::Bars => {
            let mut bars = line(90, true);
            (bars["drawStyle"], bars["lineWidth"]) = ("bars".into(), 0.into());
            Some(bars)
        }
        View::Lanes => Some(json!({"fillOpacity": 80, "lineWidth": 0})),
        View::Table(_) => Some(json!({"align": "left", "cellOptions": {"type": "auto"}, "inspect": false})),
        View::Figure { .. } | View::Gauge => None,
    }
}

fn thresholds(bounds: Bounds) -> Value {
    let step = |(value, colour): (Option<f64>, &str)| json!({"color": colour, "value": value.map(number)});
    json!({"mode": "absolute", "steps": bounds.steps().into_iter().map(step).collect::<Vec<_>>()})
}

fn mappings(words: &[(&str, &str, &str)]) -> Value {
    let options: Map<String, Value> = words
        .iter()
        .enumerate()
        .map(|(index, (value, text, colour))| {
            ((*value).to_owned(), json!({"color": colour, "index": index, "text": text}))
        })
        .collect();
    if options.is_empty() { json!([]) } else { json!([{"options": options, "type": "value"}]) }
}

fn overrides(panel: &Panel, queries: &[Query]) -> Value {
    let property = |id: &str, value: Value| json!({"id": id, "value": value});
    let coloured = queries.iter().filter_map(|query| {
        let mut properties = vec![property("color", fixed(query.colour?))];
        if query.dashed {
            let width = if query.colour == Some(REFERENCE) { 1 } else { 2 };
            properties.extend([
                property("custom.lineStyle", json!({"dash": [8, 6], "fill": "dash"})),
                property("custom.lineWidth", json!(width)),
                property("custom.fillOpacity", json!(0)),
                property("custom.stacking", json!({"group": "A", "mode": "none"})),
            ]);
        }
        Some(json!({"matcher": {"id": "byFrameRefID", "options": query.id}, "properties": properties}))
    });
    let named = panel.colours.iter().map(|(name, colour)| {
        let matcher = json!({"id": "byName", "options": name});
        json!({"matcher": matcher, "properties": [property("color", fixed(colour))]})
    });
    let columns = match &panel.view {
        View::Table(table) => table.columns.iter().map(column).collect(),
        _ => Vec::new(),
    };
    coloured.chain(named).chain(columns).collect()
}

fn column(column: &Column) -> Value {
    let mut properties = vec![json!({"id": "unit", "value": column.unit})];
    let mut add = |id: &str, value: Value| properties.push(json!({"id": id, "value": value}));
    if let Some(width) = column.width {
        add("custom.width", width.into());
    }
    if let Some(bounds) = column.bounds {
        add("thresholds", thresholds(bounds));
        let whole = !column.words.is_empty();
        add("custom.cellOptions", json!({"type": if whole { "color-background" } else { "color-text" }}));
        add("color", if bounds == Bounds::Free { fixed(GOOD) } else { json!({"mode": "thresholds"}) });
    }
    if !column.words.is_empty() {
        add("mappings", mappings(column.words));
    }
    if let Some((title, url)) = &column.link {
        add("links", json!([{"targetBlank": false, "title": title, "url": url}]));
    }
    json!({"matcher": {"id": "byName", "options": column.title}, "properties": properties})
}

/// One row for each set of labels: the queries side by side, the columns named and in their order.
fn transformations(table: &Table, queries: usize) -> Value {
    // Grafana's own names of the columns.
    let name = |column: &Column| match column.of.strip_prefix("label:") {
        Some(label) => label.to_owned(),
        None if queries > 1 => format!("Value #{}", column.of),
        None => "Value".to_owned(),
    };
    let indices: Map<String, Value> =
        table.columns.iter().map(name).zip((0..).map(|index: u64| index.into())).collect();
    let titles: Map<String, Value> = table.columns.iter().map(|column| (name(column), column.title.into())).collect();
    json!([
        {"id": "merge", "options": {}},
        {"id": "organize",
         "options": {"excludeByName": {"Time": true}, "indexByName": indices, "renameByName": titles}},
    ])
}
