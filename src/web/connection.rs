//! A connection that cannot be held open for nothing.
//!
//! Invariant: a client that does not send a whole head in time, leaves an idle connection open too long, or stops
//! reading its answer is cut off. No deadline runs while the server itself works on an answer.
//!
//! hyper has one time-out for heads, which also ends idle connections, and none for clients that do not read. So
//! the deadlines are kept here, below it. One timer serves a connection and is set anew only when it fires too
//! early, so that a request costs a look at the clock and no work on the timer wheel.

use std::io::{Error, ErrorKind, IoSlice, Result};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, Sleep};

/// How long a client may take.
#[derive(Debug, Clone, Copy)]
pub(super) struct Patience {
    /// From the first byte of a request (from the start, for the first request) to the end of its head.
    pub(super) head: Duration,
    /// Between requests, and between two moments at which an answer gets on.
    pub(super) idle: Duration,
}

/// True while the server works on an answer.
#[derive(Debug, Clone, Default)]
pub(super) struct Working(Arc<AtomicBool>);

impl Working {
    pub(super) fn set(&self, working: bool) {
        // Both sides run in the connection's one task; the order of other memory does not matter.
        self.0.store(working, Ordering::Relaxed);
    }

    fn get(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

/// A stream under deadlines.
pub(super) struct Guarded<S> {
    stream: S,
    patience: Patience,
    working: Working,
    waiting_for: Waiting,
    since: Instant,
    timer: Option<Pin<Box<Sleep>>>,
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Waiting {
    /// The rest of a head.
    Head,
    /// The next request, or the client's reading.
    Idle,
}

impl<S> Guarded<S> {
    pub(super) fn new(stream: S, patience: Patience, working: Working) -> Self {
        Guarded { stream, patience, working, waiting_for: Waiting::Head, since: Instant::now(), timer: None }
    }

    fn received(&mut self) {
        if self.waiting_for == Waiting::Idle && !self.working.get() {
            self.waiting_for = Waiting::Head;
            self.since = Instant::now();
        }
    }

    fn sent(&mut self) {
        self.waiting_for = Waiting::Idle;
        self.since = Instant::now();
    }

    /// `Ready` with an error when the client's time is up, else `Pending` with the timer set to wake the task.
    fn poll_patience<T>(&mut self, cx: &mut Context<'_>) -> Poll<Result<T>> {
        if self.working.get() {
            return Poll::Pending;
        }
        let (patience, what) = match self.waiting_for {
            Waiting::Head => (self.patience.head, "the request's head did not arrive in time"),
            Waiting::Idle => (self.patience.idle, "the client was idle or did not read for too long"),
        };
        let deadline = self.since + patience;
        let timer = self.timer.get_or_insert_with(|| Box::pin(tokio::time::sleep_until(deadline)));
        loop {
            if timer.deadline() > deadline || (timer.is_elapsed() && Instant::now() < deadline) {
                timer.as_mut().reset(deadline);
            }
            match timer.as_mut().poll(cx) {
                Poll::Pending => return Poll::Pending,
                Poll::Ready(()) if Instant::now() >= deadline => {
                    return Poll::Ready(Err(Error::new(ErrorKind::TimedOut, what)));
                }
                Poll::Ready(()) => {}
            }
        }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Guarded<S> {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<Result<()>> {
        let this = self.get_mut();
        let before = buffer.filled().len();
        match Pin::new(&mut this.stream).poll_read(cx, buffer) {
            Poll::Ready(Ok(())) if buffer.filled().len() > before => {
                this.received();
                Poll::Ready(Ok(()))
            }
            Poll::Pending => this.poll_patience(cx),
            ended => ended,
        }
    }
}

impl<S: AsyncWrite + Unpin> Guarded<S> {
    fn after_write(&mut self, cx: &mut Context<'_>, written: Poll<Result<usize>>) -> Poll<Result<usize>> {
        match written {
            Poll::Ready(Ok(_)) => {
                self.sent();
                // hyper looks for the next request before it sends the answer, and then not again until it is
                // woken: the timer must be set for the idle time now.
                if let Poll::Ready(out_of_time) = self.poll_patience(cx) {
                    return Poll::Ready(out_of_time);
                }
            }
            Poll::Pending => return self.poll_patience(cx),
            Poll::Ready(Err(_)) => {}
        }
        written
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Guarded<S> {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<Result<usize>> {
        let this = self.get_mut();
        let written = Pin::new(&mut this.stream).poll_write(cx, bytes);
        this.after_write(cx, written)
    }

    fn poll_write_vectored(self: Pin<&mut Self>, cx: &mut Context<'_>, slices: &[IoSlice<'_>]) -> Poll<Result<usize>> {
        let this = self.get_mut();
        let written = Pin::new(&mut this.stream).poll_write_vectored(cx, slices);
        this.after_write(cx, written)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex};

    const SOON: Duration = Duration::from_millis(40);
    const NEVER: Duration = Duration::from_secs(3600);

    fn pair(head: Duration, idle: Duration) -> (DuplexStream, Guarded<DuplexStream>, Working) {
        let (client, server) = duplex(16);
        let working = Working::default();
        (client, Guarded::new(server, Patience { head, idle }, working.clone()), working)
    }

    /// Reads until the connection is cut off.
    async fn cut_off(guarded: &mut Guarded<DuplexStream>) -> ErrorKind {
        let mut buffer = [0; 16];
        loop {
            match guarded.read(&mut buffer).await {
                Ok(count) => assert!(count > 0, "the client went away first"),
                Err(error) => return error.kind(),
            }
        }
    }

    #[tokio::test]
    async fn a_silent_client_is_cut_off_when_its_head_is_due() {
        let (_client, mut guarded, _) = pair(SOON, NEVER);
        assert_eq!(cut_off(&mut guarded).await, ErrorKind::TimedOut);
    }

    #[tokio::test]
    async fn dripping_bytes_gains_no_time() {
        let (mut client, mut guarded, _) = pair(SOON, NEVER);
        let drip = async {
            while client.write_all(b"x").await.is_ok() {
                tokio::time::sleep(SOON / 4).await;
            }
        };
        tokio::select! {
            kind = cut_off(&mut guarded) => assert_eq!(kind, ErrorKind::TimedOut),
            () = drip => panic!("the client went away first"),
        }
    }

    #[tokio::test]
    async fn an_idle_client_is_cut_off_after_its_answer() {
        let (_client, mut guarded, _) = pair(NEVER, SOON);
        guarded.write_all(b"answer").await.unwrap();
        assert_eq!(cut_off(&mut guarded).await, ErrorKind::TimedOut);
    }

    #[tokio::test]
    async fn a_next_request_owes_its_head_in_time() {
        let (mut client, mut guarded, _) = pair(SOON, NEVER);
        guarded.write_all(b"answer").await.unwrap();
        client.write_all(b"GET /").await.unwrap();
        assert_eq!(cut_off(&mut guarded).await, ErrorKind::TimedOut);
    }

    #[tokio::test]
    async fn a_client_that_does_not_read_is_cut_off() {
        let (_client, mut guarded, _) = pair(NEVER, SOON);
        assert_eq!(guarded.write_all(&[0; 100]).await.unwrap_err().kind(), ErrorKind::TimedOut);
    }

    #[tokio::test]
    async fn a_timer_set_for_an_earlier_deadline_is_moved_on() {
        let second = Duration::from_secs(1);
        let (mut client, mut guarded, _) = pair(second, second);
        for _ in 0..5 {
            guarded.write_all(b"answer").await.unwrap();
            let mut answer = [0; 6];
            client.read_exact(&mut answer).await.unwrap();
            let read = tokio::time::timeout(second / 4, guarded.read(&mut answer)).await;
            assert!(read.is_err(), "cut off too early");
        }
        assert_eq!(cut_off(&mut guarded).await, ErrorKind::TimedOut);
    }

    /// As hyper does: it looks for the next request before it sends its answer.
    #[tokio::test]
    async fn a_read_from_before_the_answer_is_woken_when_the_idle_time_is_over() {
        let (_client, mut guarded, _) = pair(NEVER, SOON);
        let (mut looked, mut wakes) = (false, 0);
        let ended = std::future::poll_fn(|cx| {
            wakes += 1;
            let mut bytes = [0; 8];
            let read = Pin::new(&mut guarded).poll_read(cx, &mut ReadBuf::new(&mut bytes));
            if !looked {
                looked = true;
                assert!(Pin::new(&mut guarded).poll_write(cx, b"answer").is_ready());
            }
            read
        });
        let kind = tokio::time::timeout(Duration::from_secs(20), ended).await.expect("woken").unwrap_err().kind();
        assert_eq!((kind, wakes), (ErrorKind::TimedOut, 2));
    }

    #[tokio::test]
    async fn no_deadline_runs_while_the_server_works() {
        let (_client, mut guarded, working) = pair(SOON, SOON);
        working.set(true);
        assert!(tokio::time::timeout(SOON * 4, cut_off(&mut guarded)).await.is_err());
    }
}
