//! What stands around an `@`: mail addresses, and user and host of a shell.
//!
//! Invariant: packages and their versions (`react@18.2.0`, `checkout@v4`), scopes, decorators, units of systemd
//! (`user@1000.service`), images (`name@sha256:…`) and pictures (`icon@2x.png`) are none of them.

use std::net::Ipv4Addr;
use std::ops::Range;

use super::super::rules::Hit;
use super::cursor::{ahead, back, before, line_before, lower, starts};
use super::{MAIL_ADDRESS, PERSON_NAME, USER_AT_HOST, harmless};

/// Looks at the `@` at `at`.
pub(super) fn at_sign(text: &[u8], at: usize, hits: &mut Vec<Hit>) {
    let start = local(text, at);
    let end = ahead(text, at + 1, |byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-') || byte >= 0x80);
    let end = end - text[at + 1..end].iter().rev().take_while(|byte| matches!(byte, b'.' | b'-')).count();
    if start == at || end <= at + 1 || in_url(text, start) {
        return;
    }
    let (user, host) = (&text[start..at], lower(text, at + 1..end));
    if mail_domain(&host) || page_of_mail(&host) {
        let reserved = harmless::reserved_host(&host) || harmless::service_mail(&lower(text, start..at), &host);
        if !reserved && !forge_copy(text, user, end) {
            hits.push(Hit { rule: &MAIL_ADDRESS, span: start..end });
            person(text, start, hits);
        }
    } else if on_host(text, start..end, &host) && !nobody(user, &host) {
        hits.push(Hit { rule: &USER_AT_HOST, span: start..end });
        person(text, start, hits);
    }
}

/// Whether what ends at `start` is a URL's scheme, or its scheme and user: who looks at URLs sees it.
fn in_url(text: &[u8], start: usize) -> bool {
    let part = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'%' | b'+' | b'-' | b':');
    text[..back(text, start, part)].ends_with(b"//")
}

/// The beginning of the local part before `at`: 64 bytes at most (RFC 5321), without the `n` of an escaped line's end.
fn local(text: &[u8], at: usize) -> usize {
    let part =
        |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'%' | b'+' | b'-') || byte >= 0x80;
    let mut start = back(text, at, part).max(at.saturating_sub(64));
    if start < at && before(text, start + 1) == Some(b'\n') {
        start += 1;
    }
    start + text[start..at].iter().take_while(|byte| matches!(byte, b'.' | b'-' | b'%')).count()
}

/// Whether mail can go to `host`, lower case: a name with a domain that is no version and no file.
fn mail_domain(host: &[u8]) -> bool {
    const NOT: [&[u8]; 30] = [
        b"service",
        b"socket",
        b"timer",
        b"target",
        b"mount",
        b"automount",
        b"slice",
        b"device",
        b"scope",
        b"swap",
        b"path",
        b"png",
        b"jpg",
        b"jpeg",
        b"gif",
        b"svg",
        b"webp",
        b"js",
        b"mjs",
        b"cjs",
        b"json",
        b"css",
        b"html",
        b"toml",
        b"yaml",
        b"yml",
        b"lock",
        b"tgz",
        b"txt",
        b"tsx",
    ];
    let mut labels = host.split(|byte| *byte == b'.');
    let Some(top) = labels.next_back() else { return false };
    let named = (top.len() > 1 && top.iter().all(|byte| byte.is_ascii_alphabetic() || *byte >= 0x80))
        || top.starts_with(b"xn--");
    let version = |label: &[u8]| {
        let digits = label.strip_prefix(b"v").unwrap_or(label);
        !digits.is_empty() && digits.iter().all(u8::is_ascii_digit)
    };
    let mut count = 0;
    let plain = labels.all(|label| {
        count += 1;
        !(label.is_empty() || count == 1 && version(label))
    });
    named && plain && count > 0 && !NOT.contains(&top)
}

/// Whether a file is called after a mail address: `ann@company.com.html`. Only below the most common domains: what stands
/// between a name and a file's ending is a domain no more often than `min` of `x@y.min.js`.
fn page_of_mail(host: &[u8]) -> bool {
    const ENDINGS: [&[u8]; 6] = [b".html", b".json", b".txt", b".yaml", b".yml", b".toml"];
    const COMMON: [&[u8]; 6] = [b".com", b".org", b".net", b".edu", b".gov", b".io"];
    let bare = ENDINGS.iter().find_map(|ending| host.strip_suffix(*ending));
    bare.is_some_and(|bare| COMMON.iter().any(|common| bare.ends_with(common)) && mail_domain(bare))
}

/// `git@host:team/project.git` of an unknown host counts, and so does every other user.
fn forge_copy(text: &[u8], user: &[u8], end: usize) -> bool {
    user == b"git" && !matches!(text.get(end), Some(b':' | b'/'))
}

/// Whether the places around `span` say that it is a user on `host`: a prompt, a command that goes to a host, an
/// address, or the angle brackets of a commit's author.
fn on_host(text: &[u8], span: Range<usize>, host: &[u8]) -> bool {
    const COMMANDS: [&[u8]; 7] = [b"ssh ", b"scp ", b"sftp ", b"rsync ", b"mosh ", b"ssh-copy-id ", b"sshfs "];
    const DIGESTS: [&[u8]; 4] = [b"sha256", b"sha512", b"sha1", b"md5"];
    if DIGESTS.contains(&host) {
        return false;
    }
    let head = line_before(text, span.start, 96);
    let after = |word: &[u8]| starts(text, span.end, word);
    let prompt =
        [&b":~"[..], b":/", b" ~]", b" ~>", b"]$", b"]#", b":~$", b" ~ %", b" ~$"].iter().any(|word| after(word));
    let bracket = before(text, span.start) == Some(b'[') && bracketed(text, span.end);
    let commanded = COMMANDS.iter().any(|command| memchr::memmem::find(head, command).is_some());
    let author = before(text, span.start) == Some(b'<') && after(b">");
    let repository = text[span.clone()].starts_with(b"git@") && after(b":");
    let address = std::str::from_utf8(host).ok().and_then(|host| host.parse::<Ipv4Addr>().ok());
    let private = address.is_some_and(|address| address.is_private() || address.is_link_local());
    let named = host.iter().any(u8::is_ascii_alphabetic);
    private || author || commanded && (named || address.is_some()) || named && (prompt || bracket || repository)
}

/// `[ann@host directory]$`.
fn bracketed(text: &[u8], end: usize) -> bool {
    let close = ahead(text, end, |byte| byte != b']' && byte != b'\n' && byte != b'[');
    text.get(end) == Some(&b' ') && close < end + 64 && matches!(text.get(close..close + 2), Some(b"]$" | b"]#"))
}

/// Everybody's user on everybody's host, or what redaction wrote.
fn nobody(user: &[u8], host: &[u8]) -> bool {
    harmless::account(user) && harmless::role(host)
}

/// The name before a mail address in angle brackets that begins at `start`: up to four words with capitals.
fn person(text: &[u8], start: usize, hits: &mut Vec<Hit>) {
    let Some(open) = start.checked_sub(1).filter(|at| text[*at] == b'<') else { return };
    let head = line_before(text, open, 96);
    let end = open - (head.len() - head.trim_ascii_end().len());
    let head = head.trim_ascii_end();
    let mut length = 0;
    for word in head.rsplit(|byte| *byte == b' ').take(4) {
        if !name_word(word) {
            break;
        }
        length += word.len() + usize::from(length > 0);
    }
    let name = &text[end - length..end];
    if length > 1 && !harmless::mask(name) {
        hits.push(Hit { rule: &PERSON_NAME, span: end - length..end });
    }
}

fn name_word(word: &[u8]) -> bool {
    let first = word.first().is_some_and(|byte| byte.is_ascii_uppercase() || *byte >= 0x80);
    first && word.iter().all(|byte| byte.is_ascii_alphabetic() || matches!(byte, b'.' | b'\'' | b'-') || *byte >= 0x80)
}
