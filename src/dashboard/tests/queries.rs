//! What the panels ask.

use std::collections::BTreeSet;

use promql_parser::label::MatchOp;
use promql_parser::parser::{Expr, LabelModifier, VectorSelector, parse};
use serde_json::Value;

use super::super::Scope;
use super::{Imported, imported, targets, text};
use crate::metric::{self, Kind};
use crate::promql;

/// `expr` as Prometheus would parse it.
fn parsed(expr: &str) -> Expr {
    let filled = expr.replace("$__rate_interval", "7m").replace("$__range", "9m").replace("$__interval_ms", "7000");
    parse(&filled).unwrap_or_else(|error| panic!("{error} in {expr}"))
}

/// Calls `visit` for each selector in `expr`, with the function that it is an argument of and whether it has a range.
fn selectors<'a>(expr: &'a Expr, of: &'a str, visit: &mut dyn FnMut(&'a VectorSelector, &'a str, Option<u64>)) {
    match expr {
        Expr::VectorSelector(selector) => visit(selector, of, None),
        Expr::MatrixSelector(matrix) => visit(&matrix.vs, of, Some(matrix.range.as_secs())),
        Expr::Call(call) => call.args.args.iter().for_each(|argument| selectors(argument, call.func.name, visit)),
        Expr::Aggregate(aggregate) => selectors(&aggregate.expr, "", visit),
        Expr::Unary(unary) => selectors(&unary.expr, of, visit),
        Expr::Paren(paren) => selectors(&paren.expr, of, visit),
        Expr::Subquery(query) => selectors(&query.expr, of, visit),
        Expr::Binary(binary) => {
            selectors(&binary.lhs, "", visit);
            selectors(&binary.rhs, "", visit);
        }
        Expr::NumberLiteral(_) | Expr::StringLiteral(_) | Expr::Extension(_) => {}
    }
}

fn each(visit: impl Fn(&Imported, &str, &str)) {
    for dashboard in imported() {
        for (place, expr) in dashboard.expressions() {
            visit(&dashboard, &place, expr);
        }
    }
}

#[test]
fn expressions_name_only_what_exists() {
    each(|_, place, expr| assert_eq!(promql::faults(expr, &[]), [""; 0], "{place}"));
}

#[test]
fn expressions_are_about_the_machines_that_were_chosen() {
    each(|dashboard, place, expr| {
        selectors(&parsed(expr), "", &mut |selector, _, _| {
            for (name, variable) in [("job", "$job"), ("instance", "$instance")] {
                let found: Vec<_> = selector.matchers.matchers.iter().filter(|matcher| matcher.name == name).collect();
                assert_eq!(found.len(), 1, "{place}: {selector} does not choose the {name}");
                assert_eq!(found[0].value, variable, "{place}: {selector}");
                let many = matches!(found[0].op, MatchOp::Re(_));
                assert_eq!(many, dashboard.scope == Scope::Fleet, "{place}: {selector}");
            }
        });
    });
}

#[test]
fn counters_are_rated_and_nothing_else_is() {
    const RATES: [&str; 2] = ["rate", "increase"];
    each(|_, place, expr| {
        selectors(&parsed(expr), "", &mut |selector, function, range| {
            let name = selector.name.as_deref().unwrap_or_default();
            let counter = metric::find(name).is_some_and(|metric| metric.kind == Kind::Counter);
            assert_eq!(RATES.contains(&function), counter, "{place}: {name} within {function:?}");
            assert_eq!(range.is_some(), counter, "{place}: {name}");
            // 7 and 9 minutes stand for Grafana's variables.
            assert!(range.is_none_or(|seconds| [420, 540].contains(&seconds)), "{place}: a fixed time in {expr}");
        });
    });
}

#[test]
fn data_source_job_and_machine_are_variables() {
    for dashboard in imported() {
        let list = dashboard.value["templating"]["list"].as_array().unwrap();
        let names: Vec<&str> = list.iter().map(|variable| text(&variable["name"])).collect();
        assert_eq!(names, ["datasource", "job", "instance"], "{}", dashboard.uid);
        assert_eq!((&list[0]["type"], &list[0]["query"]), (&"datasource".into(), &"prometheus".into()));
        let fleet = dashboard.scope == Scope::Fleet;
        assert_eq!((&list[2]["multi"], &list[2]["includeAll"]), (&fleet.into(), &fleet.into()));
        for variable in &list[1..] {
            let query = text(&variable["query"]["query"]);
            let selector = query.strip_prefix("label_values(").and_then(|rest| rest.rsplit_once(',')).unwrap().0;
            assert_eq!(promql::faults(selector, &[]), [""; 0], "{}", dashboard.uid);
        }
        sources(&dashboard.value, dashboard.uid);
    }
}

/// Every data source is the one that was chosen.
fn sources(value: &Value, place: &str) {
    for (key, value) in value.as_object().into_iter().flatten() {
        if key == "datasource" {
            assert_eq!(value, &serde_json::json!({"type": "prometheus", "uid": "${datasource}"}), "{place}");
        }
        sources(value, place);
    }
    value.as_array().into_iter().flatten().for_each(|item| sources(item, place));
}

/// The labels that the series of `expr` have.
fn labels(expr: &Expr) -> BTreeSet<String> {
    match expr {
        Expr::VectorSelector(selector) => of_metric(selector.name.as_deref().unwrap_or_default()),
        Expr::MatrixSelector(matrix) => of_metric(matrix.vs.name.as_deref().unwrap_or_default()),
        Expr::Paren(paren) => labels(&paren.expr),
        Expr::Unary(unary) => labels(&unary.expr),
        Expr::Subquery(query) => labels(&query.expr),
        Expr::Call(call) => call.args.args.iter().flat_map(|argument| labels(argument)).collect(),
        Expr::Aggregate(aggregate) => match &aggregate.modifier {
            Some(LabelModifier::Include(by)) => by.labels.iter().cloned().collect(),
            Some(LabelModifier::Exclude(without)) => {
                labels(&aggregate.expr).into_iter().filter(|label| !without.labels.contains(label)).collect()
            }
            None => BTreeSet::new(),
        },
        // What a number or the other side of a comparison does not add.
        Expr::Binary(binary) => {
            let left = labels(&binary.lhs);
            if left.is_empty() { labels(&binary.rhs) } else { left }
        }
        Expr::NumberLiteral(_) | Expr::StringLiteral(_) | Expr::Extension(_) => BTreeSet::new(),
    }
}

fn of_metric(name: &str) -> BTreeSet<String> {
    let own: Vec<&str> = match metric::find(name) {
        Some(metric) => metric.labels.to_vec(),
        None => vec!["alertname", "severity", "alertstate"],
    };
    own.into_iter().chain(["quantile", "job", "instance"]).map(str::to_owned).collect()
}

fn placeholders(legend: &str) -> impl Iterator<Item = &str> {
    legend.split("{{").skip(1).map(|rest| rest.split_once("}}").expect("a placeholder has an end").0)
}

#[test]
fn legends_name_labels_that_the_series_have() {
    for dashboard in imported() {
        for panel in dashboard.panels() {
            for target in targets(panel) {
                let labels = labels(&parsed(text(&target["expr"])));
                let legend = text(&target["legendFormat"]);
                for label in placeholders(legend) {
                    assert!(labels.contains(label), "{}: no label {label} in {legend}", dashboard.place(panel));
                }
                let table = panel["type"] == "table";
                assert_eq!(legend.is_empty(), table, "{}: its legend", dashboard.place(panel));
            }
        }
    }
}

#[test]
fn columns_of_tables_are_labels_or_queries() {
    for dashboard in imported() {
        for panel in dashboard.panels().into_iter().filter(|panel| panel["type"] == "table") {
            let renamed = panel["transformations"][1]["options"]["renameByName"].as_object().unwrap();
            let by: BTreeSet<String> =
                targets(panel).iter().flat_map(|one| labels(&parsed(text(&one["expr"])))).collect();
            let values = targets(panel).iter().map(|target| format!("Value #{}", text(&target["refId"])));
            let known: BTreeSet<String> = by.into_iter().chain(values).chain(["Value".to_owned()]).collect();
            for column in renamed.keys() {
                assert!(known.contains(column), "{}: no column {column}", dashboard.place(panel));
            }
            let titles: Vec<&Value> = renamed.values().collect();
            let sorted = &panel["options"]["sortBy"][0]["displayName"];
            assert!(titles.contains(&sorted), "{} is sorted by {sorted}", dashboard.place(panel));
        }
    }
}
