//! Whether a value can be seen in bytes, however it is written: a simple search of its own, that shares nothing with the
//! gate.

use std::fs;
use std::io::Read;
use std::path::Path;

use aho_corasick::AhoCorasick;

const STANDARD: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/// The values that are looked for, in all forms.
pub(super) struct Eyes {
    forms: AhoCorasick,
    /// The value of each form.
    values: Vec<String>,
}

impl Eyes {
    pub(super) fn new<'v>(values: impl IntoIterator<Item = &'v String>) -> Self {
        let (mut forms, mut of) = (Vec::new(), Vec::new());
        for value in values {
            assert!(value.len() >= 8, "{value} may be seen by chance");
            for form in forms_of(value.as_bytes()) {
                forms.push(form);
                of.push(value.clone());
            }
        }
        let forms = AhoCorasick::builder().ascii_case_insensitive(false).build(forms).unwrap();
        Eyes { forms, values: of }
    }

    /// The values that `bytes` hold, as they stand or with escapes undone, each with what stands around it.
    pub(super) fn see(&self, bytes: &[u8]) -> Vec<String> {
        let unescaped = unescaped(bytes);
        let percent = percent_decoded(&unescaped);
        let joined: Vec<u8> = percent.iter().copied().filter(|byte| !byte.is_ascii_whitespace()).collect();
        let views = [bytes, &unescaped, &percent, &percent_decoded(&percent), &joined];
        let told = |view: &[u8], hit: aho_corasick::Match| {
            let around = &view[hit.start().saturating_sub(60)..(hit.end() + 40).min(view.len())];
            format!("{} in …{}…", self.values[hit.pattern().as_usize()], String::from_utf8_lossy(around))
        };
        views.iter().flat_map(|view| self.forms.find_iter(view).map(|hit| told(view, hit))).collect()
    }

    /// Sees none of the values in any file below `directory`, nor in its name.
    pub(super) fn see_nothing_in(&self, directory: &Path) {
        let mut seen = Vec::new();
        for path in super::place::files(directory) {
            let name = path.to_str().unwrap().strip_prefix(directory.to_str().unwrap()).unwrap();
            let bytes = match fs::symlink_metadata(&path).unwrap().is_symlink() {
                true => fs::read_link(&path).unwrap().into_os_string().into_encoded_bytes(),
                false => fs::read(&path).unwrap(),
            };
            let views = [Some(name.as_bytes().to_vec()), unpacked(&bytes), Some(bytes)];
            let found = views.iter().flatten().flat_map(|bytes| self.see(bytes));
            seen.extend(found.map(|value| format!("{name}: {value}")));
        }
        assert!(seen.is_empty(), "{seen:#?}");
    }

    /// Sees none of the values in `text`.
    pub(super) fn see_nothing(&self, text: &str) {
        assert_eq!(self.see(text.as_bytes()), Vec::<String>::new(), "{text}");
    }
}

/// What `bytes` hold that are packed.
fn unpacked(bytes: &[u8]) -> Option<Vec<u8>> {
    let mut out = Vec::new();
    match bytes {
        [0x1f, 0x8b, ..] => flate2::read::MultiGzDecoder::new(bytes).read_to_end(&mut out).ok().map(|_| out),
        [0x28, 0xb5, 0x2f, 0xfd, ..] => zstd::decode_all(bytes).ok(),
        _ => None,
    }
}

/// The ways in which `value` may be written.
fn forms_of(value: &[u8]) -> Vec<Vec<u8>> {
    let (lower, upper) = (hex(value, false), hex(value, true));
    let mut forms = vec![value.to_vec()];
    for text in [value, &lower, &upper] {
        for shift in 0..3 {
            let form = base64_within(text, shift);
            let other: Vec<u8> = form.iter().map(|byte| if *byte == b'+' { b'-' } else { *byte }).collect();
            forms.push(other.iter().map(|byte| if *byte == b'/' { b'_' } else { *byte }).collect());
            forms.push(hex(&form, false));
            forms.push(form);
        }
    }
    forms.extend([lower, upper]);
    forms
}

pub(super) fn hex(bytes: &[u8], upper: bool) -> Vec<u8> {
    let digits = |byte: &u8| if upper { format!("{byte:02X}") } else { format!("{byte:02x}") };
    bytes.iter().map(digits).collect::<String>().into_bytes()
}

/// Base64 without padding.
pub(super) fn base64(bytes: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    for group in bytes.chunks(3) {
        let bits = group.iter().fold(0_u32, |bits, byte| bits << 8 | u32::from(*byte)) << (8 * (3 - group.len()));
        let letters = (0..=group.len()).map(|at| STANDARD[(bits >> (18 - 6 * at) & 63) as usize]);
        out.extend(letters);
    }
    out
}

/// The letters of base64 that depend on `value` alone, where it begins `shift` bytes into a group of three.
fn base64_within(value: &[u8], shift: usize) -> Vec<u8> {
    let all = base64(&[&vec![0; shift][..], value].concat());
    let (first, last) = ((shift * 8).div_ceil(6), (shift + value.len()) * 8 / 6);
    all[first..last].to_vec()
}

fn percent_decoded(bytes: &[u8]) -> Vec<u8> {
    let (mut out, mut at) = (Vec::with_capacity(bytes.len()), 0);
    while at < bytes.len() {
        let digits = bytes.get(at + 1..at + 3).and_then(|digits| std::str::from_utf8(digits).ok());
        match digits.filter(|_| bytes[at] == b'%').and_then(|digits| u8::from_str_radix(digits, 16).ok()) {
            Some(byte) => {
                out.push(byte);
                at += 3;
            }
            None => {
                out.push(bytes[at]);
                at += 1;
            }
        }
    }
    out
}

/// Without entities of HTML and escapes of JSON.
fn unescaped(bytes: &[u8]) -> Vec<u8> {
    let text = String::from_utf8_lossy(bytes);
    let (mut out, mut rest) = (String::with_capacity(text.len()), &text[..]);
    while let Some(at) = rest.find(['&', '\\']) {
        out.push_str(&rest[..at]);
        rest = &rest[at..];
        let (said, length) = entity(rest).or_else(|| escape(rest)).unwrap_or((rest.chars().next().unwrap(), 1));
        out.push(said);
        rest = &rest[length..];
    }
    out.push_str(rest);
    out.into_bytes()
}

/// The character that the entity at the beginning of `text` stands for, and its length.
fn entity(text: &str) -> Option<(char, usize)> {
    let end = text.bytes().take(12).position(|byte| byte == b';')?;
    let name = text[..end].strip_prefix('&')?;
    let said = match name.strip_prefix('#') {
        Some(number) => char::from_u32(match number.strip_prefix(['x', 'X']) {
            Some(digits) => u32::from_str_radix(digits, 16).ok()?,
            None => number.parse().ok()?,
        })?,
        None => match name {
            "amp" => '&',
            "lt" => '<',
            "gt" => '>',
            "quot" => '"',
            "apos" => '\'',
            _ => return None,
        },
    };
    Some((said, end + 1))
}

/// The same of an escape of JSON.
fn escape(text: &str) -> Option<(char, usize)> {
    match text.as_bytes().get(1)? {
        b'u' => {
            let number = u32::from_str_radix(text.get(2..6)?, 16).ok()?;
            Some((char::from_u32(number)?, 6))
        }
        b'n' => Some(('\n', 2)),
        byte @ (b'"' | b'\\' | b'/') => Some((char::from(*byte), 2)),
        _ => None,
    }
}

#[test]
fn the_eyes_see_a_value_in_each_form() {
    let value = "k7Rm2qXw9Zt4".to_owned();
    let eyes = Eyes::new([&value]);
    let percent = |text: &[u8]| text.iter().map(|byte| format!("%{byte:02X}")).collect::<String>().into_bytes();
    let wrapped = [b"it is ", value.as_bytes(), b" there"].concat();
    let entities: String = value.bytes().map(|byte| format!("&#{byte};")).collect();
    let escapes: String = value.bytes().map(|byte| format!("\\u{byte:04x}")).collect();
    let forms = [
        wrapped.clone(),
        base64(&wrapped),
        base64(&wrapped[1..]),
        base64(&wrapped[2..]),
        hex(&wrapped, true),
        percent(&wrapped),
        percent(&percent(&wrapped)),
        base64(&hex(&wrapped, false)),
        hex(&base64(&wrapped), false),
        entities.into_bytes(),
        escapes.into_bytes(),
        b"k7Rm2q\n  Xw9Zt4".to_vec(),
    ];
    for form in forms {
        assert!(eyes.see(&form)[0].starts_with(&value), "{}", String::from_utf8_lossy(&form));
    }
    assert_eq!(eyes.see(b"k7Rm2qXw9Zt and no more of it"), Vec::<String>::new());
}
