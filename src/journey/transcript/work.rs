//! The threads: each takes the next transcript and looks at it.
//!
//! Invariant: what comes of a transcript is handed on at once and not gathered; each thread has one buffer, and there
//! are few threads, so that memory stays bounded however many transcripts there are and however long lines are.

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

/// Does all `jobs`, and hands what comes of each to `take`, with its number, in whatever order. `progress` is told
/// bytes read and bytes in all.
pub(super) fn work(
    jobs: &[Job<'_>],
    options: &Options,
    progress: &mut dyn FnMut(u64, u64),
    mut take: impl FnMut(usize, Done),
) {
    let total = jobs.iter().map(Job::bytes).sum();
    let queue = Queue::of(jobs);
    std::thread::scope(|scope| {
        // Bounded: reading waits for whoever takes.
        let (sender, receiver) = sync_channel(WAITING);
        for _ in 0..options.threads().min(jobs.len()) {
            let (sender, queue) = (sender.clone(), &queue);
            scope.spawn(move || queue.serve(options.max_line, &sender));
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
                progress(queue.bytes.load(Ordering::Relaxed), total);
            }
        }
    });
}

/// The jobs that are left.
struct Queue<'a> {
    jobs: &'a [Job<'a>],
    /// The largest first, so that no thread begins one when the others have nothing left.
    order: Vec<usize>,
    next: AtomicUsize,
    /// Bytes read so far, by all threads.
    bytes: AtomicU64,
}

impl<'a> Queue<'a> {
    fn of(jobs: &'a [Job<'a>]) -> Self {
        let mut order: Vec<usize> = (0..jobs.len()).collect();
        order.sort_by_key(|at| std::cmp::Reverse(jobs[*at].bytes()));
        Queue { jobs, order, next: AtomicUsize::new(0), bytes: AtomicU64::new(0) }
    }

    /// Does jobs until none is left.
    fn serve(&self, max_line: u64, sender: &SyncSender<(usize, Done)>) {
        let mut buffer = Buffer::new(max_line);
        while let Some(&at) = self.order.get(self.next.fetch_add(1, Ordering::Relaxed)) {
            let Job { file, known } = &self.jobs[at];
            let done = look(file, known.as_ref().map(|(_, entry)| entry), (&mut buffer, &self.bytes));
            if sender.send((at, done)).is_err() {
                break;
            }
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
