//! Writes to a TCP connection, without a copy of what lies in a file of memory.
//!
//! Invariant: the bytes that leave are those of the slices, in their order, whichever way they leave; and none of them
//! waits for more than the call that they came with. What stands before a file's bytes, an answer's head, is kept back
//! by the kernel until they follow, so that both leave together.

use std::io::{ErrorKind, IoSlice, Result};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use rustix::fs::sendfile;
use rustix::io::Errno;
use rustix::net::{SendAncillaryBuffer, SendFlags, send, sendmsg};
use tokio::io::{AsyncWrite, Interest};
use tokio::net::TcpStream;

use crate::held::Place;

/// As `AsyncWrite::poll_write_vectored` of `stream`.
pub(crate) fn poll_write_vectored(
    stream: &mut TcpStream,
    cx: &mut Context<'_>,
    slices: &[IoSlice<'_>],
) -> Poll<Result<usize>> {
    let found = slices.iter().enumerate().find_map(|(index, slice)| Some((index, Place::of(slice)?)));
    let Some((index, place)) = found else { return Pin::new(stream).poll_write_vectored(cx, slices) };
    let (before, held) = (&slices[..index], &slices[index]);
    loop {
        ready!(stream.poll_write_ready(cx))?;
        match stream.try_io(Interest::WRITABLE, || write(stream, before, held, &place)) {
            Err(error) if error.kind() == ErrorKind::WouldBlock => {}
            written => return Poll::Ready(written),
        }
    }
}

/// Writes what stands `before`, and then of `held`, which lies at `place`, what there is room for.
fn write(stream: &TcpStream, before: &[IoSlice<'_>], held: &[u8], place: &Place) -> Result<usize> {
    let ahead: usize = before.iter().map(|slice| slice.len()).sum();
    if ahead > 0 {
        let flags = SendFlags::MORE | SendFlags::NOSIGNAL;
        let sent = match before {
            // As a rule; it costs less.
            [head] => send(stream, head, flags)?,
            _ => sendmsg(stream, before, &mut SendAncillaryBuffer::default(), flags)?,
        };
        if sent < ahead {
            return Ok(sent);
        }
    }
    let mut offset = place.offset;
    let sent = match sendfile(stream, &place.file, Some(&mut offset), held.len()) {
        // Where the kernel cannot send from files of memory, or may not.
        Ok(0) | Err(Errno::INVAL | Errno::NOSYS | Errno::OPNOTSUPP | Errno::PERM | Errno::ACCESS) => {
            send(stream, held, SendFlags::NOSIGNAL)
        }
        sent => sent,
    };
    match sent {
        Ok(sent) => Ok(ahead + sent),
        // What is ahead is out.
        Err(Errno::AGAIN) if ahead > 0 => Ok(ahead),
        Err(error) => Err(error.into()),
    }
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;
    use std::io::Write as _;
    use std::process::Command;
    use std::time::Duration;

    use bytes::{Buf, Bytes};
    use proptest::prelude::*;
    use rustix::fs::{OFlags, fcntl_getfl, fcntl_setfl};
    use tokio::io::AsyncReadExt;
    use tokio::net::TcpListener;

    use super::*;
    use crate::held::{Holder, LARGE};

    async fn pair() -> (TcpStream, TcpStream) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let client = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        let (server, _) = listener.accept().await.unwrap();
        server.set_nodelay(true).unwrap();
        (client, server)
    }

    /// Bytes that tell where a mistake lies: each is another than those around it, and slices differ by `seed`.
    fn text(length: usize, seed: usize) -> Vec<u8> {
        (0..length).map(|index| ((index + seed * 31) % 251) as u8).collect()
    }

    fn held(length: usize, seed: usize) -> Bytes {
        let mut holder = Holder::of(length);
        holder.write_all(&text(length, seed)).unwrap();
        let bytes = holder.finish().unwrap();
        assert_eq!(Place::of(&bytes).is_some(), length >= LARGE);
        bytes
    }

    /// Writes all of `row`; how many bytes each call took.
    async fn write_all(stream: &mut TcpStream, mut row: Vec<Bytes>) -> Vec<usize> {
        let mut calls = Vec::new();
        loop {
            row.retain(|slice| !slice.is_empty());
            if row.is_empty() {
                return calls;
            }
            let slices: Vec<IoSlice<'_>> = row.iter().map(|slice| IoSlice::new(slice)).collect();
            let mut written = poll_fn(|cx| poll_write_vectored(stream, cx, &slices)).await.unwrap();
            assert!(written > 0);
            calls.push(written);
            for slice in &mut row {
                let part = written.min(slice.len());
                slice.advance(part);
                written -= part;
            }
            assert_eq!(written, 0, "no more than there is");
        }
    }

    /// TCP segments with data that `stream` has sent, as the kernel counts them.
    fn segments(stream: &TcpStream) -> usize {
        let (here, there) = (stream.local_addr().unwrap(), stream.peer_addr().unwrap());
        let mut ss = Command::new("ss");
        let said = ss.args(["-Htin", "src", &here.to_string(), "dst", &there.to_string()]).output();
        let said = String::from_utf8(said.expect("ss; apt-get install iproute2").stdout).unwrap();
        let count = said.split_whitespace().find_map(|word| word.strip_prefix("data_segs_out:"));
        count.unwrap_or_else(|| panic!("{said}")).parse().unwrap()
    }

    #[tokio::test]
    async fn a_head_and_its_body_leave_together() {
        let (mut client, mut server) = pair().await;
        for round in 1..=20 {
            let row = vec![Bytes::from(text(700, round)), held(20_000, round)];
            assert_eq!(write_all(&mut server, row.clone()).await, [20_700]);
            let mut got = vec![0; 20_700];
            client.read_exact(&mut got).await.unwrap();
            assert_eq!(got, row.concat());
            // The largest segment of a loopback has some 65,000 bytes.
            assert_eq!(segments(&server), round, "head and body in one");
        }
    }

    /// Sends `row` to a client that waits now and then; what arrived.
    async fn arrived(server: &mut TcpStream, mut client: TcpStream, row: Vec<Bytes>, pauses: usize) -> Vec<u8> {
        let total: usize = row.iter().map(Bytes::len).sum();
        let reads = async {
            let (mut got, mut buffer) = (Vec::new(), vec![0; 50_000]);
            while got.len() < total {
                let count = client.read(&mut buffer).await.unwrap();
                assert!(count > 0);
                got.extend_from_slice(&buffer[..count]);
                if pauses > 0 && got.len() % pauses == 0 {
                    tokio::time::sleep(Duration::from_millis(1)).await;
                }
            }
            got
        };
        tokio::join!(write_all(server, row), reads).1
    }

    #[tokio::test]
    async fn more_than_a_connection_takes_at_once_arrives_in_parts() {
        let (client, mut server) = pair().await;
        let row = vec![Bytes::from(text(300, 1)), held(20_000_000, 2)];
        assert_eq!(arrived(&mut server, client, row.clone(), 5).await, row.concat());
    }

    /// sendfile refuses a stream that is open for appending.
    #[tokio::test]
    async fn where_the_kernel_cannot_send_a_file_its_bytes_are_copied() {
        let (client, mut server) = pair().await;
        fcntl_setfl(&server, fcntl_getfl(&server).unwrap() | OFlags::APPEND).unwrap();
        let row = vec![Bytes::from(text(300, 1)), held(3_000_000, 2), held(LARGE, 3)];
        let place = Place::of(&row[1]).unwrap();
        assert_eq!(sendfile(&server, &place.file, Some(&mut 0), 1), Err(Errno::INVAL));
        assert_eq!(arrived(&mut server, client, row.clone(), 0).await, row.concat());
    }

    #[tokio::test]
    async fn a_client_that_is_gone_is_an_error() {
        let (client, mut server) = pair().await;
        drop(client);
        let body = held(LARGE, 1);
        let error = loop {
            match poll_fn(|cx| poll_write_vectored(&mut server, cx, &[IoSlice::new(&body)])).await {
                Ok(_) => tokio::task::yield_now().await,
                Err(error) => break error,
            }
        };
        assert!(matches!(error.kind(), ErrorKind::BrokenPipe | ErrorKind::ConnectionReset), "{error}");
    }

    fn slice() -> impl Strategy<Value = (bool, usize)> {
        let length = prop_oneof![0_usize..200, LARGE - 1..LARGE + 2, LARGE..5 * LARGE, 200_000_usize..300_000];
        (any::<bool>(), length)
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(60))]

        #[test]
        fn any_row_of_slices_arrives_as_it_is(row in proptest::collection::vec(slice(), 1..12), pauses in 0_usize..4) {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            let of = |(seed, (in_file, length)): (usize, (bool, usize))| match in_file {
                true => held(length + 9, seed).slice(9..),
                false => Bytes::from(text(length, seed)),
            };
            let row: Vec<Bytes> = row.into_iter().enumerate().map(of).collect();
            let got = runtime.block_on(async {
                let (client, mut server) = pair().await;
                arrived(&mut server, client, row.clone(), pauses).await
            });
            prop_assert!(got == row.concat());
        }
    }
}
