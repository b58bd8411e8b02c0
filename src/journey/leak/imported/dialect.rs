//! Go's regular expressions as Rust's `regex` crate reads them.
//!
//! Invariant: what means the same in both is left as it is.

/// `expression` with what only Go takes written so that both do: a `{` that counts nothing is a brace, `\Q...\E` quotes,
/// and `[`, `&&`, `--` and `~~` within a class are characters.
pub(super) fn translated(expression: &str) -> String {
    let mut out = String::with_capacity(expression.len() + 8);
    let mut rest = expression;
    let mut class = false;
    while let Some(character) = rest.chars().next() {
        let taken = match character {
            '\\' => escape(rest, &mut out),
            '[' if !class => {
                class = true;
                class_start(rest, &mut out)
            }
            '[' if !rest.starts_with("[:") => escaped(character, &mut out),
            ']' => {
                class = false;
                plain(character, &mut out)
            }
            '&' | '~' | '-' if class && doubled(rest, character) => escaped(character, &mut out),
            '[' => posix_class(rest, &mut out),
            '{' if !class && !counts(rest) => escaped(character, &mut out),
            _ => plain(character, &mut out),
        };
        rest = &rest[taken..];
    }
    out
}

fn plain(character: char, out: &mut String) -> usize {
    out.push(character);
    character.len_utf8()
}

fn escaped(character: char, out: &mut String) -> usize {
    out.push('\\');
    plain(character, out)
}

fn doubled(rest: &str, character: char) -> bool {
    rest[1..].starts_with(character)
}

/// A backslash and what it stands before.
fn escape(rest: &str, out: &mut String) -> usize {
    if let Some(quoted) = rest.strip_prefix("\\Q") {
        let length = quoted.find("\\E").unwrap_or(quoted.len());
        for character in quoted[..length].chars() {
            if character.is_ascii_punctuation() {
                out.push('\\');
            }
            out.push(character);
        }
        return (2 + length + 2).min(rest.len());
    }
    out.push('\\');
    rest[1..].chars().next().map_or(1, |next| 1 + plain(next, out))
}

/// The opening of a class: a `]` right after it is a character.
fn class_start(rest: &str, out: &mut String) -> usize {
    let start = if rest.starts_with("[^") { "[^" } else { "[" };
    out.push_str(start);
    if rest[start.len()..].starts_with(']') {
        out.push_str("\\]");
        return start.len() + 1;
    }
    start.len()
}

/// `[:alnum:]` within a class.
fn posix_class(rest: &str, out: &mut String) -> usize {
    match rest.find(":]") {
        Some(end) => {
            out.push_str(&rest[..end + 2]);
            end + 2
        }
        None => escaped('[', out),
    }
}

/// Whether the brace at the start of `rest` counts what stands before it: `{3}`, `{3,}`, `{3,5}`.
fn counts(rest: &str) -> bool {
    let Some((inner, _)) = rest[1..].split_once('}') else { return false };
    let (least, most) = inner.split_once(',').unwrap_or((inner, "0"));
    let is_number = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    is_number(least) && (most.is_empty() || is_number(most))
}

#[cfg(test)]
mod tests {
    use super::translated;

    #[test]
    fn what_only_go_takes_is_written_for_both() {
        for (go, rust) in [
            (r"^\${(?:[A-Z_]+)}$", r"^\$\{(?:[A-Z_]+)}$"),
            (r"a{3}b{2,}c{1,2}", r"a{3}b{2,}c{1,2}"),
            (r"{,3}a{b}", r"\{,3}a\{b}"),
            (r"[[a]", r"[\[a]"),
            (r"[[:alpha:]_]", r"[[:alpha:]_]"),
            (r"[]a][^]a]", r"[\]a][^\]a]"),
            (r"[a&&b~~]", r"[a\&&b\~~]"),
            (r"\Qa.b{\E+", r"a\.b\{+"),
            (r"[{}]\{", r"[{}]\{"),
        ] {
            assert_eq!(translated(go), rust, "{go}");
        }
    }
}
