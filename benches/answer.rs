//! How long the site server takes to make an answer: everything between a request's head and the transport.

use std::collections::HashMap;
use std::hint::black_box;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use autoswe_exporter::journey::serve::{Coded, Content, Policy, Resource, Site, Volume, answer};
use bytes::Bytes;
use divan::Bencher;
use http::{HeaderMap, HeaderValue, Request, Uri, header};

fn main() {
    divan::main();
}

const FILE: &str = "/iterations/0042.html";
/// What Chromium sends.
const ACCEPTED: &str = "gzip, deflate, br, zstd";

fn since() -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(784_111_777)
}

/// A thousand pages of 1 kB in four codings each.
fn site() -> Site {
    let content = |of: usize, length| Content {
        bytes: Bytes::from(vec![b'x'; length]),
        sha256: std::array::from_fn(|index| (of >> (8 * (index % 2))) as u8),
    };
    let resource = |of| Resource {
        plain: content(of, 1024),
        coded: Some(Box::new(Coded {
            brotli: Some(content(of + 1, 300)),
            zstd: Some(content(of + 2, 320)),
            gzip: Some(content(of + 3, 340)),
        })),
        media_type: "text/html; charset=utf-8",
        is_immutable: false,
        shown_since: since(),
    };
    let mut files: HashMap<Box<str>, Resource> =
        (0..1000).map(|of| (format!("iterations/{of:04}.html").into(), resource(4 * of))).collect();
    files.insert("404.html".into(), resource(5000));
    files.insert("iterations/index.html".into(), resource(6000));
    let current = Arc::new(Volume { release: Some("0".repeat(64)), files });
    Site { current, ..Site::default() }
}

fn bench(bencher: Bencher<'_, '_>, target: &'static str, lines: &[(header::HeaderName, &str)], status: u16) {
    let (site, policy, now) = (site(), Policy::default(), since() + Duration::from_hours(24));
    let (mut request, ()) = Request::new(()).into_parts();
    request.uri = Uri::from_static(target);
    let host = (header::HOST, HeaderValue::from_static("site.example:8765"));
    let agent = (header::USER_AGENT, HeaderValue::from_static("wrk"));
    let lines = lines.iter().map(|(name, value)| (name.clone(), HeaderValue::from_str(value).unwrap()));
    request.headers = HeaderMap::from_iter([host, agent].into_iter().chain(lines));
    assert_eq!(answer(&site, &request, &policy, now).status(), status);
    // Each answer is dropped within its time, as a server does.
    bencher.bench_local(|| answer(black_box(&site), black_box(&request), &policy, black_box(now)).status());
}

/// 200, as a client without codings asks for it.
#[divan::bench(sample_size = 1000)]
fn whole(bencher: Bencher<'_, '_>) {
    bench(bencher, FILE, &[], 200);
}

/// 200, as a browser asks for it.
#[divan::bench(sample_size = 1000)]
fn whole_coded(bencher: Bencher<'_, '_>) {
    bench(bencher, FILE, &[(header::ACCEPT_ENCODING, ACCEPTED)], 200);
}

/// 200 for a directory's index.
#[divan::bench(sample_size = 1000)]
fn index(bencher: Bencher<'_, '_>) {
    bench(bencher, "/iterations/", &[(header::ACCEPT_ENCODING, ACCEPTED)], 200);
}

/// 304.
#[divan::bench(sample_size = 1000)]
fn not_modified(bencher: Bencher<'_, '_>) {
    let date = "Sun, 06 Nov 1994 08:49:37 GMT";
    let lines = [(header::ACCEPT_ENCODING, ACCEPTED), (header::IF_MODIFIED_SINCE, date)];
    bench(bencher, FILE, &lines, 304);
}

/// 206 of one range.
#[divan::bench(sample_size = 1000)]
fn range(bencher: Bencher<'_, '_>) {
    bench(bencher, FILE, &[(header::RANGE, "bytes=100-199")], 206);
}

/// 206 of three ranges.
#[divan::bench(sample_size = 1000)]
fn ranges(bencher: Bencher<'_, '_>) {
    bench(bencher, FILE, &[(header::RANGE, "bytes=100-199,300-399,-100")], 206);
}

/// 404 with the site's page.
#[divan::bench(sample_size = 1000)]
fn not_found(bencher: Bencher<'_, '_>) {
    bench(bencher, "/wp-login.php", &[(header::ACCEPT_ENCODING, ACCEPTED)], 404);
}
