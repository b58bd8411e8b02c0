//! A connection that cannot be held open for nothing.
//!
//! Invariant: a client that does not send a whole head in time, leaves an idle connection open too long, or does not
//! read its answer, or too slowly, is cut off. No deadline runs while the server itself works on an answer.
//!
//! hyper has one time-out for heads, which also ends idle connections, and none for clients that do not read. So
//! the deadlines are kept here, below it. One timer serves a connection and is set anew only when it fires too
//! early, so that a request costs a look at the clock and no work on the timer wheel.

use std::future::poll_fn;
use std::io::{Error, ErrorKind, IoSlice, Result};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use memchr::memmem;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, Sleep};

use crate::frames::{Frames, PREFACE};
use crate::ledger::Ledger;

/// So much of a first request is gathered before the buffers of HTTP are made for it, bytes. More than most heads.
const AHEAD: usize = 2048;

/// Between two looks at a connection whose request the server has been working on for long.
const AGAIN: Duration = Duration::from_secs(5);
/// How the head of an HTTP/1.1 request ends; the carriage return may lack.
const ENDS: [&[u8]; 2] = [b"\n\r\n", b"\n\n"];

/// A stream under deadlines.
pub(crate) struct Guarded<S> {
    stream: S,
    ledger: Arc<Ledger>,
    timer: Option<Pin<Box<Sleep>>>,
    /// Bytes that were read before anything was made to understand them.
    ahead: Vec<u8>,
    /// Present where HTTP/2 is spoken.
    frames: Option<Box<Frames>>,
    /// Whether bytes wait until the client reads.
    stuck: bool,
}

/// What a client speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Speaks {
    /// HTTP/1.1, or what may pass for it.
    Http1,
    /// HTTP/2.
    Http2,
    /// Nothing any more.
    Nothing,
}

impl<S> Guarded<S> {
    pub(crate) fn new(stream: S, ledger: Arc<Ledger>) -> Self {
        Guarded { stream, ledger, timer: None, ahead: Vec::new(), frames: None, stuck: false }
    }

    /// Whether nothing that was read is left.
    pub(crate) fn is_silent(&self) -> bool {
        self.ahead.is_empty()
    }

    /// Bytes that were read and not understood, the beginning of a head, are read again.
    pub(crate) fn put_back(&mut self, bytes: &[u8]) {
        if !bytes.is_empty() {
            self.ledger.received();
            self.ahead.splice(..0, bytes.iter().copied());
        }
    }

    fn set_stuck(&mut self, stuck: bool) {
        if self.stuck != stuck {
            self.stuck = stuck;
            self.ledger.set_stuck(stuck);
        }
    }

    /// `Ready` with an error when the client's time is up, else `Pending` with the timer set to wake the task.
    fn poll_patience<T>(&mut self, cx: &mut Context<'_>) -> Poll<Result<T>> {
        let due = self.ledger.due();
        let timer = self.timer.get_or_insert_with(|| Box::pin(tokio::time::sleep_until(due.look)));
        loop {
            // One that is past was taken; if it were waited for again it would be due at once, and so for ever.
            if timer.deadline() > due.look && Instant::now() < due.look {
                timer.as_mut().reset(due.look);
            }
            ready!(timer.as_mut().poll(cx));
            let now = Instant::now();
            let next = match due.cut {
                Some((cut, why)) if now >= cut => return Poll::Ready(Err(Error::new(ErrorKind::TimedOut, why))),
                _ if now < due.look => due.look,
                Some((cut, _)) => cut,
                None => now + AGAIN,
            };
            timer.as_mut().reset(next);
        }
    }
}

impl<S: AsyncRead + Unpin> Guarded<S> {
    /// Waits until it is known what the client speaks and, for HTTP/1.1, until a head of usual length is there.
    /// Nothing else is made for a connection before, so that one that sends nothing, or drips, costs next to nothing.
    pub(crate) async fn listen(&mut self) -> Result<Speaks> {
        let speaks = poll_fn(|cx| self.poll_speaks(cx)).await?;
        if speaks == Speaks::Http2 {
            self.ledger.speaks_http2();
            self.frames = Some(Box::new(Frames::new()));
        }
        Ok(speaks)
    }

    fn poll_speaks(&mut self, cx: &mut Context<'_>) -> Poll<Result<Speaks>> {
        loop {
            if let Some(speaks) = speaks(&self.ahead) {
                return Poll::Ready(Ok(speaks));
            }
            let mut space = [0; AHEAD];
            let mut buffer = ReadBuf::new(&mut space);
            match Pin::new(&mut self.stream).poll_read(cx, &mut buffer) {
                Poll::Pending => return self.poll_patience(cx),
                Poll::Ready(Ok(())) if buffer.filled().is_empty() => return Poll::Ready(Ok(Speaks::Nothing)),
                Poll::Ready(Ok(())) => {
                    self.ledger.received();
                    self.ahead.extend_from_slice(buffer.filled());
                }
                Poll::Ready(Err(error)) => return Poll::Ready(Err(error)),
            }
        }
    }

    fn poll_read_stream(&mut self, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<Result<()>> {
        if self.ahead.is_empty() {
            return Pin::new(&mut self.stream).poll_read(cx, buffer);
        }
        let now = self.ahead.len().min(buffer.remaining());
        buffer.put_slice(&self.ahead[..now]);
        self.ahead.drain(..now);
        if self.ahead.is_empty() {
            self.ahead = Vec::new();
        }
        Poll::Ready(Ok(()))
    }
}

/// What a client speaks that begins with `bytes`; `None` when that takes more of them.
fn speaks(bytes: &[u8]) -> Option<Speaks> {
    let first = bytes.first()?;
    if bytes.starts_with(PREFACE) {
        return Some(Speaks::Http2);
    }
    // What is no method is refused at once.
    let hopeless = !first.is_ascii_uppercase() && !first.is_ascii_whitespace();
    let enough = bytes.len() >= AHEAD || ENDS.iter().any(|end| memmem::find(bytes, end).is_some());
    (hopeless || (enough && !PREFACE.starts_with(bytes))).then_some(Speaks::Http1)
}

impl<S: AsyncRead + Unpin> AsyncRead for Guarded<S> {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<Result<()>> {
        let this = self.get_mut();
        let before = buffer.filled().len();
        match this.poll_read_stream(cx, buffer) {
            Poll::Ready(Ok(())) if buffer.filled().len() > before => {
                match &mut this.frames {
                    None => this.ledger.received(),
                    Some(frames) => {
                        let ended = frames.follow(&buffer.filled()[before..]);
                        this.ledger.received_frames(ended, frames.is_whole());
                    }
                }
                Poll::Ready(Ok(()))
            }
            Poll::Pending => this.poll_patience(cx),
            ended => ended,
        }
    }
}

impl<S: AsyncWrite + Unpin> Guarded<S> {
    fn after_write<T>(&mut self, cx: &mut Context<'_>, written: Poll<Result<T>>) -> Poll<Result<T>> {
        self.set_stuck(written.is_pending());
        match written {
            Poll::Ready(Ok(_)) => {
                self.ledger.wrote();
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

    /// Streams that keep bytes back, as TLS does, send them here.
    fn after_flush(&mut self, cx: &mut Context<'_>, flushed: Poll<Result<()>>) -> Poll<Result<()>> {
        self.set_stuck(flushed.is_pending());
        if self.stuck { self.poll_patience(cx) } else { flushed }
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
        let this = self.get_mut();
        let flushed = Pin::new(&mut this.stream).poll_flush(cx);
        this.after_flush(cx, flushed)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<()>> {
        let this = self.get_mut();
        let shut = Pin::new(&mut this.stream).poll_shutdown(cx);
        this.after_flush(cx, shut)
    }
}
#[cfg(test)]
mod tests {
    use super::*;
    use crate::ledger::{Patience, Work};
    use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex};

    const SOON: Duration = Duration::from_millis(40);
    const NEVER: Duration = Duration::from_secs(3600);

    fn pair(head: Duration, idle: Duration) -> (DuplexStream, Guarded<DuplexStream>, Arc<Ledger>) {
        let (client, server) = duplex(16);
        let ledger = Ledger::new(Patience { head, idle, pace: 1 });
        (client, Guarded::new(server, Arc::clone(&ledger)), ledger)
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

    /// A client that takes a part of its answer, and the rest much later.
    #[tokio::test(start_paused = true)]
    async fn a_connection_that_waits_for_its_client_keeps_no_processor_busy_and_goes_on_with_it() {
        let (mut client, mut guarded, ledger) = pair(NEVER, Duration::from_secs(600));
        let _answer = ledger.work().answered();
        guarded.write_all(&[0; 16]).await.unwrap();
        let mut polls = 0;
        let written = poll_fn(|cx| {
            polls += 1;
            assert!(polls < 10, "it is polled again and again");
            // As hyper does, which looks for the next request first.
            assert!(Pin::new(&mut guarded).poll_read(cx, &mut ReadBuf::new(&mut [0; 8])).is_pending());
            Pin::new(&mut guarded).poll_write(cx, &[0; 16])
        });
        let read = async {
            tokio::time::sleep(Duration::from_secs(300)).await;
            client.read_exact(&mut [0; 32]).await.unwrap();
        };
        let (written, ()) = tokio::join!(written, read);
        assert_eq!(written.unwrap(), 16);
    }

    #[tokio::test]
    async fn no_deadline_runs_while_the_server_works() {
        let (_client, mut guarded, ledger) = pair(SOON, SOON);
        let _working: Work = ledger.work();
        assert!(tokio::time::timeout(SOON * 4, cut_off(&mut guarded)).await.is_err());
    }
}
