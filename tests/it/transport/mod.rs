//! The server's transport with a small application of its own: what clients can do to it over HTTP/1.1 and HTTP/2.

mod http1;
mod http2;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use autoswe_exporter::web::{App, Limits, Peer, Reply, Server};
use axum::http::request::Parts;
use axum::http::{Request, Response};
use bytes::Bytes;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::{Notify, oneshot};
use tokio::task::JoinHandle;

/// Far longer than anything here takes; a test that reaches it has failed.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);
pub(crate) const NEVER: Duration = Duration::from_secs(3600);
const SOON: Duration = Duration::from_millis(200);

/// More than the kernel takes from a server whose client does not read.
const LARGE: usize = 32 << 20;

/// A server that ends with the test.
pub(crate) struct Running {
    pub(crate) address: SocketAddr,
    stop: Option<oneshot::Sender<()>>,
    served: JoinHandle<usize>,
}

impl Running {
    pub(crate) fn start(app: impl App, limits: Limits) -> Self {
        let server = Server::bind(&["127.0.0.1:0".into()]).unwrap();
        let address = server.addresses()[0];
        let (stop, stopped) = oneshot::channel();
        let shutdown = async {
            stopped.await.ok();
        };
        let served = tokio::spawn(server.serve(app, limits, shutdown));
        Running { address, stop: Some(stop), served }
    }

    pub(crate) async fn connect(&self) -> TcpStream {
        TcpStream::connect(self.address).await.unwrap()
    }

    /// Sends `request` as it is; all that comes back until the server closes.
    pub(crate) async fn raw(&self, request: &[u8]) -> String {
        let mut stream = self.connect().await;
        stream.write_all(request).await.unwrap();
        read_all(&mut stream).await
    }

    /// Tells the server to stop.
    pub(crate) fn tell(&mut self) {
        self.stop.take().unwrap().send(()).unwrap();
    }

    /// How many connections the server cut off, once it has ended.
    pub(crate) async fn ended(&mut self) -> usize {
        tokio::time::timeout(PATIENCE, &mut self.served).await.expect("the server ends").unwrap()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.served.abort();
    }
}

/// Everything until the other side closes, or resets, the connection.
pub(crate) async fn read_all(stream: &mut TcpStream) -> String {
    let mut answer = Vec::new();
    let ended = tokio::time::timeout(PATIENCE, stream.read_to_end(&mut answer)).await;
    drop(ended.expect("the server closes the connection"));
    String::from_utf8_lossy(&answer).into_owned()
}

/// One answer with a `Content-Length` on a connection that stays open.
pub(crate) async fn read_one(stream: &mut TcpStream) -> String {
    let mut answer = String::new();
    let mut byte = [0];
    let body = loop {
        let read = tokio::time::timeout(PATIENCE, stream.read_exact(&mut byte)).await;
        read.expect("an answer").expect("an answer");
        answer.push(char::from(byte[0]));
        if answer.ends_with("\r\n\r\n") {
            let length = answer.split("content-length: ").nth(1).expect("a length").split("\r\n").next().unwrap();
            break length.parse().unwrap();
        }
    };
    let mut rest = vec![0; body];
    stream.read_exact(&mut rest).await.unwrap();
    answer + &String::from_utf8(rest).unwrap()
}

/// Answers by path: `/large`, `/panic`, `/late-panic`, `/wait` (until released), `/echo` (takes a body), else who asks.
#[derive(Default)]
struct Example {
    release: Arc<Notify>,
    begun: Arc<Notify>,
}

impl App for Example {
    fn body_limit(&self, head: &Parts) -> usize {
        if head.uri.path() == "/echo" { 1000 } else { 0 }
    }

    fn answer(&self, request: Request<Bytes>, peer: Peer) -> Reply {
        let answer = |body: Bytes| Response::new(body.into());
        match request.uri().path() {
            "/large" => Reply::Ready(answer(vec![b'x'; LARGE].into())),
            "/panic" => panic!("a bug"),
            "/late-panic" => Reply::later(async { panic!("a bug") }),
            "/wait" => {
                let (begun, release) = (Arc::clone(&self.begun), Arc::clone(&self.release));
                Reply::later(async move {
                    begun.notify_one();
                    release.notified().await;
                    answer("waited\n".into())
                })
            }
            "/echo" if request.body() == "panic" => panic!("a bug"),
            "/echo" => Reply::Ready(answer(request.into_body())),
            _ => Reply::Ready(answer(format!("{} {}\n", peer.address.unwrap().ip(), peer.secure).into())),
        }
    }
}
