//! The site server as a process: it listens, keeps up with what is released, and drains.
//!
//! Invariant: one thread answers, and waits for nothing; another one reads and checks releases. Connections are accepted
//! only once the first release was looked for, so that a restart answers nobody with an empty site.

use std::net::SocketAddr;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, Instant, SystemTime};

use anyhow::Context as _;
use axum::http::{Request, Response};
use bytes::Bytes;
use tokio::sync::oneshot;
use tracing::{info, warn};

use super::load::{Change, Loader, Terms};
use super::site::Site;
use super::{Payload, Policy, answer};
use crate::config::Config;
use crate::journey::release::Shelf;
use crate::signals::on_stop;
use crate::systemd::notify;
use crate::web::server::{App, Limits, Peer, Server};
use crate::words;

/// How often what is released is looked at.
const LOOK: Duration = Duration::from_secs(1);

/// Called once with the addresses that are listened on.
pub type OnListen = Box<dyn FnOnce(&[SocketAddr]) + Send>;

/// The site that is shown, replaced as a whole.
#[derive(Debug, Default)]
pub struct Shown(RwLock<Arc<Site>>);

impl Shown {
    /// The site as it is now. Who holds it sees one release, whatever is shown meanwhile.
    pub fn now(&self) -> Arc<Site> {
        Arc::clone(&self.0.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Shows `site` from now on.
    pub fn show(&self, site: Arc<Site>) {
        let old = std::mem::replace(&mut *self.0.write().unwrap_or_else(PoisonError::into_inner), site);
        // The lock is free by now: the last holder frees a whole site.
        drop(old);
    }
}

/// Answers from the site that is shown, and from nothing else.
#[derive(Debug)]
pub struct Public {
    shown: Arc<Shown>,
    policy: Policy,
}

impl App for Public {
    type Body = Payload;

    async fn answer(&self, request: Request<Bytes>, _: Peer) -> Response<Payload> {
        answer(&self.shown.now(), &request, &self.policy, SystemTime::now())
    }
}

/// Serves until SIGTERM or SIGINT; a second one aborts.
///
/// # Errors
/// When the address cannot be listened on, a setting cannot be used, or the operating system refuses a thread.
pub fn run(config: &Config, on_listen: Option<OnListen>) -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().context("starting the runtime")?;
    let result = runtime.block_on(serve(config, on_listen));
    runtime.shutdown_background();
    result
}

async fn serve(config: &Config, on_listen: Option<OnListen>) -> anyhow::Result<()> {
    let settings = &config.journey.server;
    let (stop, stopped) = oneshot::channel();
    let told = move |_| {
        // An error means that it has ended already.
        stop.send(()).ok();
    };
    on_stop(told).context("installing a signal handler")?;
    let server = match Server::passed()? {
        Some(server) => server,
        None => Server::bind(&[address(&settings.bind, settings.port)])?,
    };
    let addresses = server.addresses();
    info!(addresses = ?addresses, "listening");
    if let Some(on_listen) = on_listen {
        on_listen(&addresses);
    }
    let shown = Arc::new(Shown::default());
    keep_up(config, Arc::clone(&shown)).await?;
    notify::ready();
    let app = Public { shown, policy: policy(config)? };
    let limits = Limits {
        connections: usize::try_from(settings.max_connections).unwrap_or(usize::MAX),
        head: settings.header_timeout.duration(),
        idle: settings.idle_timeout.duration(),
        drain: settings.drain_timeout.duration(),
        ..Limits::default()
    };
    let told = async move {
        drop(stopped.await);
        notify::stopping();
    };
    match server.serve(app, limits, told).await {
        0 => info!("stopped"),
        cut => warn!(connections = cut, "stopped; connections were cut off after the time for draining"),
    }
    Ok(())
}

/// `host:port`, with an IPv6 address in brackets.
fn address(host: &str, port: u64) -> String {
    match host.parse::<std::net::Ipv6Addr>() {
        // The transport's word for every address, IPv4 and IPv6.
        Ok(host) if host.is_unspecified() => format!(":{port}"),
        Ok(host) => format!("[{host}]:{port}"),
        Err(_) => format!("{host}:{port}"),
    }
}

fn policy(config: &Config) -> anyhow::Result<Policy> {
    let mut policy = Policy::default();
    if let Some(value) = &config.journey.server.content_security_policy {
        policy.set("Content-Security-Policy", value).context("journey.server.content_security_policy")?;
    }
    Ok(policy)
}

/// Starts the thread that takes up what is released; returns when it has looked once.
async fn keep_up(config: &Config, shown: Arc<Shown>) -> anyhow::Result<()> {
    let mut loader = Loader::new(Shelf::new(config.in_repo(&config.journey.output_dir)), terms(config)?);
    let (first, looked) = oneshot::channel();
    let mut first = Some(first);
    let work = move || {
        loop {
            let start = Instant::now();
            tell(&loader.look(SystemTime::now()), &shown, start);
            // Nobody waits any more when the server is told to stop during the first look.
            first.take().map(|first: oneshot::Sender<()>| first.send(()));
            std::thread::sleep(LOOK);
        }
    };
    std::thread::Builder::new().name("releases".into()).spawn(work).context("starting a thread")?;
    // An error is a panic of that thread, which has been told of.
    drop(looked.await);
    Ok(())
}

fn terms(config: &Config) -> anyhow::Result<Terms> {
    let settings = &config.journey.server;
    let patterns = settings.immutable.iter().map(|pattern| {
        glob::Pattern::new(pattern).with_context(|| format!("journey.server.immutable: {pattern:?} is no glob"))
    });
    Ok(Terms { most_bytes: settings.max_bytes.0, immutable: patterns.collect::<Result<_, _>>()? })
}

/// Shows what a look has changed, and says so.
fn tell(change: &Change, shown: &Shown, start: Instant) {
    for error in &change.refused {
        warn!(%error, "a release was refused; what was shown before is shown still");
    }
    let Some(site) = &change.site else { return };
    shown.show(Arc::clone(site));
    let release = site.current.release.as_deref().unwrap_or("none");
    let bytes: u64 = site.current.files.values().map(|resource| resource.plain.bytes.len() as u64).sum();
    let (files, snapshots, seconds) = (site.current.files.len(), site.snapshots.len(), start.elapsed().as_secs_f64());
    info!(release, files, bytes, snapshots, seconds, "shown");
    let short = release.get(..12).unwrap_or(release);
    notify::status(&format!("shows release {short}: {files} files, {}", words::bytes(bytes)));
}

#[cfg(test)]
mod tests {
    use super::address;

    #[test]
    fn an_address_is_what_the_flags_say() {
        let cases = [
            ("0.0.0.0", "0.0.0.0:8765"),
            ("localhost", "localhost:8765"),
            ("::1", "[::1]:8765"),
            ("::", ":8765"),
            ("web.example.org", "web.example.org:8765"),
        ];
        for (host, expected) in cases {
            assert_eq!(address(host, 8765), expected);
        }
    }
}
