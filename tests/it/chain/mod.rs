//! The real chain: the demo's story, the exporter, Prometheus with rules, Alertmanager with the shipped routes, and a
//! receiver that keeps what it is told.
//!
//! Invariant: the tree of routes and the inhibitions are those of `alerts/alertmanager.yml`; only times and addresses
//! are the test's.

mod killed;
mod reaction;
mod routes;
mod story;

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use autoswe_exporter::config::{Config, Inputs, load_over, print};
use autoswe_exporter::observation::Time;
use serde_yaml::Value;

use crate::alertmanager::Alertmanager;
use crate::prometheus::{Alerting, Prometheus, Target, get};
use crate::receiver::{Alert, Notification, Receiver, news, summary};
use crate::teller::Teller;

/// How long anything may take. A bound, not an expectation.
const PATIENCE: Duration = Duration::from_secs(60);

const DOWN: &str = "AutosweExporterDown/critical";
const DEAD_MAN: &str = "AutosweDeadMansSwitch/none";
const HUNG: [&str; 2] = ["AutosweLoopHeartbeatOld/warning", "AutosweLoopHeartbeatOld/critical"];
const STALLED: [&str; 2] = ["AutosweVllmStalled/warning", "AutosweVllmStalled/critical"];
const THROTTLED: &str = "AutosweGpuThrottled/warning";

/// `group_wait` of warnings in the tests, seconds.
const GROUP_WAIT: f64 = 1.0;

/// Every program of the chain; what was started ends with this.
struct Chain {
    receiver: Receiver,
    alertmanager: Alertmanager,
    prometheus: Prometheus,
    exporter: Exporter,
    teller: Teller,
}

impl Chain {
    /// Starts all of it, and waits until the dead man's switch was heard: then each part works. Prometheus sends what
    /// fires again after `resend_delay`, and Alertmanager believes it for four times as long.
    async fn start(resend_delay: &str) -> Self {
        Self::start_with(resend_delay, |_| ()).await
    }

    /// The same with other settings of the exporter.
    async fn start_with(resend_delay: &str, settings: impl Fn(&mut Config)) -> Self {
        let (teller, mut config) = Teller::begin().await;
        settings(&mut config);
        let exporter = Exporter::start(config).await;
        let receiver = Receiver::start().await;
        let alertmanager = Alertmanager::start(&shipped(receiver.url())).await;
        let targets = [Target { job: "autoswe", address: exporter.address, path: "/metrics" }];
        let alertmanagers = [alertmanager.address()];
        let alerting = Alerting { rules: &exporter.rules(), alertmanagers: &alertmanagers, resend_delay };
        let prometheus = Prometheus::start_alerting(&targets, &alerting).await;
        receiver.until_told("firing", DEAD_MAN).await;
        prometheus.query_until("up == 1", 1).await;
        Chain { receiver, alertmanager, prometheus, exporter, teller }
    }

    /// Lets the loop hang: first its warning is told, then that it is critical.
    async fn hang(&self) {
        self.teller.turn_to("The heartbeat stops");
        self.receiver.until_told("firing", HUNG[0]).await;
        self.teller.age();
        self.receiver.until_told("firing", HUNG[1]).await;
    }

    /// Every notification so far but those of the dead man's switch.
    fn heard(&self) -> Vec<Notification> {
        let mut all = self.receiver.notifications();
        all.retain(|one| one.path != "/dead-mans-switch");
        all
    }

    /// Waits until the dead man's switch was heard twice more: what is to be told meanwhile was told.
    async fn hear_twice(&self) {
        let heard = |all: &[Notification]| all.iter().filter(|one| one.path == "/dead-mans-switch").count();
        let enough = heard(&self.receiver.notifications()) + 2;
        self.receiver.until("the dead man's switch is heard twice more", |all| heard(all) >= enough).await;
    }

    /// What was told without the dead man's switch, as [`news`] has it, and without [`DOWN`]: on a slow machine the
    /// exporter may miss a scrape's second and be called down, which is true and told no more often than it happened.
    async fn told(&self) -> Vec<(String, String)> {
        // Before the first scrape there is no target yet, and the test's `for` does not wait for it.
        let absent =
            |one: &Notification| one.group_labels.get("alertname").is_some_and(|name| name == "AutosweExporterAbsent");
        let mut told = news(&self.heard(), |one| !absent(one));
        let down = told.iter().filter(|(status, id)| status == "firing" && id == DOWN).count();
        let missed = self.times_missed().await;
        assert!(down <= missed, "down {down} times, missed {missed} times: {told:#?}");
        told.retain(|(_, id)| id != DOWN);
        told
    }

    /// How often the exporter began to miss scrapes in the last ten minutes.
    async fn times_missed(&self) -> usize {
        let now = Time::now().as_second() as f64;
        let up = self.prometheus.range("up", (now - 600.0, now)).await.concat();
        let missed: Vec<bool> = up.into_iter().map(|(_, value)| value == 0.0).collect();
        missed.chunk_by(|one, next| one == next).filter(|same| same[0]).count()
    }

    /// Waits until nothing but the dead man's switch is left in Alertmanager.
    async fn until_quiet(&self) {
        let quiet = |alerts: &[crate::alertmanager::Alert]| alerts.iter().all(|alert| alert.id() == DEAD_MAN);
        self.alertmanager.until("no alert is left", quiet).await;
    }
}

/// `alerts/alertmanager.yml` with its routes and inhibitions as they are. Times that a test would wait for are short,
/// and each receiver is a path of `url`.
fn shipped(url: &str) -> String {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("alerts/alertmanager.yml");
    let mut config: Value = serde_yaml::from_str(&std::fs::read_to_string(file).unwrap()).unwrap();
    config["global"] = Value::Mapping(serde_yaml::Mapping::new());
    scale(&mut config["route"]);
    for receiver in config["receivers"].as_sequence_mut().unwrap() {
        let name = receiver["name"].as_str().unwrap();
        let resolved = receiver["webhook_configs"][0]["send_resolved"].as_bool().unwrap_or(true);
        let text = format!("{{name: {name}, webhook_configs: [{{url: '{url}/{name}', send_resolved: {resolved}}}]}}");
        *receiver = serde_yaml::from_str(&text).unwrap();
    }
    serde_yaml::to_string(&config).unwrap()
}

fn scale(route: &mut Value) {
    let dead_man = route["receiver"] == "dead-mans-switch";
    for (name, value) in route.as_mapping_mut().unwrap() {
        let short = match (name.as_str().unwrap(), value.as_str()) {
            ("group_wait", Some(text)) if text != "0s" => format!("{GROUP_WAIT}s"),
            ("group_interval", _) => "1s".into(),
            ("repeat_interval", _) if dead_man => "500ms".into(),
            _ => continue,
        };
        *value = Value::String(short);
    }
    if let Some(routes) = route.get_mut("routes") {
        routes.as_sequence_mut().unwrap().iter_mut().for_each(scale);
    }
}

/// The exporter as a program, on a port that it keeps.
struct Exporter {
    child: Child,
    address: SocketAddr,
    directory: tempfile::TempDir,
}

impl Exporter {
    async fn start(mut config: Config) -> Self {
        let address = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        config.web.listen_addresses = vec![address.to_string()];
        let directory = tempfile::tempdir().unwrap();
        let loaded = load_over(config, &Inputs::default()).unwrap();
        std::fs::write(directory.path().join("config.yml"), print(&loaded)).unwrap();
        let child = command(directory.path()).spawn().unwrap();
        let mut exporter = Exporter { child, address, directory };
        exporter.ready().await;
        exporter
    }

    /// The rules for its configuration.
    fn rules(&self) -> String {
        let output = command(self.directory.path()).arg("print-rules").stdout(Stdio::piped()).output().unwrap();
        assert!(output.status.success());
        String::from_utf8(output.stdout).unwrap()
    }

    /// Waits until it is. One that ended, as it does while a connection of somebody else holds its port, is started
    /// again.
    async fn ready(&mut self) {
        let start = Instant::now();
        while !matches!(get(self.address, "/-/ready").await, Ok((200, _))) {
            assert!(start.elapsed() < PATIENCE, "the exporter is not ready");
            if self.child.try_wait().unwrap().is_some() {
                self.child = command(self.directory.path()).spawn().unwrap();
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// Ends it as `kill -9` does.
    fn kill(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }

    /// Starts it again after [`Exporter::kill`]: the same port, the same configuration.
    async fn start_again(&mut self) {
        self.child = command(self.directory.path()).spawn().unwrap();
        self.ready().await;
    }
}

impl Drop for Exporter {
    fn drop(&mut self) {
        self.kill();
    }
}

fn command(directory: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_autoswe-exporter"));
    command.env_clear().env("HOME", directory).current_dir(directory);
    command.arg("--config.file").arg(directory.join("config.yml"));
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    command
}
