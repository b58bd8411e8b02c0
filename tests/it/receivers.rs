//! Receivers of alerts that are down, slow, silent, or refuse: what is sent, when, and what is counted. The times are
//! scaled, and what is sent is an active set made of real assessments.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use autoswe_exporter::alert::active::Active;
use autoswe_exporter::alert::saved::Told;
use autoswe_exporter::assessment::{Assessment, CheckResult, Finding, Liveness, Presence, Severity};
use autoswe_exporter::check::CHECKS;
use autoswe_exporter::config::value::Seconds;
use autoswe_exporter::config::{AlertsConfig, Config};
use autoswe_exporter::metric::PushCounts;
use autoswe_exporter::observation::Time;
use autoswe_exporter::sink::alertmanager::Alertmanager;
use autoswe_exporter::sink::push::{About, Batch, Endpoint, Receiver, Timing};
use autoswe_exporter::sink::webhook::Webhook;
use serde_json::Value;
use tokio::sync::watch;

use crate::alertmanager::Alertmanager as RealAlertmanager;
use crate::receiver::Receiver as Inbox;
use crate::support::{Request, Server, closed_port, ok, response, silence, write};

const PATIENCE: Duration = Duration::from_secs(30);
const LOOK: Duration = Duration::from_millis(5);
/// How long a receiver may take to answer.
const ANSWER: Duration = Duration::from_millis(400);
const TIMING: Timing = Timing {
    resend: Duration::from_millis(300),
    outlives: Duration::from_secs(240),
    first_wait: Duration::from_millis(10),
    longest_wait: Duration::from_millis(50),
};
/// A variable that nobody sets.
const UNSET: &str = "AUTOSWE_TEST_UNSET";

/// Alerts and whoever is told of them.
struct Teller {
    warn_for: Seconds,
    active: Active,
    batches: watch::Sender<Option<Arc<Batch>>>,
    told: Arc<watch::Sender<Told>>,
}

impl Teller {
    fn new() -> Self {
        let told = Arc::new(watch::Sender::new(Told::default()));
        Teller { warn_for: Seconds(0.0), active: Active::default(), batches: watch::Sender::new(None), told }
    }

    /// An assessment now that finds these codes of the check `loop`, and nothing else; `news` wakes the receivers.
    fn judge(&mut self, codes: &[(&'static str, Severity)], news: bool) -> Time {
        let at = Time::now();
        let config = AlertsConfig {
            warn_for: self.warn_for,
            crit_for: Seconds(0.0),
            keep_firing_for: Seconds(0.0),
            ..AlertsConfig::default()
        };
        self.active.apply(&assessment(at, codes), &config);
        let batch = Batch::new(&self.active, at);
        self.batches.send_if_modified(|newest| {
            *newest = Some(batch);
            news
        });
        at
    }

    fn alertmanager(&self, url: &str, timing: Timing) -> Receiver {
        let about = Arc::new(About::here(&Config::default(), Time::now()));
        let labels = BTreeMap::from([("sender".to_owned(), "push".to_owned())]);
        let sink = Alertmanager { about, labels, outlives: timing.outlives };
        let endpoint = Endpoint::alertmanager(url, UNSET, ANSWER).unwrap();
        Receiver::start(endpoint, sink, (self.batches.subscribe(), timing), PushCounts::default())
    }

    fn webhook(&self, url: &str, repeat: f64) -> Receiver {
        let about = Arc::new(About::here(&Config::default(), Time::now()));
        let sink = Webhook { about, repeat: Seconds(repeat), told: Arc::clone(&self.told) };
        let endpoint = Endpoint::alertmanager(url, UNSET, ANSWER).unwrap();
        Receiver::start(endpoint, sink, (self.batches.subscribe(), TIMING), PushCounts::default())
    }
}

fn assessment(at: Time, codes: &[(&'static str, Severity)]) -> Assessment {
    let finding = |(code, severity): &(&'static str, Severity)| Finding {
        severity: *severity,
        code,
        reason: format!("{code} as of {at}"),
        hint: "mend it".into(),
    };
    let checks = CHECKS.iter().map(|check| CheckResult {
        check: check.id,
        presence: Presence::Judged,
        severity: Severity::Ok,
        summary: String::new(),
        findings: if check.id == "loop" { codes.iter().map(finding).collect() } else { Vec::new() },
    });
    let liveness = Liveness { must_restart: false, reason: String::new() };
    Assessment { at, severity: Severity::Ok, checks: checks.collect(), liveness }
}

fn counts(receiver: &Receiver) -> PushCounts {
    receiver.counts().lock().unwrap_or_else(PoisonError::into_inner).clone()
}

async fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let start = Instant::now();
    while !holds() {
        assert!(start.elapsed() < PATIENCE, "it never came to this: {what}");
        tokio::time::sleep(LOOK).await;
    }
}

/// The alerts of a request, by name and severity, with the end of each.
fn alerts(request: &Request) -> BTreeMap<String, Value> {
    let body: Value = serde_json::from_str(&request.body).unwrap();
    let list = body.as_array().or(body["alerts"].as_array()).unwrap().clone();
    let name = |alert: &Value| {
        let label = |name: &str| alert["labels"][name].as_str().unwrap().to_owned();
        format!("{}/{}", label("alertname"), label("severity"))
    };
    list.into_iter().map(|alert| (name(&alert), alert)).collect()
}

const OLD: (&str, Severity) = ("heartbeat_old", Severity::Warn);
const PAUSED: (&str, Severity) = ("paused_long", Severity::Warn);
const OLD_ALERT: &str = "AutosweLoopHeartbeatOld/warning";
const PAUSED_ALERT: &str = "AutosweLoopPausedLong/warning";

/// Answers the first requests with these, and the later ones with 200.
async fn moody(answers: Vec<Vec<u8>>) -> Server {
    let next = AtomicUsize::new(0);
    Server::start(move |_, stream| {
        let answer = answers.get(next.fetch_add(1, Ordering::SeqCst)).cloned();
        write(stream, answer.unwrap_or_else(|| ok("text/plain", b"")).into())
    })
    .await
}

#[tokio::test]
async fn a_failure_is_tried_again_with_the_newest_alerts() {
    let busy = b"HTTP/1.1 429 Too Many Requests\r\nretry-after: 3600\r\ncontent-length: 0\r\n\r\n".to_vec();
    let broken = response("503 Service Unavailable", "text/plain", b"starting");
    // The empty answer is a connection that is cut off.
    let server = moody(vec![busy, broken, Vec::new(), b"SSH-2.0-OpenSSH\r\n".to_vec()]).await;
    let mut teller = Teller::new();
    let receiver = teller.alertmanager(&server.url, TIMING);
    teller.judge(&[OLD], true);
    until("the first attempt", || !server.seen().is_empty()).await;
    teller.judge(&[PAUSED], true);
    until("it is accepted", || counts(&receiver).sent > 0).await;
    assert_eq!((counts(&receiver).failures, counts(&receiver).dropped), (4, [0; 5]));
    let seen = server.seen();
    assert_eq!(seen[0].line, "POST /api/v2/alerts");
    assert!(seen[0].head.contains("content-type: application/json"));
    assert_eq!(alerts(&seen[0]).len(), 2, "and the dead man's switch");
    assert!(alerts(&seen[4]).contains_key(PAUSED_ALERT), "{:?}", seen[4]);
}

#[tokio::test]
async fn what_is_refused_is_dropped_counted_and_sent_anew_at_the_next_change() {
    for (index, status) in
        ["400 Bad Request", "401 Unauthorized", "404 Not Found", "302 Found", "418 Teapot"].into_iter().enumerate()
    {
        let server = moody(vec![response(status, "text/plain", b"no"); 2]).await;
        let mut teller = Teller::new();
        // Nothing but a change makes it try again.
        let patient = Timing { resend: Duration::from_secs(3600), ..TIMING };
        let receiver = teller.alertmanager(&server.url, patient);
        teller.judge(&[OLD], true);
        until("it is refused", || counts(&receiver).dropped[index] == 2).await;
        teller.judge(&[OLD], false);
        teller.judge(&[OLD, PAUSED], true);
        until("it is refused again", || counts(&receiver).dropped[index] == 5).await;
        teller.judge(&[], true);
        until("it is accepted", || counts(&receiver).sent == 1).await;
        let counts = counts(&receiver);
        assert_eq!((counts.failures, counts.dropped.iter().sum::<u64>()), (0, 5), "{status}");
        assert_eq!(server.seen().len(), 3, "{status}");
        assert!(counts.last_success_at.is_some());
    }
}

#[tokio::test]
async fn one_that_is_silent_or_not_there_holds_up_nobody() {
    let quiet = Server::start(|_, stream| silence(stream)).await;
    let fine = Server::always(ok("text/plain", b"")).await;
    let mut teller = Teller::new();
    let receivers = [&closed_port().await, &quiet.url, &fine.url].map(|url| teller.alertmanager(url, TIMING));
    teller.judge(&[OLD], true);
    until("the one that listens has it", || counts(&receivers[2]).sent > 0).await;
    assert_eq!((counts(&receivers[0]).sent, counts(&receivers[1]).sent), (0, 0));
    until("the others are known to fail", || receivers[..2].iter().all(|bad| counts(bad).failures > 1)).await;
}

#[tokio::test]
async fn what_fires_lives_for_as_long_as_somebody_judges() {
    let server = Server::always(ok("text/plain", b"")).await;
    let mut teller = Teller::new();
    let receiver = teller.alertmanager(&server.url, TIMING);
    let first = teller.judge(&[OLD, PAUSED], true);
    until("it was sent again", || counts(&receiver).sent >= 3).await;
    let end = |at: Time| Value::from((at + TIMING.outlives).to_string());
    for request in server.seen() {
        for (name, alert) in alerts(&request) {
            assert_eq!(alert["endsAt"], end(first), "{name}: nobody judged since");
            assert_eq!(alert["labels"]["sender"], "push");
            assert!(alert["generatorURL"].as_str().unwrap().starts_with("https://"), "{alert}");
        }
    }
    let second = teller.judge(&[OLD], true);
    let newest = || alerts(server.seen().last().unwrap());
    until("the change was sent", || newest()[OLD_ALERT]["endsAt"] != end(first)).await;
    let last = newest();
    assert_eq!(last[OLD_ALERT]["endsAt"], end(second));
    assert_eq!(last[PAUSED_ALERT]["endsAt"], Value::from(second.to_string()), "resolved");
    assert!(last["AutosweDeadMansSwitch/none"]["endsAt"] == end(second));
    let old = &last[OLD_ALERT];
    assert_eq!(old["startsAt"], Value::from(first.to_string()));
    assert!(old["annotations"]["summary"].as_str().unwrap().contains(": "), "{old}");
    let newest = format!("heartbeat_old as of {second}. Mend: mend it.");
    assert_eq!(old["annotations"]["description"].as_str(), Some(newest.as_str()));
    assert!(old["annotations"]["runbook_url"].as_str().unwrap().ends_with("/loop.md#heartbeat_old"));
}

/// What a webhook was told: status of each alert, by name.
fn told(inbox: &Inbox) -> Vec<BTreeMap<String, String>> {
    let notifications = inbox.notifications().into_iter();
    notifications.map(|one| one.alerts.into_iter().map(|alert| (alert.id(), alert.status)).collect()).collect()
}

fn expected(alerts: &[(&str, &str)]) -> BTreeMap<String, String> {
    alerts.iter().map(|(id, status)| ((*id).to_owned(), (*status).to_owned())).collect()
}

#[tokio::test]
async fn a_webhook_is_told_each_change_once_and_again_what_goes_on() {
    let inbox = Inbox::start().await;
    let mut teller = Teller::new();
    let receiver = teller.webhook(inbox.url(), 3600.0);
    teller.judge(&[], true);
    teller.judge(&[OLD], true);
    until("told", || inbox.notifications().len() == 1).await;
    let start = teller.active.firing().next().unwrap().starts_at;
    inbox.fail(true);
    teller.judge(&[OLD, PAUSED], true);
    until("refused", || inbox.refused() > 0).await;
    teller.judge(&[PAUSED], true);
    inbox.fail(false);
    until("told again", || inbox.notifications().len() == 2).await;
    teller.judge(&[], true);
    until("all is over", || inbox.notifications().len() == 3).await;
    assert_eq!(
        told(&inbox),
        [
            expected(&[(OLD_ALERT, "firing")]),
            expected(&[(OLD_ALERT, "resolved"), (PAUSED_ALERT, "firing")]),
            expected(&[(PAUSED_ALERT, "resolved")]),
        ]
    );
    let [first, second, third] = inbox.notifications().try_into().unwrap();
    assert_eq!(
        (first.status.as_str(), second.status.as_str(), third.status.as_str()),
        ("firing", "firing", "resolved")
    );
    assert_eq!(first.alerts[0].starts_at, start);
    assert!(first.alerts[0].ends_at < start && third.alerts[0].ends_at > start);
    assert_eq!(teller.told.borrow().alerts, []);
    // With a short repeat, what goes on is told again, and what does not is not.
    drop(receiver);
    let _receiver = teller.webhook(inbox.url(), 0.2);
    teller.judge(&[OLD], true);
    until("told", || inbox.notifications().len() == 4).await;
    until("told again", || {
        teller.judge(&[OLD], false);
        inbox.notifications().len() > 5
    })
    .await;
    assert_eq!(told(&inbox)[5], expected(&[(OLD_ALERT, "firing")]));
}

#[tokio::test]
async fn the_warning_of_what_is_critical_is_no_news() {
    let inbox = Inbox::start().await;
    let mut teller = Teller::new();
    let _receiver = teller.webhook(inbox.url(), 3600.0);
    teller.judge(&[OLD], true);
    until("the warning", || inbox.notifications().len() == 1).await;
    teller.judge(&[("heartbeat_old", Severity::Crit)], true);
    until("the critical one", || inbox.notifications().len() == 2).await;
    teller.judge(&[], true);
    until("all is over", || inbox.notifications().len() == 3).await;
    let crit = "AutosweLoopHeartbeatOld/critical";
    assert_eq!(told(&inbox)[1], expected(&[(OLD_ALERT, "firing"), (crit, "firing")]), "no false end of the warning");
    assert_eq!(told(&inbox)[2], expected(&[(OLD_ALERT, "resolved"), (crit, "resolved")]));
    // What is critical from the start is told once, and its warning, which comes later, not at all.
    teller.warn_for = Seconds(0.1);
    teller.judge(&[("heartbeat_old", Severity::Crit)], true);
    until("the critical one again", || inbox.notifications().len() == 4).await;
    until("the warning fires", || {
        teller.judge(&[("heartbeat_old", Severity::Crit)], true);
        teller.active.firing().count() == 2
    })
    .await;
    teller.judge(&[], true);
    until("all is over again", || inbox.notifications().len() == 5).await;
    assert_eq!(told(&inbox)[3..], [expected(&[(crit, "firing")]), expected(&[(crit, "resolved")])]);
}

#[tokio::test]
async fn a_webhook_takes_what_alertmanager_itself_would_send() {
    let bodies = Arc::new(Mutex::new(Vec::new()));
    let kept = Arc::clone(&bodies);
    let server = Server::start(move |request: Request, stream| {
        kept.lock().unwrap().push(request.body);
        write(stream, ok("text/plain", b"").into())
    })
    .await;
    let config = format!(
        "route: {{receiver: hook, group_by: [host, unit], group_wait: 0s}}\nreceivers: [{{name: hook, webhook_configs: [{{url: '{}'}}]}}]\n",
        server.url
    );
    let real = RealAlertmanager::start(&config).await;
    let mut teller = Teller::new();
    let _hook = teller.webhook(&server.url, 3600.0);
    teller.judge(&[OLD], true);
    until("told by this program", || bodies.lock().unwrap().len() == 1).await;
    let own: Value = serde_json::from_str(&bodies.lock().unwrap()[0]).unwrap();
    let alert = &own["alerts"][0];
    let posted = serde_json::json!([{
        "labels": alert["labels"], "annotations": alert["annotations"], "startsAt": alert["startsAt"],
        "generatorURL": alert["generatorURL"],
    }]);
    assert_eq!(real.post(posted).await, 200);
    until("told by Alertmanager", || bodies.lock().unwrap().len() == 2).await;
    let mut theirs: Value = serde_json::from_str(&bodies.lock().unwrap()[1]).unwrap();
    // Who tells it is another one, and one writes milliseconds where the other writes nanoseconds.
    for field in ["receiver", "externalURL", "groupKey"] {
        assert!(theirs[field].is_string() && own[field].is_string(), "{field}");
        theirs[field] = own[field].clone();
    }
    let time = |value: &Value| value.as_str().unwrap().parse::<Time>().unwrap().as_millisecond();
    assert_eq!(time(&theirs["alerts"][0]["startsAt"]), time(&alert["startsAt"]));
    theirs["alerts"][0]["startsAt"] = alert["startsAt"].clone();
    assert_eq!(theirs, own);
}

#[tokio::test]
async fn alertmanager_lets_alerts_lapse_when_nobody_judges_any_more() {
    let inbox = Inbox::start().await;
    let config = format!(
        "route: {{receiver: hook, group_by: [alertname], group_wait: 0s, group_interval: 200ms}}\n\
         receivers: [{{name: hook, webhook_configs: [{{url: '{}'}}]}}]\n",
        inbox.url()
    );
    let real = RealAlertmanager::start(&config).await;
    let mut teller = Teller::new();
    let short = Timing { outlives: Duration::from_secs(3), ..TIMING };
    let receiver = teller.alertmanager(&real.url(""), short);
    let dead_man = "AutosweDeadMansSwitch/none";
    // As long as somebody judges, both go on for longer than one sending lives.
    let start = Instant::now();
    while start.elapsed() < short.outlives * 2 {
        teller.judge(&[OLD], false);
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    inbox.until_told("firing", dead_man).await;
    assert_eq!(inbox.told("resolved").len(), 0);
    // The task lives on and sends, and what it sends is of the last assessment.
    for id in [dead_man, OLD_ALERT] {
        inbox.until_told("resolved", id).await;
    }
    assert!(counts(&receiver).failures == 0);
}
