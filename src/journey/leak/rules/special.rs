//! Forms that do not begin with bytes of their own: told from what stands around a run.
//!
//! Invariant: bounded looks at both sides of a run.

use std::ops::Range;

use super::bytes::*;
use super::placeholder::{is_telling, is_worn};
use super::{Hit, Kind, Rule};

pub(super) static AZURE_CLIENT_SECRET: Rule =
    Rule { name: "azure-client-secret", kind: Kind::Secret, description: "A client secret of Microsoft's sign-in" };
pub(super) static AZURE_KEY: Rule = Rule {
    name: "azure-key",
    kind: Kind::Secret,
    description: "A key of a service of Azure, with the mark of its issuer",
};
pub(super) static TELEGRAM: Rule =
    Rule { name: "telegram-bot-token", kind: Kind::Secret, description: "A bot's token of Telegram" };
pub(super) static DISCORD: Rule =
    Rule { name: "discord-bot-token", kind: Kind::Secret, description: "A bot's token of Discord" };
pub(super) static MAILCHIMP: Rule =
    Rule { name: "mailchimp-key", kind: Kind::Secret, description: "A key of Mailchimp, with its data centre" };
pub(super) static PASSWORD_HASH: Rule = Rule {
    name: "password-hash",
    kind: Kind::Secret,
    description: "A hash of a password, as in /etc/shadow or .htpasswd",
};
pub(super) static BOOTSTRAP: Rule = Rule {
    name: "bootstrap-token",
    kind: Kind::Secret,
    description: "A token with which a machine joins a Kubernetes cluster",
};
pub(super) static TERRAFORM: Rule =
    Rule { name: "terraform-cloud-token", kind: Kind::Secret, description: "A token of Terraform Cloud" };

/// Whether something around a run calls for a look.
#[inline]
pub(super) fn may_find(text: &[u8], run: &Range<usize>) -> bool {
    let before = run.start.checked_sub(1).is_some_and(|at| matches!(text[at], b'~' | b'.' | b':' | b'$' | b'}'));
    let after = text.get(run.end).is_some_and(|&byte| matches!(byte, b'~' | b'.'));
    let length = run.len();
    let azure = matches!(length, 44 | 52 | 84 | 88);
    before || after || azure || length >= 36 && is(text[run.end - 1], DIGIT)
}

/// Looks around a run.
pub(super) fn find(text: &[u8], run: Range<usize>, hits: &mut Vec<Hit>) {
    let before = run.start.checked_sub(1).map_or(b' ', |at| text[at]);
    let after = text.get(run.end).copied().unwrap_or(b' ');
    let mut hit = |rule: &'static Rule, span: Option<Range<usize>>| hits.extend(span.map(|span| Hit { rule, span }));
    if matches!(before, b'~' | b'.') || matches!(after, b'~' | b'.') {
        hit(&AZURE_CLIENT_SECRET, azure(text, &run));
    }
    if before == b':' {
        hit(&TELEGRAM, telegram(text, &run));
    }
    if after == b'.' {
        hit(&DISCORD, discord(text, &run));
        hit(&TERRAFORM, terraform(text, &run));
    }
    if matches!(before, b'$' | b'.' | b'}') {
        hit(&PASSWORD_HASH, password_hash(text, &run));
    }
    if before == b'.' && run.len() == 16 {
        hit(&BOOTSTRAP, bootstrap(text, &run));
    }
    if (43..=90).contains(&run.len()) {
        hit(&AZURE_KEY, azure_key(text, &run));
    }
    if run.len() >= 36 {
        hit(&MAILCHIMP, mailchimp(text, &run));
    }
}

/// Three bytes, a digit, `Q~`, and 31 to 34 bytes.
fn azure(text: &[u8], run: &Range<usize>) -> Option<Range<usize>> {
    const BODY: u16 = ALNUM | DOT | TILDE | UNDER | DASH;
    let start = run.start - span_before(text, run.start, BODY, 44);
    let end = run.end + span(text, run.end, BODY, 44);
    let word = &text[start..end];
    let mark = word.windows(3).position(|three| three[0].is_ascii_digit() && &three[1..] == b"Q~")?;
    if mark < 3 {
        return None;
    }
    let fits = (31..=34).contains(&(word.len() - mark - 3)) && !is_telling(word);
    fits.then_some(start + mark - 3..end)
}

/// What Microsoft puts into the keys that it issues, so that they can be told: before the last eight digits of base64
/// where the key is of 32 bytes, before the last ten where it is of 39, and before the last twelve where it is of 64.
const AZURE_MARKS: [&[u8]; 15] = [
    b"AzCa", b"+ASt", b"AIoT", b"AzFu", b"AzSe", b"APIM", b"ACDb", b"+ABa", b"+AMC", b"+ASb", b"+AEh", b"+ARm",
    b"+ACR", b"AzEG", b"AzML",
];

/// A key of Azure that holds the mark of its service, or the mark of all services in its middle.
fn azure_key(text: &[u8], run: &Range<usize>) -> Option<Range<usize>> {
    let value = &text[run.clone()];
    let marked = |at: usize| value.get(at..at + 4).is_some_and(|mark| AZURE_MARKS.contains(&mark));
    let length = value.len() - value.iter().rev().take_while(|&&byte| byte == b'=').count();
    let annotated = value.len() >= 76 && value.get(52..58).is_some_and(|mark| matches!(mark, b"JQQJ99" | b"JHHJ99"));
    let fits = match length {
        43 => marked(33),
        52 => marked(42),
        86 => marked(76),
        _ => false,
    };
    ((fits || annotated) && !is_worn(value) && !is_telling(value)).then(|| run.clone())
}

/// 8 to 10 digits, a colon, and 35 bytes that begin with `A`.
fn telegram(text: &[u8], run: &Range<usize>) -> Option<Range<usize>> {
    let body = &text[run.start..run.start + span(text, run.start, BASE64_URL, 36)];
    let digits = span_before(text, run.start - 1, DIGIT, 17);
    let start = run.start - 1 - digits;
    let alone = start == 0 || !is(text[start - 1], ALNUM) || text[..start].ends_with(b"bot");
    let fits = body.len() == 35
        && body[0] == b'A'
        && (5..=16).contains(&digits)
        && alone
        && !is_worn(body)
        && !is_telling(body);
    fits.then(|| start..run.start + body.len())
}

/// An id in base64, a time in base64, and a signature, with dots between.
fn discord(text: &[u8], run: &Range<usize>) -> Option<Range<usize>> {
    let start = run.end - span_before(text, run.end, BASE64_URL, 40).min(run.len());
    let id = run.end - start;
    let time = span(text, run.end + 1, BASE64_URL, 8);
    let body = run.end + 1 + time + 1;
    let signature = span(text, body, BASE64_URL, 40);
    let first = matches!(text[start], b'M' | b'N' | b'O');
    let fits = first
        && (23..=28).contains(&id)
        && (6..=7).contains(&time)
        && is_at(text, body - 1, DOT)
        && (27..=38).contains(&signature);
    fits.then(|| start..body + signature)
}

/// 14 bytes, `.atlasv1.`, and 60 to 70 bytes.
fn terraform(text: &[u8], run: &Range<usize>) -> Option<Range<usize>> {
    let middle = b".atlasv1.";
    let body = run.end + middle.len();
    let length = text[run.end..].starts_with(middle).then(|| span(text, body, BASE64_URL | EQUALS, 80))?;
    let fits = (60..=72).contains(&length) && !is_worn(&text[body..body + length]);
    fits.then_some(run.start..body + length)
}

/// Six bytes, a dot, and sixteen bytes, where a token of a cluster is spoken of.
fn bootstrap(text: &[u8], run: &Range<usize>) -> Option<Range<usize>> {
    let lead = span_before(text, run.start - 1, BASE36, 7);
    let body = &text[run.clone()];
    let near = &text[run.start.saturating_sub(72)..run.start];
    let spoken =
        position_ignoring_case(near, b"bootstrap").is_some() || position_ignoring_case(near, b"kubeadm").is_some();
    (lead == 6 && spoken && count(body, BASE36) == 16 && !is_worn(body)).then(|| run.start - 7..run.end)
}

/// 32 hexadecimal digits and a data centre.
fn mailchimp(text: &[u8], run: &Range<usize>) -> Option<Range<usize>> {
    let centre = span_before(text, run.end, DIGIT, 3);
    let mark = run.end - centre;
    if !(1..=2).contains(&centre) || !text[run.start..mark].ends_with(b"-us") {
        return None;
    }
    let digits = span_before(text, mark - 3, LOWER_HEX, 33);
    let start = mark - 3 - digits;
    (digits == 32 && start >= run.start && !is_worn(&text[start..start + 32])).then_some(start..run.end)
}

/// How a hash of a password begins.
const SCHEMES: &str = "$1$ $5$ $6$ $y$ $2a$ $2b$ $2y$ $2x$ $7$ $gy$ $apr1$ $argon2 $pbkdf2 $scrypt$ $P$ $H$ {SSHA {SHA} {MD5} {SMD5} \
    {CRYPT} pbkdf2_sha $krb5 $8$ $9$ $md5";

/// `$id$`, parameters and salt, and the hash; or a scheme in braces and the hash.
fn password_hash(text: &[u8], run: &Range<usize>) -> Option<Range<usize>> {
    let back = text[..run.start].iter().rev().take(120);
    let lead = back.take_while(|&&byte| is(byte, ALNUM | DOT | SLASH) || b"$=,{}-+_:@*".contains(&byte)).count();
    let start = run.start - lead;
    if !text[start..run.start].iter().any(|byte| b"${".contains(byte)) {
        return None;
    }
    let end = run.end + span(text, run.end, ALNUM | DOT | SLASH | PLUS | EQUALS, 120);
    let begins = |at: usize| SCHEMES.split_ascii_whitespace().any(|scheme| text[at..].starts_with(scheme.as_bytes()));
    let scheme = (start..run.start).find(|&at| begins(at))?;
    let value = &text[scheme..end];
    let drawn = count(value, LETTER | DIGIT) >= 20 && !is_worn(&text[run.start..end]);
    (drawn && is_whole_hash(value)).then_some(scheme..end)
}

/// Whether a hash is as long as its scheme makes it.
fn is_whole_hash(value: &[u8]) -> bool {
    let body = value.len() - value.iter().rposition(|&byte| byte == b'$' || byte == b'}').map_or(0, |at| at + 1);
    match value {
        [b'$', b'1', b'$', ..] | [b'$', b'a', b'p', b'r', b'1', b'$', ..] => body == 22,
        [b'$', b'5', b'$', ..] => body == 43,
        [b'$', b'6', b'$', ..] => body == 86,
        [b'$', b'2', b'a' | b'b' | b'x' | b'y', b'$', ..] => body == 53,
        _ => value.len() >= 28,
    }
}
