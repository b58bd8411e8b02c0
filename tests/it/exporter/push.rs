//! The real program pushes: whoever is told fails as he likes, the program is killed, its file is spoilt, and it is told
//! to follow another configuration.

use std::path::Path;

use rustix::process::Signal;
use serde_json::{Value, json};

use super::{Exporter, Home, PATIENCE, metric};
use crate::receiver::Receiver;
use crate::support::{Server, closed_port, response, silence};

const OLD: &str = "AutosweLoopHeartbeatOld/warning";
const CRIT: &str = "AutosweLoopHeartbeatOld/critical";
const SECRET: &str = "s3cr3t";

/// A home whose findings become alerts at once.
fn home(settings: Value) -> Home {
    let alerts = json!({"warn_for": "50ms", "crit_for": "50ms", "keep_firing_for": "50ms"});
    let home = Home::new().with(json!({"alerts": alerts, "watchdog": {"enabled": false}})).with(settings);
    home.beat(0);
    home
}

/// Starts the program with the webhook `inbox`, whose address is a secret.
async fn started(home: &Home, inbox: &Receiver) -> Exporter {
    let mut command = home.command();
    command.env("ALERT_WEBHOOK_URL", format!("{}/{SECRET}", inbox.url()));
    command.env("ALERTMANAGER_AUTHORIZATION", format!("Bearer {SECRET}"));
    let exporter = Exporter::spawn(&mut command).await;
    exporter.ready().await;
    exporter
}

/// The alerts of the state that are in `state`, as `name/severity`.
fn alerts(shown: &Value, state: &str) -> Vec<String> {
    let alerts = shown["alerts"].as_array().unwrap().iter().filter(|alert| alert["state"] == state);
    let id =
        |alert: &Value| format!("{}/{}", alert["alertname"].as_str().unwrap(), alert["severity"].as_str().unwrap());
    alerts.map(id).collect()
}

#[tokio::test]
async fn receivers_that_fail_in_every_way_hold_up_neither_the_assessment_nor_each_other() {
    let inbox = Receiver::start().await;
    let quiet = Server::start(|_, stream| silence(stream)).await;
    let cut = Server::start(|_, stream| async { drop(stream) }).await;
    let busy = b"HTTP/1.1 429 Slow Down\r\nretry-after: 600\r\ncontent-length: 0\r\n\r\n".to_vec();
    let busy = Server::always(busy).await;
    let refuses = |status| Server::always(response(status, "text/plain", SECRET.as_bytes()));
    let (bad, broken, closed) = (refuses("400 Bad Request").await, refuses("500 Oh").await, closed_port().await);
    let urls = [&quiet.url, &cut.url, &busy.url, &bad.url, &broken.url, &closed];
    let home = home(json!({"alertmanager": {"urls": urls, "timeout": "2s"}}));
    let exporter = started(&home, &inbox).await;
    home.beat(700);
    inbox.until_told("firing", OLD).await;
    // The pages move on while every one of the others is being told.
    let mut last = String::new();
    for _ in 0..10 {
        let state = exporter.until("another assessment", |state| state["at"].as_str() > Some(last.as_str())).await;
        last = state["at"].as_str().unwrap().to_owned();
    }
    let page = exporter.metrics().await;
    let count = |name: &str, url: &str, more: &str| {
        metric(&page, &format!("{name}{{receiver=\"{url}\"{more}}}")).unwrap_or_else(|| panic!("{name} {url}\n{page}"))
    };
    for url in [&cut.url, &busy.url, &broken.url, &closed] {
        assert!(count("autoswe_push_failures_total", url, "") >= 1.0, "{url}");
    }
    assert!(count("autoswe_push_dropped_alerts_total", &bad.url, ",reason=\"bad_request\"") >= 2.0);
    assert!(count("autoswe_push_messages_total", "webhook", "") >= 1.0);
    assert_eq!(metric(&page, "autoswe_alerts{severity=\"warning\",state=\"firing\"}"), Some(1.0));
    assert_eq!(metric(&page, "autoswe_alerts_state_saved"), Some(1.0));
    assert!(bad.seen()[0].head.contains(&format!("authorization: bearer {SECRET}")));
    let told = exporter.log.with("alerts are not told");
    assert!(told.iter().any(|line| line.contains("HTTP 429") && line.contains("asked again")), "{told:#?}");
    assert_eq!(told.iter().filter(|line| line.contains(&closed)).count(), 1, "told once: {told:#?}");
}

#[tokio::test]
async fn no_secret_is_shown_anywhere() {
    let inbox = Receiver::start().await;
    inbox.fail(true);
    let home = home(json!({"alertmanager": {"urls": [closed_port().await]}}));
    let exporter = started(&home, &inbox).await;
    home.beat(700);
    exporter.until("it fires", |state| !alerts(state, "firing").is_empty()).await;
    exporter.log.until("webhook answers HTTP 500").await;
    let mut shown = exporter.log.all() + &exporter.metrics().await + &exporter.get("/").await.text();
    shown += &exporter.state().await.to_string();
    for command in ["print-config", "check-config", "senders"] {
        let mut run = home.command();
        run.env("ALERT_WEBHOOK_URL", format!("{}/{SECRET}", inbox.url())).env("ALERTMANAGER_AUTHORIZATION", SECRET);
        let output = run.arg(command).output().unwrap();
        assert!(output.status.success(), "{command}: {}", String::from_utf8_lossy(&output.stderr));
        shown += &String::from_utf8_lossy(&[output.stdout, output.stderr].concat());
    }
    assert!(!shown.contains(SECRET), "{shown}");
    assert!(!std::fs::read_to_string(home.runtime("alerts-state.json")).unwrap().contains(SECRET));
}

#[tokio::test]
async fn a_kill_loses_nothing_and_tells_nothing_twice() {
    let inbox = Receiver::start().await;
    let home = home(json!({}));
    let mut exporter = started(&home, &inbox).await;
    home.beat(700);
    inbox.until_told("firing", OLD).await;
    until_saved(&home, |saved| saved["webhook"]["alerts"].as_array().is_some_and(|told| told.len() == 1)).await;
    exporter.child.kill().unwrap();
    exporter.child.wait().unwrap();
    // It goes on firing after the restart, and is not told again; what is new is.
    let exporter = started(&home, &inbox).await;
    let state = exporter.until("it still fires", |state| alerts(state, "firing") == [OLD]).await;
    assert_eq!(state["alerts"][0]["starts_at"], json!(inbox.told("firing")[0].1.starts_at));
    home.beat(1000);
    inbox.until_told("firing", CRIT).await;
    assert_eq!(inbox.notifications().len(), 2, "{:?}", inbox.notifications());
    until_saved(&home, |saved| saved["webhook"]["alerts"].as_array().is_some_and(|told| told.len() == 2)).await;
    // While it is down the loop comes back, and the file it finds first cannot be read.
    exporter.signal(Signal::KILL);
    drop(exporter);
    std::fs::remove_file(home.runtime("state-heartbeat.json")).unwrap();
    let exporter = started(&home, &inbox).await;
    exporter
        .until("the heartbeat is missed", |state| {
            alerts(state, "firing").contains(&"AutosweLoopHeartbeatMissing/warning".to_owned())
        })
        .await;
    assert!(alerts(&exporter.state().await, "firing").contains(&CRIT.to_owned()), "absence is not recovery");
    assert_eq!(inbox.told("resolved").len(), 0);
    home.beat(0);
    for id in [OLD, CRIT, "AutosweLoopHeartbeatMissing/warning"] {
        inbox.until_told("resolved", id).await;
    }
    until_saved(&home, |saved| saved["webhook"]["alerts"].as_array().is_some_and(Vec::is_empty)).await;
    for id in [OLD, CRIT] {
        let ends = inbox.told("resolved").into_iter().filter(|(_, alert)| alert.id() == id).count();
        assert_eq!(ends, 1, "{id}");
    }
}

async fn until_saved(home: &Home, holds: impl Fn(&Value) -> bool) {
    let start = std::time::Instant::now();
    loop {
        let text = std::fs::read(home.runtime("alerts-state.json")).unwrap_or_default();
        let saved: Value = serde_json::from_slice(&text).unwrap_or_default();
        if holds(&saved) {
            return;
        }
        assert!(start.elapsed() < PATIENCE, "it is not saved: {saved:#}");
        tokio::time::sleep(super::LOOK).await;
    }
}

#[tokio::test]
async fn stopping_resolves_nothing_and_keeps_everything() {
    let inbox = Receiver::start().await;
    let home = home(json!({}));
    home.beat(700);
    let mut exporter = started(&home, &inbox).await;
    inbox.until_told("firing", OLD).await;
    exporter.signal(Signal::TERM);
    assert_eq!(exporter.exit_code(PATIENCE).await, Some(0));
    until_saved(&home, |saved| saved["webhook"]["alerts"].as_array().is_some_and(|told| told.len() == 1)).await;
    assert_eq!(inbox.notifications().len(), 1);
}

#[tokio::test]
async fn a_spoilt_state_is_told_and_set_aside() {
    let inbox = Receiver::start().await;
    let home = home(json!({}));
    let spoilt = "{\"version\": 1, \"at\": null, \"alerts\": [";
    std::fs::write(home.runtime("alerts-state.json"), spoilt).unwrap();
    home.beat(700);
    let exporter = started(&home, &inbox).await;
    inbox.until_told("firing", OLD).await;
    exporter.log.until("alerts-state.json.set-aside").await;
    assert_eq!(std::fs::read_to_string(home.runtime("alerts-state.json.set-aside")).unwrap(), spoilt);
    until_saved(&home, |saved| saved["version"] == 1).await;
}

#[tokio::test]
async fn receivers_follow_the_configuration() {
    let (inbox, nobody) = (Receiver::start().await, Server::always(response("200 OK", "text/plain", b"")).await);
    let mut home = home(json!({}));
    let exporter = Exporter::spawn(&mut home.command()).await;
    exporter.ready().await;
    home.beat(700);
    exporter.until("it fires", |state| alerts(state, "firing") == [OLD]).await;
    assert!(!home.runtime("alerts-state.json").exists(), "nobody is told, nothing is kept");
    home = home.with(json!({"alertmanager": {"urls": [nobody.url], "labels": {"rack": "7"}}}));
    home.write_config();
    exporter.signal(Signal::HUP);
    exporter.until("it was told", |_| !nobody.seen().is_empty()).await;
    until_saved(&home, |saved| saved["alerts"].as_array().is_some_and(|alerts| alerts.len() == 1)).await;
    let body: Value = serde_json::from_str(&nobody.seen()[0].body).unwrap();
    assert_eq!((&body[0]["labels"]["code"], &body[0]["labels"]["rack"]), (&json!("heartbeat_old"), &json!("7")));
    let seen = nobody.seen().len();
    home = home.with(json!({"alertmanager": {"urls": []}}));
    home.write_config();
    exporter.signal(Signal::HUP);
    exporter.until("it is gone from the metrics", |_| exporter.log.with("was reloaded").len() == 2).await;
    home.beat(0);
    exporter.until("it is over", |state| alerts(state, "resolved") == [OLD]).await;
    assert_eq!(nobody.seen().iter().skip(seen).filter(|one| one.body.contains("rack")).count(), 0);
    drop(inbox);
}

/// `check-config` of `home`: its exit code and what it says.
fn check_config(home: &Home) -> (Option<i32>, String) {
    let output = home.command().arg("check-config").output().unwrap();
    (output.status.code(), String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned())
}

fn rules(directory: &Path) -> String {
    let text = "groups:\n- name: autoswe\n  rules:\n  - alert: AutosweLoopHeartbeatOld\n    expr: up == 0\n";
    std::fs::write(directory.join("autoswe.rules.yml"), text).unwrap();
    format!("{}/*.yml", directory.display())
}

#[tokio::test]
async fn pushing_beside_the_rules_is_refused() {
    let home = home(json!({}));
    let rules_at = home.path().join("rules");
    std::fs::create_dir(&rules_at).unwrap();
    let push = json!({"urls": ["http://127.0.0.1:1"], "rule_files": [rules(&rules_at)]});
    let home = home.with(json!({"alertmanager": push}));
    let (code, said) = check_config(&home);
    assert_eq!(code, Some(2), "{said}");
    let words = [
        "config.yml:",
        "alertmanager.urls",
        "autoswe.rules.yml defines the alert AutosweLoopHeartbeatOld",
        "sender: push",
    ];
    assert!(words.iter().all(|word| said.contains(word)), "{said}");
    let exporter = Exporter::spawn(&mut home.command()).await;
    exporter.log.until("autoswe.rules.yml defines").await;
    drop(exporter);
    let (code, said) = check_config(&home.with(json!({"alertmanager": {"labels": {"sender": "push"}}})));
    assert_eq!(code, Some(0), "{said}");
    assert!(said.contains("alerts are pushed to http://127.0.0.1:1"), "{said}");
}

#[tokio::test]
async fn another_sender_at_alertmanager_is_found() {
    let told = json!([{
        "labels": {"alertname": "AutosweLoopHeartbeatOld", "instance": "localhost:9765", "job": "autoswe"},
        "generatorURL": "http://prometheus:9090/graph",
    }]);
    let server = Server::always(response("200 OK", "application/json", told.to_string().as_bytes())).await;
    let home = home(json!({"alertmanager": {"urls": [server.url, "http://127.0.0.1:1"], "rule_files": []}}));
    let mut command = home.command();
    // The server answers on this thread.
    let output = tokio::task::spawn_blocking(move || command.arg("senders").output().unwrap()).await.unwrap();
    let found: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(found["receivers"].as_array().unwrap().len(), 2);
    let clash = found["clashes"][0].as_str().unwrap();
    assert!(clash.contains("AutosweLoopHeartbeatOld of this machine from another sender"), "{found}");
    assert!(found["failures"][0].as_str().unwrap().contains("127.0.0.1:1 is not reached"), "{found}");
    let exporter = Exporter::spawn(&mut home.command()).await;
    exporter.log.until("from another sender too").await;
}
