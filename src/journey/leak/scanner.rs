//! The gate: a reader in, findings out.
//!
//! Invariant: whatever could not be looked at to its end is an error beside what was found; a [`Scanner`] is not changed
//! by scanning, so that threads share one.

use std::io::{self, Read};
use std::ops::Range;
use std::sync::{Mutex, OnceLock, PoisonError};

use ring::digest;
use ring::rand::{SecureRandom, SystemRandom};

use super::canary::CANARY;
use super::container::{self, Budget, Kind};
use super::exact::{self, Exact};
use super::finding::Key;
use super::imported::Imported;
use super::look::{Found, Look, Scratch, Sought};
use super::rules::{self, Hit, Rule};
use super::stream::{self, Cut, Known};
use super::{Finding, Layer, identity};

/// From one file no more findings are told: it is a leak whatever else is in it.
const MOST: usize = 10_000;

/// Rules that are written in code.
#[derive(Debug, Clone, Copy)]
pub struct RuleSet {
    /// Adds what it finds in a text, and every run of at least 20 bytes of `[A-Za-z0-9+/=_%-]`.
    pub find: fn(&[u8], &mut Vec<Hit>, &mut Vec<Range<usize>>),
    /// The rules.
    pub rules: &'static [&'static Rule],
    /// Bytes on each side that a decision may rest on.
    pub context: fn() -> usize,
}

impl RuleSet {
    /// The built-in rules for secrets.
    pub const SECRETS: RuleSet = RuleSet { find: rules::find, rules: rules::RULES, context: rules::context };
}

/// What is looked for.
#[derive(Debug)]
pub struct Options {
    /// The rules for secrets.
    pub secrets: RuleSet,
    /// Whether what tells who and where is looked for, too.
    pub identity: bool,
    /// Values that are known.
    pub exact: Vec<Exact>,
    /// Rules from a file.
    pub imported: Option<Imported>,
    /// The key of the fingerprints; a random one where there is none, so that fingerprints compare within one run.
    pub key: Option<[u8; 32]>,
}

impl Default for Options {
    fn default() -> Self {
        Options { secrets: RuleSet::SECRETS, identity: false, exact: Vec::new(), imported: None, key: None }
    }
}

/// Finds what must not be shown.
pub struct Scanner {
    sought: Sought,
    pub(super) cut: Cut,
    /// Room for the work, one for each thread that scans and each container that is open.
    scratch: Mutex<Vec<Scratch>>,
    /// Decoders with large windows work one at a time, so that memory does not grow with the threads.
    unpacking: Mutex<()>,
    hash: OnceLock<[u8; 32]>,
}

/// What came of one file.
#[derive(Debug, Default)]
pub struct Examined {
    /// What was found, in the order of the file.
    pub findings: Vec<Finding>,
    /// Bytes that were looked at, unpacked ones too.
    pub bytes: u64,
    /// Why it, or a part of it, could not be scanned.
    pub failed: Option<io::Error>,
}

impl Scanner {
    /// # Errors
    /// When the values are too many, or the system has no random numbers.
    pub fn new(options: Options) -> io::Result<Self> {
        let key = match options.key {
            Some(key) => key,
            None => random_key()?,
        };
        let context = (options.secrets.context)();
        let exact = exact::Search::new(options.exact).map_err(io::Error::other)?;
        let imported = options.imported.as_ref().map_or(0, Imported::context);
        let cut = Cut::new(context.max(exact.longest()).max(imported));
        let sought = Sought {
            secrets: options.secrets,
            identity: options.identity,
            exact,
            imported: options.imported,
            key: Key::new(&key),
        };
        let scratch = Mutex::new(Vec::new());
        Ok(Scanner { sought, cut, scratch, unpacking: Mutex::new(()), hash: OnceLock::new() })
    }

    /// Scans the file called `name`, and the name.
    ///
    /// # Errors
    /// When it could not be scanned to its end. It is not clean then.
    pub fn scan(&self, name: &str, reader: &mut dyn Read) -> io::Result<Vec<Finding>> {
        let examined = self.examine(name, name, reader);
        examined.failed.map_or(Ok(examined.findings), Err)
    }

    /// Scans the bytes of the file called `name`, and the name.
    ///
    /// # Errors
    /// As [`Self::scan`].
    pub fn scan_bytes(&self, name: &str, mut bytes: &[u8]) -> io::Result<Vec<Finding>> {
        self.scan(name, &mut bytes)
    }

    /// Scans the file called `name`, and the name, as [`Self::scan`] does. `earlier` are the bytes of another version of the
    /// file, which this scanner, or one with the same [`Self::rules_hash`], found clean under the same name: where the two
    /// have windows in common, the verdict is that one's (see `stream.rs`).
    ///
    /// # Errors
    /// As [`Self::scan`].
    pub fn scan_since(&self, name: &str, earlier: &[u8], reader: &mut dyn Read) -> io::Result<Vec<Finding>> {
        let is_plain = container::kind(name, &earlier[..earlier.len().min(container::HEAD)]) == Kind::Plain;
        let known = if is_plain { Known::of(earlier, self.cut) } else { Known::default() };
        let examined = self.examine_since(&known, (name, name), reader);
        examined.failed.map_or(Ok(examined.findings), Err)
    }

    /// Scans the file that findings call `shown`; only `name`, the part of it that is to be shown to the world, is
    /// scanned with it.
    pub fn examine(&self, shown: &str, name: &str, reader: &mut dyn Read) -> Examined {
        self.examine_since(&Known::default(), (shown, name), reader)
    }

    fn examine_since(&self, known: &Known, (shown, name): (&str, &str), reader: &mut dyn Read) -> Examined {
        let mut work =
            Work { scanner: self, known, file: String::new(), layers: Vec::new(), examined: Examined::default() };
        let outcome = work.named(shown, name, |work| work.stream(name, reader, Budget::new()));
        work.examined.failed = work.examined.failed.or(outcome.err());
        work.examined
    }

    /// What a rule finds, in words; `None` for a name that no rule has.
    pub fn description(&self, rule: &str) -> Option<&str> {
        let built_in = self.sought.secrets.rules.iter().chain(identity::RULES).copied();
        let exact = self.sought.exact.values().iter().map(|exact| exact.rule);
        let known = built_in.chain(exact).find(|known| known.name == rule).map(|known| known.description);
        known.or_else(|| self.sought.imported.as_ref()?.description(rule))
    }

    /// How many rules and values are looked for.
    pub fn rules(&self) -> usize {
        let identity = if self.sought.identity { identity::RULES.len() } else { 0 };
        let imported = self.sought.imported.as_ref().map_or(0, Imported::rules);
        self.sought.secrets.rules.len() + identity + imported + self.sought.exact.values().len()
    }

    /// SHA-256 of all that a verdict rests on: this program itself, the values, the rules from a file. What was found
    /// clean under another hash is to be scanned again.
    pub fn rules_hash(&self) -> [u8; 32] {
        *self.hash.get_or_init(|| {
            let mut context = digest::Context::new(&digest::SHA256);
            let mut field = |bytes: &[u8]| {
                context.update(&(bytes.len() as u64).to_le_bytes());
                context.update(bytes);
            };
            field(program());
            field(&[u8::from(self.sought.identity)]);
            for rule in self.sought.secrets.rules {
                field(rule.name.as_bytes());
            }
            // The canary is another one at each run, and finds nothing but itself.
            for exact in self.sought.exact.values().iter().filter(|exact| *exact.rule != CANARY) {
                field(exact.rule.name.as_bytes());
                field(&exact.value);
            }
            field(self.sought.imported.as_ref().map_or(&[], |imported| imported.digest()));
            finished(context)
        })
    }

    fn scratch(&self) -> Scratch {
        self.scratch.lock().unwrap_or_else(PoisonError::into_inner).pop().unwrap_or_default()
    }

    fn give_back(&self, scratch: Scratch) {
        self.scratch.lock().unwrap_or_else(PoisonError::into_inner).push(scratch);
    }
}

impl std::fmt::Debug for Scanner {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Scanner").field("rules", &self.rules()).finish_non_exhaustive()
    }
}

/// One file at work, with what it holds.
struct Work<'s> {
    scanner: &'s Scanner,
    /// Windows of an earlier version of the file, which were clean under its name.
    known: &'s Known,
    /// What findings call the file.
    file: String,
    /// The containers around what is looked at.
    layers: Vec<Layer>,
    examined: Examined,
}

impl<'s> Work<'s> {
    /// Scans `name`, and then does `then` with the file called `shown`, of which `name` is the end.
    fn named(&mut self, shown: &str, name: &str, then: impl FnOnce(&mut Self) -> io::Result<()>) -> io::Result<()> {
        let mut scratch = self.scanner.scratch();
        let mut look = Look::new(&self.scanner.sought, name, &mut scratch);
        let mut found = look.window(name.as_bytes(), 0..name.len());
        found.extend(look.named());
        self.scanner.give_back(scratch);
        let masked = masked(name, &found);
        let file = format!("{}{masked}", shown.strip_suffix(name).unwrap_or_default());
        let outer = std::mem::replace(&mut self.file, file);
        self.layers.push(Layer::Name);
        for found in found {
            let column = found.place.start as u64 + 1;
            self.tell(found, 1, column)?;
        }
        self.layers.pop();
        let outcome = then(self);
        self.file = outer;
        outcome
    }

    /// Scans a stream, whatever it is packed in.
    fn stream(&mut self, name: &str, reader: &mut dyn Read, budget: Budget) -> io::Result<()> {
        let mut head = Vec::with_capacity(container::HEAD);
        reader.take(container::HEAD as u64).read_to_end(&mut head)?;
        let kind = container::kind(name, &head);
        let mut whole = head.as_slice().chain(reader);
        match kind {
            Kind::Plain => self.plain(name, &mut whole),
            Kind::Closed(what) => Err(io::Error::other(format!("it is {what}, which is not opened"))),
            Kind::Packed(layer) => {
                if layer == Layer::Gzip {
                    self.plain(name, &mut container::gzip_label(&head))?;
                }
                self.within(layer, budget, |work, budget| work.packed(layer, name, &mut whole, budget))
            }
            Kind::Archive(layer) => self.within(layer, budget, |work, budget| work.archive(layer, &mut whole, budget)),
        }
    }

    fn plain(&mut self, name: &str, reader: &mut dyn Read) -> io::Result<()> {
        let scanner = self.scanner;
        let mut scratch = scanner.scratch();
        let mut look = Look::new(&scanner.sought, name, &mut scratch);
        let nothing = Known::default();
        // What is unpacked has other names, by which other rules of a file may look.
        let known = if self.layers.is_empty() { self.known } else { &nothing };
        let read = stream::scan(reader, &mut look, (scanner.cut, known), &mut |found, line, column| {
            self.tell(found, line, column)
        });
        scanner.give_back(scratch);
        self.examined.bytes += read?;
        Ok(())
    }

    fn within(
        &mut self,
        layer: Layer,
        budget: Budget,
        then: impl FnOnce(&mut Self, Budget) -> io::Result<()>,
    ) -> io::Result<()> {
        let scanner = self.scanner;
        let outermost = !self.layers.iter().any(|layer| is_container(*layer));
        let _alone = outermost.then(|| scanner.unpacking.lock().unwrap_or_else(PoisonError::into_inner));
        let budget = budget.within(layer)?;
        self.layers.push(layer);
        let outcome = then(self, budget);
        self.layers.pop();
        outcome
    }

    fn packed(&mut self, layer: Layer, name: &str, reader: &mut dyn Read, budget: Budget) -> io::Result<()> {
        let inner = match name.rsplit_once('.') {
            Some((inner, "gz" | "zst" | "br")) => inner,
            _ => name,
        };
        self.stream(inner, &mut container::unpacked(layer, reader)?, budget)?;
        match reader.read(&mut [0])? {
            0 => Ok(()),
            _ => Err(io::Error::other(format!("there is something behind the {} stream", layer.word()))),
        }
    }

    /// Scans the files of an archive; one that cannot be scanned does not keep the others from being.
    fn archive(&mut self, layer: Layer, reader: &mut dyn Read, budget: Budget) -> io::Result<()> {
        let outer = self.file.clone();
        let mut each = |name: &str, content: &mut dyn Read| {
            let shown = format!("{outer}!/{name}");
            let outcome = self.named(&shown, name, |work| work.stream(name, content, budget));
            match outcome {
                Err(error) if self.examined.findings.len() < MOST => {
                    self.examined.failed.get_or_insert_with(|| io::Error::other(format!("a file in it: {error}")));
                    Ok(())
                }
                outcome => outcome,
            }
        };
        match layer {
            Layer::Tar => container::tar_members(reader, &mut each),
            _ => container::zip_members(reader, &mut each),
        }
    }

    fn tell(&mut self, found: Found<'_>, line: u64, column: u64) -> io::Result<()> {
        let layers = self.layers.iter().copied().chain(found.layers).collect();
        let (rule, file) = (found.rule.to_owned(), self.file.clone());
        self.examined.findings.push(Finding { rule, file, line, column, fingerprint: found.fingerprint, layers });
        if self.examined.findings.len() >= MOST {
            return Err(io::Error::other(format!("{MOST} values were found in it, and the rest was not looked at")));
        }
        Ok(())
    }
}

const fn is_container(layer: Layer) -> bool {
    matches!(layer, Layer::Gzip | Layer::Zstd | Layer::Brotli | Layer::Zlib | Layer::Tar | Layer::Zip)
}

/// `name` with the names of the rules in place of what they found.
fn masked(name: &str, found: &[Found<'_>]) -> String {
    let (mut masked, mut done) = (Vec::new(), 0);
    for found in found {
        if !found.place.is_empty() && found.place.start >= done {
            masked.extend_from_slice(&name.as_bytes()[done..found.place.start]);
            masked.extend_from_slice(format!("[{}]", found.rule).as_bytes());
        }
        done = done.max(found.place.end).min(name.len());
    }
    masked.extend_from_slice(&name.as_bytes()[done..]);
    String::from_utf8_lossy(&masked).into_owned()
}

/// A key for fingerprints.
///
/// # Errors
/// When the system gives no random numbers.
pub fn random_key() -> io::Result<[u8; 32]> {
    let mut key = [0; 32];
    SystemRandom::new().fill(&mut key).map_err(|_| io::Error::other("the system gives no random numbers"))?;
    Ok(key)
}

/// A digest of the program that is running: any change of a rule makes another one. Where the program's file cannot be
/// read, a random one, under which nothing is known to be clean.
fn program() -> &'static [u8; 32] {
    static PROGRAM: OnceLock<[u8; 32]> = OnceLock::new();
    PROGRAM.get_or_init(|| hash_file("/proc/self/exe").or_else(|_| random_key()).unwrap_or_default())
}

fn hash_file(path: &str) -> io::Result<[u8; 32]> {
    let mut file = std::fs::File::open(path)?;
    let (mut context, mut buffer) = (digest::Context::new(&digest::SHA256), vec![0; 64 << 10]);
    loop {
        match file.read(&mut buffer) {
            Ok(0) => return Ok(finished(context)),
            Ok(read) => context.update(&buffer[..read]),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}

fn finished(context: digest::Context) -> [u8; 32] {
    let mut hash = [0; 32];
    hash.copy_from_slice(context.finish().as_ref());
    hash
}
