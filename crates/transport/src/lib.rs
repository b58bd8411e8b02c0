//! An HTTP server for answers that are ready or nearly so: it accepts, limits and drains, and serves any [`App`].
//!
//! ```text
//! listen, passed -> accept (cap, back-off) -> served (one connection) -> answer (one request) -> App
//! ```
//!
//! Invariant: whatever clients do, the number of connections, the memory each may take and the time each may hold
//! one are bounded, and [`Server::serve`] returns within the drain's bound of its shutdown signal.

mod answer;
mod app;
mod body;
mod files;
mod frames;
mod guarded;
mod held;
mod ledger;
mod listen;
pub mod negotiate;
mod outgoing;
mod passed;
mod payload;
mod refusal;
mod sendfile;
mod served;
mod stream;
mod tally;

use std::future::{Future, poll_fn};
use std::io::ErrorKind;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::{JoinError, JoinSet};

pub use app::{App, Peer, Refused, Reply};
pub use body::Body;
pub use held::Holder;
pub use listen::BindError;
pub use payload::Payload;
pub use stream::Tls;
pub use tally::Tally;

use listen::listen;
use refusal::{BEYOND, MAX_REFUSALS, refuse};
use served::{Drain, Served};
use stream::{Listener, Stream};

/// First and longest pause after an error of `accept`, such as too many open files.
const BACKOFF: (Duration, Duration) = (Duration::from_millis(20), Duration::from_secs(1));

/// What clients may take up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Connections at one time; a further one gets 503.
    pub connections: usize,
    /// Time for a request's head, from its first byte, or from the start of the connection; the same again for its
    /// body, and before them for the TLS handshake.
    pub head: Duration,
    /// Time a connection may be idle between requests, or an answer may wait for its client to read on.
    pub idle: Duration,
    /// Bytes per second at which a client must take its answers on average, after `idle`. A slow client holds what it
    /// reads in memory, even when it has been replaced by then.
    pub pace: u64,
    /// Time that requests under way get to finish after the shutdown signal.
    pub drain: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Limits {
            connections: 256,
            head: Duration::from_secs(10),
            // Longer than the usual scrape intervals, so that a scraper keeps its connection.
            idle: Duration::from_secs(75),
            // Slower than any link that people browse with: 32 kbit/s.
            pace: 4096,
            // The whole program has 5 s to end.
            drain: Duration::from_secs(4),
        }
    }
}

/// Listening sockets.
pub struct Server {
    listeners: Vec<Listener>,
    tls: Option<Tls>,
    tally: Tally,
}

impl std::fmt::Debug for Server {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Server").field("listeners", &self.listeners).field("secured", &self.tls.is_some()).finish()
    }
}

impl Server {
    /// Listens on every one of `addresses`: `host:port`, or `:port` for every address of the machine. Call it within
    /// a tokio runtime. From here on clients can connect; they are answered once [`Server::serve`] runs.
    ///
    /// # Errors
    /// When an address is none, is not of this machine, or is taken; when there is no address at all.
    pub fn bind(addresses: &[String]) -> Result<Self, BindError> {
        let failed = |address: &str, reason: String, kind| BindError { address: address.into(), reason, kind };
        let mut listeners = Vec::new();
        for address in addresses {
            for listener in listen(address)? {
                let listener = TcpListener::from_std(listener);
                let listener = listener.map_err(|error| failed(address, error.to_string(), error.kind()))?;
                listeners.push(Listener::Tcp(listener));
            }
        }
        if listeners.is_empty() {
            return Err(failed(
                "nothing",
                "no address is given; give one such as :9765".into(),
                ErrorKind::InvalidInput,
            ));
        }
        Ok(Server { listeners, tls: None, tally: Tally::default() })
    }

    /// The sockets that the service manager listens on for this process and has passed to it (`LISTEN_FDS`), to be
    /// used instead of binding; `None` where there are none. Once taken they are gone: call it once, within a tokio
    /// runtime and before there are threads.
    ///
    /// # Errors
    /// When one of them is no listening TCP or Unix stream socket.
    pub fn passed() -> Result<Option<Self>, BindError> {
        let listeners = passed::take()?;
        Ok(if listeners.is_empty() { None } else { Some(Server { listeners, tls: None, tally: Tally::default() }) })
    }

    /// The same server, whose TCP connections are secured as `tls` says; without it they are not.
    #[must_use]
    pub fn secured(self, tls: Option<Tls>) -> Self {
        Server { tls, ..self }
    }

    /// How many connections there are, from when it serves.
    pub fn tally(&self) -> Tally {
        self.tally.clone()
    }

    /// The TCP addresses listened on, with the real port where 0 was asked for.
    pub fn addresses(&self) -> Vec<SocketAddr> {
        self.listeners.iter().filter_map(Listener::address).collect()
    }

    /// Serves `app` until `shutdown` is ready; then takes no more connections, closes idle ones, lets requests under
    /// way finish within the drain's bound, and returns how many connections it had to cut off.
    pub async fn serve(mut self, app: impl App, limits: Limits, shutdown: impl Future<Output = ()>) -> usize {
        files::make_room(limits.connections);
        let mut shutdown = pin!(shutdown);
        let mut open = Connections::new(Served::new(Arc::new(app), limits, self.tls), limits, self.tally);
        let mut pause = None;
        loop {
            tokio::select! {
                biased;
                () = &mut shutdown => break,
                Some(ended) = open.tasks.join_next() => {
                    log_panic(ended);
                    open.tally.set_open(open.tasks.len());
                    // There is room again for what `accept` may have failed for.
                    pause = None;
                }
                accepted = accept(&self.listeners, pause) => {
                    pause = open.take(accepted, pause);
                    // The first listener is asked first; none must wait because another is busy.
                    self.listeners.rotate_left(1);
                }
            }
        }
        drop(self.listeners);
        open.drain().await
    }
}

/// The next connection on any listener, after `pause`.
async fn accept(listeners: &[Listener], pause: Option<Duration>) -> std::io::Result<(Stream, Peer)> {
    if let Some(pause) = pause {
        tokio::time::sleep(pause).await;
    }
    poll_fn(|cx| {
        let mut ready = listeners.iter().map(|listener| listener.poll_accept(cx));
        ready.find(Poll::is_ready).unwrap_or(Poll::Pending)
    })
    .await
}

/// What is being served.
struct Connections {
    served: Arc<Served>,
    limits: Limits,
    drain: (watch::Sender<bool>, Drain),
    tasks: JoinSet<()>,
    refusals: JoinSet<()>,
    tally: Tally,
}

impl Connections {
    fn new(served: Arc<Served>, limits: Limits, tally: Tally) -> Self {
        let (tasks, refusals) = (JoinSet::new(), JoinSet::new());
        Connections { served, limits, drain: watch::channel(false), tasks, refusals, tally }
    }

    /// Serves or refuses what was accepted; how long to pause before the next one after an error.
    fn take(&mut self, accepted: std::io::Result<(Stream, Peer)>, pause: Option<Duration>) -> Option<Duration> {
        while self.refusals.try_join_next().is_some() {}
        match accepted {
            Ok(accepted) if self.tasks.len() < self.limits.connections => {
                self.tasks.spawn(Arc::clone(&self.served).converse(accepted, self.drain.1.clone()));
                self.tally.set_open(self.tasks.len());
            }
            // A refusal in plain text is of no use to those who wait for a handshake.
            Ok((stream, peer)) if self.refusals.len() < MAX_REFUSALS && !self.served.is_secure() => {
                self.tally.refuse();
                self.served.app.refused(&BEYOND, peer);
                self.refusals.spawn(refuse(stream));
            }
            Ok(_) => self.tally.refuse(),
            Err(error) if is_of_one_connection(&error) => {}
            Err(error) => {
                if pause.is_none() {
                    tracing::warn!(%error, "cannot accept connections for now; trying again until it works");
                }
                return Some(pause.map_or(BACKOFF.0, |pause| (pause * 2).min(BACKOFF.1)));
            }
        }
        None
    }

    async fn drain(mut self) -> usize {
        self.refusals.abort_all();
        self.drain.0.send_replace(true);
        let ended = async {
            while let Some(ended) = self.tasks.join_next().await {
                log_panic(ended);
            }
        };
        match tokio::time::timeout(self.limits.drain, ended).await {
            Ok(()) => 0,
            Err(_) => {
                self.tasks.abort_all();
                self.tasks.len()
            }
        }
    }
}

/// An error that says nothing about the next connection.
fn is_of_one_connection(error: &std::io::Error) -> bool {
    use ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset, Interrupted, WouldBlock};
    matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset | Interrupted | WouldBlock)
}

fn log_panic(ended: Result<(), JoinError>) {
    if let Err(error) = ended
        && error.is_panic()
    {
        tracing::error!(%error, "a connection's task panicked; this is a bug, please report it");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn errors_of_accept_are_met_with_growing_patience() {
        let limits = Limits::default();
        let mut open =
            Connections::new(Served::new(Arc::new(axum::Router::new()), limits, None), limits, Tally::default());
        let full = || Err(rustix::io::Errno::MFILE.into());
        let (mut pause, mut pauses) = (None, Vec::new());
        for _ in 0..9 {
            pause = open.take(full(), pause);
            pauses.extend(pause.map(|pause| pause.as_millis()));
        }
        assert_eq!(pauses, [20, 40, 80, 160, 320, 640, 1000, 1000, 1000]);
        assert_eq!(open.take(Err(ErrorKind::ConnectionAborted.into()), None), None);
    }
}
