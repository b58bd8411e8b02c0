//! From an address as people write it to listening sockets.
//!
//! Invariant: an address without a host listens on every address of the machine, IPv4 and IPv6, whatever
//! `net.ipv6.bindv6only` says; a failure says what, where and the mend.

use std::io::{Error, ErrorKind, Result};
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener, ToSocketAddrs};

use socket2::{Domain, Protocol, Socket, Type};

/// Connections that the kernel completes before they are accepted; it caps this at `net.core.somaxconn`.
const BACKLOG: i32 = 1024;

/// An address that cannot be listened on.
#[derive(Debug, thiserror::Error)]
#[error("cannot listen on {address}: {}", .reason)]
pub struct BindError {
    /// The address as it was written.
    pub address: String,
    /// What is wrong with it and how to mend it.
    pub reason: String,
    /// The operating system's class of error.
    pub kind: ErrorKind,
}

/// Listens on `address`: `host:port`, `[v6]:port`, or `:port` for every address of the machine.
pub(crate) fn listen(address: &str) -> std::result::Result<Vec<TcpListener>, BindError> {
    let wanted = resolve(address)?;
    let mut listeners = Vec::new();
    let mut absent = None;
    for address_of in &wanted {
        match open(*address_of) {
            Ok(listener) => listeners.push(listener),
            // A name may stand for addresses of a protocol that is turned off here; one that works is enough.
            Err(error) if protocol_is_off(&error) => absent = Some(error),
            Err(error) => return Err(refused(address, *address_of, &error)),
        }
    }
    match absent {
        Some(_) if listeners.is_empty() && address.starts_with(':') => {
            let everywhere = SocketAddr::from((Ipv4Addr::UNSPECIFIED, wanted[0].port()));
            Ok(vec![open(everywhere).map_err(|error| refused(address, everywhere, &error))?])
        }
        Some(error) if listeners.is_empty() => Err(refused(address, wanted[0], &error)),
        _ => Ok(listeners),
    }
}

fn resolve(address: &str) -> std::result::Result<Vec<SocketAddr>, BindError> {
    let wrong = |reason: String| BindError { address: address.into(), reason, kind: ErrorKind::InvalidInput };
    let expected = "expected host:port, such as 127.0.0.1:9765, [::1]:9765, or :9765 for every address";
    let (host, port) = address.rsplit_once(':').ok_or_else(|| wrong(expected.into()))?;
    let port: u16 = port.parse().map_err(|_| wrong(format!("{port:?} is not a port (0 to 65535); {expected}")))?;
    if host.is_empty() {
        return Ok(vec![(Ipv6Addr::UNSPECIFIED, port).into()]);
    }
    let found: Vec<_> = address
        .to_socket_addrs()
        .map_err(|error| {
            wrong(format!("{host:?} is no address of this machine and no known name ({error}); {expected}"))
        })?
        .collect();
    if found.is_empty() { Err(wrong(format!("{host:?} has no address"))) } else { Ok(found) }
}

fn open(address: SocketAddr) -> Result<TcpListener> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM.nonblocking(), Some(Protocol::TCP))?;
    if address.ip() == Ipv6Addr::UNSPECIFIED {
        socket.set_only_v6(false)?;
    }
    // Without it a restart has to wait until the connections of the last run have left TIME_WAIT.
    socket.set_reuse_address(true)?;
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    Ok(socket.into())
}

fn protocol_is_off(error: &Error) -> bool {
    let code = error.raw_os_error().map(rustix::io::Errno::from_raw_os_error);
    matches!(code, Some(rustix::io::Errno::AFNOSUPPORT | rustix::io::Errno::ADDRNOTAVAIL))
}

fn refused(address: &str, socket: SocketAddr, error: &Error) -> BindError {
    let port = socket.port();
    let reason = match error.kind() {
        ErrorKind::AddrInUse => format!(
            "port {port} is in use; stop the program that has it (ss -ltnp 'sport = :{port}') or choose another port"
        ),
        ErrorKind::PermissionDenied if port < 1024 => {
            format!("port {port} needs CAP_NET_BIND_SERVICE; choose one from 1024 on")
        }
        ErrorKind::AddrNotAvailable => {
            format!("this machine has no address {}; `ip address` lists those it has", socket.ip())
        }
        _ => error.to_string(),
    };
    BindError { address: address.into(), reason, kind: error.kind() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_host_means_every_address_of_both_protocols() {
        let listeners = listen(":0").unwrap();
        let port = listeners[0].local_addr().unwrap().port();
        std::net::TcpStream::connect((Ipv4Addr::LOCALHOST, port)).unwrap();
        if listeners[0].local_addr().unwrap().is_ipv6() {
            std::net::TcpStream::connect((Ipv6Addr::LOCALHOST, port)).unwrap();
        }
    }

    #[test]
    fn a_taken_port_says_which_and_how_to_find_its_owner() {
        let taken = listen("127.0.0.1:0").unwrap();
        let address = taken[0].local_addr().unwrap().to_string();
        let error = listen(&address).unwrap_err();
        assert_eq!(error.kind, ErrorKind::AddrInUse);
        let port = taken[0].local_addr().unwrap().port();
        assert_eq!(
            error.to_string(),
            format!(
                "cannot listen on {address}: port {port} is in use; stop the program that has it \
                 (ss -ltnp 'sport = :{port}') or choose another port"
            )
        );
    }

    #[test]
    fn nonsense_is_refused_with_an_example() {
        for address in ["9765", "", "host:port", "127.0.0.1:99999", "http://127.0.0.1", "127.0.0.1:", "a b:1"] {
            let error = listen(address).unwrap_err();
            assert_eq!(error.kind, ErrorKind::InvalidInput, "{address}");
            assert!(error.to_string().contains("[::1]:9765"), "{error}");
        }
    }

    #[test]
    fn an_address_of_another_machine_is_refused() {
        let error = listen("192.0.2.1:0").unwrap_err();
        assert!(error.to_string().contains("this machine has no address 192.0.2.1"), "{error}");
    }
}
