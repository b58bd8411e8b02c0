//! A made-up run, published by the real program, shown by the real server, and walked through: by every link, and in
//! Chromium.

use std::collections::{BTreeMap, BTreeSet};

use super::served::{Answer, Served};
use crate::journey::place::Place;
use crate::page::{chromium, text};

async fn served(place: &Place) -> Served {
    place.synthesize(&["--rebuild-site"]);
    let mut command = place.program(&["serve", "--bind", "127.0.0.1", "--port", "0"]);
    command.env("AUTOSWE_JOURNEY_SERVER_METRICS_ADDRESS", "127.0.0.1:0");
    Served::spawn(&mut command).await
}

/// Where the links of a page at `path` lead within the site, without queries and fragments.
fn links(path: &str, html: &str) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for attribute in [" href=\"", " src=\""] {
        for piece in html.split(attribute).skip(1) {
            let link = piece.split('"').next().unwrap();
            let link = link.split(['#', '?']).next().unwrap();
            if !link.is_empty() && !link.contains("://") && !link.starts_with("data:") {
                found.insert(resolved(path, link));
            }
        }
    }
    found
}

fn resolved(path: &str, link: &str) -> String {
    let mut parts: Vec<&str> = path.split('/').collect();
    parts.pop();
    for part in link.split('/') {
        match part {
            "." => {}
            ".." => assert!(parts.pop().is_some(), "{path}: {link} leads out of the site"),
            part => parts.push(part),
        }
    }
    let resolved = parts.join("/");
    if link.ends_with("..") || link.ends_with('.') { format!("{resolved}/") } else { resolved }
}

#[tokio::test]
async fn every_link_leads_to_a_page_and_every_file_is_found() {
    let place = Place::new(60);
    let served = served(&place).await;
    let (_, released) = place.shown().unwrap();
    let (mut seen, mut waiting) = (BTreeMap::<String, Answer>::new(), BTreeSet::from(["/".to_owned()]));
    while let Some(path) = waiting.pop_first() {
        let answer = served.get(&path);
        assert_eq!(answer.status, 200, "{path}");
        if answer.header("content-type").starts_with("text/html") {
            waiting.extend(links(&path, &answer.text()).into_iter().filter(|link| !seen.contains_key(link)));
        }
        seen.insert(path, answer);
    }
    assert!(seen.len() > 60, "{:?}", seen.keys());
    assert!(seen.keys().any(|path| path.ends_with(".css")) && seen.keys().any(|path| path.ends_with(".js")));
    for (path, bytes) in &released {
        let answer = served.get(&format!("/{path}"));
        assert!(answer.status == 200 && answer.body == bytes.as_bytes(), "{path}");
    }
}

#[tokio::test]
async fn chromium_walks_it_with_style_script_and_search() {
    let place = Place::new(60);
    let served = served(&place).await;
    let url = |path: &str| format!("http://{}{path}", served.address);
    let front = chromium(&url("/"), &["--dump-dom"]).await;
    assert!(text(&front).contains("60 iterations") || text(&front).contains("of 60"), "{}", text(&front));
    // The search is made by the script, from data that the script loads: all of it under the server's policy.
    let found = chromium(&url("/iterations/#outcome=accepted"), &["--dump-dom", "--virtual-time-budget=5000"]).await;
    assert!(text(&found).contains(" of 61 iterations"), "{}", text(&found));
    let nothing = chromium(&url("/no/such/page"), &["--dump-dom"]).await;
    assert_eq!(nothing, chromium(&url("/404.html"), &["--dump-dom"]).await);
    assert!(nothing.contains("<h1"), "{nothing}");
    // Through a link without its slash, as a person types it.
    let modules = chromium(&url("/modules"), &["--dump-dom"]).await;
    assert_eq!(text(&modules), text(&chromium(&url("/modules/"), &["--dump-dom"]).await));
}
