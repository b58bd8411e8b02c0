//! A file is scanned since its earlier version: the verdict is that of a whole scan.

use proptest::prelude::*;

use super::planted::encodings;
use super::*;

/// A scanner whose windows tell of `window` bytes at most.
fn windowed(window: usize) -> Scanner {
    let mut scanner = scanner();
    (scanner.cut.window, scanner.cut.margin) = (window, MARGIN);
    scanner
}

/// Lines that hold nothing, no two alike.
fn lines(count: usize) -> Vec<u8> {
    let line = |number: usize| {
        let hash = number.wrapping_mul(0x9e37_79b9) as u32;
        format!(
            "{{\"number\": {number}, \"text\": \"some prose\\nof line {hash:08x}\", \"share\": \"100% &amp; more\"}}\n"
        )
    };
    (0..count).flat_map(|number| line(number).into_bytes()).collect()
}

/// What a scan of `text` finds since `earlier`, which must be what a whole scan finds.
fn since(scanner: &Scanner, earlier: &[u8], text: &[u8]) -> Vec<Finding> {
    let whole = scanner.scan_bytes("file.txt", text).expect("it can be scanned");
    let since = scanner.scan_since("file.txt", earlier, &mut &*text).expect("it can be scanned");
    assert_eq!(since, whole, "{}", String::from_utf8_lossy(text));
    since
}

/// A value in each encoding, and broken over lines in each way to fold it.
fn written() -> Vec<String> {
    let folded = |width: usize, lead: &str| {
        let lines = VALUE.as_bytes().chunks(width).map(String::from_utf8_lossy);
        lines.collect::<Vec<_>>().join(&format!("\n{lead}"))
    };
    let mut written: Vec<_> = encodings().into_iter().map(|(_, encode)| encode(VALUE)).collect();
    written.extend([folded(1, ""), folded(7, "  "), folded(13, "> "), base64(&[b'.'; 900]) + VALUE]);
    written
}

/// At each place of two windows: inserted as a whole, and completed, where all but a byte of it stood there before.
#[test]
fn a_value_that_comes_to_be_across_any_edge_is_found() {
    let scanner = windowed(1_500);
    let before = lines(60);
    let mut found = 0;
    for (number, value) in written().into_iter().enumerate() {
        let value = format!(" {value} ").into_bytes();
        for place in (1_000 + number..4_500).step_by(211) {
            let text = [&before[..place], &value, &before[place..]].concat();
            found += usize::from(!since(&scanner, &before, &text).is_empty());
            let missing = place + value.len() / 2;
            let earlier = [&text[..missing], &text[missing + 1..]].concat();
            if scanner.scan_bytes("file.txt", &earlier).expect("it can be scanned").is_empty() {
                since(&scanner, &earlier, &text);
            }
        }
    }
    assert!(found > 8 * written().len(), "{found} were found");
}

#[test]
fn windows_are_the_same_wherever_in_a_text_they_stand() {
    let text = lines(40_000);
    let scanner = scanner();
    let fresh = |text: &[u8], earlier: &[u8]| {
        let known = super::super::stream::Known::of(earlier, scanner.cut);
        super::super::stream::Known::of(text, scanner.cut).beside(&known)
    };
    let all = fresh(&text, b"");
    let begun = [b"a longer beginning\n", &text[..]].concat();
    let amid = [&text[..text.len() / 2], b"a line\n", &text[text.len() / 2..]].concat();
    for changed in [begun, amid] {
        let few = fresh(&changed, &text);
        assert!((1..=4).contains(&few) && all > 8, "{few} of {all} windows are looked at");
    }
    assert_eq!(fresh(&text, &text), 0);
}

#[test]
fn what_was_packed_and_is_text_now_is_looked_at_as_text() {
    let scanner = windowed(1_500);
    let text = around_value(6_000);
    for magic in [&b"\x1f\x8b\x08"[..], b"BZh"] {
        let earlier = [magic, &text[..]].concat();
        assert!(!since(&scanner, &earlier, &text).is_empty());
    }
}

fn around_value(length: usize) -> Vec<u8> {
    let lines = lines(length / 50);
    [&lines[..length / 2], b" ", VALUE.as_bytes(), b" ", &lines[length / 2..]].concat()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn what_is_found_since_an_earlier_version_is_what_is_found_at_all(
        edits in prop::collection::vec((0_usize..12_000, 0_usize..40, 0_usize..40), 1..6),
        window in prop::sample::select(vec![1_024_usize, 2_500, 6_000]),
    ) {
        let scanner = windowed(window);
        let (earlier, written) = (lines(140), written());
        let mut text = earlier.clone();
        for (place, length, what) in edits {
            let place = place.min(text.len());
            let end = (place + length).min(text.len());
            let put = written.get(what).map_or_else(|| "x\n".repeat(what), |value| format!(" {value} "));
            text.splice(place..end, put.into_bytes());
        }
        since(&scanner, &earlier, &text);
        // And the other way round, where the values go.
        if scanner.scan_bytes("file.txt", &text).expect("it can be scanned").is_empty() {
            since(&scanner, &text, &earlier);
        }
    }
}
