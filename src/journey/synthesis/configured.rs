//! The parts as the configuration has them: the real inputs, the real gate, the real site.
//!
//! Invariant: what must not be shown is gathered once a run, and redaction and the gate look for the same values.

use std::cell::{Cell, OnceCell};
use std::ffi::OsString;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use super::gate::Leaks;
use super::parts::{Parts, Progress, Told};
use crate::config::Config;
use crate::journey::digest::{Digest, sha256};
use crate::journey::draft::Draft;
use crate::journey::leak::machine::exact_values;
use crate::journey::leak::{Exact, rules};
use crate::journey::redact::cleanup::{Cleanup, clean};
use crate::journey::redact::{self, Redactor};
use crate::journey::release::{Gate, Note};
use crate::journey::site_data::SiteData;
use crate::journey::threads::{beside, joined};
use crate::journey::{account, correlate::correlate, inputs, site, transcript};

/// How long all cleaning of prose may take in one run; the rest waits for the next.
const CLEANING: Duration = Duration::from_secs(300);

/// The parts of a run.
pub struct Configured {
    config: Config,
    environment: Vec<(OsString, OsString)>,
    /// Whether the operator's command cleans the prose of free text.
    cleanup: bool,
    machine: OnceCell<Vec<Exact>>,
    pages: [site::Settings; 2],
    /// Writes the private account while the release is made.
    account: Cell<Option<JoinHandle<io::Result<()>>>>,
    /// What went wrong with cleaning.
    notes: Cell<Vec<Note>>,
}

/// The inputs as they stand at one instant.
pub struct Frozen {
    files: inputs::Frozen,
    transcripts: transcript::Frozen,
}

impl Configured {
    /// The parts as `config` has them, on a machine with `environment`.
    pub fn new(config: Config, environment: Vec<(OsString, OsString)>, cleanup: bool) -> Self {
        let journey = &config.journey;
        let settings = |with_site| site::Settings {
            title: journey.title.clone(),
            base_url: journey.base_url.clone(),
            commit_url: journey.commit_url.clone(),
            with_site,
        };
        let pages = [false, true].map(settings);
        Configured {
            config,
            environment,
            cleanup,
            machine: OnceCell::new(),
            pages,
            account: Cell::default(),
            notes: Cell::default(),
        }
    }

    fn state_dir(&self) -> PathBuf {
        self.config.in_runtime_dir(&self.config.journey.state_dir)
    }

    /// The values of this machine that must not be shown.
    fn machine(&self) -> anyhow::Result<&[Exact]> {
        if let Some(known) = self.machine.get() {
            return Ok(known);
        }
        let values = exact_values(&redact::places(&self.config, &self.environment))?;
        Ok(self.machine.get_or_init(|| values))
    }

    /// What masks texts as on the site.
    ///
    /// # Errors
    /// When this machine's values cannot be gathered.
    pub fn redactor(&self) -> anyhow::Result<Redactor> {
        Ok(Redactor::new(rules::find, self.machine()?)?)
    }

    /// Has the operator's command clean the prose of `data`.
    fn clean(&self, data: &mut SiteData, redactor: &mut Redactor) -> anyhow::Result<()> {
        let cleanup = Cleanup {
            command: self.config.journey.cleanup_command.clone(),
            timeout: self.config.journey.cleanup_timeout.duration(),
            budget: CLEANING,
            answers: self.state_dir().join("cleaned.jsonl"),
        };
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let cleaned = runtime.block_on(clean(data, redactor, &cleanup))?;
        self.notes.set(cleaned.told.into_iter().map(Note).collect());
        Ok(())
    }
}

impl Parts for Configured {
    type Frozen = Frozen;

    fn freeze(&self) -> anyhow::Result<Frozen> {
        Ok(Frozen { files: inputs::freeze(&self.config), transcripts: transcript::freeze(&self.config)? })
    }

    fn digest(&self, frozen: &Frozen) -> Digest {
        let settings = format!("{:?} {:?} {}", self.config.journey, self.config.repo_root, self.cleanup);
        sha256(&[&frozen.files.digest()[..], &frozen.transcripts.digest(), settings.as_bytes()].concat())
    }

    fn read(&self, frozen: Frozen, told: Told<'_>) -> anyhow::Result<SiteData> {
        let state_dir = self.state_dir();
        let options = transcript::Options::of(&self.config);
        let mut progress = |done, of| told(Progress::Reading { done, of });
        let (gathered, ledger) = beside(
            || inputs::read(&frozen.files, &state_dir),
            || transcript::read(&frozen.transcripts, &options, &mut progress),
        );
        let began = gathered.began().map(|began| began.value);
        let root = self.config.in_repo(std::path::Path::new("."));
        let ledger = ledger.of_run(began, &root.canonicalize().unwrap_or(root));
        let run = Arc::new(correlate(gathered, ledger));
        let accounted = Arc::clone(&run);
        self.account.set(Some(std::thread::spawn(move || account::write(&accounted, &state_dir))));
        let mut redactor = self.redactor()?;
        let mut data = redact::redact_with(&run, self.config.journey.free_text, &mut redactor);
        if self.cleanup {
            self.clean(&mut data, &mut redactor)?;
        }
        Ok(data)
    }

    fn settle(&self) -> anyhow::Result<Vec<Note>> {
        self.account.take().map_or(Ok(()), |writes| joined(writes.join()))?;
        Ok(self.notes.take())
    }

    fn gate(&self) -> anyhow::Result<Box<dyn Gate>> {
        let rules = self.config.journey.rules.as_ref();
        let rules = rules.map(|path| self.config.in_repo(std::path::Path::new(path)));
        Ok(Box::new(Leaks::new(self.machine()?.to_vec(), rules.as_deref(), &self.state_dir())?))
    }

    fn drafts<'a>(&'a self, data: &'a SiteData, with_site: bool) -> Vec<Draft<'a>> {
        site::files(data, &self.pages[usize::from(with_site)])
    }
}
