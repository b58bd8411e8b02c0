//! Undoes what is written another way inside text: escapes of JSON, JavaScript and shells, HTML entities, characters
//! that nobody sees and colours of terminals.
//!
//! Invariant: one pass over the text, in time that grows with its length alone. Escapes within escapes are undone in the
//! same step (`\\\"` is a quote whoever wrote it), so what comes out is the innermost text; where that is a guess, since
//! a backslash may just be a backslash, the place is told as a doubt and the text is looked at as it stands, too.

use std::ops::Range;

use memchr::memchr3_iter;

use super::Layer;
use super::patch::{AROUND, around};
use super::view::View;

/// A backslash and a letter before this many token bytes may be a backslash before a token: `\npm_...`.
const TOKEN: usize = 16;

/// What came of a pass.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Undone {
    /// Whether there was anything to undo; the view is empty if not.
    pub(super) changed: bool,
    /// Whether what came out may itself be an escape of another kind, so that another pass is due.
    pub(super) again: bool,
}

/// Writes `text` without its escapes to `view`, and to `doubts` the stretches of `text` that may mean what they show.
pub(super) fn undo(text: &[u8], view: &mut View, doubts: &mut Vec<Range<usize>>) -> Undone {
    let mut pass = Pass { text, view, done: 0, undone: Undone::default(), last_backslash: None, doubts };
    let mut hidden = invisible(text).peekable();
    for at in memchr3_iter(b'\\', b'&', 0x1b, text) {
        while let Some(place) = hidden.next_if(|place| place.start < at) {
            pass.replace(place, b"", Layer::Hidden);
        }
        if at < pass.done {
            continue;
        }
        match text[at] {
            b'\\' => pass.backslash(at),
            b'&' => pass.entity(at),
            _ => pass.colour(at),
        }
    }
    for place in hidden {
        pass.replace(place, b"", Layer::Hidden);
    }
    pass.finish()
}

struct Pass<'a> {
    text: &'a [u8],
    view: &'a mut View,
    /// The text up to here is in the view.
    done: usize,
    undone: Undone,
    /// The last backslash: its place, and whether it stands alone as far as is known.
    last_backslash: Option<(usize, bool)>,
    doubts: &'a mut Vec<Range<usize>>,
}

impl Pass<'_> {
    #[inline(always)]
    fn replace(&mut self, range: Range<usize>, output: &[u8], layer: Layer) {
        if range.start < self.done {
            return;
        }
        if !self.undone.changed {
            self.undone.changed = true;
            self.view.copy(self.text, 0..range.start);
        } else {
            self.view.follow(&self.text[self.done..range.start]);
        }
        self.done = range.end;
        self.view.replace(range, output, layer);
    }

    fn finish(mut self) -> Undone {
        self.settle(usize::MAX);
        if self.undone.changed {
            self.view.follow(&self.text[self.done..]);
        }
        self.undone
    }

    /// A run of backslashes and what they stand before.
    #[inline(always)]
    fn backslash(&mut self, at: usize) {
        let rest = &self.text[at..];
        let count = rest.iter().take_while(|&&byte| byte == b'\\').count();
        let Some(&escaped) = rest.get(count) else { return };
        let end = at + count + 1;
        let plain: &[u8] = match escaped {
            b'n' | b'\n' => b"\n",
            b'"' => b"\"",
            b't' => b"\t",
            b'r' => b"\r",
            b'/' => b"/",
            b'\'' => b"'",
            b'`' => b"`",
            b'u' | b'x' => return self.code_point(at, count),
            // `\\d` is `\d` written in JSON.
            _ if count > 1 => return self.replace(at..end - 1, b"\\", Layer::Json),
            _ => return,
        };
        self.note(at, end, matches!(escaped, b'n' | b't' | b'r'));
        self.replace(at..end, plain, Layer::Json);
    }

    /// Settles whether the backslash before stands alone, and notes this one at `at`, whose escape ends at `end` and is
    /// a `guess` where a letter follows.
    #[inline(always)]
    fn note(&mut self, at: usize, end: usize, guess: bool) {
        self.settle(at);
        let far = self.last_backslash.is_none_or(|(last, _)| at - last > AROUND);
        let token = guess && is_token(&self.text[end..]);
        if token {
            self.doubts.push(around(self.text, &(at..at)));
        }
        self.last_backslash = Some((at, far && guess && !token));
    }

    /// Tells the last backslash as a doubt when nothing else is near it up to `next`.
    #[inline(always)]
    fn settle(&mut self, next: usize) {
        if let Some((last, true)) = self.last_backslash
            && next - last > AROUND
        {
            self.doubts.push(around(self.text, &(last..last)));
        }
    }

    /// `\u0041`, `\u{41}`, `\x41`, a surrogate pair.
    fn code_point(&mut self, at: usize, count: usize) {
        let start = at + count;
        let Some((mut code, mut length)) = numbered(&self.text[start..]) else {
            if count > 1 {
                self.replace(at..start, b"\\", Layer::Json);
            }
            return;
        };
        if (0xd800..0xdc00).contains(&code)
            && let Some((low, more)) = low_surrogate(&self.text[start + length..])
        {
            code = 0x10000 + ((code - 0xd800) << 10) + (low - 0xdc00);
            length += more;
        }
        let end = start + length;
        self.note(at, end, true);
        if code == 0x1b
            && let Some(colour) = colour_length(&self.text[end..])
        {
            return self.replace(at..end + colour, b"", Layer::Hidden);
        }
        // `\xe2\x80\x8b` are the bytes of one character.
        if self.text[start] == b'x'
            && let Ok(byte @ 0x80..) = u8::try_from(code)
        {
            self.undone.again = true;
            return self.replace(at..end, &[byte], Layer::Json);
        }
        self.character(at..end, code, Layer::Json);
    }

    /// `&lt;`, `&#60;`, `&#x3c;`.
    fn entity(&mut self, at: usize) {
        if let Some((code, length)) = entity(&self.text[at..]) {
            self.character(at..at + length, code, Layer::Html);
        }
    }

    fn colour(&mut self, at: usize) {
        if let Some(length) = colour_length(&self.text[at + 1..]) {
            self.replace(at..at + 1 + length, b"", Layer::Hidden);
        }
    }

    fn character(&mut self, range: Range<usize>, code: u32, layer: Layer) {
        if is_invisible(code) {
            return self.replace(range, b"", Layer::Hidden);
        }
        let next = self.text.get(range.end);
        self.undone.again |= match code {
            0x26 => next.is_some_and(|byte| byte.is_ascii_alphanumeric() || b"#\\&".contains(byte)),
            0x5c | 0x1b => true,
            _ => false,
        };
        let mut buffer = [0; 4];
        let output = char::from_u32(code).unwrap_or('\u{fffd}').encode_utf8(&mut buffer);
        self.replace(range, output.as_bytes(), layer);
    }
}

fn is_token(text: &[u8]) -> bool {
    text.len() >= TOKEN && text[..TOKEN].iter().all(|byte| byte.is_ascii_alphanumeric() || b"_-./+".contains(byte))
}

/// The number after the backslashes, at `u` or `x`, and how many bytes it takes with the letter.
fn numbered(text: &[u8]) -> Option<(u32, usize)> {
    if text.starts_with(b"u{") {
        let digits = text[2..].iter().take(6).take_while(|byte| byte.is_ascii_hexdigit()).count();
        return (digits > 0 && text.get(2 + digits) == Some(&b'}')).then(|| (hex(&text[2..2 + digits]), digits + 3));
    }
    let digits = if text[0] == b'u' { 4 } else { 2 };
    let number = text.get(1..=digits)?;
    number.iter().all(u8::is_ascii_hexdigit).then(|| (hex(number), digits + 1))
}

fn low_surrogate(text: &[u8]) -> Option<(u32, usize)> {
    let count = text.iter().take_while(|&&byte| byte == b'\\').count();
    let rest = text.get(count..).filter(|rest| count > 0 && rest.first() == Some(&b'u'))?;
    numbered(rest).filter(|(code, _)| (0xdc00..0xe000).contains(code)).map(|(code, length)| (code, count + length))
}

fn hex(digits: &[u8]) -> u32 {
    digits.iter().fold(0, |number, &digit| number << 4 | char::from(digit).to_digit(16).unwrap_or(0))
}

/// Names of entities that stand for characters of values, or around them; the rest of HTML's two thousand is prose.
const NAMES: [(&[u8], u32); 26] = [
    (b"amp", 0x26),
    (b"lt", 0x3c),
    (b"gt", 0x3e),
    (b"quot", 0x22),
    (b"apos", 0x27),
    (b"nbsp", 0x20),
    (b"shy", 0xad),
    (b"zwnj", 0x200c),
    (b"zwj", 0x200d),
    (b"sol", 0x2f),
    (b"bsol", 0x5c),
    (b"colon", 0x3a),
    (b"semi", 0x3b),
    (b"equals", 0x3d),
    (b"lowbar", 0x5f),
    (b"hyphen", 0x2d),
    (b"dash", 0x2d),
    (b"plus", 0x2b),
    (b"period", 0x2e),
    (b"comma", 0x2c),
    (b"num", 0x23),
    (b"percnt", 0x25),
    (b"commat", 0x40),
    (b"excl", 0x21),
    (b"NewLine", 0x0a),
    (b"Tab", 0x09),
];

/// The character that an entity at the start of `text` stands for, and how many bytes it takes.
fn entity(text: &[u8]) -> Option<(u32, usize)> {
    // `&amp;amp;lt;`: escaped as often as one likes.
    let mut from = 1;
    while text[from..].starts_with(b"amp;") && from < 64 {
        from += 4;
    }
    let rest = &text[from..];
    let inner = if rest.first() == Some(&b'#') { number_entity(rest) } else { named_entity(rest) };
    match inner {
        Some((code, length)) => Some((code, from + length)),
        None => (from > 1).then_some((0x26, from)),
    }
}

fn named_entity(rest: &[u8]) -> Option<(u32, usize)> {
    let length = rest.iter().take(8).take_while(|byte| byte.is_ascii_alphabetic()).count();
    if rest.get(length) != Some(&b';') {
        return None;
    }
    NAMES.iter().find(|(name, _)| *name == &rest[..length]).map(|&(_, code)| (code, length + 1))
}

/// Browsers take a number without its semicolon, too.
fn number_entity(rest: &[u8]) -> Option<(u32, usize)> {
    let hexadecimal = matches!(rest.get(1), Some(b'x' | b'X'));
    let (start, radix) = if hexadecimal { (2, 16) } else { (1, 10) };
    let digits = rest[start.min(rest.len())..].iter().take(10);
    let length = digits.take_while(|&&byte| char::from(byte).is_digit(radix)).count();
    let text = std::str::from_utf8(&rest[start.min(rest.len())..][..length]).ok()?;
    let code = u32::from_str_radix(text, radix).ok()?;
    let end = start + length;
    Some((code, end + usize::from(rest.get(end) == Some(&b';'))))
}

/// The length of `[31m` and the like: what follows the escape character of a terminal's command.
fn colour_length(text: &[u8]) -> Option<usize> {
    if text.first() != Some(&b'[') {
        return None;
    }
    let parameters = text[1..].iter().take(24).take_while(|byte| matches!(byte, b'0'..=b'?')).count();
    text.get(1 + parameters).is_some_and(|byte| matches!(byte, b'@'..=b'~')).then_some(parameters + 2)
}

/// Zero-width spaces and joiners, marks of direction, the soft hyphen, the byte order mark.
fn is_invisible(code: u32) -> bool {
    matches!(code, 0xad | 0x200b..=0x200f | 0x202a..=0x202e | 0x2060..=0x2064 | 0xfeff)
}

/// The places of invisible characters in UTF-8, in order.
fn invisible(text: &[u8]) -> impl Iterator<Item = Range<usize>> {
    memchr3_iter(0xc2, 0xe2, 0xef, text).filter_map(|at| {
        let length = match text.get(at..at + 3).or_else(|| text.get(at..at + 2))? {
            [0xc2, 0xad, ..] => 2,
            [0xe2, 0x80, 0x8b..=0x8f | 0xaa..=0xae] | [0xe2, 0x81, 0xa0..=0xa4] | [0xef, 0xbb, 0xbf] => 3,
            _ => return None,
        };
        Some(at..at + length)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn undone(text: &[u8]) -> Vec<u8> {
        let (mut view, mut doubts) = (View::default(), Vec::new());
        let undone = undo(text, &mut view, &mut doubts);
        if undone.changed { view.bytes().to_vec() } else { text.to_vec() }
    }

    #[test]
    fn escapes_of_any_depth_become_what_they_stand_for() {
        for (written, meant) in [
            (r"a\nb", "a\nb"),
            (r"a\\nb", "a\nb"),
            (r#"\"\\\"\\\\\\\""#, "\"\"\""),
            (r"\u0041\\u0042\x43\u{44}", "ABCD"),
            (r"\/a\\/b", "/a/b"),
            (r"\d \\d \b", r"\d \d \b"),
            (r"J\u00fcrgen \ud83d\ude00", "Jürgen 😀"),
            ("a\\\nb", "a\nb"),
            (r"\u00", r"\u00"),
            ("\\", "\\"),
        ] {
            assert_eq!(String::from_utf8_lossy(&undone(written.as_bytes())), meant, "{written}");
        }
    }

    #[test]
    fn entities_become_what_they_stand_for() {
        for (written, meant) in [
            ("&lt;&gt;&amp;&quot;&apos;", "<>&\"'"),
            ("&#65;&#x42;&#X43;&#68", "ABCD"),
            ("&amp;lt;&amp;amp;#65;", "<A"),
            ("a&b;&unknown;&;&#;&#x;", "a&b;&unknown;&;&#;&#x;"),
            ("&", "&"),
            ("&#", "&#"),
            ("&#x", "&#x"),
            ("g&shy;h&zwnj;p", "ghp"),
            ("&#99999999999;", "&#99999999999;"),
        ] {
            assert_eq!(String::from_utf8_lossy(&undone(written.as_bytes())), meant, "{written}");
        }
    }

    #[test]
    fn what_nobody_sees_is_taken_away() {
        for written in ["g\u{200b}h\u{ad}p\u{feff}_\u{2060}", "g\x1b[1;31mhp\x1b[0m_", r"g\u200bhp\u001b[31m_"] {
            assert_eq!(undone(written.as_bytes()), b"ghp_", "{written:?}");
        }
        assert_eq!(undone("“quoted” – …".as_bytes()), "“quoted” – …".as_bytes());
    }

    #[test]
    fn a_backslash_that_may_be_one_is_a_doubt() {
        let doubts = |text: &str| {
            let (mut view, mut doubts) = (View::default(), Vec::new());
            undo(text.as_bytes(), &mut view, &mut doubts);
            doubts.len()
        };
        assert_eq!(doubts(r"C:\npm_0123456789abcdef"), 1);
        assert_eq!(doubts(r"a\tb"), 1, "alone");
        assert_eq!(doubts(r"one\ntwo\nthree\nfour"), 0, "text in JSON");
    }
}
