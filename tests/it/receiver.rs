//! A webhook receiver that keeps every notification it gets, and fails for as long as it is told to.
//!
//! Invariant: what was answered with an error is not among the notifications, because Alertmanager will send it again.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use autoswe_exporter::observation::Time;
use serde::Deserialize;

use crate::support::{Request, Server, ok, response, write};

/// How long a notification may take to come. A bound, not an expectation.
const PATIENCE: Duration = Duration::from_secs(60);

/// One alert of a notification.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Alert {
    /// `firing` or `resolved`.
    pub(crate) status: String,
    pub(crate) labels: BTreeMap<String, String>,
    pub(crate) annotations: BTreeMap<String, String>,
    pub(crate) starts_at: Time,
    pub(crate) ends_at: Time,
    #[serde(rename = "generatorURL")]
    pub(crate) generator_url: String,
}

/// One notification: a group's alerts, told together.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Notification {
    /// `firing` while any alert of it is.
    pub(crate) status: String,
    /// What Alertmanager calls the group, in its log of notifications too.
    pub(crate) group_key: String,
    pub(crate) group_labels: BTreeMap<String, String>,
    pub(crate) alerts: Vec<Alert>,
    /// The path that it was posted to, such as `/critical`: which receiver it is for.
    #[serde(skip)]
    pub(crate) path: String,
    /// When it came.
    #[serde(skip, default = "Time::now")]
    pub(crate) at: Time,
}

/// What a receiver shares with its server.
#[derive(Default)]
struct Inbox {
    notifications: Mutex<Vec<Notification>>,
    failing: AtomicBool,
    refused: AtomicUsize,
}

/// The running receiver; it ends when this is dropped.
pub(crate) struct Receiver {
    server: Server,
    inbox: Arc<Inbox>,
}

impl Alert {
    /// `name/severity`, such as `AutosweLoopHeartbeatOld/critical`.
    pub(crate) fn id(&self) -> String {
        let label = |name: &str| self.labels.get(name).map_or("", String::as_str);
        format!("{}/{}", label("alertname"), label("severity"))
    }
}

impl Inbox {
    fn take(&self, request: &Request) -> Vec<u8> {
        if self.failing.load(Ordering::SeqCst) {
            self.refused.fetch_add(1, Ordering::SeqCst);
            return response("500 Internal Server Error", "text/plain", b"told to fail");
        }
        let mut notification: Notification = match serde_json::from_str(&request.body) {
            Ok(notification) => notification,
            Err(error) => return response("400 Bad Request", "text/plain", error.to_string().as_bytes()),
        };
        request.line.rsplit_once(' ').unwrap_or_default().1.clone_into(&mut notification.path);
        self.notifications.lock().unwrap_or_else(PoisonError::into_inner).push(notification);
        ok("text/plain", b"taken")
    }
}

impl Receiver {
    /// Starts it on a free port. It takes notifications at every path.
    pub(crate) async fn start() -> Self {
        let inbox = Arc::new(Inbox::default());
        let taking = Arc::clone(&inbox);
        let server = Server::start(move |request, stream| write(stream, taking.take(&request).into())).await;
        Receiver { server, inbox }
    }

    /// Where notifications are posted to: `http://127.0.0.1:PORT`, and any path below it.
    pub(crate) fn url(&self) -> &str {
        &self.server.url
    }

    /// Answers 500 from now on, or takes notifications again.
    pub(crate) fn fail(&self, failing: bool) {
        self.inbox.failing.store(failing, Ordering::SeqCst);
    }

    /// How many were answered with 500.
    pub(crate) fn refused(&self) -> usize {
        self.inbox.refused.load(Ordering::SeqCst)
    }

    /// Every notification so far, in the order in which they came.
    pub(crate) fn notifications(&self) -> Vec<Notification> {
        self.inbox.notifications.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The alerts of every notification so far that have the status `status`, each with its notification.
    pub(crate) fn told(&self, status: &str) -> Vec<(Notification, Alert)> {
        let of = |notification: Notification| {
            let alerts = notification.alerts.clone().into_iter().filter(|alert| alert.status == status);
            alerts.map(|alert| (notification.clone(), alert)).collect::<Vec<_>>()
        };
        self.notifications().into_iter().flat_map(of).collect()
    }

    /// Every notification so far, once `holds` of them.
    pub(crate) async fn until(&self, what: &str, holds: impl Fn(&[Notification]) -> bool) -> Vec<Notification> {
        let start = Instant::now();
        loop {
            let notifications = self.notifications();
            if holds(&notifications) {
                return notifications;
            }
            assert!(start.elapsed() < PATIENCE, "it never came to this: {what}\n{}", summary(&notifications));
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// The first alert `id` with the status `status`, once it was told, with its notification.
    pub(crate) async fn until_told(&self, status: &str, id: &str) -> (Notification, Alert) {
        let named = |alert: &Alert| alert.status == status && alert.id() == id;
        self.until(&format!("{id} is {status}"), |all| all.iter().flat_map(|one| &one.alerts).any(named)).await;
        self.told(status).into_iter().find(|(_, alert)| named(alert)).unwrap()
    }
}

/// One line for each notification but those of the dead man's switch, which are many: time, path and alerts.
pub(crate) fn summary(notifications: &[Notification]) -> String {
    let alert = |alert: &Alert| format!("{} {}", alert.id(), alert.status);
    let line = |one: &Notification| {
        let alerts: Vec<String> = one.alerts.iter().map(alert).collect();
        format!("{} {} {}\n", one.at, one.path, alerts.join(", "))
    };
    notifications.iter().filter(|one| one.path != "/dead-mans-switch").map(line).collect()
}

/// The alerts that a notification says are going on, and those that it says are over, by their labels.
type Told<'a> = [BTreeSet<&'a BTreeMap<String, String>>; 2];

impl Notification {
    fn told(&self) -> Told<'_> {
        ["firing", "resolved"].map(|status| {
            let of_it = self.alerts.iter().filter(|alert| alert.status == status);
            of_it.map(|alert| &alert.labels).collect()
        })
    }
}

/// Whether Alertmanager has a reason to tell `now` after it told the same group `before`, other than that
/// `repeat_interval` is over: something goes on or is over that was not told as such the last time, or nothing goes on
/// any more (`needsUpdate` in its `notify/notify.go`).
///
/// Such a notification may still hold nothing that people do not know. Who flushes a group, who inhibits and who takes
/// what is posted run beside each other, so that one notification lists a warning, the next one leaves it out, because
/// what is critical holds it back, and the one after that lists it again; and an alert that is over leaves its group
/// once that was told, and comes back with the next time that Prometheus says so.
fn has_reason(before: &Told<'_>, now: &Told<'_>) -> bool {
    let ends = now[0].is_empty() && !before[0].is_empty();
    ends || (0..2).any(|kind| !now[kind].is_subset(&before[kind]))
}

/// The changes that those of `notifications` tell which are `of` interest, in their order: `(status, id)`. A group
/// repeats what goes on in it beside what is new, and that is no change. A fault is a notification that Alertmanager
/// has no reason to send, and one that speaks of a recovery from what was never told.
pub(crate) fn news(notifications: &[Notification], of: impl Fn(&Notification) -> bool) -> Vec<(String, String)> {
    let mut last: BTreeMap<&BTreeMap<String, String>, &str> = BTreeMap::new();
    let mut groups: BTreeMap<(&str, &str), Told<'_>> = BTreeMap::new();
    let mut told = Vec::new();
    for notification in notifications.iter().filter(|one| of(one)) {
        let group = (notification.path.as_str(), notification.group_key.as_str());
        let (before, now) = (groups.entry(group).or_default(), notification.told());
        assert!(has_reason(before, &now), "{} is a repetition\n{}", notification.at, summary(notifications));
        *before = now;
        for alert in &notification.alerts {
            let (before, id) = (last.insert(&alert.labels, &alert.status), alert.id());
            assert!(before.is_some() || alert.status == "firing", "{id}: never told\n{}", summary(notifications));
            if before != Some(&alert.status) {
                told.push((alert.status.clone(), id));
            }
        }
    }
    told
}

mod tests {
    use serde_json::json;

    use super::*;

    /// The notifications of one group, each the alerts that go on (`A`) and those that are over (`-A`) in it.
    fn notifications(told: &[&str]) -> Vec<Notification> {
        let alert = |word: &str| {
            let (name, status) = word.strip_prefix('-').map_or((word, "firing"), |name| (name, "resolved"));
            json!({
                "status": status, "labels": {"alertname": name, "severity": "warning"}, "annotations": {},
                "startsAt": "2026-11-22T12:00:00Z", "endsAt": "0001-01-01T00:00:00Z", "generatorURL": "",
            })
        };
        let notification = |alerts: &&str| {
            let alerts: Vec<_> = alerts.split_whitespace().map(alert).collect();
            let body = json!({"status": "firing", "groupKey": "{}:{}", "groupLabels": {}, "alerts": alerts});
            serde_json::from_value(body).unwrap()
        };
        told.iter().map(notification).collect()
    }

    fn changes(told: &[&str]) -> String {
        let word = |(status, id): (String, String)| {
            format!("{}{}", if status == "firing" { "" } else { "-" }, id.trim_end_matches("/warning"))
        };
        news(&notifications(told), |_| true).into_iter().map(word).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn what_a_group_repeats_beside_what_is_new_is_no_change() {
        assert_eq!(changes(&["A", "A B", "A -B", "-A -B"]), "A B -B -A");
        assert_eq!(changes(&["A", "-A", "A"]), "A -A A");
    }

    #[test]
    fn what_was_left_out_and_comes_back_is_no_change() {
        // Held back for a while; over, gone from its group and said to be over once more.
        assert_eq!(changes(&["A", "B", "A B", "-A -B"]), "A B -A -B");
        assert_eq!(changes(&["A", "-A", "B", "B -A", "-B"]), "A -A B -B");
    }

    #[test]
    #[should_panic(expected = "is a repetition")]
    fn what_goes_on_told_again_is_a_fault() {
        changes(&["A B", "A"]);
    }

    #[test]
    #[should_panic(expected = "is a repetition")]
    fn what_is_over_told_again_is_a_fault() {
        changes(&["A", "-A", "-A"]);
    }

    #[test]
    #[should_panic(expected = "never told")]
    fn a_recovery_from_what_was_never_told_is_a_fault() {
        changes(&["A", "-A -B"]);
    }
}
