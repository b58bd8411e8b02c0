//! Listening sockets that a service manager passes, as systemd does for a unit with a socket unit.
//!
//! Invariant: each socket that was passed is used, or the reason why it cannot be is said; none is passed on to
//! children.

use std::io::ErrorKind;
use std::os::fd::AsFd;

use listenfd::ListenFd;
use rustix::net::sockopt::socket_acceptconn;
use tokio::net::{TcpListener, UnixListener};

use crate::listen::BindError;
use crate::stream::Listener;

/// The file descriptor of the first socket passed; sd_listen_fds(3).
const FIRST: usize = 3;

/// Every socket that was passed to this process; none where `LISTEN_FDS` or `LISTEN_PID` say so.
pub(crate) fn take() -> Result<Vec<Listener>, BindError> {
    let mut passed = ListenFd::from_env();
    (0..passed.len()).map(|index| take_one(&mut passed, index).map_err(|error| refused(index, &error))).collect()
}

fn take_one(passed: &mut ListenFd, index: usize) -> std::io::Result<Listener> {
    if let Ok(Some(listener)) = passed.take_tcp_listener(index) {
        listens(&listener)?;
        listener.set_nonblocking(true)?;
        return TcpListener::from_std(listener).map(Listener::Tcp);
    }
    let listener = passed.take_unix_listener(index)?.ok_or(ErrorKind::NotFound)?;
    listens(&listener)?;
    listener.set_nonblocking(true)?;
    UnixListener::from_std(listener).map(Listener::Unix)
}

fn listens(socket: &impl AsFd) -> std::io::Result<()> {
    if socket_acceptconn(socket)? { Ok(()) } else { Err(ErrorKind::InvalidInput.into()) }
}

fn refused(index: usize, error: &std::io::Error) -> BindError {
    let reason = match error.kind() {
        ErrorKind::InvalidInput | ErrorKind::NotFound => {
            "it is no listening TCP or Unix stream socket; see ListenStream= \
            and Accept=no of the socket unit"
                .to_owned()
        }
        _ => error.to_string(),
    };
    BindError {
        address: format!("file descriptor {}, which was passed to this process", FIRST + index),
        reason,
        kind: error.kind(),
    }
}
