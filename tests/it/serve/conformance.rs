//! HTTP as the RFCs have it, asked of the real program over TCP.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Read;

use super::served::{Answer, Served};
use crate::release::gate::Words;
use crate::release::stage::{Site, Stage};

/// A page of 26 bytes, so that a range shows which bytes it has.
const LETTERS: &str = "abcdefghijklmnopqrstuvwxyz";

/// A site with something of everything.
fn site() -> Site {
    let long = "<!doctype html><p>words and words again</p>\n".repeat(400);
    let pages = [
        ("index.html", long.as_str()),
        ("404.html", "<!doctype html><h1>Nothing here</h1>\n"),
        ("letters.txt", LETTERS),
        ("empty.txt", ""),
        ("modules/index.html", "<!doctype html>modules\n"),
        ("modules/a+b,c=d@e~(f)[g].html", "<!doctype html>odd name\n"),
        ("feed.xml", "<feed xmlns=\"http://www.w3.org/2005/Atom\"/>\n"),
        ("site-data.json", "{}\n"),
        ("icon.svg", "<svg xmlns=\"http://www.w3.org/2000/svg\"/>\n"),
        ("unknown.xyz", "?\n"),
    ];
    pages.into_iter().map(|(path, text)| (path.to_owned(), text.to_owned())).collect()
}

async fn served() -> (Stage, Served) {
    let stage = Stage::new();
    stage.publish(&site(), &Words::new(1, &["secret"]));
    let served = Served::start(&stage, &[]).await;
    (stage, served)
}

#[tokio::test]
async fn every_listed_file_is_answered_as_it_is_and_nothing_else_is() {
    let (_stage, served) = served().await;
    let types: BTreeMap<&str, &str> = [
        ("index.html", "text/html; charset=utf-8"),
        ("letters.txt", "text/plain; charset=utf-8"),
        ("feed.xml", "application/atom+xml"),
        ("site-data.json", "application/json"),
        ("icon.svg", "image/svg+xml"),
        ("unknown.xyz", "application/octet-stream"),
    ]
    .into();
    for (path, text) in site() {
        let (get, head) = (served.get(&format!("/{path}")), served.ask("HEAD", &format!("/{path}"), &[]));
        assert_eq!((get.status, get.text()), (200, text), "{path}");
        assert_eq!((head.status, &head.body), (200, &Vec::new()), "{path}");
        let dated = |answer: &Answer| {
            answer.headers.iter().filter(|(name, _)| name != "date").cloned().collect::<BTreeSet<_>>()
        };
        assert_eq!(dated(&get), dated(&head), "{path}: HEAD tells what GET does");
        if let Some(kind) = types.get(path.as_str()) {
            assert_eq!(get.header("content-type"), *kind, "{path}");
        }
    }
    for path in ["/manifest.json", "/current", "/api/journey", "/raw/state.json", "/status", "/metrics", "/livez", "/x"]
    {
        let answer = served.get(path);
        assert_eq!((answer.status, answer.text()), (404, site()["404.html"].clone()), "{path}");
        assert_eq!(answer.header("etag"), "", "{path}");
    }
    assert_eq!(served.ask("POST", "/synthesize", &["Content-Length: 0"]).status, 405);
}

#[tokio::test]
async fn every_answer_carries_the_security_headers() {
    let (_stage, served) = served().await;
    let tag = served.get("/").header("etag").to_owned();
    let answers = [
        served.get("/"),
        served.get("/none"),
        served.get("/modules"),
        served.get("/%00"),
        served.ask("DELETE", "/", &[]),
        served.ask("GET", "/", &[&format!("If-None-Match: {tag}")]),
        served.ask("GET", "/letters.txt", &["Range: bytes=99-"]),
        served.ask("GET", "/", &["If-Match: \"other\""]),
    ];
    assert_eq!(answers.each_ref().map(|answer| answer.status), [200, 404, 301, 400, 405, 304, 416, 412]);
    for answer in answers {
        assert!(answer.header("content-security-policy").contains("default-src 'none'"), "{answer:?}");
        for (name, value) in [
            ("x-content-type-options", "nosniff"),
            ("referrer-policy", "no-referrer"),
            ("x-frame-options", "DENY"),
            ("cross-origin-opener-policy", "same-origin"),
            ("cross-origin-resource-policy", "same-origin"),
        ] {
            assert_eq!(answer.header(name), value, "{answer:?}");
        }
        assert_ne!(answer.header("permissions-policy"), "", "{answer:?}");
        assert_ne!(answer.header("date"), "", "{answer:?}");
    }
}

#[tokio::test]
async fn other_methods_are_told_which_there_are() {
    let (_stage, served) = served().await;
    for method in ["POST", "PUT", "DELETE", "OPTIONS", "PATCH", "TRACE", "PROPFIND", "get"] {
        let answer = served.ask(method, "/", &[]);
        assert_eq!((answer.status, answer.header("allow")), (405, "GET, HEAD"), "{method}");
    }
    let answer = Answer::parse(&served.raw(b"OPTIONS * HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"), "OPTIONS");
    assert_eq!(answer.status, 405);
    let body = served.raw(b"GET / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhello");
    assert!(body.starts_with(b"HTTP/1.1 4"), "{}", String::from_utf8_lossy(&body));
}

#[tokio::test]
async fn a_host_is_named_once_and_properly() {
    let (_stage, served) = served().await;
    let status = |request: &str| Answer::parse(&served.raw(request.as_bytes()), "GET").status;
    for (request, expected) in [
        ("GET / HTTP/1.1\r\nHost: a.example\r\nConnection: close\r\n\r\n", 200),
        ("GET / HTTP/1.1\r\nHost: a.example:8765\r\nConnection: close\r\n\r\n", 200),
        ("GET / HTTP/1.1\r\nHost: [::1]:8765\r\nConnection: close\r\n\r\n", 200),
        ("GET http://a.example/ HTTP/1.1\r\nHost: a.example\r\nConnection: close\r\n\r\n", 200),
        ("GET / HTTP/1.0\r\n\r\n", 200),
        ("GET / HTTP/1.1\r\nConnection: close\r\n\r\n", 400),
        ("GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\nConnection: close\r\n\r\n", 400),
        ("GET / HTTP/1.1\r\nHost: a b\r\nConnection: close\r\n\r\n", 400),
        ("GET / HTTP/1.1\r\nHost: a/b\r\nConnection: close\r\n\r\n", 400),
    ] {
        assert_eq!(status(request), expected, "{request:?}");
    }
}

#[tokio::test]
async fn a_directory_is_asked_for_with_its_slash_and_the_query_stays() {
    let (_stage, served) = served().await;
    for (target, location) in [
        ("/modules", "/modules/"),
        ("/modules?a=1&b=%2F%20", "/modules/?a=1&b=%2F%20"),
        ("/modules?", "/modules/?"),
        ("/%6dodules", "/modules/"),
    ] {
        let answer = served.get(target);
        assert_eq!((answer.status, answer.header("location")), (301, location), "{target}");
    }
    for target in ["//modules", "//evil.example/modules", "/modules//", "/modules/%2e%2e/modules", "/\\modules"] {
        let answer = served.get(target);
        assert!([400, 404].contains(&answer.status) && answer.header("location").is_empty(), "{target}: {answer:?}");
    }
    assert_eq!(served.get("/modules/?q=x").text(), site()["modules/index.html"]);
    assert_eq!(served.get("/modules/a%2Bb%2Cc%3Dd%40e%7E%28f%29%5Bg%5D.html").text(), "<!doctype html>odd name\n");
}

#[tokio::test]
async fn what_is_no_address_is_400_or_404() {
    let (_stage, served) = served().await;
    for target in ["/%00", "/a%00b", "/%ff", "/%c3", "/%", "/%zz", "/%0a", "/%c0%ae%c0%ae/", "/%e0%80%af", "/%7f"] {
        let answer = served.get(target);
        assert!([400, 404].contains(&answer.status), "{target}: {}", answer.status);
    }
    for raw in [
        &b"GET /\0 HTTP/1.1\r\nHost: x\r\n\r\n"[..],
        b"GET /\xff HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
        b"GET x HTTP/1.1\r\nHost: x\r\n\r\n",
        b"\r\n\r\n\r\nGET\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
    ] {
        let answer = served.raw(raw);
        assert!(answer.is_empty() || answer.starts_with(b"HTTP/1.1 4"), "{:?}", String::from_utf8_lossy(&answer));
    }
    let long = format!("/{}", "a".repeat(60_000));
    assert!(matches!(
        served.raw(format!("GET {long} HTTP/1.1\r\nHost: x\r\n\r\n").as_bytes()).get(..10),
        Some(b"HTTP/1.1 4") | None
    ));
}

#[tokio::test]
async fn conditions_are_judged_in_the_order_of_the_rfc() {
    let (_stage, served) = served().await;
    let plain = served.get("/letters.txt");
    let (tag, modified) = (plain.header("etag").to_owned(), plain.header("last-modified").to_owned());
    assert!(tag.starts_with('"') && tag.len() > 20 && modified.ends_with(" GMT"), "{plain:?}");
    let (past, future) = ("Sun, 06 Nov 1994 08:49:37 GMT", "Fri, 31 Dec 2100 23:59:59 GMT");
    for (headers, status) in [
        (vec![format!("If-None-Match: {tag}")], 304),
        (vec![format!("If-None-Match: W/{tag}")], 304),
        (vec![format!("If-None-Match: \"a\", {tag} , \"b\"")], 304),
        (vec!["If-None-Match: *".into()], 304),
        (vec!["If-None-Match: \"a\"".into()], 200),
        (vec![format!("If-Match: {tag}")], 200),
        (vec![format!("If-Match: W/{tag}")], 412),
        (vec!["If-Match: *".into()], 200),
        (vec!["If-Match: \"a\"".into()], 412),
        (vec!["If-Match: \"a\"".into(), format!("If-None-Match: {tag}")], 412),
        (vec![format!("If-Modified-Since: {modified}")], 304),
        (vec![format!("If-Modified-Since: {past}")], 200),
        (vec!["If-Modified-Since: yesterday".into()], 200),
        (vec![format!("If-Modified-Since: {future}"), "If-None-Match: \"a\"".into()], 200),
        (vec![format!("If-Unmodified-Since: {past}")], 412),
        (vec![format!("If-Unmodified-Since: {modified}")], 200),
        (vec![format!("If-Unmodified-Since: {past}"), format!("If-Match: {tag}")], 200),
    ] {
        let headers: Vec<&str> = headers.iter().map(String::as_str).collect();
        for method in ["GET", "HEAD"] {
            let answer = served.ask(method, "/letters.txt", &headers);
            assert_eq!(answer.status, status, "{method} {headers:?}");
            if status == 304 {
                assert_eq!(answer.header("etag"), tag);
                assert_eq!(answer.header("cache-control"), plain.header("cache-control"));
                assert_eq!(answer.header("content-type"), "");
            }
        }
    }
}

#[tokio::test]
async fn ranges_give_exactly_the_bytes_that_were_asked_for() {
    let (_stage, served) = served().await;
    let ask = |range: &str| served.ask("GET", "/letters.txt", &[&format!("Range: {range}")]);
    for (range, bytes, told) in [
        ("bytes=0-0", "a", "bytes 0-0/26"),
        ("bytes=2-4", "cde", "bytes 2-4/26"),
        ("bytes=23-", "xyz", "bytes 23-25/26"),
        ("bytes=-3", "xyz", "bytes 23-25/26"),
        ("bytes=20-99", "uvwxyz", "bytes 20-25/26"),
        ("bytes=-99", LETTERS, "bytes 0-25/26"),
    ] {
        let answer = ask(range);
        assert_eq!((answer.status, answer.text().as_str()), (206, bytes), "{range}");
        assert_eq!((answer.header("content-range"), answer.header("accept-ranges")), (told, "bytes"), "{range}");
    }
    for range in ["bytes=26-", "bytes=99-100", "bytes=-0"] {
        let answer = ask(range);
        assert_eq!((answer.status, answer.header("content-range")), (416, "bytes */26"), "{range}");
    }
    for range in ["letters=0-1", "bytes", "bytes=", "bytes=a-b", "bytes=5-2", "bytes=-", "bytes=0-1;x", "bytes=1"] {
        let answer = ask(range);
        assert_eq!((answer.status, answer.text().as_str()), (200, LETTERS), "{range}");
    }
    assert_eq!(served.ask("HEAD", "/letters.txt", &["Range: bytes=0-1"]).status, 200);
    assert_eq!(served.ask("GET", "/empty.txt", &["Range: bytes=0-0"]).status, 416);
    let tag = served.get("/letters.txt").header("etag").to_owned();
    for (if_range, status) in [(tag.as_str(), 206), ("\"other\"", 200), ("W/\"other\"", 200), ("nonsense", 200)] {
        let answer = served.ask("GET", "/letters.txt", &["Range: bytes=0-1", &format!("If-Range: {if_range}")]);
        assert_eq!(answer.status, status, "{if_range}");
    }
}

#[tokio::test]
async fn several_ranges_come_as_parts() {
    let (_stage, served) = served().await;
    let answer = served.ask("GET", "/letters.txt", &["Range: bytes=0-1, 5-5, -2"]);
    assert_eq!(answer.status, 206);
    let kind = answer.header("content-type");
    let boundary = kind.strip_prefix("multipart/byteranges; boundary=").unwrap_or_else(|| panic!("{kind}"));
    let text = answer.text();
    let parts: Vec<&str> = text.split(&format!("--{boundary}")).collect();
    assert_eq!((parts.len(), parts[4].trim_end()), (5, "--"));
    for (part, (range, bytes)) in parts[1..4].iter().zip([("0-1", "ab"), ("5-5", "f"), ("24-25", "yz")]) {
        let (head, body) = part.split_once("\r\n\r\n").unwrap();
        let head = head.to_lowercase();
        assert!(head.contains(&format!("content-range: bytes {range}/26")), "{head}");
        assert!(head.contains("content-type: text/plain; charset=utf-8"), "{head}");
        assert_eq!(body.trim_end_matches("\r\n"), bytes);
    }
    // So many ranges that the answer would be longer than the file are not asked for in earnest.
    let many: Vec<String> = (0..26).map(|at| format!("{at}-{at}")).chain(["0-".to_owned(), "0-".to_owned()]).collect();
    let answer = served.ask("GET", "/letters.txt", &[&format!("Range: bytes={}", many.join(","))]);
    assert!([200, 206, 416].contains(&answer.status) && answer.body.len() < 8192, "{answer:?}");
}

fn gunzip(bytes: &[u8]) -> Vec<u8> {
    let mut text = Vec::new();
    flate2::read::GzDecoder::new(bytes).read_to_end(&mut text).unwrap();
    text
}

#[tokio::test]
async fn the_coding_is_the_one_that_the_client_likes_best() {
    let (_stage, served) = served().await;
    let page = site()["index.html"].clone().into_bytes();
    let plain = served.get("/");
    assert_eq!((plain.body.as_slice(), plain.header("content-encoding")), (page.as_slice(), ""));
    assert!(plain.header("vary").eq_ignore_ascii_case("accept-encoding"));
    let mut tags = vec![plain.header("etag").to_owned()];
    for (accept, coding) in [
        ("gzip", "gzip"),
        ("br", "br"),
        ("zstd", "zstd"),
        ("gzip;q=0.5, zstd;q=0.4", "gzip"),
        ("br;q=0, gzip;q=0.1, *;q=0", "gzip"),
        ("identity", ""),
        ("gzip;q=0", ""),
        ("identity;q=0, zstd", "zstd"),
        ("compress, deflate", ""),
    ] {
        let answer = served.ask("GET", "/", &[&format!("Accept-Encoding: {accept}")]);
        assert_eq!((answer.status, answer.header("content-encoding")), (200, coding), "{accept}");
        assert_eq!(answer.header("content-type"), "text/html; charset=utf-8");
        let decoded = match coding {
            "gzip" => gunzip(&answer.body),
            "zstd" => zstd::stream::decode_all(answer.body.as_slice()).unwrap(),
            "br" => {
                let mut text = Vec::new();
                brotli::BrotliDecompress(&mut answer.body.as_slice(), &mut text).unwrap();
                text
            }
            _ => answer.body.clone(),
        };
        assert!(decoded == page, "{accept}");
        if !coding.is_empty() {
            assert!(answer.body.len() < page.len(), "{accept}");
            tags.push(answer.header("etag").to_owned());
        }
    }
    tags.sort();
    tags.dedup();
    assert_eq!(tags.len(), 4, "each form has its own tag");
    let best = served.ask("GET", "/", &["Accept-Encoding: gzip, deflate, br, zstd"]);
    let sizes = ["br", "zstd", "gzip"]
        .map(|coding| served.ask("GET", "/", &[&format!("Accept-Encoding: {coding}")]).body.len());
    assert_eq!(Some(&best.body.len()), sizes.iter().min(), "the smallest of those that are liked alike");
    // A range of a compressed form is a range of its bytes.
    let whole = served.ask("GET", "/", &["Accept-Encoding: gzip"]);
    let part = served.ask("GET", "/", &["Accept-Encoding: gzip", "Range: bytes=5-14"]);
    assert_eq!((part.status, part.body.as_slice()), (206, &whole.body[5..15]));
    let refused = served.ask("GET", "/letters.txt", &["Accept-Encoding: identity;q=0"]);
    assert_eq!(refused.status, 406);
    // Each form is a file of its own too.
    let own = served.get("/index.html.gz");
    assert_eq!((own.status, own.header("content-encoding"), gunzip(&own.body) == page), (200, "", true));
}

#[tokio::test]
async fn requests_follow_each_other_on_one_connection() {
    let (_stage, served) = served().await;
    let one = "GET /letters.txt HTTP/1.1\r\nHost: x\r\n\r\n";
    let last = "GET /letters.txt HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
    let answers = served.raw(format!("{one}{one}{last}").as_bytes());
    let text = String::from_utf8(answers).unwrap();
    assert_eq!((text.matches("HTTP/1.1 200 OK").count(), text.matches(LETTERS).count()), (3, 3));
}
