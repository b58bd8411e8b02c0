//! What each kind of request comes to, as a whole.

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use http::{HeaderMap, Response, Version};

use crate::fixture::{answered, bytes_of, content, file, got, headers, now, request, since, site, volume};
use crate::range::MAX_RANGES;
use crate::validator::EntityTag;
use crate::{Policy, Site, answer};

const PAGE: &str = "<p>0123456789</p>";
const DATE: &str = "Sun, 06 Nov 1994 08:49:37 GMT";
const DAY_BEFORE: &str = "Sat, 05 Nov 1994 08:49:37 GMT";

/// One of each kind.
fn example() -> Site {
    let snapshot = volume([("index.html", file("index of a snapshot")), ("page.html", file("page of a snapshot"))]);
    let earlier = HashMap::from([("assets/old-1f2e.css".into(), file("old css").immutable().resource())]);
    Site { snapshots: BTreeMap::from([("before".into(), snapshot)]), earlier, ..current() }
}

fn current() -> Site {
    site([
        ("index.html", file("front")),
        ("404.html", file("nothing at all").gzip("n-gz")),
        ("a/page.html", file(PAGE).brotli("p-br").zstd("p-zstd").gzip("page-gzip")),
        ("a/page.html.gz", file("page-gzip").media_type("application/gzip")),
        ("a/index.html", file("index of a")),
        ("a b/é/index.html", file("index of é")),
        ("assets/site-1f2e.css", file("css").media_type("text/css; charset=utf-8").immutable()),
        ("empty.txt", file("").media_type("text/plain; charset=utf-8")),
        ("..%2f/x", file("odd name")),
        ("/evil.example/index.html", file("never listed")),
    ])
}

fn tag(bytes: &'static str) -> String {
    String::from_utf8(EntityTag::of(&content(bytes)).as_bytes().to_vec()).unwrap()
}

fn text<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    let mut all = headers.get_all(name).into_iter().map(|value| value.to_str().unwrap());
    all.next().inspect(|_| assert_eq!(all.next(), None, "{name} stands there twice"))
}

/// The headers that are not the policy's, sorted.
fn own(answer: &Response<Vec<u8>>) -> Vec<(&str, &str)> {
    let policy = Policy::default().headers(0);
    let mut own: Vec<_> = answer.headers().iter().filter(|(name, _)| !policy.contains_key(*name)).collect();
    own.sort_by_key(|(name, _)| name.as_str());
    own.into_iter().map(|(name, value)| (name.as_str(), value.to_str().unwrap())).collect()
}

fn body(answer: &Response<Vec<u8>>) -> &str {
    std::str::from_utf8(answer.body()).unwrap()
}

#[test]
fn a_page_is_sent_with_everything_that_is_known_of_it() {
    let answer = got(&example(), "/a/page.html", &[]);
    assert_eq!((answer.status().as_u16(), body(&answer)), (200, PAGE));
    assert_eq!(
        own(&answer),
        [
            ("accept-ranges", "bytes"),
            ("cache-control", "no-cache"),
            ("content-length", "17"),
            ("content-type", "text/html; charset=utf-8"),
            ("etag", &tag(PAGE)),
            ("last-modified", DATE),
            ("vary", "accept-encoding"),
        ]
    );
}

#[test]
fn each_coding_is_sent_under_its_own_name_and_tag() {
    for (accept, name, bytes) in [
        ("br", "br", "p-br"),
        ("zstd", "zstd", "p-zstd"),
        ("gzip", "gzip", "page-gzip"),
        ("br, zstd, gzip", "br", "p-br"),
    ] {
        let answer = got(&example(), "/a/page.html", &[("accept-encoding", accept)]);
        assert_eq!((answer.status().as_u16(), body(&answer)), (200, bytes));
        assert_eq!(
            own(&answer),
            [
                ("accept-ranges", "bytes"),
                ("cache-control", "no-cache"),
                ("content-encoding", name),
                ("content-length", &bytes.len().to_string()),
                ("content-type", "text/html; charset=utf-8"),
                ("etag", &tag(bytes)),
                ("last-modified", DATE),
                ("vary", "accept-encoding"),
            ]
        );
    }
}

#[test]
fn what_is_listed_can_be_asked_for_by_its_own_name() {
    let answer = got(&example(), "/a/page.html.gz", &[("accept-encoding", "gzip")]);
    assert_eq!((answer.status().as_u16(), body(&answer)), (200, "page-gzip"));
    assert_eq!(text(answer.headers(), "content-type"), Some("application/gzip"));
    for absent in ["content-encoding", "vary"] {
        assert_eq!(text(answer.headers(), absent), None);
    }
}

#[test]
fn a_file_without_codings_does_not_depend_on_what_is_accepted() {
    for accept in ["br, gzip", "", "*", "identity"] {
        let answer = got(&example(), "/", &[("accept-encoding", accept)]);
        assert_eq!((answer.status().as_u16(), body(&answer)), (200, "front"));
        assert_eq!((text(answer.headers(), "vary"), text(answer.headers(), "content-encoding")), (None, None));
    }
}

#[test]
fn who_accepts_no_form_is_told_which_there_are() {
    let answer = got(&example(), "/a/page.html", &[("accept-encoding", "deflate, identity;q=0")]);
    assert_eq!(answer.status(), 406);
    assert_eq!(body(&answer), "Accept one of these as Accept-Encoding: br, zstd, gzip, identity.\n");
    assert_eq!(text(answer.headers(), "vary"), Some("accept-encoding"));
    assert_eq!(text(answer.headers(), "etag"), None);
    let answer = got(&example(), "/", &[("accept-encoding", "*;q=0")]);
    assert_eq!((answer.status().as_u16(), body(&answer)), (406, "Accept one of these as Accept-Encoding: identity.\n"));
}

#[test]
fn what_never_changes_is_kept_for_a_year_and_the_rest_is_asked_for_anew() {
    let site = example();
    let caching = |target| text(got(&site, target, &[]).headers(), "cache-control").map(str::to_owned);
    assert_eq!(caching("/assets/site-1f2e.css").as_deref(), Some("public, max-age=31536000, immutable"));
    assert_eq!(caching("/a/page.html").as_deref(), Some("no-cache"));
    assert_eq!(caching("/a").as_deref(), Some("no-cache"));
    assert_eq!(caching("/none").as_deref(), Some("no-store"));
    assert_eq!(caching("/%00").as_deref(), Some("no-store"));
}

#[test]
fn only_get_and_head_are_answered() {
    for method in ["POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "PROPFIND", "BREW", "get", "M-SEARCH"] {
        for target in ["/", "/none", "/%00"] {
            let answer = answered(&example(), &request(method, target, &[]));
            assert_eq!(
                (answer.status().as_u16(), text(answer.headers(), "allow")),
                (405, Some("GET, HEAD")),
                "{method}"
            );
        }
    }
    for (method, target) in [("OPTIONS", "*"), ("CONNECT", "site.example:443")] {
        assert_eq!(answered(&example(), &request(method, target, &[])).status(), 405);
    }
    for target in ["*", "site.example:80"] {
        assert_eq!(answered(&example(), &request("GET", target, &[])).status(), 400, "{target}");
    }
}

#[test]
fn a_request_must_name_its_host() {
    let site = example();
    let mut unnamed = request("GET", "/", &[]);
    unnamed.headers.remove("host");
    assert_eq!(answered(&site, &unnamed).status(), 400);
    unnamed.version = Version::HTTP_10;
    assert_eq!(answered(&site, &unnamed).status(), 200);
    let mut twice = request("GET", "/", &[]);
    twice.headers.append("host", "site.example".parse().unwrap());
    assert_eq!(answered(&site, &twice).status(), 400);
    assert_eq!(body(&answered(&site, &request("GET", "http://other.example/", &[]))), "front");
    assert_eq!(body(&answered(&site, &request("GET", "http://other.example", &[]))), "front");
}

#[test]
fn addresses() {
    let site = example();
    for (target, status, shown) in [
        ("/", 200, "front"),
        ("/?x", 200, "front"),
        ("/?", 200, "front"),
        ("/?%00%zz", 200, "front"),
        ("/index.html", 200, "front"),
        ("/a/", 200, "index of a"),
        ("/a%2fpage.html", 200, PAGE),
        ("/%61/page%2Ehtml", 200, PAGE),
        ("/a%20b/%C3%A9/", 200, "index of é"),
        ("/a%20b/é/", 200, "index of é"),
        ("/..%252f/x", 200, "odd name"),
        ("/assets/old-1f2e.css", 200, "old css"),
        ("/snapshots/before/", 200, "index of a snapshot"),
        ("/snapshots/before/page.html", 200, "page of a snapshot"),
        ("/snapshots%2fbefore%2fpage.html", 200, "page of a snapshot"),
        ("/snapshots/before/../../index.html", 404, ""),
        ("/snapshots/before//index.html", 404, ""),
        ("/snapshots/../index.html", 404, ""),
        ("/snapshots/", 404, ""),
        ("/snapshots", 404, ""),
        ("/a%252fpage.html", 404, ""),
        ("/..%2f/x", 404, ""),
        ("/a/../index.html", 404, ""),
        ("/a/%2e%2e/index.html", 404, ""),
        ("/..%2findex.html", 404, ""),
        ("/%5c..%5cindex.html", 404, ""),
        ("/./index.html", 404, ""),
        ("//index.html", 404, ""),
        ("/a//page.html", 404, ""),
        ("/.git/config", 404, ""),
        ("/etc/passwd", 404, ""),
        ("/%2fetc%2fpasswd", 404, ""),
        ("/A/page.html", 404, ""),
        ("/index.html/", 404, ""),
        ("/index.html%20", 404, ""),
        ("/manifest.json", 404, ""),
        ("/%00", 400, ""),
        ("/index.html%00", 400, ""),
        ("/%0d%0aX:y", 400, ""),
        ("/%ff", 400, ""),
        ("/%c0%ae%c0%ae/", 400, ""),
        ("/%", 400, ""),
        ("/%zz", 400, ""),
    ] {
        let answer = got(&site, target, &[]);
        assert_eq!(answer.status(), status, "{target}");
        if status == 200 {
            assert_eq!(body(&answer), shown, "{target}");
        }
    }
    let long = format!("/{}", "a".repeat(60_000));
    assert_eq!(got(&site, &long, &[]).status(), 404);
}

#[test]
fn a_directory_is_redirected_to_its_slash_with_the_query() {
    let site = example();
    for (target, location) in [
        ("/a", "/a/"),
        ("/%61", "/a/"),
        ("/a?", "/a/?"),
        ("/a?x=%2F&y=//evil.example", "/a/?x=%2F&y=//evil.example"),
        ("/a%20b/é", "/a%20b/%C3%A9/"),
        ("/snapshots/before?x", "/snapshots/before/?x"),
        ("http://evil.example/a?q", "/a/?q"),
    ] {
        let answer = got(&site, target, &[("if-none-match", "*"), ("range", "bytes=0-0")]);
        assert_eq!((answer.status().as_u16(), body(&answer)), (301, ""), "{target}");
        assert_eq!(own(&answer), [("cache-control", "no-cache"), ("content-length", "0"), ("location", location)]);
    }
    // Not even a site that listed such a name would lead to another host.
    for target in ["//evil.example", "/%2fevil.example"] {
        let answer = got(&site, target, &[]);
        assert_eq!((answer.status().as_u16(), text(answer.headers(), "location")), (400, None), "{target}");
    }
}

#[test]
fn what_is_not_there_is_the_sites_own_page() {
    let conditions =
        [("if-none-match", "*"), ("if-match", "\"x\""), ("range", "bytes=0-1"), ("if-modified-since", DATE)];
    let answer = got(&example(), "/none", &conditions);
    assert_eq!((answer.status().as_u16(), body(&answer)), (404, "nothing at all"));
    assert_eq!(
        own(&answer),
        [
            ("cache-control", "no-store"),
            ("content-length", "14"),
            ("content-type", "text/html; charset=utf-8"),
            ("vary", "accept-encoding"),
        ]
    );
    let coded = got(&example(), "/none", &[("accept-encoding", "gzip")]);
    assert_eq!((coded.status().as_u16(), body(&coded)), (404, "n-gz"));
    assert_eq!(text(coded.headers(), "content-encoding"), Some("gzip"));
    let refused = got(&example(), "/none", &[("accept-encoding", "*;q=0")]);
    assert_eq!((refused.status().as_u16(), body(&refused)), (404, "nothing at all"));
    // By its own name it is a file like any other.
    let by_name = got(&example(), "/404.html", &[]);
    assert_eq!((by_name.status().as_u16(), text(by_name.headers(), "etag")), (200, Some(&*tag("nothing at all"))));
}

#[test]
fn without_a_page_for_it_a_line_says_that_there_is_nothing() {
    let bare = got(&site([("index.html", file("front"))]), "/none", &[]);
    assert_eq!((bare.status().as_u16(), body(&bare)), (404, "There is nothing here.\n"));
    let empty = got(&Site::default(), "/", &[]);
    assert_eq!((empty.status().as_u16(), body(&empty)), (404, "Nothing has been published here yet.\n"));
    assert_eq!(text(empty.headers(), "content-type"), Some("text/plain; charset=utf-8"));
}

#[test]
fn who_has_it_is_told_so_in_few_headers() {
    for condition in [("if-none-match", &*tag(PAGE)), ("if-none-match", "*"), ("if-modified-since", DATE)] {
        let answer = got(&example(), "/a/page.html", &[condition, ("range", "bytes=0-1")]);
        assert_eq!((answer.status().as_u16(), body(&answer)), (304, ""), "{condition:?}");
        assert_eq!(
            own(&answer),
            [("cache-control", "no-cache"), ("etag", &tag(PAGE)), ("last-modified", DATE), ("vary", "accept-encoding")]
        );
    }
    // What it has under another coding is not what it would be sent.
    let other = got(&example(), "/a/page.html", &[("if-none-match", &tag(PAGE)), ("accept-encoding", "br")]);
    assert_eq!((other.status().as_u16(), body(&other)), (200, "p-br"));
    let same = got(&example(), "/a/page.html", &[("if-none-match", &tag("p-br")), ("accept-encoding", "br")]);
    assert_eq!((same.status().as_u16(), text(same.headers(), "etag")), (304, Some(&*tag("p-br"))));
}

#[test]
fn who_means_another_file_is_told_so() {
    for condition in [("if-match", "\"other\""), ("if-unmodified-since", DAY_BEFORE)] {
        let answer = got(&example(), "/a/page.html", &[condition, ("range", "bytes=0-1")]);
        assert_eq!(answer.status(), 412, "{condition:?}");
        assert_eq!(body(&answer), "The file is not the one that the request's condition names.\n");
        assert_eq!(text(answer.headers(), "vary"), Some("accept-encoding"));
    }
}

#[test]
fn a_range_is_a_slice_of_the_form_that_was_chosen() {
    let answer = got(&example(), "/a/page.html", &[("range", "bytes=3-5")]);
    assert_eq!((answer.status().as_u16(), body(&answer)), (206, "012"));
    assert_eq!(
        own(&answer),
        [
            ("accept-ranges", "bytes"),
            ("cache-control", "no-cache"),
            ("content-length", "3"),
            ("content-range", "bytes 3-5/17"),
            ("content-type", "text/html; charset=utf-8"),
            ("etag", &tag(PAGE)),
            ("last-modified", DATE),
            ("vary", "accept-encoding"),
        ]
    );
    let coded = got(&example(), "/a/page.html", &[("range", "bytes=-2"), ("accept-encoding", "gzip")]);
    assert_eq!((coded.status().as_u16(), body(&coded)), (206, "ip"));
    for (name, value) in [("content-range", "bytes 7-8/9"), ("content-encoding", "gzip"), ("etag", &tag("page-gzip"))] {
        assert_eq!(text(coded.headers(), name), Some(value));
    }
}

#[test]
fn several_ranges_come_as_parts() {
    let lines = [("range", "bytes=0-1,-3"), ("accept-encoding", "gzip")];
    let answer = got(&example(), "/a/page.html", &lines);
    assert_eq!(answer.status(), 206);
    let media_type = text(answer.headers(), "content-type").unwrap();
    let boundary = media_type.strip_prefix("multipart/byteranges; boundary=").unwrap();
    let part = |range: &str, bytes: &str| {
        format!(
            "--{boundary}\r\nContent-Type: text/html; charset=utf-8\r\nContent-Encoding: gzip\r\n\
             Content-Range: bytes {range}/9\r\n\r\n{bytes}\r\n"
        )
    };
    assert_eq!(body(&answer), format!("{}{}--{boundary}--\r\n", part("0-1", "pa"), part("6-8", "zip")));
    assert_eq!(text(answer.headers(), "content-length"), Some(&*answer.body().len().to_string()));
    for absent in ["content-range", "content-encoding"] {
        assert_eq!(text(answer.headers(), absent), None);
    }
    assert_eq!(text(answer.headers(), "etag"), Some(&*tag("page-gzip")));
}

#[test]
fn what_the_file_does_not_have_is_not_sent() {
    for (range, accept, length) in [("bytes=17-", "", 17), ("bytes=-0", "", 17), ("bytes=9-", "gzip", 9)] {
        let answer = got(&example(), "/a/page.html", &[("range", range), ("accept-encoding", accept)]);
        assert_eq!((answer.status().as_u16(), body(&answer)), (416, "The file does not have these bytes.\n"));
        assert_eq!(text(answer.headers(), "content-range"), Some(&*format!("bytes */{length}")));
        assert_eq!(text(answer.headers(), "vary"), Some("accept-encoding"));
    }
    assert_eq!(got(&example(), "/empty.txt", &[("range", "bytes=0-")]).status(), 416);
    assert_eq!(got(&example(), "/empty.txt", &[("range", "bytes=-1")]).status(), 200);
}

#[test]
fn a_range_that_is_none_is_the_whole_file() {
    let many = format!("bytes={}", (0..=MAX_RANGES.get()).map(|_| "0-0").collect::<Vec<_>>().join(","));
    for range in ["items=0-1", "bytes=x", "bytes=5-2", "bytes=0-,0-,0-", &many] {
        let answer = got(&example(), "/a/page.html", &[("range", range)]);
        assert_eq!((answer.status().as_u16(), body(&answer)), (200, PAGE), "{range}");
    }
}

#[test]
fn a_range_is_sent_only_of_the_file_that_the_client_has_a_part_of() {
    let weak = format!("W/{}", tag(PAGE));
    for (validator, status) in [(&*tag(PAGE), 206), (&weak, 200), ("\"other\"", 200), (DATE, 206), (DAY_BEFORE, 200)] {
        let answer = got(&example(), "/a/page.html", &[("range", "bytes=3-5"), ("if-range", validator)]);
        assert_eq!(answer.status(), status, "{validator}");
        // A condition that does not hold lets nothing be said of ranges.
        let none = got(&example(), "/a/page.html", &[("range", "bytes=99-"), ("if-range", validator)]);
        assert_eq!(none.status(), if status == 206 { 416 } else { 200 }, "{validator}");
    }
    let without_range = got(&example(), "/a/page.html", &[("if-range", "\"other\"")]);
    assert_eq!((without_range.status().as_u16(), body(&without_range)), (200, PAGE));
}

#[test]
fn head_takes_no_notice_of_ranges() {
    let answer = answered(&example(), &request("HEAD", "/a/page.html", &[("range", "bytes=0-1"), ("if-range", DATE)]));
    assert_eq!((answer.status().as_u16(), body(&answer)), (200, ""));
    assert_eq!(text(answer.headers(), "content-length"), Some("17"));
    assert_eq!(text(answer.headers(), "accept-ranges"), Some("bytes"));
}

#[test]
fn every_answer_carries_the_policy() {
    let mut policy = Policy::default();
    policy.set("X-Extra", "yes").unwrap();
    let asked = [
        ("GET", "/", vec![], 200),
        ("HEAD", "/", vec![], 200),
        ("GET", "/", vec![("range", "bytes=0-1")], 206),
        ("GET", "/", vec![("range", "bytes=0-0,4-4")], 206),
        ("GET", "/a", vec![], 301),
        ("GET", "/", vec![("if-none-match", "*")], 304),
        ("GET", "/%00", vec![], 400),
        ("GET", "/none", vec![], 404),
        ("POST", "/", vec![], 405),
        ("GET", "/", vec![("accept-encoding", "*;q=0")], 406),
        ("GET", "/", vec![("if-match", "\"x\"")], 412),
        ("GET", "/", vec![("range", "bytes=9-")], 416),
    ];
    for (method, target, lines, status) in asked {
        let answer = answer(&example(), &request(method, target, &lines), &policy, now());
        assert_eq!(answer.status(), status);
        for (name, value) in &policy.headers(0) {
            assert_eq!(answer.headers().get(name), Some(value), "{name} of {status}");
        }
    }
}

#[test]
fn headers_are_put_in_place_once_without_growing() {
    let asked = [
        ("/a/page.html", vec![("accept-encoding", "br")]),
        ("/a/page.html", vec![("range", "bytes=0-1"), ("accept-encoding", "br")]),
        ("/a/page.html", vec![("range", "bytes=0-1,5-6"), ("accept-encoding", "*;q=0, zstd")]),
        ("/a/page.html", vec![("range", "bytes=99-")]),
        ("/none", vec![]),
    ];
    let policy = Policy::default();
    let room = policy.headers(super::answer::HEADERS).capacity();
    for (target, lines) in asked {
        let answer = answer(&example(), &request("GET", target, &lines), &policy, now());
        assert!(answer.headers().capacity() <= room, "{target} {lines:?}");
        assert!(answer.headers().len() < room, "{target} {lines:?}");
    }
}

#[test]
fn a_date_is_never_in_the_future_and_may_be_missing() {
    let late = site([("late", file("x").since(now() + Duration::from_hours(1)))]);
    let told = got(&late, "/late", &[]);
    assert_eq!(text(told.headers(), "last-modified"), Some("Mon, 07 Nov 1994 08:49:37 GMT"));
    let early = site([("early", file("x").since(std::time::UNIX_EPOCH - Duration::from_secs(1)))]);
    let untold = got(&early, "/early", &[("if-modified-since", DATE), ("if-unmodified-since", DAY_BEFORE)]);
    assert_eq!((untold.status().as_u16(), text(untold.headers(), "last-modified")), (200, None));
    let now = since() + Duration::from_millis(500);
    let asked = request("GET", "/a/page.html", &[("range", "bytes=0-1"), ("if-range", DATE)]);
    assert_eq!(answer(&example(), &asked, &Policy::default(), now).status(), 200);
}

#[test]
fn a_body_is_the_held_bytes_themselves() {
    let site = example();
    let held = &site.current.get("a/page.html").unwrap().plain.bytes;
    let asked = request("GET", "/a/page.html", &[("range", "bytes=3-5")]);
    let mut body = answer(&site, &asked, &Policy::default(), now()).into_body();
    assert_eq!(body.next().map(|slice| slice.as_ptr()), Some(held[3..].as_ptr()));
    assert!(bytes_of(body).is_empty());
}

#[test]
fn several_lines_of_accept_encoding_are_one() {
    let lines = headers(&[("accept-encoding", "gzip;q=0.5"), ("accept-encoding", "zstd")]);
    let mut asked = request("GET", "/a/page.html", &[]);
    asked.headers.extend(lines);
    assert_eq!(body(&answered(&example(), &asked)), "p-zstd");
}
