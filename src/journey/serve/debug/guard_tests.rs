use axum::http::Request;

use super::*;

const TEXT: &str = "0123456789abcdef";

fn token() -> Option<Token> {
    Token::of_variable("T", Some(TEXT)).unwrap()
}

fn loopback() -> Peer {
    Peer { address: Some("127.0.0.1:4711".parse().unwrap()), secure: false }
}

/// The head of a request, of lines such as `host: localhost`.
fn head(method: &str, uri: &str, headers: &[&str]) -> Parts {
    let mut request = Request::builder().method(method).uri(uri);
    for line in headers {
        let (name, value) = line.split_once(": ").unwrap();
        request = request.header(name, value);
    }
    request.body(()).unwrap().into_parts().0
}

#[test]
fn addresses_that_others_reach_need_a_token() {
    for bind in ["127.0.0.1", "127.8.9.1", "::1", "[::1]", "localhost", "::ffff:127.0.0.1"] {
        assert_eq!(check(bind, None), Ok(()), "{bind}");
    }
    for bind in ["0.0.0.0", "::", "[::]", "192.0.2.1", "fe80::1", "10.0.0.1", "::ffff:192.0.2.1", "", "nowhere.invalid"]
    {
        let refused = check(bind, None).unwrap_err();
        assert!(refused.contains("--bind 127.0.0.1") && refused.contains("debug_token_env"), "{bind}: {refused}");
        assert_eq!(check(bind, token().as_ref()), Ok(()), "{bind}");
    }
    let passed = ["127.0.0.1:1".parse().unwrap(), "0.0.0.0:1".parse().unwrap()];
    assert!(check_addresses(&passed[..1], None).is_ok() && check_addresses(&[], None).is_ok());
    assert!(check_addresses(&passed, None).unwrap_err().starts_with("others can reach 0.0.0.0"));
    assert!(check_addresses(&passed, token().as_ref()).is_ok());
}

#[test]
fn a_token_is_long_and_fits_into_a_header() {
    let of = |value: Option<&str>| Token::of_variable("MY_TOKEN", value).map(|token| token.is_some());
    assert_eq!((of(None), of(Some("")), of(Some(TEXT))), (Ok(false), Ok(false), Ok(true)));
    for refused in ["short", "0123456789abcde", "0123456789 abcdef", "0123456789abcdef\n", "0123456789abcd\u{e9}"] {
        let why = of(Some(refused)).unwrap_err();
        assert!(why.contains("MY_TOKEN") && !why.contains(refused), "{why}");
    }
    assert_eq!(format!("{:?}", token()), "Some(Token)");
}

#[test]
fn the_token_itself_opens_and_nothing_else() {
    let said = |headers: &[&str]| {
        refusal(&head("GET", "/status", headers), Peer { address: None, secure: false }, token().as_ref())
    };
    for right in ["Bearer 0123456789abcdef", "bearer 0123456789abcdef", "BEARER  0123456789abcdef"] {
        assert_eq!(said(&[&format!("authorization: {right}")]), None, "{right}");
    }
    for wrong in [
        "Bearer 0123456789abcdeg",
        "Bearer 0123456789abcde",
        "Bearer 0123456789abcdef0",
        "Bearer 0123456789ABCDEF",
        "Bearer ",
        "Bearer",
        "0123456789abcdef",
        "Basic 0123456789abcdef",
        "Basic MDEyMzQ1Njc4OWFiY2RlZg==",
        "\u{1f916}",
    ] {
        assert_eq!(said(&[&format!("authorization: {wrong}")]), Some(Refusal::OtherToken), "{wrong}");
    }
    let twice = ["authorization: Bearer 0123456789abcdef", "authorization: Bearer 0123456789abcdef"];
    assert_eq!(said(&twice), Some(Refusal::OtherToken));
    assert_eq!(said(&["cookie: token=0123456789abcdef"]), Some(Refusal::NoToken));
    assert_eq!(
        refusal(&head("GET", "/status?token=0123456789abcdef", &[]), loopback(), token().as_ref()),
        Some(Refusal::NoToken)
    );
}

#[test]
fn refusals_tell_how_to_ask() {
    let answer = |refusal: Refusal| {
        let answer = refusal.answer();
        let challenge = answer.headers().get(header::WWW_AUTHENTICATE).map(|value| value.to_str().unwrap().to_owned());
        (answer.status().as_u16(), challenge.unwrap_or_default())
    };
    assert_eq!(answer(Refusal::NoToken), (401, "Bearer realm=\"autoswe-journey\"".into()));
    assert_eq!(answer(Refusal::OtherToken), (401, "Bearer realm=\"autoswe-journey\", error=\"invalid_token\"".into()));
    assert_eq!(answer(Refusal::Foreign("no")), (403, String::new()));
}

#[test]
fn without_a_token_only_this_machine_is_answered() {
    let foreign = |uri: &str, headers: &[&str], peer: Peer| {
        matches!(refusal(&head("GET", uri, headers), peer, None), Some(Refusal::Foreign(_)))
    };
    for host in ["localhost", "LOCALHOST:8765", "127.0.0.1:8765", "[::1]:8765", "[::1]", "127.1.2.3", "a.localhost"] {
        assert!(!foreign("/status", &[&format!("host: {host}")], loopback()), "{host}");
        assert!(!foreign(&format!("http://{host}/status"), &[], loopback()), "{host} as HTTP/2 has it");
    }
    for host in
        ["example.org", "localhost.example.org", "127.0.0.1.example.org", "192.0.2.1", "[::2]", "0.0.0.0", "a b", ""]
    {
        assert!(foreign("/status", &[&format!("host: {host}")], loopback()), "{host}");
    }
    assert!(foreign("/status", &[], loopback()), "no host at all");
    assert!(foreign("/status", &["host: localhost", "host: example.org"], loopback()));
    assert!(foreign("http://example.org/status", &["host: localhost"], loopback()));
    for peer in [None, Some("192.0.2.1:1"), Some("[fe80::1]:1")] {
        let peer = Peer { address: peer.map(|peer| peer.parse().unwrap()), secure: false };
        assert!(foreign("/status", &["host: localhost"], peer), "{peer:?}");
    }
    let mapped = Peer { address: Some("[::ffff:127.0.0.1]:1".parse().unwrap()), secure: true };
    assert!(!foreign("/status", &["host: localhost"], mapped));
    for header in ["x-forwarded-for: 192.0.2.1", "forwarded: for=192.0.2.1", "x-real-ip: 192.0.2.1", "via: 1.1 proxy"] {
        assert!(foreign("/status", &["host: localhost", header], loopback()), "{header}");
    }
}

#[test]
fn pages_of_other_sites_change_nothing() {
    let passes = |method: &str, headers: &[&str]| {
        let headers: Vec<&str> = headers.iter().copied().chain(["host: localhost:8765"]).collect();
        refusal(&head(method, "/synthesize", &headers), loopback(), None).is_none()
    };
    assert!(passes("POST", &[]), "a program that is no browser");
    assert!(passes("POST", &["sec-fetch-site: same-origin", "origin: http://localhost:8765"]));
    assert!(passes("POST", &["sec-fetch-site: none"]), "typed by a person");
    assert!(passes("POST", &["origin: http://LOCALHOST:8765"]), "a browser that tells no more");
    for site in ["cross-site", "same-site", "", "same-origin, cross-site"] {
        assert!(!passes("POST", &[&format!("sec-fetch-site: {site}"), "origin: http://localhost:8765"]), "{site}");
    }
    for origin in
        ["null", "http://example.org", "http://localhost", "http://localhost:3000", "localhost:8765", "file://"]
    {
        assert!(!passes("POST", &[&format!("origin: {origin}")]), "{origin}");
        assert!(passes("GET", &[&format!("origin: {origin}")]), "reading is the browser's to keep apart");
    }
    let shown = ["authorization: Bearer 0123456789abcdef", "host: example.org", "origin: http://other.example.org"];
    assert!(refusal(&head("POST", "/synthesize", &shown), loopback(), token().as_ref()).is_some());
    assert!(refusal(&head("POST", "/synthesize", &shown[..2]), loopback(), token().as_ref()).is_none());
}
