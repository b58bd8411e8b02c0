//! Which form of the metrics page a client wants: `Accept` with its weights (RFC 9110, 12.5.1).
//!
//! Invariant: pure, linear in the header's length, and without an error: what cannot be read is not there.

use autoswe_transport::negotiate::{best, elements};
use http::{HeaderMap, header};

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

/// The form of the metrics page that the client likes best. A client that accepts none gets text, as it does from
/// every exporter; so does one that likes text as much as any other.
pub(super) fn format(headers: &HeaderMap) -> Format {
    if !headers.contains_key(header::ACCEPT) {
        return Format::Text;
    }
    best(Format::ALL.into_iter(), |format| {
        let matches = elements(headers, header::ACCEPT).filter_map(|range| {
            range_matches(range.name, range.parameter("version"), format).map(|specificity| (specificity, range.weight))
        });
        // The most specific range decides, whatever the weights of the others.
        matches.max_by_key(|(specificity, _)| *specificity).map_or(0, |(_, weight)| weight)
    })
    .unwrap_or(Format::Text)
}

/// How specifically a media range matches `format`; `None` when it does not.
fn range_matches(range: &str, version: Option<&str>, format: Format) -> Option<u8> {
    let (kind, subkind, known) = format.parts();
    let (range_kind, range_subkind) = range.split_once('/')?;
    let specificity = match (range_kind, range_subkind) {
        ("*", "*") => 0,
        (range_kind, "*") if range_kind.eq_ignore_ascii_case(kind) => 1,
        (k, s) if k.eq_ignore_ascii_case(kind) && s.eq_ignore_ascii_case(subkind) => 2,
        _ => return None,
    };
    // Only the version tells forms apart; `charset` and `escaping` fit any of them.
    match version {
        Some(wanted) if wanted == known => Some(specificity + 1),
        Some(_) => None,
        None => Some(specificity),
    }
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

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
}
