//! What is listened on and what is accepted: TCP, Unix sockets, and TLS over TCP.
//!
//! Invariant: whatever a connection runs over, the rest of the server sees one type, so that it is built once.

use std::io::{Error, ErrorKind, IoSlice, Result};
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::http::StatusCode;
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt, ReadBuf};
use tokio::net::{TcpListener, TcpStream, UnixListener, UnixStream};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::server::TlsStream;

use crate::app::{Peer, Refused};
use crate::sendfile;

/// The TLS configuration of the next connection; `None` for one that speaks plainly. It is asked for each, so that it
/// can change while the server runs. Its `alpn_protocols` say whether browsers are offered HTTP/2.
pub type Tls = Arc<dyn Fn() -> Option<Arc<ServerConfig>> + Send + Sync>;

/// How a TLS record that begins a handshake begins. RFC 8446, section 5.1.
const HANDSHAKE: u8 = 22;

const PLAIN: &[u8] = b"HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain; charset=utf-8\r\n\
    Content-Length: 47\r\nConnection: close\r\n\r\nThis port speaks HTTPS only; use https:// URLs\n";

/// What an application hears of such a request.
pub(crate) const IN_PLAIN: Refused<'static> = Refused { head: None, status: StatusCode::BAD_REQUEST, bytes: 47 };

/// A socket that is listened on.
#[derive(Debug)]
pub(crate) enum Listener {
    Tcp(TcpListener),
    Unix(UnixListener),
}

impl Listener {
    pub(crate) fn address(&self) -> Option<SocketAddr> {
        match self {
            Listener::Tcp(listener) => listener.local_addr().ok(),
            Listener::Unix(_) => None,
        }
    }

    pub(crate) fn poll_accept(&self, cx: &mut Context<'_>) -> Poll<Result<(Stream, Peer)>> {
        match self {
            Listener::Tcp(listener) => listener
                .poll_accept(cx)
                .map_ok(|(stream, address)| (Stream::Tcp(stream), Peer { address: Some(address), secure: false })),
            Listener::Unix(listener) => listener
                .poll_accept(cx)
                .map_ok(|(stream, _)| (Stream::Unix(stream), Peer { address: None, secure: false })),
        }
    }
}

/// A connection.
pub(crate) enum Stream {
    Tcp(TcpStream),
    Unix(UnixStream),
    Tls(Box<TlsStream<TcpStream>>),
}

impl Stream {
    /// Readies an accepted connection for requests: the TLS handshake where there is to be one, within `patience`.
    /// `None` for a client that does not speak TLS; it was told so.
    pub(crate) async fn ready(self, tls: Option<Arc<ServerConfig>>, patience: Duration) -> Result<Option<Self>> {
        let Stream::Tcp(stream) = self else { return Ok(Some(self)) };
        // Without it the last part of a long answer may wait 40 ms for an acknowledgement; the connection works anyway.
        if let Err(error) = stream.set_nodelay(true) {
            tracing::debug!(%error, "TCP_NODELAY");
        }
        let Some(tls) = tls else { return Ok(Some(Stream::Tcp(stream))) };
        // In a box, because few connections need its room.
        let handshake = Box::pin(shake_hands(stream, tls));
        tokio::time::timeout(patience, handshake).await.map_err(|_| Error::from(ErrorKind::TimedOut))?
    }
}

async fn shake_hands(mut stream: TcpStream, tls: Arc<ServerConfig>) -> Result<Option<Stream>> {
    let mut first = [0];
    if stream.peek(&mut first).await? > 0 && first != [HANDSHAKE] {
        stream.write_all(PLAIN).await?;
        crate::refusal::linger(&mut stream).await?;
        return Ok(None);
    }
    Ok(Some(Stream::Tls(Box::new(TlsAcceptor::from(tls).accept(stream).await?))))
}

macro_rules! each {
    ($self:ident, $stream:ident => $what:expr) => {
        match $self.get_mut() {
            Stream::Tcp($stream) => $what,
            Stream::Unix($stream) => $what,
            Stream::Tls($stream) => $what,
        }
    };
}

impl AsyncRead for Stream {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<Result<()>> {
        each!(self, stream => Pin::new(stream).poll_read(cx, buffer))
    }
}

impl AsyncWrite for Stream {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<Result<usize>> {
        each!(self, stream => Pin::new(stream).poll_write(cx, bytes))
    }

    fn poll_write_vectored(self: Pin<&mut Self>, cx: &mut Context<'_>, slices: &[IoSlice<'_>]) -> Poll<Result<usize>> {
        match self.get_mut() {
            Stream::Tcp(stream) => sendfile::poll_write_vectored(stream, cx, slices),
            Stream::Unix(stream) => Pin::new(stream).poll_write_vectored(cx, slices),
            Stream::Tls(stream) => Pin::new(stream).poll_write_vectored(cx, slices),
        }
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<()>> {
        each!(self, stream => Pin::new(stream).poll_flush(cx))
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<()>> {
        each!(self, stream => Pin::new(stream).poll_shutdown(cx))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_hint_tells_its_length() {
        let (head, body) = std::str::from_utf8(PLAIN).unwrap().split_once("\r\n\r\n").unwrap();
        assert!(head.contains(&format!("Content-Length: {}\r\n", body.len())));
        assert_eq!(body.len() as u64, IN_PLAIN.bytes);
    }
}
