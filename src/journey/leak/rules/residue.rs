//! Values without a form of their own: what looks drawn at random, judged by how random it looks and by what stands
//! before it.
//!
//! Invariant: a value is judged by its first [`LONGEST`] bytes; a longer one is data, not a token.

use std::ops::Range;

use memchr::memchr_iter;

use super::bytes::{
    ALNUM, BASE64_PADDED, DASH, DIGIT, DOT, EQUALS, HEX, LETTER, LOWER, Mask, PERCENT, PLUS, QUOTE, SLASH, SPACE,
    UNDER, UPPER, class, count, distinct, is, is_at, span, span_before, union,
};
use super::context::{Before, before, nearby};
use super::forms::INDEX;
use super::names::Class;
use super::placeholder::{is_alphabet, is_reference, is_telling, is_worn};
use super::random::{surprise, surprise_of, written_cost};
use super::{Hit, Kind, Rule, jwt};

/// A longer run is data and not a token.
const LONGEST: usize = 200;
/// The longest value that a name makes a secret.
const LONGEST_NAMED: usize = 1024;
/// A shorter value is a word for all one can tell.
const SHORTEST: usize = 12;

pub(super) static NAMED: Rule = Rule {
    name: "named-secret",
    kind: Kind::Secret,
    description: "A value that a name beside it calls a key, a token or a secret, and that looks like one",
};
pub(super) static NEAR_ISSUER: Rule = Rule {
    name: "issued-key",
    kind: Kind::Secret,
    description: "A random value near the name of a service that gives out keys",
};
pub(super) static RANDOM: Rule = Rule {
    name: "random-value",
    kind: Kind::Secret,
    description: "A value that was drawn at random by all that one can see, whatever stands beside it",
};

/// Looks for values in a run in which no known form was found.
pub(super) fn find(text: &[u8], run: Range<usize>, all: Mask, hits: &mut Vec<Hit>) {
    let mut start = run.start;
    if all & EQUALS == 0 {
        let found = if is_id(text, start) { None } else { judge(text, run) };
        hits.extend(found.map(|(rule, span)| Hit { rule, span }));
        return;
    }
    // A run may hold names and values with signs of equality between, as in `a=b%26token=c`.
    for _ in 0..16 {
        let stop = memchr_iter(b'=', &text[start..run.end]).map(|at| start + at).find(|&at| cuts_at(text, at, run.end));
        let stop = stop.unwrap_or(run.end);
        if let Some((rule, span)) = judge(text, start..stop) {
            hits.push(Hit { rule, span });
            return;
        }
        start = stop + 1;
        if start >= run.end {
            return;
        }
    }
}

/// Whether a sign of equality parts a name from a value; at the end of a value it fills it up.
fn cuts_at(text: &[u8], at: usize, end: usize) -> bool {
    at + 1 < end && is(text[at + 1], ALNUM | SLASH | PLUS | UNDER | DASH)
}

/// Whether a run is the value of an id in JSON, as most of those in logs are: told at a glance.
#[inline]
fn is_id(text: &[u8], start: usize) -> bool {
    let before = &text[start.saturating_sub(6)..start];
    let id = before.strip_suffix(b"d\":\"").or_else(|| before.strip_suffix(b"d\": \""));
    id.is_some_and(|name| matches!(name, [.., b'I'] | [.., b'u' | b'_' | b'"', b'i']))
}

type Found = Option<(&'static Rule, Range<usize>)>;

fn judge(text: &[u8], part: Range<usize>) -> Found {
    let place = trimmed(text, part);
    if place.len() < SHORTEST || place.len() > LONGEST && !is_long_secret(text, &place) {
        return None;
    }
    let value = &text[place.clone()];
    let sketch = Sketch::of(value);
    // Words joined by signs: nearly all runs of program text end here.
    if sketch.digits == 0 && sketch.all & !LETTER != 0 && sketch.bits < 0 {
        return None;
    }
    if let Some(shape) = sketch.shape(value).filter(|_| !is_path(text, &place, value))
        && let Some(rule) = decide(text, &place, shape, sketch.bits)
    {
        return Some((rule, place));
    }
    inner(text, &place)
}

/// Whether a name calls a run a secret that is too long to be told by its looks.
fn is_long_secret(text: &[u8], place: &Range<usize>) -> bool {
    let named = || matches!(before(text, place.start), Before { class: Class::Secret, assigned: true });
    place.len() <= LONGEST_NAMED && named()
}

/// Signs before and after a value that are no part of it.
fn trimmed(text: &[u8], part: Range<usize>) -> Range<usize> {
    let value = &text[part.clone()];
    let head = value.iter().take_while(|&&byte| is(byte, DASH | EQUALS | PERCENT)).count();
    part.start + head..part.end
}

/// A value at the end of a longer one: a UUID, the last part of a path, or of a name joined by dashes.
fn inner(text: &[u8], whole: &Range<usize>) -> Found {
    let value = &text[whole.clone()];
    if value.len() > 37 && is_uuid(&value[value.len() - 36..]) {
        let last = whole.end - 36..whole.end;
        return decide(text, &last, Shape::Uuid, 0).map(|rule| (rule, last));
    }
    let cut = value.iter().rposition(|&byte| is(byte, SLASH | PERCENT | DASH | UNDER))?;
    let last = whole.start + cut + 1..whole.end;
    if last.len() < 20 {
        return None;
    }
    let sketch = Sketch::of(&text[last.clone()]);
    let shape = sketch.shape(&text[last.clone()])?;
    let path = is(value[cut], SLASH | PERCENT);
    let mixed = shape == Shape::Vague && !path && sketch.is_mixed(&text[last.clone()]);
    let fits = shape == Shape::Random || shape == Shape::Hex && !path || mixed;
    let rule = fits.then(|| decide(text, &last, shape, sketch.bits))??;
    Some((rule, last))
}

/// What one pass over a value tells.
struct Sketch {
    all: Mask,
    digits: usize,
    /// From letter to digit or back.
    turns: usize,
    /// How much better a uniform choice explains it than words do, in half bits.
    bits: i32,
}

impl Sketch {
    #[inline]
    fn of(value: &[u8]) -> Self {
        let (mut all, mut digits, mut turns, mut cost) = (0, 0, 0, 0);
        let (mut before, mut class_before) = (b'-', 0);
        for &byte in value {
            let this = class(byte);
            all |= this;
            digits += usize::from(this == DIGIT);
            turns += usize::from(
                (this == DIGIT) != (class_before == DIGIT) && this & ALNUM != 0 && class_before & ALNUM != 0,
            );
            cost += written_cost(before, byte);
            (before, class_before) = (byte, this);
        }
        Sketch { all, digits, turns, bits: surprise_of(cost, all, value.len()) }
    }
}

/// Whether a value is a path: it goes on from a host or a root, or words stand between its slashes.
fn is_path(text: &[u8], place: &Range<usize>, value: &[u8]) -> bool {
    if !value.contains(&b'/') {
        return false;
    }
    if value.ends_with(b"=") {
        return false;
    }
    let rooted = value[0] == b'/' || place.start > 0 && b"./~".contains(&text[place.start - 1]);
    let written =
        |part: &[u8]| part.len() >= 4 && count(part, LETTER) == part.len() && surprise(part) < -(part.len() as i32);
    rooted || value.split(|&byte| byte == b'/').filter(|part| written(part)).count() > 1
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Shape {
    /// Hexadecimal digits.
    Hex,
    /// A UUID.
    Uuid,
    /// Looks drawn at random from letters and digits.
    Random,
    /// Might be: long enough and not a number.
    Vague,
    /// Digits alone.
    Number,
}

impl Sketch {
    fn shape(&self, value: &[u8]) -> Option<Shape> {
        if self.digits == value.len() {
            return (value.len() >= 16).then_some(Shape::Number);
        }
        if value.len() == 36 && value[8] == b'-' && is_uuid(value) {
            return Some(Shape::Uuid);
        }
        let single = self.all & LOWER == 0 || self.all & UPPER == 0;
        if self.digits > 0 && self.all & !HEX == 0 && (single || value.len() >= 32) {
            return Some(Shape::Hex);
        }
        let length = value.len() as i32;
        let alternates = value.len() >= 16 && self.turns * 4 >= value.len();
        let random = if self.digits > 0 { self.bits > 0 || alternates } else { self.bits > length / 2 };
        if random {
            return Some(Shape::Random);
        }
        (self.bits >= -length || self.is_mixed(value) || self.digits >= 6 && has_mixed_piece(value))
            .then_some(Shape::Vague)
    }

    /// Whether letters and digits are mixed in one piece.
    fn is_mixed(&self, value: &[u8]) -> bool {
        value.len() >= 20 && self.all & !(ALNUM | EQUALS) == 0 && self.digits >= 3 && self.digits + 3 <= value.len()
    }
}

/// Whether letters and digits take turns as often as in a token, and more often than in a name with numbers.
fn alternates(value: &[u8]) -> bool {
    let turns =
        value.windows(2).filter(|two| is(two[0], ALNUM) && is(two[1], ALNUM) && is(two[0], DIGIT) != is(two[1], DIGIT));
    value.len() >= 16 && turns.count() * 4 >= value.len()
}

pub(super) fn is_uuid(value: &[u8]) -> bool {
    value.len() == 36
        && value.iter().enumerate().all(|(at, &byte)| match at {
            8 | 13 | 18 | 23 => byte == b'-',
            _ => is(byte, HEX),
        })
}

fn decide(text: &[u8], place: &Range<usize>, shape: Shape, bits: i32) -> Option<&'static Rule> {
    let value = &text[place.clone()];
    let Before { class, assigned } = before(text, place.start);
    if class == Class::Public || !is_delimited(text, place) {
        return None;
    }
    if INDEX.begins(text, place.start) {
        return None;
    }
    let spoken = !assigned && class >= Class::Secret && shape == Shape::Vague && is_drawn(value);
    let rule = if class >= Class::Secret && named(value, shape, bits, assigned) || spoken {
        &NAMED
    } else if is_issued(text, place, shape, bits, Before { class, assigned }) {
        &NEAR_ISSUER
    } else if shape == Shape::Random && alone(text, place, value, bits) {
        &RANDOM
    } else {
        return None;
    };
    let unnamed = rule.name == RANDOM.name && (is_text_within(value) || is_alphabet(value));
    let worn = is_worn(value) || shape == Shape::Uuid && is_worn_uuid(value);
    let stands_in = unnamed || worn || is_telling(value) || is_telling_within(value);
    // What chains call a private key is written like their public hashes: the name tells.
    let chain_key = value.len() == 66 && class >= Class::Secret && value.starts_with(b"0x") && is_hex(&value[2..]);
    (!stands_in && (chain_key || !is_public_form(text, place, value))).then_some(rule)
}

fn is_issued(text: &[u8], place: &Range<usize>, shape: Shape, bits: i32, before: Before) -> bool {
    let value = &text[place.clone()];
    let commit = shape == Shape::Hex && value.len() == 40 && !before.assigned && before.class == Class::Unknown;
    let in_path = place.start > 0 && b"./".contains(&text[place.start - 1]);
    let may = match shape {
        Shape::Vague => before.assigned && has_mixed_piece(value),
        Shape::Number => before.assigned && before.class >= Class::Key && value.len() >= 24,
        Shape::Hex => value.len() >= 16 && !commit && !in_path,
        Shape::Uuid => !in_path,
        Shape::Random => value.len() >= if value.contains(&b'-') { 16 } else { 15 },
    };
    may && !is_mangled(text, place, value) && {
        let near = before.class.max(nearby(text, place.start));
        near > Class::Unknown && issued(value, shape, bits, near)
    }
}

/// Whether a value is no whole key as issuers draw them: cut short or lengthened by a byte, written by hand in one
/// place, or going on after a sign that is of no alphabet of keys.
fn is_mangled(text: &[u8], place: &Range<usize>, value: &[u8]) -> bool {
    let signs = count(value, UNDER | DASH);
    let uuid = value.len() == 35 && signs == 4 && count(value, HEX) == 31;
    let short = uuid || signs == 0 && matches!(value.len(), 15 | 31 | 35 | 39 | 47 | 63);
    let (lower, upper) = (count(value, LOWER), count(value, UPPER));
    // Of ten letters of one case and one of the other, or more, one in a hundred draws of both cases is made at most.
    let odd_case = lower.min(upper) == 1 && lower.max(upper) >= 8 || lower.min(upper) == 2 && lower.max(upper) >= 16;
    let strange = |byte: &u8| b"?!*#%^@$".contains(byte);
    let goes_on = text.get(place.end).is_some_and(|byte| strange(byte) && is_at(text, place.end + 1, ALNUM));
    let went_before = place.start > 1 && strange(&text[place.start - 1]) && is(text[place.start - 2], ALNUM);
    short || odd_case || goes_on || went_before
}

/// Whether a value holds letters and digits as what is drawn does: enough of both.
fn is_drawn(value: &[u8]) -> bool {
    let digits = count(value, DIGIT);
    value.len() >= 16 && digits >= 4 && count(value, LETTER) >= 4 && count(value, UNDER | DASH) <= 3
}

/// Whether a value is one that a name calls secret.
fn named(value: &[u8], shape: Shape, bits: i32, assigned: bool) -> bool {
    let length = value.len() as i32;
    match shape {
        Shape::Hex => value.len() >= if assigned { 12 } else { 16 },
        Shape::Number => assigned,
        Shape::Uuid => assigned,
        Shape::Random => assigned || bits > length / 2 || alternates(value),
        Shape::Vague if Sketch::of(value).is_mixed(value) => true,
        Shape::Vague if count(value, UNDER | DASH) > 0 => has_mixed_piece(value),
        Shape::Vague => assigned && (count(value, DIGIT) > 0 || bits > -length / 4),
    }
}

/// Whether letters and digits are mixed in a long piece of a value that signs part.
fn has_mixed_piece(value: &[u8]) -> bool {
    value.split(|&byte| is(byte, UNDER | DASH)).any(|piece| Sketch::of(piece).is_mixed(piece))
}

/// Whether a value near an issuer's name, or a word of secrets, is a key of it.
fn issued(value: &[u8], shape: Shape, bits: i32, near: Class) -> bool {
    match shape {
        Shape::Hex => value.len() >= if near >= Class::Secret { 16 } else { 20 },
        Shape::Uuid => true,
        Shape::Random => value.len() >= 15 && (bits > 8 || alternates(value)),
        Shape::Vague | Shape::Number => true,
    }
}

/// Whether a value says by itself that it was drawn at random.
fn alone(text: &[u8], place: &Range<usize>, value: &[u8], bits: i32) -> bool {
    let all = union(value);
    let plain = all & !(ALNUM) == 0;
    let digits = count(value, DIGIT);
    let most = value.len() as i32;
    // Padding says that bytes were put into base64, in which digits are one in seven at the mean.
    let padded = value.len() >= 40 && value.len().is_multiple_of(4) && value.ends_with(b"=") && digits >= 2;
    value.len() >= 20
        && !is_mangled(text, place, value)
        && (digits * 12 >= value.len() || padded)
        && digits * 2 < value.len()
        && bits > most
        && (plain || bits * 2 > most * 3)
        && stands_alone(text, place)
}

/// Whether a value stands between signs that end values.
fn is_delimited(text: &[u8], place: &Range<usize>) -> bool {
    let ends = |byte: u8| is(byte, QUOTE | SPACE | EQUALS | SLASH) || b",;:<>&|()[]{}\\@.".contains(&byte);
    let before =
        place.start == 0 || ends(text[place.start - 1]) || text[place.start - 1] == b'-' || escaped(text, place.start);
    let after = text.get(place.end).is_none_or(|&byte| ends(byte) && byte != b'(');
    before && after
}

/// Whether a value stands by itself, and is no part of an address, of a path or of something with dots in it.
fn stands_alone(text: &[u8], place: &Range<usize>) -> bool {
    let joins = |byte: u8| b"./@#&~\\-".contains(&byte);
    let before = place.start == 0 || !joins(text[place.start - 1]) || escaped(text, place.start);
    let after = text
        .get(place.end)
        .is_none_or(|&byte| !joins(byte) || byte == b'\\' || byte == b'.' && !is_at(text, place.end + 1, ALNUM | DOT));
    before && after && is_delimited(text, place)
}

fn escaped(text: &[u8], at: usize) -> bool {
    at > 1 && text[at - 2] == b'\\' || at > 5 && text[at - 6] == b'\\'
}

/// What hashes, images, documents, certificates, public keys and ids of logs begin with.
const PUBLIC_STARTS: &str = "\
    iVBORw0KGgo /9j/ R0lGOD JVBERi0 UEsDB H4sI MII AAAAB3NzaC1 AAAAC3NzaC1 AAAAE2VjZHNh toolu_ msg_ req_ call_ \
    chatcmpl- resp_ srvtoolu_ run_ thread_ file- sha256- sha512- sha384- sha1- asst_ step_ PHN2Zy AAEAAA d09GR \
    AAABAA T2dnUw SUQz /wD/ data 0x ssh- Qm bafy";

/// Whether a value is base64 of a readable text, which who decodes looks into: text is not drawn at random.
fn is_text_within(value: &[u8]) -> bool {
    let mut bytes = [0; 96];
    let length = jwt::decode(value, &mut bytes);
    let readable = |byte: &u8| matches!(byte, b' '..=b'~' | b'\n' | b'\r' | b'\t');
    length >= 12 && bytes[..length].iter().all(readable)
}

/// Whether a UUID was made up by hand: one digit stands in half of it, or very few digits in all of it.
fn is_worn_uuid(value: &[u8]) -> bool {
    let most = (b'0'..=b'9').chain(b'a'..=b'f').map(|digit| value.iter().filter(|byte| **byte == digit).count()).max();
    distinct(value) <= 4 || most.is_some_and(|most| most >= 16)
}

/// Whether a value is base64 of a text that says of itself that it is no secret, or that is sealed.
fn is_telling_within(value: &[u8]) -> bool {
    let mut bytes = [0; 96];
    let length = jwt::decode(value, &mut bytes);
    let inner = &bytes[..length];
    length >= 8 && inner.iter().all(|byte| matches!(byte, b' '..=b'~')) && (is_telling(inner) || is_reference(inner))
}

/// Random by its nature and made to be seen: hashes with their name, images, certificates, public keys, ids.
fn is_public_form(text: &[u8], place: &Range<usize>, value: &[u8]) -> bool {
    let before = &text[place.start.saturating_sub(8)..place.start];
    let marks: &[&[u8]] = &[
        b"sha256-", b"sha512-", b"sha384-", b"sha1-", b"sha256:", b"sha512:", b"base64,", b"h1:", b"md5:", b"sha1:",
        b"0x", b"-rsa ", b"5519 ", b"p256 ",
    ];
    let cut = text[place.end..].starts_with(b"..") || before.ends_with(b"..");
    let sealed = is_sealed(&text[place.start.saturating_sub(1024)..place.start])
        || before.ends_with(b"ENC(")
        || before.ends_with(b"2048:");
    cut || sealed
        || PUBLIC_STARTS.split_ascii_whitespace().any(|start| value.starts_with(start.as_bytes()))
        || marks.iter().any(|mark| before.ends_with(mark))
        || is_folded(text, place)
}

/// Whether the text before a value opens ciphertext that it belongs to, as in `ENC[AES256_GCM,data:…,iv:`.
fn is_sealed(before: &[u8]) -> bool {
    let open = before.iter().rposition(|byte| b"[]\n".contains(byte));
    open.is_some_and(|open| before[open] == b'[' && before[..open].ends_with(b"ENC"))
}

/// Whether a value is a line of folded base64 among others, as in certificates and public keys.
fn is_folded(text: &[u8], place: &Range<usize>) -> bool {
    let line = |length: usize| matches!(length, 48 | 60 | 64 | 70 | 72 | 76);
    let blanks = span_before(text, place.start, SPACE, 16);
    let begins = text[place.start - blanks..place.start].contains(&b'\n') || text[..place.start].ends_with(b"\\n");
    if !begins || place.start < 2 {
        return false;
    }
    let above = span_before(text, place.start - blanks.max(2), BASE64_PADDED, 80);
    let gap = span(text, place.end, SPACE, 16);
    let below = span(text, place.end + gap, BASE64_PADDED, 80);
    let headed = text[..place.start - blanks].ends_with(b"-----") || text[..place.start].ends_with(b"-----\\n");
    let among = headed || above >= 24 || gap > 0 && below >= 24;
    line(place.len()) && among && !is_hex(&text[place.clone()]) || line(above)
}

fn is_hex(value: &[u8]) -> bool {
    value.iter().all(|&byte| is(byte, HEX))
}
