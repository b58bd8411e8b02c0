//! The Atom feed by the rules of RFC 4287, read with an XML reader of the standard library of Python.

use autoswe_exporter::journey::site::Settings;

use super::made::journeys;
use super::{sample, settings, site};
use crate::metrics::readers::python;

fn read(feed: &[u8]) -> serde_json::Value {
    let said = python("atom.py", &[], feed);
    assert!(said.status.success(), "{}\n{}", String::from_utf8_lossy(&said.stderr), String::from_utf8_lossy(feed));
    serde_json::from_slice(&said.stdout).unwrap()
}

#[test]
fn the_feed_is_valid_whatever_the_journey() {
    for (name, data) in journeys() {
        for base_url in [None, Some("https://example.org/journey".to_owned())] {
            let site = site(&data, &Settings { base_url: base_url.clone(), ..settings() });
            let feed = read(&site["feed.xml"]);
            assert_eq!(feed["faults"], serde_json::json!([]), "{name}");
            for entry in feed["entries"].as_array().unwrap() {
                let link = entry["link"].as_str().unwrap();
                let path = base_url.as_ref().map_or(link, |base| link.strip_prefix(&format!("{base}/")).unwrap());
                assert!(site.contains_key(path), "{name}: {link}");
            }
        }
    }
}

#[test]
fn the_newest_that_ended_are_told_and_their_ids_stay() {
    let ids = |count: usize| {
        let data = sample::journey(count);
        let feed = read(&site(&data, &settings())["feed.xml"]);
        let entries = feed["entries"].as_array().unwrap().clone();
        entries.into_iter().map(|entry| (entry["id"].to_string(), entry["updated"].to_string())).collect::<Vec<_>>()
    };
    let (older, newer) = (ids(80), ids(81));
    assert_eq!((older.len(), newer.len()), (50, 50));
    assert_eq!(newer[1..], older[..49], "one more pushes the oldest out, and the others stay");
    assert!(newer[0].0.contains("tag:autoswe,2025:journey-20251120T070000Z/epoch-1-iter-0080"), "{}", newer[0].0);
}
