//! Secrets in a text, each in each encoding.

use serde_json::json;

use super::place::Place;
use super::planted::{KINDS, Planter};
use super::seen::{base64, hex};

/// Encodings by name.
const ENCODINGS: [(&str, Encode); 19] = [
    ("plain", str::to_owned),
    ("base64", |text| padded(base64(text.as_bytes()))),
    ("base64 of a sentence", |text| padded(base64(format!("x {text} y").as_bytes()))),
    ("base64 without padding", |text| utf8(base64(format!(". {text}").as_bytes()))),
    ("base64url", |text| utf8(base64(text.as_bytes())).replace('+', "-").replace('/', "_")),
    ("hex", |text| utf8(hex(text.as_bytes(), false))),
    ("HEX", |text| utf8(hex(text.as_bytes(), true))),
    ("percent", |text| percent(text, true)),
    ("percent where needed", |text| percent(text, false)),
    ("percent within a URL", |text| percent(text, false).replace("%2E", ".")),
    ("double percent", |text| percent(&percent(text, true), false)),
    ("escapes of JSON", |text| text.encode_utf16().map(|unit| format!("\\u{unit:04x}")).collect()),
    ("entities", |text| text.bytes().map(|byte| format!("&#{byte};")).collect()),
    ("hexadecimal entities", |text| text.bytes().map(|byte| format!("&#x{byte:X};")).collect()),
    ("base64 of hex", |text| padded(base64(&hex(text.as_bytes(), false)))),
    ("hex of base64", |text| utf8(hex(&base64(text.as_bytes()), false))),
    ("base64 of base64", |text| padded(base64(&base64(text.as_bytes())))),
    ("folded base64", |text| folded(&padded(base64(format!("{text} and more, so that it is long").as_bytes())), 20)),
    ("folded", |text| folded(text, 8)),
];

fn utf8(bytes: Vec<u8>) -> String {
    String::from_utf8(bytes).unwrap()
}

fn padded(bytes: Vec<u8>) -> String {
    let text = utf8(bytes);
    let padding = "=".repeat((4 - text.len() % 4) % 4);
    text + &padding
}

fn percent(text: &str, all: bool) -> String {
    let one = |byte: u8| match byte.is_ascii_alphanumeric() && !all {
        true => char::from(byte).to_string(),
        false => format!("%{byte:02X}"),
    };
    text.bytes().map(one).collect()
}

fn folded(text: &str, width: usize) -> String {
    text.as_bytes().chunks(width).map(|piece| utf8(piece.to_vec())).collect::<Vec<_>>().join("\n")
}

/// Writes a text in another way.
type Encode = fn(&str) -> String;

/// A place in whose lessons each secret stands in each encoding.
fn planted() -> (Place, Planter) {
    let (mut place, mut planter) = (Place::new(10), Planter::default());
    let history = place.state()["history"].clone();
    for (_, encode) in ENCODINGS {
        for kind in 0..KINDS {
            let of = &history[kind];
            let text = format!("{} {}", planter.mark(), encode(&planter.alone(kind)));
            let line = json!({"ts": of["ended_at"], "epoch": of["epoch"], "iter": of["iter"], "lesson": text});
            place.add("wedge-lessons.jsonl", &line);
        }
    }
    planter.tell(&mut place);
    (place, planter)
}

#[test]
fn each_secret_in_each_encoding_is_seen_nowhere() {
    let (place, planter) = planted();
    let ended = place.run(&["synthesize", "--rebuild-site"]);
    let eyes = planter.eyes();
    eyes.see_nothing(&ended.out);
    eyes.see_nothing(&ended.err);
    eyes.see_nothing_in(&place.path("site"));
    assert_eq!(ended.code, Some(0), "{ended:?} {}", place.refusal());
    let (_, site) = place.shown().unwrap();
    assert_eq!(planter.missing(&site), Vec::<&String>::new());
}
