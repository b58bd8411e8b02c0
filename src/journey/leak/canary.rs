//! A value that is planted to see that the gate finds what it must: made anew for each run, so that nothing can be made
//! to let it pass.
//!
//! Invariant: [`Canary::caught`] is satisfied only when every form of the canary was found at its own place; a gate that
//! finds nothing, or skips an encoding, fails it.

use std::io::{self, Write};

use ring::rand::{SecureRandom, SystemRandom};

use super::rules::{Kind, Rule};
use super::{Exact, Finding};

/// The rule that finds the canary's own value.
pub(super) static CANARY: Rule =
    Rule { name: "canary", kind: Kind::Secret, description: "The value that this run planted" };

/// Alphanumeric characters that a random byte picks from; those that are taken for each other are left out.
const ALPHABET: &[u8; 32] = b"abcdefghijkmnpqrstuvwxyz23456789";

/// The value that a run plants.
pub struct Canary {
    /// What only [`Canary::exact`] finds.
    word: Vec<u8>,
    /// What a rule for vendors' tokens finds.
    token: Vec<u8>,
    /// The name of its file.
    file: String,
}

impl Canary {
    /// A new one.
    ///
    /// # Errors
    /// When the system gives no random numbers.
    pub fn new() -> io::Result<Self> {
        let (word, token, file) = (random(24)?, random(36)?, random(12)?);
        let token = [&b"ghp_"[..], &mixed(&token)].concat();
        Ok(Canary { word, token, file: format!("canary-{}.txt", String::from_utf8_lossy(&file)) })
    }

    /// The name of the file that it is planted as.
    pub fn file(&self) -> &str {
        &self.file
    }

    /// The value to look for: give it to the scanner with the others.
    pub fn exact(&self) -> Exact {
        Exact { rule: &CANARY, value: self.word.clone() }
    }

    /// A document with the value in every form, one a line, and last a token as a vendor would give it.
    ///
    /// # Errors
    /// When the compressor fails.
    pub fn bytes(&self) -> io::Result<Vec<u8>> {
        let forms = self.forms();
        let mut document = Vec::new();
        for form in &forms {
            document.extend_from_slice(form);
            document.push(b'\n');
        }
        document.extend_from_slice(b"token = \"");
        document.extend_from_slice(&self.token);
        document.extend_from_slice(b"\"\n");
        Ok(document)
    }

    /// The same document, compressed, as the servers' sidecars are.
    ///
    /// # Errors
    /// When the compressor fails.
    pub fn compressed(&self) -> io::Result<Vec<u8>> {
        let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        packed.write_all(&self.bytes()?)?;
        packed.finish()
    }

    /// Whether each form was found in its line of the file called `name`, and the vendor's token by a rule.
    ///
    /// # Errors
    /// Says which form was missed. The gate does not work then, and nothing may be published.
    pub fn caught(&self, name: &str, findings: &[Finding]) -> Result<(), String> {
        let forms = self.forms().len() as u64;
        let found = |line: u64, rule: &dyn Fn(&str) -> bool| {
            findings.iter().any(|finding| finding.line == line && rule(&finding.rule) && finding.file == name)
        };
        for line in 1..=forms {
            if !found(line, &|rule| rule == CANARY.name) {
                return Err(format!("the canary's form {line} of {forms} was not found: the gate does not work"));
            }
        }
        if !found(forms + 1, &|rule| rule != CANARY.name) {
            return Err("the canary's token was not found by any rule: the gate does not work".into());
        }
        Ok(())
    }

    /// The value in every form, each without a line end.
    fn forms(&self) -> Vec<Vec<u8>> {
        let word = &self.word;
        let each =
            |form: &dyn Fn(u8) -> String| word.iter().flat_map(|&byte| form(byte).into_bytes()).collect::<Vec<_>>();
        let hexadecimal =
            |text: &[u8]| text.iter().flat_map(|byte| format!("{byte:02x}").into_bytes()).collect::<Vec<_>>();
        let lead = |lead: &[u8]| base64(&[lead, word].concat());
        let encoded = lead(b"");
        vec![
            word.clone(),
            word.to_ascii_uppercase(),
            lead(b""),
            lead(b"k"),
            lead(b"k:"),
            hexadecimal(word),
            hexadecimal(word).to_ascii_uppercase(),
            each(&|byte| format!("%{byte:02x}")),
            each(&|byte| format!("\\u{byte:04x}")),
            each(&|byte| format!("\\x{byte:02X}")),
            each(&|byte| format!("&#{byte};")),
            each(&|byte| format!("&#x{byte:x};")),
            base64(&each(&|byte| format!("%{byte:02X}"))),
            hexadecimal(&encoded),
            base64(&encoded),
            [&word[..9], b"<wbr>", &word[9..]].concat(),
            [&word[..9], "\u{200b}".as_bytes(), &word[9..]].concat(),
        ]
    }
}

/// The value is found in no log.
impl std::fmt::Debug for Canary {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Canary").field("file", &self.file).finish_non_exhaustive()
    }
}

fn random(length: usize) -> io::Result<Vec<u8>> {
    let mut bytes = vec![0; length];
    SystemRandom::new().fill(&mut bytes).map_err(|_| io::Error::other("the system gives no random numbers"))?;
    Ok(bytes.into_iter().map(|byte| ALPHABET[usize::from(byte % 32)]).collect())
}

/// Every third letter in upper case, as vendors mix them.
fn mixed(token: &[u8]) -> Vec<u8> {
    token.iter().enumerate().map(|(at, byte)| if at % 3 == 0 { byte.to_ascii_uppercase() } else { *byte }).collect()
}

fn base64(bytes: &[u8]) -> Vec<u8> {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    bytes
        .chunks(3)
        .flat_map(|group| {
            let number =
                (0..3).fold(0_usize, |number, at| number << 8 | usize::from(group.get(at).copied().unwrap_or(0)));
            (0..4).map(move |at| if at <= group.len() { DIGITS[number >> (18 - 6 * at) & 63] } else { b'=' })
        })
        .collect()
}
