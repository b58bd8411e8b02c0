//! The form of a file that a client is sent (RFC 9110, 12.5.3), and what it says of itself.
//!
//! Invariant: hash, length, coding and bytes are of one form, whatever is asked of it afterwards.

use std::time::SystemTime;

use bytes::Bytes;
use http::header::{self, HeaderMap, HeaderValue};

use crate::multipart::Kind;
use crate::validator::{EntityTag, Modified};
use crate::{Content, Resource};
use autoswe_transport::negotiate::{self, Coding};

/// A name that holds a hash of the content never shows another one: a year, the longest that caches honour.
const IMMUTABLE: HeaderValue = HeaderValue::from_static("public, max-age=31536000, immutable");
/// Kept, but asked for at each use: the next release may have another one.
const REVALIDATED: HeaderValue = HeaderValue::from_static("no-cache");
const ACCEPT_ENCODING: HeaderValue = HeaderValue::from_static("accept-encoding");

/// One form of a file.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Representation<'a> {
    resource: &'a Resource,
    coding: Coding,
    content: &'a Content,
}

impl<'a> Representation<'a> {
    /// The form that the client likes best, the smallest one among equals; `None` where it accepts none.
    pub(crate) fn chosen(resource: &'a Resource, headers: &HeaderMap) -> Option<Self> {
        let (forms, count) = forms(resource);
        let (coding, content) = negotiate::coding(headers, &forms[..count])?;
        Some(Representation { resource, coding, content })
    }

    /// The file as it is.
    pub(crate) fn plain(resource: &'a Resource) -> Self {
        Representation { resource, coding: Coding::Identity, content: &resource.plain }
    }

    pub(crate) fn content(self) -> &'a Content {
        self.content
    }

    pub(crate) fn bytes(self) -> &'a Bytes {
        &self.content.bytes
    }

    pub(crate) fn kind(self) -> Kind {
        let coding = (self.coding != Coding::Identity).then(|| self.coding.name());
        Kind { media_type: self.resource.media_type, coding }
    }

    /// Says what it depends on, and for how long it may be kept.
    pub(crate) fn describe_caching(self, headers: &mut HeaderMap) {
        headers.insert(header::CACHE_CONTROL, if self.resource.is_immutable { IMMUTABLE } else { REVALIDATED });
        self.describe_choice(headers);
    }

    /// Says what it was chosen by, where there was a choice.
    pub(crate) fn describe_choice(self, headers: &mut HeaderMap) {
        if self.resource.coded.is_some() {
            headers.insert(header::VARY, ACCEPT_ENCODING);
        }
    }

    /// Says what its bytes are.
    pub(crate) fn describe_content(self, headers: &mut HeaderMap) {
        headers.insert(header::CONTENT_TYPE, media_type(self.resource.media_type));
        if let Some(coding) = self.kind().coding {
            headers.insert(header::CONTENT_ENCODING, HeaderValue::from_static(coding));
        }
    }

    /// What a client can tell it by later.
    pub(crate) fn validators(self, now: SystemTime) -> (EntityTag, Option<Modified>) {
        (EntityTag::of(self.content), Modified::of(self.resource.shown_since, now))
    }
}

/// What there is of a file, the smallest form first and the file as it is last among equals.
fn forms(resource: &Resource) -> ([(Coding, &Content); 4], usize) {
    let mut forms = [(Coding::Identity, &resource.plain); 4];
    let Some(coded) = &resource.coded else { return (forms, 1) };
    let there = [(Coding::Brotli, &coded.brotli), (Coding::Zstd, &coded.zstd), (Coding::Gzip, &coded.gzip)];
    let mut count = 0;
    for (coding, content) in there {
        if let Some(content) = content {
            forms[count] = (coding, content);
            count += 1;
        }
    }
    // The file as it is stands in the place after them.
    count += 1;
    forms[..count].sort_by_key(|(_, content)| content.bytes.len());
    (forms, count)
}

/// The names of a file's codings, for people.
pub(crate) fn names(resource: &Resource) -> String {
    let (forms, count) = forms(resource);
    let names: Vec<&str> = forms[..count].iter().map(|(coding, _)| coding.name()).collect();
    names.join(", ")
}

fn media_type(text: &'static str) -> HeaderValue {
    // Without a copy; `from_static` would panic where the text is no header.
    let value = HeaderValue::from_maybe_shared(Bytes::from_static(text.as_bytes()));
    value.unwrap_or(HeaderValue::from_static("application/octet-stream"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture::{self, file};

    fn chosen(resource: &Resource, accept: &str) -> Option<(Coding, Bytes)> {
        let headers = fixture::headers(&[("accept-encoding", accept)]);
        Representation::chosen(resource, &headers).map(|chosen| (chosen.coding, chosen.bytes().clone()))
    }

    #[test]
    fn the_smallest_form_wins_among_those_that_are_liked_as_much() {
        use Coding::{Brotli, Gzip, Identity, Zstd};
        let usual = file("a text of some length").brotli("b").zstd("zs").gzip("gzi").resource();
        let odd = file("text").brotli("brotli").zstd("zst").gzip("gz").resource();
        for (accept, of_usual, of_odd) in [
            ("gzip, deflate, br, zstd", Some((Brotli, "b")), Some((Gzip, "gz"))),
            ("br, zstd", Some((Brotli, "b")), Some((Zstd, "zst"))),
            ("*", Some((Brotli, "b")), Some((Gzip, "gz"))),
            ("br, identity", Some((Brotli, "b")), Some((Identity, "text"))),
            ("br;q=0.8, gzip;q=0.9", Some((Gzip, "gzi")), Some((Gzip, "gz"))),
            ("br", Some((Brotli, "b")), Some((Brotli, "brotli"))),
            ("deflate", Some((Identity, "a text of some length")), Some((Identity, "text"))),
            ("*;q=0", None, None),
            ("identity;q=0, deflate", None, None),
            ("identity;q=0, zstd", Some((Zstd, "zs")), Some((Zstd, "zst"))),
        ] {
            let bytes = |form: Option<(Coding, &'static str)>| form.map(|(coding, text)| (coding, Bytes::from(text)));
            assert_eq!(chosen(&usual, accept), bytes(of_usual), "{accept}");
            assert_eq!(chosen(&odd, accept), bytes(of_odd), "{accept}");
        }
        assert_eq!(names(&usual), "br, zstd, gzip, identity");
        assert_eq!(names(&odd), "gzip, zstd, identity, br");
    }

    #[test]
    fn only_what_is_there_is_chosen() {
        let resource = file("a text").gzip("gz").resource();
        assert_eq!(chosen(&resource, "br, zstd"), Some((Coding::Identity, Bytes::from("a text"))));
        assert_eq!(chosen(&resource, "br, zstd, gzip;q=0.1"), Some((Coding::Gzip, Bytes::from("gz"))));
        assert_eq!(names(&resource), "gzip, identity");
        assert_eq!(names(&file("a text").resource()), "identity");
    }

    #[test]
    fn a_media_type_that_is_no_header_is_that_of_any_bytes() {
        assert_eq!(media_type("text/html; charset=utf-8"), "text/html; charset=utf-8");
        assert_eq!(media_type("text/html\r\n"), "application/octet-stream");
    }
}
