//! What a server serves: something that turns a request into an answer, and from whom the request came.
//!
//! Invariant: an application sees whole requests only. Their heads and bodies are within the server's limits, and it
//! never waits for a client.

use std::fmt;
use std::future::Future;
use std::net::SocketAddr;
use std::pin::Pin;

use axum::Router;
use axum::http::request::Parts;
use axum::http::{Request, Response, StatusCode};
use bytes::Bytes;
use tower::Service as _;

use crate::Body;

/// Answers requests.
pub trait App: Send + Sync + 'static {
    /// How long the body of a request with this head may be, bytes; one that is longer gets 413, and its connection
    /// is closed. None is taken where this is not said otherwise.
    fn body_limit(&self, _head: &Parts) -> usize {
        0
    }

    /// Hears of a request that the server has refused in its stead.
    fn refused(&self, _refused: &Refused<'_>, _peer: Peer) {}

    /// The answer to a request, which is there as a whole. A panic costs this request, which gets 500.
    fn answer(&self, request: Request<Bytes>, peer: Peer) -> Reply;
}

/// An answer, or the promise of one.
pub enum Reply {
    /// What was asked for is there. Such an answer costs no allocation and is moved about the least.
    Ready(Response<Body>),
    /// It is waited for.
    Later(Pin<Box<dyn Future<Output = Response<Body>> + Send>>),
}

impl Reply {
    /// What `answer` will come to.
    pub fn later(answer: impl Future<Output = Response<Body>> + Send + 'static) -> Self {
        Reply::Later(Box::pin(answer))
    }

    /// The answer changed by `change`, when it is there.
    #[must_use]
    pub fn map(self, change: impl FnOnce(Response<Body>) -> Response<Body> + Send + 'static) -> Self {
        match self {
            Reply::Ready(answer) => Reply::Ready(change(answer)),
            Reply::Later(answer) => Reply::later(async { change(answer.await) }),
        }
    }

    /// The answer itself.
    pub async fn answer(self) -> Response<Body> {
        match self {
            Reply::Ready(answer) => answer,
            Reply::Later(answer) => answer.await,
        }
    }
}

impl fmt::Debug for Reply {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Reply::Ready(answer) => f.debug_tuple("Ready").field(answer).finish(),
            Reply::Later(_) => f.debug_tuple("Later").finish_non_exhaustive(),
        }
    }
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
    fn answer(&self, request: Request<Bytes>, _: Peer) -> Reply {
        let request = request.map(|body| if body.is_empty() { axum::body::Body::empty() } else { body.into() });
        let mut routes = self.clone();
        Reply::later(async move {
            let Ok(answer) = routes.call(request).await;
            answer.map(Body::from)
        })
    }
}
