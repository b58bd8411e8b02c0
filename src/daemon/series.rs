//! The time series on a thread of its own, so that a disk that hangs holds nothing up.
//!
//! Invariant: [`Series::note`] never waits. While the thread is stuck, records that are due are lost and counted.

use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};

use crate::assessment::{Assessment, Severity};
use crate::config::Config;
use crate::sink::system_state::{Counts, Record, Schedule, SystemState, record};
use crate::state::State;
use crate::web::health::ready;

/// Records that may wait for the disk.
const QUEUE: usize = 4;

/// The near end of the thread. It ends when this is dropped and its last record is written.
pub(super) struct Series {
    schedule: Schedule,
    records: SyncSender<Record>,
    written: Arc<Mutex<Counts>>,
    begun: bool,
    lost: u64,
}

impl Series {
    /// Starts the thread; `None` where the series is turned off.
    pub(super) fn start(config: &Config) -> std::io::Result<Option<Self>> {
        if !config.system_state.enabled {
            return Ok(None);
        }
        let (records, queue) = sync_channel(QUEUE);
        let sink = SystemState::new(&config.system_state, &config.runtime());
        let written = Arc::new(Mutex::new(sink.counts()));
        let counts = Arc::clone(&written);
        std::thread::Builder::new().name("series".into()).spawn(move || write_all(sink, &queue, &counts))?;
        Ok(Some(Series { schedule: Schedule::new(&config.system_state), records, written, begun: false, lost: 0 }))
    }

    /// Hands a record over, when one is due. The first waits until every source was read, unless something is found
    /// before: a record of nothing says nothing.
    pub(super) fn note(&mut self, state: &State, assessment: &Assessment) {
        let empty = assessment.severity == Severity::Ok && !self.begun && !ready(state).ok;
        if empty || !self.schedule.due(assessment.at, assessment.severity) {
            return;
        }
        self.begun = true;
        self.schedule.note(assessment.at, assessment.severity);
        if self.records.try_send(record(state, assessment, assessment.at)).is_err() {
            self.lost += 1;
            tracing::warn!("a record of the time series is lost: the disk does not take the ones before it");
        }
    }

    /// How writing went so far.
    pub(super) fn counts(&self) -> Counts {
        let written = *self.written.lock().unwrap_or_else(PoisonError::into_inner);
        Counts { failed: written.failed + self.lost, ..written }
    }
}

fn write_all(mut sink: SystemState, records: &Receiver<Record>, counts: &Mutex<Counts>) {
    while let Ok(record) = records.recv() {
        sink.write(&record);
        *counts.lock().unwrap_or_else(PoisonError::into_inner) = sink.counts();
    }
    sink.finish();
}
