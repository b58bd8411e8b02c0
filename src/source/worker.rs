//! A thread of its own for a source that blocks, with a deadline for each reading.
//!
//! Invariant: at most one reading is under way; [`Worker::read`] always returns within its deadline.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

use tokio::sync::{mpsc, oneshot};
use tokio::time::Instant;

use super::Source;
use crate::observation::{Data, Failure, FailureKind, Reading, SourceId, Time};

/// The near end of a source's thread.
pub struct Worker {
    source: SourceId,
    requests: mpsc::Sender<Request>,
    stuck: Option<Stuck>,
}

struct Request {
    now: Time,
    answer: oneshot::Sender<Reading<Data>>,
}

struct Stuck {
    since: Instant,
    answer: oneshot::Receiver<Reading<Data>>,
}

impl Worker {
    /// Starts the thread. It ends when the worker is dropped and its reading, if one is under way, returns.
    ///
    /// # Errors
    /// When the operating system gives no thread.
    pub fn spawn(id: SourceId, mut source: Box<dyn Source>) -> std::io::Result<Self> {
        let (requests, mut queue) = mpsc::channel::<Request>(1);
        std::thread::Builder::new().name(format!("source-{id}")).stack_size(1 << 20).spawn(move || {
            while let Some(Request { now, answer }) = queue.blocking_recv() {
                let reading = catch_unwind(AssertUnwindSafe(|| source.read(now)));
                let reading = reading.unwrap_or_else(|_| {
                    let message = format!("reading {id} panicked; this is a bug, please report it with the log");
                    Reading::Failed(Failure::new(FailureKind::Malformed, message))
                });
                // The asker is gone when its deadline passed and the daemon shut down meanwhile.
                drop(answer.send(reading));
            }
        })?;
        Ok(Worker { source: id, requests, stuck: None })
    }

    /// Reads once, within `deadline`.
    pub async fn read(&mut self, now: Time, deadline: Duration) -> Reading<Data> {
        let (since, mut answer) = match self.stuck.take() {
            Some(Stuck { since, mut answer }) => match answer.try_recv() {
                // The late answer is older than this reading; ask anew.
                Ok(_) | Err(oneshot::error::TryRecvError::Closed) => match self.ask(now) {
                    Some(asked) => asked,
                    None => return self.gone(),
                },
                Err(oneshot::error::TryRecvError::Empty) => {
                    let failure = self.timed_out(since);
                    self.stuck = Some(Stuck { since, answer });
                    return failure;
                }
            },
            None => match self.ask(now) {
                Some(asked) => asked,
                None => return self.gone(),
            },
        };
        match tokio::time::timeout(deadline, &mut answer).await {
            Ok(Ok(reading)) => reading,
            Ok(Err(_)) => self.gone(),
            Err(_) => {
                self.stuck = Some(Stuck { since, answer });
                self.timed_out(since)
            }
        }
    }

    fn ask(&self, now: Time) -> Option<(Instant, oneshot::Receiver<Reading<Data>>)> {
        let (answer, receiver) = oneshot::channel();
        self.requests.try_send(Request { now, answer }).ok()?;
        Some((Instant::now(), receiver))
    }

    fn timed_out(&self, since: Instant) -> Reading<Data> {
        let message = format!(
            "{}: a reading has been under way for {:.0} s; the device, driver or file system behind it hangs",
            self.source,
            since.elapsed().as_secs_f64()
        );
        Reading::Failed(Failure::new(FailureKind::TimedOut, message))
    }

    fn gone(&self) -> Reading<Data> {
        let message = format!("{}: its thread has ended; restart the exporter and report this as a bug", self.source);
        Reading::Failed(Failure::new(FailureKind::Malformed, message))
    }
}
