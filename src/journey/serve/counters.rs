//! What the server counts of itself, and its second, private address: `/metrics`, `/livez`, `/-/ready`.
//!
//! Invariant: counting takes no lock. A label's value comes from a closed list, whatever a request says.

use std::collections::HashSet;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use autoswe_site::{Site, Volume};
use axum::Router;
use axum::body::Body;
use axum::http::{HeaderMap, Method, Request, Response, StatusCode};
use axum::routing::get;
use bytes::Bytes;

use super::access_log::{AccessLog, Answered, Asked};
use super::load::Change;
use crate::metric::{Connections, OwnProcess, Shown, SiteServer, site_server};
use crate::observation::Time;
use crate::source::own_process::Own;
use crate::web::{App, Peer, Probe, Refused, Reply, metrics_page, not_here, probe_page};

/// Methods that are counted apart.
const METHODS: [&str; 4] = ["GET", "HEAD", "POST", OTHER];
/// Statuses that are counted apart.
const CODES: [&str; 23] = [
    "200", "202", "206", "301", "302", "304", "307", "308", "400", "401", "403", "404", "405", "406", "408", "412",
    "413", "416", "429", "431", "500", "503", OTHER,
];
const OTHER: &str = "other";
/// Reasons that are kept of what was refused; each names one release or snapshot.
const REASONS: usize = 20;

/// What is counted.
#[derive(Default)]
pub struct Counters {
    requests: [[AtomicU64; CODES.len()]; METHODS.len()],
    answer_bytes: AtomicU64,
    debug_refused: AtomicU64,
    news: Mutex<News>,
    connections: OnceLock<Box<dyn Fn() -> Connections + Send + Sync>>,
}

/// What is shown, and what came of the looks at the shelf.
#[derive(Debug, Clone, Default)]
pub struct News {
    /// What is shown.
    pub shown: Shown,
    /// When something was last taken up, and how long that took.
    pub taken_up: Option<(Time, Duration)>,
    /// Why releases and snapshots are not shown that lie there, in sentences; the first ones.
    pub reasons: Vec<String>,
    /// How many there are.
    pub refused: u64,
    /// How many were refused since the start, again and again.
    pub refusals: u64,
    /// Why the shelf cannot be looked at.
    pub blind: Option<String>,
}

impl Counters {
    /// Counts a request that was answered.
    pub fn answered(&self, method: &Method, status: StatusCode, bytes: u64) {
        self.count(method.as_str(), status, bytes);
    }

    /// Counts what was answered; `method` is any word where it is not known.
    fn count(&self, method: &str, status: StatusCode, bytes: u64) {
        let method = METHODS.iter().position(|known| method == *known).unwrap_or(METHODS.len() - 1);
        let code = CODES.iter().position(|known| status.as_str() == *known).unwrap_or(CODES.len() - 1);
        self.requests[method][code].fetch_add(1, Ordering::Relaxed);
        self.answer_bytes.fetch_add(bytes, Ordering::Relaxed);
    }

    /// Counts a request for the debug surfaces that was refused; how many there were.
    pub(super) fn debug_refused(&self) -> u64 {
        self.debug_refused.fetch_add(1, Ordering::Relaxed) + 1
    }

    /// Has `read` asked for the connections. Only the first one counts.
    pub fn watch_connections(&self, read: impl Fn() -> Connections + Send + Sync + 'static) {
        drop(self.connections.set(Box::new(read)));
    }

    /// Notes what a look at the shelf came to, which took `took` and ended at `now`. `is_blind`: the shelf could not be
    /// looked at ([`super::Loader::is_blind`]).
    pub fn looked(&self, change: &Change, is_blind: bool, (took, now): (Duration, SystemTime)) {
        let shown = change.site.as_deref().map(shown);
        let mut reasons = change.refused.iter().take(REASONS).map(ToString::to_string);
        let refused = change.refused.len() as u64;
        let mut news = self.lock();
        news.refusals += refused;
        match shown {
            Some(shown) => {
                let is_other = (&shown.release, &shown.snapshots) != (&news.shown.release, &news.shown.snapshots);
                // What is refused is tried again and again, and what is over is let go: that takes nothing up.
                if is_other {
                    news.taken_up = Time::try_from(now).ok().map(|now| (now, took));
                }
                news.shown = shown;
                news.refused = refused;
                news.reasons = reasons.collect();
                news.blind = None;
            }
            None if !is_blind => news.blind = None,
            // It is told once, and stays so.
            None => news.blind = reasons.next().or_else(|| news.blind.take()),
        }
    }

    /// What is shown, and what was refused.
    pub fn news(&self) -> News {
        self.lock().clone()
    }

    fn lock(&self) -> MutexGuard<'_, News> {
        // Nothing panics while it is held.
        self.news.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Everything at this moment.
    pub fn read(&self, log: Option<&AccessLog>, process: Option<OwnProcess>) -> SiteServer {
        let News { shown, taken_up, refused, refusals, blind, .. } = self.news();
        SiteServer {
            requests: self.requests(),
            answer_bytes: self.answer_bytes.load(Ordering::Relaxed),
            connections: self.connections.get().map(|read| read()),
            shown,
            refused: refused + u64::from(blind.is_some()),
            refusals,
            taken_up,
            log_dropped: log.map(AccessLog::dropped),
            debug_refused: self.debug_refused.load(Ordering::Relaxed),
            process,
        }
    }

    /// Every pair that was counted, and GET with 200, so that its rate has a beginning.
    fn requests(&self) -> Vec<(&'static str, &'static str, u64)> {
        let pairs = self.requests.iter().zip(METHODS).flat_map(|(codes, method)| {
            let count = move |(count, code): (&AtomicU64, &'static str)| (method, code, count.load(Ordering::Relaxed));
            codes.iter().zip(CODES).map(count)
        });
        pairs.filter(|(method, code, count)| *count > 0 || (*method, *code) == (METHODS[0], CODES[0])).collect()
    }
}

impl std::fmt::Debug for Counters {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Counters")
            .field("requests", &self.requests())
            .field("news", &*self.lock())
            .finish_non_exhaustive()
    }
}

/// What `site` shows, and what it takes.
fn shown(site: &Site) -> Shown {
    let volumes: Vec<&Volume> = site.snapshots.values().chain([&site.current]).map(|volume| &**volume).collect();
    let resources = volumes.iter().flat_map(|volume| volume.files.values()).chain(site.earlier.values());
    let (mut known, mut files, mut bytes) = (HashSet::new(), 0, 0);
    for resource in resources {
        files += 1;
        let held = &resource.plain.bytes;
        // What is shared lies at the same place.
        if known.insert((held.as_ptr(), held.len())) {
            bytes += held.len() as u64;
        }
    }
    let since = site.current.files.values().map(|resource| resource.shown_since).max();
    Shown {
        release: site.current.release.clone(),
        since: since.and_then(|since| Time::try_from(since).ok()),
        snapshots: site.snapshots.keys().map(|id| id.to_string()).collect(),
        files,
        bytes,
    }
}

/// An application whose requests are counted and logged.
#[derive(Debug)]
pub struct Told<A> {
    app: A,
    counters: Arc<Counters>,
    log: Option<Arc<AccessLog>>,
}

impl<A> Told<A> {
    /// Has what `app` answers counted, and logged where there is a `log`.
    pub fn new(app: A, counters: Arc<Counters>, log: Option<Arc<AccessLog>>) -> Self {
        Told { app, counters, log }
    }
}

impl<A: App> App for Told<A> {
    fn body_limit(&self, head: &axum::http::request::Parts) -> usize {
        self.app.body_limit(head)
    }

    fn refused(&self, refused: &Refused<'_>, peer: Peer) {
        let Refused { head, status, bytes } = *refused;
        self.counters.count(head.map_or(OTHER, |head| head.method.as_str()), status, bytes);
        if let Some(log) = &self.log {
            let answered = Answered { at: SystemTime::now(), status: status.as_u16(), bytes: Some(bytes), took: None };
            log.tell(&Asked::at_most(head, peer), &answered);
        }
    }

    fn answer(&self, request: Request<Bytes>, peer: Peer) -> Reply {
        let logged = self.log.clone().map(|log| (log, Asked::of(&request, peer), Instant::now()));
        let (method, counters) = (request.method().clone(), Arc::clone(&self.counters));
        self.app.answer(request, peer).map(move |answer| {
            let bytes = length(&method, &answer);
            counters.answered(&method, answer.status(), bytes.unwrap_or(0));
            if let Some((log, asked, began)) = logged {
                let (status, took) = (answer.status().as_u16(), Some(began.elapsed()));
                log.tell(&asked, &Answered { at: SystemTime::now(), status, bytes, took });
            }
            answer
        })
    }
}

/// Length of the body that is sent.
fn length<B: hyper::body::Body>(method: &Method, answer: &Response<B>) -> Option<u64> {
    let is_sent = *method != Method::HEAD && answer.status() != StatusCode::NOT_MODIFIED;
    if is_sent { answer.body().size_hint().exact() } else { Some(0) }
}

/// The routes of the private address.
pub fn private(counters: Arc<Counters>, log: Option<Arc<AccessLog>>) -> Router {
    let own = Own::open().map_err(|error| tracing::warn!(%error, "cannot tell what this process costs")).ok();
    let (own, ready) = (Arc::new(own), Arc::clone(&counters));
    let metrics = async move |headers: HeaderMap| {
        let process = own.as_ref().as_ref().and_then(|own| own.read().ok());
        metrics_page(&headers, &site_server(&counters.read(log.as_deref(), process)))
    };
    Router::new()
        .route("/metrics", get(metrics))
        .route("/livez", get(async || probe_page(&Probe::ok("the server serves"))))
        .route("/-/ready", get(async move || probe_page(&readiness(&ready.news().shown))))
        .fallback(async || -> Response<Body> { not_here("There is /metrics, /livez and /-/ready.\n") })
}

fn readiness(shown: &Shown) -> Probe {
    match &shown.release {
        Some(release) => Probe::ok(format!("the release {release} is shown")),
        None => Probe::failed("no release is shown yet; make one with `autoswe-journey synthesize --public`"),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, HashMap};

    use autoswe_site::{Content, Resource};

    use super::*;
    use crate::journey::digest::sha256;
    use crate::journey::release::Error;

    fn resource(bytes: &Bytes, since: u64) -> Resource {
        let plain = Content { bytes: bytes.clone(), sha256: sha256(bytes) };
        let shown_since = SystemTime::UNIX_EPOCH + Duration::from_secs(since);
        Resource { plain, coded: None, media_type: "text/plain", is_immutable: false, shown_since }
    }

    fn volume(release: &str, files: &[(&str, &Bytes, u64)]) -> Arc<Volume> {
        let files = files.iter().map(|(path, bytes, since)| ((*path).into(), resource(bytes, *since)));
        Arc::new(Volume { release: Some(release.into()), files: files.collect() })
    }

    fn change(site: Option<Site>, refused: &[&str]) -> Change {
        let refused = refused.iter().map(|why| Error::Unfit((*why).to_owned())).collect();
        Change { site: site.map(Arc::new), refused }
    }

    fn site() -> Site {
        let (one, other) = (Bytes::from(vec![1; 100]), Bytes::from(vec![2; 10]));
        Site {
            current: volume("abc", &[("index.html", &one, 50), ("b", &other, 70)]),
            snapshots: BTreeMap::from([("then".into(), volume("def", &[("index.html", &one, 50)]))]),
            earlier: HashMap::from([("c".into(), resource(&Bytes::from(vec![3; 5]), 9))]),
        }
    }

    #[test]
    fn what_is_shared_is_counted_once_and_the_newest_file_dates_the_release() {
        let expected = Shown {
            release: Some("abc".into()),
            since: Some(Time::from_second(70).unwrap()),
            snapshots: vec!["then".into()],
            files: 4,
            bytes: 115,
        };
        assert_eq!(shown(&site()), expected);
        assert_eq!(shown(&Site::default()), Shown::default());
    }

    #[test]
    fn requests_are_counted_by_words_of_closed_lists() {
        let counters = Counters::default();
        for (method, status) in [("GET", 200), ("GET", 200), ("HEAD", 304), ("BREW", 418), ("PROPFIND", 405)] {
            counters.answered(&method.parse().unwrap(), StatusCode::from_u16(status).unwrap(), 7);
        }
        let read = counters.read(None, None);
        assert_eq!(read.requests, [("GET", "200", 2), ("HEAD", "304", 1), ("other", "405", 1), ("other", "other", 1)]);
        assert_eq!(read.answer_bytes, 35);
        assert_eq!(Counters::default().read(None, None).requests, [("GET", "200", 0)]);
    }

    #[test]
    fn what_is_refused_is_known_until_it_is_taken_up() {
        let counters = Counters::default();
        let now = (Duration::from_millis(5), SystemTime::UNIX_EPOCH + Duration::from_secs(100));
        let refused = || counters.read(None, None).refused;
        counters.looked(&change(Some(site()), &["a release", "a snapshot"]), false, now);
        counters.looked(&change(None, &[]), false, now);
        assert_eq!((refused(), counters.news().reasons), (2, vec!["a release".to_owned(), "a snapshot".to_owned()]));
        // A look that fails says so once, and stays true until one succeeds.
        counters.looked(&change(None, &["no directory"]), true, now);
        counters.looked(&change(None, &[]), true, now);
        assert_eq!((refused(), counters.news().blind), (3, Some("no directory".to_owned())));
        counters.looked(&change(None, &[]), false, now);
        assert_eq!(refused(), 2);
        let later = (Duration::from_micros(7), now.1 + Duration::from_secs(60));
        counters.looked(&change(Some(site()), &[]), false, later);
        let read = counters.read(None, None);
        assert_eq!((read.refused, read.refusals), (0, 3), "and the same is not taken up again");
        assert_eq!(read.taken_up, Some((Time::from_second(100).unwrap(), now.0)));
    }

    #[test]
    fn a_server_is_ready_once_a_release_is_shown() {
        assert!(!readiness(&Shown::default()).ok);
        assert_eq!(readiness(&shown(&site())), Probe::ok("the release abc is shown"));
    }

    #[test]
    fn only_what_is_sent_is_counted() {
        let of = |method: Method, status| {
            let answer = Response::builder().status(status).body(Body::from("12345")).unwrap();
            length(&method, &answer)
        };
        assert_eq!(of(Method::GET, 200), Some(5));
        assert_eq!((of(Method::HEAD, 200), of(Method::GET, 304)), (Some(0), Some(0)));
    }
}
