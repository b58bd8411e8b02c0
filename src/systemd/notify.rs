//! Telling the service manager how this process is: ready, alive, stopping, and a line for `systemctl status`.
//!
//! Invariant: nothing here waits. A manager that was stopped (SIGSTOP) takes no messages; once its queue is full (ten
//! messages where process 1 has not raised it), a blocking send would hang whoever sends. Without `NOTIFY_SOCKET`
//! every call does nothing; the variable is never taken away, because a change of the environment is not safe while
//! other threads may read it.

use std::ffi::OsStr;
use std::io;
use std::os::linux::net::SocketAddrExt as _;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::net::{SocketAddr, UnixDatagram};

use tracing::debug;

/// What a line for people may be long, bytes.
const LONGEST: usize = 500;

/// The service does its work now. False where the manager should have been told and was not: say it again.
pub fn ready() -> bool {
    send("READY=1")
}

/// Still alive; systemd kills a service with `WatchdogSec=` that has not said so in time. False as with [`ready`].
pub fn watchdog() -> bool {
    send("WATCHDOG=1")
}

/// The service is ending. False as with [`ready`].
pub fn stopping() -> bool {
    send("STOPPING=1")
}

/// One line of what it does, for `systemctl status`. False as with [`ready`].
pub fn status(text: &str) -> bool {
    send(&format!("STATUS={}", one_line(text)))
}

/// A line break would begin the next assignment.
fn one_line(text: &str) -> String {
    let mut line: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    line.truncate(line.floor_char_boundary(LONGEST));
    line
}

fn send(message: &str) -> bool {
    let Some(socket) = std::env::var_os("NOTIFY_SOCKET").filter(|socket| !socket.is_empty()) else { return true };
    match send_to(&socket, message) {
        Ok(()) => true,
        Err(error) => {
            // Not worth a warning: the manager itself notices what it was not told.
            debug!(%error, message, "the service manager could not be told");
            false
        }
    }
}

/// Sends one datagram; an address that begins with `@` lies in the abstract name space.
fn send_to(socket: &OsStr, message: &str) -> io::Result<()> {
    let address = match socket.as_bytes() {
        [b'@', name @ ..] => SocketAddr::from_abstract_name(name)?,
        _ => SocketAddr::from_pathname(socket)?,
    };
    let datagram = UnixDatagram::unbound()?;
    datagram.set_nonblocking(true)?;
    datagram.send_to_addr(message.as_bytes(), &address).map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn received(socket: &UnixDatagram) -> String {
        let mut buffer = [0; 1024];
        let length = socket.recv(&mut buffer).expect("a message");
        String::from_utf8_lossy(&buffer[..length]).into_owned()
    }

    #[test]
    fn a_message_arrives_at_a_path_and_at_an_abstract_name() {
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join("notify");
        let listener = UnixDatagram::bind(&path).expect("bind");
        send_to(path.as_os_str(), "READY=1").expect("sent");
        assert_eq!(received(&listener), "READY=1");

        let name = format!("autoswe-notify-{}", std::process::id());
        let address = SocketAddr::from_abstract_name(&name).expect("an address");
        let listener = UnixDatagram::bind_addr(&address).expect("bind");
        send_to(format!("@{name}").as_ref(), "WATCHDOG=1").expect("sent");
        assert_eq!(received(&listener), "WATCHDOG=1");
    }

    #[test]
    fn a_manager_that_takes_nothing_holds_nobody_up() {
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join("notify");
        let _deaf = UnixDatagram::bind(&path).expect("bind");
        // More than any queue holds; each send comes back.
        let refused = (0..100_000).find_map(|_| send_to(path.as_os_str(), "WATCHDOG=1").err());
        assert_eq!(refused.expect("the queue is full").kind(), io::ErrorKind::WouldBlock);
    }

    #[test]
    fn nobody_to_tell_is_no_failure_and_nobody_there_is() {
        assert!(send_to("/no/such/socket".as_ref(), "READY=1").is_err());
        assert!(std::env::var_os("NOTIFY_SOCKET").is_some() || ready(), "without a manager nothing is to be told");
    }

    #[test]
    fn a_status_is_one_short_line() {
        assert_eq!(one_line("CRIT: loop\nREADY=1"), "CRIT: loop READY=1");
        assert_eq!(one_line(&"\u{e4}".repeat(900)).len(), LONGEST);
    }
}
