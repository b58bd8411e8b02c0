//! Which form of an answer a client wants: `Accept` and `Accept-Encoding` with their weights (RFC 9110, 12.5).
//!
//! Invariant: pure, linear in the header's length, and without an error: what cannot be read is not there.

use axum::http::{HeaderMap, HeaderValue, header};

use crate::sink::{openmetrics, prometheus};

/// A form of the metrics page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Format {
    /// Prometheus text 0.0.4.
    Text,
    /// OpenMetrics text 1.0.0.
    OpenMetrics1,
    /// OpenMetrics text 0.0.1, which older scrapers ask for; the same page.
    OpenMetrics0,
}

impl Format {
    const ALL: [Format; 3] = [Format::Text, Format::OpenMetrics1, Format::OpenMetrics0];

    /// The exact `Content-Type`.
    pub(super) const fn content_type(self) -> &'static str {
        match self {
            Format::Text => prometheus::CONTENT_TYPE,
            Format::OpenMetrics1 => openmetrics::CONTENT_TYPE,
            Format::OpenMetrics0 => "application/openmetrics-text; version=0.0.1; charset=utf-8",
        }
    }

    const fn parts(self) -> (&'static str, &'static str, &'static str) {
        match self {
            Format::Text => ("text", "plain", "0.0.4"),
            Format::OpenMetrics1 => ("application", "openmetrics-text", "1.0.0"),
            Format::OpenMetrics0 => ("application", "openmetrics-text", "0.0.1"),
        }
    }
}

/// A coding of an answer's bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Coding {
    /// Zstandard (RFC 8878).
    Zstd,
    /// gzip.
    Gzip,
    /// As it is.
    Identity,
}

impl Coding {
    const ALL: [Coding; 3] = [Coding::Zstd, Coding::Gzip, Coding::Identity];

    /// The name in `Content-Encoding`.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Coding::Zstd => "zstd",
            Coding::Gzip => "gzip",
            Coding::Identity => "identity",
        }
    }
}

/// The form of the metrics page that the client likes best. A client that accepts none gets text, as it does from
/// every exporter; so does one that likes text as much as any other.
pub(super) fn format(headers: &HeaderMap) -> Format {
    if !headers.contains_key(header::ACCEPT) {
        return Format::Text;
    }
    best(Format::ALL, |format| {
        let matches = elements(headers, header::ACCEPT).filter_map(|range| {
            range_matches(range.name, range.parameters, format).map(|specificity| (specificity, range.weight))
        });
        // The most specific range decides, whatever the weights of the others.
        matches.max_by_key(|(specificity, _)| *specificity).map_or(0, |(_, weight)| weight)
    })
    .unwrap_or(Format::Text)
}

/// The coding that the client likes best, the smallest one among equals; `None` when it accepts none of them.
pub(super) fn coding(headers: &HeaderMap) -> Option<Coding> {
    // RFC 9110 lets a server choose where nothing is said; a client that says nothing may not decode anything.
    if !headers.contains_key(header::ACCEPT_ENCODING) {
        return Some(Coding::Identity);
    }
    best(Coding::ALL, |coding| {
        let of = |name: &str| {
            let mut all = elements(headers, header::ACCEPT_ENCODING);
            all.find(|element| element.name.eq_ignore_ascii_case(name)).map(|element| element.weight)
        };
        let alias = || (coding == Coding::Gzip).then(|| of("x-gzip")).flatten();
        // Identity is acceptable unless it is refused, and liked least.
        let unnamed = if coding == Coding::Identity { Some(LEAST) } else { None };
        of(coding.name()).or_else(alias).or_else(|| of("*")).or(unnamed).unwrap_or(0)
    })
}

/// A weight in thousandths.
type Weight = u16;
/// Below every weight that can be written, above none.
const LEAST: Weight = 1;
const FULL: Weight = 10_000;

/// The first of `offers` with the greatest weight above 0.
fn best<T: Copy, const N: usize>(offers: [T; N], weight: impl Fn(T) -> Weight) -> Option<T> {
    let weighed = offers.into_iter().rev().map(|offer| (offer, weight(offer)));
    weighed.filter(|(_, weight)| *weight > 0).max_by_key(|(_, weight)| *weight).map(|(offer, _)| offer)
}

/// How specifically a media range matches `format`; `None` when it does not.
fn range_matches(range: &str, parameters: &str, format: Format) -> Option<u8> {
    let (kind, subkind, version) = format.parts();
    let (range_kind, range_subkind) = range.split_once('/')?;
    let specificity = match (range_kind, range_subkind) {
        ("*", "*") => 0,
        (range_kind, "*") if range_kind.eq_ignore_ascii_case(kind) => 1,
        (k, s) if k.eq_ignore_ascii_case(kind) && s.eq_ignore_ascii_case(subkind) => 2,
        _ => return None,
    };
    // Only the version tells forms apart; `charset` and `escaping` fit any of them.
    match parameter(parameters, "version") {
        Some(wanted) if wanted == version => Some(specificity + 1),
        Some(_) => None,
        None => Some(specificity),
    }
}

struct Element<'a> {
    name: &'a str,
    parameters: &'a str,
    weight: Weight,
}

/// The comma-separated elements of every header called `name`.
fn elements(headers: &HeaderMap, name: header::HeaderName) -> impl Iterator<Item = Element<'_>> {
    let values = headers.get_all(name).into_iter().filter_map(|value: &HeaderValue| value.to_str().ok());
    values.flat_map(|value| value.split(',')).filter_map(|element| {
        let (name, parameters) = element.split_once(';').unwrap_or((element, ""));
        let weight = parameter(parameters, "q").map_or(Some(FULL), weight)?;
        Some(Element { name: name.trim(), parameters, weight })
    })
}

fn parameter<'a>(parameters: &'a str, name: &str) -> Option<&'a str> {
    let mut all = parameters.split(';').filter_map(|parameter| parameter.split_once('='));
    all.find(|(key, _)| key.trim().eq_ignore_ascii_case(name)).map(|(_, value)| value.trim().trim_matches('"'))
}

/// `0` to `1` with at most three digits, in tenths of thousandths so that [`LEAST`] lies below 0.001.
fn weight(text: &str) -> Option<Weight> {
    let number: f32 = text.parse().ok().filter(|number| (0.0..=1.0).contains(number))?;
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "0 to 10,000 by the check above")]
    Some((number * f32::from(FULL)).round() as Weight)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(name: header::HeaderName, value: &str) -> HeaderMap {
        HeaderMap::from_iter([(name, HeaderValue::from_str(value).unwrap())])
    }

    #[test]
    fn formats() {
        use Format::{OpenMetrics0, OpenMetrics1, Text};
        let prometheus_2 = "application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;\
                            q=0.75,text/plain;version=0.0.4;q=0.5,*/*;q=0.1";
        let prometheus_3 = "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,\
                            application/openmetrics-text;version=0.0.1;q=0.5,text/plain;version=1.0.0;\
                            escaping=allow-utf-8;q=0.4,text/plain;version=0.0.4;q=0.3,*/*;q=0.2";
        for (accept, format) in [
            ("", Text),
            ("*/*", Text),
            ("text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", Text),
            ("text/plain", Text),
            ("text/plain;version=0.0.4", Text),
            ("text/*;q=0.5, application/openmetrics-text;q=0.4", Text),
            (prometheus_2, OpenMetrics1),
            (prometheus_3, OpenMetrics1),
            ("application/openmetrics-text", OpenMetrics1),
            ("APPLICATION/OpenMetrics-Text ; Version=\"1.0.0\"", OpenMetrics1),
            ("application/openmetrics-text; version=0.0.1", OpenMetrics0),
            ("application/openmetrics-text; version=2.0.0", Text),
            ("application/openmetrics-text;q=0, */*", Text),
            ("application/openmetrics-text;version=1.0.0;q=0, application/openmetrics-text", OpenMetrics0),
            ("text/plain;q=0, */*;q=0.1", OpenMetrics1),
            ("text/plain, application/openmetrics-text", Text),
            ("image/png", Text),
            ("text/plain;q=nonsense, application/openmetrics-text;q=0.1", OpenMetrics1),
            (";;;,,,q=1;/", Text),
        ] {
            assert_eq!(super::format(&headers(header::ACCEPT, accept)), format, "{accept}");
        }
        assert_eq!(super::format(&HeaderMap::new()), Text);
    }

    #[test]
    fn codings() {
        use Coding::{Gzip, Identity, Zstd};
        for (accept, coding) in [
            ("", Some(Identity)),
            ("gzip", Some(Gzip)),
            ("x-gzip", Some(Gzip)),
            ("GZIP", Some(Gzip)),
            ("gzip, deflate, br, zstd", Some(Zstd)),
            ("gzip;q=1.0, zstd;q=0.5", Some(Gzip)),
            ("gzip;q=0", Some(Identity)),
            ("gzip;q=0.5, identity", Some(Identity)),
            ("gzip;q=0.001", Some(Gzip)),
            ("identity", Some(Identity)),
            ("*", Some(Zstd)),
            ("*;q=0", None),
            ("identity;q=0", None),
            ("*;q=0, gzip;q=0.2", Some(Gzip)),
            ("identity;q=0, zstd", Some(Zstd)),
            ("br", Some(Identity)),
            ("gzip;q=7", Some(Identity)),
            (",;,=,gzip;q=", Some(Identity)),
        ] {
            assert_eq!(super::coding(&headers(header::ACCEPT_ENCODING, accept)), coding, "{accept}");
        }
        assert_eq!(super::coding(&HeaderMap::new()), Some(Identity));
    }

    #[test]
    fn several_headers_count_as_one() {
        let mut headers = headers(header::ACCEPT_ENCODING, "gzip;q=0.5");
        headers.append(header::ACCEPT_ENCODING, HeaderValue::from_static("zstd;q=0.4"));
        assert_eq!(super::coding(&headers), Some(Coding::Gzip));
    }
}
