//! The real program as a service: started on a free port in a home of its own, asked over HTTP, told by signals.

mod alertmanager;
mod bad_input;
mod dashboards;
mod demo;
mod flags;
mod past;
mod probes;
mod push;
mod report;
pub(crate) mod scrape;
mod secure;
mod series;
pub(crate) mod signals;
mod sockets;
mod stall;

use std::io::{BufRead, BufReader, Read};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use autoswe_exporter::observation::Time;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};

/// Longest wait for anything; a bound, not an expectation.
pub(crate) const PATIENCE: Duration = Duration::from_secs(40);
/// Between two looks at whether something has come true.
const LOOK: Duration = Duration::from_millis(20);

/// A home directory with a loop's directories in it, and the configuration for it. What is not below it is not
/// looked at, unless a test turns the source on.
pub(crate) struct Home {
    directory: tempfile::TempDir,
    config: Value,
}

impl Home {
    pub(crate) fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let [runtime, repo] = ["runtime", "repo"].map(|name| directory.path().join(name));
        std::fs::create_dir(&runtime).unwrap();
        std::fs::create_dir(&repo).unwrap();
        let off = || json!({"enabled": false});
        let often = || json!({"interval": "100ms"});
        let config = json!({
            "runtime_dir": runtime, "repo_root": repo, "web": {"listen_addresses": ["127.0.0.1:0"]},
            "loop": {"interval": "50ms", "unit": "autoswe-test.service"},
            "subagents": off(), "vllm": off(), "gpu": off(), "host": off(),
            "parity": often(), "verdicts": often(), "site": often(), "review": often(), "watchdog": often(),
        });
        Home { directory, config }
    }

    /// The same with these settings, which are written as in the configuration.
    pub(crate) fn with(mut self, settings: Value) -> Self {
        merge(&mut self.config, settings);
        self
    }

    fn path(&self) -> &Path {
        self.directory.path()
    }

    fn runtime(&self, name: &str) -> PathBuf {
        self.path().join("runtime").join(name)
    }

    fn repo(&self, name: &str) -> PathBuf {
        self.path().join("repo").join(name)
    }

    fn config_file(&self) -> PathBuf {
        self.path().join("config.yml")
    }

    /// Writes the configuration; JSON is YAML.
    fn write_config(&self) {
        std::fs::write(self.config_file(), serde_json::to_vec_pretty(&self.config).unwrap()).unwrap();
    }

    /// A heartbeat of `age` seconds ago.
    pub(crate) fn beat(&self, age: i64) {
        let ts = Time::now() - jiff::SignedDuration::from_secs(age);
        let beat = json!({"ts": ts, "pid": 4711, "epoch": 3, "iter": 117, "vertex": "write", "phase": "idle"});
        let fresh = self.runtime("state-heartbeat.json.new");
        std::fs::write(&fresh, beat.to_string()).unwrap();
        std::fs::rename(fresh, self.runtime("state-heartbeat.json")).unwrap();
    }

    /// One line for each verdict, the last one given just now; when that was.
    fn write_verdicts(&self, verdicts: &[&str]) -> Time {
        let now = Time::now();
        let line = |verdict: &&str| json!({"ts": now, "verdict": verdict}).to_string() + "\n";
        std::fs::write(self.runtime("verdicts.jsonl"), verdicts.iter().map(line).collect::<String>()).unwrap();
        now
    }

    /// The program in this home, with its configuration and nothing of ours in its environment.
    pub(crate) fn command(&self) -> Command {
        self.write_config();
        let mut command = self.bare_command();
        command.arg("--config.file").arg(self.config_file());
        command
    }

    fn bare_command(&self) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_autoswe-exporter"));
        command.env_clear().env("HOME", self.path()).env("TMPDIR", self.path()).current_dir(self.path());
        command.stdin(Stdio::null());
        command
    }

    /// Starts the program and waits until every source was read.
    async fn start(&self) -> Exporter {
        let exporter = Exporter::spawn(&mut self.command()).await;
        exporter.ready().await;
        exporter
    }
}

/// Lays `settings` over `config`, key by key.
pub(crate) fn merge(config: &mut Value, settings: Value) {
    match settings {
        Value::Object(settings) if config.is_object() => {
            settings.into_iter().for_each(|(key, value)| merge(&mut config[key], value));
        }
        settings => *config = settings,
    }
}

/// The running program; it is killed when this is dropped.
pub(crate) struct Exporter {
    child: Child,
    addresses: Vec<SocketAddr>,
    pub(crate) log: Lines,
    client: reqwest::Client,
}

/// An answer as it came in.
struct Answer {
    status: u16,
    headers: reqwest::header::HeaderMap,
    body: Vec<u8>,
}

impl Answer {
    fn text(&self) -> String {
        String::from_utf8(self.body.clone()).unwrap()
    }

    fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }
}

impl Exporter {
    /// Starts `command` and waits until it listens.
    pub(crate) async fn spawn(command: &mut Command) -> Self {
        let mut child = command.stderr(Stdio::piped()).spawn().unwrap();
        let log = Lines::of(child.stderr.take().unwrap());
        let mut exporter = Exporter { child, addresses: Vec::new(), log, client: client() };
        let line = exporter.log.until("listening").await;
        let list = line.split_once("addresses").and_then(|(_, rest)| rest.split_once('[')?.1.split_once(']'));
        let list = list.unwrap_or_else(|| panic!("no addresses: {line}")).0;
        exporter.addresses = list.split(", ").map(|address| address.parse().unwrap()).collect();
        exporter
    }

    pub(crate) async fn ready(&self) {
        let start = Instant::now();
        while self.get("/-/ready").await.status != 200 {
            assert!(start.elapsed() < PATIENCE, "not ready: {}", self.get("/-/ready").await.text());
            tokio::time::sleep(LOOK).await;
        }
    }

    fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.addresses[0])
    }

    async fn get(&self, path: &str) -> Answer {
        self.ask(path, &[]).await
    }

    async fn ask(&self, path: &str, headers: &[(&str, &str)]) -> Answer {
        let ask = self.client.get(self.url(path));
        let ask = headers.iter().fold(ask, |ask, (name, value)| ask.header(*name, *value));
        let answer = ask.send().await.unwrap_or_else(|error| panic!("{path}: {error:?}\n{}", self.log.all()));
        let (status, headers) = (answer.status().as_u16(), answer.headers().clone());
        Answer { status, headers, body: answer.bytes().await.unwrap().to_vec() }
    }

    pub(crate) async fn metrics(&self) -> String {
        self.get("/metrics").await.text()
    }

    /// The metrics page once it shows `metric`.
    async fn page_with(&self, metric: &str) -> Answer {
        let start = Instant::now();
        loop {
            let page = self.get("/metrics").await;
            if page.text().contains(&format!("\n{metric} ")) {
                return page;
            }
            assert!(start.elapsed() < PATIENCE, "{metric} never came\n{}", page.text());
            tokio::time::sleep(LOOK).await;
        }
    }

    pub(crate) async fn state(&self) -> Value {
        serde_json::from_slice(&self.get("/api/v1/state").await.body).unwrap()
    }

    /// The state once `holds` of it.
    pub(crate) async fn until(&self, what: &str, holds: impl Fn(&Value) -> bool) -> Value {
        let start = Instant::now();
        loop {
            let state = self.state().await;
            if holds(&state) {
                return state;
            }
            assert!(start.elapsed() < PATIENCE, "it never came to this: {what}\n{state:#}\n{}", self.log.all());
            tokio::time::sleep(LOOK).await;
        }
    }

    pub(crate) fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).unwrap();
    }

    /// The exit code, once it ended; the test fails when that takes longer than `within`.
    pub(crate) async fn exit_code(&mut self, within: Duration) -> Option<i32> {
        let start = Instant::now();
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status.code();
            }
            assert!(start.elapsed() < within, "it did not end within {within:?}\n{}", self.log.all());
            tokio::time::sleep(LOOK).await;
        }
    }

    /// The most memory it ever held in RAM, bytes.
    fn peak_memory(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
        line.trim().trim_end_matches("kB").trim().parse::<u64>().unwrap() * 1024
    }
}

impl Drop for Exporter {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// What a program wrote so far, line by line.
#[derive(Clone)]
pub(crate) struct Lines(Arc<Mutex<Vec<String>>>);

impl Lines {
    /// Collects what comes from `pipe` until it ends.
    pub(crate) fn of(pipe: impl Read + Send + 'static) -> Self {
        let lines = Lines(Arc::default());
        let all = lines.clone();
        std::thread::spawn(move || {
            for line in BufReader::new(pipe).lines().map_while(Result::ok) {
                all.0.lock().unwrap_or_else(PoisonError::into_inner).push(line);
            }
        });
        lines
    }

    pub(crate) fn all(&self) -> String {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).join("\n")
    }

    fn with(&self, words: &str) -> Vec<String> {
        self.all().lines().filter(|line| line.contains(words)).map(str::to_owned).collect()
    }

    /// The first line with `words` in it, once it is there.
    pub(crate) async fn until(&self, words: &str) -> String {
        let start = Instant::now();
        loop {
            if let Some(line) = self.with(words).pop() {
                return line;
            }
            assert!(start.elapsed() < PATIENCE, "no line with {words:?} in:\n{}", self.all());
            tokio::time::sleep(LOOK).await;
        }
    }
}

fn client() -> reqwest::Client {
    // Another test of this process may have installed it.
    rustls::crypto::ring::default_provider().install_default().ok();
    reqwest::Client::builder().no_proxy().tls_certs_only([]).timeout(PATIENCE).build().unwrap()
}

/// One check of the state.
pub(crate) fn check<'a>(state: &'a Value, id: &str) -> &'a Value {
    state["checks"].as_array().unwrap().iter().find(|check| check["check"] == id).unwrap()
}

/// Every finding of the state, as `check.code`.
pub(crate) fn findings(state: &Value) -> Vec<String> {
    let checks = state["checks"].as_array().unwrap().iter();
    let of = |check: &Value| -> Vec<String> {
        let findings = check["findings"].as_array().unwrap().iter();
        findings.map(|f| format!("{}.{}", check["check"].as_str().unwrap(), f["code"].as_str().unwrap())).collect()
    };
    checks.flat_map(of).collect()
}

/// The value of the line that begins with `series`, which is a name with all its labels.
pub(crate) fn metric(page: &str, series: &str) -> Option<f64> {
    let value = |line: &str| line.strip_prefix(series)?.strip_prefix(' ')?.parse().ok();
    page.lines().find_map(value)
}
