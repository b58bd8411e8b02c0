//! `--web.config.file`: TLS, logins and headers of the real program, asked by curl, openssl and Prometheus.

mod clients;
mod login;
mod reload;
mod served;
mod verdicts;

use std::net::SocketAddr;
use std::path::PathBuf;

use tokio::process::Command;

use super::{Exporter, Home, PATIENCE};
use crate::certificates::Authority;

/// Where everything is called by the names of the tests' server certificate.
const NAMES: &str = "DNS:localhost,IP:127.0.0.1";
const TLS: &str = "tls_server_config:\n  cert_file: server.pem\n  key_file: server.key\n";

/// A home with an authority and a server's certificate in it.
struct Place {
    home: Home,
    authority: Authority,
}

impl Place {
    fn new() -> Self {
        let home = Home::new();
        let authority = Authority::new(home.path(), "ca");
        authority.issue("server", NAMES);
        Place { home, authority }
    }

    fn file(&self, name: &str) -> PathBuf {
        self.home.path().join(name)
    }

    /// Replaces the file `name` as a whole.
    fn write(&self, name: &str, content: impl AsRef<[u8]>) {
        std::fs::write(self.file("new"), content).unwrap();
        std::fs::rename(self.file("new"), self.file(name)).unwrap();
    }

    /// The program with the web configuration `web`, once it listens.
    async fn start(&self, web: &str) -> Exporter {
        self.write("web.yml", web);
        Exporter::spawn(self.home.command().args(["--web.config.file", "web.yml"])).await
    }

    /// What curl says of `path`, which it asks for with the authority's certificate.
    async fn curl(&self, exporter: &Exporter, path: &str, more: &[&str]) -> Curled {
        self.curl_url(&format!("https://localhost:{}{path}", exporter.addresses[0].port()), more).await
    }

    async fn curl_url(&self, url: &str, more: &[&str]) -> Curled {
        let output = Command::new("curl")
            .args(["--silent", "--show-error", "--include", "--noproxy", "*", "--ipv4", "--max-time"])
            .arg(PATIENCE.as_secs().to_string())
            .arg("--cacert")
            .arg(self.authority.file())
            .args(more)
            .arg(url)
            .current_dir(self.home.path())
            .env_clear()
            .kill_on_drop(true)
            .output()
            .await
            .expect("curl is installed; tests/run installs it");
        Curled { answer: String::from_utf8_lossy(&output.stdout).into_owned(), exit: output.status.code() }
    }
}

/// What curl brought back.
#[derive(Debug)]
struct Curled {
    /// Head and body.
    answer: String,
    exit: Option<i32>,
}

impl Curled {
    /// Protocol and status, such as `HTTP/2 200`.
    fn status(&self) -> &str {
        self.answer.lines().next().unwrap_or_default().trim()
    }

    /// The status' number; 0 where there was no answer.
    fn code(&self) -> u16 {
        self.status().split(' ').nth(1).and_then(|code| code.parse().ok()).unwrap_or_default()
    }
}

/// What `openssl s_client` says of a connection to `address`.
async fn s_client(address: SocketAddr, more: &[&str]) -> String {
    let output = Command::new("openssl")
        .args(["s_client", "-connect", &address.to_string(), "-servername", "localhost"])
        .args(more)
        .stdin(std::process::Stdio::null())
        .kill_on_drop(true)
        .output()
        .await
        .expect("openssl is installed; tests/run installs it");
    String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned()
}
