//! Sockets that a service manager passes, and a machine that runs out of files.

use std::net::{TcpListener, TcpStream, UdpSocket};
use std::os::fd::OwnedFd;

use super::*;

/// The program under a shell that passes its standard input, and output, on as systemd passes sockets.
fn passed(home: &Home, script: &str, sockets: [Stdio; 2]) -> Command {
    home.write_config();
    let mut command = Command::new("sh");
    command.args(["-c", script, env!("CARGO_BIN_EXE_autoswe-exporter")]);
    command.arg("--config.file").arg(home.config_file());
    command.env_clear().env("HOME", home.path()).env("TMPDIR", home.path()).current_dir(home.path());
    let [input, output] = sockets;
    command.stdin(input).stdout(output);
    command
}

#[tokio::test]
async fn sockets_that_are_passed_are_used_instead_of_the_addresses() {
    let home = Home::new().with(json!({"web": {"listen_addresses": ["192.0.2.1:1"]}}));
    let listeners = [(); 2].map(|()| TcpListener::bind("127.0.0.1:0").unwrap());
    let addresses: Vec<_> = listeners.iter().map(|listener| listener.local_addr().unwrap()).collect();
    let script = r#"exec 3<&0 4<&1; LISTEN_FDS=2 LISTEN_PID=$$ exec "$0" "$@""#;
    let sockets = listeners.map(|listener| Stdio::from(OwnedFd::from(listener)));
    let exporter = Exporter::spawn(&mut passed(&home, script, sockets)).await;
    assert_eq!(exporter.addresses, addresses);
    exporter.ready().await;
    for address in addresses {
        let answer = exporter.client.get(format!("http://{address}/-/healthy")).send().await.unwrap();
        assert_eq!(answer.status(), 200);
    }
}

#[test]
fn a_socket_that_cannot_be_listened_on_is_named() {
    let home = Home::new();
    let datagrams = UdpSocket::bind("127.0.0.1:0").unwrap();
    let script = r#"exec 3<&0; LISTEN_FDS=1 LISTEN_PID=$$ exec "$0" "$@""#;
    let sockets = [OwnedFd::from(datagrams).into(), Stdio::null()];
    let output = passed(&home, script, sockets).stderr(Stdio::piped()).spawn().unwrap().wait_with_output().unwrap();
    assert!(!output.status.success());
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(said.contains("file descriptor 3") && said.contains("no listening TCP"), "{said}");
}

#[tokio::test]
async fn a_server_that_runs_out_of_files_says_so_and_serves_again() {
    let home = Home::new();
    let script = r#"ulimit -n 60; exec "$0" "$@""#;
    let exporter = Exporter::spawn(&mut passed(&home, script, [Stdio::null(), Stdio::null()])).await;
    assert!(exporter.log.all().contains("too few files may be open"), "{}", exporter.log.all());
    let held: Vec<_> = (0..80).map(|_| TcpStream::connect(exporter.addresses[0]).unwrap()).collect();
    exporter.log.until("cannot accept connections for now").await;
    drop(held);
    let start = Instant::now();
    while exporter.client.get(exporter.url("/-/healthy")).send().await.is_err() {
        assert!(start.elapsed() < PATIENCE, "it never came back");
        tokio::time::sleep(LOOK).await;
    }
}
