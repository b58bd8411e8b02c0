use proptest::prelude::*;

use super::*;
use crate::journey::leak::rules::{Kind, Rule};

const HOST: Rule = Rule { name: "machine-host", kind: Kind::Identity, description: "a host" };
const WORD: Rule = Rule { name: "private-word", kind: Kind::Identity, description: "a word" };
const TOKEN: Rule = Rule { name: "example-token", kind: Kind::Secret, description: "a token" };

/// A stand-in for the rules of secrets: `xtk_` and 20 letters or digits.
fn tokens(text: &[u8], hits: &mut Vec<crate::journey::leak::rules::Hit>, _runs: &mut Vec<std::ops::Range<usize>>) {
    for at in memchr::memmem::find_iter(text, b"xtk_") {
        let length = text[at + 4..].iter().take_while(|byte| byte.is_ascii_alphanumeric()).count();
        if length >= 20 {
            hits.push(crate::journey::leak::rules::Hit { rule: &TOKEN, span: at..at + 4 + length });
        }
    }
}

fn exact(values: &[(&'static Rule, &str)]) -> Vec<Exact> {
    values.iter().map(|(rule, value)| Exact { rule, value: value.as_bytes().to_vec() }).collect()
}

fn redactor() -> Redactor {
    Redactor::new(tokens, &exact(&[(&HOST, "spark-41a7"), (&HOST, "anna"), (&WORD, "Acme & Söhne")])).unwrap()
}

#[test]
fn values_have_masks_that_stay_the_same() {
    let mut redactor = redactor();
    let mut text = |raw: &str| redactor.text(raw, 500);
    assert_eq!(text("on spark-41a7 and nas.lan, SPARK-41A7 again"), "on host-1 and host-2, host-1 again");
    assert_eq!(text("anna at savannah wrote to /home/anna/x"), "host-3 at savannah wrote to path-1");
    assert_eq!(text("ann@nas.lan:~$ ls; xtk_0123456789abcdefghij"), "mail-1:~$ ls; hidden-1");
    assert_eq!(text("bob@gpu7:~$ ls"), "user-1@host-4:~$ ls");
    assert_eq!(text("for Acme & Söhne"), "for word-1");
    assert_eq!(text("for Acme &amp; S\\u00f6hne"), "for word-1");
}

#[test]
fn masks_beside_each_other_are_no_secrets() {
    let mut redactor = Redactor::new(crate::journey::leak::rules::find, &[]).unwrap();
    let password = ["x7Kq", "2mZ9t4Lw8N"].concat();
    let text = redactor.text(&format!("see https://deploy:{password}@git.company.com/app.git of it"), 500);
    assert_eq!(text, "see https://user-1:hidden-1@git.company.com/app.git of it");
    for text in
        ["wedge, hidden-7: seen008x it says hidden-8", r#"{"files":["hidden-3","src/hidden-4"]}"#, "key-1: a7Bk"]
    {
        assert_eq!(redactor.text(text, 500), text);
    }
}

#[test]
fn what_is_broken_over_lines_is_masked_as_a_whole() {
    let mut redactor = redactor();
    let mut text = |raw: &str| redactor.text(raw, 500);
    assert_eq!(text("on spa\n  rk-41a7\nagain"), "on host-1 again");
    assert_eq!(text("> xtk_0123\n> 456789abcd\n> efghij"), "> hidden-1");
    assert_eq!(text("at 10.12\n1.246.144 or 192.16\\\n8.1.7"), "at address-1 or address-2");
    assert_eq!(text("in /home/bob/x\nthen the next\nline"), "in path-1 then the next line");
}

#[test]
fn what_is_encoded_is_masked_as_a_whole() {
    let mut redactor = redactor();
    let mut text = |raw: &str| redactor.text(raw, 500);
    assert_eq!(text("see aG9zdCBzcGFyay00MWE3IHVw."), "see host-1.");
    assert_eq!(text("%2Fhome%2Fbob%2Fx"), "path-1");
    assert_eq!(text("x 737061726b2d34316137 y"), "x host-2 y");
    assert_eq!(text("a\\u002fb \\/home\\/bob\\/x"), "a\\u002fb path-1");
    // base64 of base64 of `xtk_…`.
    assert_eq!(text("ZUhSclh6QXhNak0wTlRZM09EbGhZbU5rWldabmFHbHE="), "hidden-1");
}

#[test]
fn what_hides_is_taken_out() {
    let mut redactor = redactor();
    assert_eq!(redactor.text("sp\u{200b}ark-41a7 a\u{202e}b\u{1b}[0m\nx", 500), "host-1 a\u{fffd}b\u{fffd}[0m x");
    assert_eq!(redactor.text("  a\tb\n", 500), "a b");
}

#[test]
fn a_long_text_is_cut_between_words() {
    let mut redactor = redactor();
    assert_eq!(redactor.text("one two three", 13), "one two three");
    assert_eq!(redactor.text("one two three", 12), "one two…");
    assert_eq!(redactor.text("onetwothree", 5), "onet…");
    let long = format!("{} /home/ann/{}", "word ".repeat(20_000), "x".repeat(100));
    assert!(redactor.text(&long, 2000).chars().count() <= 2000);
    assert_eq!(redactor.text(&"x".repeat(100_000), 100), "");
}

/// Plain sentences of the kind that a judge and a loop write, with code words: none holds anything private.
const PLAIN: &str = include_str!("plain.txt");

#[test]
fn plain_sentences_are_left_as_they_are() {
    let mut redactor = redactor();
    for line in PLAIN.lines() {
        assert_eq!(redactor.text(line, 2000), line);
    }
}

fn base64(text: &str, alphabet: &[u8; 64], padded: bool) -> String {
    let mut out = String::new();
    for group in text.as_bytes().chunks(3) {
        let bits = group.iter().fold(0_u32, |bits, byte| bits << 8 | u32::from(*byte)) << (8 * (3 - group.len()));
        let digit = |index: usize| char::from(alphabet[(bits >> (18 - 6 * index) & 63) as usize]);
        out.extend((0..=group.len()).map(digit));
        out.extend((group.len()..3).filter(|_| padded).map(|_| '='));
    }
    out
}

const STANDARD: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
const URL_SAFE: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/// `value` in each form in which the issue wants it found.
fn encoded(value: &str, form: usize) -> String {
    let each = |format: &dyn Fn(u8) -> String| value.bytes().map(format).collect::<String>();
    let some = |format: &dyn Fn(u8) -> String| {
        value
            .bytes()
            .map(|byte| if byte.is_ascii_alphanumeric() { char::from(byte).to_string() } else { format(byte) })
            .collect::<String>()
    };
    match form {
        0 => value.to_owned(),
        1 => base64(value, STANDARD, true),
        2 => base64(value, URL_SAFE, false),
        3 => base64(&format!("user={value};"), STANDARD, true),
        4 => each(&|byte| format!("{byte:02x}")),
        5 => each(&|byte| format!("{byte:02X}")),
        6 => each(&|byte| format!("%{byte:02x}")),
        7 => some(&|byte| format!("%{byte:02X}")),
        8 => each(&|byte| format!("\\u{byte:04x}")),
        9 => value.replace('/', "\\/"),
        10 => each(&|byte| format!("&#{byte};")),
        11 => some(&|byte| format!("&#x{byte:x};")),
        12 => base64(&base64(value, STANDARD, true), STANDARD, true),
        13 => value.to_uppercase(),
        _ => base64(value, STANDARD, true).replace("=", "%3D"),
    }
}

const FORMS: usize = 15;

/// Values of this machine and of any, each of which must not be shown.
const PRIVATE: [&str; 9] = [
    "spark-41a7",
    "/home/bob/work/x.rs",
    "10.20.30.40",
    "bob.lee@acme.co.uk",
    "fd12:3456:789a:1::1",
    "3c:97:0e:12:ab:7f",
    "build-7.internal",
    "xtk_0123456789abcdefghij",
    "-home-bob-work",
];

/// `AUTOSWE_REDACT_CASES` for the long form.
fn cases() -> u32 {
    std::env::var("AUTOSWE_REDACT_CASES").map_or(400, |cases| cases.parse().unwrap())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: cases(), failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn nothing_planted_is_shown_in_any_encoding(
        planted in prop::collection::vec((0..PRIVATE.len(), 0..FORMS, "[a-zA-Z ,.]{0,24}"), 1..4),
        between in prop::sample::select(vec![" ", "\n", "\"", " (", "; ", "\t"]),
    ) {
        let raw: String = planted.iter().map(|(value, form, words)| format!("{words}{between}{}{between}", encoded(PRIVATE[*value], *form))).collect();
        let mut redactor = redactor();
        let shown = redactor.text(&raw, 5000);
        for (value, form, _) in planted {
            // Paths and tokens in capitals are others.
            let folds = !PRIVATE[value].starts_with(['x', '/', '-']);
            if folds || form != 13 {
                let encoded = encoded(PRIVATE[value], form);
                prop_assert!(!shown.contains(&encoded), "{encoded} of {raw:?} in {shown:?}");
            }
        }
        prop_assert!(redactor.shows_nothing(&shown), "{raw:?} became {shown:?}");
        prop_assert_eq!(redactor.text(&shown, 5000), shown);
    }

    #[test]
    fn whatever_comes_what_was_redacted_stays(raw in "\\PC{0,200}|[ -~\n\t\u{200b}\u{202e}]{0,300}", most in 1_usize..300) {
        let mut redactor = redactor();
        let shown = redactor.text(&raw, most);
        prop_assert!(shown.chars().count() <= most.max(10));
        prop_assert!(redactor.shows_nothing(&shown));
        prop_assert_eq!(redactor.text(&shown, most), shown);
    }
}
