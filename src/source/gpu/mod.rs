//! The GPUs, through NVML.
//!
//! A session is a live NVML. It is kept from reading to reading, dropped when the driver is gone or a GPU is lost,
//! and opened anew, so that the source recovers by itself when the driver comes back.
//!
//! Invariant: no library, no GPU, a lost GPU, a driver that does not match or is not loaded, and a value that a GPU
//! does not know are different readings, decided by return codes. Nothing here waits for NVML with a time limit: the
//! source blocks, and its [`worker`](super::worker) keeps the deadline.

mod device;
mod energy;
mod failure;
mod process;
mod raw;
mod session;
mod xid;

use std::path::Path;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use self::process::Processes;
use self::session::Session;
use self::xid::XidCounts;
use super::Source;
use super::file::{Cached, resolve};
use crate::config::GpuConfig;
use crate::observation::{Data, Failure, FailureKind, GpuReading, Reading, Time};

/// Largest recording that is read, bytes: a reading of 64 GPUs with a hundred processes each is half of it.
const MAX_RECORDING: u64 = 2 << 20;

/// Reads the GPUs.
pub struct GpuSource {
    library: String,
    processes: Processes,
    counts: XidCounts,
    session: Option<Session>,
    /// The thread of the last session that must end before the next one begins.
    ending: Option<JoinHandle<()>>,
    retry: Retry,
    failed: Reading<GpuReading>,
    recording: Option<Cached<GpuReading>>,
    energy_pace: Duration,
}

impl GpuSource {
    /// A source of NVML, or of the recording that `config` names. Nothing is loaded before the first reading.
    pub fn new(config: &GpuConfig) -> Self {
        let recording = config.recording.as_deref().map(|file| resolve(Path::new(""), Path::new(file)));
        GpuSource {
            library: config.library.clone(),
            processes: Processes::new(Path::new("/proc"), &config.vllm_pattern),
            counts: XidCounts::default(),
            session: None,
            ending: None,
            retry: Retry::new(config.interval.duration()),
            failed: Reading::Missing("not read yet".into()),
            recording: recording.map(|path| Cached::new("GPU recording", path, MAX_RECORDING)),
            energy_pace: energy::PACE,
        }
    }

    /// The same, asking each GPU for its energy once in `pace`; at each reading where it is zero. For who measures.
    #[must_use]
    pub fn energy_every(mut self, pace: Duration) -> Self {
        self.energy_pace = pace;
        self
    }

    fn read_nvml(&mut self) -> Reading<GpuReading> {
        let mut session = match self.session.take() {
            Some(session) => session,
            None if !self.retry.due() => return self.failed.clone(),
            None => match self.open() {
                Ok(session) => session,
                Err(reading) => return self.fail(reading),
            },
        };
        match session.read(&self.processes, &self.counts) {
            Ok(reading) => {
                self.keep_or_close(session, reading.lost.is_empty());
                Reading::Observed(reading)
            }
            Err(failure) => {
                self.ending = session.close();
                self.fail(Reading::Failed(failure))
            }
        }
    }

    fn open(&mut self) -> Result<Session, Reading<GpuReading>> {
        self.retry.attempt();
        if let Some(thread) = self.ending.take() {
            // NVML is reference counted: it starts afresh only when the thread has let go of it.
            if thread.join().is_err() {
                tracing::warn!("the thread that waits for XID events panicked; this is a bug, please report it");
            }
        }
        Session::open(&self.library, &self.counts, self.energy_pace)
    }

    /// Where some GPUs are lost the session is of use for the others; opening it anew may find the lost ones.
    fn keep_or_close(&mut self, session: Session, complete: bool) {
        if complete {
            self.retry.reset();
            self.session = Some(session);
        } else if self.retry.due() {
            self.ending = session.close();
        } else {
            self.session = Some(session);
        }
    }

    fn fail(&mut self, reading: Reading<GpuReading>) -> Reading<GpuReading> {
        self.failed = reading.clone();
        reading
    }
}

impl Source for GpuSource {
    fn read(&mut self, _now: Time) -> Reading<Data> {
        let reading = match &mut self.recording {
            Some(recording) => read_recording(recording),
            None => self.read_nvml(),
        };
        reading.map(Data::Gpu)
    }
}

fn read_recording(recording: &mut Cached<GpuReading>) -> Reading<GpuReading> {
    match recording.read(|bytes, _| parse_recording(bytes)) {
        // It was asked for by name, so its absence is a mistake and not a machine without a GPU.
        Reading::Missing(what) => {
            let message = format!("{what}; write it, or take gpu.recording out of the configuration");
            Reading::Failed(Failure::new(FailureKind::Unreadable, message))
        }
        reading => reading,
    }
}

/// A recorded [`GpuReading`] in JSON.
///
/// # Errors
/// Says what is wrong, with line and column.
pub fn parse_recording(bytes: &[u8]) -> Result<GpuReading, String> {
    let reading: GpuReading = serde_json::from_slice(bytes).map_err(|error| format!("is not a recording: {error}"))?;
    if reading.gpus.is_empty() && reading.lost.is_empty() {
        return Err("holds no GPU; a recording is an object with a list `gpus`".into());
    }
    let mut indexes: Vec<u32> = reading.gpus.iter().map(|gpu| gpu.index).collect();
    indexes.extend(reading.lost.iter().map(|(index, _)| index));
    let uuids = reading.gpus.iter().map(|gpu| gpu.uuid.as_str()).filter(|uuid| !uuid.is_empty()).collect();
    match (twice(indexes), twice(uuids)) {
        (Some(index), _) => Err(format!("names the GPU {index} twice; give each its own `index`")),
        (_, Some(uuid)) => Err(format!("names the GPU {uuid} twice; give each its own `uuid`")),
        (None, None) => Ok(reading),
    }
}

/// A value that stands there more than once.
fn twice<T: Ord>(mut values: Vec<T>) -> Option<T> {
    values.sort_unstable();
    let at = values.windows(2).position(|pair| pair[0] == pair[1])?;
    Some(values.swap_remove(at))
}

/// When NVML may be opened again: at once after a clean run, then after one interval, two, four, up to
/// [`Retry::MOST`], because opening NVML wakes up every GPU of the machine.
#[derive(Debug)]
struct Retry {
    interval: Duration,
    wait: Duration,
    not_before: Option<Instant>,
}

impl Retry {
    /// The longest wait, in intervals: a minute at the default.
    const MOST: u32 = 12;

    fn new(interval: Duration) -> Self {
        Retry { interval, wait: interval, not_before: None }
    }

    fn due(&self) -> bool {
        self.not_before.is_none_or(|then| Instant::now() >= then)
    }

    fn attempt(&mut self) {
        // A tenth less, or a reading that comes a moment early would be skipped.
        self.not_before = Some(Instant::now() + self.wait.mul_f64(0.9));
        self.wait = (self.wait * 2).min(self.interval * Self::MOST);
    }

    fn reset(&mut self) {
        *self = Retry::new(self.interval);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::observation::{Field, Gpu, XidCount};

    #[test]
    fn retries_wait_longer_and_longer_until_a_clean_reading() {
        let mut retry = Retry::new(Duration::from_secs(100));
        assert!(retry.due(), "the first attempt waits for nothing");
        let waits: Vec<u64> = std::iter::repeat_with(|| {
            let wait = retry.wait.as_secs();
            retry.attempt();
            wait
        })
        .take(5)
        .collect();
        assert_eq!(waits, [100, 200, 400, 800, 1200]);
        assert!(!retry.due());
        retry.reset();
        assert!(retry.due());
    }

    #[test]
    fn a_recording_keeps_absent_values_absent() {
        let reading = GpuReading {
            driver_version: "580.95".into(),
            gpus: vec![Gpu {
                utilization: Field::Value(0.96),
                throttle_reasons: Field::Value(1 << 40),
                xids: vec![XidCount { xid: 79, count: 2, last_at: 1.5 }],
                ..Gpu::default()
            }],
            lost: vec![(1, "fell off".into())],
        };
        let json = serde_json::to_string(&reading).unwrap();
        assert!(json.contains(r#""power":null"#), "{json}");
        assert_eq!(parse_recording(json.as_bytes()), Ok(reading));
        let sparse = parse_recording(br#"{"gpus": [{"utilization": 0.5}]}"#).unwrap();
        assert_eq!((sparse.gpus[0].utilization, sparse.gpus[0].power), (Field::Value(0.5), Field::Unsupported));
    }

    #[test]
    fn a_bad_recording_says_where() {
        let wrong_type = parse_recording(b"{\"gpus\": [\n{\"power\": \"high\"}]}").unwrap_err();
        assert!(wrong_type.contains("expected f64") && wrong_type.contains("line 2"), "{wrong_type}");
        assert!(parse_recording(b"{}").unwrap_err().contains("holds no GPU"));
        let same_index = br#"{"gpus": [{"index": 1}, {"index": 0}], "lost": [[1, "fell off"]]}"#;
        assert!(parse_recording(same_index).unwrap_err().contains("the GPU 1 twice"));
        let same_uuid = br#"{"gpus": [{"index": 1, "uuid": "GPU-a"}, {"index": 0, "uuid": "GPU-a"}]}"#;
        assert!(parse_recording(same_uuid).unwrap_err().contains("the GPU GPU-a twice"));
        let whole = br#"{"gpus": [{"index": 0}]}"#;
        for end in 0..whole.len() {
            assert!(parse_recording(&whole[..end]).is_err(), "cut at byte {end}");
        }
    }
}
