//! This program's routes.
//!
//! Invariant: every answer is looked up in one snapshot, is never cached, and runs no script; a request cannot
//! choose what is read from anywhere but [`Pages`].

use std::borrow::Borrow;
use std::sync::Arc;
use std::time::{Duration, Instant};

use autoswe_transport::negotiate::{Coding, coding};
use axum::Router;
use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, Response, StatusCode, Uri, header};
use axum::routing::{MethodRouter, get};
use bytes::Bytes;

use super::counters::Handler;
use super::negotiate::{self, Format};
use super::pages::{Page, Pages, Probe};
use crate::metric::Samples;
use crate::sink::{openmetrics, prometheus};

const STATUS: &str = "/";
const STATE: &str = "/api/v1/state";
const LIVEZ: &str = "/livez";
const STARTUPZ: &str = "/startupz";
const HEALTHY: &str = "/-/healthy";
const READY: &str = "/-/ready";

/// The routes that the metrics page must leave alone.
pub const ROUTES: [&str; 6] = [STATUS, STATE, LIVEZ, STARTUPZ, HEALTHY, READY];

/// The routes for probes, which need no login: Kubernetes cannot send one.
pub const PROBES: [&str; 4] = [LIVEZ, STARTUPZ, HEALTHY, READY];

/// What decides about the form of a metrics page.
const METRICS_VARY: &str = "Accept, Accept-Encoding";
const TEXT: &str = "text/plain; charset=utf-8";
const HTML: &str = "text/html; charset=utf-8";
const JSON: &str = "application/json";

/// The page brings its style and its icon with it, and needs nothing else.
const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; \
    form-action 'none'; frame-ancestors 'none'";

/// How long before its scraper gives up an answer must be on its way.
const SCRAPE_OFFSET: Duration = Duration::from_millis(500);
const SCRAPE_TIMEOUT: &str = "x-prometheus-scrape-timeout-seconds";

/// The routes, with the metrics page at `telemetry_path`.
///
/// # Errors
/// When `telemetry_path` is not a plain path or is that of another page; the text says what to write instead.
pub fn router(pages: Arc<Pages>, telemetry_path: &str) -> Result<Router, String> {
    check_path(telemetry_path)?;
    let not_found = Bytes::from(not_found_page(telemetry_path));
    let router = Router::new()
        .route(telemetry_path, only_get(metrics))
        .route(STATUS, only_get(status))
        .route(STATE, only_get(state))
        .route(LIVEZ, only_get(livez))
        .route(STARTUPZ, only_get(startupz))
        .route(HEALTHY, only_get(healthy))
        .route(READY, only_get(ready))
        .fallback(move |State(pages): State<Arc<Pages>>| async move {
            counted(&pages, Handler::Other, answer(StatusCode::NOT_FOUND, HTML, not_found.clone()))
        })
        .with_state(pages);
    Ok(router)
}

/// A route for GET and HEAD; axum adds `Allow` to the answer for other methods.
fn only_get<H, T>(handler: H) -> MethodRouter<Arc<Pages>>
where
    H: axum::handler::Handler<T, Arc<Pages>>,
    T: 'static,
{
    get(handler).fallback(async |State(pages): State<Arc<Pages>>| {
        let text = "Only GET and HEAD are answered here.\n";
        counted(&pages, Handler::Other, answer(StatusCode::METHOD_NOT_ALLOWED, TEXT, text))
    })
}

fn check_path(path: &str) -> Result<(), String> {
    let plain = |c: char| c.is_ascii_alphanumeric() || "/-._~".contains(c);
    if !path.starts_with('/') || !path.chars().all(plain) {
        return Err(format!(
            "telemetry path {path:?}: expected a path such as /metrics, of letters, digits and -._~ after a /"
        ));
    }
    if ROUTES.contains(&path) {
        return Err(format!("telemetry path {path} is that of another page; choose one such as /metrics"));
    }
    Ok(())
}

async fn metrics(State(pages): State<Arc<Pages>>, headers: HeaderMap) -> Response<Body> {
    let due = scrape_deadline(&headers, Instant::now());
    let snapshot = pages.latest();
    let mut answer = metrics_answer(&headers, |format| match format {
        Format::Text => &snapshot.metrics,
        Format::OpenMetrics1 | Format::OpenMetrics0 => &snapshot.openmetrics,
    });
    if due.is_some_and(|due| Instant::now() > due) {
        answer = self::answer(StatusCode::SERVICE_UNAVAILABLE, TEXT, "The page was not ready in the scrape's time.\n");
        vary(&mut answer, METRICS_VARY);
    }
    counted(&pages, Handler::Metrics, answer)
}

/// A metrics page of `samples` alone, in the form and the coding that the client likes best.
pub(crate) fn metrics_page(headers: &HeaderMap, samples: &Samples) -> Response<Body> {
    metrics_answer(headers, |format| match format {
        Format::Text => Page::from(prometheus::render(samples)),
        Format::OpenMetrics1 | Format::OpenMetrics0 => Page::from(openmetrics::render(samples)),
    })
}

fn metrics_answer<P: Borrow<Page>>(headers: &HeaderMap, page: impl FnOnce(Format) -> P) -> Response<Body> {
    let format = negotiate::format(headers);
    let mut answer = negotiated(headers, page(format).borrow(), format.content_type());
    vary(&mut answer, METRICS_VARY);
    answer
}

/// When an answer that is begun at `now` is of no use any more; `None` where the scraper told no time-out.
fn scrape_deadline(headers: &HeaderMap, now: Instant) -> Option<Instant> {
    let seconds: f64 = headers.get(SCRAPE_TIMEOUT)?.to_str().ok()?.trim().parse().ok()?;
    let timeout = Duration::try_from_secs_f64(seconds).ok().filter(|timeout| !timeout.is_zero())?;
    now.checked_add(timeout - SCRAPE_OFFSET.min(timeout / 2))
}

async fn status(State(pages): State<Arc<Pages>>, uri: Uri, headers: HeaderMap) -> Response<Body> {
    let snapshot = pages.latest();
    let page = if asks(&uri, "refresh=off") { &snapshot.status_paused } else { &snapshot.status };
    encoded(&pages, Handler::Status, &headers, (page, HTML))
}

async fn state(State(pages): State<Arc<Pages>>, uri: Uri, headers: HeaderMap) -> Response<Body> {
    let snapshot = pages.latest();
    let page = if asks(&uri, "pretty") { &snapshot.state_pretty } else { &snapshot.state };
    encoded(&pages, Handler::State, &headers, (page, JSON))
}

async fn livez(State(pages): State<Arc<Pages>>) -> Response<Body> {
    probed(&pages, Handler::Livez, &pages.latest().live)
}

async fn startupz(State(pages): State<Arc<Pages>>) -> Response<Body> {
    probed(&pages, Handler::Startupz, &pages.latest().started)
}

async fn ready(State(pages): State<Arc<Pages>>) -> Response<Body> {
    probed(&pages, Handler::Ready, &pages.latest().ready)
}

async fn healthy(State(pages): State<Arc<Pages>>) -> Response<Body> {
    counted(&pages, Handler::Healthy, answer(StatusCode::OK, TEXT, "The exporter is up.\n"))
}

/// Whether the query holds `flag`, alone or with a value.
fn asks(uri: &Uri, flag: &str) -> bool {
    let mut parameters = uri.query().unwrap_or_default().split('&');
    parameters
        .any(|parameter| parameter.strip_prefix(flag).is_some_and(|rest| rest.is_empty() || rest.starts_with('=')))
}

fn probed(pages: &Pages, handler: Handler, probe: &Probe) -> Response<Body> {
    counted(pages, handler, probe_page(probe))
}

/// The answer of a health endpoint.
pub(crate) fn probe_page(probe: &Probe) -> Response<Body> {
    let status = if probe.ok { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    answer(status, TEXT, format!("{}\n", probe.reason))
}

/// 404 with what there is instead.
pub(crate) fn not_here(text: &'static str) -> Response<Body> {
    answer(StatusCode::NOT_FOUND, TEXT, text)
}

fn encoded(
    pages: &Pages,
    handler: Handler,
    headers: &HeaderMap,
    (page, kind): (&Page, &'static str),
) -> Response<Body> {
    let mut answer = negotiated(headers, page, kind);
    vary(&mut answer, "Accept-Encoding");
    counted(pages, handler, answer)
}

/// A page under one coding.
type Form = fn(&Page) -> &Bytes;
/// The codings of every page, the smallest first.
const FORMS: [(Coding, Form); 3] =
    [(Coding::Zstd, Page::zstd), (Coding::Gzip, Page::gzip), (Coding::Identity, Page::plain)];

/// `page` in the coding that the client likes best.
fn negotiated(headers: &HeaderMap, page: &Page, kind: &'static str) -> Response<Body> {
    match coding(headers, &FORMS) {
        Some((coding, form)) => {
            let mut answer = answer(StatusCode::OK, kind, form(page).clone());
            if coding != Coding::Identity {
                answer.headers_mut().insert(header::CONTENT_ENCODING, HeaderValue::from_static(coding.name()));
            }
            answer
        }
        None => answer(StatusCode::NOT_ACCEPTABLE, TEXT, "Accept zstd, gzip or identity as Accept-Encoding.\n"),
    }
}

fn answer(status: StatusCode, kind: &'static str, body: impl Into<Body>) -> Response<Body> {
    let mut answer = Response::new(body.into());
    *answer.status_mut() = status;
    let headers = answer.headers_mut();
    headers.reserve(8);
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    if kind == HTML {
        headers.insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY));
        headers.insert(header::REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    }
    answer
}

fn vary(answer: &mut Response<Body>, on: &'static str) {
    answer.headers_mut().insert(header::VARY, HeaderValue::from_static(on));
}

fn counted(pages: &Pages, handler: Handler, answer: Response<Body>) -> Response<Body> {
    pages.count(handler, answer.status());
    answer
}

/// `telemetry_path` is plain (see [`check_path`]), so nothing here needs escaping.
fn not_found_page(telemetry_path: &str) -> String {
    format!(
        "<!doctype html><html lang=en><meta charset=utf-8><title>Not found</title>\
         <meta name=viewport content=\"width=device-width\"><meta name=color-scheme content=\"light dark\">\
         <style>body{{font:1rem/1.6 system-ui,sans-serif;max-width:34rem;margin:12vh auto;padding:0 1rem}}</style>\
         <h1>Not found</h1><p>There is no such page here. There is the <a href=\"/\">status page</a>, \
         the <a href=\"{telemetry_path}\">metrics</a> and the <a href=\"{STATE}?pretty\">state as JSON</a>.</p></html>\n"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn deadline(text: &'static str) -> Option<f64> {
        let headers = HeaderMap::from_iter([(SCRAPE_TIMEOUT.parse().unwrap(), HeaderValue::from_static(text))]);
        let now = Instant::now();
        scrape_deadline(&headers, now).map(|due| (due - now).as_secs_f64())
    }

    #[test]
    fn the_scrapes_time_is_kept_with_a_margin() {
        assert_eq!(deadline("10"), Some(9.5));
        assert_eq!(deadline("10.0"), Some(9.5));
        assert_eq!(deadline("0.6"), Some(0.3));
        for nonsense in ["", "soon", "-1", "0", "NaN", "inf", "1e300"] {
            assert_eq!(deadline(nonsense), None, "{nonsense}");
        }
        assert_eq!(scrape_deadline(&HeaderMap::new(), Instant::now()), None);
    }

    #[test]
    fn a_telemetry_path_that_cannot_work_is_refused() {
        for path in ["metrics", "", "/", "/livez", "/{x}", "/*x", "/a b", "/m?x", "/é", "/\"><script>"] {
            assert!(check_path(path).is_err(), "{path}");
        }
        for path in ["/metrics", "/a/b", "/probe-1.0/_~"] {
            assert!(check_path(path).is_ok(), "{path}");
        }
    }

    #[test]
    fn flags_in_queries() {
        let asks = |query: &str, flag| asks(&format!("/x?{query}").parse().unwrap(), flag);
        assert!(asks("pretty", "pretty") && asks("a=1&pretty=true", "pretty") && asks("refresh=off", "refresh=off"));
        assert!(!asks("prettyprint", "pretty") && !asks("refresh=offline", "refresh=off") && !asks("", "pretty"));
    }
}
