//! What is made, read back: the data against its schema, the Markdown against the data, the feed against its rules.

use std::collections::{BTreeMap, BTreeSet};

use autoswe_exporter::journey::draft::Draft;
use autoswe_exporter::journey::run::Outcome;
use autoswe_exporter::journey::site::{Settings, files};
use autoswe_exporter::journey::site_data::{Iteration, SiteData};
use serde_json::Value;

use super::{hostile, sample, settings, site};

/// Every kind of journey there is.
pub(crate) fn journeys() -> Vec<(&'static str, SiteData)> {
    let untimed = |mut data: SiteData| {
        for one in &mut data.iterations {
            (one.started_at, one.ended_at, one.verdict) = (None, None, None);
        }
        (data.started_at, data.as_of) = (None, None);
        data
    };
    vec![
        ("empty", SiteData::default()),
        ("one", sample::journey(1)),
        ("ordinary", sample::journey(64)),
        ("long", sample::journey(330)),
        ("untimed", untimed(sample::journey(30))),
        ("hostile", hostile::hostile()),
    ]
}

fn data_only() -> Settings {
    Settings { with_site: false, ..settings() }
}

fn json(site: &BTreeMap<String, Vec<u8>>, path: &str) -> Value {
    serde_json::from_slice(&site[path]).unwrap_or_else(|error| panic!("{path}: {error}"))
}

#[test]
fn the_data_reads_back_as_it_was_and_fits_its_schema() {
    for (name, data) in journeys() {
        let site = site(&data, &data_only());
        let text = std::str::from_utf8(&site["site-data.json"]).unwrap();
        let back: SiteData = serde_json::from_str(text).unwrap();
        // A score that is no number is no score.
        assert_eq!(serde_json::to_value(&back).unwrap(), serde_json::to_value(&data).unwrap(), "{name}");
        assert_eq!(json(&site, "site-data.json"), serde_json::to_value(&data).unwrap(), "{name}");
        assert!(!text.contains("null,") && !text.contains(":null"), "{name}: what is absent is left out");
        let lines = text.lines().filter(|line| line.starts_with("{\"epoch\":")).count();
        assert_eq!(lines, data.iterations.len(), "{name}: an iteration a line");
        let schema = json(&site, "site-data.schema.json");
        assert_eq!(faults(&schema, &schema, &json(&site, "site-data.json"), "$"), [""; 0], "{name}");
    }
}

#[test]
fn the_schema_refuses_what_does_not_fit() {
    let site = site(&sample::journey(12), &data_only());
    let (schema, good) = (json(&site, "site-data.schema.json"), json(&site, "site-data.json"));
    let breaks: [(&str, Value); 7] = [
        ("/version", Value::Null),
        ("/iterations/3/epoch", "3".into()),
        ("/iterations/3/outcome", "GOOD".into()),
        ("/iterations/0/tokens/writer-large/input", (-1).into()),
        ("/iterations/0/files", "src".into()),
        ("/parity/0/green", 1.5.into()),
        ("/iterations/1/started_at", 7.into()),
    ];
    for (place, value) in breaks {
        let mut bad = good.clone();
        *bad.pointer_mut(place).unwrap_or_else(|| panic!("{place} in {good}")) = value;
        assert_ne!(faults(&schema, &schema, &bad, "$"), [""; 0], "{place}");
    }
    let mut bad = good;
    bad["iterations"][0].as_object_mut().unwrap().remove("iter");
    assert_ne!(faults(&schema, &schema, &bad, "$"), [""; 0]);
}

/// What `value` has against it by `schema`: the words of JSON Schema that the generated schema uses, and no other.
fn faults(root: &Value, schema: &Value, value: &Value, at: &str) -> Vec<String> {
    let Some(schema) = schema.as_object() else { return Vec::new() };
    let mut found = Vec::new();
    for (word, rule) in schema {
        let fits = match word.as_str() {
            "$ref" => {
                let pointer = rule.as_str().unwrap().trim_start_matches('#');
                found.extend(faults(root, root.pointer(pointer).expect(pointer), value, at));
                true
            }
            "type" => match rule {
                Value::String(kind) => is(value, kind),
                kinds => kinds.as_array().unwrap().iter().any(|kind| is(value, kind.as_str().unwrap())),
            },
            "enum" => rule.as_array().unwrap().contains(value),
            "const" => rule == value,
            "minimum" => value.as_f64().is_none_or(|value| value >= rule.as_f64().unwrap()),
            "minItems" => value.as_array().is_none_or(|items| items.len() as u64 >= rule.as_u64().unwrap()),
            "maxItems" => value.as_array().is_none_or(|items| items.len() as u64 <= rule.as_u64().unwrap()),
            "required" => {
                let there = |name: &Value| value.get(name.as_str().unwrap()).is_some();
                !value.is_object() || rule.as_array().unwrap().iter().all(there)
            }
            "anyOf" | "oneOf" => rule.as_array().unwrap().iter().any(|one| faults(root, one, value, at).is_empty()),
            "properties" | "items" | "additionalProperties" | "prefixItems" => {
                found.extend(inner(root, schema, value, at));
                true
            }
            "format" if rule == "date-time" => {
                value.as_str().is_none_or(|text| text.parse::<jiff::Timestamp>().is_ok())
            }
            "$schema" | "$defs" | "title" | "description" | "format" | "default" => true,
            other => panic!("the schema says {other}, which this test does not know"),
        };
        if !fits {
            found.push(format!("{at}: {word} {rule}"));
        }
    }
    found.sort();
    found.dedup();
    found
}

fn is(value: &Value, kind: &str) -> bool {
    match kind {
        "null" => value.is_null(),
        "string" => value.is_string(),
        "integer" => value.is_u64() || value.is_i64(),
        "number" => value.is_number(),
        "array" => value.is_array(),
        "object" => value.is_object(),
        "boolean" => value.is_boolean(),
        other => panic!("no kind of value: {other}"),
    }
}

fn inner(root: &Value, schema: &serde_json::Map<String, Value>, value: &Value, at: &str) -> Vec<String> {
    match value {
        Value::Object(members) => {
            let of = |name: &str| {
                let named = schema.get("properties").and_then(|named| named.get(name));
                named.or_else(|| schema.get("additionalProperties"))
            };
            let each = members.iter().filter_map(|(name, value)| Some((of(name)?, value, format!("{at}.{name}"))));
            each.flat_map(|(schema, value, at)| faults(root, schema, value, &at)).collect()
        }
        Value::Array(items) => {
            let of = |index: usize| {
                let placed = schema.get("prefixItems").and_then(|placed| placed.get(index));
                placed.or_else(|| schema.get("items"))
            };
            let each = items.iter().enumerate().filter_map(|(index, value)| Some((of(index)?, value, index)));
            each.flat_map(|(schema, value, index)| faults(root, schema, value, &format!("{at}[{index}]"))).collect()
        }
        _ => Vec::new(),
    }
}

#[test]
fn the_front_matter_is_the_data_with_its_types() {
    for (name, data) in journeys() {
        let site = site(&data, &data_only());
        let whole = json(&site, "site-data.json");
        let markdown: Vec<_> = site.iter().filter(|(path, _)| path.ends_with(".md")).collect();
        assert_eq!(markdown.len(), data.iterations.len(), "{name}");
        let mut seen = Vec::new();
        for (path, bytes) in markdown {
            let text = std::str::from_utf8(bytes).unwrap();
            let (head, body) = text.strip_prefix("---\n").and_then(|rest| rest.split_once("\n---\n")).expect(path);
            let mut head: Value = serde_yaml::from_str(head).unwrap_or_else(|error| panic!("{path}: {error}\n{head}"));
            let title = head.as_object_mut().unwrap().remove("title").expect("a title");
            assert!(body.starts_with(&format!("\n# {}\n", title.as_str().unwrap())), "{path}");
            let back: Iteration = serde_json::from_value(head.clone()).unwrap();
            assert!(path.starts_with(&format!("iterations/epoch-{}-iter-{:04}", back.epoch, back.iter)), "{path}");
            seen.push(head);
        }
        let mut expected = whole["iterations"].as_array().unwrap().clone();
        let key = |one: &Value| one.to_string();
        seen.sort_by_key(key);
        expected.sort_by_key(key);
        assert_eq!(seen, expected, "{name}");
    }
}

#[test]
fn the_body_of_a_markdown_file_holds_no_markup_of_the_data() {
    let site = site(&hostile::hostile(), &data_only());
    for (path, bytes) in site.iter().filter(|(path, _)| path.ends_with(".md")) {
        let text = std::str::from_utf8(bytes).unwrap();
        let body = text.split_once("\n---\n").unwrap().1;
        let options = pulldown_cmark::Options::ENABLE_TABLES | pulldown_cmark::Options::ENABLE_STRIKETHROUGH;
        for event in pulldown_cmark::Parser::new_ext(body, options) {
            use pulldown_cmark::{Event, Tag};
            let of_the_data = match &event {
                Event::Html(_) | Event::InlineHtml(_) | Event::Code(_) | Event::Rule | Event::TaskListMarker(_) => true,
                Event::Start(Tag::Link { .. } | Tag::Image { .. } | Tag::CodeBlock(_) | Tag::Emphasis) => true,
                _ => false,
            };
            assert!(!of_the_data, "{path}: {event:?}");
        }
        let headings: Vec<&str> = body.lines().filter(|line| line.starts_with('#')).collect();
        assert_eq!(headings[1..], ["## Verdict", "## Tokens", "## Commits", "## Files", "## Events"], "{path}");
    }
}

fn drafts_by_path<'a>(data: &'a SiteData, settings: &'a Settings) -> BTreeMap<String, Draft<'a>> {
    files(data, settings).into_iter().map(|draft| (draft.path.clone(), draft)).collect()
}

#[test]
fn paths_are_in_order_and_made_of_what_every_file_system_takes() {
    for (name, data) in journeys() {
        let settings = settings();
        let drafts = files(&data, &settings);
        let paths: Vec<&str> = drafts.iter().map(|draft| draft.path.as_str()).collect();
        assert!(paths.is_sorted_by(|one, other| one < other), "{name}");
        let lower: BTreeSet<String> = paths.iter().map(|path| path.to_lowercase()).collect();
        assert_eq!(lower.len(), paths.len(), "{name}: two that differ by case alone");
        for part in paths.iter().flat_map(|path| path.split('/')) {
            let plain = part.bytes().all(|c| c.is_ascii_alphanumeric() || matches!(c, b'.' | b'_' | b'-'));
            assert!(plain && !part.is_empty() && !part.starts_with('.') && part.len() < 120, "{name}: {part}");
        }
    }
}

#[test]
fn equal_sources_make_equal_bytes_and_a_new_iteration_leaves_the_old_alone() {
    let settings = settings();
    for count in [63, 99, 100, 101, 200, 201] {
        let mut newer = sample::journey(count + 1);
        let mut older = newer.clone();
        older.iterations.pop();
        newer.as_of = older.as_of;
        let (before, after) = (drafts_by_path(&older, &settings), drafts_by_path(&newer, &settings));
        let mut changed = Vec::new();
        for (path, draft) in &before {
            let now = after.get(path).unwrap_or_else(|| panic!("{path} is gone"));
            if draft.source == now.source {
                assert_eq!((draft.render)().unwrap(), (now.render)().unwrap(), "{path}");
            } else {
                changed.push(path.as_str());
            }
        }
        let last = older.iterations.last().unwrap();
        let neighbour = format!("iterations/epoch-{}-iter-{:04}.html", last.epoch, last.iter);
        assert!(changed.contains(&neighbour.as_str()), "{changed:?}");
        let full = count / 100;
        for path in changed {
            let page =
                path.rsplit_once("/page-").and_then(|(_, rest)| rest.strip_suffix(".html")?.parse::<usize>().ok());
            // A page that is full and has a successor stays as it is.
            let open = page.is_none_or(|page| page > full || (page == full && count % 100 == 0));
            let old = path.starts_with("iterations/epoch-") && path != neighbour;
            assert!(open && !old && !path.ends_with(".md"), "{count}: {path}");
        }
    }
}

#[test]
fn whatever_is_shown_is_in_the_digest() {
    let (data, settings) = (sample::journey(130), settings());
    let before = drafts_by_path(&data, &settings);
    let mut changes: Vec<(SiteData, Settings)> = Vec::new();
    let mut change = |how: &dyn Fn(&mut SiteData, &mut Settings)| {
        let mut changed = (data.clone(), settings.clone());
        how(&mut changed.0, &mut changed.1);
        changes.push(changed);
    };
    change(&|_, settings| settings.title.push('!'));
    change(&|_, settings| settings.base_url = Some("https://example.org/journey".into()));
    change(&|_, settings| settings.commit_url = None);
    change(&|data, _| data.iterations[7].slug = None);
    change(&|data, _| data.iterations[7].module = Some("another".into()));
    change(&|data, _| data.iterations[120].outcome = Outcome::Unknown);
    change(&|data, _| data.iterations[3].started_at = None);
    change(&|data, _| data.iterations.truncate(101));
    change(&|data, _| drop(data.iterations.remove(50)));
    change(&|data, _| data.events.clear());
    change(&|data, _| data.parity.truncate(5));
    change(&|data, _| data.reviews[0].summary = None);
    change(&|data, _| data.phase = None);
    change(&|data, _| data.as_of = None);
    change(&|data, _| data.started_at = None);
    change(&|data, _| data.left_out.clear());
    change(&|data, _| data.contradictions.clear());
    for (number, (data, settings)) in changes.iter().enumerate() {
        let mut seen = 0;
        for (path, draft) in drafts_by_path(data, settings) {
            let Some(old) = before.get(&path) else { continue };
            if old.source == draft.source {
                assert_eq!((old.render)().unwrap(), (draft.render)().unwrap(), "change {number}: {path}");
            } else {
                seen += 1;
            }
        }
        assert!(seen > 0, "change {number} is seen nowhere");
    }
}

#[test]
fn long_texts_and_long_runs_stay_within_bounds() {
    let data = sample::journey(10_000);
    let settings = settings();
    for draft in files(&data, &settings) {
        let page = draft.path.strip_suffix(".html");
        // A sample of the many, and all of the few.
        if page.is_none_or(|page| page.starts_with("iterations/epoch-") && !page.ends_with("77")) {
            continue;
        }
        let bytes = (draft.render)().unwrap().len();
        assert!(bytes < 150_000, "{}: {bytes}", draft.path);
    }
}
