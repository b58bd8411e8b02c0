//! What every dashboard must be, judged from the JSON that a person imports.

mod layout;
mod limits;
mod queries;

use serde_json::Value;

use super::{Scope, all, json};

/// A dashboard as it is imported.
struct Imported {
    uid: &'static str,
    scope: Scope,
    value: Value,
}

fn imported() -> Vec<Imported> {
    let read = |dashboard: super::Dashboard| Imported {
        uid: dashboard.uid,
        scope: dashboard.scope,
        value: json::value(&dashboard),
    };
    all().into_iter().map(read).collect()
}

impl Imported {
    fn list(&self, key: &str) -> &[Value] {
        self.value[key].as_array().unwrap()
    }

    /// Every panel, those that are folded away among them, and no row.
    fn panels(&self) -> Vec<&Value> {
        let folded = self.list("panels").iter().flat_map(|panel| panel["panels"].as_array().into_iter().flatten());
        self.list("panels").iter().filter(|panel| panel["type"] != "row").chain(folded).collect()
    }

    /// Every expression, with where it stands.
    fn expressions(&self) -> Vec<(String, &str)> {
        let panels = self
            .panels()
            .into_iter()
            .flat_map(|panel| targets(panel).iter().map(move |target| (self.place(panel), text(&target["expr"]))));
        let annotations = self.value["annotations"]["list"].as_array().unwrap().iter();
        panels.chain(annotations.map(|one| (self.place(one), text(&one["expr"])))).collect()
    }

    fn place(&self, part: &Value) -> String {
        format!("{}: {}", self.uid, part["title"].as_str().or(part["name"].as_str()).unwrap())
    }
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_else(|| panic!("a text, not {value}"))
}

fn targets(panel: &Value) -> &[Value] {
    panel["targets"].as_array().unwrap()
}

fn steps(thresholds: &Value) -> Vec<Option<f64>> {
    thresholds["steps"].as_array().unwrap().iter().map(|step| step["value"].as_f64()).collect()
}

#[test]
fn the_files_say_what_the_code_says() {
    for dashboard in all() {
        crate::golden::check(&format!("dashboards/{}.json", dashboard.uid), &json::text(&dashboard));
    }
}

#[test]
fn their_addresses_are_those_that_links_and_bookmarks_hold() {
    let uids: Vec<&str> = imported().iter().map(|dashboard| dashboard.uid).collect();
    assert_eq!(uids, ["autoswe-overview", "autoswe-vllm-gpu", "autoswe-fleet"]);
    let titles: Vec<(&str, &str)> = all().iter().map(|dashboard| (dashboard.uid, dashboard.title)).collect();
    assert_eq!(titles, super::all_titles());
}

#[test]
fn each_panel_says_what_it_shows_and_what_to_do() {
    for dashboard in imported() {
        for panel in dashboard.panels() {
            let place = dashboard.place(panel);
            let description = text(&panel["description"]);
            let (shows, act) = description.split_once("\n\n**When it looks bad:** ").expect(&place);
            assert!(shows.len() > 20 && shows.ends_with('.'), "{place}: {shows}");
            assert!(act.len() > 15 && act.ends_with('.'), "{place}: {act}");
            assert!(!text(&panel["title"]).is_empty() && text(&panel["title"]).len() < 45, "{place}");
            let defaults = &panel["fieldConfig"]["defaults"];
            assert!(!text(&defaults["unit"]).is_empty(), "{place} has no unit");
            assert_eq!(steps(&defaults["thresholds"])[0], None, "{place} has no thresholds");
        }
    }
}

#[test]
fn panels_are_called_by_their_names_once() {
    for dashboard in imported() {
        let mut ids: Vec<u64> = dashboard.list("panels").iter().map(|panel| panel["id"].as_u64().unwrap()).collect();
        ids.extend(dashboard.panels().iter().map(|panel| panel["id"].as_u64().unwrap()));
        ids.sort_unstable();
        ids.dedup();
        let rows = dashboard.list("panels").iter().filter(|panel| panel["type"] == "row").count();
        assert_eq!(ids.len(), rows + dashboard.panels().len(), "{}", dashboard.uid);
        for panel in dashboard.panels() {
            let mut names: Vec<&str> = targets(panel).iter().map(|target| text(&target["refId"])).collect();
            names.sort_unstable();
            let count = names.len();
            names.dedup();
            assert_eq!(names.len(), count, "{}: two queries of one name", dashboard.place(panel));
        }
    }
}

/// The few colours: good, warning, critical, no answer; a measurement in blue; what it is compared with in grey.
const COLOURS: [&str; 12] = [
    "green",
    "orange",
    "red",
    "purple",
    "blue",
    "text",
    "transparent",
    "yellow",
    "super-light-yellow",
    "light-blue",
    "semi-dark-blue",
    "dark-blue",
];

#[test]
fn colours_are_few() {
    fn walk(value: &Value, place: &str) {
        for (key, value) in value.as_object().into_iter().flatten() {
            if ["color", "fixedColor", "iconColor"].contains(&key.as_str()) && value.is_string() {
                assert!(COLOURS.contains(&text(value)), "{place}: {value}");
            }
            walk(value, place);
        }
        value.as_array().into_iter().flatten().for_each(|item| walk(item, place));
    }
    imported().iter().for_each(|dashboard| walk(&dashboard.value, dashboard.uid));
}

/// Every address in `value`.
fn urls(value: &Value) -> Vec<&str> {
    let own = value.get("url").map(text);
    let fields = value.as_object().into_iter().flatten().map(|(_, field)| field);
    let below = value.as_array().into_iter().flatten().chain(fields).flat_map(urls);
    own.into_iter().chain(below).collect()
}

#[test]
fn links_lead_somewhere_and_keep_the_time() {
    let known: Vec<String> = imported().iter().map(|dashboard| format!("/d/{}", dashboard.uid)).collect();
    for dashboard in imported() {
        for link in dashboard.list("links") {
            assert_eq!(link["keepTime"], true, "{}", dashboard.uid);
            let kept = link["includeVars"] == true || text(&link["url"]).contains("${datasource:queryparam}");
            assert!(kept, "{} loses its variables: {link}", dashboard.uid);
        }
        assert_eq!(dashboard.list("links").len(), 2);
        for url in urls(&dashboard.value).into_iter().filter(|url| !url.starts_with("https://")) {
            assert!(known.contains(&url.split('?').next().unwrap().to_owned()), "{}: {url}", dashboard.uid);
        }
    }
}

/// The table of findings makes the address from the check's id.
#[test]
fn each_check_has_its_runbook_where_the_findings_link_to() {
    for check in crate::check::CHECKS {
        assert_eq!(check.runbook, format!("{}.md", check.id));
    }
    let overview = imported().remove(0).value.to_string();
    let books = crate::config::AlertsConfig::default().runbooks;
    assert!(overview.contains(&format!("{books}/${{__data.fields.Check}}.md#${{__data.fields.Finding}}")));
}
