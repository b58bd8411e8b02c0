//! The site server as a process: it listens, keeps up with what is released, and drains.
//!
//! Invariant: one thread answers, and waits for nothing; another one reads and checks releases. Connections are accepted
//! only once the first release was looked for, so that a restart answers nobody with an empty site.

use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, Instant, SystemTime};

use anyhow::Context as _;
use autoswe_site::{Policy, Site, answer};
use axum::http::Request;
use bytes::Bytes;
use tokio::sync::oneshot;
use tracing::{info, warn};

use super::access_log::AccessLog;
use super::counters::{Counters, Told, private};
use super::debug::{Debug, Token, check, check_addresses};
use super::load::{Change, Loader, Terms};
use crate::config::{Config, ServerConfig};
use crate::journey::release::Shelf;
use crate::metric::Connections;
use crate::signals::on_stop;
use crate::systemd::notify;
use crate::web::{App, Body, Limits, Peer, Reply, Secure, Server};
use crate::words;

/// How often what is released is looked at.
const LOOK: Duration = Duration::from_secs(1);
/// How long the end waits for the log of requests to be written.
const LOG_ENDS: Duration = Duration::from_secs(2);

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
    fn answer(&self, request: Request<Bytes>, _: Peer) -> Reply {
        let (head, _) = request.into_parts();
        Reply::Ready(answer(&self.shown.now(), &head, &self.policy, SystemTime::now()).map(Body::from))
    }
}

/// What the server needs.
#[derive(Debug, Default)]
pub struct Options {
    /// All settings; those of the server are `journey.server`.
    pub config: Config,
    /// TLS, logins and further headers.
    pub secure: Secure,
    /// What opens the debug surfaces from anywhere, where they are turned on.
    pub token: Option<Token>,
}

/// Serves until SIGTERM or SIGINT; a second one aborts.
///
/// # Errors
/// When an address cannot be listened on, a setting cannot be used, or the operating system refuses a thread.
pub fn run(options: Options) -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().context("starting the runtime")?;
    let result = runtime.block_on(serve(options));
    runtime.shutdown_background();
    result
}

async fn serve(options: Options) -> anyhow::Result<()> {
    let settings = &options.config.journey.server;
    let (stop, stopped) = oneshot::channel();
    let told = move |_| {
        // An error means that it has ended already.
        stop.send(()).ok();
    };
    on_stop(told).context("installing a signal handler")?;
    let (counters, log) = (Arc::new(Counters::default()), AccessLog::start(settings.access_log)?.map(Arc::new));
    let server = listen(&options)?;
    let tally = server.tally();
    counters.watch_connections(move || Connections { open: tally.open() as u64, refused: tally.refused() });
    tell_in_private(settings, &counters, log.as_ref());
    let shown = Arc::new(Shown::default());
    keep_up(&options.config, (Arc::clone(&shown), Arc::clone(&counters))).await?;
    notify::ready();
    let told = async move {
        drop(stopped.await);
        notify::stopping();
    };
    let app = options.secure.guard(Public { shown, policy: policy(settings)? });
    let cut = match settings.debug_surfaces {
        true => {
            // Before the logins: its token comes in the same header.
            let app = Debug::new(app, &options.config, (Arc::clone(&counters), options.token));
            server.serve(Told::new(app, counters, log.clone()), limits(settings), told).await
        }
        false => server.serve(Told::new(app, counters, log.clone()), limits(settings), told).await,
    };
    if let Some(log) = log {
        log.close(LOG_ENDS);
    }
    match cut {
        0 => info!("stopped"),
        cut => warn!(connections = cut, "stopped; connections were cut off after the time for draining"),
    }
    Ok(())
}

/// The sockets that were passed, else one of our own. With debug surfaces it is one that strangers cannot reach.
fn listen(options: &Options) -> anyhow::Result<Server> {
    let settings = &options.config.journey.server;
    let server = match Server::passed()? {
        Some(passed) if settings.debug_surfaces => {
            check_addresses(&passed.addresses(), options.token.as_ref()).map_err(anyhow::Error::msg)?;
            passed
        }
        Some(passed) => passed,
        None => {
            if settings.debug_surfaces {
                check(&settings.bind, options.token.as_ref()).map_err(anyhow::Error::msg)?;
            }
            Server::bind(&[address(&settings.bind, settings.port)])?
        }
    };
    info!(addresses = ?server.addresses(), scheme = options.secure.scheme(), "listening");
    Ok(server.secured(options.secure.tls()))
}

/// Tells the server's metrics on the private address. The site is shown without it, too: whoever asks for the metrics
/// notices that they are not there, and those who read the site need not.
fn tell_in_private(settings: &ServerConfig, counters: &Arc<Counters>, log: Option<&Arc<AccessLog>>) {
    let Some(address) = &settings.metrics_address else { return };
    match Server::bind(std::slice::from_ref(address)) {
        Ok(server) => {
            info!(metrics = ?server.addresses(), "telling metrics");
            let routes = private(Arc::clone(counters), log.map(Arc::clone));
            // It ends with the runtime.
            tokio::spawn(server.serve(routes, Limits::default(), std::future::pending()));
        }
        Err(error) => warn!(%error, "no metrics are told; see journey.server.metrics_address"),
    }
}

fn limits(settings: &ServerConfig) -> Limits {
    Limits {
        connections: usize::try_from(settings.max_connections).unwrap_or(usize::MAX),
        head: settings.header_timeout.duration(),
        idle: settings.idle_timeout.duration(),
        drain: settings.drain_timeout.duration(),
        ..Limits::default()
    }
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

fn policy(settings: &ServerConfig) -> anyhow::Result<Policy> {
    let mut policy = Policy::default();
    if let Some(value) = &settings.content_security_policy {
        policy.set("Content-Security-Policy", value).context("journey.server.content_security_policy")?;
    }
    Ok(policy)
}

/// Starts the thread that takes up what is released; returns when it has looked once.
async fn keep_up(config: &Config, (shown, counters): (Arc<Shown>, Arc<Counters>)) -> anyhow::Result<()> {
    let mut loader = Loader::new(Shelf::new(config.in_repo(&config.journey.output_dir)), terms(config)?);
    let (first, looked) = oneshot::channel();
    let mut first = Some(first);
    let work = move || {
        loop {
            let start = Instant::now();
            let change = loader.look(SystemTime::now());
            counters.looked(&change, loader.is_blind(), (start.elapsed(), SystemTime::now()));
            show(&change, &shown, start.elapsed());
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
fn show(change: &Change, shown: &Shown, took: Duration) {
    for error in &change.refused {
        warn!(%error, "a release was refused; what was shown before is shown still");
    }
    let Some(site) = &change.site else { return };
    shown.show(Arc::clone(site));
    let release = site.current.release.as_deref().unwrap_or("none");
    let bytes: u64 = site.current.files.values().map(|resource| resource.plain.bytes.len() as u64).sum();
    let (files, snapshots, seconds) = (site.current.files.len(), site.snapshots.len(), took.as_secs_f64());
    info!(release, files, bytes, snapshots, seconds, "shown");
    let short = release.get(..12).unwrap_or(release);
    notify::status(&format!("shows release {short}: {files} files, {}", words::bytes(bytes)));
}

#[cfg(test)]
mod tests {
    use autoswe_site::CONTENT_SECURITY_POLICY;

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

    #[test]
    fn the_policy_is_that_of_the_sites_own_pages_and_no_frame() {
        let page = include_str!("../../../templates/journey/base.html");
        let (_, rest) = page.split_once("<meta http-equiv=\"Content-Security-Policy\" content=\"").unwrap();
        let (own, _) = rest.split_once('"').unwrap();
        assert_eq!(CONTENT_SECURITY_POLICY, format!("{own}; frame-ancestors 'none'"));
    }
}
