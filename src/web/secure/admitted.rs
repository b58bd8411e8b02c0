//! An application behind a door.
//!
//! Invariant: the application sees the requests that were let in and no others, and every answer, refusals too, bears
//! the configured headers.

use std::sync::Arc;

use autoswe_transport::{App, Body, Peer, Refused, Reply};
use axum::http::Request;
use axum::http::request::Parts;
use bytes::Bytes;

use super::Secure;

/// An application that answers who is let in.
pub struct Admitted<A> {
    app: Arc<A>,
    secure: Secure,
}

impl<A> Admitted<A> {
    /// `app` behind the door of `secure`.
    pub(super) fn new(app: A, secure: Secure) -> Self {
        Admitted { app: Arc::new(app), secure }
    }
}

impl<A: App> App for Admitted<A> {
    fn body_limit(&self, head: &Parts) -> usize {
        self.app.body_limit(head)
    }

    fn refused(&self, refused: &Refused<'_>, peer: Peer) {
        self.app.refused(refused, peer);
    }

    fn answer(&self, request: Request<Bytes>, peer: Peer) -> Reply {
        if self.secure.is_open() {
            return self.app.answer(request, peer);
        }
        let (app, secure) = (Arc::clone(&self.app), self.secure.clone());
        Reply::later(async move {
            let address = peer.address.map(|address| address.ip());
            let mut answer = match secure.admit(request.uri().path(), request.headers(), address).await {
                Ok(()) => app.answer(request, peer).answer().await,
                Err(refusal) => refusal.map(Body::from),
            };
            secure.decorate(answer.headers_mut());
            answer
        })
    }
}
