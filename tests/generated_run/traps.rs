//! What is planted, so that a test can look whether any of it comes out again.
//!
//! Invariant: no secret stands in this file; each is made of chance in the published form of its kind.

use serde::Serialize;

use super::Plan;
use super::chance::Chance;

const ALPHANUMERIC: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
const BASE64: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
const BASE32: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
const HEX: &str = "0123456789abcdef";

/// Something planted.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Trap {
    /// The file, relative to the directory of the run.
    pub(crate) file: String,
    /// The field.
    pub(crate) field: String,
    /// What kind of thing.
    pub(crate) kind: &'static str,
    /// The thing.
    pub(crate) value: String,
}

/// Plants.
pub(crate) struct Traps {
    chance: Chance,
    secrets: bool,
    text: Option<String>,
    next: usize,
    sprung: Vec<Trap>,
}

/// Makes a secret of a kind.
type Make = fn(&mut Chance) -> String;

/// The kinds, each with its maker.
const KINDS: &[(&str, Make)] = &[
    ("aws-access-key-id", |chance| format!("AKIA{}", chance.text(BASE32, 16))),
    ("github-token", |chance| format!("ghp_{}", chance.text(ALPHANUMERIC, 36))),
    ("gitlab-token", |chance| format!("glpat-{}", chance.text(ALPHANUMERIC, 20))),
    ("slack-token", |chance| {
        let numbers = [chance.text("0123456789", 12), chance.text("0123456789", 12)];
        format!("xoxb-{}-{}", numbers.join("-"), chance.text(ALPHANUMERIC, 24))
    }),
    ("google-api-key", |chance| format!("AIza{}", chance.text(ALPHANUMERIC, 35))),
    ("npm-token", |chance| format!("npm_{}", chance.text(ALPHANUMERIC, 36))),
    ("json-web-token", jwt),
    ("private-key", private_key),
    ("url-credentials", |chance| {
        format!("postgres://loop:{}@db-7.internal:5432/parity", chance.text(ALPHANUMERIC, 18))
    }),
    ("authorization-header", |chance| format!("Authorization: Bearer {}", chance.text(BASE64, 40))),
    ("e-mail", |chance| format!("{}@corp-mail.example", chance.text("abcdefghijklmnop", 9))),
    ("home-path", |chance| format!("/home/{}/.ssh/id_ed25519", chance.text("abcdefghijklmnop", 7))),
    ("private-address", |chance| format!("10.{}.{}.{}", chance.below(256), chance.below(256), chance.between(1, 254))),
    ("mac-address", |chance| {
        let pairs: Vec<String> = (0..5).map(|_| chance.text(HEX, 2)).collect();
        format!("3c:{}", pairs.join(":"))
    }),
    ("host-name", |chance| format!("spark-{}.local", chance.text(HEX, 4))),
];

fn jwt(chance: &mut Chance) -> String {
    // {"alg":"HS256","typ":"JWT"} and {"sub":"..., each the beginning of their base64 form.
    let (head, body) = ("eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9", "eyJzdWIiOi");
    format!("{head}.{body}{}.{}", chance.text(ALPHANUMERIC, 42), chance.text(ALPHANUMERIC, 43))
}

fn private_key(chance: &mut Chance) -> String {
    let dashes = "-".repeat(5);
    let lines: Vec<String> = (0..4).map(|_| chance.text(BASE64, 64)).collect();
    let word = "PRIVATE KEY";
    format!("{dashes}BEGIN {word}{dashes}\n{}\n{dashes}END {word}{dashes}", lines.join("\n"))
}

impl Traps {
    pub(super) fn new(plan: &Plan) -> Self {
        let chance = Chance::new(plan.seed ^ 0x7472_6170);
        Traps { chance, secrets: plan.secrets, text: plan.plant.clone(), next: 0, sprung: Vec::new() }
    }

    /// `text` with what is to be planted in this `field` of this `file` behind it.
    pub(super) fn plant(&mut self, file: &str, field: &str, text: &str) -> String {
        let mut planted = text.to_owned();
        let secret = self.secrets.then(|| self.secret());
        let plain = self.text.clone().map(|text| ("text", text));
        for (kind, value) in secret.into_iter().chain(plain) {
            planted = format!("{planted} {value}");
            self.sprung.push(Trap { file: file.into(), field: field.into(), kind, value });
        }
        planted
    }

    /// The same in one line, for what is no text of JSON.
    pub(super) fn plant_line(&mut self, file: &str, field: &str, text: &str) -> String {
        let planted = self.plant(file, field, text);
        planted.replace('\n', " ")
    }

    /// A secret; each kind in turn.
    fn secret(&mut self) -> (&'static str, String) {
        let (kind, make) = KINDS[self.next % KINDS.len()];
        self.next += 1;
        (kind, make(&mut self.chance))
    }

    pub(super) fn sprung(self) -> Vec<Trap> {
        self.sprung
    }
}
