//! What TLS costs the exporter: memory, scrapes over kept connections, and handshakes, beside plain HTTP in one run.
//!
//! Run with `cargo bench --bench secure`. Needs `openssl`, for a certificate (ECDSA P-256). Figures are CPU time of the
//! exporter and rates; nothing here asserts.

#![expect(clippy::print_stdout, reason = "the figures are what it is for")]

#[path = "stage/mod.rs"]
mod stage;

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use rustls::client::Resumption;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};
use stage::{Running, Stage, cpu_seconds, free_port, rss_mib};

const CONNECTIONS: usize = 8;
const SCRAPES: usize = 20_000;
const HANDSHAKES: usize = 2_000;

fn main() {
    stage::serve_vllm_if_asked();
    let stage = Stage::new(200);
    println!("machine: {}", stage::machine());
    let home = tempfile::tempdir().expect("a directory");
    let client = certificate(home.path());
    for secure in [false, true] {
        let server = Server::start(&stage, secure.then_some(home.path()));
        std::thread::sleep(Duration::from_secs(3));
        let name = if secure { "TLS  " } else { "plain" };
        println!("{name}: RSS idle {:.1} MiB", rss_mib(server.child.id()));
        let client = secure.then(|| Arc::clone(&client));
        server.measure(&format!("{name}: scrapes"), SCRAPES, |each| scrape(server.address, client.clone(), each));
        server.measure(&format!("{name}: new connections, one probe each"), HANDSHAKES, |each| {
            (0..each).for_each(|_| probe(server.address, client.clone()));
        });
    }
}

/// Makes a certificate in `home`, with a web configuration that names it, and a client that trusts it and resumes
/// nothing.
fn certificate(home: &Path) -> Arc<ClientConfig> {
    // Nothing of the machine's own openssl.cnf.
    std::fs::write(home.join("openssl.cnf"), "[req]\ndistinguished_name = name\n[name]\n").expect("written");
    let made = Command::new("openssl")
        .args(["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2"])
        .args(["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"])
        .args(["-addext", "basicConstraints=CA:false", "-keyout", "k.pem", "-out", "c.pem"])
        .args(["-config", "openssl.cnf"])
        .stderr(Stdio::null())
        .current_dir(home)
        .status();
    assert!(made.expect("openssl is installed").success());
    std::fs::write(home.join("web.yml"), "tls_server_config: {cert_file: c.pem, key_file: k.pem}\n").expect("written");
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_file(home.join("c.pem")).expect("PEM")).expect("a certificate");
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let client = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions().expect("versions");
    let mut client = client.with_root_certificates(roots).with_no_client_auth();
    client.resumption = Resumption::disabled();
    Arc::new(client)
}

struct Server {
    child: Running,
    address: SocketAddr,
}

impl Server {
    fn start(stage: &Stage, home: Option<&Path>) -> Self {
        let address = SocketAddr::from(([127, 0, 0, 1], free_port()));
        let mut command = Command::new(stage::exporter());
        command.arg("--config.file").arg(stage.config()).arg(format!("--web.listen-address={address}"));
        if let Some(home) = home {
            command.arg("--web.config.file").arg(home.join("web.yml"));
        }
        let child = Running::start(command.stdout(Stdio::null()).stderr(Stdio::null()));
        let until = Instant::now() + Duration::from_secs(10);
        while TcpStream::connect(address).is_err() && Instant::now() < until {
            std::thread::sleep(Duration::from_millis(5));
        }
        Server { child, address }
    }

    /// Has [`CONNECTIONS`] threads do `work`, `count` times in all.
    fn measure(&self, name: &str, count: usize, work: impl Fn(usize) + Sync) {
        let pid = self.child.id();
        let (before, started) = (cpu_seconds(pid), Instant::now());
        std::thread::scope(|scope| {
            for _ in 0..CONNECTIONS {
                scope.spawn(|| work(count / CONNECTIONS));
            }
        });
        let (cpu, wall) = (cpu_seconds(pid) - before, started.elapsed().as_secs_f64());
        let (each, rate) = (cpu / count as f64 * 1e6, count as f64 / wall);
        println!("{name}: {each:.0} us CPU each, {rate:.0}/s, RSS {:.1} MiB", rss_mib(pid));
    }
}

trait Stream: Read + Write {}
impl<S: Read + Write> Stream for S {}

fn connect(address: SocketAddr, client: Option<Arc<ClientConfig>>) -> BufReader<Box<dyn Stream>> {
    let socket = TcpStream::connect(address).expect("connected");
    socket.set_nodelay(true).expect("a socket");
    let stream: Box<dyn Stream> = match client {
        None => Box::new(socket),
        Some(client) => {
            let name = ServerName::try_from("localhost").expect("a name");
            Box::new(StreamOwned::new(ClientConnection::new(client, name).expect("TLS"), socket))
        }
    };
    BufReader::with_capacity(64 << 10, stream)
}

/// So many scrapes on one connection.
fn scrape(address: SocketAddr, client: Option<Arc<ClientConfig>>, count: usize) {
    let mut connection = connect(address, client);
    (0..count).for_each(|_| get(&mut connection, "/metrics"));
}

/// One small answer on a connection of its own.
fn probe(address: SocketAddr, client: Option<Arc<ClientConfig>>) {
    get(&mut connect(address, client), "/-/healthy");
}

fn get(connection: &mut BufReader<Box<dyn Stream>>, path: &str) {
    let request = format!("GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n");
    connection.get_mut().write_all(request.as_bytes()).expect("sent");
    let (mut length, mut line) = (0, String::new());
    while line != "\r\n" {
        line.clear();
        assert!(connection.read_line(&mut line).expect("an answer") > 0, "the server closed");
        if let Some(value) = line.strip_prefix("content-length:") {
            length = value.trim().parse().expect("a length");
        }
    }
    connection.read_exact(&mut vec![0; length]).expect("a body");
}
