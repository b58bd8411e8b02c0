//! What tells who and where: paths of a machine, host names, addresses, people, public keys.
//!
//! Invariants: [`find`] is pure; a decision rests on at most [`context`] bytes before and after the value; a span is
//! the value alone, without the words around it. What is provably no one's is passed over, and each such exception is
//! written down in `harmless.rs` with its reason.

mod anchors;
mod certificate;
mod colons;
mod cursor;
mod dots;
mod harmless;
mod hosts;
mod mail;
mod names;
mod paths;
#[cfg(test)]
mod tests;

use super::rules::{Hit, Kind, Rule};
pub use harmless::MASKS;
pub(in crate::journey::leak) use harmless::mask;

/// A rule of this module: its name and what it finds.
const fn identity(name: &'static str, description: &'static str) -> Rule {
    Rule { name, kind: Kind::Identity, description }
}

/// A path below a directory of people's homes.
pub const HOME_PATH: Rule = identity("home-path", "a path below a home directory");
/// A path below a directory that an operator lays out.
pub const DATA_PATH: Rule = identity("data-path", "a path below a directory that an operator lays out");
/// A home by the user's name.
pub const TILDE_USER: Rule = identity("tilde-user", "a home directory written ~user");
/// A directory name of a coding agent that spells a path.
pub const PROJECT_SLUG: Rule = identity("project-slug", "a name that spells a path, such as -home-user-project");
/// A name of a private network.
pub const LOCAL_HOST: Rule = identity("local-host", "a host name of a private network, such as name.local");
/// A cluster, its context, its account.
pub const CLUSTER_NAME: Rule = identity("cluster-name", "the name of a cluster, of its context or of its account");
/// A host without a domain in a URL.
pub const URL_HOST: Rule = identity("url-host", "a host without a domain in a URL");
/// User and host of a shell's prompt or of a remote copy.
pub const USER_AT_HOST: Rule = identity("user-at-host", "user and host of a shell prompt, of ssh or of a remote copy");
/// An IPv4 address that is routed nowhere.
pub const PRIVATE_ADDRESS: Rule = identity("private-address", "a private, shared (CGNAT) or link-local IPv4 address");
/// Any other IPv4 address.
pub const PUBLIC_ADDRESS: Rule = identity("public-address", "a public IPv4 address");
/// An IPv6 address.
pub const IPV6_ADDRESS: Rule = identity("ipv6-address", "an IPv6 address, unique local, link-local or global");
/// A hardware address.
pub const MAC_ADDRESS: Rule = identity("mac-address", "the hardware address of a network interface");
/// A mail address.
pub const MAIL_ADDRESS: Rule = identity("mail-address", "a mail address");
/// A person's name beside a mail address.
pub const PERSON_NAME: Rule = identity("person-name", "a person's name beside a mail address");
/// An account's name.
pub const USER_NAME: Rule = identity("user-name", "the name of an account, where an account's name stands");
/// A user's name in a URL.
pub const URL_USER: Rule = identity("url-user", "a user's name in a URL");
/// A public SSH key.
pub const SSH_PUBLIC_KEY: Rule = identity("ssh-public-key", "a public SSH key");
/// A key's or a certificate's fingerprint.
pub const FINGERPRINT: Rule = identity("key-fingerprint", "the fingerprint of a key or of a certificate");
/// A certificate or a public key in PEM.
pub const CERTIFICATE: Rule = identity("certificate", "a certificate or a public key in PEM");

/// All rules of this module.
pub const RULES: &[&Rule] = &[
    &HOME_PATH,
    &DATA_PATH,
    &TILDE_USER,
    &PROJECT_SLUG,
    &LOCAL_HOST,
    &CLUSTER_NAME,
    &URL_HOST,
    &USER_AT_HOST,
    &PRIVATE_ADDRESS,
    &PUBLIC_ADDRESS,
    &IPV6_ADDRESS,
    &MAC_ADDRESS,
    &MAIL_ADDRESS,
    &PERSON_NAME,
    &USER_NAME,
    &URL_USER,
    &SSH_PUBLIC_KEY,
    &FINGERPRINT,
    &CERTIFICATE,
];

/// Appends what tells who and where in `text` to `hits`, in the order of their places. Values may overlap where two
/// rules see them (a mail address within a URL).
pub fn find(text: &[u8], hits: &mut Vec<Hit>) {
    let before = hits.len();
    anchors::find(text, hits);
    hits[before..].sort_by_key(|hit| (hit.span.start, std::cmp::Reverse(hit.span.end), hit.rule.name));
    let mut kept = before;
    for index in before..hits.len() {
        if index == before || hits[index] != hits[kept - 1] {
            hits.swap(kept, index);
            kept += 1;
        }
    }
    hits.truncate(kept);
}

/// Bytes before and after a place within which its decision falls. A value may be longer (a certificate, a key, a long
/// path): it is then told from its first bytes.
pub const fn context() -> usize {
    cursor::REACH
}

/// Whether `name` of a host or an account is one that many have, such as `root`, `ubuntu` or `localhost`: looked for as
/// it is, it would be found in every text.
pub fn common_name(name: &str) -> bool {
    let name = name.trim().to_ascii_lowercase();
    let name = name.as_bytes();
    harmless::account(name) || harmless::role(name) || harmless::common_host(name)
}
