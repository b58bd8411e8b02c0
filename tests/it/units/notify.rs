//! What the exporter tells a service manager, heard on a socket in the manager's place.

use std::os::unix::net::UnixDatagram;
use std::process::{Child, Command, Stdio};

use rustix::process::{Pid, Signal, kill_process};

use super::PATIENCE;

/// The running program; it is killed when this is dropped.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

#[test]
fn it_is_ready_says_its_severity_and_that_it_stops() {
    let home = tempfile::tempdir().unwrap();
    let socket = UnixDatagram::bind(home.path().join("notify")).unwrap();
    socket.set_read_timeout(Some(PATIENCE)).unwrap();
    let hear = || {
        let mut buffer = [0; 1024];
        let length = socket.recv(&mut buffer).expect("a message in time");
        String::from_utf8_lossy(&buffer[..length]).into_owned()
    };
    let quiet = ["vllm", "gpu", "subagents", "host"].map(|source| format!("--no-collector.{source}"));
    let child = Command::new(env!("CARGO_BIN_EXE_autoswe-exporter"))
        .args(["--web.listen-address", "127.0.0.1:0", "--log.level", "error"])
        .args(quiet)
        .env_clear()
        .env("HOME", home.path())
        .env("NOTIFY_SOCKET", home.path().join("notify"))
        .current_dir(home.path())
        .stdin(Stdio::null())
        .spawn()
        .unwrap();
    let running = Running(child);
    assert_eq!(hear(), "READY=1");
    let status = hear();
    assert!(["STATUS=OK", "STATUS=WARN: ", "STATUS=CRIT: "].iter().any(|begin| status.starts_with(begin)), "{status}");
    kill_process(Pid::from_child(&running.0), Signal::TERM).unwrap();
    // The severity may change while the sources are read for the first time.
    while hear() != "STOPPING=1" {}
}
