//! A real Prometheus (Debian package `prometheus`), started on a free port and ended with its handle.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// How long Prometheus may take to start, or to have an answer. A bound, not an expectation.
const PATIENCE: Duration = Duration::from_secs(60);

/// One target: its job's name, its address and the path of its page.
pub(crate) struct Target<'a> {
    pub(crate) job: &'a str,
    pub(crate) address: SocketAddr,
    pub(crate) path: &'a str,
}

/// Rules, and who is told of their alerts.
#[derive(Default)]
pub(crate) struct Alerting<'a> {
    /// The text of a file of rules; empty for none.
    pub(crate) rules: &'a str,
    pub(crate) alertmanagers: &'a [SocketAddr],
    /// What fires is sent again after this time.
    pub(crate) resend_delay: &'a str,
}

/// A Prometheus that scrapes targets and evaluates rules every second.
pub(crate) struct Prometheus {
    child: Child,
    address: SocketAddr,
    directory: tempfile::TempDir,
    resend_delay: String,
}

/// One series of an answer: its labels, `__name__` among them, and its value.
pub(crate) type Series = (BTreeMap<String, String>, f64);

impl Prometheus {
    /// Starts it without rules and waits until it is ready.
    pub(crate) async fn start(targets: &[Target<'_>]) -> Self {
        Self::start_alerting(targets, &Alerting::default()).await
    }

    /// Starts it and waits until it is ready.
    pub(crate) async fn start_alerting(targets: &[Target<'_>], alerting: &Alerting<'_>) -> Self {
        let job = |Target { job, address, path }: &Target<'_>| {
            format!("- job_name: {job}\n  metrics_path: {path}\n  static_configs: [{{targets: ['{address}']}}]\n")
        };
        Self::start_configured(&targets.iter().map(job).collect::<String>(), alerting).await
    }

    /// Starts it without rules, with `jobs` as its scrape_configs, and waits until it is ready.
    pub(crate) async fn start_scraping(jobs: &str) -> Self {
        Self::start_configured(jobs, &Alerting::default()).await
    }

    async fn start_configured(jobs: &str, alerting: &Alerting<'_>) -> Self {
        for _ in 0..3 {
            let mut prometheus = Self::spawn(jobs, alerting);
            if prometheus.ready().await {
                return prometheus;
            }
        }
        panic!("prometheus did not start, three times; run `prometheus --version` and tests/run");
    }

    fn spawn(jobs: &str, alerting: &Alerting<'_>) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let resend_delay = alerting.resend_delay.to_owned();
        std::fs::write(directory.path().join("prometheus.yml"), configuration(jobs, alerting)).unwrap();
        std::fs::write(directory.path().join("rules.yml"), alerting.rules).unwrap();
        // The port is free now; when another process takes it first, `start` tries again.
        let address = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let child = command(&directory, address, &resend_delay)
            .spawn()
            .expect("prometheus is installed; tests/run installs it");
        Prometheus { child, address, directory, resend_delay }
    }

    /// Ends it as `kill -9` does.
    pub(crate) fn kill(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }

    /// Starts it again after [`Prometheus::kill`]: the same port, which a connection of somebody else may hold for a
    /// moment, and the same data.
    pub(crate) async fn start_again(&mut self) {
        let start = Instant::now();
        loop {
            self.child = command(&self.directory, self.address, &self.resend_delay).spawn().unwrap();
            if self.ready().await {
                return;
            }
            assert!(start.elapsed() < PATIENCE, "prometheus did not start again at {}", self.address);
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    async fn ready(&mut self) -> bool {
        let start = Instant::now();
        while start.elapsed() < PATIENCE {
            if self.child.try_wait().unwrap().is_some() {
                return false;
            }
            if matches!(get(self.address, "/-/ready").await, Ok((200, _))) {
                return true;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        false
    }

    /// The present answer to the expression `expr`.
    pub(crate) async fn query(&self, expr: &str) -> Vec<Series> {
        self.ask("query", expr, "").await.iter().map(series).collect()
    }

    /// The answer to `expr` as it was at `at`, Unix seconds.
    pub(crate) async fn query_at(&self, expr: &str, at: f64) -> Vec<Series> {
        self.ask("query", expr, &format!("&time={at}")).await.iter().map(series).collect()
    }

    /// The times and values of each series of `expr` from the one time to the other, a second apart.
    pub(crate) async fn range(&self, expr: &str, (from, to): (f64, f64)) -> Vec<Vec<(f64, f64)>> {
        let answer = self.ask("query_range", expr, &format!("&start={from}&end={to}&step=1")).await;
        answer.iter().map(|result| result["values"].as_array().unwrap().iter().map(point).collect()).collect()
    }

    async fn ask(&self, kind: &str, expr: &str, more: &str) -> Vec<Value> {
        let encoded: String = expr.bytes().map(|byte| format!("%{byte:02x}")).collect();
        let (status, body) = get(self.address, &format!("/api/v1/{kind}?query={encoded}{more}")).await.unwrap();
        assert_eq!(status, 200, "{expr}: {}", String::from_utf8_lossy(&body));
        let mut answer: Value = serde_json::from_slice(&body).unwrap();
        serde_json::from_value(answer["data"]["result"].take()).unwrap()
    }

    /// The answer to `expr` once it has at least `least` series.
    pub(crate) async fn query_until(&self, expr: &str, least: usize) -> Vec<Series> {
        let start = Instant::now();
        loop {
            let answer = self.query(expr).await;
            if answer.len() >= least {
                return answer;
            }
            assert!(start.elapsed() < PATIENCE, "{expr} has {} series, not {least}", answer.len());
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }
}

impl Drop for Prometheus {
    fn drop(&mut self) {
        self.kill();
    }
}

fn command(directory: &tempfile::TempDir, address: SocketAddr, resend_delay: &str) -> Command {
    let mut command = Command::new("prometheus");
    command
        .arg(format!("--config.file={}", directory.path().join("prometheus.yml").display()))
        .arg(format!("--storage.tsdb.path={}", directory.path().join("data").display()))
        .arg(format!("--web.listen-address={address}"))
        // Shorter than any `for`, as docs/alerting.md wants it.
        .args(["--rules.alert.for-grace-period=500ms", "--log.level=error"])
        .arg(format!("--rules.alert.resend-delay={}", if resend_delay.is_empty() { "1m" } else { resend_delay }))
        .stdin(Stdio::null())
        .stdout(Stdio::null());
    command
}

fn configuration(jobs: &str, alerting: &Alerting<'_>) -> String {
    let alertmanagers: Vec<String> = alerting.alertmanagers.iter().map(|address| format!("'{address}'")).collect();
    format!(
        "global: {{scrape_interval: 1s, scrape_timeout: 1s, evaluation_interval: 1s}}\n\
         rule_files: [rules.yml]\n\
         alerting: {{alertmanagers: [{{static_configs: [{{targets: [{}]}}]}}]}}\n\
         scrape_configs:\n{jobs}",
        alertmanagers.join(", ")
    )
}

fn series(result: &Value) -> Series {
    let labels = result["metric"].as_object().unwrap();
    let labels = labels.iter().map(|(name, value)| (name.clone(), value.as_str().unwrap().to_owned())).collect();
    (labels, point(&result["value"]).1)
}

/// Time and value.
fn point(pair: &Value) -> (f64, f64) {
    (pair[0].as_f64().unwrap(), pair[1].as_str().unwrap().parse().unwrap())
}

/// Status and body of `path`.
pub(crate) async fn get(address: SocketAddr, path: &str) -> std::io::Result<(u16, Vec<u8>)> {
    let mut stream = TcpStream::connect(address).await?;
    stream.write_all(format!("GET {path} HTTP/1.0\r\nHost: {address}\r\n\r\n").as_bytes()).await?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await?;
    let head_end = answer.windows(4).position(|window| window == b"\r\n\r\n").map_or(answer.len(), |at| at + 4);
    let head = String::from_utf8_lossy(&answer[..head_end]).into_owned();
    let status = head.split_whitespace().nth(1).and_then(|status| status.parse().ok());
    Ok((status.ok_or(std::io::ErrorKind::InvalidData)?, answer.split_off(head_end)))
}
