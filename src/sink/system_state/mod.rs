//! The time series `system-state.jsonl`: one flat record per interval and at every change of severity.
//!
//! Invariant: whatever goes wrong here (a full disk, a directory that is gone) costs a counter and one WARN in the
//! log for each reason, and nothing else.

mod files;
mod machine;
mod record;

use std::io::ErrorKind;
use std::path::Path;
use std::thread::JoinHandle;

pub use record::{Record, record};

pub use crate::metric::SystemStateCounts as Counts;

use crate::assessment::Severity;
use crate::config::SystemStateConfig;
use crate::jsonl::{Appender, Rotation, tidy};
use crate::observation::{Time, seconds_since};
use crate::source::file::resolve;

/// Appends records to the series.
#[derive(Debug)]
pub struct SystemState {
    schedule: Schedule,
    appender: Appender,
    keep: usize,
    counts: Counts,
    failure: Option<String>,
    tidying: Option<JoinHandle<()>>,
}

/// When a record is due: the first one, one each interval, and one when the severity is another than in the last.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Schedule {
    enabled: bool,
    interval: f64,
    last: Option<(Time, Severity)>,
}

impl Schedule {
    /// The schedule that `config` describes, with no record written yet.
    pub fn new(config: &SystemStateConfig) -> Self {
        Schedule { enabled: config.enabled, interval: config.interval.0, last: None }
    }

    /// Remembers that a record of this time and severity was handed over.
    pub fn note(&mut self, now: Time, severity: Severity) {
        self.last = Some((now, severity));
    }

    /// Whether a record is due. Never where the series is turned off.
    pub fn due(self, now: Time, severity: Severity) -> bool {
        self.enabled
            && self.last.is_none_or(|(at, known)| {
                let passed = seconds_since(now, at);
                // A clock that was set back must not silence the series until it catches up.
                known != severity || passed >= self.interval || passed < 0.0
            })
    }
}

impl SystemState {
    /// The series that `config` describes, relative to `runtime_dir`. Nothing is opened yet.
    pub fn new(config: &SystemStateConfig, runtime_dir: &Path) -> Self {
        let rotation = Rotation { size: config.rotate_size.0 };
        SystemState {
            schedule: Schedule::new(config),
            appender: Appender::new(resolve(runtime_dir, &config.file), Some(rotation)),
            keep: usize::try_from(config.rotate_keep).unwrap_or(usize::MAX),
            counts: Counts { interval: config.interval.duration(), ..Counts::default() },
            failure: None,
            tidying: None,
        }
    }

    /// Whether a record is due: the first one, one each interval, and one when the severity is another than in the
    /// last record. Never where the series is turned off.
    pub fn due(&self, now: Time, severity: Severity) -> bool {
        self.schedule.due(now, severity)
    }

    /// Appends `record`, due or not; whether it was written. It blocks for the time of a write to the page cache.
    ///
    /// The first record, and each that rotates the file, starts a thread that compresses what was rotated.
    pub fn write(&mut self, record: &Record) -> bool {
        let first = self.schedule.last.replace((record.ts, record.severity)).is_none();
        match self.append(record) {
            Ok(rotated) => {
                self.counts.written += 1;
                self.counts.last_at = Some(record.ts);
                if self.failure.take().is_some() {
                    tracing::info!(path = %self.appender.path().display(), "the time series is written again");
                }
                if first || rotated {
                    self.start_tidying();
                }
                true
            }
            Err(error) => {
                self.counts.failed += 1;
                let failure = explain(self.appender.path(), &error);
                // A disk that is full for a night is one line; the counter tells the records.
                if self.failure.as_ref() != Some(&failure) {
                    tracing::warn!("the time series is not written: {failure}");
                }
                self.failure = Some(failure);
                false
            }
        }
    }

    /// Why the last record was not written, with the mend; `None` when it was.
    pub fn failure(&self) -> Option<&str> {
        self.failure.as_deref()
    }

    /// How writing went so far.
    pub fn counts(&self) -> Counts {
        self.counts
    }

    /// Waits until what was rotated is compressed. For a program that ends now and then; one that is killed loses
    /// nothing either, and the next one goes on.
    pub fn finish(&mut self) {
        if self.tidying.take().is_some_and(|thread| thread.join().is_err()) {
            tracing::warn!("compressing the rotated time series panicked; this is a bug, please report it");
        }
    }

    fn append(&mut self, record: &Record) -> std::io::Result<bool> {
        let appended = self.appender.append(&serde_json::to_vec(record)?, record.ts)?;
        if let Some(error) = appended.rotation_failure {
            let path = self.appender.path().display();
            tracing::warn!(%path, %error, "the time series was not rotated and goes on growing; make its directory writable");
        }
        Ok(appended.rotated)
    }

    fn start_tidying(&mut self) {
        if self.tidying.as_ref().is_some_and(|thread| !thread.is_finished()) {
            // It lists the directory only once; what was rotated just now waits for the next rotation or start.
            return;
        }
        self.finish();
        let (path, keep) = (self.appender.path().to_owned(), self.keep);
        let work = move || {
            if let Err(error) = tidy(&path, keep) {
                let path = path.display();
                tracing::warn!(%path, %error, "rotated files were not all compressed or deleted; the next rotation tries again");
            }
        };
        match std::thread::Builder::new().name("tidy-series".into()).spawn(work) {
            Ok(thread) => self.tidying = Some(thread),
            Err(error) => tracing::warn!(%error, "no thread to compress the rotated time series"),
        }
    }
}

/// What went wrong at `path`, and the mend. This program makes no directory: the loop owns its own.
fn explain(path: &Path, error: &std::io::Error) -> String {
    let shown = path.display();
    match error.kind() {
        ErrorKind::NotFound if path.parent().is_some_and(|parent| !parent.exists()) => format!(
            "{shown} has no directory yet; it begins when the loop makes it, or mend runtime_dir, or set \
             system_state.enabled to false"
        ),
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded => format!("{shown}: {error}; make room"),
        ErrorKind::PermissionDenied | ErrorKind::ReadOnlyFilesystem => {
            format!("{shown}: {error}; let this program's user write it, or set system_state.file elsewhere")
        }
        _ => format!("{shown}: {error}; mend the path or set system_state.file elsewhere"),
    }
}

#[cfg(test)]
mod tests;
