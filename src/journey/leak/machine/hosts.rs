//! Names and addresses of this machine, and its id.
//!
//! Invariant: loopback, and the names that every `/etc/hosts` has, tell nothing and are left out.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::path::Path;

use super::{ADDRESS, HOST, ID, Unreadable, Values, inside, names, text};

/// Adds what the kernel and `/etc` tell.
pub(super) fn read(root: &Path, values: &mut Values) -> Result<(), Unreadable> {
    let file = |what, path: &str| text(what, &inside(root, path.as_ref())).map(Option::unwrap_or_default);
    let own = file("host name", "/proc/sys/kernel/hostname")?;
    host(&own, values);
    host(file("host name", "/etc/hostname")?.lines().next().unwrap_or_default(), values);
    for name in host_names(&file("table of hosts", "/etc/hosts")?, own.trim()) {
        host(name, values);
    }
    for path in ["/etc/machine-id", "/var/lib/dbus/machine-id"] {
        values.add(&ID, &file("machine id", path)?);
    }
    for address in v4(&file("routes", "/proc/net/fib_trie")?).chain(v6(&file("IPv6 addresses", "/proc/net/if_inet6")?))
    {
        add_address(address, values);
    }
    for interface in names("network interfaces", &inside(root, "/sys/class/net".as_ref()))? {
        hardware(&text("hardware address", &interface.join("address"))?.unwrap_or_default(), values);
    }
    Ok(())
}

/// A name, and its first label where it has several.
fn host(name: &str, values: &mut Values) {
    let name = name.trim();
    values.name(&HOST, name);
    if let Some((label, _)) = name.split_once('.') {
        values.name(&HOST, label);
    }
}

/// The names of `/etc/hosts` but those of IPv6 groups, which every system writes there, and those that loopback stands
/// for, of which lists against advertising have a hundred thousand; `own` begins this machine's name even there.
fn host_names<'t>(table: &'t str, own: &'t str) -> impl Iterator<Item = &'t str> {
    const NOWHERE: [&str; 4] = ["127.0.0.1", "0.0.0.0", "::1", "::"];
    let lines = table.lines().filter_map(|line| line.split('#').next());
    let names = lines.flat_map(move |line| {
        let mut fields = line.split_whitespace();
        let nowhere = fields.next().is_some_and(|address| NOWHERE.contains(&address));
        fields.filter(move |name| !nowhere || !own.is_empty() && name.split('.').next() == Some(own))
    });
    names.filter(|name| !name.starts_with("ip6-") && !name.starts_with("localhost") && *name != "broadcasthost")
}

/// The machine's own IPv4 addresses in the kernel's routing trie: each `/32 host LOCAL` follows its address.
fn v4(trie: &str) -> impl Iterator<Item = IpAddr> {
    let mut last = None;
    trie.lines().filter_map(move |line| {
        let line = line.trim();
        if let Some(address) = line.strip_prefix("|-- ").or(line.strip_prefix("+-- ")) {
            last = address.parse::<Ipv4Addr>().ok();
        }
        if line == "/32 host LOCAL" { last.map(IpAddr::V4) } else { None }
    })
}

/// The addresses of `/proc/net/if_inet6`: 32 digits at the beginning of each line.
fn v6(table: &str) -> impl Iterator<Item = IpAddr> {
    let digits = table.lines().filter_map(|line| line.split_whitespace().next());
    digits.filter_map(|digits| u128::from_str_radix(digits, 16).ok()).map(|bits| IpAddr::V6(Ipv6Addr::from_bits(bits)))
}

/// An address as it is written, and an IPv6 address with all its zeros too.
fn add_address(address: IpAddr, values: &mut Values) {
    if address.is_loopback() || address.is_unspecified() {
        return;
    }
    values.add(&ADDRESS, &address.to_string());
    if let IpAddr::V6(address) = address {
        let groups = address.segments();
        values.add(&ADDRESS, &groups.map(|group| format!("{group:04x}")).join(":"));
        values.add(&ADDRESS, &groups.map(|group| format!("{group:x}")).join(":"));
    }
}

/// A hardware address in the three ways in which it is written; interfaces without one have zeros.
fn hardware(address: &str, values: &mut Values) {
    let address = address.trim();
    if address.len() == 17 && address.bytes().any(|byte| !matches!(byte, b'0' | b':')) {
        values.add(&ADDRESS, address);
        values.add(&ADDRESS, &address.replace(':', "-"));
        values.add(&ADDRESS, &address.replace(':', ""));
    }
}
