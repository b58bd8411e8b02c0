//! Where the panels lie.

use std::collections::BTreeMap;

use serde_json::Value;

use super::super::json::COLUMNS;
use super::imported;

/// Column, row, width and height.
type Place = (u64, u64, u64, u64);

fn place(panel: &Value) -> Place {
    let of = |key: &str| panel["gridPos"][key].as_u64().unwrap();
    (of("x"), of("y"), of("w"), of("h"))
}

fn overlap(one: Place, other: Place) -> bool {
    let meet = |(a, length): (u64, u64), (b, other): (u64, u64)| a < b + other && b < a + length;
    meet((one.0, one.2), (other.0, other.2)) && meet((one.1, one.3), (other.1, other.3))
}

/// Panels that are shown together: the open ones, and what one folded row holds.
fn shown_together(panels: &[Value]) -> Vec<Vec<&Value>> {
    let folded = panels.iter().filter_map(|panel| panel["panels"].as_array()).filter(|inner| !inner.is_empty());
    std::iter::once(panels.iter().collect()).chain(folded.map(|inner| inner.iter().collect())).collect()
}

#[test]
fn no_two_panels_overlap() {
    for dashboard in imported() {
        for together in shown_together(dashboard.list("panels")) {
            for (index, one) in together.iter().enumerate() {
                for other in &together[..index] {
                    assert!(!overlap(place(one), place(other)), "{}: {one:#} on {other:#}", dashboard.uid);
                }
            }
        }
    }
}

#[test]
fn each_line_is_full_and_of_one_height() {
    for dashboard in imported() {
        for together in shown_together(dashboard.list("panels")) {
            let mut lines: BTreeMap<u64, Vec<Place>> = BTreeMap::new();
            together.iter().for_each(|panel| lines.entry(place(panel).1).or_default().push(place(panel)));
            let mut next = *lines.keys().next().unwrap();
            for (y, line) in lines {
                assert_eq!(y, next, "{}: a gap above row {y}", dashboard.uid);
                assert_eq!(line.iter().map(|place| place.2).sum::<u64>(), COLUMNS, "{}: row {y}", dashboard.uid);
                assert!(line.iter().all(|place| place.3 == line[0].3), "{}: row {y} is uneven", dashboard.uid);
                next = y + line[0].3;
            }
        }
    }
}

#[test]
fn the_most_important_is_top_left() {
    for dashboard in imported() {
        let first = &dashboard.list("panels")[0];
        assert_eq!((place(first).0, place(first).1), (0, 0));
        let words = ["Severity", "vLLM", "CRIT"];
        assert!(words.contains(&first["title"].as_str().unwrap()), "{}: {}", dashboard.uid, first["title"]);
    }
}
