//! An application on a real port of loopback, and requests to it that are sent as they are written.

use std::net::SocketAddr;
use std::time::Duration;

use autoswe_exporter::web::{App, Limits, Server};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::JoinHandle;

/// Longer than anything here takes.
pub(super) const PATIENCE: Duration = Duration::from_secs(60);

/// An application that is served until this is dropped.
pub(super) struct Served {
    pub(super) address: SocketAddr,
    task: JoinHandle<usize>,
}

impl Served {
    pub(super) fn start(app: impl App) -> Self {
        Self::within(Limits::default(), app)
    }

    pub(super) fn within(limits: Limits, app: impl App) -> Self {
        let server = Server::bind(&["127.0.0.1:0".into()]).unwrap();
        let address = server.addresses()[0];
        let task = tokio::spawn(server.serve(app, limits, std::future::pending()));
        Served { address, task }
    }

    /// The answer to a request with this line and these headers, to the host that is right; `\r\n` ends each of `headers`.
    pub(super) async fn ask(&self, line: &str, headers: &str) -> Answer {
        self.raw(&format!("{line} HTTP/1.1\r\nHost: {}\r\n{headers}Connection: close\r\n\r\n", self.address)).await
    }

    /// The answer to these bytes, after which the server closes.
    pub(super) async fn raw(&self, request: &str) -> Answer {
        let mut stream = TcpStream::connect(self.address).await.unwrap();
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut answer = Vec::new();
        let read = tokio::time::timeout(PATIENCE, stream.read_to_end(&mut answer)).await;
        read.expect("an answer in time").unwrap();
        let answer = String::from_utf8_lossy(&answer);
        let (head, body) = answer.split_once("\r\n\r\n").expect("an answer");
        Answer { head: head.to_owned(), body: body.to_owned() }
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// An answer as it came.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) head: String,
    pub(super) body: String,
}

impl Answer {
    pub(super) fn status(&self) -> u16 {
        self.head.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap()
    }

    /// The value of a header; empty where there is none.
    pub(super) fn header(&self, name: &str) -> &str {
        let mut lines = self.head.lines().filter_map(|line| line.split_once(": "));
        lines.find(|(key, _)| key.eq_ignore_ascii_case(name)).map_or("", |(_, value)| value)
    }
}
