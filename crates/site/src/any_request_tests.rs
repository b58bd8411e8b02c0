//! What holds of the answer to any request whatever.

use http::request::Parts;
use http::{HeaderMap, Method, Request, Uri, Version, header};
use proptest::prelude::*;

use crate::fixture::{answered, bytes_of, content, file, got, now, site};
use crate::range::MAX_RANGES;
use crate::validator::EntityTag;
use crate::{Policy, Site, answer};

const TEXT: &str = "The bytes of a page, of which parts are asked for.";

fn example() -> Site {
    site([
        ("index.html", file("front")),
        ("404.html", file("nothing")),
        ("a", file(TEXT).brotli("some brotli").zstd("some zstd").gzip("gz")),
        ("b/index.html", file("index of b").immutable()),
        ("empty", file("")),
    ])
}

/// The names that the answer looks at.
const NAMES: [&str; 9] = [
    "host",
    "accept-encoding",
    "range",
    "if-range",
    "if-match",
    "if-none-match",
    "if-modified-since",
    "if-unmodified-since",
    "content-length",
];

/// Values near those that mean something, and any others.
fn value() -> impl Strategy<Value = Vec<u8>> {
    let near = "(bytes=|W/|gzip|br|zstd|identity|q=|;|,|\\*|\"|-|[0-9]{1,3}|0\\.5|site\\.example|:80| |\
        Sun, 06 Nov 1994 08:49:37 GMT|GMT|\\[::1\\]){0,8}";
    let known = prop::sample::select(vec![
        "site.example".to_owned(),
        "bytes=2-5".to_owned(),
        "bytes=2-5,9-,-1".to_owned(),
        "bytes=99-".to_owned(),
        "br;q=0.5, gzip;q=0.1, *;q=0".to_owned(),
        "Sun, 06 Nov 1994 08:49:37 GMT".to_owned(),
        String::from_utf8(EntityTag::of(&content(TEXT)).as_bytes().to_vec()).unwrap(),
    ]);
    let any = prop::collection::vec(prop::num::u8::ANY, 0..30);
    prop_oneof![near.prop_map(String::into_bytes), known.prop_map(String::into_bytes), any]
}

fn target() -> impl Strategy<Value = String> {
    let near = "(/|a|b|index\\.html|empty|\\.\\.|%2[fFeE]|%5c|%00|%|%[0-9a-fA-F]{2}|\\?|é|//|\\\\|x){0,8}";
    let known = prop::sample::select(vec!["/", "/a", "/b", "/b/", "/empty", "/none", "http://site.example/a?q"]);
    prop_oneof![near.prop_map(|path| format!("/{path}")), near.prop_map(String::from), known.prop_map(String::from)]
}

/// Requests as a transport may hand them over; what it would not take for one is not made.
fn requests() -> impl Strategy<Value = Parts> {
    let method = prop::sample::select(vec!["GET", "GET", "GET", "HEAD", "POST", "OPTIONS", "CONNECT", "X"]);
    let version = prop::sample::select(vec![Version::HTTP_10, Version::HTTP_11, Version::HTTP_2]);
    let lines = prop::collection::vec((prop::sample::select(NAMES.to_vec()), value()), 0..6);
    let made = (method, version, target(), lines, prop::bool::weighted(0.8));
    made.prop_filter_map("no request", |(method, version, target, lines, has_host)| {
        let (mut request, ()) = Request::new(()).into_parts();
        request.method = method.parse::<Method>().ok()?;
        request.version = version;
        request.uri = target.parse::<Uri>().ok()?;
        for (name, value) in lines {
            request.headers.append(name, value.try_into().ok()?);
        }
        if has_host {
            request.headers.insert(header::HOST, "site.example".parse().ok()?);
        }
        Some(request)
    })
}

fn length(headers: &HeaderMap) -> Option<usize> {
    headers.get(header::CONTENT_LENGTH).map(|value| value.to_str().unwrap().parse().unwrap())
}

/// The parts of a multipart body, each with its headers.
fn parts<'a>(body: &'a [u8], media_type: &str) -> Vec<(String, &'a [u8])> {
    let boundary = media_type.strip_prefix("multipart/byteranges; boundary=").unwrap();
    let find = |text: &[u8], wanted: &str| text.windows(wanted.len()).position(|at| at == wanted.as_bytes());
    let mut rest = body.strip_prefix(format!("--{boundary}").as_bytes()).unwrap();
    let mut parts = Vec::new();
    while rest != b"--\r\n" {
        let blank = find(rest, "\r\n\r\n").unwrap();
        let end = find(rest, &format!("\r\n--{boundary}")).unwrap();
        parts.push((String::from_utf8(rest[2..blank].to_vec()).unwrap(), &rest[blank + 4..end]));
        rest = &rest[end + boundary.len() + 4..];
    }
    parts
}

/// Which slice of `whole` a `Content-Range` names.
fn named<'a>(content_range: &str, whole: &'a [u8]) -> &'a [u8] {
    let (range, length) = content_range.strip_prefix("bytes ").unwrap().split_once('/').unwrap();
    assert_eq!(length, whole.len().to_string());
    let (first, last) = range.split_once('-').unwrap();
    &whole[first.parse().unwrap()..=last.parse().unwrap()]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    /// No panic, no 5xx; what is said of the body is so; the policy stands on it.
    #[test]
    fn is_sound(request in requests()) {
        let policy = Policy::default();
        let answer = answer(&example(), &request, &policy, now());
        let status = answer.status().as_u16();
        prop_assert!([200, 206, 301, 304, 400, 404, 405, 406, 412, 416].contains(&status), "{status}");
        for name in policy.headers(0).keys() {
            prop_assert!(answer.headers().contains_key(name));
        }
        let headers = answer.headers().clone();
        let promised = answer.body().left();
        let body = bytes_of(answer.into_body());
        prop_assert_eq!(promised, body.len() as u64);
        prop_assert_eq!(length(&headers).is_none(), status == 304);
        if request.method != Method::HEAD && status != 304 {
            prop_assert_eq!(length(&headers), Some(body.len()));
        }
        if let Some(location) = headers.get(header::LOCATION) {
            prop_assert!(location.as_bytes().starts_with(b"/") && !location.as_bytes().starts_with(b"//"));
        }
    }

    /// HEAD tells what GET without `Range` would, and nothing else.
    #[test]
    fn head_is_get_without_a_body(mut request in requests()) {
        request.headers.remove(header::RANGE);
        request.method = Method::GET;
        let got = answered(&example(), &request);
        request.method = Method::HEAD;
        let told = answered(&example(), &request);
        prop_assert_eq!(told.status(), got.status());
        prop_assert_eq!(told.headers(), got.headers());
        prop_assert!(told.body().is_empty());
    }

    /// What is sent of a range are the bytes that are said to be sent, of the form whose tag stands there.
    #[test]
    fn a_part_is_the_slice_that_it_is_said_to_be(
        ranges in prop::collection::vec((0..60_usize, 0..20_usize), 1..MAX_RANGES.get()),
        accept in prop::sample::select(vec!["", "br", "zstd", "gzip"]),
    ) {
        let ranges: Vec<String> = ranges.iter().map(|(start, more)| format!("{start}-{}", start + more)).collect();
        let range = format!("bytes={}", ranges.join(","));
        let whole = got(&example(), "/a", &[("accept-encoding", accept)]);
        let answer = got(&example(), "/a", &[("accept-encoding", accept), ("range", &range)]);
        match answer.status().as_u16() {
            200 => prop_assert_eq!(answer.body(), whole.body()),
            416 => {}
            206 => {
                prop_assert_eq!(&answer.headers()[header::ETAG], &whole.headers()[header::ETAG]);
                if let Some(content_range) = answer.headers().get(header::CONTENT_RANGE) {
                    prop_assert_eq!(answer.body(), named(content_range.to_str().unwrap(), whole.body()));
                } else {
                    let media_type = answer.headers()[header::CONTENT_TYPE].to_str().unwrap();
                    let parts = parts(answer.body(), media_type);
                    prop_assert!(parts.len() > 1);
                    for (headers, bytes) in parts {
                        let content_range = headers.lines().find_map(|line| line.strip_prefix("Content-Range: "));
                        prop_assert_eq!(bytes, named(content_range.unwrap(), whole.body()));
                        prop_assert!(headers.starts_with("Content-Type: text/html; charset=utf-8"));
                        prop_assert_eq!(headers.contains("Content-Encoding: "), !accept.is_empty());
                    }
                }
            }
            status => prop_assert!(false, "{status}"),
        }
    }

    /// Tags differ exactly where bytes do, over files and codings.
    #[test]
    fn a_tag_tells_bytes_apart(one in "[ab]{0,3}", other in "[ab]{0,3}", coded in "[ab]{0,3}") {
        let site = site([("one", file(one)), ("other", file(other).gzip(coded))]);
        let answers = [
            got(&site, "/one", &[]),
            got(&site, "/other", &[("accept-encoding", "identity")]),
            got(&site, "/other", &[("accept-encoding", "gzip, identity;q=0")]),
        ];
        for one in &answers {
            for other in &answers {
                let tags = [one, other].map(|answer| &answer.headers()[header::ETAG]);
                prop_assert_eq!(one.body() == other.body(), tags[0] == tags[1]);
            }
        }
    }

    /// A client that has a file is told so by the tag that it was sent with it, and gets it anew when it has another.
    #[test]
    fn a_tag_that_was_sent_is_known_again(request in requests()) {
        let first = answered(&example(), &request);
        // About one in six; to make others of the rest would make all of them alike.
        if first.status() != 200 {
            return Ok(());
        }
        let mut again = request.clone();
        for name in [header::IF_NONE_MATCH, header::IF_MATCH, header::IF_UNMODIFIED_SINCE] {
            again.headers.remove(name);
        }
        again.headers.insert(header::IF_NONE_MATCH, first.headers()[header::ETAG].clone());
        prop_assert_eq!(answered(&example(), &again).status(), 304);
        again.headers.insert(header::IF_NONE_MATCH, "\"another\"".parse().unwrap());
        again.headers.remove(header::RANGE);
        prop_assert_eq!(answered(&example(), &again).status(), 200);
    }
}
