//! The site server as a service of a real user manager: ready, killed, stopped, and behind a socket unit.

use std::net::TcpListener;
use std::time::Instant;

use serde_json::json;

use super::live::Installed;
use super::{LOOK, PATIENCE};
use crate::release::gate::Words;
use crate::release::stage::{Site, Stage};

const SERVER: &str = "autoswe-journey-server.service";
const SOCKET: &str = "autoswe-journey-server.socket";
const PAGE: &str = "what was released\n";

/// A free port, as likely as not still free a moment later.
fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

/// The units with a release; the server is to listen on `port`. The release goes with the stage.
fn installed(port: u16) -> (Installed, Stage) {
    let stage = Stage::new();
    stage.publish(&Site::from([("index.html".into(), PAGE.into())]), &Words::new(1, &["secret"]));
    let server = json!({"bind": "127.0.0.1", "port": port, "metrics_address": "127.0.0.1:0"});
    let installed = Installed::with(json!({"journey": {"output_dir": stage.output(), "server": server}}));
    (installed, stage)
}

/// The page, once somebody answers.
async fn page(port: u16, installed: &Installed) -> String {
    rustls::crypto::ring::default_provider().install_default().ok();
    let client = reqwest::Client::builder().no_proxy().tls_certs_only([]).timeout(PATIENCE).build().unwrap();
    let start = Instant::now();
    loop {
        if let Ok(answer) = client.get(format!("http://127.0.0.1:{port}/")).send().await
            && answer.status() == 200
        {
            return answer.text().await.unwrap();
        }
        assert!(start.elapsed() < PATIENCE, "no answer\n{}", installed.log());
        tokio::time::sleep(LOOK).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn it_is_active_when_it_answers_and_comes_back_when_it_is_killed() {
    let port = free_port();
    let (installed, _stage) = installed(port);
    let manager = &installed.manager;
    manager.done(&["start", SERVER]);
    assert_eq!(page(port, &installed).await, PAGE);
    let status = manager.show(SERVER, "StatusText");
    assert!(status.starts_with("shows release ") && status.contains("1 file"), "{status}");
    let first = manager.show(SERVER, "MainPID");
    manager.done(&["kill", "--signal=KILL", SERVER]);
    manager.until(SERVER, "NRestarts", "1");
    manager.until(SERVER, "ActiveState", "active");
    assert_eq!(page(port, &installed).await, PAGE);
    assert_ne!(manager.show(SERVER, "MainPID"), first);
    manager.done(&["stop", SERVER]);
    assert_eq!(manager.show(SERVER, "Result"), "success");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_socket_unit_listens_in_its_place_and_starts_it_at_the_first_connection() {
    let port = free_port();
    // What the settings say of the port does not count then.
    let (installed, _stage) = installed(1);
    let manager = &installed.manager;
    let drop_in = manager.unit_dir().join(format!("{SOCKET}.d"));
    std::fs::create_dir(&drop_in).unwrap();
    let text = format!("[Socket]\nListenStream=\nListenStream=127.0.0.1:{port}\n");
    std::fs::write(drop_in.join("port.conf"), text).unwrap();
    manager.done(&["daemon-reload"]);
    manager.done(&["start", SOCKET]);
    assert_eq!(manager.show(SERVER, "ActiveState"), "inactive");
    assert_eq!(page(port, &installed).await, PAGE);
    manager.until(SERVER, "ActiveState", "active");
    // No connection is refused while it is started anew.
    manager.done(&["restart", "--no-block", SERVER]);
    for _ in 0..20 {
        drop(std::net::TcpStream::connect(("127.0.0.1", port)).unwrap());
        std::thread::sleep(LOOK);
    }
    assert_eq!(page(port, &installed).await, PAGE);
}
