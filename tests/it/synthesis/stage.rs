//! A loop whose only input is a text file: each line is an iteration, and its words are its slug.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use autoswe_exporter::journey::draft::{Digest, Draft};
use autoswe_exporter::journey::last_run::{LastRun, Outcome};
use autoswe_exporter::journey::release::Gate;
use autoswe_exporter::journey::run;
use autoswe_exporter::journey::site_data::{Iteration, SiteData};
use autoswe_exporter::journey::synthesis::{Parts, Progress, Report, Request, Told, run as synthesize};

use crate::release::gate::Words;
use crate::release::stage::Site;

/// The directories of a run, and its parts.
pub(super) struct Stage {
    directory: tempfile::TempDir,
    pub(super) request: Request,
    pub(super) words: Vec<&'static str>,
    pub(super) version: u8,
    /// How often the inputs were read.
    pub(super) reads: AtomicUsize,
}

impl Stage {
    pub(super) fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let request = Request {
            output: directory.path().join("web"),
            state: directory.path().join("state"),
            keep: 2,
            sidecars: true,
            rebuild_site: false,
            publish: true,
            snapshot: None,
            patience: Duration::ZERO,
            builder: None,
        };
        let stage = Stage { directory, request, words: Vec::new(), version: 1, reads: AtomicUsize::new(0) };
        stage.write("one\ntwo\n");
        stage
    }

    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    pub(super) fn write(&self, input: &str) {
        std::fs::write(self.path("input.txt"), input).unwrap();
    }

    pub(super) fn try_run(&self) -> anyhow::Result<Report> {
        synthesize(self, &self.request, &|_| {})
    }

    /// A run, which must end as `outcome`.
    pub(super) fn run(&self, outcome: Outcome) -> Report {
        let report = self.try_run().unwrap();
        assert_eq!(report.last_run.outcome, outcome, "{report:?}");
        let written = LastRun::parse(&std::fs::read(self.path("state/last-run.json")).unwrap()).unwrap();
        assert_eq!(written, report.last_run);
        assert_eq!(mode(&self.path("state/last-run.json")), 0o600);
        let names = std::fs::read_dir(self.path("state")).unwrap().map(|entry| entry.unwrap().file_name());
        assert!(names.into_iter().all(|name| !name.to_string_lossy().starts_with('.')), "half-written files are left");
        report
    }

    /// What is shown; it must be whole.
    pub(super) fn shown(&self) -> Option<Site> {
        crate::release::stage::Stage::at(self.directory.path()).shown()
    }
}

fn sha256(bytes: &[u8]) -> Digest {
    ring::digest::digest(&ring::digest::SHA256, bytes).as_ref().try_into().unwrap()
}

fn iteration((at, line): (usize, &str)) -> Iteration {
    let json = serde_json::json!({"epoch": 1, "iter": at, "slug": line, "outcome": run::Outcome::Accept});
    serde_json::from_value(json).unwrap()
}

impl Parts for Stage {
    type Frozen = Vec<u8>;

    fn freeze(&self) -> anyhow::Result<Vec<u8>> {
        Ok(std::fs::read(self.path("input.txt"))?)
    }

    fn digest(&self, frozen: &Vec<u8>) -> Digest {
        sha256(frozen)
    }

    fn read(&self, frozen: Vec<u8>, told: Told<'_>) -> anyhow::Result<SiteData> {
        self.reads.fetch_add(1, Ordering::SeqCst);
        told(Progress::Reading { done: frozen.len() as u64, of: frozen.len() as u64 });
        let text = String::from_utf8(frozen)?;
        Ok(SiteData {
            version: 1,
            iterations: text.lines().enumerate().map(iteration).collect(),
            ..SiteData::default()
        })
    }

    fn gate(&self) -> anyhow::Result<Box<dyn Gate>> {
        Ok(Box::new(Words::new(self.version, &self.words)))
    }

    fn drafts<'a>(&'a self, data: &'a SiteData, with_site: bool) -> Vec<Draft<'a>> {
        let slug = |iteration: &Iteration| iteration.slug.clone().unwrap_or_default();
        let mut files = vec![("site-data.json".to_owned(), serde_json::to_string(data).unwrap())];
        for iteration in &data.iterations {
            files.push((format!("iterations/{}.md", iteration.iter), slug(iteration)));
            if with_site {
                files.push((format!("{}.html", iteration.iter), format!("<p>{}</p>", slug(iteration))));
            }
        }
        if with_site {
            files.push(("index.html".to_owned(), format!("<p>{} iterations</p>", data.iterations.len())));
        }
        let draft = |(path, text): (String, String)| {
            let source = sha256(text.as_bytes());
            Draft { path, source, render: Box::new(move || Ok(text.clone().into_bytes())) }
        };
        files.into_iter().map(draft).collect()
    }
}

/// The permission bits of a file.
pub(super) fn mode(path: &Path) -> u32 {
    use std::os::unix::fs::MetadataExt;
    std::fs::metadata(path).unwrap().mode() & 0o7777
}
