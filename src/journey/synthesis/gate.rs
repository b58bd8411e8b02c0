//! The leak gate as a release asks for it: all rules, what tells who and where, and the values of this machine.
//!
//! Invariant: a canary is looked for like any other value, and it alone does not change the digest of the rules.

use std::io::{self, Read};
use std::path::Path;

use anyhow::Context as _;

use crate::journey::digest::Digest;
use crate::journey::leak::{self, Canary, Exact, Imported, Options, Scanner};
use crate::journey::release::{Finding, Gate, Private};

/// The private file with the key of the fingerprints, so that a value has the same one in every report.
const KEY: &str = "fingerprint-key";

/// The gate of one run.
pub(super) struct Leaks {
    scanner: Scanner,
    canary: Canary,
}

impl Leaks {
    /// Looks for everything, for `machine`'s values and by the rules of the file `imported` too.
    ///
    /// # Errors
    /// When the file of rules cannot be used, or the system gives no random numbers.
    pub(super) fn new(machine: Vec<Exact>, imported: Option<&Path>, state_dir: &Path) -> anyhow::Result<Self> {
        let imported = imported.map(rules).transpose()?;
        let canary = Canary::new()?;
        let exact = machine.into_iter().chain([canary.exact()]).collect();
        let options = Options { identity: true, exact, imported, key: key(state_dir)?, ..Options::default() };
        Ok(Leaks { scanner: Scanner::new(options)?, canary })
    }
}

/// The rules of one's own.
fn rules(path: &Path) -> anyhow::Result<Imported> {
    let place = || format!("journey.rules {}", path.display());
    let text = std::fs::read_to_string(path).with_context(place)?;
    Imported::read(&text).with_context(place)
}

/// The key that this machine's fingerprints are made with, made at the first run.
fn key(state_dir: &Path) -> anyhow::Result<Option<[u8; 32]>> {
    let private = Private::open(state_dir)?;
    if let Some(key) = private.get(KEY).and_then(|bytes| bytes.try_into().ok()) {
        return Ok(Some(key));
    }
    let key = leak::random_key()?;
    private.put(KEY, &key)?;
    Ok(Some(key))
}

impl Gate for Leaks {
    fn scan(&self, name: &str, bytes: &[u8]) -> io::Result<Vec<Finding>> {
        self.scanner.scan_bytes(name, bytes)
    }

    fn scan_stream(&self, name: &str, content: &mut dyn Read) -> io::Result<Vec<Finding>> {
        self.scanner.scan(name, content)
    }

    fn scan_since(&self, name: &str, earlier: &[u8], content: &mut dyn Read) -> io::Result<Vec<Finding>> {
        self.scanner.scan_since(name, earlier, content)
    }

    fn rules_hash(&self) -> Digest {
        self.scanner.rules_hash()
    }

    fn canaries(&self) -> io::Result<Vec<(String, Vec<u8>)>> {
        let plain = self.canary.file().to_owned();
        Ok(vec![(format!("{plain}.gz"), self.canary.compressed()?), (plain, self.canary.bytes()?)])
    }

    fn is_caught(&self, name: &str, findings: &[Finding]) -> Result<(), String> {
        self.canary.caught(name, findings)
    }
}
