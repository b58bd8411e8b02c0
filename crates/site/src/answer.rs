//! From a request's head to its answer.
//!
//! ```text
//! host, method, address -> what stands there -> its form (coding) -> conditions -> ranges -> answer
//! ```
//!
//! Invariant: pure, without a panic and without a status of the 5xx class. What is sent, its tag, its length and its
//! coding are of one form of one file of one release; the body of an answer to HEAD is missing and nothing else is.

use std::borrow::Cow;
use std::ops::Range;
use std::time::SystemTime;

use autoswe_transport::Payload;
use http::header::{self, HeaderMap, HeaderValue};
use http::request::Parts;
use http::{Method, Response, StatusCode};

use crate::address;
use crate::headers::Policy;
use crate::multipart;
use crate::precondition::{self, Verdict};
use crate::range::{self, Wanted};
use crate::refusal::{NOT_KEPT, Refusal};
use crate::representation::{self, Representation};
use crate::{Found, Resource, Site};

/// Headers that an answer has beside the policy's: so many, with room for what a transport adds.
pub(crate) const HEADERS: usize = 12;

/// The answer to a request with this head from what `site` shows.
pub fn answer(site: &Site, head: &Parts, policy: &Policy, now: SystemTime) -> Response<Payload> {
    let mut answer = match path(head) {
        Ok(path) => match site.find(&path) {
            Found::Resource(resource) => Asked { head, policy }.file(resource, now),
            Found::Directory => redirect(&path, head.uri.query(), policy),
            Found::Nothing => not_found(site, &head.headers, policy),
        },
        Err(refusal) => refusal.answer(policy),
    };
    if head.method == Method::HEAD {
        *answer.body_mut() = Payload::default();
    }
    answer
}

/// The decoded path of a request that can be answered.
fn path(head: &Parts) -> Result<Cow<'_, str>, Refusal> {
    if !address::names_a_host(head) {
        return Err(Refusal::Host);
    }
    if !matches!(head.method, Method::GET | Method::HEAD) {
        return Err(Refusal::Method);
    }
    address::decoded(head.uri.path()).ok_or(Refusal::Address)
}

/// 301 and not 308: there is no method here that a client could change on the way, and some clients, such as Python's
/// before 3.11, do not follow 308. It is asked for anew at each use, because the next release may have a file there.
fn redirect(path: &str, query: Option<&str>, policy: &Policy) -> Response<Payload> {
    let Some(location) = address::with_slash(path, query) else { return Refusal::Address.answer(policy) };
    let mut headers = policy.headers(HEADERS);
    headers.insert(header::LOCATION, location);
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    headers.insert(header::CONTENT_LENGTH, HeaderValue::from_static("0"));
    respond(StatusCode::MOVED_PERMANENTLY, headers, Payload::default())
}

/// The release's own page, without validators: they are of what is found at an address (RFC 9110, 13.2.1).
fn not_found(site: &Site, headers: &HeaderMap, policy: &Policy) -> Response<Payload> {
    let Some(page) = site.not_found() else {
        let refusal = if site.current.release.is_some() { Refusal::NotFound } else { Refusal::NothingYet };
        return refusal.answer(policy);
    };
    // Who accepts no form of it learns at least that there is nothing.
    let form = Representation::chosen(page, headers).unwrap_or(Representation::plain(page));
    let mut headers = policy.headers(HEADERS);
    headers.insert(header::CACHE_CONTROL, NOT_KEPT);
    form.describe_choice(&mut headers);
    form.describe_content(&mut headers);
    whole(StatusCode::NOT_FOUND, headers, form)
}

/// A request for a file.
struct Asked<'a> {
    head: &'a Parts,
    policy: &'a Policy,
}

impl Asked<'_> {
    fn file(&self, resource: &Resource, now: SystemTime) -> Response<Payload> {
        let Some(form) = Representation::chosen(resource, &self.head.headers) else {
            let refusal = Refusal::Coding(representation::names(resource));
            return self.refused(refusal, Representation::plain(resource));
        };
        let asked = &self.head.headers;
        let (tag, modified) = form.validators(now);
        let verdict = precondition::judge(asked, &tag, modified);
        if verdict == Verdict::Failed {
            return self.refused(Refusal::Condition, form);
        }
        let is_sent = verdict == Verdict::Send;
        let mut headers = if is_sent { self.policy.of_file() } else { self.policy.headers(HEADERS) };
        form.describe_caching(&mut headers);
        headers.insert(header::ETAG, tag.value());
        match modified {
            Some(modified) => drop(headers.insert(header::LAST_MODIFIED, modified.value())),
            None => drop(headers.remove(header::LAST_MODIFIED)),
        }
        if !is_sent {
            return respond(StatusCode::NOT_MODIFIED, headers, Payload::default());
        }
        // RFC 9110, 14.2: GET is the only method for which ranges are defined.
        let is_get = self.head.method == Method::GET;
        if is_get && asked.contains_key(header::RANGE) && precondition::if_range(asked, &tag, modified) {
            self.part(headers, form)
        } else {
            form.describe_content(&mut headers);
            whole(StatusCode::OK, headers, form)
        }
    }

    /// A part of `form`, where its parts are asked for.
    fn part(&self, mut headers: HeaderMap, form: Representation<'_>) -> Response<Payload> {
        match range::wanted(&self.head.headers, form.bytes().len()) {
            Wanted::Nothing => {
                let mut answer = self.refused(Refusal::Range, form);
                let length = multipart::content_range_of_none(form.bytes().len());
                answer.headers_mut().insert(header::CONTENT_RANGE, length);
                answer
            }
            Wanted::Whole => {
                form.describe_content(&mut headers);
                whole(StatusCode::OK, headers, form)
            }
            Wanted::Parts(parts) => partial(headers, form, &parts),
        }
    }

    /// A refusal that depends on the form that was chosen.
    fn refused(&self, refusal: Refusal, form: Representation<'_>) -> Response<Payload> {
        let mut answer = refusal.answer(self.policy);
        form.describe_choice(answer.headers_mut());
        answer
    }
}

/// RFC 9110, 15.3.7 would rather have fewer headers after `If-Range`. All of them stand here all the same: a client that
/// kept nothing but bytes and tag then knows what it has.
fn partial(mut headers: HeaderMap, form: Representation<'_>, parts: &[Range<usize>]) -> Response<Payload> {
    let body = if let [part] = parts {
        form.describe_content(&mut headers);
        headers.insert(header::CONTENT_RANGE, multipart::content_range(part, form.bytes().len()));
        Payload::from(form.bytes().slice(part.clone()))
    } else {
        let (body, media_type) = multipart::of(form.content(), form.kind(), parts);
        headers.insert(header::CONTENT_TYPE, media_type);
        body
    };
    headers.insert(header::CONTENT_LENGTH, HeaderValue::from(body.left()));
    respond(StatusCode::PARTIAL_CONTENT, headers, body)
}

fn whole(status: StatusCode, mut headers: HeaderMap, form: Representation<'_>) -> Response<Payload> {
    let bytes = form.bytes();
    headers.insert(header::CONTENT_LENGTH, HeaderValue::from(bytes.len()));
    respond(status, headers, Payload::from(bytes.clone()))
}

fn respond(status: StatusCode, headers: HeaderMap, body: Payload) -> Response<Payload> {
    let mut answer = Response::new(body);
    *answer.status_mut() = status;
    *answer.headers_mut() = headers;
    answer
}
