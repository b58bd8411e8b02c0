//! The text of `codex exec` without `--json`, in three layouts.
//!
//! ```text
//! early 2025                               late 2025 and today
//! [2025-05-06T17:42:33] OpenAI Codex v0.1  OpenAI Codex v0.46.0
//! --------                                 --------
//! workdir: /tmp                            workdir: /tmp
//! --------                                 --------
//! [2025-05-06T17:42:33] User instructions: user
//! the prompt                               the prompt
//! [2025-05-06T17:42:40] codex              codex
//! the answer                               the answer
//! [2025-05-06T17:42:40] tokens used: 12    tokens used
//!                                          12
//! ```
//!
//! In 2025 all of it came on one stream; today it comes on standard error and the answer alone on standard output.
//!
//! Invariant: the prompt is passed over as a whole, by what it says, so that no mark in it counts. What a tool printed
//! has no such bounds: text with a tool's call in it, or with more marks than one answer needs, tells no answer by
//! itself.

use std::borrow::Cow;

/// What a text tells.
#[derive(Debug, PartialEq)]
pub(super) enum Layout {
    /// It has no layout that is known.
    Absent,
    /// This answer.
    Answer(String),
    /// It has a layout, and no answer can be told from it.
    Unclear(String),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Mark {
    Codex,
    Tokens,
    User,
    Tool,
}

/// Whether marks stand after a time or alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Style {
    Timed,
    Bare,
}

/// Whether `line` begins a transcript.
pub(super) fn is_head(line: &str) -> bool {
    after_time(line).unwrap_or(line).starts_with("OpenAI Codex")
}

/// Whether `text` holds the beginning of a transcript.
pub(super) fn has_head(text: &str) -> bool {
    plain(text).lines().any(is_head)
}

/// Reads `text`, which may repeat `prompt`.
pub(super) fn read(text: &str, prompt: &str) -> Layout {
    let (text, prompt) = (plain(text), plain(prompt));
    let Some((style, body)) = body(&text, &prompt) else {
        return headless(&text, &prompt);
    };
    of_answer(body.and_then(|body| answer(body, style)))
}

fn of_answer(answer: Result<String, &str>) -> Layout {
    match answer {
        Ok(answer) => Layout::Answer(answer),
        Err(why) => Layout::Unclear(why.into()),
    }
}

/// Whether `text` is a transcript that ends with `answer`, whatever marks that holds.
pub(super) fn ends_with(text: &str, prompt: &str, answer: &str) -> bool {
    let (text, prompt, answer) = (plain(text), plain(prompt), plain(answer));
    let Some((style, Ok(body))) = body(&text, &prompt) else { return false };
    let answer = answer.trim();
    let ends = |body: &str| {
        let before = without_tokens(body, style)?.trim_end().strip_suffix(answer)?;
        // The answer begins a line, and the line before it is the mark.
        let is_line = before.trim_end_matches([' ', '\t']).ends_with('\n');
        let last = before.trim_end().lines().next_back()?;
        (is_line && mark(last, style) == Some(Mark::Codex)).then_some(())
    };
    // Where both streams came together, the answer stands once more after the end.
    let told_once = body.trim_end().strip_suffix(answer).map(str::trim_end);
    !answer.is_empty() && [Some(body), told_once].into_iter().flatten().any(|body| ends(body).is_some())
}

/// `text` without colours, with `\n` alone at the ends of its lines.
pub(super) fn plain(text: &str) -> Cow<'_, str> {
    if !text.contains(['\u{1b}', '\r']) {
        return Cow::Borrowed(text);
    }
    let (mut out, mut rest) = (String::with_capacity(text.len()), text);
    while let Some(at) = rest.find('\u{1b}') {
        out.push_str(&rest[..at]);
        rest = after_escape(&rest[at + 1..]);
    }
    out.push_str(rest);
    Cow::Owned(out.replace("\r\n", "\n"))
}

/// What follows an escape sequence (ECMA-48) whose first character was taken: `[`, parameters and a letter, or `]` up to
/// the bell or the string terminator.
fn after_escape(rest: &str) -> &str {
    if let Some(sequence) = rest.strip_prefix('[') {
        let mut rest = sequence.trim_start_matches(|c: char| matches!(c, ' '..='?')).chars();
        rest.next();
        return rest.as_str();
    }
    if let Some(sequence) = rest.strip_prefix(']') {
        let end = sequence.find(['\u{7}', '\u{1b}', '\n']).unwrap_or(sequence.len());
        let after = &sequence[end..];
        return after.strip_prefix('\u{7}').or_else(|| after.strip_prefix("\u{1b}\\")).unwrap_or(after);
    }
    rest
}

/// What follows a time such as `[2025-05-06T17:42:33] ` at the start of `line`.
fn after_time(line: &str) -> Option<&str> {
    let (time, rest) = line.strip_prefix('[')?.split_once("] ")?;
    let is_time = time.len() >= 19
        && time.as_bytes()[10] == b'T'
        && time.bytes().all(|byte| byte.is_ascii_digit() || matches!(byte, b'-' | b':' | b'T' | b'.' | b'Z' | b'+'));
    is_time.then_some(rest)
}

fn mark(line: &str, style: Style) -> Option<Mark> {
    let word = match style {
        Style::Timed => after_time(line)?,
        Style::Bare => line,
    };
    let word = word.trim_end();
    let first = word.split(' ').next().unwrap_or_default();
    match word {
        "codex" => Some(Mark::Codex),
        "tokens used" => Some(Mark::Tokens),
        _ if word.starts_with("tokens used:") => Some(Mark::Tokens),
        "user" | "User instructions:" => Some(Mark::User),
        "exec" | "apply patch" | "file update" => Some(Mark::Tool),
        _ if style == Style::Timed && matches!(first, "exec" | "tool" | "apply_patch" | "patch" | "bash") => {
            Some(Mark::Tool)
        }
        _ if style == Style::Bare && matches!(first, "mcp:" | "🌐") => Some(Mark::Tool),
        _ => None,
    }
}

/// What a transcript says after the prompt; `None` where `text` is no transcript.
fn body<'t>(text: &'t str, prompt: &str) -> Option<(Style, Result<&'t str, &'static str>)> {
    let mut at = 0;
    let head = text.split_inclusive('\n').find(|line| {
        let is_head = is_head(line);
        at += line.len();
        is_head
    })?;
    let style = if after_time(head).is_some() { Style::Timed } else { Style::Bare };
    let rest = &text[at..];
    Some((style, after_prompt(rest, prompt, style)))
}

/// What follows the prompt, which is told by what it says.
fn after_prompt<'t>(rest: &'t str, prompt: &str, style: Style) -> Result<&'t str, &'static str> {
    let mut at = 0;
    let user = rest.split_inclusive('\n').find(|line| {
        at += line.len();
        mark(line.trim_end_matches('\n'), style) == Some(Mark::User)
    });
    let told = rest[at..].trim_start().strip_prefix(prompt.trim());
    match told {
        Some(after) if user.is_some() && (after.is_empty() || after.starts_with(char::is_whitespace)) => Ok(after),
        // Not repeated, or in other words: then no mark of its may be there.
        _ if !has_marks(prompt) => Ok(if user.is_some() { &rest[at..] } else { rest }),
        _ => Err("its text does not repeat the prompt as it is, and the prompt holds marks of an answer"),
    }
}

/// Whether a line of `text` could be taken for a mark, in either style.
fn has_marks(text: &str) -> bool {
    text.lines().any(|line| mark(line, Style::Bare).is_some() || mark(line, Style::Timed).is_some() || is_head(line))
}

/// `body` without its last `tokens used` and the number after it, which are its end.
fn without_tokens(body: &str, style: Style) -> Option<&str> {
    let body = body.trim_end();
    let last = body.lines().next_back()?;
    if mark(last, style) == Some(Mark::Tokens) {
        return Some(&body[..body.len() - last.len()]);
    }
    let is_number = !last.is_empty() && last.trim().bytes().all(|byte| byte.is_ascii_digit() || byte == b',');
    let body = is_number.then(|| body[..body.len() - last.len()].trim_end())?;
    let mark_line = body.lines().next_back()?;
    (mark(mark_line, style) == Some(Mark::Tokens)).then(|| &body[..body.len() - mark_line.len()])
}

/// The one answer that `body` tells.
fn answer(body: &str, style: Style) -> Result<String, &'static str> {
    let Some(inner) = without_tokens(body, style) else {
        return twice(body, style).ok_or("its text does not end with `tokens used`");
    };
    section(inner, style)
}

/// The section after the only `codex`.
fn section(inner: &str, style: Style) -> Result<String, &'static str> {
    let (mut at, mut start) = (0, None);
    for line in inner.split_inclusive('\n') {
        at += line.len();
        match mark(line.trim_end_matches('\n'), style) {
            Some(Mark::Codex) if start.is_some() => return Err("its text holds more than one `codex`"),
            Some(Mark::Codex) => start = Some(at),
            Some(Mark::Tool) => return Err("its text holds what tools printed, and nothing else tells the answer"),
            Some(Mark::Tokens) => return Err("its text holds more than one `tokens used`"),
            Some(Mark::User) | None => {}
        }
    }
    let answer = start.map(|start| inner[start..].trim()).filter(|answer| !answer.is_empty());
    answer.map(str::to_owned).ok_or("its text holds no answer")
}

/// The answer where both streams came together: after `tokens used` and its number it stands once more.
fn twice(body: &str, style: Style) -> Option<String> {
    let mut at = 0;
    let ends = body.split_inclusive('\n').filter_map(|line| {
        at += line.len();
        (mark(line.trim_end_matches('\n'), style) == Some(Mark::Tokens)).then_some(at)
    });
    let end = ends.last()?;
    let (number, again) = body[end..].split_once('\n')?;
    let inner = without_tokens(&body[..end + number.len()], style)?;
    section(inner, style).ok().filter(|answer| answer == again.trim())
}

/// A text without a head: the marks in it count only where the prompt has none.
fn headless(text: &str, prompt: &str) -> Layout {
    let style =
        if text.lines().any(|line| mark(line, Style::Timed) == Some(Mark::Codex)) { Style::Timed } else { Style::Bare };
    let has = |wanted| text.lines().any(|line| mark(line, style) == Some(wanted));
    if !has(Mark::Codex) && !has(Mark::Tokens) {
        return Layout::Absent;
    }
    if has_marks(prompt) {
        return Layout::Unclear("its text has no head, and the prompt holds marks of an answer".into());
    }
    of_answer(answer(text, style))
}
