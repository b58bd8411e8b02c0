//! What the server answers with: one snapshot of every page, replaced as a whole.
//!
//! Invariant: a request sees pages of one instant. A page is rendered and compressed at most once per snapshot,
//! and only when somebody asks for it.

use std::io::Write;
use std::sync::{Arc, OnceLock, PoisonError, RwLock};

use axum::http::StatusCode;
use bytes::Bytes;

use super::counters::{Counters, Handler, RequestCount};

/// Of flate2's 0 to 9: above 4 a metrics page shrinks by 2 % more and takes twice the time.
const GZIP_LEVEL: u32 = 4;
/// The fastest of zstd's regular levels; its work space stays small.
const ZSTD_LEVEL: i32 = 1;

/// One page, and its compressed forms once somebody asked for them.
pub struct Page {
    render: Box<dyn Fn() -> Bytes + Send + Sync>,
    plain: OnceLock<Bytes>,
    gzip: OnceLock<Bytes>,
    zstd: OnceLock<Bytes>,
}

impl Page {
    /// A page that is rendered when it is first asked for. `render` must be quick (a few milliseconds): it runs on a
    /// thread that serves other requests too.
    pub fn lazy<B: Into<Bytes>>(render: impl Fn() -> B + Send + Sync + 'static) -> Self {
        Page {
            render: Box::new(move || render().into()),
            plain: OnceLock::new(),
            gzip: OnceLock::new(),
            zstd: OnceLock::new(),
        }
    }

    /// The page as it is.
    pub fn plain(&self) -> &Bytes {
        self.plain.get_or_init(|| (self.render)())
    }

    pub(super) fn gzip(&self) -> &Bytes {
        self.gzip.get_or_init(|| gzip(self.plain()).into())
    }

    pub(super) fn zstd(&self) -> &Bytes {
        self.zstd.get_or_init(|| zstd(self.plain()).into())
    }
}

impl<B: Into<Bytes>> From<B> for Page {
    /// A page that is there already.
    fn from(bytes: B) -> Self {
        let page = Page::lazy(Bytes::new);
        page.plain.get_or_init(|| bytes.into());
        page
    }
}

impl std::fmt::Debug for Page {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Page").field("bytes", &self.plain.get().map(Bytes::len)).finish_non_exhaustive()
    }
}

#[expect(clippy::expect_used, reason = "writing to a Vec cannot fail")]
fn gzip(bytes: &[u8]) -> Vec<u8> {
    let buffer = Vec::with_capacity(bytes.len() / 4);
    let mut encoder = flate2::write::GzEncoder::new(buffer, flate2::Compression::new(GZIP_LEVEL));
    encoder.write_all(bytes).and_then(|()| encoder.finish()).expect("a Vec takes any bytes")
}

#[expect(clippy::expect_used, reason = "zstd fails only where memory or the level is wrong")]
fn zstd(bytes: &[u8]) -> Vec<u8> {
    zstd::bulk::compress(bytes, ZSTD_LEVEL).expect("a level within zstd's range")
}

/// The answer of a health endpoint.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Probe {
    /// 200 where true, else 503.
    pub ok: bool,
    /// Why; the body of the answer.
    pub reason: String,
}

impl Probe {
    /// An answer of 200.
    pub fn ok(reason: impl Into<String>) -> Self {
        Probe { ok: true, reason: reason.into() }
    }

    /// An answer of 503.
    pub fn failed(reason: impl Into<String>) -> Self {
        Probe { ok: false, reason: reason.into() }
    }
}

/// Every page of one instant.
#[derive(Debug)]
pub struct Snapshot {
    /// The metrics page as Prometheus text 0.0.4.
    pub metrics: Page,
    /// The metrics page as OpenMetrics 1.0.0.
    pub openmetrics: Page,
    /// `/api/v1/state`, on one line.
    pub state: Page,
    /// `/api/v1/state?pretty`.
    pub state_pretty: Page,
    /// `/`, which refreshes itself.
    pub status: Page,
    /// `/?refresh=off`, which does not.
    pub status_paused: Page,
    /// `/livez`.
    pub live: Probe,
    /// `/startupz`.
    pub started: Probe,
    /// `/-/ready`.
    pub ready: Probe,
}

/// The latest snapshot, and the counters of requests.
#[derive(Debug)]
pub struct Pages {
    latest: RwLock<Arc<Snapshot>>,
    counters: Counters,
}

impl Pages {
    /// Serves `first` until the next snapshot is published.
    pub fn new(first: Snapshot) -> Self {
        Pages { latest: RwLock::new(Arc::new(first)), counters: Counters::default() }
    }

    /// Replaces the pages. Answers under way keep the old ones.
    pub fn publish(&self, snapshot: Snapshot) {
        let snapshot = Arc::new(snapshot);
        let old = std::mem::replace(&mut *self.latest.write().unwrap_or_else(PoisonError::into_inner), snapshot);
        // The lock is free by now; dropping a whole snapshot under it would hold up requests.
        drop(old);
    }

    /// The latest snapshot.
    pub fn latest(&self) -> Arc<Snapshot> {
        Arc::clone(&self.latest.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Requests answered since the start, by handler and status.
    pub fn requests(&self) -> Vec<RequestCount> {
        self.counters.read()
    }

    pub(super) fn count(&self, handler: Handler, status: StatusCode) {
        self.counters.add(handler, status);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicUsize, Ordering};

    #[test]
    fn a_page_is_rendered_once_and_only_when_asked_for() {
        let renders = Arc::new(AtomicUsize::new(0));
        let seen = Arc::clone(&renders);
        let page = Page::lazy(move || format!("render {}", seen.fetch_add(1, Ordering::Relaxed)));
        assert_eq!(renders.load(Ordering::Relaxed), 0);
        let coded = page.zstd();
        assert_eq!(page.plain(), "render 0");
        assert_eq!(zstd::bulk::decompress(coded, 100).unwrap(), b"render 0");
        assert_eq!(renders.load(Ordering::Relaxed), 1);
    }

    #[test]
    fn a_render_that_panics_is_tried_again() {
        let failing = Arc::new(AtomicUsize::new(0));
        let seen = Arc::clone(&failing);
        let page = Page::lazy(move || match seen.fetch_add(1, Ordering::Relaxed) {
            0 => panic!("the first render fails"),
            _ => "fine",
        });
        assert!(std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| page.plain().len())).is_err());
        assert_eq!(page.plain(), "fine");
    }
}
