//! The debug surfaces: `/api/journey`, `/raw/NAME`, `/status` and `POST /synthesize`, for the operator alone.
//!
//! They tell what was not redacted, so they are there only where somebody turned them on (`--debug-surfaces`), and
//! `guard.rs` says who is answered. A server without them has not one of these routes: its public application answers,
//! with 404.
//!
//! Invariant: a request for one of these paths never reaches the public application, and no other request comes here.
//! Files are read on threads of their own, few at a time.

mod files;
mod guard;
mod page;
mod report;
mod trigger;

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::Body;
use axum::extract::{Path, Request as Asked, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Response, StatusCode, Uri, header};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::IntoResponse as _;
use axum::routing::{get, post};
use bytes::Bytes;
use tokio::sync::Semaphore;
use tower_http::set_header::SetResponseHeaderLayer;
use tower_http::timeout::TimeoutLayer;

pub use guard::{Token, check, check_addresses};

use super::counters::Counters;
use crate::config::Config;
use crate::observation::Time;
use crate::web::{App, Peer, Refused, Reply};
use files::{Part, Unread, Wanted};
use report::{Places, Report};

const JOURNEY: &str = "/api/journey";
const STATUS: &str = "/status";
const SYNTHESIZE: &str = "/synthesize";
const RAW: &str = "/raw/";

/// What a program may send along when it asks for a synthesis, bytes; it is not looked at.
const BODY: usize = 4096;
/// An answer that takes longer is 503: a file system hangs.
const LONGEST: Duration = Duration::from_secs(10);
/// Requests that read files at one time; others wait.
const AT_ONCE: usize = 4;
/// Refused requests are told of no more often than this.
const TELL: Duration = Duration::from_secs(60);

const TEXT: &str = "text/plain; charset=utf-8";
/// Which part of a file was sent, where it was not asked for by `Range`.
const PART: HeaderName = HeaderName::from_static("journey-part");

/// What every answer bears. It is for nobody's cache, no other site's page, and no script.
const SEALS: [(HeaderName, &str); 5] = [
    (header::CACHE_CONTROL, "no-store"),
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::REFERRER_POLICY, "no-referrer"),
    (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
    (
        header::CONTENT_SECURITY_POLICY,
        "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'",
    ),
];

/// The public application `A` with the debug surfaces beside it.
#[derive(Debug)]
pub struct Debug<A> {
    app: A,
    routes: Router,
}

/// What the surfaces need.
#[derive(Debug)]
struct Desk {
    places: Places,
    counters: Arc<Counters>,
    token: Option<Token>,
    readers: Arc<Semaphore>,
    /// When refused requests were last told of, and how many there were.
    told: Mutex<Option<Instant>>,
    seen: AtomicU64,
}

impl<A: App> Debug<A> {
    /// Puts the surfaces beside `app`: with a `token`, for who shows it; without, for this machine. The caller listens only
    /// where [`check`] allows it.
    pub fn new(app: A, config: &Config, (counters, token): (Arc<Counters>, Option<Token>)) -> Self {
        let desk = Desk {
            places: Places::of(config),
            counters,
            token,
            readers: Arc::new(Semaphore::new(AT_ONCE)),
            told: Mutex::new(None),
            seen: AtomicU64::new(0),
        };
        Debug { app, routes: routes(Arc::new(desk)) }
    }
}

impl<A: App> App for Debug<A> {
    fn body_limit(&self, head: &Parts) -> usize {
        match is_of_debug(head.uri.path()) {
            true if head.uri.path() == SYNTHESIZE && head.method == Method::POST => BODY,
            true => 0,
            false => self.app.body_limit(head),
        }
    }

    fn refused(&self, refused: &Refused<'_>, peer: Peer) {
        self.app.refused(refused, peer);
    }

    fn answer(&self, mut request: Request<Bytes>, peer: Peer) -> Reply {
        if !is_of_debug(request.uri().path()) {
            return self.app.answer(request, peer);
        }
        request.extensions_mut().insert(peer);
        self.routes.answer(request, peer)
    }
}

fn is_of_debug(path: &str) -> bool {
    [JOURNEY, STATUS, SYNTHESIZE].contains(&path) || path.starts_with(RAW)
}

fn routes(desk: Arc<Desk>) -> Router {
    let routes = Router::new()
        .route(JOURNEY, get(journey))
        .route(STATUS, get(status))
        .route(SYNTHESIZE, post(synthesize))
        .route("/raw/{name}", get(raw))
        .fallback(async |State(desk): State<Arc<Desk>>| desk.no_such_file())
        .layer(from_fn_with_state(Arc::clone(&desk), guarded))
        .layer(TimeoutLayer::with_status_code(StatusCode::SERVICE_UNAVAILABLE, LONGEST))
        .with_state(desk);
    SEALS.into_iter().fold(routes, |routes, (name, value)| {
        routes.layer(SetResponseHeaderLayer::overriding(name, HeaderValue::from_static(value)))
    })
}

/// Answers a request that may be answered.
async fn guarded(State(desk): State<Arc<Desk>>, request: Asked, next: Next) -> Response<Body> {
    let nobody = Peer { address: None, secure: false };
    let peer = request.extensions().get::<Peer>().copied().unwrap_or(nobody);
    let (head, body) = request.into_parts();
    match guard::refusal(&head, peer, desk.token.as_ref()) {
        None => next.run(Request::from_parts(head, body)).await,
        Some(refusal) => {
            desk.note(peer);
            refusal.answer()
        }
    }
}

async fn journey(State(desk): State<Arc<Desk>>) -> Response<Body> {
    let report = desk.reading(|desk| desk.report()).await;
    // Numbers and strings alone: it cannot fail.
    let json = serde_json::to_vec_pretty(&report).unwrap_or_default();
    ([(header::CONTENT_TYPE, "application/json")], json).into_response()
}

async fn status(State(desk): State<Arc<Desk>>) -> Response<Body> {
    let report = desk.reading(|desk| desk.report()).await;
    match page::render(report, &desk.places, desk.token.is_some()) {
        Ok(html) => ([(header::CONTENT_TYPE, "text/html; charset=utf-8")], html).into_response(),
        Err(error) => text(StatusCode::INTERNAL_SERVER_ERROR, format!("The page cannot be made: {error}\n")),
    }
}

async fn synthesize(State(desk): State<Arc<Desk>>) -> Response<Body> {
    let asked = desk.reading(|desk| trigger::ask(&desk.places.trigger, Time::now())).await;
    let said = match asked {
        Ok(trigger::Asked::Now) => "A synthesis is asked for; /status tells what becomes of it.\n",
        Ok(trigger::Asked::Before) => {
            "A synthesis was asked for already and has not begun; /status tells since when.\n"
        }
        Err(why) => {
            tracing::warn!(%why, "a synthesis was asked for in vain");
            return text(StatusCode::SERVICE_UNAVAILABLE, format!("{why}\n"));
        }
    };
    let mut answer = text(StatusCode::ACCEPTED, said);
    answer.headers_mut().insert(header::LOCATION, HeaderValue::from_static(STATUS));
    answer
}

async fn raw(State(desk): State<Arc<Desk>>, Path(name): Path<String>, uri: Uri, headers: HeaderMap) -> Response<Body> {
    let Some(path) = desk.places.files.find(&name).map(std::path::Path::to_owned) else { return desk.no_such_file() };
    let wanted = match tail(&uri) {
        Err(why) => return text(StatusCode::BAD_REQUEST, why),
        Ok(Some(count)) => Wanted::Last(count),
        // Nothing here has a tag or a date, so that `If-Range` never holds.
        Ok(None) if headers.contains_key(header::RANGE) && !headers.contains_key(header::IF_RANGE) => {
            Wanted::Range(headers)
        }
        Ok(None) => Wanted::All,
    };
    match desk.reading(move |_| files::read(&name, &path, &wanted)).await {
        Ok(part) => partly(part),
        Err(Unread::Missing) => text(StatusCode::NOT_FOUND, "There is no such file now; the loop writes it.\n"),
        Err(Unread::Failed(why)) => text(StatusCode::SERVICE_UNAVAILABLE, format!("{why}\n")),
        Err(Unread::Beyond(length)) => {
            let mut answer = text(StatusCode::RANGE_NOT_SATISFIABLE, format!("The file has {length} bytes.\n"));
            insert(&mut answer, header::CONTENT_RANGE, &format!("bytes */{length}"));
            answer
        }
    }
}

/// The number of `?tail=N`.
fn tail(uri: &Uri) -> Result<Option<u64>, &'static str> {
    let mut parameters = uri.query().unwrap_or_default().split('&');
    let Some(value) = parameters.find_map(|parameter| parameter.strip_prefix("tail=")) else { return Ok(None) };
    let count = files::number(value).filter(|count| *count > 0);
    count.map(Some).ok_or("tail is a number of bytes, 1 or more: ?tail=65536\n")
}

fn partly(part: Part) -> Response<Body> {
    let Part { bytes, at, of, is_range } = part;
    let range = format!("bytes {}-{}/{of}", at.start, at.end.saturating_sub(1));
    let mut answer = text(if is_range { StatusCode::PARTIAL_CONTENT } else { StatusCode::OK }, bytes);
    answer.headers_mut().insert(header::ACCEPT_RANGES, HeaderValue::from_static("bytes"));
    match is_range {
        true => insert(&mut answer, header::CONTENT_RANGE, &range),
        false if at != (0..of) => insert(&mut answer, PART, &range),
        false => {}
    }
    answer
}

fn insert(answer: &mut Response<Body>, name: HeaderName, value: &str) {
    if let Ok(value) = HeaderValue::from_str(value) {
        answer.headers_mut().insert(name, value);
    }
}

fn text(status: StatusCode, text: impl Into<Body>) -> Response<Body> {
    let mut answer = Response::new(text.into());
    *answer.status_mut() = status;
    answer.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(TEXT));
    answer
}

impl Desk {
    fn report(&self) -> Report {
        self.places.report(self.counters.news(), Time::now())
    }

    /// What `read` gives, on a thread that may wait for the disk. One that hangs keeps its place among the readers, so
    /// that no request of the site is ever without a thread for want of these.
    async fn reading<T: Send + 'static>(self: &Arc<Self>, read: impl FnOnce(&Desk) -> T + Send + 'static) -> T {
        let (desk, readers) = (Arc::clone(self), Arc::clone(&self.readers));
        #[expect(
            clippy::expect_used,
            reason = "the semaphore is never closed, and a panic is the connection's to catch"
        )]
        let place = readers.acquire_owned().await.expect("a semaphore that is never closed");
        let reading = tokio::task::spawn_blocking(move || {
            let _place = place;
            read(&desk)
        });
        match reading.await {
            Ok(read) => read,
            Err(panicked) => std::panic::resume_unwind(panicked.into_panic()),
        }
    }

    fn no_such_file(&self) -> Response<Body> {
        let names = self.places.files.names().collect::<Vec<_>>().join("\n");
        text(StatusCode::NOT_FOUND, format!("There is no such file here. There are, under {RAW}:\n\n{names}\n"))
    }

    /// Counts a refused request, and tells of them now and then.
    fn note(&self, peer: Peer) {
        let refused = self.counters.debug_refused();
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        if told.is_none_or(|at| at.elapsed() >= TELL) {
            *told = Some(Instant::now());
            let new = refused - self.seen.swap(refused, Ordering::Relaxed);
            let last = peer.address.map_or("a Unix socket".to_owned(), |address| address.ip().to_string());
            tracing::warn!(refused = new, last, "refused requests for the debug surfaces");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_its_own_paths_come_here() {
        for path in ["/api/journey", "/status", "/synthesize", "/raw/", "/raw/state.json", "/raw/../a"] {
            assert!(is_of_debug(path), "{path}");
        }
        for path in
            ["/", "/raw", "/rawest/a", "/status/", "/status.html", "/api", "/api/journey/", "/%73tatus", "//status"]
        {
            assert!(!is_of_debug(path), "{path}");
        }
    }

    #[test]
    fn a_tail_is_a_number_of_bytes() {
        let of = |query: &str| tail(&format!("/raw/a?{query}").parse().unwrap());
        assert_eq!(
            (of("tail=10"), of("a=b&tail=7"), of("a=tail"), of("")),
            (Ok(Some(10)), Ok(Some(7)), Ok(None), Ok(None))
        );
        for query in ["tail=", "tail=0", "tail=-1", "tail=+1", "tail=1k", "tail=99999999999999999999"] {
            assert!(of(query).is_err(), "{query}");
        }
    }
}
