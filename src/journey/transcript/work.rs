//! The threads: each takes the next transcript and looks at it.
//!
//! Invariant: what comes of a transcript is handed on at once and not gathered; each thread has one buffer, and there are few
//! threads, so that memory stays bounded however many transcripts there are and however long lines are.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::mpsc::{RecvTimeoutError, SyncSender, sync_channel};
use std::time::{Duration, Instant};

use super::Options;
use super::files::{FrozenFile, Unreadable};
use super::lines::Buffer;
use super::look::look;
use super::state::{Entry, Found};

/// More threads than this would be faster, and take a buffer of up to `max_line` each.
const MOST_THREADS: usize = 4;

/// Transcripts that were read and not taken yet, at most.
const WAITING: usize = 16;

/// Time between two reports of how far it is.
const REPORT: Duration = Duration::from_millis(100);

/// A transcript that is to be looked at.
pub(super) struct Job<'a> {
    pub(super) file: &'a FrozenFile,
    /// What was read of it, and the number of that entry.
    pub(super) known: Option<(usize, Entry)>,
}

/// What came of a job.
pub(super) type Done = Result<Found, Unreadable>;

/// Does all `jobs`, and hands what comes of each to `take`, with its number, in whatever order. `progress` is told bytes
/// read and bytes in all.
pub(super) fn work(
    jobs: &[Job<'_>],
    options: &Options,
    progress: &mut dyn FnMut(u64, u64),
    mut take: impl FnMut(usize, Done),
) {
    let total = jobs.iter().map(Job::bytes).sum();
    let (next, bytes) = (AtomicUsize::new(0), AtomicU64::new(0));
    // The largest first, so that no thread begins one when the others have nothing left.
    let mut order: Vec<usize> = (0..jobs.len()).collect();
    order.sort_by_key(|at| std::cmp::Reverse(jobs[*at].bytes()));
    std::thread::scope(|scope| {
        // Bounded: reading waits for whoever takes.
        let (sender, receiver) = sync_channel(WAITING);
        for _ in 0..options.threads().min(jobs.len()) {
            let (sender, next, bytes, order) = (sender.clone(), &next, &bytes, &order);
            scope.spawn(move || take_jobs(jobs, order, options, &sender, (next, bytes)));
        }
        drop(sender);
        let mut reported = Instant::now();
        loop {
            match receiver.recv_timeout(REPORT) {
                Ok((at, done)) => take(at, done),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => break,
            }
            if reported.elapsed() >= REPORT {
                reported = Instant::now();
                progress(bytes.load(Ordering::Relaxed), total);
            }
        }
    });
}

fn take_jobs(
    jobs: &[Job<'_>],
    order: &[usize],
    options: &Options,
    sender: &SyncSender<(usize, Done)>,
    (next, bytes): (&AtomicUsize, &AtomicU64),
) {
    let mut buffer = Buffer::new(options.max_line);
    while let Some(&at) = order.get(next.fetch_add(1, Ordering::Relaxed)) {
        let job = &jobs[at];
        let result = look(job.file, job.known.as_ref().map(|(_, entry)| entry), (&mut buffer, bytes));
        if sender.send((at, result)).is_err() {
            break;
        }
    }
}

impl Job<'_> {
    /// Bytes that are probably to be read.
    fn bytes(&self) -> u64 {
        let read = self.known.as_ref().map_or(0, |(_, entry)| entry.read);
        self.file.identity.size.checked_sub(read).unwrap_or(self.file.identity.size)
    }
}

impl Options {
    fn threads(&self) -> usize {
        let cores = || std::thread::available_parallelism().map_or(1, usize::from);
        if self.threads == 0 { cores().min(MOST_THREADS) } else { self.threads }
    }
}
