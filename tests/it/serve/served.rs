//! The real server over a real output directory, and raw requests to it.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

use crate::exporter::{Lines, PATIENCE};
use crate::release::stage::Stage;

/// Between two looks at whether something has come true.
pub(super) const LOOK: Duration = Duration::from_millis(20);

/// The running server; it is killed when this is dropped.
pub(super) struct Served {
    pub(super) child: Child,
    pub(super) address: SocketAddr,
    pub(super) log: Lines,
}

/// The program over the releases of `stage`, with nothing of ours in its environment.
pub(super) fn command(stage: &Stage, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_autoswe-journey"));
    command.env_clear().env("HOME", stage.state()).current_dir("/").stdin(Stdio::null());
    // Tests run side by side, and the private address is one for all.
    command.env("AUTOSWE_JOURNEY_SERVER_METRICS_ADDRESS", "127.0.0.1:0");
    command.args(["serve", "--outdir"]).arg(stage.output()).args(arguments);
    if !arguments.contains(&"--bind") {
        command.args(["--bind", "127.0.0.1"]);
    }
    command
}

impl Served {
    /// Starts it on a free port.
    pub(super) async fn start(stage: &Stage, arguments: &[&str]) -> Self {
        Self::spawn(command(stage, &["--port", "0"]).args(arguments)).await
    }

    /// Starts `command` and waits until it has looked for a release and answers.
    pub(super) async fn spawn(command: &mut Command) -> Self {
        let mut child = command.stderr(Stdio::piped()).spawn().unwrap();
        let log = Lines::of(child.stderr.take().unwrap());
        let line = log.until("listening").await;
        let list = line.split_once("addresses").and_then(|(_, rest)| rest.split_once('[')?.1.split_once(']'));
        let address = list.unwrap_or_else(|| panic!("no addresses: {line}")).0.parse().unwrap();
        log.until(" message=shown ").await;
        Served { child, address, log }
    }

    /// Sends `bytes` as they are, and reads until the server ends the connection.
    pub(super) fn raw(&self, bytes: &[u8]) -> Vec<u8> {
        let mut stream = TcpStream::connect(self.address).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        // The server may refuse before it has read all.
        drop(stream.write_all(bytes));
        let mut answer = Vec::new();
        drop(stream.read_to_end(&mut answer));
        answer
    }

    /// One request with these headers, a line each, on a connection of its own.
    pub(super) fn ask(&self, method: &str, target: &str, headers: &[&str]) -> Answer {
        let headers: String = headers.iter().map(|header| format!("{header}\r\n")).collect();
        let request = format!("{method} {target} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n{headers}\r\n");
        Answer::parse(&self.raw(request.as_bytes()), method)
    }

    pub(super) fn get(&self, target: &str) -> Answer {
        self.ask("GET", target, &[])
    }

    pub(super) fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).unwrap();
    }

    /// Waits until `path` shows `text`.
    pub(super) async fn shows(&self, path: &str, text: &str) {
        let start = Instant::now();
        while self.get(path).text() != text {
            assert!(start.elapsed() < PATIENCE, "{path} never showed {text:?}\n{}", self.log.all());
            tokio::time::sleep(LOOK).await;
        }
    }

    /// The exit code, once it ended.
    pub(super) async fn exit_code(&mut self) -> Option<i32> {
        let start = Instant::now();
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status.code();
            }
            assert!(start.elapsed() < PATIENCE, "it does not end\n{}", self.log.all());
            tokio::time::sleep(LOOK).await;
        }
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// An answer, taken apart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Answer {
    pub(super) status: u16,
    /// Lines of the head, names in small letters.
    pub(super) headers: Vec<(String, String)>,
    pub(super) body: Vec<u8>,
}

impl Answer {
    /// Takes one answer apart, and checks what holds for every one: it is one whole answer, as long as it says.
    pub(super) fn parse(bytes: &[u8], method: &str) -> Self {
        let end = bytes.windows(4).position(|window| window == b"\r\n\r\n");
        let end = end.unwrap_or_else(|| panic!("no answer: {:?}", String::from_utf8_lossy(bytes)));
        let head = std::str::from_utf8(&bytes[..end]).unwrap();
        let body = bytes[end + 4..].to_vec();
        let (first, lines) = head.split_once("\r\n").unwrap_or((head, ""));
        let status = first.strip_prefix("HTTP/1.").unwrap()[2..5].parse().unwrap();
        let header = |line: &str| line.split_once(": ").map(|(name, value)| (name.to_lowercase(), value.to_owned()));
        let headers = lines.lines().map(|line| header(line).unwrap_or_else(|| panic!("{line:?}"))).collect();
        let answer = Answer { status, headers, body };
        let has_body = method != "HEAD" && status != 304;
        match answer.header("content-length") {
            "" => assert!(!has_body && answer.body.is_empty(), "{head}"),
            length if has_body => assert_eq!(length, answer.body.len().to_string(), "{head}"),
            _ => assert!(answer.body.is_empty(), "{head}"),
        }
        answer
    }

    pub(super) fn header(&self, name: &str) -> &str {
        let mut values = self.headers.iter().filter(|(known, _)| known == name);
        let value = values.next().map_or("", |(_, value)| value);
        assert!(values.next().is_none(), "{name} twice: {self:?}");
        value
    }

    pub(super) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }
}
