//! The gate as a whole: values planted in all the ways in which they may be written.

mod containers;
mod planted;
mod since;

use std::ops::Range;

use super::rules::{Hit, Kind, Rule};
use super::{Exact, Finding, Options, RuleSet, Scanner};

/// What the tests look for: tokens and quoted passwords, told by rules of their own.
static TOKEN: Rule = Rule { name: "token", kind: Kind::Secret, description: "A token of the tests" };
static PASSWORD: Rule = Rule { name: "password", kind: Kind::Secret, description: "A password of the tests" };
static HOST: Rule = Rule { name: "host-name", kind: Kind::Identity, description: "This machine's name" };

const RULES: RuleSet = RuleSet { find, rules: &[&TOKEN, &PASSWORD], context: || 256 };

/// A token: `tok_` and 24 letters and digits.
const VALUE: &str = "tok_9fK2mQ7xLp4Zr8Vw3Ty6Bn1H";
const HOST_NAME: &str = "spark-41a7";

fn find(text: &[u8], hits: &mut Vec<Hit>, runs: &mut Vec<Range<usize>>) {
    let is_run = |byte: &u8| byte.is_ascii_alphanumeric() || b"+/=_%-".contains(byte);
    let mut start = 0;
    for at in 0..=text.len() {
        if !text.get(at).is_some_and(is_run) {
            if at - start >= 20 {
                runs.push(start..at);
            }
            start = at + 1;
        }
    }
    for at in memchr::memmem::find_iter(text, b"tok_") {
        let end = at + 4 + text[at + 4..].iter().take_while(|byte| byte.is_ascii_alphanumeric()).count();
        if end - at == VALUE.len() && !text[..at].last().is_some_and(|byte| byte.is_ascii_alphanumeric()) {
            hits.push(Hit { rule: &TOKEN, span: at..end });
        }
    }
    for at in memchr::memmem::find_iter(text, b"password=\"") {
        let length = text[at + 10..].iter().take(64).position(|&byte| byte == b'"');
        if let Some(length) = length.filter(|&length| length >= 8) {
            hits.push(Hit { rule: &PASSWORD, span: at + 10..at + 10 + length });
        }
    }
}

fn scanner() -> Scanner {
    let exact = vec![Exact { rule: &HOST, value: HOST_NAME.into() }];
    Scanner::new(Options { secrets: RULES, exact, key: Some([7; 32]), ..Options::default() }).expect("a scanner")
}

/// Bytes that a window sees on each side: enough for the values of the tests, encoded twice.
const MARGIN: usize = 2_048;

/// What a scanner with windows of `window` bytes finds in `text`.
fn cut(window: usize, text: &[u8]) -> Vec<Finding> {
    let mut scanner = scanner();
    scanner.cut.window = window;
    scanner.cut.margin = MARGIN;
    scanner.scan_bytes("file.txt", text).expect("it can be scanned")
}

fn scan(text: impl AsRef<[u8]>) -> Vec<Finding> {
    scanner().scan_bytes("file.txt", text.as_ref()).expect("it can be scanned")
}

fn words(findings: &[Finding]) -> Vec<(&str, u64, u64, Vec<&str>)> {
    let layers = |finding: &Finding| finding.layers.iter().map(|layer| layer.word()).collect();
    findings.iter().map(|finding| (finding.rule.as_str(), finding.line, finding.column, layers(finding))).collect()
}

fn base64(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut out = String::new();
    for group in bytes.chunks(3) {
        let number = (0..3).fold(0_usize, |number, at| number << 8 | usize::from(group.get(at).copied().unwrap_or(0)));
        for at in 0..4 {
            out.push(if at <= group.len() { char::from(DIGITS[number >> (18 - 6 * at) & 63]) } else { '=' });
        }
    }
    out
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[test]
fn a_plain_value_is_found_once_at_its_place() {
    let findings = scan(format!("one\ntwo {VALUE} two\nthree\n"));
    assert_eq!(words(&findings), [("token", 2, 5, vec![])]);
    assert_eq!(findings[0].file, "file.txt");
}

#[test]
fn clean_text_is_clean() {
    let text = "Nothing to see.\nhttps://example.org/a%20b?c=d&amp;e=\"f\"\n{\"text\": \"a\\nb\\tc\"}\n".repeat(100);
    assert_eq!(scan(text), []);
}

#[test]
fn a_finding_never_holds_the_value() {
    for text in [VALUE.to_owned(), format!("password=\"{HOST_NAME}\""), base64(VALUE.as_bytes())] {
        let findings =
            scanner().scan_bytes(&format!("dir/{VALUE}/{HOST_NAME}.txt"), text.as_bytes()).expect("findings");
        assert!(findings.len() >= 3, "{findings:?}");
        let told = format!("{findings:?} {:?}", scanner());
        assert!(!told.contains(VALUE) && !told.contains(HOST_NAME), "{told}");
    }
}

#[test]
fn a_name_is_scanned_and_masked() {
    let findings = scanner().scan_bytes(&format!("a/{VALUE}.html"), b"clean").expect("findings");
    assert_eq!(words(&findings), [("token", 1, 3, vec!["name"])]);
    assert_eq!(findings[0].file, "a/[token].html");
}

#[test]
fn the_same_value_has_the_same_fingerprint_however_it_is_written() {
    let findings = scan(format!("{VALUE}\n{}\n{}\n", base64(VALUE.as_bytes()), hex(VALUE.as_bytes())));
    assert_eq!(findings.len(), 3);
    assert!(findings.iter().all(|finding| finding.fingerprint == findings[0].fingerprint), "{findings:?}");
}

#[test]
fn what_cannot_be_read_is_an_error() {
    struct Broken;
    impl std::io::Read for Broken {
        fn read(&mut self, _: &mut [u8]) -> std::io::Result<usize> {
            Err(std::io::Error::other("the disk is gone"))
        }
    }
    let mut reader = std::io::Read::chain(VALUE.as_bytes(), Broken);
    let error = scanner().scan("file", &mut reader).expect_err("an error");
    assert_eq!(error.to_string(), "the disk is gone");
}

#[test]
fn more_values_than_anybody_reads_end_the_scan_with_an_error() {
    let text = format!("{VALUE}\n").repeat(20_000);
    let examined = scanner().examine("f", "f", &mut text.as_bytes());
    assert_eq!(examined.findings.len(), 10_000);
    assert!(examined.failed.is_some());
}

#[test]
fn the_hash_changes_with_whatever_a_verdict_rests_on() {
    let hash = |options: Options| Scanner::new(options).expect("a scanner").rules_hash();
    let plain = hash(Options::default());
    assert_eq!(hash(Options { key: Some([1; 32]), ..Options::default() }), plain, "a key decides nothing");
    assert_ne!(hash(Options { identity: true, ..Options::default() }), plain);
    let exact = |value: &str| vec![Exact { rule: &HOST, value: value.into() }];
    let one = hash(Options { exact: exact("spark-1"), ..Options::default() });
    assert_ne!(one, plain);
    assert_ne!(hash(Options { exact: exact("spark-2"), ..Options::default() }), one);
    let imported = super::Imported::read("[[rules]]\nid = 'a'\nregex = 'x'").expect("a rule");
    assert_ne!(hash(Options { imported: Some(imported), ..Options::default() }), plain);
}

#[test]
fn what_is_harmless_stays_so_at_any_distance_from_a_tag() {
    let scanner = Scanner::new(Options { identity: true, ..Options::default() }).expect("a scanner");
    for distance in 90..160 {
        let words = &"lorem ipsum ".repeat(20)[..distance];
        let text = format!("<p>{words} http://localhost:8010/ and 127.0.0.1:9765, {words} core/parser</p>");
        assert_eq!(scanner.scan_bytes("page", text.as_bytes()).expect("it can be scanned"), [], "{distance}");
    }
}
