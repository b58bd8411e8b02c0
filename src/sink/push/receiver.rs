//! One receiver, told by a task of its own.
//!
//! Invariant: it sends one message at a time, made of the newest batch, and a failure is logged once, until it is over.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::watch;
use tokio::task::JoinHandle;
use tracing::{info, warn};

use super::retry::Backoff;
use super::{Batch, Endpoint, Outcome, Sink};
use crate::metric::PushCounts;
use crate::observation::Time;

/// The times of pushing.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Timing {
    /// What did not change is sent again after this. Prometheus resends after a minute.
    pub resend: Duration,
    /// Alertmanager lets an alert lapse that was not sent again for this long: four times `resend`, as in Prometheus.
    pub outlives: Duration,
    /// The first wait after a failure; it doubles ...
    pub first_wait: Duration,
    /// ... up to this one.
    pub longest_wait: Duration,
}

impl Default for Timing {
    fn default() -> Self {
        Timing {
            resend: Duration::from_secs(60),
            outlives: Duration::from_secs(240),
            first_wait: Duration::from_secs(1),
            longest_wait: Duration::from_secs(30),
        }
    }
}

/// The near end of a receiver's task, which ends when this is dropped.
#[derive(Debug)]
pub struct Receiver {
    name: String,
    task: JoinHandle<()>,
    counts: Arc<Mutex<PushCounts>>,
}

/// The newest batch; `None` while nothing was judged yet.
pub type Newest = watch::Receiver<Option<Arc<Batch>>>;

impl Receiver {
    /// Starts the task, which goes on counting from `before`.
    pub fn start(endpoint: Endpoint, sink: impl Sink, (batches, timing): (Newest, Timing), before: PushCounts) -> Self {
        let name = endpoint.name().to_owned();
        let counts = Arc::new(Mutex::new(PushCounts { receiver: name.clone(), ..before }));
        let task = Task {
            endpoint,
            sink,
            batches,
            counts: Arc::clone(&counts),
            resend: timing.resend,
            backoff: Backoff::new(timing.first_wait, timing.longest_wait),
            failing: None,
        };
        Receiver { name, task: tokio::spawn(task.run()), counts }
    }

    /// The receiver, for people and metrics.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What was counted so far, shared.
    pub fn counts(&self) -> Arc<Mutex<PushCounts>> {
        Arc::clone(&self.counts)
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        self.task.abort();
    }
}

struct Task<S> {
    endpoint: Endpoint,
    sink: S,
    batches: Newest,
    counts: Arc<Mutex<PushCounts>>,
    resend: Duration,
    backoff: Backoff,
    /// Why the last attempt failed.
    failing: Option<String>,
}

impl<S: Sink> Task<S> {
    async fn run(mut self) {
        loop {
            let wait = self.tell().await;
            let changed = match wait {
                // The newest batch is sent after the wait, whatever comes until then.
                Some(wait) => {
                    tokio::time::sleep(wait).await;
                    continue;
                }
                None => tokio::time::timeout(self.resend, self.batches.changed()).await,
            };
            if changed.is_ok_and(|changed| changed.is_err()) {
                return;
            }
        }
    }

    /// Sends what is to be told now; how long to wait before the next attempt where that failed.
    async fn tell(&mut self) -> Option<Duration> {
        let batch = self.batches.borrow_and_update().clone()?;
        let message = self.sink.message(&batch)?;
        match self.endpoint.post(&message.body).await {
            Outcome::Accepted => {
                self.sink.accepted(&batch);
                self.accepted();
                None
            }
            Outcome::Later(why, after) => {
                self.count(|counts| counts.failures += 1);
                self.complain(why);
                Some(self.backoff.next(after))
            }
            Outcome::Refused(reason, why) => {
                self.count(|counts| counts.dropped[reason as usize] += message.alerts);
                self.complain(format!("{why}. {} alerts are dropped, and sent anew later", message.alerts));
                self.backoff.reset();
                None
            }
        }
    }

    fn accepted(&mut self) {
        self.backoff.reset();
        self.count(|counts| {
            counts.sent += 1;
            counts.last_success_at = Some(Time::now());
        });
        if self.failing.take().is_some() {
            info!(receiver = self.endpoint.name(), "alerts are accepted again");
        }
    }

    fn count(&self, change: impl FnOnce(&mut PushCounts)) {
        change(&mut self.counts.lock().unwrap_or_else(PoisonError::into_inner));
    }

    /// Logs what is new of `why`.
    fn complain(&mut self, why: String) {
        if self.failing.as_ref() != Some(&why) {
            warn!("alerts are not told: {why}");
        }
        self.failing = Some(why);
    }
}
