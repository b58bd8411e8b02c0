//! The site server beside its peers, in one run: nginx with one worker, and static-web-server.
//!
//! Run with `cargo bench --bench site_server`. Needs `wrk`; `nginx` and `static-web-server` where they are, a peer that is
//! missing is named as missing. `AUTOSWE_BENCH_JOURNEY` names another `autoswe-journey`, such as a copy of the release build
//! (a copy, because `cargo bench` builds one for itself in its place), or several, with colons between them: the peers are
//! compared with the first. `AUTOSWE_BENCH_ROUNDS` changes how many rounds there are, `AUTOSWE_BENCH_SECONDS` their length;
//! with `AUTOSWE_BENCH_PINNED` servers run on the first processor and wrk on the second.
//! Figures are medians over rounds in which the servers take turns; nothing here asserts.

#![expect(clippy::print_stdout, reason = "the figures are what it is for")]

#[path = "stage/release.rs"]
mod release;
#[path = "stage/mod.rs"]
mod stage;

use std::ffi::OsStr;
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use release::{FILES, release};
use stage::{cpu_seconds, free_port, rss_mib};

const CONNECTIONS: &str = "8";
/// Rounds, and seconds of load on one server in one round, unless the environment names others.
const ROUNDS: usize = 5;
const SECONDS: usize = 3;

fn main() {
    let directory = tempfile::tempdir().expect("a directory");
    let site = release(directory.path());
    let mut servers: Vec<_> =
        programs().into_iter().map(|program| (name(&program), ours(&program, directory.path()))).collect();
    let kept_open = "open_file_cache max=1000; open_file_cache_valid 60s;";
    servers.extend([
        ("nginx".to_owned(), nginx(directory.path(), &site, "")),
        ("nginx, open_file_cache".to_owned(), nginx(directory.path(), &site, kept_open)),
        ("static-web-server".to_owned(), static_web_server(&site)),
    ]);
    let rounds = number("AUTOSWE_BENCH_ROUNDS").unwrap_or(ROUNDS);
    for (name, server) in &servers {
        match server {
            Some(server) => println!("{name}: RSS idle {:.1} MiB", rss_mib(server.worker)),
            None => println!("{name}: missing"),
        }
    }
    for (file, _) in FILES {
        let mut results = vec![Vec::new(); servers.len()];
        for _ in 0..rounds {
            for (result, (_, server)) in results.iter_mut().zip(&servers) {
                result.extend(server.as_ref().map(|server| server.load(file)));
            }
        }
        let ours = median(results[0].iter().map(|load| load.rate));
        for (result, (name, server)) in results.iter().zip(&servers).filter(|(result, _)| !result.is_empty()) {
            let of = |value: fn(&Load) -> f64| median(result.iter().map(value));
            println!(
                "{file}: {name}: {:.0}/s, ours is {:.2} times that; p50 {:.3} ms, p99 {:.3} ms; CPU {:.1} us a request; \
                 RSS {:.1} MiB",
                of(|load| load.rate),
                ours / of(|load| load.rate),
                of(|load| load.p50),
                of(|load| load.p99),
                of(|load| load.cpu),
                server.as_ref().map_or(f64::NAN, |server| rss_mib(server.worker))
            );
        }
    }
}

/// The programs of ours that are measured.
fn programs() -> Vec<PathBuf> {
    let named = std::env::var_os("AUTOSWE_BENCH_JOURNEY");
    let named = named.map(|paths| std::env::split_paths(&paths).collect());
    named.unwrap_or_else(|| vec![env!("CARGO_BIN_EXE_autoswe-journey").into()])
}

fn name(program: &Path) -> String {
    program.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

/// `program`, on `processor` alone where that is asked for.
fn on(processor: &str, program: impl AsRef<OsStr>) -> Command {
    if std::env::var_os("AUTOSWE_BENCH_PINNED").is_none() {
        return Command::new(program);
    }
    let mut command = Command::new("taskset");
    command.args(["-c", processor]).arg(program);
    command
}

/// What the environment's variable says, where it says a number.
fn number(variable: &str) -> Option<usize> {
    std::env::var(variable).ok()?.parse().ok()
}

fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}

/// What one round of load came to.
#[derive(Debug, Clone, Copy)]
struct Load {
    /// Requests a second.
    rate: f64,
    /// Milliseconds.
    p50: f64,
    p99: f64,
    /// CPU time of the server for a request, microseconds.
    cpu: f64,
}

/// A server, killed when dropped.
struct Server {
    child: Child,
    /// Who answers: a child of that process, or itself.
    worker: u32,
    address: SocketAddr,
}

impl Server {
    fn start(mut command: Command, port: u16) -> Option<Self> {
        let child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().ok()?;
        let address = SocketAddr::from(([127, 0, 0, 1], port));
        let (worker, until) = (child.id(), Instant::now() + Duration::from_secs(10));
        let mut server = Server { child, worker, address };
        while TcpStream::connect(address).is_err() {
            if Instant::now() > until {
                return None;
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        let path = format!("/proc/{worker}/task/{worker}/children");
        let children = std::fs::read_to_string(path).unwrap_or_default();
        server.worker = children.split_whitespace().next().and_then(|pid| pid.parse().ok()).unwrap_or(worker);
        Some(server)
    }

    fn load(&self, file: &str) -> Load {
        let before = cpu_seconds(self.worker);
        let output = on("1", "wrk")
            .args(["-t", "1", "-c", CONNECTIONS, "--latency", "-d"])
            .arg(number("AUTOSWE_BENCH_SECONDS").unwrap_or(SECONDS).to_string())
            .arg(format!("http://{}/{file}", self.address))
            .output()
            .expect("wrk; apt-get install wrk");
        let cpu = cpu_seconds(self.worker) - before;
        let said = String::from_utf8_lossy(&output.stdout);
        assert!(!said.contains("Non-2xx"), "{said}");
        let word = |before: &str| {
            let line = said.lines().find_map(|line| line.trim().strip_prefix(before)).unwrap_or_default();
            line.split_whitespace().next().unwrap_or_default().to_owned()
        };
        let requests = said.lines().find(|line| line.contains("requests in")).unwrap_or_default();
        let requests: f64 = requests.split_whitespace().next().and_then(|word| word.parse().ok()).unwrap_or(f64::NAN);
        Load {
            rate: word("Requests/sec:").parse().unwrap_or(f64::NAN),
            p50: milliseconds(&word("50%")),
            p99: milliseconds(&word("99%")),
            cpu: cpu * 1e6 / requests,
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // In order: the worker of nginx is ended by its master.
        drop(Command::new("kill").args(["-TERM", &self.child.id().to_string()]).status());
        drop(self.child.wait());
    }
}

fn milliseconds(text: &str) -> f64 {
    let units = [("us", 1e-3), ("ms", 1.0), ("s", 1e3)];
    let value = |(unit, scale): &(&str, f64)| Some(text.strip_suffix(unit)?.parse::<f64>().ok()? * scale);
    units.iter().find_map(value).unwrap_or(f64::NAN)
}

fn ours(program: &Path, root: &Path) -> Option<Server> {
    let port = free_port();
    let mut command = on("0", program);
    command.env("AUTOSWE_JOURNEY_SERVER_METRICS_ADDRESS", "127.0.0.1:0").args([
        "serve",
        "--bind",
        "127.0.0.1",
        "--port",
    ]);
    command.arg(port.to_string()).arg("--outdir").arg(root.join("web"));
    Server::start(command, port)
}

fn nginx(root: &Path, site: &Path, more: &str) -> Option<Server> {
    let port = free_port();
    let place = root.join(format!("nginx-{port}"));
    std::fs::create_dir_all(&place).expect("a directory");
    let temporary: String = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
        .map(|name| format!("{name}_temp_path {}/{name};\n", place.display()))
        .concat();
    let text = format!(
        "worker_processes 1;\npid {0}/pid;\nerror_log {0}/error.log;\nevents {{ worker_connections 2048; }}\n\
         http {{ {temporary} types {{ text/plain txt; }} access_log off; sendfile on; tcp_nopush on; {more}\n\
         keepalive_requests 1000000000;\nserver {{ listen 127.0.0.1:{port}; root {1}; }} }}\n",
        place.display(),
        site.display()
    );
    std::fs::write(place.join("nginx.conf"), text).expect("a file");
    // Its worker runs as another user, who must be able to look in.
    for directory in [root, &root.join("web"), &root.join("web/releases")] {
        let open = std::os::unix::fs::PermissionsExt::from_mode(0o755);
        std::fs::set_permissions(directory, open).expect("permissions");
    }
    let mut command = on("0", "nginx");
    command.arg("-c").arg(place.join("nginx.conf")).args(["-g", "daemon off;"]);
    Server::start(command, port)
}

fn static_web_server(site: &Path) -> Option<Server> {
    let port = free_port();
    let mut command = on("0", "static-web-server");
    command
        .args(["--host", "127.0.0.1", "--log-level", "error", "--port"])
        .arg(port.to_string())
        .arg("--root")
        .arg(site);
    Server::start(command, port)
}
