//! Real Alertmanagers (Debian package `prometheus-alertmanager`) on free ports of loopback, alone or as a cluster of two,
//! ended with their handle.
//!
//! Invariant: a restart finds the same port and the same data, so that what it forgets is what Alertmanager forgets.

mod nflog;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use autoswe_exporter::observation::Time;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::receiver::Notification;

/// How long Alertmanager may take to start, or to come to something. A bound, not an expectation.
const PATIENCE: Duration = Duration::from_secs(60);
/// Between two looks at whether something has come true.
const LOOK: Duration = Duration::from_millis(50);

/// A running Alertmanager.
pub(crate) struct Alertmanager {
    child: Child,
    address: SocketAddr,
    /// The own address in the cluster and the other member's.
    cluster: Option<[SocketAddr; 2]>,
    directory: tempfile::TempDir,
}

/// An alert as the v2 API shows it.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Alert {
    pub(crate) labels: BTreeMap<String, String>,
    pub(crate) annotations: BTreeMap<String, String>,
    pub(crate) starts_at: Time,
    pub(crate) ends_at: Time,
    #[serde(rename = "generatorURL", default)]
    pub(crate) generator_url: String,
    pub(crate) status: Status,
}

/// What Alertmanager does with an alert.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Status {
    /// `active` or `suppressed`. To ask for an alert is to have it judged, so that it is never `unprocessed`.
    pub(crate) state: String,
    /// The identifiers of the silences that hold it back.
    pub(crate) silenced_by: Vec<String>,
    /// The fingerprints of the alerts that hold it back, as far as the inhibitor has heard of them: it takes what is
    /// posted from a queue of its own, so that an answer to a post does not mean that it knows the alert.
    pub(crate) inhibited_by: Vec<String>,
}

impl Alert {
    /// `name/severity`, such as `AutosweLoopHeartbeatOld/critical`.
    pub(crate) fn id(&self) -> String {
        let label = |name: &str| self.labels.get(name).map_or("", String::as_str);
        format!("{}/{}", label("alertname"), label("severity"))
    }
}

impl Alertmanager {
    /// Starts one that is no member of a cluster, with this configuration, and waits until it is ready.
    pub(crate) async fn start(config: &str) -> Self {
        for _ in 0..3 {
            let mut alone = Self::spawn(config, free_address(), None);
            if alone.ready().await {
                return alone;
            }
        }
        panic!("prometheus-alertmanager did not start, three times; does amtool check-config take this?\n{config}");
    }

    /// Starts two that know each other, with the same configuration, and waits until they have joined.
    pub(crate) async fn start_pair(config: &str) -> [Self; 2] {
        for _ in 0..3 {
            let [one, other] = [free_address(), free_address()];
            let mut pair =
                [[one, other], [other, one]].map(|cluster| Self::spawn(config, free_address(), Some(cluster)));
            if pair[0].ready().await && pair[1].ready().await && pair[0].joined().await && pair[1].joined().await {
                return pair;
            }
        }
        panic!("two members of prometheus-alertmanager did not join, three times");
    }

    fn spawn(config: &str, address: SocketAddr, cluster: Option<[SocketAddr; 2]>) -> Self {
        let directory = tempfile::tempdir().unwrap();
        std::fs::write(directory.path().join("alertmanager.yml"), config).unwrap();
        let child = command(&directory, address, cluster).spawn().expect("Alertmanager is installed by tests/run");
        Alertmanager { child, address, cluster, directory }
    }

    /// Whether it came up; `false` when it ended, as it does when another process took its port first.
    async fn ready(&mut self) -> bool {
        let start = Instant::now();
        while start.elapsed() < PATIENCE {
            if self.child.try_wait().unwrap().is_some() {
                return false;
            }
            if matches!(client().get(self.url("/-/ready")).send().await, Ok(answer) if answer.status() == 200) {
                return true;
            }
            tokio::time::sleep(LOOK).await;
        }
        false
    }

    async fn joined(&self) -> bool {
        let start = Instant::now();
        while start.elapsed() < PATIENCE {
            let cluster = self.get("/api/v2/status").await["cluster"].take();
            if cluster["status"] == "ready" && cluster["peers"].as_array().is_some_and(|peers| peers.len() == 2) {
                return true;
            }
            tokio::time::sleep(LOOK).await;
        }
        false
    }

    /// Where it listens, as the configuration of Prometheus wants it.
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// `http://127.0.0.1:PORT` and `path`.
    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    async fn get(&self, path: &str) -> Value {
        let answer = client().get(self.url(path)).send().await.unwrap();
        serde_json::from_slice(&answer.bytes().await.unwrap()).unwrap()
    }

    /// Every alert that it has, the silenced and the inhibited ones too.
    pub(crate) async fn alerts(&self) -> Vec<Alert> {
        serde_json::from_value(self.get("/api/v2/alerts").await).unwrap()
    }

    /// Every alert, once `holds` of them.
    pub(crate) async fn until(&self, what: &str, holds: impl Fn(&[Alert]) -> bool) -> Vec<Alert> {
        let start = Instant::now();
        loop {
            let alerts = self.alerts().await;
            if holds(&alerts) {
                return alerts;
            }
            assert!(start.elapsed() < PATIENCE, "it never came to this: {what}\n{alerts:#?}");
            tokio::time::sleep(LOOK).await;
        }
    }

    /// Posts alerts (a JSON array of the v2 API) and gives the answer's status.
    pub(crate) async fn post(&self, alerts: Value) -> u16 {
        client().post(self.url("/api/v2/alerts")).json(&alerts).send().await.unwrap().status().as_u16()
    }

    /// Silences alerts with this label for an hour.
    pub(crate) async fn silence(&self, label: &str, value: &str) {
        let matcher = json!({"name": label, "value": value, "isRegex": false, "isEqual": true});
        let now = Time::now();
        let silence = json!({
            "matchers": [matcher], "startsAt": now, "endsAt": now + Duration::from_secs(3600),
            "createdBy": "test", "comment": "test",
        });
        let answer = client().post(self.url("/api/v2/silences")).json(&silence).send().await.unwrap();
        assert_eq!(answer.status(), 200);
    }

    /// Waits until the log of notifications on the disk knows that each of `told` was told: then a kill lets it forget
    /// none of them. It is noted after the receiver's answer, and written every second.
    pub(crate) async fn saved(&self, told: &[Notification]) {
        let start = Instant::now();
        loop {
            let logged = nflog::logged(&std::fs::read(self.data().join("nflog")).unwrap_or_default());
            let noted = |one: &&Notification| logged.get(&one.group_key).is_some_and(|at| *at >= one.at);
            let Some(missing) = told.iter().find(|one| !noted(one)) else { return };
            assert!(start.elapsed() < PATIENCE, "{} is not saved: {logged:#?}", missing.group_key);
            tokio::time::sleep(LOOK).await;
        }
    }

    fn data(&self) -> PathBuf {
        self.directory.path().join("data")
    }

    /// Ends it as `kill -9` does.
    pub(crate) fn kill(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }

    /// Starts it again after [`Alertmanager::kill`]: the same port, which a connection of somebody else may hold for a
    /// moment, and the same data.
    pub(crate) async fn start_again(&mut self) {
        let start = Instant::now();
        loop {
            self.child = command(&self.directory, self.address, self.cluster).spawn().unwrap();
            if self.ready().await {
                return;
            }
            assert!(start.elapsed() < PATIENCE, "prometheus-alertmanager did not start again at {}", self.address);
            tokio::time::sleep(LOOK).await;
        }
    }
}

impl Drop for Alertmanager {
    fn drop(&mut self) {
        self.kill();
    }
}

fn command(directory: &tempfile::TempDir, address: SocketAddr, cluster: Option<[SocketAddr; 2]>) -> Command {
    let mut command = Command::new("prometheus-alertmanager");
    command
        .arg(format!("--config.file={}", directory.path().join("alertmanager.yml").display()))
        .arg(format!("--storage.path={}", directory.path().join("data").display()))
        .arg(format!("--web.listen-address={address}"))
        .args(["--data.maintenance-interval=1s", "--log.level=error"])
        .stdin(Stdio::null())
        .stdout(Stdio::null());
    let Some([own, peer]) = cluster else {
        command.arg("--cluster.listen-address=");
        return command;
    };
    command
        .arg(format!("--cluster.listen-address={own}"))
        .arg(format!("--cluster.advertise-address={own}"))
        .arg(format!("--cluster.peer={peer}"))
        .args(["--cluster.gossip-interval=50ms", "--cluster.pushpull-interval=1s"])
        // How long the second member waits to hear from the first that it told the alert: long, because both tell it
        // where that takes longer.
        .args(["--cluster.reconnect-interval=1s", "--cluster.peer-timeout=5s", "--cluster.settle-timeout=10s"]);
    command
}

/// An address whose port is free now; when another process takes it first, the caller tries another.
fn free_address() -> SocketAddr {
    std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap()
}

fn client() -> reqwest::Client {
    // Another test of this process may have installed it.
    rustls::crypto::ring::default_provider().install_default().ok();
    reqwest::Client::builder().no_proxy().tls_certs_only([]).timeout(PATIENCE).build().unwrap()
}

/// The harness itself: what is said here of real Alertmanagers, other tests stand on.
mod tests {
    use super::*;
    use crate::receiver::{Receiver, news, summary};

    fn config(receiver: &Receiver) -> String {
        format!(
            "route: {{receiver: all, group_by: [alertname], group_wait: 0s, group_interval: 1s, repeat_interval: 1h}}\n\
             inhibit_rules: [{{source_matchers: [severity=critical], target_matchers: [severity=warning], equal: [host]}}]\n\
             receivers: [{{name: all, webhook_configs: [{{url: '{}/all'}}]}}]\n",
            receiver.url()
        )
    }

    /// One alert of just now that ends `seconds` from now. Without `startsAt` it would start when it ends.
    fn alert(name: &str, severity: &str, seconds: i64) -> Value {
        let now = Time::now();
        let ends = now + jiff::SignedDuration::from_secs(seconds);
        json!({
            "labels": {"alertname": name, "severity": severity, "host": "spark-1"},
            "annotations": {"summary": "Something is wrong"},
            "startsAt": now, "endsAt": ends, "generatorURL": "https://example.org/runbook",
        })
    }

    #[tokio::test]
    async fn an_alert_is_told_and_resolved_in_spite_of_a_failing_receiver() {
        let receiver = Receiver::start().await;
        receiver.fail(true);
        let alertmanager = Alertmanager::start(&config(&receiver)).await;
        assert_eq!(alertmanager.post(json!([alert("A", "critical", 600)])).await, 200);
        while receiver.refused() == 0 {
            tokio::time::sleep(LOOK).await;
        }
        receiver.fail(false);
        let (notification, told) = receiver.until_told("firing", "A/critical").await;
        assert_eq!((notification.path.as_str(), notification.status.as_str()), ("/all", "firing"));
        assert_eq!(notification.group_labels["alertname"], "A");
        assert_eq!(told.annotations["summary"], "Something is wrong");
        assert_eq!(told.generator_url, "https://example.org/runbook");
        assert!(told.starts_at <= notification.at && told.ends_at < told.starts_at, "{told:?}");
        alertmanager.post(json!([alert("A", "critical", 0)])).await;
        receiver.until_told("resolved", "A/critical").await;
        assert_eq!(receiver.notifications().len(), 2);
    }

    /// Prometheus and the exporter say for 15 minutes that an alert is over.
    #[tokio::test]
    async fn what_is_over_may_be_told_once_more_beside_what_goes_on() {
        let receiver = Receiver::start().await;
        let text = config(&receiver).replace("group_by: [alertname]", "group_by: [host]");
        let alertmanager = Alertmanager::start(&text).await;
        for (name, seconds) in [("A", 600), ("A", 0), ("B", 600), ("A", 0)] {
            let before = receiver.notifications().len();
            alertmanager.post(json!([alert(name, "critical", seconds)])).await;
            receiver.until("one more is told", |all| all.len() > before).await;
        }
        let told = receiver.notifications();
        assert_eq!((told.len(), told[3].alerts.len()), (4, 2), "{}", summary(&told));
        let expected = [("firing", "A"), ("resolved", "A"), ("firing", "B")];
        let expected = expected.map(|(status, name)| (status.to_owned(), format!("{name}/critical")));
        assert_eq!(news(&told, |_| true), expected);
    }

    #[tokio::test]
    async fn what_is_silenced_or_inhibited_is_shown_so() {
        let receiver = Receiver::start().await;
        let alertmanager = Alertmanager::start(&config(&receiver)).await;
        alertmanager.silence("alertname", "B").await;
        let alerts = json!([alert("A", "critical", 600), alert("A", "warning", 600), alert("B", "critical", 600)]);
        alertmanager.post(alerts).await;
        let alerts = alertmanager
            .until("one is inhibited", |all| {
                all.len() == 3 && all.iter().any(|one| !one.status.inhibited_by.is_empty())
            })
            .await;
        let of = |id: &str| alerts.iter().find(|alert| alert.id() == id).unwrap();
        assert_eq!(of("A/critical").status.state, "active");
        assert_eq!(of("A/warning").status.inhibited_by.len(), 1);
        assert_eq!(of("B/critical").status.silenced_by.len(), 1);
        let one = of("A/critical");
        assert_eq!(one.annotations["summary"], "Something is wrong");
        assert_eq!(one.generator_url, "https://example.org/runbook");
        assert!(one.starts_at < one.ends_at, "{one:?}");
    }

    #[tokio::test]
    async fn one_that_was_killed_still_knows_what_it_has_told() {
        let receiver = Receiver::start().await;
        let mut alertmanager = Alertmanager::start(&config(&receiver)).await;
        let (address, alerts) = (alertmanager.address(), json!([alert("A", "critical", 600)]));
        alertmanager.post(alerts.clone()).await;
        receiver.until_told("firing", "A/critical").await;
        alertmanager.saved(&receiver.notifications()).await;
        alertmanager.kill();
        alertmanager.start_again().await;
        assert_eq!((alertmanager.address(), alertmanager.alerts().await.len()), (address, 0));
        alertmanager.post(alerts).await;
        // Told after the first, if at all: each group is told in its turn.
        alertmanager.post(json!([alert("B", "critical", 600)])).await;
        receiver.until_told("firing", "B/critical").await;
        assert_eq!(receiver.told("firing").len(), 2);
    }

    #[tokio::test]
    async fn two_members_tell_an_alert_once() {
        let receiver = Receiver::start().await;
        let pair = Alertmanager::start_pair(&config(&receiver)).await;
        for member in &pair {
            member.post(json!([alert("A", "critical", 600)])).await;
        }
        // What only one member knows. The second of the two waits before it tells anything, so that by then it would
        // have told the common alert as well.
        for (member, name) in pair.iter().zip(["B", "C"]) {
            member.post(json!([alert(name, "critical", 600)])).await;
        }
        for name in ["A", "B", "C"] {
            receiver.until_told("firing", &format!("{name}/critical")).await;
        }
        assert_eq!(receiver.told("firing").len(), 3);
    }
}
