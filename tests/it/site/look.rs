//! The site in Chromium: axe has nothing against it, nothing is wider than a small phone, and the script does what it
//! says.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use autoswe_exporter::journey::site::Settings;
use autoswe_exporter::journey::site_data::SiteData;
use autoswe_exporter::web::{Limits, Server};
use axum::Router;
use axum::extract::{Path as UrlPath, State};
use axum::http::{StatusCode, header};
use axum::response::IntoResponse;
use axum::routing::get;
use serde_json::{Value, json};
use tokio::sync::Notify;

use super::{hostile, sample, settings, site};
use crate::page::chromium;

/// What the server hands out.
struct Look {
    site: BTreeMap<String, Vec<u8>>,
    tasks: Value,
    done: Notify,
}

fn kind(path: &str) -> &'static str {
    match path.rsplit('.').next() {
        Some("html") => "text/html; charset=utf-8",
        Some("css") => "text/css",
        Some("js") => "text/javascript",
        Some("svg") => "image/svg+xml",
        _ => "application/octet-stream",
    }
}

async fn page(State(look): State<Arc<Look>>, UrlPath(path): UrlPath<String>) -> impl IntoResponse {
    let file = look.site.get(&path).cloned();
    let status = if file.is_some() { StatusCode::OK } else { StatusCode::NOT_FOUND };
    (status, [(header::CONTENT_TYPE, kind(&path))], file.unwrap_or_default())
}

async fn finished(State(look): State<Arc<Look>>) {
    look.done.notify_one();
}

/// Keeps the browser's page loading until everything was found, so that the browser ends by itself afterwards.
async fn done(State(look): State<Arc<Look>>) -> impl IntoResponse {
    look.done.notified().await;
    ([(header::CONTENT_TYPE, "text/javascript")], "")
}

fn axe() -> String {
    let file = Path::new(env!("CARGO_TARGET_TMPDIR")).with_file_name("axe-core").join("axe.min.js");
    std::fs::read_to_string(&file).unwrap_or_else(|error| panic!("{}: {error}; tests/run fetches it", file.display()))
}

/// What the browser finds in the site of `data`, in light or dark colours.
async fn look(data: &SiteData, tasks: Value, dark: bool) -> Value {
    look_at(site(data, &Settings { base_url: None, ..settings() }), tasks, dark).await
}

/// What the browser finds in these files.
pub(crate) async fn look_at(site: BTreeMap<String, Vec<u8>>, tasks: Value, dark: bool) -> Value {
    let look = Arc::new(Look { site, tasks, done: Notify::new() });
    let axe = axe();
    let app = Router::new()
        .route("/", get(async || ([(header::CONTENT_TYPE, "text/html")], include_str!("harness.html"))))
        .route("/tasks", get(async |State(look): State<Arc<Look>>| look.tasks.to_string()))
        .route("/axe.js", get(async move || ([(header::CONTENT_TYPE, "text/javascript")], axe.clone())))
        .route("/site/{*path}", get(page))
        .route("/finished", get(finished))
        .route("/done.js", get(done))
        .with_state(look);
    let server = Server::bind(&["127.0.0.1:0".into()]).unwrap();
    let address = server.addresses()[0];
    tokio::spawn(server.serve(app, Limits::default(), std::future::pending()));
    let scheme = format!("--blink-settings=preferredColorScheme={}", u8::from(!dark));
    let seen = chromium(&format!("http://{address}/"), &["--dump-dom", &scheme]).await;
    let found = seen.split_once("<pre id=\"found\">").and_then(|(_, rest)| rest.split_once("</pre>"));
    let found: Value = serde_json::from_str(found.unwrap_or_else(|| panic!("nothing found: {seen}")).0).unwrap();
    assert!(found["error"].is_null(), "{found:#}");
    found
}

/// Fails for whatever is wrong with a page.
fn sound(found: &Value, count: usize) {
    let pages = found["pages"].as_array().expect("pages");
    assert_eq!(pages.len(), count);
    for page in pages {
        let place = format!("{} at {}", page["page"], page["width"]);
        assert_eq!(page["faults"], json!([]), "{place}: {:#}", page["faults"]);
        assert_eq!((&page["style"], &page["script"]), (&json!(true), &json!(true)), "{place}: style and script");
        assert!(page["wide"].as_i64().unwrap() <= 0, "{place} is {} too wide: {:#}", page["wide"], page["over"]);
    }
}

const PAGES: [&str; 12] = [
    "index.html",
    "iterations/index.html",
    "iterations/page-1.html",
    "iterations/epoch-1-iter-0030.html",
    "iterations/epoch-1-iter-0032.html",
    "modules/index.html",
    "modules/auth.session.html",
    "epochs/1.html",
    "outcomes/reverted.html",
    "events/index.html",
    "reviews/index.html",
    "404.html",
];

/// Every page at a width, with some of axe's rules (none: all; `null`: without axe).
fn tasks(pages: &[&str], width: u32, rules: &Value) -> Vec<Value> {
    pages.iter().map(|page| json!({"page": page, "width": width, "rules": rules})).collect()
}

#[tokio::test]
async fn axe_has_nothing_against_any_page_at_a_desk() {
    let found = look(&sample::journey(130), json!({ "pages": tasks(&PAGES, 1280, &json!([])) }), false).await;
    sound(&found, PAGES.len());
}

/// Where less room makes a difference.
#[tokio::test]
async fn axe_has_nothing_against_any_page_on_a_phone() {
    let rules = json!(["color-contrast", "target-size", "scrollable-region-focusable"]);
    let found = look(&sample::journey(130), json!({ "pages": tasks(&PAGES, 390, &rules) }), false).await;
    sound(&found, PAGES.len());
}

/// Where other colours make a difference.
#[tokio::test]
async fn axe_has_nothing_against_any_page_in_the_dark() {
    let rules = json!(["color-contrast"]);
    let pages = [tasks(&PAGES, 390, &rules), tasks(&PAGES[..4], 1280, &rules)].concat();
    let found = look(&sample::journey(130), json!({ "pages": pages }), true).await;
    sound(&found, PAGES.len() + 4);
}

#[tokio::test]
async fn an_empty_run_is_as_sound_as_a_full_one() {
    let pages = ["index.html", "iterations/index.html", "events/index.html"];
    let found = look(&SiteData::default(), json!({ "pages": tasks(&pages, 390, &json!([])) }), true).await;
    sound(&found, pages.len());
}

#[tokio::test]
async fn nothing_is_wider_than_a_small_phone_whatever_the_texts() {
    let data = hostile::hostile();
    let pages: Vec<String> = site(&data, &settings()).into_keys().filter(|path| path.ends_with(".html")).collect();
    let first = ["index.html", "reviews/index.html", "modules/index.html"];
    let all: Vec<&str> = pages.iter().map(String::as_str).collect();
    let tasks = [tasks(&all, 320, &Value::Null), tasks(&first, 320, &json!([]))].concat();
    let count = tasks.len();
    sound(&look(&data, json!({ "pages": tasks }), false).await, count);
}

#[tokio::test]
async fn the_script_finds_and_marks_what_is_new() {
    let data = sample::journey(130);
    let since = data.iterations[119].ended_at.unwrap();
    let found = look(&data, json!({"pages": [], "since": since.to_string()}), false).await;
    let acts = &found["acts"];
    let wedged = data.iterations.iter().filter(|one| one.outcome.word() == "WEDGED_NO_VERDICT").count();
    assert_eq!(acts["wedged"], format!("{wedged} of 130 iterations"), "{acts:#}");
    assert_eq!((&acts["rows"], &acts["ways"]), (&json!(wedged), &json!(true)));
    assert_eq!(acts["key"], "1 of 130 iterations", "{acts:#}");
    assert!(acts["first"].as_str().unwrap().ends_with("/site/iterations/epoch-1-iter-0017.html"), "{acts:#}");
    assert_eq!((&acts["hash"], &acts["back"]), (&json!("#words=1%2F17"), &json!(100)));
    let newer = &data.iterations[120..129];
    let accepted = newer.iter().filter(|one| one.outcome.word() == "ACCEPT").count();
    let told = format!("Since your last visit, 9 iterations have ended, {accepted} of them accepted.");
    assert_eq!(acts["firstVisit"], json!(["", 0]));
    assert_eq!(acts["nextVisit"], json!([told, 10]), "nine that ended and one that began");
    assert_eq!(acts["sameVisit"], acts["nextVisit"], "a reload is the same visit");
}
