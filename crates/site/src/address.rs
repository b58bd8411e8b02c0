//! What a request is directed at: its path, decoded, and the host that it names.
//!
//! Invariant: a path is decoded exactly once and then only compared, never taken apart or resolved. What an address is
//! redirected to starts with one slash and a name, so that it leads to no other host.

use std::borrow::Cow;
use std::net::Ipv6Addr;

use bytes::Bytes;
use http::request::Parts;
use http::uri::Authority;
use http::{HeaderMap, HeaderValue, Version, header};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};

/// What may stand in a path as it is: a slash, and `pchar` of RFC 3986, 3.3.
const ENCODED_IN_PATH: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'/')
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~')
    .remove(b'!')
    .remove(b'$')
    .remove(b'&')
    .remove(b'\'')
    .remove(b'(')
    .remove(b')')
    .remove(b'*')
    .remove(b'+')
    .remove(b',')
    .remove(b';')
    .remove(b'=')
    .remove(b':')
    .remove(b'@');

/// `path` decoded; nothing where it is no path, holds a broken escape or a control character, or is not UTF-8.
pub(crate) fn decoded(path: &str) -> Option<Cow<'_, str>> {
    if !path.starts_with('/') {
        return None;
    }
    if path.bytes().all(|byte| (b' '..=b'~').contains(&byte) && byte != b'%') {
        return Some(Cow::Borrowed(path));
    }
    // `percent_decode_str` would leave a broken escape as it stands.
    let mut escapes = path.split('%').skip(1);
    if !escapes.all(|rest| matches!(rest.as_bytes(), [a, b, ..] if a.is_ascii_hexdigit() && b.is_ascii_hexdigit())) {
        return None;
    }
    let decoded = percent_decode_str(path).decode_utf8().ok()?;
    (!decoded.contains(char::is_control)).then_some(decoded)
}

/// Where a directory is that was asked for as `path` (decoded) without its slash: a `Location` with the query as it came.
/// Nothing where that cannot be said, or where `path` starts with two slashes: it would name another host.
pub(crate) fn with_slash(path: &str, query: Option<&str>) -> Option<HeaderValue> {
    if path.starts_with("//") {
        return None;
    }
    let mut location: String = utf8_percent_encode(path, ENCODED_IN_PATH).collect();
    location.push('/');
    if let Some(query) = query {
        location.push('?');
        location.push_str(query);
    }
    HeaderValue::from_maybe_shared(Bytes::from(location)).ok()
}

/// Whether the request names its host as its version demands (RFC 9112, 3.2; RFC 9113, 8.3.1). Which host that is
/// does not matter: all of them are this one.
pub(crate) fn names_a_host(head: &Parts) -> bool {
    let target = head.uri.authority().map(Authority::as_str);
    if target.is_some_and(|target| !is_host(target.as_bytes())) {
        return false;
    }
    let Ok(named) = host_header(&head.headers) else { return false };
    match (head.version, named, target) {
        (Version::HTTP_09 | Version::HTTP_10, _, _) => true,
        (Version::HTTP_11, named, _) => named.is_some(),
        (_, Some(named), Some(target)) => same_host(named, target.as_bytes()),
        (_, named, target) => named.is_some() || target.is_some(),
    }
}

/// The one valid `Host` header, if there is one; an error where there are two, or an invalid one.
fn host_header(headers: &HeaderMap) -> Result<Option<&[u8]>, ()> {
    let mut all = headers.get_all(header::HOST).into_iter();
    match (all.next().map(HeaderValue::as_bytes), all.next()) {
        (None, _) => Ok(None),
        (Some(host), None) if is_host(host) => Ok(Some(host)),
        _ => Err(()),
    }
}

/// `uri-host [ ":" port ]` of RFC 9110, 7.2, with a host that is not empty (4.2.1).
fn is_host(text: &[u8]) -> bool {
    let (host, port) = split_port(text);
    port.is_none_or(|port| port.iter().all(u8::is_ascii_digit)) && (is_address(host) || is_name(host))
}

/// The host, and what stands behind a colon after it.
fn split_port(text: &[u8]) -> (&[u8], Option<&[u8]>) {
    let start = if text.first() == Some(&b'[') { text.iter().position(|byte| *byte == b']').unwrap_or(0) } else { 0 };
    match text[start..].iter().position(|byte| *byte == b':') {
        Some(colon) => (&text[..start + colon], Some(&text[start + colon + 1..])),
        None => (text, None),
    }
}

/// `IP-literal` of RFC 3986, 3.2.2. The form for versions to come is not taken: there is none, and nothing here has it.
fn is_address(host: &[u8]) -> bool {
    let inner = host.strip_prefix(b"[").and_then(|rest| rest.strip_suffix(b"]"));
    inner.and_then(|inner| std::str::from_utf8(inner).ok()).is_some_and(|inner| inner.parse::<Ipv6Addr>().is_ok())
}

/// `reg-name` of RFC 3986, 3.2.2, of which an address of version 4 is one; not empty.
fn is_name(host: &[u8]) -> bool {
    let mut rest = host;
    while let Some((byte, following)) = rest.split_first() {
        rest = match (byte, following) {
            (b'%', [a, b, following @ ..]) if a.is_ascii_hexdigit() && b.is_ascii_hexdigit() => following,
            (byte, following) if byte.is_ascii_alphanumeric() || b"-._~!$&'()*+,;=".contains(byte) => following,
            _ => return false,
        };
    }
    !host.is_empty()
}

/// Whether both name one host. A default port is as good as none.
fn same_host(one: &[u8], other: &[u8]) -> bool {
    let plain = |text| match split_port(text) {
        (host, Some(b"" | b"80" | b"443")) => (host, None),
        whole => whole,
    };
    let ((one, one_port), (other, other_port)) = (plain(one), plain(other));
    one.eq_ignore_ascii_case(other) && one_port == other_port
}

#[cfg(test)]
mod tests {
    use http::Request;

    use super::*;

    #[test]
    fn a_path_is_decoded_exactly_once() {
        for (path, is) in [
            ("/", Some("/")),
            ("/a/b.html", Some("/a/b.html")),
            ("/a%20b", Some("/a b")),
            ("/%61%2E%2e%2F%5c", Some("/a../\\")),
            ("/%2561", Some("/%61")),
            ("/%C3%A9", Some("/é")),
            ("/é", Some("/é")),
            ("/%E2%80%AE", Some("/\u{202e}")),
            ("//x/../y//", Some("//x/../y//")),
            ("/a+b", Some("/a+b")),
            ("/%25", Some("/%")),
            ("/%", None),
            ("/%4", None),
            ("/%4/", None),
            ("/%zz", None),
            ("/%u0041", None),
            ("/%+1", None),
            ("/%%41", None),
            ("/%é1", None),
            ("/%00", None),
            ("/%0a", None),
            ("/%0D%0ASet-Cookie:x", None),
            ("/%1b[2J", None),
            ("/%7F", None),
            ("/\u{7f}", None),
            ("/%C2%85", None),
            ("/%ff", None),
            ("/%C3", None),
            ("/%C0%AF", None),
            ("/%ED%A0%80", None),
            ("", None),
            ("*", None),
            ("a", None),
            ("%2F", None),
        ] {
            assert_eq!(decoded(path).as_deref(), is, "{path}");
        }
    }

    #[test]
    fn a_redirect_keeps_the_query_and_leads_to_no_other_host() {
        let to =
            |path, query| with_slash(path, query).map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned());
        for (path, query, location) in [
            ("/a", None, Some("/a/")),
            ("/a/b", Some("x=1&y=%2F?"), Some("/a/b/?x=1&y=%2F?")),
            ("/a", Some(""), Some("/a/?")),
            ("/a", Some("é"), Some("/a/?é")),
            ("/a b\"<>?#%é", None, Some("/a%20b%22%3C%3E%3F%23%25%C3%A9/")),
            ("/a-._~!$&'()*+,;=:@", None, Some("/a-._~!$&'()*+,;=:@/")),
            ("/\\evil.example", None, Some("/%5Cevil.example/")),
            ("//evil.example", None, None),
            ("///evil.example", None, None),
            ("/a", Some("\u{7f}"), None),
        ] {
            assert_eq!(to(path, query).as_deref(), location, "{path}");
        }
    }

    #[test]
    fn what_a_redirect_names_is_the_directory() {
        for path in ["/a", "/a b", "/é/%/?#", "/\\", "/100%25"] {
            let location = with_slash(path, None).unwrap();
            assert_eq!(decoded(location.to_str().unwrap()).unwrap(), format!("{path}/"));
        }
    }

    #[test]
    fn hosts() {
        for host in [
            "a",
            "site.example",
            "site.example:80",
            "site.example:",
            "127.0.0.1:8765",
            "[::1]",
            "[::1]:8765",
            "A_b~!$&'()*+,;=",
            "%41.example",
            "[2001:db8::1.2.3.4]",
            "localhost.",
        ] {
            assert!(is_host(host.as_bytes()), "{host}");
        }
        for host in [
            "",
            ":80",
            " a",
            "a b",
            "a,b",
            "user@a",
            "a/b",
            "a:80:80",
            "a:x",
            "a:-1",
            "::1",
            "[::1",
            "::1]",
            "[]",
            "[::1]x",
            "[::1]:x",
            "[fe80::1%25lo]",
            "a?",
            "a#",
            "a\\b",
            "<a>",
            "%4",
            "%zz",
            "[v1.x]",
            "é",
        ] {
            // A comma may stand in a name by the grammar.
            assert_eq!(is_host(host.as_bytes()), host == "a,b", "{host}");
        }
    }

    fn request(version: Version, target: &str, hosts: &[&str]) -> Parts {
        let mut request = Request::builder().version(version).uri(target);
        for host in hosts {
            request = request.header(header::HOST, *host);
        }
        request.body(()).unwrap().into_parts().0
    }

    #[test]
    fn a_request_names_one_host() {
        const ABSOLUTE: &str = "http://site.example/a";
        for (version, target, hosts, good) in [
            (Version::HTTP_11, "/", &["a"][..], true),
            (Version::HTTP_11, "/", &[], false),
            (Version::HTTP_11, "/", &["a", "a"], false),
            (Version::HTTP_11, "/", &["a", "b"], false),
            (Version::HTTP_11, "/", &[""], false),
            (Version::HTTP_11, "/", &["a b"], false),
            (Version::HTTP_11, ABSOLUTE, &["site.example"], true),
            // RFC 9112, 3.2.2: the target counts, and Host is ignored.
            (Version::HTTP_11, ABSOLUTE, &["other.example"], true),
            (Version::HTTP_11, ABSOLUTE, &[], false),
            (Version::HTTP_11, ABSOLUTE, &["a b"], false),
            (Version::HTTP_11, "http://user@site.example/", &["site.example"], false),
            (Version::HTTP_10, "/", &[], true),
            (Version::HTTP_10, "/", &["a"], true),
            (Version::HTTP_10, "/", &["a", "b"], false),
            (Version::HTTP_10, "/", &["a b"], false),
            (Version::HTTP_10, ABSOLUTE, &[], true),
            (Version::HTTP_2, ABSOLUTE, &[], true),
            (Version::HTTP_2, ABSOLUTE, &["SITE.example:80"], true),
            (Version::HTTP_2, ABSOLUTE, &["other.example"], false),
            (Version::HTTP_2, ABSOLUTE, &["site.example:8080"], false),
            (Version::HTTP_2, ABSOLUTE, &["site.example", "site.example"], false),
            (Version::HTTP_2, "/", &["site.example"], true),
            (Version::HTTP_2, "/", &[], false),
        ] {
            assert_eq!(names_a_host(&request(version, target, hosts)), good, "{version:?} {target} {hosts:?}");
        }
    }
}
