//! The shipped configuration of Alertmanager: it loads, each kind of alert goes where it belongs, its texts can be
//! read, and a warning is held back by what is critical on its machine and by nothing else.

use serde_json::{Value as Json, json};

use super::*;
use crate::support::{Request, Server, ok, write};

fn amtool(arguments: &[&str]) -> String {
    let mut command = Command::new("amtool");
    command.current_dir(env!("CARGO_MANIFEST_DIR")).args(arguments);
    let output = command.output().expect("amtool is installed; tests/run installs it with Alertmanager");
    let [out, err] = [&output.stdout, &output.stderr].map(|bytes| String::from_utf8_lossy(bytes).into_owned());
    assert!(output.status.success(), "amtool {arguments:?}: {out}{err}");
    out
}

#[test]
fn the_shipped_configuration_loads() {
    let said = amtool(&["check-config", "alerts/alertmanager.yml"]);
    assert!(said.contains("SUCCESS") && said.contains("2 inhibit rules") && said.contains("4 receivers"), "{said}");
}

#[test]
fn each_kind_of_alert_has_its_receiver() {
    for (labels, receiver) in [
        (&["alertname=AutosweLoopHeartbeatOld", "severity=critical"][..], "critical"),
        (&["alertname=AutosweLoopHeartbeatOld", "severity=warning"], "warning"),
        (&["alertname=AutosweDeadMansSwitch", "severity=none"], "dead-mans-switch"),
        (&["alertname=AutosweDeadMansSwitch", "severity=critical"], "dead-mans-switch"),
        (&["alertname=NodeRebooted", "severity=info"], "everything-else"),
        (&["alertname=NodeRebooted"], "everything-else"),
    ] {
        let arguments = [&["config", "routes", "test", "--config.file=alerts/alertmanager.yml"], labels].concat();
        assert_eq!(amtool(&arguments).trim(), receiver, "{labels:?}");
    }
}

fn alert(name: &str, severity: &str, of: Json) -> Json {
    let now = Time::now();
    let mut labels = json!({"alertname": name, "severity": severity});
    crate::exporter::merge(&mut labels, of);
    let text = |kind: &str| format!("The {kind} of {name} & \"others\"");
    json!({
        "labels": labels, "startsAt": now, "endsAt": now + Duration::from_secs(600),
        "annotations": {"summary": text("summary"), "description": text("description"), "runbook_url": "https://x/y#z"},
    })
}

/// Waits until what was posted so far is known to what holds back. It takes alerts from a queue, and one that it has
/// taken was taken after all that came before it: so a pair is posted of which one holds back the other.
async fn caught_up(alertmanager: &Alertmanager, name: &str) {
    let of = json!({"instance": name, "host": name});
    let pair = json!([alert("AutosweLast", "critical", of.clone()), alert("AutosweLast", "warning", of)]);
    assert_eq!(alertmanager.post(pair).await, 200);
    let held_back = |one: &crate::alertmanager::Alert| {
        one.labels.get("instance").is_some_and(|instance| instance == name) && !one.status.inhibited_by.is_empty()
    };
    alertmanager.until("the last one is held back", |all| all.iter().any(held_back)).await;
}

/// Whether a warning with the labels `of` is held back while something critical with the labels `by` is there.
async fn holds_back(alertmanager: &Alertmanager, by: (&str, Json), of: (&str, Json)) -> bool {
    // Alerts that are older than the queue come into it in any order.
    caught_up(alertmanager, "before").await;
    let alerts = json!([alert(by.0, "critical", by.1), alert(of.0, "warning", of.1)]);
    assert_eq!(alertmanager.post(alerts).await, 200);
    caught_up(alertmanager, "after").await;
    let all = alertmanager.alerts().await;
    let warning = all.iter().find(|one| one.labels["alertname"] == of.0).unwrap();
    !warning.status.inhibited_by.is_empty()
}

#[tokio::test]
async fn a_warning_is_held_back_by_what_is_critical_on_its_machine_only() {
    let receiver = Receiver::start().await;
    let [scraped, other] = ["spark-1:9765", "spark-2:9765"].map(|name| json!({"instance": name}));
    let [pushed, elsewhere] = ["spark-1", "spark-2"].map(|name| json!({"host": name}));
    for (by, of, held) in [
        (&scraped, &scraped, true),
        (&scraped, &other, false),
        (&pushed, &pushed, true),
        (&pushed, &elsewhere, false),
        // Alike in what they lack.
        (&json!({}), &json!({}), false),
        (&scraped, &pushed, false),
        (&pushed, &scraped, false),
        (&json!({}), &scraped, false),
        (&scraped, &json!({}), false),
    ] {
        let alertmanager = Alertmanager::start(&shipped(receiver.url())).await;
        let is = holds_back(&alertmanager, ("AutosweA", by.clone()), ("AutosweB", of.clone())).await;
        assert_eq!(is, held, "critical {by}, warning {of}");
    }
    for (by, of) in [("NodeDown", "AutosweA"), ("AutosweB", "NodeFull")] {
        let alertmanager = Alertmanager::start(&shipped(receiver.url())).await;
        assert!(!holds_back(&alertmanager, (by, scraped.clone()), (of, scraped.clone())).await, "{by} {of}");
    }
}

/// The shipped file with its addresses replaced, and nothing else: what can be sent to an HTTP server is sent there.
fn addressed(url: &str, secrets: &Path) -> String {
    let file = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("alerts/alertmanager.yml")).unwrap();
    std::fs::write(secrets.join("slack-url"), format!("{url}/slack")).unwrap();
    for token in ["ntfy-token", "webhook-token"] {
        std::fs::write(secrets.join(token), token).unwrap();
    }
    let mut text = file.replace("/etc/prometheus/secrets", &secrets.display().to_string());
    for (shown, path) in
        [("https://ntfy.sh", "/ntfy"), ("https://hooks.example.org", "/hook"), ("https://ping.example.org", "/ping")]
    {
        assert!(text.contains(shown), "{shown}");
        text = text.replace(shown, &format!("{url}{path}"));
    }
    text.replace("smtp.example.org:587", "127.0.0.1:1").replace("group_wait: 30s", "group_wait: 1s")
}

async fn request(server: &Server, path: &str, holds: impl Fn(&Request) -> bool) -> Request {
    let start = Instant::now();
    loop {
        let seen = server.seen();
        if let Some(request) = seen.iter().find(|one| one.line.starts_with(&format!("POST {path}")) && holds(one)) {
            return request.clone();
        }
        assert!(start.elapsed() < PATIENCE, "nothing for {path}: {seen:#?}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

#[tokio::test]
async fn slack_ntfy_and_webhooks_get_what_a_person_can_read() {
    let server = Server::start(|_, stream| write(stream, ok("text/plain", b"ok").into())).await;
    let secrets = tempfile::tempdir().unwrap();
    let alertmanager = Alertmanager::start(&addressed(&server.url, secrets.path())).await;
    let machine = json!({"instance": "spark-1:9765"});
    let alerts = [("AutosweA", "critical"), ("AutosweDeadMansSwitch", "none")]
        .map(|(name, severity)| alert(name, severity, machine.clone()));
    alertmanager.post(json!(alerts)).await;
    alertmanager.post(json!([alert("AutosweB", "warning", json!({"instance": "spark-2:9765"}))])).await;
    let slack = |request: &Request, field: &str| {
        let body: Json = serde_json::from_str(&request.body).unwrap();
        body["attachments"][0][field].as_str().unwrap_or_default().to_owned()
    };
    let critical = request(&server, "/slack", |one| one.body.contains("AutosweA")).await;
    assert_eq!(slack(&critical, "title"), "FIRING: The summary of AutosweA & \"others\"");
    assert_eq!(slack(&critical, "text"), "The description of AutosweA & \"others\" (<https://x/y#z|runbook>)\n");
    let warning = request(&server, "/slack", |one| one.body.contains("AutosweB")).await;
    assert_eq!(slack(&warning, "title"), "spark-2:9765: 1 firing");
    let [summary, description] = ["summary", "description"].map(|kind| format!("The {kind} of AutosweB & \"others\""));
    let text = format!("*{summary}*\n{description} (<https://x/y#z|runbook>)\n");
    assert_eq!(slack(&warning, "text"), text);
    let ntfy = request(&server, "/ntfy", |_| true).await;
    let message = "{{range .alerts}}{{if eq .status \"firing\"}}{{.annotations.description}} {{end}}\
                   {{.annotations.runbook_url}} {{end}}";
    let encoded = [('{', "%7B"), ('}', "%7D"), (' ', "%20"), ('"', "%22")];
    let message = encoded.iter().fold(message.to_owned(), |text, (character, code)| text.replace(*character, code));
    assert!(
        ntfy.line.ends_with(&format!("&m={message}")) && ntfy.head.contains("authorization: bearer ntfy-token"),
        "{ntfy:?}"
    );
    let hook = request(&server, "/hook", |_| true).await;
    assert!(hook.body.contains("AutosweA") && hook.head.contains("bearer webhook-token"), "{hook:?}");
    assert!(request(&server, "/ping", |_| true).await.body.contains("AutosweDeadMansSwitch"));
}
