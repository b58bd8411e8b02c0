//! Answers that are not a file: short texts that say what and the mend.
//!
//! Invariant: nothing of a request is shown in them, and no cache keeps them.

use std::borrow::Cow;

use autoswe_transport::Payload;
use bytes::Bytes;
use http::header::{self, HeaderValue};
use http::{Response, StatusCode};

use crate::headers::Policy;

/// Why a request is not answered with what it asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// It names no host, or several.
    Host,
    /// Its address is broken.
    Address,
    /// It is neither GET nor HEAD.
    Method,
    /// There is nothing, and the release has no page that says so.
    NotFound,
    /// There was never a release.
    NothingYet,
    /// The client accepts none of these codings.
    Coding(String),
    /// The file is not the one that the client means.
    Condition,
    /// The file does not have the bytes that are asked for.
    Range,
}

const TEXT: HeaderValue = HeaderValue::from_static("text/plain; charset=utf-8");
/// What is wrong now may be right with the next release.
pub(crate) const NOT_KEPT: HeaderValue = HeaderValue::from_static("no-store");

impl Refusal {
    fn status(&self) -> StatusCode {
        match self {
            Refusal::Host | Refusal::Address => StatusCode::BAD_REQUEST,
            Refusal::Method => StatusCode::METHOD_NOT_ALLOWED,
            Refusal::NotFound | Refusal::NothingYet => StatusCode::NOT_FOUND,
            Refusal::Coding(_) => StatusCode::NOT_ACCEPTABLE,
            Refusal::Condition => StatusCode::PRECONDITION_FAILED,
            Refusal::Range => StatusCode::RANGE_NOT_SATISFIABLE,
        }
    }

    fn text(&self) -> Cow<'static, str> {
        Cow::Borrowed(match self {
            Refusal::Host => "The request must name its host, once.\n",
            Refusal::Address => "The address is broken: expected a path in UTF-8, with % only before two digits.\n",
            Refusal::Method => "Only GET and HEAD are answered here.\n",
            Refusal::NotFound => "There is nothing here.\n",
            Refusal::NothingYet => "Nothing has been published here yet.\n",
            Refusal::Coding(names) => return format!("Accept one of these as Accept-Encoding: {names}.\n").into(),
            Refusal::Condition => "The file is not the one that the request's condition names.\n",
            Refusal::Range => "The file does not have these bytes.\n",
        })
    }

    /// The answer, but for headers that depend on the file.
    pub(crate) fn answer(self, policy: &Policy) -> Response<Payload> {
        let body = match self.text() {
            Cow::Borrowed(text) => Bytes::from_static(text.as_bytes()),
            Cow::Owned(text) => Bytes::from(text),
        };
        // Room for those below, and for two that a caller adds.
        let mut headers = policy.headers(6);
        headers.insert(header::CONTENT_TYPE, TEXT);
        headers.insert(header::CONTENT_LENGTH, HeaderValue::from(body.len()));
        headers.insert(header::CACHE_CONTROL, NOT_KEPT);
        if self == Refusal::Method {
            headers.insert(header::ALLOW, HeaderValue::from_static("GET, HEAD"));
        }
        let mut answer = Response::new(Payload::from(body));
        *answer.status_mut() = self.status();
        *answer.headers_mut() = headers;
        answer
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture::bytes_of;

    #[test]
    fn each_refusal_is_a_line_of_text_that_is_not_kept() {
        for (refusal, status, word) in [
            (Refusal::Host, 400, "host"),
            (Refusal::Address, 400, "address"),
            (Refusal::Method, 405, "GET and HEAD"),
            (Refusal::NotFound, 404, "nothing here"),
            (Refusal::NothingYet, 404, "Nothing has been published here yet."),
            (Refusal::Coding("gzip, identity".into()), 406, "gzip, identity"),
            (Refusal::Condition, 412, "condition"),
            (Refusal::Range, 416, "bytes"),
        ] {
            let is_method = refusal == Refusal::Method;
            let answer = refusal.answer(&Policy::default());
            assert_eq!(answer.status(), status);
            let headers = answer.headers().clone();
            assert_eq!(headers["content-type"], "text/plain; charset=utf-8");
            assert_eq!(headers["cache-control"], "no-store");
            assert_eq!(headers["x-content-type-options"], "nosniff");
            assert_eq!(headers.get("allow").map(HeaderValue::as_bytes), is_method.then_some(&b"GET, HEAD"[..]));
            let text = String::from_utf8(bytes_of(answer.into_body())).unwrap();
            assert_eq!(headers["content-length"], text.len().to_string());
            assert!(text.contains(word) && text.ends_with(".\n") && text.lines().count() == 1, "{text}");
        }
    }
}
