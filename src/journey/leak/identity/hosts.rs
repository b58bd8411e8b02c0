//! Names of hosts and clusters that only a private network knows.
//!
//! Invariant: a host is told by its suffix, its place in a URL or its cluster's naming. A public name such as
//! `host.company.com` looks like any link: only the exact values of a machine tell it.

use std::ops::Range;

use super::super::rules::{Hit, Rule};
use super::cursor::{ahead, back, before, lower, name_byte, starts, word_at, word_before};
use super::{CLUSTER_NAME, LOCAL_HOST, URL_HOST, URL_USER, harmless};

/// `NAME.local` and its like; of `NAME.internal.company.com` the whole.
pub(super) fn private(text: &[u8], anchor: Range<usize>, hits: &mut Vec<Hit>) {
    let Some(end) = suffix(text, &anchor) else { return };
    let start = back(text, anchor.start, |byte| name_byte(byte) || byte == b'.');
    let head = &text[start..anchor.start];
    let labels = head.split(|byte| *byte == b'.').count();
    let services = text[anchor.clone()].starts_with(b".svc") && labels < 2;
    if services || !host_like(head) || labels == 1 && in_code(head) || !begins(text, start) {
        return;
    }
    let host = lower(text, start..end);
    let rule = if host.ends_with(b".cluster.local") || host.ends_with(b".svc") { &CLUSTER_NAME } else { &LOCAL_HOST };
    if !harmless::common_host(&host) && !harmless::mask(head) {
        hits.push(Hit { rule, span: start..end });
    }
}

/// `ID.gr7.REGION.eks.amazonaws.com` and its like: the address of somebody's cluster.
pub(super) fn endpoint(text: &[u8], anchor: Range<usize>, hits: &mut Vec<Hit>) {
    let start = back(text, anchor.start, |byte| name_byte(byte) || byte == b'.');
    let end = ahead(text, anchor.end, |byte| name_byte(byte) || byte == b'.');
    if host_like(&text[start..anchor.start]) {
        hits.push(Hit { rule: &CLUSTER_NAME, span: start..trimmed(text, start..end) });
    }
}

/// Where the host ends whose suffix is at `anchor`; `None` when the suffix is part of another word, of a file's name or
/// of a program's text.
fn suffix(text: &[u8], anchor: &Range<usize>) -> Option<usize> {
    let mut end = anchor.end;
    if starts(text, end, b"domain") && text[anchor.clone()].eq_ignore_ascii_case(b".local") {
        end += b"domain".len();
    }
    let labels = ahead(text, end, |byte| name_byte(byte) || byte == b'.');
    let rest = &text[end..trimmed(text, end..labels)];
    let after = text.get(end + rest.len());
    let code = matches!(after, Some(b'(' | b'[')) || starts(text, end, b" = ") || starts(text, end, b"::");
    if rest.is_empty() { (!code).then_some(end) } else { further(rest).then_some(end + rest.len()) }
}

/// Whether `.company.com` follows; `.json` is a file's name, and `.svc.cluster.local` has an anchor of its own.
fn further(rest: &[u8]) -> bool {
    const TOP: [&[u8]; 16] = [
        b"com", b"net", b"org", b"io", b"dev", b"cloud", b"co", b"edu", b"gov", b"ai", b"de", b"uk", b"eu", b"fr",
        b"jp", b"cn",
    ];
    let mut labels = rest.split(|byte| *byte == b'.');
    labels.next() == Some(b"")
        && labels.clone().count() >= 2
        && labels.next_back().is_some_and(|top| TOP.contains(&top))
}

/// Labels of letters, digits and hyphens; an underscore is an identifier's, a leading dot a hidden file's.
fn host_like(head: &[u8]) -> bool {
    let label = |label: &[u8]| !label.is_empty() && !label.contains(&b'_') && label[0] != b'-' && label.len() < 64;
    !head.is_empty() && head.split(|byte| *byte == b'.').all(label) && head.iter().any(u8::is_ascii_alphabetic)
}

/// Words that a program's fields and methods hang on.
fn in_code(head: &[u8]) -> bool {
    const WORDS: [&[u8]; 22] = [
        b"self",
        b"this",
        b"it",
        b"thread",
        b"env",
        b"std",
        b"super",
        b"config",
        b"settings",
        b"module",
        b"package",
        b"pkg",
        b"java",
        b"state",
        b"node",
        b"obj",
        b"ctx",
        b"window",
        b"storage",
        b"cfg",
        b"data",
        b"props",
    ];
    WORDS.contains(&&head.to_ascii_lowercase()[..])
}

fn begins(text: &[u8], start: usize) -> bool {
    !word_before(text, start) && !matches!(before(text, start), Some(b')' | b']' | b'}' | b'$' | b'.' | b'-'))
}

/// `https://USER@HOST/`: the user, and a host that has no domain.
pub(super) fn url(text: &[u8], anchor: Range<usize>, hits: &mut Vec<Hit>) {
    let scheme =
        lower(text, back(text, anchor.start, |byte| byte.is_ascii_alphanumeric() || byte == b'+')..anchor.start);
    let end = ahead(text, anchor.end, |byte| in_user(byte) || matches!(byte, b'@' | b':' | b'$' | b'!' | b'*'));
    let at = text[anchor.end..end].iter().rposition(|byte| *byte == b'@').map(|at| anchor.end + at);
    if let Some(at) = at {
        user(text, anchor.end..at, hits);
    }
    let start = at.map_or(anchor.end, |at| at + 1);
    let host = start..ahead(text, start, name_byte);
    let whole = !matches!(text.get(host.end), Some(b'.' | b'$' | b'{' | b'<' | b'%' | b'*' | b'@' | b'('));
    if whole
        && networked(&scheme)
        && host.len() > 1
        && !harmless::role(&lower(text, host.clone()))
        && bare(&text[host.clone()])
    {
        hits.push(Hit { rule: &URL_HOST, span: host });
    }
}

/// Schemes whose authority is a host or somebody's bucket.
fn networked(scheme: &[u8]) -> bool {
    const SCHEMES: [&[u8]; 28] = [
        b"http",
        b"https",
        b"ssh",
        b"ftp",
        b"sftp",
        b"ws",
        b"wss",
        b"redis",
        b"rediss",
        b"postgres",
        b"postgresql",
        b"mysql",
        b"mongodb",
        b"amqp",
        b"amqps",
        b"nats",
        b"grpc",
        b"tcp",
        b"udp",
        b"rsync",
        b"smb",
        b"nfs",
        b"git",
        b"s3",
        b"gs",
        b"ldap",
        b"ldaps",
        b"git+ssh",
    ];
    SCHEMES.contains(&scheme)
}

fn bare(host: &[u8]) -> bool {
    host[0].is_ascii_alphabetic() && !host.contains(&b'_') && !host.ends_with(b"-")
}

fn user(text: &[u8], userinfo: Range<usize>, hits: &mut Vec<Hit>) {
    const NOBODY: [&[u8]; 7] = [b"git", b"token", b"oauth2", b"x-access-token", b"api", b"apikey", b"anonymous"];
    let end = ahead(text, userinfo.start, in_user).min(userinfo.end);
    let name = &text[userinfo.start..end];
    let begins = name.first().is_some_and(u8::is_ascii_alphanumeric);
    if begins && name.len() > 1 && !NOBODY.contains(&name) && !harmless::account(name) {
        hits.push(Hit { rule: &URL_USER, span: userinfo.start..end });
    }
}

const fn in_user(byte: u8) -> bool {
    name_byte(byte) || matches!(byte, b'.' | b'%' | b'+')
}

/// `current-context: NAME`, `use-context NAME`, `--context=NAME`.
pub(super) fn context(text: &[u8], anchor: Range<usize>, hits: &mut Vec<Hit>) {
    const COMMON: [&[u8]; 8] = [
        b"default",
        b"minikube",
        b"kind-kind",
        b"docker-desktop",
        b"kubernetes-admin@kubernetes",
        b"colima",
        b"rancher-desktop",
        b"orbstack",
    ];
    let head = &text[anchor.start.saturating_sub(8)..anchor.start];
    let named = [&b"current-"[..], b"use-", b"kube-"].iter().any(|word| head.ends_with(word));
    let option = head.ends_with(b" --");
    let start = ahead(text, anchor.end, |byte| matches!(byte, b' ' | b':' | b'=' | b'"' | b'\''));
    let end = ahead(text, start, |byte| name_byte(byte) || matches!(byte, b'@' | b'.' | b':' | b'/'));
    let span = start..trimmed(text, start..end);
    let name = &text[span.clone()];
    let says =
        start > anchor.end && name.len() > 1 && name[0].is_ascii_alphanumeric() && !name.iter().all(u8::is_ascii_digit);
    if (named || option) && says && !COMMON.contains(&name) && !harmless::mask(name) {
        hits.push(Hit { rule: &CLUSTER_NAME, span });
    }
}

/// `arn:aws:eks:REGION:ACCOUNT:cluster/NAME`: any resource of an account that is not one of the manuals'.
pub(super) fn account(text: &[u8], anchor: Range<usize>, hits: &mut Vec<Hit>) {
    const MANUALS: [&[u8]; 4] = [b"123456789012", b"111122223333", b"444455556666", b"000000000000"];
    let end = ahead(text, anchor.start, |byte| name_byte(byte) || matches!(byte, b':' | b'/' | b'.' | b'*' | b'@'));
    let number = text[anchor.start..end].split(|byte| *byte == b':').nth(4).unwrap_or_default();
    if number.len() == 12 && number.iter().all(u8::is_ascii_digit) && !MANUALS.contains(&number) {
        push(text, anchor.start..end, &CLUSTER_NAME, hits);
    }
}

/// `gke_PROJECT_ZONE_NAME`.
pub(super) fn gke(text: &[u8], anchor: Range<usize>, hits: &mut Vec<Hit>) {
    let end = ahead(text, anchor.start, name_byte);
    let parts = text[anchor.start..end].split(|byte| *byte == b'_').filter(|part| !part.is_empty()).count();
    if parts >= 4 && !word_before(text, anchor.start) && !word_at(text, end) {
        push(text, anchor.start..end, &CLUSTER_NAME, hits);
    }
}

fn push(text: &[u8], span: Range<usize>, rule: &'static Rule, hits: &mut Vec<Hit>) {
    hits.push(Hit { rule, span: span.start..trimmed(text, span) });
}

/// The end of `span` without the punctuation that ends a sentence.
pub(super) fn trimmed(text: &[u8], span: Range<usize>) -> usize {
    span.end - text[span].iter().rev().take_while(|byte| matches!(byte, b'.' | b'-' | b':' | b'/')).count()
}
