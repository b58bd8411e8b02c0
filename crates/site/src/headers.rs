//! The headers that stand on every answer, and what an operator may change of them.
//!
//! Invariant: ready-made values. Each answer carries all of them, errors too; none of them is one that the answer itself
//! decides on.

use http::header::{self, HeaderName};
use http::{HeaderMap, HeaderValue};

/// What a page may load and do: the policy that the built-in site's pages carry in themselves, and in no frame.
pub const CONTENT_SECURITY_POLICY: &str = "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; \
    base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// A static site needs nothing of what a browser could allow it.
const PERMISSIONS_POLICY: &str = "accelerometer=(), camera=(), display-capture=(), geolocation=(), gyroscope=(), \
    magnetometer=(), microphone=(), midi=(), payment=(), usb=()";

const DEFAULTS: [(HeaderName, HeaderValue); 7] = [
    (header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(CONTENT_SECURITY_POLICY)),
    (header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
    (header::REFERRER_POLICY, HeaderValue::from_static("no-referrer")),
    (header::X_FRAME_OPTIONS, HeaderValue::from_static("DENY")),
    (HeaderName::from_static("permissions-policy"), HeaderValue::from_static(PERMISSIONS_POLICY)),
    (HeaderName::from_static("cross-origin-opener-policy"), HeaderValue::from_static("same-origin")),
    (HeaderName::from_static("cross-origin-resource-policy"), HeaderValue::from_static("same-origin")),
];

/// What each answer or its connection decides on.
const DECIDED: [HeaderName; 18] = [
    header::ACCEPT_RANGES,
    header::ALLOW,
    header::CACHE_CONTROL,
    header::CONNECTION,
    header::CONTENT_ENCODING,
    header::CONTENT_LENGTH,
    header::CONTENT_RANGE,
    header::CONTENT_TYPE,
    header::DATE,
    header::ETAG,
    HeaderName::from_static("keep-alive"),
    header::LAST_MODIFIED,
    header::LOCATION,
    header::TE,
    header::TRAILER,
    header::TRANSFER_ENCODING,
    header::UPGRADE,
    header::VARY,
];

/// What an answer with a file has beside; the values are those that stand there unless others are set.
const OF_FILES: [(HeaderName, HeaderValue); 6] = [
    (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
    (header::ETAG, HeaderValue::from_static("")),
    (header::LAST_MODIFIED, HeaderValue::from_static("")),
    (header::ACCEPT_RANGES, HeaderValue::from_static("bytes")),
    (header::CONTENT_TYPE, HeaderValue::from_static("")),
    (header::CONTENT_LENGTH, HeaderValue::from_static("")),
];

/// The headers of every answer.
#[derive(Debug, Clone)]
pub struct Policy {
    headers: HeaderMap,
    /// The same and [`OF_FILES`]. To copy them and to replace values takes half the time of putting each in its place.
    of_files: HeaderMap,
}

/// A header that no answer can carry, in words that name it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PolicyError {
    /// Not a token.
    #[error("header name {0:?}: expected letters, digits and hyphens, such as Strict-Transport-Security")]
    Name(String),
    /// A control character in its value.
    #[error("value {value:?} of header {name}: expected printable characters on one line")]
    Value {
        /// Whose value.
        name: HeaderName,
        /// As it was given.
        value: String,
    },
    /// Not for an operator to set.
    #[error("header {0}: each answer decides on it; take it away")]
    Decided(HeaderName),
}

impl Default for Policy {
    fn default() -> Self {
        let headers = HeaderMap::from_iter(DEFAULTS);
        let of_files = DEFAULTS.into_iter().chain(OF_FILES).collect();
        Policy { headers, of_files }
    }
}

impl Policy {
    /// Puts a header on every answer, in the place of one of the same name; with an empty `value` there is none.
    ///
    /// # Errors
    /// When no answer can carry it, or each decides on it itself.
    pub fn set(&mut self, name: &str, value: &str) -> Result<(), PolicyError> {
        let parsed = HeaderName::from_bytes(name.as_bytes()).map_err(|_| PolicyError::Name(name.to_owned()))?;
        if DECIDED.contains(&parsed) {
            return Err(PolicyError::Decided(parsed));
        }
        let header = HeaderValue::from_str(value)
            .map_err(|_| PolicyError::Value { name: parsed.clone(), value: value.to_owned() })?;
        for headers in [&mut self.headers, &mut self.of_files] {
            if value.is_empty() {
                headers.remove(&parsed);
            } else {
                headers.insert(&parsed, header.clone());
            }
        }
        Ok(())
    }

    /// The headers of every answer, with room for `more`.
    pub(crate) fn headers(&self, more: usize) -> HeaderMap {
        // A copy is made without hashing a name again.
        let mut headers = self.headers.clone();
        headers.reserve(more);
        headers
    }

    /// The headers of an answer with a file. The caller sets all but `Accept-Ranges`, or takes them away.
    pub(crate) fn of_file(&self) -> HeaderMap {
        self.of_files.clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn value(policy: &Policy, name: &str) -> Option<String> {
        policy.headers(0).get(name).map(|value| value.to_str().unwrap().to_owned())
    }

    #[test]
    fn every_answer_carries_the_security_headers() {
        let policy = Policy::default();
        for (name, said) in [
            ("content-security-policy", CONTENT_SECURITY_POLICY),
            ("x-content-type-options", "nosniff"),
            ("referrer-policy", "no-referrer"),
            ("x-frame-options", "DENY"),
            ("permissions-policy", PERMISSIONS_POLICY),
            ("cross-origin-opener-policy", "same-origin"),
            ("cross-origin-resource-policy", "same-origin"),
        ] {
            assert_eq!(value(&policy, name).as_deref(), Some(said));
        }
        assert_eq!(policy.headers(3).len(), DEFAULTS.len());
    }

    #[test]
    fn an_operator_adds_replaces_and_takes_away() {
        let mut policy = Policy::default();
        policy.set("Strict-Transport-Security", "max-age=31536000").unwrap();
        policy.set("Content-Security-Policy", "default-src 'self'").unwrap();
        policy.set("X-Frame-Options", "").unwrap();
        assert_eq!(value(&policy, "strict-transport-security").as_deref(), Some("max-age=31536000"));
        assert_eq!(value(&policy, "content-security-policy").as_deref(), Some("default-src 'self'"));
        assert_eq!(value(&policy, "x-frame-options"), None);
        assert_eq!(policy.headers(0).len(), DEFAULTS.len());
        let mut of_file = policy.of_file();
        OF_FILES.iter().for_each(|(name, _)| assert!(of_file.remove(name).is_some(), "{name}"));
        assert_eq!(of_file, policy.headers(0));
    }

    #[test]
    fn what_cannot_stand_on_every_answer_is_refused_by_name() {
        let refused = |name: &str, value: &str| Policy::default().set(name, value).unwrap_err().to_string();
        for name in DECIDED {
            let text = refused(name.as_str(), "x");
            assert!(text.starts_with(&format!("header {name}: ")), "{text}");
        }
        assert!(refused("no name", "x").starts_with("header name \"no name\": "));
        assert!(refused("", "x").starts_with("header name \"\": "));
        assert!(refused("x-a", "b\r\nset-cookie: c").starts_with("value \"b\\r\\nset-cookie: c\" of header x-a: "));
    }
}
