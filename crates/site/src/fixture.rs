//! A test's aid: sites and requests in a few words.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use autoswe_transport::Payload;
use bytes::Bytes;
use http::request::Parts;
use http::{HeaderMap, HeaderName, HeaderValue, Request, Response};
use ring::digest::{SHA256, digest};

use crate::{Content, Policy, Resource, Site, Volume, answer};

/// Since when what [`file`] makes is shown: `Sun, 06 Nov 1994 08:49:37 GMT`.
pub(crate) fn since() -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(784_111_777)
}

/// A day later.
pub(crate) fn now() -> SystemTime {
    since() + Duration::from_hours(24)
}

/// Bytes with their hash.
pub(crate) fn content(bytes: impl Into<Bytes>) -> Content {
    let bytes = bytes.into();
    let sha256 = digest(&SHA256, &bytes).as_ref().try_into().unwrap();
    Content { sha256, bytes }
}

/// A page with these bytes; what else it has is said by what follows.
pub(crate) fn file(bytes: impl Into<Bytes>) -> File {
    let (plain, media_type) = (content(bytes), "text/html; charset=utf-8");
    File(Resource { plain, coded: None, media_type, is_immutable: false, shown_since: since() })
}

/// A resource that is being made.
#[derive(Debug, Clone)]
pub(crate) struct File(Resource);

impl File {
    /// Its bytes under brotli, or what stands for them.
    pub(crate) fn brotli(mut self, bytes: impl Into<Bytes>) -> Self {
        self.0.coded.get_or_insert_default().brotli = Some(content(bytes));
        self
    }

    /// Its bytes under Zstandard.
    pub(crate) fn zstd(mut self, bytes: impl Into<Bytes>) -> Self {
        self.0.coded.get_or_insert_default().zstd = Some(content(bytes));
        self
    }

    /// Its bytes under gzip.
    pub(crate) fn gzip(mut self, bytes: impl Into<Bytes>) -> Self {
        self.0.coded.get_or_insert_default().gzip = Some(content(bytes));
        self
    }

    /// Its media type.
    pub(crate) fn media_type(mut self, media_type: &'static str) -> Self {
        self.0.media_type = media_type;
        self
    }

    /// It never changes.
    pub(crate) fn immutable(mut self) -> Self {
        self.0.is_immutable = true;
        self
    }

    /// Since when it is shown.
    pub(crate) fn since(mut self, since: SystemTime) -> Self {
        self.0.shown_since = since;
        self
    }

    /// As a site has it.
    pub(crate) fn resource(self) -> Resource {
        self.0
    }
}

/// A site of a release with these files.
pub(crate) fn site<'a>(files: impl IntoIterator<Item = (&'a str, File)>) -> Site {
    Site { current: volume(files), ..Site::default() }
}

/// A release with these files.
pub(crate) fn volume<'a>(files: impl IntoIterator<Item = (&'a str, File)>) -> Arc<Volume> {
    let files = files.into_iter().map(|(path, file)| (path.into(), file.0)).collect();
    Arc::new(Volume { release: Some("0".repeat(64)), files })
}

/// Headers in the order of their lines. What stands in a line that cannot be is left out.
pub(crate) fn headers(lines: &[(&str, &str)]) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for (name, value) in lines {
        headers.append(HeaderName::try_from(*name).unwrap(), HeaderValue::from_bytes(value.as_bytes()).unwrap());
    }
    headers
}

/// The head of a request over HTTP/1.1 with a host and these headers.
pub(crate) fn request(method: &str, target: &str, lines: &[(&str, &str)]) -> Parts {
    let (mut request, ()) = Request::builder().method(method).uri(target).body(()).unwrap().into_parts();
    request.headers = headers(lines);
    request.headers.insert("host", HeaderValue::from_static("site.example"));
    request
}

/// What comes of a request at [`now`] under the policy that is there without a setting.
pub(crate) fn answered(site: &Site, request: &Parts) -> Response<Vec<u8>> {
    answer(site, request, &Policy::default(), now()).map(bytes_of)
}

/// What comes of a GET.
pub(crate) fn got(site: &Site, target: &str, lines: &[(&str, &str)]) -> Response<Vec<u8>> {
    answered(site, &request("GET", target, lines))
}

/// All bytes of a body.
pub(crate) fn bytes_of(body: Payload) -> Vec<u8> {
    body.flatten().collect()
}
