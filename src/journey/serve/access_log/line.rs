//! One line of the access log, in either form.
//!
//! Invariant: whatever a request says, its line is one line of printable ASCII, at most `LONGEST` bytes long, and every
//! part of it stays within its quotes. A query, a referrer's path, a password and a cookie are never in it.

use std::io::Write;
use std::time::{Duration, SystemTime};

use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, Method, Request, Uri, Version, header};

use crate::observation::Time;
use crate::web::Peer;

/// No line is longer, bytes: what a request says of itself may take 2,400 of them.
#[cfg(test)]
pub(super) const LONGEST: usize = 4096;
/// Most of a line that each of these may take once it is escaped, bytes; three dots stand for the rest.
const METHOD: usize = 32;
const PROTOCOL: usize = 8;
const PATH: usize = 2000;
const REFERRER: usize = 100;
const AGENT: usize = 300;

/// How lines are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// The Common Log Format, with UTC times.
    Common,
    /// One JSON object a line.
    Json,
}

/// What a request's line needs of it.
#[derive(Debug)]
pub(crate) struct Asked {
    /// Its first line; `None` where the request could not be read.
    first: Option<(Method, Uri, Version)>,
    peer: Peer,
    referrer: Option<HeaderValue>,
    agent: Option<HeaderValue>,
}

/// What became of a request.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Answered {
    /// When the answer was there.
    pub(crate) at: SystemTime,
    pub(crate) status: u16,
    /// Length of the answer's body; `None` where it is not known before it is sent.
    pub(crate) bytes: Option<u64>,
    /// How long it took to make the answer; `None` for one that was not made for the request.
    pub(crate) took: Option<Duration>,
}

impl Asked {
    /// What is kept of `request` until it is answered.
    pub(crate) fn of<B>(request: &Request<B>, peer: Peer) -> Self {
        let first = (request.method().clone(), request.uri().clone(), request.version());
        Self::with(Some(first), Some(request.headers()), peer)
    }

    /// What is known of a request that was refused.
    pub(crate) fn at_most(head: Option<&Parts>, peer: Peer) -> Self {
        let first = head.map(|head| (head.method.clone(), head.uri.clone(), head.version));
        Self::with(first, head.map(|head| &head.headers), peer)
    }

    fn with(first: Option<(Method, Uri, Version)>, headers: Option<&HeaderMap>, peer: Peer) -> Self {
        let text = |name| headers.and_then(|headers| headers.get(name)).cloned();
        Asked { first, peer, referrer: text(header::REFERER), agent: text(header::USER_AGENT) }
    }
}

fn path(uri: &Uri) -> &[u8] {
    match uri.path() {
        // `CONNECT` names a host, which is no path.
        "" => b"-",
        path => path.as_bytes(),
    }
}

const fn protocol(version: Version) -> &'static str {
    match version {
        Version::HTTP_09 => "HTTP/0.9",
        Version::HTTP_10 => "HTTP/1.0",
        Version::HTTP_2 => "HTTP/2.0",
        Version::HTTP_3 => "HTTP/3.0",
        _ => "HTTP/1.1",
    }
}

/// Writes lines, one after the other.
#[derive(Debug)]
pub(super) struct Scribe {
    line: Vec<u8>,
    /// The second that `clock` tells, since 1970.
    second: u64,
    clock: String,
}

impl Scribe {
    pub(super) const fn new() -> Self {
        Scribe { line: Vec::new(), second: u64::MAX, clock: String::new() }
    }

    /// The line of a request, with its end.
    pub(super) fn line(&mut self, form: Form, asked: &Asked, answered: &Answered) -> &[u8] {
        self.line.clear();
        let since = answered.at.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        if since.as_secs() != self.second {
            self.second = since.as_secs();
            self.clock = clock(form, self.second);
        }
        match form {
            Form::Common => self.common(asked, answered),
            Form::Json => self.json(asked, answered, since.subsec_millis()),
        }
        self.line.push(b'\n');
        &self.line
    }

    fn common(&mut self, asked: &Asked, answered: &Answered) {
        let line = &mut self.line;
        peer(line, asked.peer, b"-");
        line.extend_from_slice(b" - - [");
        line.extend_from_slice(self.clock.as_bytes());
        line.extend_from_slice(b"] \"");
        match &asked.first {
            Some((method, uri, version)) => {
                put(line, method.as_str().as_bytes(), METHOD, hexadecimal);
                line.push(b' ');
                put(line, path(uri), PATH, hexadecimal);
                line.push(b' ');
                line.extend_from_slice(protocol(*version).as_bytes());
            }
            None => line.push(b'-'),
        }
        line.extend_from_slice(b"\" ");
        number(line, u64::from(answered.status));
        line.push(b' ');
        match answered.bytes {
            Some(bytes) => number(line, bytes),
            None => line.push(b'-'),
        }
    }

    fn json(&mut self, asked: &Asked, answered: &Answered, milliseconds: u32) {
        self.json_known(asked, answered, milliseconds);
        let line = &mut self.line;
        if let Some(host) = asked.referrer.as_ref().and_then(host) {
            text(line, ",\"referrer\":\"", host.as_bytes(), REFERRER);
            line.push(b'"');
        }
        if let Some(agent) = &asked.agent {
            text(line, ",\"agent\":\"", agent.as_bytes(), AGENT);
            line.push(b'"');
        }
        line.push(b'}');
    }

    /// The object up to what a request need not say.
    fn json_known(&mut self, asked: &Asked, answered: &Answered, milliseconds: u32) {
        let line = &mut self.line;
        line.extend_from_slice(b"{\"time\":\"");
        line.extend_from_slice(self.clock.as_bytes());
        digits(line, b'.', milliseconds, 3);
        line.extend_from_slice(b"Z\",\"peer\":\"");
        peer(line, asked.peer, b"unix");
        match &asked.first {
            Some((method, uri, _)) => {
                text(line, "\",\"method\":\"", method.as_str().as_bytes(), METHOD);
                text(line, "\",\"path\":\"", path(uri), PATH);
                line.push(b'"');
            }
            None => line.extend_from_slice(b"\",\"method\":null,\"path\":null"),
        }
        line.extend_from_slice(b",\"status\":");
        number(line, u64::from(answered.status));
        line.extend_from_slice(b",\"bytes\":");
        match answered.bytes {
            Some(bytes) => number(line, bytes),
            None => line.extend_from_slice(b"null"),
        }
        line.extend_from_slice(b",\"seconds\":");
        match answered.took {
            Some(took) => {
                number(line, took.as_secs());
                digits(line, b'.', took.subsec_micros(), 6);
            }
            None => line.extend_from_slice(b"null"),
        }
        match &asked.first {
            Some((.., version)) => {
                text(line, ",\"protocol\":\"", protocol(*version).as_bytes(), PROTOCOL);
                line.push(b'"');
            }
            None => line.extend_from_slice(b",\"protocol\":null"),
        }
        line.extend_from_slice(if asked.peer.secure { b",\"tls\":true" } else { b",\"tls\":false" });
    }
}

fn clock(form: Form, second: u64) -> String {
    let time = i64::try_from(second).ok().and_then(|second| Time::from_second(second).ok()).unwrap_or_default();
    let format = match form {
        Form::Common => "%d/%b/%Y:%H:%M:%S +0000",
        Form::Json => "%Y-%m-%dT%H:%M:%S",
    };
    time.strftime(format).to_string()
}

/// The host of a page that linked here. Where in it the link stood is its visitors' own affair.
fn host(referrer: &HeaderValue) -> Option<String> {
    let uri = Uri::try_from(referrer.as_bytes()).ok()?;
    uri.host().map(str::to_owned)
}

fn peer(line: &mut Vec<u8>, peer: Peer, none: &[u8]) {
    match peer.address {
        // A Vec takes any bytes.
        Some(address) => drop(write!(line, "{}", address.ip().to_canonical())),
        None => line.extend_from_slice(none),
    }
}

fn number(line: &mut Vec<u8>, number: u64) {
    drop(write!(line, "{number}"));
}

/// `before`, and `number` in so many digits.
fn digits(line: &mut Vec<u8>, before: u8, number: u32, digits: usize) {
    line.push(before);
    drop(write!(line, "{number:0digits$}"));
}

/// `name`, which ends in a quote, and the content of a JSON string.
fn text(line: &mut Vec<u8>, name: &str, bytes: &[u8], most: usize) {
    line.extend_from_slice(name.as_bytes());
    put(line, bytes, most, unicode);
}

/// Adds what stands at the start of bytes, which is not plain, as plain bytes. How many bytes that was.
type Escape = fn(&mut Vec<u8>, &[u8]) -> usize;

/// Adds `bytes`, of which `escape` writes what is not plain. They take no more than `most` bytes and a few.
fn put(line: &mut Vec<u8>, bytes: &[u8], most: usize, escape: Escape) {
    let end = line.len() + most;
    let mut rest = bytes;
    while !rest.is_empty() {
        let room = end.saturating_sub(line.len());
        if room == 0 {
            line.extend_from_slice(b"...");
            return;
        }
        let plain = rest.iter().position(|byte| !is_plain(*byte)).unwrap_or(rest.len()).min(room);
        line.extend_from_slice(&rest[..plain]);
        rest = &rest[plain..];
        if rest.first().is_some_and(|byte| !is_plain(*byte)) {
            rest = &rest[escape(line, rest)..];
        }
    }
}

/// Printable ASCII without what ends a quoted text or begins an escape.
const fn is_plain(byte: u8) -> bool {
    matches!(byte, b' '..=b'~') && byte != b'"' && byte != b'\\'
}

/// `\xHH`, as many web servers write it.
fn hexadecimal(line: &mut Vec<u8>, rest: &[u8]) -> usize {
    drop(write!(line, "\\x{:02X}", rest[0]));
    1
}

/// `\uHHHH`, as JSON has it.
fn unicode(line: &mut Vec<u8>, rest: &[u8]) -> usize {
    let (character, length) = first(rest);
    for unit in character.encode_utf16(&mut [0; 2]) {
        drop(write!(line, "\\u{unit:04x}"));
    }
    length
}

/// The character at the start of `bytes`, and its length; what is no UTF-8 is the replacement character.
fn first(bytes: &[u8]) -> (char, usize) {
    // No character is longer than 4 bytes.
    let chunk = bytes[..bytes.len().min(4)].utf8_chunks().next();
    let Some(chunk) = chunk else { return (char::REPLACEMENT_CHARACTER, 1) };
    match chunk.valid().chars().next() {
        Some(character) => (character, character.len_utf8()),
        None => (char::REPLACEMENT_CHARACTER, chunk.invalid().len().max(1)),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn peer(address: Option<&str>) -> Peer {
        Peer { address: address.map(|address| address.parse().unwrap()), secure: false }
    }

    fn asked(method: &str, uri: &str) -> Asked {
        let request = Request::builder().method(method).uri(uri).body(()).unwrap();
        Asked::of(&request, peer(Some("[::ffff:192.0.2.7]:4711")))
    }

    fn line(form: Form, asked: &Asked) -> String {
        let at = SystemTime::UNIX_EPOCH + Duration::from_millis(1_795_348_861_042);
        let answered = Answered { at, status: 200, bytes: Some(5321), took: Some(Duration::from_micros(123)) };
        String::from_utf8(Scribe::new().line(form, asked, &answered).to_vec()).unwrap()
    }

    #[test]
    fn the_common_form_is_the_one_that_web_servers_write() {
        assert_eq!(
            line(Form::Common, &asked("GET", "/a/b.html")),
            "192.0.2.7 - - [22/Nov/2026:12:01:01 +0000] \"GET /a/b.html HTTP/1.1\" 200 5321\n"
        );
        let first = Some((Method::HEAD, Uri::from_static("/"), Version::HTTP_2));
        let unix = Asked { first, peer: peer(None), referrer: None, agent: None };
        let answered = Answered { at: SystemTime::UNIX_EPOCH, status: 304, bytes: None, took: None };
        let line = String::from_utf8(Scribe::new().line(Form::Common, &unix, &answered).to_vec()).unwrap();
        assert_eq!(line, "- - - [01/Jan/1970:00:00:00 +0000] \"HEAD / HTTP/2.0\" 304 -\n");
    }

    #[test]
    fn the_json_form_has_what_is_useful_and_harmless() {
        let mut asked = asked("GET", "/a");
        asked.referrer = Some("https://user:word@example.org/private?token=abc".parse().unwrap());
        asked.agent = Some(HeaderValue::from_bytes("a \"\u{fc}\u{1f916}\\ b".as_bytes()).unwrap());
        assert_eq!(
            line(Form::Json, &asked),
            "{\"time\":\"2026-11-22T12:01:01.042Z\",\"peer\":\"192.0.2.7\",\"method\":\"GET\",\"path\":\"/a\",\
             \"status\":200,\"bytes\":5321,\"seconds\":0.000123,\"protocol\":\"HTTP/1.1\",\"tls\":false,\
             \"referrer\":\"example.org\",\"agent\":\"a \\u0022\\u00fc\\ud83e\\udd16\\u005c b\"}\n"
        );
    }

    #[test]
    fn a_request_that_could_not_be_read_is_told_without_what_it_said() {
        let unread = Asked::at_most(None, peer(Some("192.0.2.7:4711")));
        let answered = Answered { at: SystemTime::UNIX_EPOCH, status: 400, bytes: Some(0), took: None };
        let line = |form| String::from_utf8(Scribe::new().line(form, &unread, &answered).to_vec()).unwrap();
        assert_eq!(line(Form::Common), "192.0.2.7 - - [01/Jan/1970:00:00:00 +0000] \"-\" 400 0\n");
        assert_eq!(
            line(Form::Json),
            "{\"time\":\"1970-01-01T00:00:00.000Z\",\"peer\":\"192.0.2.7\",\"method\":null,\"path\":null,\
             \"status\":400,\"bytes\":0,\"seconds\":null,\"protocol\":null,\"tls\":false}\n"
        );
    }

    #[test]
    fn the_same_second_is_told_alike_and_the_next_one_anew() {
        let mut scribe = Scribe::new();
        let mut at = |seconds| {
            let at = SystemTime::UNIX_EPOCH + Duration::from_secs(seconds);
            let answered = Answered { at, status: 200, bytes: Some(0), took: None };
            String::from_utf8(scribe.line(Form::Common, &asked("GET", "/"), &answered).to_vec()).unwrap()
        };
        let (first, same, next) = (at(59), at(59), at(60));
        assert_eq!(first, same);
        assert!(first.contains(":00:00:59 ") && next.contains(":00:01:00 "), "{first}{next}");
    }

    #[test]
    fn no_secret_of_a_request_is_told() {
        for (method, uri) in [
            ("GET", "/a?token=s3cret"),
            ("GET", "/a?s3cret"),
            ("GET", "http://user:s3cret@example.org/a?s3cret=1"),
            ("CONNECT", "s3cret.example.org:443"),
        ] {
            let request = Request::builder().method(method).uri(uri).header("referer", "https://s3cret@a.b/s3cret");
            let request = request.header("authorization", "Bearer s3cret").header("cookie", "s3cret").body(()).unwrap();
            for form in [Form::Common, Form::Json] {
                let line = line(form, &Asked::of(&request, peer(None)));
                assert!(!line.contains("s3cret") && !line.contains("user"), "{line}");
            }
        }
    }

    #[test]
    fn what_is_long_is_cut_and_its_line_stays_whole() {
        let path = format!("/{}", "\u{fc}".repeat(7000));
        let mut asked = asked("GET", "/");
        asked.first = Some((Method::GET, Uri::try_from(path.as_bytes()).unwrap(), Version::HTTP_11));
        asked.agent = Some(HeaderValue::from_bytes(&[b'"'; 9000]).unwrap());
        for form in [Form::Common, Form::Json] {
            let line = line(form, &asked);
            assert!(line.len() <= LONGEST && line.contains("..."), "{}", line.len());
        }
        serde_json::from_str::<serde_json::Value>(&line(Form::Json, &asked)).unwrap();
    }

    /// The quoted texts of a line of the common form, read as its readers do.
    fn quoted(line: &str) -> usize {
        let unescaped = line.replace("\\x22", "").replace("\\x5C", "");
        assert!(!unescaped.replace("\\x", "").contains('\\'), "{line}");
        unescaped.matches('"').count()
    }

    proptest! {
        #[test]
        fn no_request_can_forge_a_line(
            path in proptest::collection::vec(any::<u8>(), 0..300),
            agent in proptest::collection::vec(any::<u8>(), 0..300),
            referrer in "(https?://)?[ -~]{0,80}",
        ) {
            let mut asked = asked("GET", "/");
            let path = [b"/".as_slice(), &path].concat();
            // What the HTTP library would not have let through is of no interest here; it is not what protects us.
            asked.first = Some((Method::GET, Uri::try_from(path).unwrap_or_default(), Version::HTTP_11));
            asked.agent = HeaderValue::from_bytes(&agent).ok();
            asked.referrer = HeaderValue::from_str(&referrer).ok();
            for form in [Form::Common, Form::Json] {
                let line = line(form, &asked);
                let (text, end) = line.split_at(line.len() - 1);
                prop_assert_eq!(end, "\n");
                prop_assert!(text.bytes().all(|byte| (b' '..=b'~').contains(&byte)), "{}", text);
                prop_assert!(line.len() <= LONGEST);
            }
            prop_assert_eq!(quoted(&line(Form::Common, &asked)), 2);
            let object: serde_json::Value = serde_json::from_str(&line(Form::Json, &asked)).unwrap();
            prop_assert_eq!(object["status"].as_u64(), Some(200));
            prop_assert_eq!(object["agent"].is_null(), asked.agent.is_none());
        }

        #[test]
        fn any_bytes_stay_within_their_quotes(bytes in proptest::collection::vec(any::<u8>(), 0..500), most in 1_usize..300) {
            for escape in [hexadecimal as Escape, unicode] {
                let mut line = vec![b'"'];
                put(&mut line, &bytes, most, escape);
                prop_assert!(line.len() <= 1 + most + 15, "{}", line.len());
                prop_assert!(line.iter().all(|byte| (b' '..=b'~').contains(byte)));
                prop_assert_eq!(line.iter().filter(|byte| **byte == b'"').count(), 1);
            }
            let mut text = vec![b'"'];
            put(&mut text, &bytes, usize::MAX >> 1, unicode);
            text.push(b'"');
            let read: String = serde_json::from_slice(&text).unwrap();
            prop_assert_eq!(read, String::from_utf8_lossy(&bytes));
        }
    }
}
