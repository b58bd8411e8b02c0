//! The access log: one line for each request, on standard output.
//!
//! ```text
//! request -> line (this thread's own buffer) -> queue (bounded bytes) -> thread -> standard output
//! ```
//!
//! Invariant: nobody who answers a request ever waits for whoever reads the log. Where standard output does not take the
//! lines, they are kept up to a bound, and then dropped and counted.

mod line;

use std::cell::RefCell;
use std::fs::File;
use std::io::{ErrorKind, Result, Write};
use std::os::fd::AsFd as _;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

pub use line::Form;
use line::Scribe;
pub(crate) use line::{Answered, Asked};

use crate::config::AccessLog as Setting;

/// Lines that wait for standard output may take so many bytes: some 8,000 of them.
const MOST: usize = 1 << 20;
/// As much is written at once, bytes.
const ENOUGH: usize = 64 << 10;
/// Lines wait for others so long at most.
const PATIENCE: Duration = Duration::from_millis(250);
/// Dropped lines are told of no more often than this.
const TELL: Duration = Duration::from_secs(60);
/// How long to wait for an output that takes nothing now and does not block: a terminal that another program has set so.
const AGAIN: Duration = Duration::from_millis(10);

/// A log of requests.
#[derive(Debug)]
pub struct AccessLog {
    form: Form,
    shared: Arc<Shared>,
}

#[derive(Debug, Default)]
struct Shared {
    queue: Mutex<Queue>,
    /// The thread has something to do.
    news: Condvar,
    /// The thread has ended.
    over: Condvar,
    dropped: AtomicU64,
}

#[derive(Debug, Default)]
struct Queue {
    lines: Vec<u8>,
    /// No more lines come.
    closed: bool,
    /// No more lines are written.
    ended: bool,
}

thread_local! {
    static SCRIBE: RefCell<Scribe> = const { RefCell::new(Scribe::new()) };
}

impl AccessLog {
    /// The log that `setting` asks for, on standard output; `None` where it is off.
    ///
    /// # Errors
    /// When there is no standard output, or no thread can be started.
    pub fn start(setting: Setting) -> Result<Option<Self>> {
        let form = match setting {
            Setting::Off => return Ok(None),
            Setting::Common => Form::Common,
            Setting::Json => Form::Json,
        };
        // Past the standard library's own buffer, which would hold the lines of a second batch back.
        let output = File::from(std::io::stdout().as_fd().try_clone_to_owned()?);
        Self::to(form, output).map(Some)
    }

    /// A log that is written to `output` by a thread of its own.
    ///
    /// # Errors
    /// When no thread can be started.
    pub fn to(form: Form, output: impl Write + Send + 'static) -> Result<Self> {
        let shared = Arc::new(Shared::default());
        let writer = Writer { shared: Arc::clone(&shared), output, told: (0, None) };
        thread::Builder::new().name("access-log".into()).spawn(move || writer.run())?;
        Ok(AccessLog { form, shared })
    }

    /// Has the line of a request written.
    pub(crate) fn tell(&self, asked: &Asked, answered: &Answered) {
        SCRIBE.with_borrow_mut(|scribe| self.shared.push(scribe.line(self.form, asked, answered)));
    }

    /// Lines that were dropped since the start.
    pub fn dropped(&self) -> u64 {
        self.shared.dropped.load(Ordering::Relaxed)
    }

    /// Takes no more lines, and waits until all that came are written, `patience` at most. Whether they are.
    pub fn close(&self, patience: Duration) -> bool {
        let mut queue = self.shared.queue();
        queue.closed = true;
        self.shared.news.notify_one();
        let ended = self.shared.over.wait_timeout_while(queue, patience, |queue| !queue.ended);
        let (queue, _) = ended.unwrap_or_else(PoisonError::into_inner);
        queue.ended
    }
}

impl Shared {
    fn queue(&self) -> MutexGuard<'_, Queue> {
        // Nothing panics while it is held.
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn push(&self, line: &[u8]) {
        let mut queue = self.queue();
        let before = queue.lines.len();
        if queue.closed || queue.ended || before + line.len() > MOST {
            drop(queue);
            self.dropped.fetch_add(1, Ordering::Relaxed);
            return;
        }
        queue.lines.extend_from_slice(line);
        let after = queue.lines.len();
        drop(queue);
        // To wake a thread is a system call, so it is not done for each line.
        if before == 0 || (before < ENOUGH && after >= ENOUGH) {
            self.news.notify_one();
        }
    }

    /// Swaps `batch`, which is empty, for the lines that came; false when there will be none any more.
    fn next(&self, batch: &mut Vec<u8>) -> bool {
        let idle = self.news.wait_while(self.queue(), |queue| queue.lines.is_empty() && !queue.closed);
        let queue = idle.unwrap_or_else(PoisonError::into_inner);
        let few = |queue: &mut Queue| queue.lines.len() < ENOUGH && !queue.closed;
        let waited = self.news.wait_timeout_while(queue, PATIENCE, few);
        let (mut queue, _) = waited.unwrap_or_else(PoisonError::into_inner);
        std::mem::swap(&mut queue.lines, batch);
        !batch.is_empty()
    }

    fn end(&self) {
        let mut queue = self.queue();
        queue.ended = true;
        let lines = std::mem::take(&mut queue.lines);
        drop(queue);
        self.drop_lines(&lines);
        self.over.notify_all();
    }

    fn drop_lines(&self, lines: &[u8]) {
        let count = lines.iter().filter(|byte| **byte == b'\n').count();
        self.dropped.fetch_add(count as u64, Ordering::Relaxed);
    }
}

/// The thread's side.
struct Writer<W> {
    shared: Arc<Shared>,
    output: W,
    /// How many dropped lines were told of, and when last.
    told: (u64, Option<Instant>),
}

impl<W: Write> Writer<W> {
    fn run(mut self) {
        let mut batch = Vec::new();
        while self.shared.next(&mut batch) {
            if let Err(error) = write_all(&mut self.output, &batch) {
                self.shared.drop_lines(&batch);
                tracing::error!(%error, "the access log ends: standard output takes no more lines; restart the server");
                break;
            }
            batch.clear();
            // What a stall has filled is given back.
            batch.shrink_to(2 * ENOUGH);
            self.tell(TELL);
        }
        self.shared.end();
        self.tell(Duration::ZERO);
    }

    /// Tells of lines that were dropped, unless that was done within `since`.
    fn tell(&mut self, since: Duration) {
        let dropped = self.shared.dropped.load(Ordering::Relaxed);
        let (known, at) = self.told;
        if dropped > known && at.is_none_or(|at| at.elapsed() >= since) {
            let lines = dropped - known;
            tracing::warn!(lines, "dropped lines of the access log: standard output did not take them in time");
            self.told = (dropped, Some(Instant::now()));
        }
    }
}

/// Writes `bytes` to the last one, also to what does not block.
fn write_all(output: &mut impl Write, mut bytes: &[u8]) -> Result<()> {
    while !bytes.is_empty() {
        match output.write(bytes) {
            Ok(0) => return Err(ErrorKind::WriteZero.into()),
            Ok(written) => bytes = &bytes[written..],
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) if error.kind() == ErrorKind::WouldBlock => thread::sleep(AGAIN),
            Err(error) => return Err(error),
        }
    }
    output.flush()
}

#[cfg(test)]
mod tests {
    use std::io::Read as _;
    use std::os::unix::net::UnixStream;
    use std::time::SystemTime;

    use axum::http::Request;

    use super::*;
    use crate::web::Peer;

    const LONG: Duration = Duration::from_secs(60);

    fn tell(log: &AccessLog, path: &str) {
        let request = Request::builder().uri(path).body(()).unwrap();
        let asked = Asked::of(&request, Peer { address: None, secure: false });
        let answered = Answered { at: SystemTime::now(), status: 200, bytes: Some(1), took: None };
        log.tell(&asked, &answered);
    }

    fn log() -> (AccessLog, UnixStream) {
        let (reader, writer) = UnixStream::pair().unwrap();
        (AccessLog::to(Form::Common, writer).unwrap(), reader)
    }

    #[test]
    fn lines_come_in_their_order_without_being_asked_for() {
        let (log, mut reader) = log();
        for number in 0..100 {
            tell(&log, &format!("/{number}"));
        }
        let mut lines = String::new();
        while lines.matches('\n').count() < 100 {
            let mut part = [0; 4096];
            let read = reader.read(&mut part).unwrap();
            lines.push_str(std::str::from_utf8(&part[..read]).unwrap());
        }
        let paths: Vec<&str> = lines.lines().filter_map(|line| line.split(' ').nth(6)).collect();
        assert_eq!(paths, (0..100).map(|number| format!("/{number}")).collect::<Vec<_>>());
        assert!(log.close(LONG));
        assert_eq!((reader.read(&mut [0]).unwrap(), log.dropped()), (0, 0), "nothing is left, and nothing was lost");
    }

    #[test]
    fn a_reader_that_does_not_read_delays_nobody_and_costs_a_bounded_queue() {
        let (log, mut reader) = log();
        let path = format!("/{}", "x".repeat(1900));
        // Ten times what the queue holds, and the socket's buffer beside it.
        let told = 10 * MOST / path.len();
        (0..told).for_each(|_| tell(&log, &path));
        let dropped = log.dropped();
        assert!(dropped > 0 && !log.close(Duration::from_millis(50)), "{dropped} dropped");
        assert!(log.shared.queue().lines.capacity() <= 2 * MOST);
        // It reads again: what was kept comes, whole lines of it.
        let mut lines = String::new();
        reader.read_to_string(&mut lines).unwrap();
        assert!(log.close(LONG));
        assert!(lines.ends_with('\n') && lines.lines().all(|line| line.contains(" 200 1")));
        assert_eq!(lines.lines().count() as u64 + log.dropped(), told as u64);
    }

    #[test]
    fn a_reader_that_is_gone_ends_the_log_and_not_the_server() {
        let (log, reader) = log();
        drop(reader);
        tell(&log, "/first");
        let over = log.shared.over.wait_timeout_while(log.shared.queue(), LONG, |queue| !queue.ended).unwrap();
        assert!(over.0.ended);
        drop(over);
        tell(&log, "/second");
        assert_eq!(log.dropped(), 2);
        assert!(log.close(Duration::ZERO));
    }

    #[test]
    fn an_output_that_does_not_block_gets_every_line() {
        let (mut reader, writer) = UnixStream::pair().unwrap();
        writer.set_nonblocking(true).unwrap();
        let log = AccessLog::to(Form::Json, writer).unwrap();
        let path = format!("/{}", "x".repeat(1000));
        (0..800).for_each(|_| tell(&log, &path));
        let closing = thread::spawn(move || (log.close(LONG), log.dropped()));
        let mut lines = String::new();
        reader.read_to_string(&mut lines).unwrap();
        assert_eq!((closing.join().unwrap(), lines.lines().count()), ((true, 0), 800));
    }

    #[test]
    fn off_is_no_log() {
        assert!(AccessLog::start(Setting::Off).unwrap().is_none());
    }
}
