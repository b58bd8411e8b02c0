//! What looks like somebody's and is provably no one's.
//!
//! Invariant: each list says where it comes from. A name that may be a real person's or machine's is in none of them,
//! however common it is; "documentation" alone is no reason.

use std::net::{Ipv4Addr, Ipv6Addr};

/// Whether `name`, the first below a directory of homes, is nobody's: nothing at all, a place that packages make on
/// every machine (Homebrew on Linux, the shared folders of macOS and Windows), a stand-in in capitals, or a mask.
pub(super) fn home(name: &[u8]) -> bool {
    const SHARED: [&[u8]; 5] = [b"linuxbrew", b"lost+found", b"Shared", b"Public", b"Default"];
    name.is_empty() || SHARED.contains(&name) || stand_in(name) || mask(name)
}

/// A stand-in for a name in capitals, as manuals write it; `useradd` takes no capitals.
pub(super) fn stand_in(name: &[u8]) -> bool {
    const WORDS: [&[u8]; 10] =
        [b"USER", b"USERNAME", b"NAME", b"YOU", b"YOURNAME", b"YOUR_NAME", b"ME", b"HOST", b"HOSTNAME", b"SERVER"];
    WORDS.contains(&name)
}

/// A mask that redaction wrote: a short word, a hyphen and a number, such as `host-1`.
pub(in crate::journey::leak) fn mask(name: &[u8]) -> bool {
    let Some(hyphen) = name.iter().rposition(|byte| *byte == b'-') else { return false };
    let (word, number) = (&name[..hyphen], &name[hyphen + 1..]);
    MASKS.iter().any(|mask| mask.as_bytes() == word) && !number.is_empty() && number.iter().all(u8::is_ascii_digit)
}

/// The words of masks, one for each kind of value.
pub const MASKS: [&str; 11] =
    ["path", "host", "cluster", "address", "mail", "person", "user", "key", "hidden", "value", "word"];

/// The last part of an option's name after `-home-`, as in `-home-dir`.
pub(super) fn option(name: &[u8]) -> bool {
    const WORDS: [&[u8]; 12] = [
        b"dir",
        b"directory",
        b"path",
        b"page",
        b"url",
        b"button",
        b"icon",
        b"screen",
        b"link",
        b"row",
        b"office",
        b"made",
    ];
    WORDS.contains(&name)
}

/// Accounts that systems and images make by themselves; the first ones of the Debian and Red Hat base, and those that
/// cloud and container images call their only user.
pub(super) fn account(name: &[u8]) -> bool {
    const ACCOUNTS: [&[u8]; 50] = [
        b"root",
        b"daemon",
        b"bin",
        b"sys",
        b"sync",
        b"games",
        b"man",
        b"lp",
        b"mail",
        b"news",
        b"uucp",
        b"proxy",
        b"www-data",
        b"backup",
        b"list",
        b"irc",
        b"gnats",
        b"nobody",
        b"nogroup",
        b"adm",
        b"tty",
        b"disk",
        b"dialout",
        b"sudo",
        b"wheel",
        b"audio",
        b"video",
        b"staff",
        b"users",
        b"plugdev",
        b"docker",
        b"render",
        b"kvm",
        b"shadow",
        b"utmp",
        b"messagebus",
        b"sshd",
        b"syslog",
        b"nginx",
        b"postgres",
        b"redis",
        b"ubuntu",
        b"debian",
        b"admin",
        b"user",
        b"username",
        b"operator",
        b"guest",
        b"ec2-user",
        b"name",
    ];
    ACCOUNTS.contains(&name) || name.starts_with(b"systemd-") || stand_in(name) || mask(name)
}

/// Whether `host` (lower case) is reserved for examples and tests, or means the machine that reads it (RFC 2606, RFC 6761).
pub(super) fn reserved_host(host: &[u8]) -> bool {
    const TOP: [&[u8]; 4] = [b"example", b"test", b"invalid", b"localhost"];
    let labels: Vec<&[u8]> = host.split(|byte| *byte == b'.').collect();
    let second = labels.len().checked_sub(2).and_then(|at| labels.get(at));
    let top = labels.last().copied().unwrap_or_default();
    TOP.contains(&top) || second == Some(&&b"example"[..]) && [&b"com"[..], b"net", b"org"].contains(&top)
}

/// Names of private networks that mean the same on everybody's machine: of container engines, of clouds' metadata
/// servers, and of the cluster's own API.
pub(super) fn common_host(host: &[u8]) -> bool {
    const HOSTS: [&[u8]; 10] = [
        b"host.docker.internal",
        b"gateway.docker.internal",
        b"kubernetes.docker.internal",
        b"host.containers.internal",
        b"host.lima.internal",
        b"metadata.google.internal",
        b"kubernetes.default.svc",
        b"kubernetes.default.svc.cluster.local",
        b"localhost.localdomain",
        b"kubernetes.default",
    ];
    HOSTS.contains(&host)
}

/// Whether a host of one label is a role in an example, not a machine: no URL of documents can do without.
pub(super) fn role(host: &[u8]) -> bool {
    const ROLES: [&[u8]; 22] = [
        b"localhost",
        b"host",
        b"hostname",
        b"server",
        b"domain",
        b"example",
        b"prometheus",
        b"alertmanager",
        b"grafana",
        b"vllm",
        b"registry",
        b"proxy",
        b"user",
        b"www",
        b"api",
        b"backend",
        b"frontend",
        b"address",
        b"url",
        b"site",
        b"test",
        b"name",
    ];
    ROLES.contains(&host) || stand_in(&host.to_ascii_uppercase()) || mask(host)
}

/// Public forges' own account for SSH, and senders that nobody reads at companies everybody knows: they name the
/// service, not a person.
pub(super) fn service_mail(local: &[u8], domain: &[u8]) -> bool {
    const FORGES: [&[u8]; 7] = [
        b"github.com",
        b"gitlab.com",
        b"bitbucket.org",
        b"codeberg.org",
        b"git.sr.ht",
        b"ssh.dev.azure.com",
        b"ssh.github.com",
    ];
    const COMPANIES: [&[u8]; 5] = [b"github.com", b"gitlab.com", b"anthropic.com", b"openai.com", b"google.com"];
    let silent = matches!(local, b"noreply" | b"no-reply" | b"donotreply" | b"do-not-reply");
    local == b"git" && FORGES.contains(&domain) || silent && COMPANIES.contains(&domain)
}

/// Whether `address` is the same for everybody: this host (RFC 1122), loopback, documentation (RFC 5737), benchmarks
/// (RFC 2544), multicast, netmasks and what is reserved (RFC 1112), the metadata server of clouds, and the best known
/// public name servers.
pub(super) fn v4(address: Ipv4Addr) -> bool {
    const KNOWN: [[u8; 4]; 7] = [
        [169, 254, 169, 254],
        [1, 1, 1, 1],
        [1, 0, 0, 1],
        [8, 8, 8, 8],
        [8, 8, 4, 4],
        [9, 9, 9, 9],
        [149, 112, 112, 112],
    ];
    let octets = address.octets();
    let benchmark = octets[0] == 198 && octets[1] & 0xfe == 18;
    octets[0] == 0
        || octets[0] == 127
        || octets[0] >= 224
        || benchmark
        || address.is_documentation()
        || KNOWN.contains(&octets)
}

/// Whether `address/bits` is a block as the standards write it (RFC 1918, RFC 6598, RFC 3927): it names no network.
pub(super) fn block(address: Ipv4Addr, bits: &[u8]) -> bool {
    matches!(
        (address.octets(), bits),
        ([10, 0, 0, 0], b"8")
            | ([172, 16, 0, 0], b"12")
            | ([192, 168, 0, 0], b"16")
            | ([100, 64, 0, 0], b"10")
            | ([169, 254, 0, 0], b"16")
    )
}

/// Whether `address` is allocated to nobody: documentation (RFC 3849, RFC 9637), loopback, multicast, and all that lies
/// outside global unicast (2000::/3), unique local (fc00::/7), link-local (fe80::/10) and site-local (fec0::/10). The
/// unallocated also look like paths of Rust and C++ (`add::bad`).
pub(super) fn v6(address: Ipv6Addr) -> bool {
    let [first, second, ..] = address.segments();
    let documentation = first == 0x2001 && second == 0x0db8 || first == 0x3fff && second < 0x1000;
    let allocated = first & 0xe000 == 0x2000 || first & 0xfe00 == 0xfc00 || first & 0xff80 == 0xfe80;
    documentation || !allocated
}

/// Whether `address` is no interface's: a group (RFC 7042, the lowest bit of the first octet), all zeros, or for
/// documentation (RFC 7042: 00-00-5E-00-53-xx).
pub(super) fn mac(address: [u8; 6]) -> bool {
    address[0] & 1 == 1 || address == [0; 6] || address[..5] == [0, 0, 0x5e, 0, 0x53]
}
