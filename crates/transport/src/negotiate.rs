//! Which form of an answer a client wants: headers such as `Accept-Encoding` with their weights (RFC 9110, 12.4 and 12.5).
//!
//! Invariant: pure, linear in the header's length, and without an error: what cannot be read is not there.

use axum::http::{HeaderMap, HeaderName, HeaderValue, header};

/// A coding of an answer's bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Coding {
    /// Brotli (RFC 7932).
    Brotli,
    /// Zstandard (RFC 8878).
    Zstd,
    /// gzip.
    Gzip,
    /// As it is.
    Identity,
}

impl Coding {
    const ALL: [Coding; 4] = [Coding::Brotli, Coding::Zstd, Coding::Gzip, Coding::Identity];

    /// The name in `Content-Encoding`.
    pub const fn name(self) -> &'static str {
        match self {
            Coding::Brotli => "br",
            Coding::Zstd => "zstd",
            Coding::Gzip => "gzip",
            Coding::Identity => "identity",
        }
    }

    /// What a client means by `name`. RFC 9110, 8.4.1.3 has `x-gzip` stand for gzip.
    fn named(name: &str) -> Option<Coding> {
        let known = Coding::ALL.into_iter().find(|coding| name.eq_ignore_ascii_case(coding.name()));
        known.or_else(|| name.eq_ignore_ascii_case("x-gzip").then_some(Coding::Gzip))
    }
}

/// The offer that the client likes best, the first one among equals; `None` when it accepts none of them.
pub fn coding<T: Copy>(headers: &HeaderMap, offers: &[(Coding, T)]) -> Option<(Coding, T)> {
    // RFC 9110 lets a server choose where nothing is said; a client that says nothing may not decode anything.
    if !headers.contains_key(header::ACCEPT_ENCODING) {
        return offers.iter().find(|(coding, _)| *coding == Coding::Identity).copied();
    }
    let weights = CodingWeights::read(headers);
    best(offers.iter().copied(), |(coding, _)| weights.of(coding))
}

/// What `Accept-Encoding` says of each coding, read in one pass.
#[derive(Default)]
struct CodingWeights {
    named: [Option<Weight>; Coding::ALL.len()],
    others: Option<Weight>,
}

impl CodingWeights {
    /// What is said first of a coding holds.
    fn read(headers: &HeaderMap) -> Self {
        let mut weights = CodingWeights::default();
        for element in elements(headers, header::ACCEPT_ENCODING) {
            if let Some(coding) = Coding::named(element.name) {
                weights.named[coding as usize].get_or_insert(element.weight);
            } else if element.name == "*" {
                weights.others.get_or_insert(element.weight);
            }
        }
        weights
    }

    fn of(&self, coding: Coding) -> Weight {
        // Identity is acceptable unless it is refused, and liked least.
        let unnamed = if coding == Coding::Identity { LEAST } else { 0 };
        self.named[coding as usize].or(self.others).unwrap_or(unnamed)
    }
}

/// How much a client likes something: 10,000 is most, 0 not at all.
pub type Weight = u16;
/// Below every weight that can be written, above none.
const LEAST: Weight = 1;
const FULL: Weight = 10_000;

/// The first of `offers` with the greatest weight above 0.
pub fn best<T: Copy>(offers: impl DoubleEndedIterator<Item = T>, weight: impl Fn(T) -> Weight) -> Option<T> {
    let weighed = offers.rev().map(|offer| (offer, weight(offer)));
    weighed.filter(|(_, weight)| *weight > 0).max_by_key(|(_, weight)| *weight).map(|(offer, _)| offer)
}

/// An element of such a header.
#[derive(Debug, Clone, Copy)]
pub struct Element<'a> {
    /// What is liked, such as `gzip` or `text/*`.
    pub name: &'a str,
    parameters: &'a str,
    /// How much.
    pub weight: Weight,
}

impl<'a> Element<'a> {
    /// The value of its parameter called `name`, without quotation marks.
    pub fn parameter(&self, name: &str) -> Option<&'a str> {
        parameter(self.parameters, name)
    }
}

/// The comma-separated elements of every header called `name`.
pub fn elements(headers: &HeaderMap, name: HeaderName) -> impl Iterator<Item = Element<'_>> {
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

    fn headers(name: HeaderName, value: &str) -> HeaderMap {
        HeaderMap::from_iter([(name, HeaderValue::from_str(value).unwrap())])
    }

    /// The coding that is chosen of those that the exporter offers.
    fn of_three(headers: &HeaderMap) -> Option<Coding> {
        let offers = [(Coding::Zstd, ()), (Coding::Gzip, ()), (Coding::Identity, ())];
        super::coding(headers, &offers).map(|(coding, ())| coding)
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
            ("gzip;q=0, gzip", Some(Identity)),
            ("*;q=0, *", None),
        ] {
            assert_eq!(of_three(&headers(header::ACCEPT_ENCODING, accept)), coding, "{accept}");
        }
        assert_eq!(of_three(&HeaderMap::new()), Some(Identity));
    }

    #[test]
    fn the_first_offer_wins_among_those_that_are_liked_as_much() {
        use Coding::{Brotli, Gzip, Identity, Zstd};
        let orders = [[Brotli, Zstd, Gzip, Identity], [Gzip, Identity, Brotli, Zstd], [Identity, Gzip, Zstd, Brotli]];
        for (accept, chosen) in [
            ("gzip, deflate, br, zstd", [Brotli, Gzip, Gzip]),
            ("*", [Brotli, Gzip, Identity]),
            ("*, identity;q=0.5", [Brotli, Gzip, Gzip]),
            ("br;q=0.5, zstd;q=0.5", [Brotli, Brotli, Zstd]),
            ("br;q=0.5, gzip;q=0.6", [Gzip, Gzip, Gzip]),
            ("br;q=0.5, *;q=0.4", [Brotli, Brotli, Brotli]),
        ] {
            let headers = headers(header::ACCEPT_ENCODING, accept);
            for (order, chosen) in orders.iter().zip(chosen) {
                let offers = order.map(|coding| (coding, coding.name()));
                assert_eq!(coding(&headers, &offers), Some((chosen, chosen.name())), "{accept} of {order:?}");
            }
        }
        assert_eq!(coding(&headers(header::ACCEPT_ENCODING, "br"), &[(Gzip, ())]), None);
        assert_eq!(coding::<()>(&HeaderMap::new(), &[]), None);
    }

    #[test]
    fn several_headers_count_as_one() {
        let mut headers = headers(header::ACCEPT_ENCODING, "gzip;q=0.5");
        headers.append(header::ACCEPT_ENCODING, HeaderValue::from_static("zstd;q=0.4"));
        assert_eq!(of_three(&headers), Some(Coding::Gzip));
    }
}
