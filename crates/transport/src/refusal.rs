//! What clients are told that cannot be served.
//!
//! Invariant: a refusal takes no longer than its client may wait, and so few are under way that they take nothing
//! from those who are served.

use std::io::Result;
use std::time::Duration;

use axum::http::StatusCode;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

use crate::app::Refused;
use crate::stream::Stream;

/// Clients beyond the cap that are refused politely at one time; further ones are just closed.
pub(crate) const MAX_REFUSALS: usize = 32;
/// How long a refused client may take to read its refusal.
const REFUSAL: Duration = Duration::from_secs(1);

const REFUSED: &[u8] = b"HTTP/1.1 503 Service Unavailable\r\nContent-Type: text/plain; charset=utf-8\r\n\
    Content-Length: 47\r\nRetry-After: 1\r\nConnection: close\r\n\r\nToo many connections at once; try again later.\n";

/// What an application hears of a client beyond the cap.
pub(crate) const BEYOND: Refused<'static> = Refused { head: None, status: StatusCode::SERVICE_UNAVAILABLE, bytes: 47 };

/// Tells a client beyond the cap to come again.
pub(crate) async fn refuse(mut stream: Stream) {
    let refusal = async {
        stream.write_all(REFUSED).await?;
        linger(&mut stream).await
    };
    if let Ok(Err(error)) = tokio::time::timeout(REFUSAL, refusal).await {
        tracing::debug!(%error, "refused a connection beyond the cap");
    }
}

/// Ends a connection after last words. It must read until the client ends, because closing a socket that holds unread
/// bytes resets the connection, and the words with it.
pub(crate) async fn linger(stream: &mut (impl AsyncRead + AsyncWrite + Unpin)) -> Result<()> {
    stream.shutdown().await?;
    let mut ignored = [0; 512];
    while stream.read(&mut ignored).await? > 0 {}
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_refusal_tells_its_length() {
        let refused = std::str::from_utf8(REFUSED).unwrap();
        let (head, body) = refused.split_once("\r\n\r\n").unwrap();
        assert!(head.contains(&format!("Content-Length: {}\r\n", body.len())));
        assert_eq!(body.len() as u64, BEYOND.bytes);
    }
}
