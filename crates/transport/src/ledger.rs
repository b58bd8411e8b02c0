//! What a connection has going on, and until when its client may go on like that.
//!
//! Invariant: at any time at which the server does not itself work, there is an instant at which the client must have
//! got on, and nothing but getting on moves it: for HTTP/1.1 bytes either way, for HTTP/2, where bytes may be
//! anything, only requests and the bytes of answers.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

/// How long a client may take.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Patience {
    /// From the first byte of a request (from the start, for the first request) to the end of its head.
    pub(crate) head: Duration,
    /// Between requests, and between two moments at which an answer gets on.
    pub(crate) idle: Duration,
    /// Bytes per second at which a client must take its answers, after `idle`.
    pub(crate) pace: u64,
}

/// How long one answer may take though its client keeps the pace with others. What it shows is held as long.
const LONGEST: Duration = Duration::from_secs(3600);
/// An HTTP/1.1 connection that is idle for this long gives its buffers back. Long enough that a busy one keeps them.
const QUIET: Duration = Duration::from_secs(1);

const HEAD: &str = "the request's head did not arrive in time";
const IDLE: &str = "the client was idle or did not read for too long";
const SLOW: &str = "the client read its answer too slowly";
const FRAME: &str = "the client did not finish what it began to send";

/// The books of one connection. They are kept by whoever serves its requests, sends its answers and reads its bytes.
#[derive(Debug)]
pub(crate) struct Ledger {
    patience: Patience,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    phase: Phase,
    /// When the client last got on.
    since: Instant,
    /// HTTP/2: when the client began a frame, or a row of them that make a head, that is not whole yet.
    begun: Option<Instant>,
    /// Requests that the server works on.
    working: usize,
    /// Answers that are not sent to the end.
    open: Vec<Open>,
    /// Bytes of answers that were sent.
    sent: u64,
    /// Whether bytes wait until the client reads.
    stuck: bool,
    next: u32,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Phase {
    /// HTTP/1.1, or not known yet: the rest of a head is awaited.
    Head,
    /// HTTP/1.1: the next request is awaited.
    Idle,
    /// HTTP/1.1 as well, by a connection that has given its buffers back.
    Asleep,
    /// HTTP/2 before its first request.
    Greeting,
    /// HTTP/2 after that.
    Streams,
}

#[derive(Debug)]
struct Open {
    id: u32,
    at: Instant,
    /// What was sent on the connection before.
    before: u64,
}

/// When to look at a connection again, and when and why to cut it off.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Due {
    pub(crate) look: Instant,
    pub(crate) cut: Option<(Instant, &'static str)>,
}

impl Ledger {
    pub(crate) fn new(patience: Patience) -> Arc<Self> {
        let state = State {
            phase: Phase::Head,
            since: Instant::now(),
            begun: None,
            working: 0,
            open: Vec::new(),
            sent: 0,
            stuck: false,
            next: 0,
        };
        Arc::new(Ledger { patience, state: Mutex::new(state) })
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Nothing panics while it is held.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The connection turned out to speak HTTP/2.
    pub(crate) fn speaks_http2(&self) {
        self.state().phase = Phase::Greeting;
    }

    /// HTTP/1.1: bytes came.
    pub(crate) fn received(&self) {
        let mut state = self.state();
        if matches!(state.phase, Phase::Idle | Phase::Asleep) && state.working == 0 {
            state.phase = Phase::Head;
            state.since = Instant::now();
        }
    }

    /// HTTP/2: bytes came, in which something begun may have `ended`, and after which all is `whole`, or is not.
    pub(crate) fn received_frames(&self, ended: bool, whole: bool) {
        let mut state = self.state();
        if whole {
            state.begun = None;
        } else if ended || state.begun.is_none() {
            state.begun = Some(Instant::now());
        }
    }

    /// Bytes were sent. HTTP/2 sends bytes that are of no answer, so there it takes [`Answer::sent`] to get on.
    pub(crate) fn wrote(&self) {
        let mut state = self.state();
        if matches!(state.phase, Phase::Head | Phase::Idle) {
            state.phase = Phase::Idle;
            state.since = Instant::now();
        }
    }

    /// Whether bytes wait until the client reads.
    pub(crate) fn set_stuck(&self, stuck: bool) {
        self.state().stuck = stuck;
    }

    /// A request is there.
    pub(crate) fn work(self: &Arc<Self>) -> Work {
        let mut state = self.state();
        state.working += 1;
        if matches!(state.phase, Phase::Greeting | Phase::Streams) {
            state.phase = Phase::Streams;
            state.since = Instant::now();
        }
        Work(Some(Arc::clone(self)))
    }

    /// Whether an HTTP/1.1 connection has been idle for so long that it shall give its buffers back.
    pub(crate) fn falls_asleep(&self) -> bool {
        let mut state = self.state();
        let quiet = state.phase == Phase::Idle && state.working == 0 && state.open.is_empty() && !state.stuck;
        let falls = quiet && Instant::now() >= state.since + QUIET;
        if falls {
            state.phase = Phase::Asleep;
        }
        falls
    }

    /// HTTP/2: since when no stream was open; `None` while one is.
    pub(crate) fn idle_since(&self) -> Option<Instant> {
        let state = self.state();
        (state.working == 0 && state.open.is_empty()).then_some(state.since)
    }

    pub(crate) fn due(&self) -> Due {
        let state = self.state();
        let mut due = state.due(self.patience);
        if let Some(begun) = state.begun {
            due = due.or_cut(begun + self.patience.head, FRAME);
        }
        due
    }
}

impl State {
    fn due(&self, patience: Patience) -> Due {
        let Patience { head, idle, pace } = patience;
        if !self.open.is_empty() {
            let slow = self.open.iter().map(|open| {
                let earned = Duration::from_secs((self.sent - open.before) / pace.max(1));
                open.at + idle.saturating_add(earned).min(LONGEST)
            });
            let mut stuck = Due::cut(self.since + idle, IDLE);
            if matches!(self.phase, Phase::Head | Phase::Idle) {
                // This may be asked for the last time before the connection is idle.
                stuck.look = self.since + idle.min(QUIET);
            }
            return slow.fold(stuck, |due, slow| due.or_cut(slow, SLOW));
        }
        if self.working > 0 {
            return Due { look: self.since + idle, cut: None };
        }
        match self.phase {
            Phase::Head | Phase::Greeting => Due::cut(self.since + head, HEAD),
            Phase::Idle => Due { look: self.since + idle.min(QUIET), ..Due::cut(self.since + idle, IDLE) },
            Phase::Asleep => Due::cut(self.since + idle, IDLE),
            // At `idle` it is told to go away, which it may do as slowly as it may ask.
            Phase::Streams => Due::cut(self.since + idle + head, IDLE),
        }
    }
}

impl Due {
    fn cut(at: Instant, why: &'static str) -> Self {
        Due { look: at, cut: Some((at, why)) }
    }

    fn or_cut(self, at: Instant, why: &'static str) -> Self {
        let earlier = self.cut.is_none_or(|(cut, _)| at < cut);
        Due { look: self.look.min(at), cut: if earlier { Some((at, why)) } else { self.cut } }
    }
}

/// A request that the server works on. No deadline runs meanwhile.
#[derive(Debug)]
pub(crate) struct Work(Option<Arc<Ledger>>);

impl Work {
    /// The work is done; its answer is open until it is sent to the end, or dropped.
    pub(crate) fn answered(mut self) -> Arc<Answer> {
        let ledger = self.0.take().expect("the work is done once");
        let mut state = ledger.state();
        let (id, before) = (state.next, state.sent);
        let now = Instant::now();
        state.working -= 1;
        state.next = id.wrapping_add(1);
        state.since = now;
        state.open.push(Open { id, at: now, before });
        drop(state);
        Arc::new(Answer { ledger, id })
    }
}

impl Drop for Work {
    fn drop(&mut self) {
        if let Some(ledger) = &self.0 {
            ledger.state().working -= 1;
        }
    }
}

/// An answer that is not sent to the end. Each of its parts holds it.
#[derive(Debug)]
pub(crate) struct Answer {
    ledger: Arc<Ledger>,
    id: u32,
}

impl Answer {
    /// So many bytes of it were sent.
    pub(crate) fn sent(&self, bytes: usize) {
        let mut state = self.ledger.state();
        state.sent += bytes as u64;
        state.since = Instant::now();
    }
}

impl Drop for Answer {
    fn drop(&mut self) {
        let mut state = self.ledger.state();
        if let Some(at) = state.open.iter().position(|open| open.id == self.id) {
            state.open.swap_remove(at);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn ledger() -> Arc<Ledger> {
        Ledger::new(Patience { head: 10 * SECOND, idle: 75 * SECOND, pace: 1000 })
    }

    /// Seconds from now, rounded, to the cut, and why.
    fn cut(ledger: &Ledger) -> Option<(u64, &'static str)> {
        let in_seconds = |at: Instant| (at - Instant::now()).as_secs_f64().round() as u64;
        ledger.due().cut.map(|(at, why)| (in_seconds(at), why))
    }

    #[tokio::test(start_paused = true)]
    async fn an_answer_is_owed_time_by_what_was_read_and_an_hour_at_most() {
        let ledger = ledger();
        ledger.received();
        assert_eq!(cut(&ledger), Some((10, HEAD)));
        let work = ledger.work();
        assert_eq!(cut(&ledger), None);
        let answer = work.answered();
        assert_eq!(cut(&ledger), Some((75, IDLE)));
        tokio::time::advance(60 * SECOND).await;
        answer.sent(30_000);
        assert_eq!(cut(&ledger), Some((45, SLOW)));
        answer.sent(1 << 40);
        tokio::time::advance(3500 * SECOND).await;
        answer.sent(1);
        assert_eq!(cut(&ledger), Some((40, SLOW)));
        drop(answer);
        ledger.wrote();
        assert_eq!(cut(&ledger), Some((75, IDLE)));
    }

    #[tokio::test(start_paused = true)]
    async fn a_connection_is_looked_at_again_when_it_may_fall_asleep() {
        let ledger = ledger();
        ledger.received();
        let answer = ledger.work().answered();
        ledger.wrote();
        // The last look before the answer is gone.
        assert_eq!(ledger.due().look, Instant::now() + QUIET);
        drop(answer);
        assert!(!ledger.falls_asleep());
        tokio::time::advance(QUIET).await;
        assert!(ledger.falls_asleep());
        assert_eq!(cut(&ledger), Some((74, IDLE)));
    }

    #[tokio::test(start_paused = true)]
    async fn over_http2_only_requests_and_answers_get_a_client_on() {
        let ledger = ledger();
        ledger.speaks_http2();
        tokio::time::advance(4 * SECOND).await;
        ledger.wrote();
        ledger.received_frames(true, true);
        assert_eq!(cut(&ledger), Some((6, HEAD)));
        drop(ledger.work().answered());
        assert_eq!(cut(&ledger), Some((85, IDLE)));
        ledger.received_frames(true, false);
        tokio::time::advance(3 * SECOND).await;
        ledger.received_frames(false, false);
        assert_eq!(cut(&ledger), Some((7, FRAME)));
        ledger.received_frames(true, true);
        assert_eq!(cut(&ledger), Some((82, IDLE)));
    }
}
