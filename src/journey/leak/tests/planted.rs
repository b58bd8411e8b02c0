//! A planted value at any place, in any encoding, across any edge.

use proptest::prelude::*;

use super::super::Canary;
use super::*;

/// Text that holds nothing, with what the engine looks closer at.
const FILLER: &str = "Some prose, a path src/journey/leak, {\"a\": \"b\\nc\\\"d\", \"id\": \
                      \"1c0f9e5e-6f0b-4c3a-9d8e-0a1b2c3d4e5f\"}\nda39a3ee5e6b4b0d3255bfef95601890afd80709 &amp; \
                      <b>x</b> 100% %20 =\niVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk\n";

pub(super) type Encode = fn(&str) -> String;

/// The ways to write a value.
pub(super) fn encodings() -> Vec<(&'static str, Encode)> {
    vec![
        ("plain", |value| value.to_owned()),
        ("base64", |value| base64(value.as_bytes())),
        ("base64 after a byte", |value| base64(format!("x {value}").as_bytes())),
        ("base64 after two bytes", |value| base64(format!("xy {value} and more").as_bytes())),
        ("base64 without padding", |value| base64(value.as_bytes()).trim_end_matches('=').to_owned()),
        ("base64 for URLs", |value| base64(format!("~~~???{value}>>>").as_bytes()).replace('+', "-").replace('/', "_")),
        ("hex", |value| hex(value.as_bytes())),
        ("HEX", |value| format!("0x{}", hex(value.as_bytes()).to_uppercase())),
        ("bytes", |value| value.bytes().map(|byte| format!("0x{byte:02x}, ")).collect()),
        ("\\x", |value| value.bytes().map(|byte| format!("\\x{byte:02x}")).collect()),
        ("\\u", |value| value.chars().map(|character| format!("\\u{:04X}", u32::from(character))).collect()),
        ("one \\u", |value| value.replacen('_', "\\u005f", 1)),
        ("percent", |value| value.bytes().map(|byte| format!("%{byte:02x}")).collect()),
        ("one percent", |value| value.replacen('_', "%5F", 1)),
        ("entities", |value| value.chars().map(|character| format!("&#{};", u32::from(character))).collect()),
        ("hex entities", |value| value.chars().map(|character| format!("&#x{:X};", u32::from(character))).collect()),
        ("twice escaped", |value| value.replacen('_', "&amp;#95;", 1)),
        ("tags", |value| format!("{}<wbr><span class=\"x\">{}</span>", &value[..7], &value[7..])),
        ("zero width", |value| value.replacen('_', "_\u{200b}", 1)),
        ("soft hyphen", |value| value.replacen('_', "\u{ad}_", 1)),
        ("colours", |value| value.replacen('_', "_\u{1b}[31m", 1)),
        ("utf-16", |value| value.bytes().flat_map(|byte| [char::from(byte), '\0']).collect()),
        ("quoted-printable", |value| format!("k=3D{}", value.replacen('_', "=5F", 1))),
    ]
}

fn around(value: &str, before: usize, after: usize) -> String {
    let filler = FILLER.repeat(before.max(after) / FILLER.len() + 2);
    format!("{} {value} {}", &filler[filler.len() - before..], &filler[..after])
}

#[test]
fn a_value_is_found_in_every_encoding() {
    for (name, encode) in encodings() {
        let findings = scan(around(&encode(VALUE), 300, 300));
        assert_eq!(findings.len(), 1, "{name}: {findings:?}");
        assert_eq!(findings[0].rule, "token", "{name}");
    }
}

#[test]
fn a_value_is_found_under_two_encodings() {
    let layers =
        || encodings().into_iter().filter(|(name, _)| !matches!(*name, "tags" | "quoted-printable" | "utf-16"));
    for (outer_name, outer) in layers() {
        for (inner_name, inner) in layers() {
            let text = around(&outer(&inner(VALUE)), 300, 300);
            let findings = scan(&text);
            assert!(!findings.is_empty(), "{outer_name} of {inner_name}: {text}");
        }
    }
}

#[test]
fn an_exact_value_is_found_in_every_encoding() {
    for (name, encode) in encodings() {
        let findings = scan(around(&encode(HOST_NAME).replace('_', "-"), 300, 300));
        assert!(findings.iter().any(|finding| finding.rule == "host-name"), "{name}: {findings:?}");
    }
}

#[test]
fn a_quoted_value_is_found_however_often_its_quotes_are_escaped() {
    for quote in ["\"", "\\\"", "\\\\\\\"", "&quot;", "&#34;", "\\u0022", "&amp;quot;", "\\u0026quot;", "%22"] {
        let findings = scan(format!("{{\"a\": 1}} password={quote}correct horse{quote} x"));
        assert_eq!(findings.len(), 1, "{quote}: {findings:?}");
    }
}

#[test]
fn a_backslash_before_a_token_is_no_escape() {
    for text in [format!("C:\\x\\{VALUE}"), format!("one\\two {VALUE}"), format!("a\\n{VALUE}\\nb")] {
        assert_eq!(scan(&text).len(), 1, "{text}");
    }
}

#[test]
fn a_value_is_found_however_it_is_folded() {
    let encoded = base64(format!("{VALUE} and {}", "some more text ".repeat(12)).as_bytes());
    for width in [1, 2, 7, 13, 27, 64, 76] {
        for value in [VALUE, &encoded] {
            for (lead, indentation, end) in [
                ("", "", ""),
                ("value: ", "    ", ""),
                ("> ", "> ", "\r"),
                ("", "", "="),
                ("x ", "", " \\"),
                ("", "# ", ""),
            ] {
                let lines: Vec<_> = value.as_bytes().chunks(width).map(String::from_utf8_lossy).collect();
                let text = format!("before it\n{lead}{}\nafter it\n", lines.join(&format!("{end}\n{indentation}")));
                assert!(!scan(&text).is_empty(), "{width}: {text}");
                let json = text.replace('\\', "\\\\").replace('\n', "\\n");
                assert!(!scan(&json).is_empty(), "{width} in JSON: {json}");
            }
        }
    }
}

#[test]
fn the_canary_is_caught_and_a_gate_that_skips_a_form_is_not() {
    let canary = Canary::new().expect("random numbers");
    let options = Options { exact: vec![canary.exact()], ..Options::default() };
    let scanner = Scanner::new(options).expect("a scanner");
    let findings = scanner.scan_bytes(canary.file(), &canary.bytes().expect("a document")).expect("findings");
    assert_eq!(canary.caught(canary.file(), &findings), Ok(()));
    let packed = scanner.scan_bytes(canary.file(), &canary.compressed().expect("a document")).expect("findings");
    assert_eq!(canary.caught(canary.file(), &packed), Ok(()));
    let last = findings.iter().map(|finding| finding.line).max().expect("findings");
    for line in 1..=last {
        let fewer: Vec<_> = findings.iter().filter(|finding| finding.line != line).cloned().collect();
        assert!(canary.caught(canary.file(), &fewer).is_err(), "without line {line}");
    }
    assert!(canary.caught(canary.file(), &[]).is_err());
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_edges_of_windows_change_nothing(
        places in prop::collection::vec((0_usize..20_000, 0_usize..23), 1..8),
        window in prop::sample::select(vec![1_024_usize, 2_500, 6_000]),
    ) {
        let mut text = FILLER.repeat(20_000 / FILLER.len() + 1).into_bytes();
        let mut places = places;
        places.sort_unstable();
        for (place, encoding) in places.iter().rev() {
            let value = format!(" {} ", encodings()[*encoding].1(VALUE));
            text.splice(*place..*place, value.into_bytes());
        }
        let whole = cut(1 << 20, &text);
        prop_assert!(whole.len() >= places.len() / 2);
        let cut = cut(window, &text);
        prop_assert_eq!(cut.len(), whole.len(), "{:?} {:?}", cut, whole);
        for (cut, whole) in cut.into_iter().zip(whole) {
            // Where a value begins within a group of base64 digits depends on what was decoded with it.
            let near = if whole.layers.is_empty() { 0 } else { 3 };
            prop_assert!(cut.column.abs_diff(whole.column) <= near, "{:?} {:?}", cut, whole);
            prop_assert_eq!(Finding { column: whole.column, ..cut }, whole);
        }
    }

    #[test]
    fn a_value_at_an_edge_is_found(offset in 0_usize..400, encoding in 0_usize..23) {
        let window = 4_096;
        let value = encodings()[encoding].1(VALUE);
        let text = around(&value, window - 200 + offset, 9_000);
        prop_assert_eq!(cut(window, text.as_bytes()).len(), 1);
    }

    #[test]
    fn any_bytes_are_scanned_to_their_end(bytes in prop::collection::vec(any::<u8>(), 0..4_000)) {
        let examined = scanner().examine("f", "f", &mut bytes.as_slice());
        prop_assert!(examined.failed.is_none() || bytes.len() > 3);
    }

    #[test]
    fn what_looks_like_escapes_is_scanned_to_its_end(text in r#"(\\|u|x|n|&|#|;|%|=|0|4|1|<|b|>|"| |\n|\x1b|\[|m|\x00){0,200}"#) {
        let examined = scanner().examine("f", "f", &mut text.as_bytes());
        prop_assert!(examined.failed.is_none());
    }
}
