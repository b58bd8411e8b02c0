//! What a server serves: something that turns a request into an answer, and from whom the request came.
//!
//! Invariant: an application sees whole requests only. Their heads and bodies are within the server's limits, and it
//! never waits for a client.

use std::error::Error;
use std::future::Future;
use std::net::SocketAddr;

use axum::Router;
use axum::http::request::Parts;
use axum::http::{Request, Response, StatusCode};
use bytes::Bytes;
use hyper::body::Body;
use tower::Service as _;

/// Answers requests.
pub trait App: Send + Sync + 'static {
    /// An answer's body. Its parts are sent from where they lie.
    type Body: Body<Data = Bytes, Error: Into<Box<dyn Error + Send + Sync>>> + Send + Unpin + 'static;

    /// How long the body of a request with this head may be, bytes; one that is longer gets 413, and its connection
    /// is closed. None is taken where this is not said otherwise.
    fn body_limit(&self, _head: &Parts) -> usize {
        0
    }

    /// Hears of a request that the server has refused in its stead.
    fn refused(&self, _refused: &Refused<'_>, _peer: Peer) {}

    /// The answer to a request, which is there as a whole. A panic costs this request, which gets 500.
    fn answer(&self, request: Request<Bytes>, peer: Peer) -> impl Future<Output = Response<Self::Body>> + Send;
}

/// What a server has answered by itself: a head or a body that it does not take, a client beyond the cap, a panic of
/// its application. Within HTTP/2 a head that is too long is refused below it, and nobody hears of that.
#[derive(Debug, Clone, Copy)]
pub struct Refused<'a> {
    /// The request's head, where it could be read and is there still.
    pub head: Option<&'a Parts>,
    /// What was answered.
    pub status: StatusCode,
    /// Length of the answer's body.
    pub bytes: u64,
}

/// The other end of a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Peer {
    /// Its address; `None` behind a Unix socket.
    pub address: Option<SocketAddr>,
    /// Whether it speaks through TLS.
    pub secure: bool,
}

impl App for Router {
    type Body = axum::body::Body;

    async fn answer(&self, request: Request<Bytes>, _: Peer) -> Response<Self::Body> {
        let request = request.map(|body| if body.is_empty() { Self::Body::empty() } else { body.into() });
        let Ok(answer) = self.clone().call(request).await;
        answer
    }
}
