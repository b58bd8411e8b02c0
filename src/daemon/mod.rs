//! The long-running exporter: one event loop that owns what is known.
//!
//! Sources read in tasks of their own and send observations; the loop applies them, judges, and publishes one
//! snapshot for all that arrived together. Invariant: nothing in the loop waits on a source, a sink or a client.

mod alerts;
mod known;
mod manager;
mod next;
mod series;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinSet;
use tokio::time::{MissedTickBehavior, timeout};
use tracing::{error, info, warn};

use crate::alert::saved::Saved;
use crate::config::{Config, ConfigErrors, Loaded};
use crate::history::{Point, past};
use crate::observation::{Observation, Reading, Time};
use crate::signals::on_stop;
use crate::source::set::{Reader, readers};
use crate::systemd::notify;
use crate::web::{self, Secure, Server};
use known::Known;
use manager::Manager;

/// The loop judges at least this often, because ages grow without any reading, and looks this far ahead for the instant
/// at which they cross a limit.
const HORIZON: Duration = Duration::from_secs(5);
/// Readings that arrive within this time of each other share one snapshot.
const GATHER: Duration = Duration::from_millis(20);
/// Events that may wait. Sources are few and slow; a full queue means that the loop is stuck, and holds them up.
const QUEUE: usize = 64;

/// Loads the configuration anew.
pub type Reload = Arc<dyn Fn() -> Result<Loaded, ConfigErrors> + Send + Sync>;

/// Called once with the addresses that are listened on.
pub type OnListen = Box<dyn FnOnce(&[SocketAddr]) + Send>;

/// What the daemon needs.
pub struct Options {
    /// The configuration to begin with.
    pub loaded: Loaded,
    /// Loads it anew at SIGHUP.
    pub reload: Reload,
    /// TLS and logins.
    pub secure: Secure,
    /// Told once the server listens.
    pub on_listen: Option<OnListen>,
}

enum Event {
    Observed(Box<Observation>),
    /// What an earlier run recorded.
    Past(Vec<Point>),
    /// What an earlier run left of the alerts.
    Remembered(Box<Saved>),
    /// The webhook accepted something, which must not be told again.
    Told,
    /// None came, but what is known has aged.
    Tick,
    Reload,
    Reloaded(Box<Result<Loaded, ConfigErrors>>),
    Stop,
}

/// Watches, judges and publishes until SIGTERM or SIGINT; a second one aborts.
///
/// # Errors
/// When an address cannot be listened on, or the operating system refuses a thread or a signal handler.
pub fn run(options: Options) -> anyhow::Result<()> {
    // One thread answers 50,000 scrapes a second; whatever blocks has a thread of its own.
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().context("starting the runtime")?;
    let result = runtime.block_on(serve(options));
    // A blocking call that hangs must not keep the process alive.
    runtime.shutdown_background();
    result
}

async fn serve(options: Options) -> anyhow::Result<()> {
    let Options { loaded, reload, secure, on_listen } = options;
    let server = match Server::passed()? {
        Some(passed) => passed,
        None => Server::bind(&loaded.config.web.listen_addresses)?,
    };
    let limits = web::limits(&loaded.config.web);
    let server = server.secured(secure.tls());
    let mut known = Known::new(loaded)?;
    let (stop, stopped) = oneshot::channel::<()>();
    let addresses = server.addresses();
    let serving = tokio::spawn(server.serve(secure.guard(known.router()?), limits, async move { drop(stopped.await) }));
    info!(addresses = ?addresses, scheme = secure.scheme(), "listening");
    if let Some(on_listen) = on_listen {
        on_listen(&addresses);
    }
    watch(&mut known, reload).await?;
    notify::stopping();
    drop(stop);
    known.finish().await;
    match serving.await {
        Ok(0) => info!("stopped"),
        Ok(cut) => warn!(connections = cut, "stopped; connections were cut off after the time for draining"),
        Err(error) => error!(%error, "the server ended badly"),
    }
    Ok(())
}

/// The event loop; returns when it is told to stop.
async fn watch(known: &mut Known, reload: Reload) -> anyhow::Result<()> {
    let (events, mut queue) = mpsc::channel(QUEUE);
    spawn_signals(&events)?;
    let mut sources = start_sources(known, &events)?;
    spawn_past(known.config(), &events);
    known.start_alerts(&events);
    let mut manager = Manager::new(sources.is_empty());
    let mut wait = Duration::ZERO;
    while let Some(first) = next_event(&mut queue, wait).await {
        let mut next = Some(first);
        if matches!(next, Some(Event::Observed(_))) {
            tokio::time::sleep(GATHER).await;
        }
        while let Some(event) = next {
            match event {
                Event::Observed(observation) => {
                    known.apply(*observation);
                    manager.reading_came();
                }
                Event::Past(points) => known.remember(&points),
                Event::Remembered(saved) => known.remember_alerts(*saved),
                Event::Told => known.save_alerts(),
                Event::Tick => {}
                Event::Reload => spawn_reload(&reload, &events),
                Event::Reloaded(fresh) => {
                    if known.reload(*fresh, &events) {
                        sources.shutdown().await;
                        sources = start_sources(known, &events)?;
                    }
                }
                Event::Stop => return Ok(()),
            }
            next = queue.try_recv().ok();
        }
        manager.tell(known.judge_and_publish());
        wait = known.next_change(HORIZON);
    }
    Ok(())
}

/// The next event; a tick when none comes for as long as `wait`.
async fn next_event(queue: &mut mpsc::Receiver<Event>, wait: Duration) -> Option<Event> {
    timeout(wait, queue.recv()).await.unwrap_or(Some(Event::Tick))
}

/// Starts a task per enabled source. They end when the set is dropped.
fn start_sources(known: &Known, events: &mpsc::Sender<Event>) -> anyhow::Result<JoinSet<()>> {
    let mut tasks = JoinSet::new();
    for reader in readers(known.config()).context("starting the sources' threads")? {
        tasks.spawn(read_for_ever(reader, events.clone()));
    }
    Ok(tasks)
}

/// Reads the time series of an earlier run, for the page's sparklines, while the server answers already.
fn spawn_past(config: &Config, events: &mpsc::Sender<Event>) {
    if !config.system_state.enabled {
        return;
    }
    let path = config.in_runtime_dir(&config.system_state.file);
    let (hold, now, events) = (config.system_state.hold(), Time::now(), events.clone());
    tokio::task::spawn_blocking(move || match past::read(&path, hold, now) {
        // Nobody receives it when the program is being stopped.
        Reading::Observed(points) => drop(events.blocking_send(Event::Past(points))),
        Reading::Missing(_) => {}
        Reading::Failed(failure) => warn!("the page begins without the past: {failure}"),
    });
}

async fn read_for_ever(mut reader: Reader, events: mpsc::Sender<Event>) {
    let mut ticks = tokio::time::interval(reader.interval);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
    loop {
        ticks.tick().await;
        let observation = Box::new(reader.read().await);
        if events.send(Event::Observed(observation)).await.is_err() {
            return;
        }
    }
}

/// Loads the configuration on a thread of its own: its file system may hang.
fn spawn_reload(reload: &Reload, events: &mpsc::Sender<Event>) {
    let (reload, events) = (Arc::clone(reload), events.clone());
    // Nobody listens any more when the daemon is stopping; then there is nothing to reload.
    tokio::task::spawn_blocking(move || drop(events.blocking_send(Event::Reloaded(Box::new(reload())))));
}

/// SIGTERM and SIGINT stop, and abort when they come again; SIGHUP reloads.
fn spawn_signals(events: &mpsc::Sender<Event>) -> anyhow::Result<()> {
    let (stop, reload) = (events.clone(), events.clone());
    // In a task of its own: while the queue is full, a second signal must still be heard.
    let told = move |_| drop(tokio::spawn(async move { drop(stop.send(Event::Stop).await) }));
    on_stop(told).context("installing a signal handler")?;
    let mut hangup = signal(SignalKind::hangup()).context("installing a signal handler")?;
    tokio::spawn(async move { while hangup.recv().await.is_some() && reload.send(Event::Reload).await.is_ok() {} });
    Ok(())
}
