//! A stand-in for the leak gate: it finds words, plain, in base64 and in HTML entities, and counts what it is asked.

use std::io::{self, Read};
use std::sync::Mutex;

use autoswe_exporter::journey::draft::Digest;
use autoswe_exporter::journey::leak::Layer;
use autoswe_exporter::journey::release::{Finding, Gate};

/// The gate; its rules are its words and a number.
pub(crate) struct Words {
    words: Vec<String>,
    version: u8,
    /// Names of what was scanned.
    pub(crate) scanned: Mutex<Vec<String>>,
    /// Names and earlier versions of what was scanned since one.
    pub(crate) since: Mutex<Vec<(String, Vec<u8>)>>,
}

impl Words {
    /// Finds the canary and `words`.
    pub(crate) fn new(version: u8, words: &[&str]) -> Self {
        let words = words.iter().map(|word| (*word).to_owned()).chain(["Canary".to_owned()]).collect();
        Words { words, version, scanned: Mutex::default(), since: Mutex::default() }
    }

    /// Finds nothing at all.
    pub(crate) fn blind() -> Self {
        Words { words: Vec::new(), version: 0, scanned: Mutex::default(), since: Mutex::default() }
    }

    /// What was scanned since the last call, but for canaries.
    pub(crate) fn take_scanned(&self) -> Vec<String> {
        let mut scanned = std::mem::take(&mut *self.scanned.lock().unwrap());
        scanned.retain(|name| !name.starts_with("canary-"));
        scanned.sort();
        scanned
    }

    fn find(&self, name: &str, bytes: &[u8], layers: &[Layer]) -> Vec<Finding> {
        let text = String::from_utf8_lossy(bytes);
        let found = self.words.iter().filter_map(|word| text.find(word.as_str()));
        let finding = |at: usize| Finding {
            rule: "word".into(),
            file: name.into(),
            line: 1 + text[..at].matches('\n').count() as u64,
            column: 1 + (at - text[..at].rfind('\n').map_or(0, |end| end + 1)) as u64,
            fingerprint: "0".repeat(16),
            layers: layers.to_vec(),
        };
        found.map(finding).collect()
    }
}

impl Gate for Words {
    fn scan(&self, name: &str, bytes: &[u8]) -> io::Result<Vec<Finding>> {
        if !bytes.is_empty() {
            self.scanned.lock().unwrap().push(name.to_owned());
        }
        let in_name = self.find("withheld", name.as_bytes(), &[Layer::Name]);
        let shown = if in_name.is_empty() { name } else { "withheld" };
        if bytes.windows(10).any(|part| part == b"UNREADABLE") {
            return Err(io::Error::other("nested too deep to be looked into"));
        }
        let mut findings = self.find(shown, bytes, &[]);
        findings.extend(self.find(shown, &entities(bytes), &[Layer::Html]));
        let runs = bytes.split(|byte| !byte.is_ascii_alphanumeric() && !b"+/=".contains(byte));
        for run in runs.filter(|run| !run.is_empty() && run.len() % 4 == 0) {
            findings.extend(self.find(shown, &base64(run), &[Layer::Base64]));
        }
        findings.extend(in_name);
        Ok(findings)
    }

    fn scan_stream(&self, name: &str, content: &mut dyn Read) -> io::Result<Vec<Finding>> {
        let mut bytes = Vec::new();
        content.read_to_end(&mut bytes)?;
        self.scan(name, &bytes)
    }

    fn scan_since(&self, name: &str, earlier: &[u8], content: &mut dyn Read) -> io::Result<Vec<Finding>> {
        self.since.lock().unwrap().push((name.to_owned(), earlier.to_vec()));
        self.scan_stream(name, content)
    }

    fn rules_hash(&self) -> Digest {
        [self.version; 32]
    }

    fn canaries(&self) -> io::Result<Vec<(String, Vec<u8>)>> {
        Ok(vec![("canary-1.txt".into(), b"a Canary".into()), ("canary-2.txt".into(), b"Q2FuYXJ5".into())])
    }

    fn is_caught(&self, name: &str, findings: &[Finding]) -> Result<(), String> {
        let is_caught = findings.iter().any(|finding| finding.file == name);
        is_caught.then_some(()).ok_or_else(|| format!("{name} passed"))
    }
}

/// `bytes` with decimal HTML entities decoded, and nothing where there are none.
fn entities(bytes: &[u8]) -> Vec<u8> {
    let text = String::from_utf8_lossy(bytes);
    let decoded = text.split("&#").skip(1).filter_map(|part| part.split_once(';')?.0.parse::<u8>().ok());
    decoded.collect()
}

fn base64(run: &[u8]) -> Vec<u8> {
    const DIGITS: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let digits = run.iter().filter_map(|byte| DIGITS.iter().position(|digit| digit == byte));
    let (mut value, mut bits, mut bytes) = (0_u32, 0, Vec::new());
    for digit in digits {
        value = value << 6 | u32::try_from(digit).unwrap();
        bits += 6;
        if bits >= 8 {
            bits -= 8;
            bytes.push(u8::try_from(value >> bits & 255).unwrap());
        }
    }
    bytes
}
