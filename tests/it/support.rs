//! Parts that several integration tests stand on: an HTTP server on loopback that answers as it is told.
//!
//! Raw TCP, so that it can also answer as no proper server would: too slow, too much, cut off, or not in HTTP. Each
//! server has a port of its own and ends when it is dropped.

use std::future::Future;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

/// A request as it came in.
#[derive(Debug, Clone, Default)]
pub(crate) struct Request {
    /// Method and path, such as `GET /metrics`.
    pub(crate) line: String,
    /// The head, with the request line, in lower case.
    pub(crate) head: String,
    pub(crate) body: String,
}

/// A server that was started; it ends when this is dropped.
pub(crate) struct Server {
    pub(crate) url: String,
    seen: Arc<Mutex<Vec<Request>>>,
    task: JoinHandle<()>,
}

impl Server {
    /// Calls `answer` for every connection, with its request and the stream to write to. The connection is closed
    /// when `answer` returns.
    pub(crate) async fn start<A, F>(answer: A) -> Server
    where
        A: Fn(Request, TcpStream) -> F + Send + Sync + 'static,
        F: Future<Output = ()> + Send + 'static,
    {
        Self::at("127.0.0.1:0", answer).await
    }

    /// The same on `address`, such as `[::1]:0`.
    pub(crate) async fn at<A, F>(address: &str, answer: A) -> Server
    where
        A: Fn(Request, TcpStream) -> F + Send + Sync + 'static,
        F: Future<Output = ()> + Send + 'static,
    {
        let listener = TcpListener::bind(address).await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let seen = Arc::new(Mutex::new(Vec::new()));
        let (log, answer) = (seen.clone(), Arc::new(answer));
        let task = tokio::spawn(async move {
            // Dropped with the task, which ends the connections too.
            let mut connections = tokio::task::JoinSet::new();
            while let Ok((mut stream, _)) = listener.accept().await {
                let (log, answer) = (log.clone(), answer.clone());
                connections.spawn(async move {
                    let Some(request) = read_request(&mut stream).await else { return };
                    log.lock().unwrap_or_else(PoisonError::into_inner).push(request.clone());
                    answer(request, stream).await;
                });
            }
        });
        Server { url, seen, task }
    }

    /// Answers every request with these bytes.
    pub(crate) async fn always(bytes: impl Into<Vec<u8>>) -> Server {
        let bytes: Arc<[u8]> = bytes.into().into();
        Server::start(move |_, stream| write(stream, bytes.clone())).await
    }

    /// Answers one request after the other with these pages, and with the last one from then on.
    pub(crate) async fn pages(pages: Vec<Vec<u8>>) -> Server {
        let pages: Vec<Arc<[u8]>> =
            pages.into_iter().map(|page| ok("text/plain; version=1.0.0", &page).into()).collect();
        let next = AtomicUsize::new(0);
        Server::start(move |_, stream| {
            let at = next.fetch_add(1, Ordering::Relaxed).min(pages.len() - 1);
            write(stream, pages[at].clone())
        })
        .await
    }

    /// Every request so far.
    pub(crate) fn seen(&self) -> Vec<Request> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// An address at which nothing listens.
pub(crate) async fn closed_port() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    format!("http://{}", listener.local_addr().unwrap())
}

/// A whole answer with status 200.
pub(crate) fn ok(content_type: &str, body: &[u8]) -> Vec<u8> {
    response("200 OK", content_type, body)
}

/// A whole answer; `status` is such as `503 Service Unavailable`.
pub(crate) fn response(status: &str, content_type: &str, body: &[u8]) -> Vec<u8> {
    let head = format!(
        "HTTP/1.1 {status}\r\ncontent-type: {content_type}\r\ncontent-length: {}\r\nconnection: close\r\n\r\n",
        body.len()
    );
    [head.as_bytes(), body].concat()
}

/// Writes `bytes` and closes the connection. The client may be gone by then.
pub(crate) async fn write(mut stream: TcpStream, bytes: Arc<[u8]>) {
    if stream.write_all(&bytes).await.is_ok() {
        drop(stream.shutdown().await);
    }
}

/// Writes `piece` again and again, with `pause` between, until the client is gone.
pub(crate) async fn drip(mut stream: TcpStream, head: &[u8], piece: &[u8], pause: Duration) {
    if stream.write_all(head).await.is_err() {
        return;
    }
    while stream.write_all(piece).await.is_ok() {
        if !pause.is_zero() {
            tokio::time::sleep(pause).await;
        }
    }
}

/// Keeps the connection open and says nothing.
pub(crate) async fn silence(stream: TcpStream) {
    std::future::pending::<()>().await;
    drop(stream);
}

async fn read_request(stream: &mut TcpStream) -> Option<Request> {
    let mut bytes = Vec::new();
    let end = loop {
        if let Some(at) = bytes.windows(4).position(|window| window == b"\r\n\r\n") {
            break at + 4;
        }
        read_more(stream, &mut bytes).await?;
    };
    let text = String::from_utf8_lossy(&bytes[..end]).into_owned();
    let line = text.lines().next()?.rsplit_once(' ')?.0.to_owned();
    let head = text.to_lowercase();
    let length = head.lines().find_map(|line| line.strip_prefix("content-length:")?.trim().parse().ok()).unwrap_or(0);
    while bytes.len() < end + length {
        read_more(stream, &mut bytes).await?;
    }
    Some(Request { line, head, body: String::from_utf8_lossy(&bytes[end..]).into_owned() })
}

async fn read_more(stream: &mut TcpStream, bytes: &mut Vec<u8>) -> Option<()> {
    let mut buffer = [0; 4096];
    match stream.read(&mut buffer).await {
        Ok(read) if read > 0 && bytes.len() < 1 << 26 => bytes.extend_from_slice(&buffer[..read]),
        _ => return None,
    }
    Some(())
}
