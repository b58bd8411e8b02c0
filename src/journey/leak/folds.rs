//! Values that are broken over lines: base64 at 64 or 76 columns, a folded YAML scalar, a quoted mail, a shell's
//! backslash, quoted-printable text.
//!
//! Invariant: a line break is a fold only where a token ends the line and one begins the next, and where the lines are as
//! long as one who folds at a width leaves them. So a list of words costs little, and a text is joined once at most.

use memchr::memchr_iter;

use super::Layer;
use super::patch::{AROUND, around};
use super::view::View;

/// A token that is shorter, with its parts joined, is no value.
const JOINED: usize = 16;
/// So many bytes of a value are joined once more without the line before, and without the line after them.
const PART: usize = 1024;
/// A deeper indentation is none.
const INDENTATION: usize = 64;

/// Adds the values of `text` that are broken over lines to `view`, joined.
pub(super) fn join(text: &[u8], view: &mut View) {
    let mut group = Group { text, view, folds: Vec::new(), width: None };
    for at in memchr_iter(b'\n', text) {
        match fold(text, at) {
            Some(fold) => group.add(fold),
            None if group.folds.is_empty() => {}
            None => group.close(),
        }
    }
    group.close();
}

/// A line break between two parts of a token.
#[derive(Debug, Clone, Copy)]
struct Fold {
    /// How deep the part after is indented.
    indentation: usize,
    /// Where the part before ends.
    end: usize,
    /// Where the part after begins.
    next: usize,
}

/// The fold at the line end at `at`, if it is one.
#[inline(always)]
fn fold(text: &[u8], at: usize) -> Option<Fold> {
    let mut end = at;
    while end > 0 && matches!(text[end - 1], b'\r' | b' ' | b'\t' | b'\\') && at - end < 4 {
        end -= 1;
    }
    if end == 0 || !is_token(text[end - 1]) {
        return None;
    }
    let rest = &text[at + 1..];
    let limit = rest.len().min(INDENTATION);
    let indentation =
        rest[..limit].iter().take_while(|byte| matches!(byte, b' ' | b'\t' | b'>' | b'#' | b'|' | b'*')).count();
    is_token(*rest.get(indentation)?).then_some(Fold { indentation, end, next: at + 1 + indentation })
}

/// What values are made of: base64 in both alphabets, percent-encoding, and the dots of a JWT.
#[inline(always)]
fn is_token(byte: u8) -> bool {
    TOKEN[usize::from(byte)]
}

static TOKEN: [bool; 256] = {
    let mut table = [false; 256];
    let mut byte = 0;
    while byte < 256 {
        let character = byte as u8;
        table[byte] = character.is_ascii_alphanumeric()
            || matches!(character, b'+' | b'/' | b'=' | b'_' | b'-' | b'.' | b'%' | b'~');
        byte += 1;
    }
    table
};

/// Folds that follow each other.
struct Group<'a> {
    text: &'a [u8],
    view: &'a mut View,
    folds: Vec<Fold>,
    /// How long the whole lines of the value are, once there was one.
    width: Option<usize>,
}

impl Group<'_> {
    fn add(&mut self, fold: Fold) {
        let Some(&last) = self.folds.last() else { return self.begin(fold) };
        let line = &self.text[last.next..fold.end.max(last.next)];
        let goes_on = fold.indentation == last.indentation
            && self.width.is_none_or(|width| width == line.len())
            && line.iter().all(|&byte| is_token(byte))
            && self.token_after(fold) <= line.len().max(1);
        if goes_on {
            self.width = Some(line.len());
            self.folds.push(fold);
        } else {
            self.close();
            self.begin(fold);
        }
    }

    /// A whole line that is shorter than the next was not broken for its length.
    fn begin(&mut self, fold: Fold) {
        let first = self.token_before(fold);
        let is_whole = first < AROUND && self.text[..fold.end - first].last().is_none_or(|&byte| byte == b'\n');
        if is_whole && first < self.token_after(fold) {
            return;
        }
        self.width = is_whole.then_some(first);
        self.folds.push(fold);
    }

    /// The length of the token before a fold, or [`AROUND`] where it is longer.
    fn token_before(&self, fold: Fold) -> usize {
        self.text[..fold.end].iter().rev().take(AROUND).take_while(|&&byte| is_token(byte)).count()
    }

    fn token_after(&self, fold: Fold) -> usize {
        self.text[fold.next..].iter().take(AROUND).take_while(|&&byte| is_token(byte)).count()
    }

    /// Writes the joined value, where it is long enough.
    fn close(&mut self) {
        if let (Some(&first), Some(&last)) = (self.folds.first(), self.folds.last()) {
            let token = self.token_before(first) + (last.end.max(first.next) - first.next) + self.token_after(last);
            if token >= JOINED {
                let most = first.end - around(self.text, &(first.end..first.end)).start;
                let before = self.text[..first.end].iter().rev().take(most).take_while(|&&byte| byte != b'\n').count();
                let folds = std::mem::take(&mut self.folds);
                self.write(first.end - before, &folds);
                self.write_parts(first.end - before, &folds);
                self.folds = folds;
            }
        }
        self.folds.clear();
        self.width = None;
    }

    /// The value may begin on a line of its own, below another's end, and may fill its last line, so that the token of the
    /// line after it is another's.
    fn write_parts(&mut self, from: usize, folds: &[Fold]) {
        let [first, .., last] = folds else { return };
        let (start, end) = (first.next + PART, last.end.saturating_sub(PART));
        let head = folds.partition_point(|fold| fold.end <= start).max(1);
        let tail = folds.partition_point(|fold| fold.next < end).min(folds.len() - 1);
        self.write(first.next, &folds[1..head]);
        self.write(if tail == 0 { from } else { folds[tail - 1].next }, &folds[tail..folds.len() - 1]);
        if tail == 0 {
            self.write(first.next, &folds[1..folds.len() - 1]);
        }
    }

    fn write(&mut self, mut from: usize, folds: &[Fold]) {
        self.view.apart();
        for fold in folds {
            // The sign that ends a line of quoted-printable text; padding would end the value.
            let sign = usize::from(self.text[fold.end - 1] == b'=');
            let end = (fold.end - sign).max(from);
            self.view.copy(self.text, from..end);
            self.view.replace(end..fold.next, b"", Layer::Folded);
            from = fold.next;
        }
        let most = around(self.text, &(from..from)).end - from;
        let after = self.text[from..].iter().take(most).take_while(|&&byte| byte != b'\n').count();
        self.view.copy(self.text, from..from + after);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn joined(text: &str) -> String {
        let mut view = View::default();
        join(text.as_bytes(), &mut view);
        String::from_utf8_lossy(view.bytes()).into_owned()
    }

    #[test]
    fn what_is_broken_at_a_width_is_joined() {
        let value = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGH";
        for width in 1..value.len() {
            for (lead, indentation, end) in
                [("", "", ""), ("key: ", "  ", ""), ("> ", "> ", "\r"), ("", "", " \\"), ("", "", "=")]
            {
                let lines: Vec<_> = value.as_bytes().chunks(width).map(|line| String::from_utf8_lossy(line)).collect();
                let text = format!("{lead}{}\n", lines.join(&format!("{end}\n{indentation}")));
                assert!(joined(&text).contains(value), "{width} {text:?}: {:?}", joined(&text));
                let more = format!("title\n{text}{indentation}x\n");
                assert!(joined(&more).contains(value), "{width} {more:?}: {:?}", joined(&more));
            }
        }
    }

    #[test]
    fn prose_and_lists_are_not_joined() {
        assert_eq!(joined("some words that\nwrap at the end\nof a line\n\nend"), "");
        assert_eq!(joined("a\nlist\nof\nwords\nand\nfiles.rs\nthat.follow_each_other\n"), "");
    }
}
