//! The shipped dashboards against the schema that Grafana publishes, and the files that make them appear in a stock
//! Grafana. What they ask is tried on real data in `exporter/dashboards.rs`.

use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use crate::metrics::readers::python;

fn in_repository(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

/// Every dashboard of `dashboards/`.
pub(crate) fn shipped() -> Vec<Value> {
    let entries = std::fs::read_dir(in_repository("dashboards")).unwrap();
    let mut files: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    files.sort();
    let names: Vec<&str> = files.iter().map(|file| file.file_name().unwrap().to_str().unwrap()).collect();
    assert_eq!(names, ["autoswe-fleet.json", "autoswe-overview.json", "autoswe-vllm-gpu.json"]);
    files.iter().map(|file| serde_json::from_slice(&std::fs::read(file).unwrap()).unwrap()).collect()
}

/// What the schema has against each of `dashboards`.
fn faults(dashboards: &[Value]) -> Vec<Vec<String>> {
    let said = python("dashboard_schema.py", &[], &serde_json::to_vec(dashboards).unwrap());
    assert!(said.status.success(), "{}", String::from_utf8_lossy(&said.stderr));
    serde_json::from_slice(&said.stdout).unwrap()
}

#[test]
fn the_schema_has_nothing_against_them() {
    for (dashboard, faults) in shipped().iter().zip(faults(&shipped())) {
        assert_eq!(faults, [""; 0], "{}", dashboard["uid"]);
    }
}

/// Where something is broken, what stands there then (`null`: nothing), and a word of what the schema says.
fn breaks() -> Vec<(&'static str, Value, &'static str)> {
    vec![
        ("/title", json!(3), "not of type str"),
        ("/graphTooltip", json!(7), "none of [0, 1, 2]"),
        ("/uids", json!("x"), "no key 'uids'"),
        ("/links/0/type", json!("page"), "none of ['link'"),
        ("/links/0/keepTime", Value::Null, "needs the key 'keepTime'"),
        ("/templating/list/0/type", json!("source"), "none of ['query'"),
        ("/annotations/list/0/enable", json!("yes"), "not of type bool"),
        ("/annotations/list/0/query", json!("up"), "no key 'query'"),
        ("/panels/0/type", json!("stats"), "no panel is of the kind"),
        ("/panels/0/treshold", json!(1), "no key 'treshold'"),
        ("/panels/0/gridPos/w", json!("4"), "not of type int"),
        ("/panels/0/targets/0/format", json!("csv"), "none of ['time_series'"),
        ("/panels/0/targets/0/expression", json!("up"), "no key 'expression'"),
        ("/panels/0/options/colorMode", json!("loud"), "none of ['value'"),
        ("/panels/0/options/reduceOptions/calc", json!("last"), "no key 'calc'"),
        ("/panels/0/fieldConfig/defaults/units", json!("s"), "no key 'units'"),
        ("/panels/0/fieldConfig/defaults/color/mode", json!("rainbow"), "none of ['thresholds'"),
        ("/panels/0/fieldConfig/defaults/thresholds/mode", json!("relative"), "none of ['absolute'"),
        ("/panels/0/fieldConfig/defaults/thresholds/steps/1/value", json!("1"), "not of type float"),
        ("/panels/0/fieldConfig/defaults/thresholds/steps/1/color", Value::Null, "needs the key 'color'"),
        ("/panels/0/fieldConfig/defaults/mappings/0/type", json!("values"), "fits nothing"),
        ("/panels/0/fieldConfig/defaults/custom", json!({"lineWidth": 1}), "stat has no custom fields"),
        ("/panels/6/options/rowHeight", json!("tall"), "not of type float"),
        ("/panels/6/options/showValue", json!("maybe"), "none of ['auto'"),
        ("/panels/7/transformations/0/id", json!("mix"), "not a transformation"),
        ("/panels/7/fieldConfig/overrides/0/properties/0/id", json!("unity"), "no field 'unity'"),
        ("/panels/7/fieldConfig/defaults/custom/align", json!("middle"), "none of ['auto'"),
        ("/panels/9/fieldConfig/defaults/custom/drawStyle", json!("wave"), "none of ['line'"),
        ("/panels/9/fieldConfig/defaults/custom/fillOpacit", json!(1), "no key 'fillOpacit'"),
        ("/panels/9/options/legend/placement", json!("left"), "none of ['bottom'"),
        ("/panels/9/options/tooltip", Value::Null, "needs the key 'tooltip'"),
    ]
}

/// `dashboard` with `value` at `place`, or without what is there where it is `null`.
fn broken(dashboard: &Value, place: &str, value: &Value) -> Value {
    let mut dashboard = dashboard.clone();
    let (parent, key) = place.rsplit_once('/').unwrap();
    let parent = dashboard.pointer_mut(parent).unwrap_or_else(|| panic!("{place}: nothing there")).as_object_mut();
    match value {
        Value::Null => drop(parent.unwrap().remove(key).unwrap()),
        value => drop(parent.unwrap().insert(key.to_owned(), value.clone())),
    }
    dashboard
}

#[test]
fn the_schema_refuses_what_is_broken() {
    let overview = shipped().remove(1);
    let dashboards: Vec<Value> = breaks().iter().map(|(place, value, _)| broken(&overview, place, value)).collect();
    for ((place, value, word), faults) in breaks().iter().zip(faults(&dashboards)) {
        assert!(faults.len() == 1 && faults[0].contains(word), "{place} = {value}: {faults:#?}");
    }
}

fn yaml(path: &str) -> Value {
    let text = std::fs::read_to_string(in_repository(path)).unwrap();
    serde_yaml::from_str(&text).unwrap_or_else(|error| panic!("{path}: {error}"))
}

#[test]
fn a_stock_grafana_finds_data_and_dashboards() {
    let source = &yaml("deploy/grafana/provisioning/datasources/autoswe.yml")["datasources"][0];
    assert_eq!((&source["type"], &source["access"]), (&"prometheus".into(), &"proxy".into()));
    let provider = &yaml("deploy/grafana/provisioning/dashboards/autoswe.yml")["providers"][0];
    let folder = provider["options"]["path"].as_str().unwrap();
    assert_eq!((&provider["type"], folder), (&"file".into(), "/var/lib/grafana/dashboards/autoswe"));
    let readme = std::fs::read_to_string(in_repository("deploy/grafana/README.md")).unwrap();
    assert!(readme.contains(&format!("dashboards/*.json {folder}")), "the README copies them elsewhere");
    assert!(readme.contains(&format!("dashboards:{folder}:ro")), "the README mounts them elsewhere");
    for path in ["provisioning/datasources", "provisioning/dashboards"] {
        assert!(readme.contains(&format!("deploy/grafana/{path}/autoswe.yml /etc/grafana/{path}/")), "{path}");
    }
}
