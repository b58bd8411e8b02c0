//! One line of a page.

use super::number;
use super::text::Text;

/// One sample.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Sample<'a> {
    /// The metric's name.
    pub name: Text<'a>,
    /// Its labels.
    pub labels: Labels<'a>,
    /// Its value; may be NaN or infinite.
    pub value: f64,
    /// Its own time, as the page has it: milliseconds in the text format, seconds in OpenMetrics.
    pub timestamp: Option<f64>,
}

/// The labels of one sample, already found well-formed. Empty, or up to and with the closing brace.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Labels<'a>(&'a [u8]);

/// One label.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Label<'a> {
    /// Its name.
    pub name: Text<'a>,
    /// Its value.
    pub value: Text<'a>,
}

/// What a line is.
pub(super) enum Line<'a> {
    Blank,
    Comment,
    Sample(Sample<'a>),
}

type Parsed<T> = Result<T, &'static str>;

const NAME: u8 = 1;
const COLON: u8 = 2;

/// Which bytes may stand in a bare name; a colon only in that of a metric.
const CLASS: [u8; 256] = {
    let mut table = [0; 256];
    let mut byte = 0_u8;
    while byte < 128 {
        if byte.is_ascii_alphanumeric() || byte == b'_' {
            table[byte as usize] = NAME;
        }
        byte += 1;
    }
    table[b':' as usize] = COLON;
    table
};

/// Reads `line`, which holds no line feed.
pub(super) fn parse(line: &[u8]) -> Parsed<Line<'_>> {
    let mut cursor = Cursor { bytes: line, at: 0 };
    cursor.blanks();
    match cursor.peek() {
        None => Ok(Line::Blank),
        Some(b'#') => Ok(Line::Comment),
        Some(_) => sample(&mut cursor).map(Line::Sample),
    }
}

fn sample<'a>(cursor: &mut Cursor<'a>) -> Parsed<Sample<'a>> {
    let bare = cursor.bare(NAME | COLON);
    cursor.blanks();
    let (quoted, labels) = if cursor.eat(b'{') { braces(cursor)? } else { (None, Labels(&[])) };
    let name = match (bare, quoted) {
        (Some(name), None) | (None, Some(name)) => name,
        (Some(_), Some(_)) => return Err("two names"),
        (None, None) => return Err("no metric name"),
    };
    cursor.blanks();
    let value = number::parse(cursor.token()).ok_or("the value is not a number")?;
    cursor.blanks();
    let timestamp = match cursor.peek() {
        None | Some(b'#') => None,
        Some(_) => Some(number::parse(cursor.token()).ok_or("the timestamp is not a number")?),
    };
    cursor.blanks();
    match cursor.peek() {
        // What follows a `#` is an exemplar of OpenMetrics; it is passed over.
        None | Some(b'#') => Ok(Sample { name, labels, value, timestamp }),
        Some(_) => Err("text after the timestamp"),
    }
}

/// What stands in braces: the metric's name, when it is quoted, and the labels.
fn braces<'a>(cursor: &mut Cursor<'a>) -> Parsed<(Option<Text<'a>>, Labels<'a>)> {
    let mut start = cursor.at;
    let mut name = None;
    loop {
        let first = cursor.at == start && name.is_none();
        match cursor.item()? {
            Item::End(end) => return Ok((name, Labels(&cursor.bytes[start..=end]))),
            Item::Label(_) => {}
            Item::Name(quoted) if first => {
                name = Some(quoted);
                start = cursor.at;
            }
            Item::Name(_) => return Err("a label without a value"),
        }
    }
}

enum Item<'a> {
    Label(Label<'a>),
    Name(Text<'a>),
    /// The closing brace, and where it stands.
    End(usize),
}

struct Cursor<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Cursor<'a> {
    fn peek(&self) -> Option<u8> {
        self.bytes.get(self.at).copied()
    }

    fn eat(&mut self, byte: u8) -> bool {
        let found = self.peek() == Some(byte);
        self.at += usize::from(found);
        found
    }

    fn blanks(&mut self) {
        while let Some(b' ' | b'\t') = self.peek() {
            self.at += 1;
        }
    }

    fn take_while(&mut self, within: impl Fn(u8) -> bool) -> &'a [u8] {
        let rest = &self.bytes[self.at..];
        let length = rest.iter().position(|byte| !within(*byte)).unwrap_or(rest.len());
        self.at += length;
        &rest[..length]
    }

    /// A name without quotes, made of the bytes in `class`.
    fn bare(&mut self, class: u8) -> Option<Text<'a>> {
        if self.peek()?.is_ascii_digit() {
            return None;
        }
        let name = self.take_while(|byte| CLASS[usize::from(byte)] & class != 0);
        if name.is_empty() { None } else { Some(Text(name)) }
    }

    fn token(&mut self) -> &'a [u8] {
        self.take_while(|byte| byte != b' ' && byte != b'\t')
    }

    /// Text up to the closing quote; the opening one is behind.
    fn quoted(&mut self) -> Parsed<Text<'a>> {
        let start = self.at;
        loop {
            self.take_while(|byte| byte != b'"' && byte != b'\\');
            match self.peek() {
                None => return Err("a quote that does not end"),
                Some(b'"') => break,
                Some(_) => self.at = (self.at + 2).min(self.bytes.len()),
            }
        }
        self.at += 1;
        Ok(Text(&self.bytes[start..self.at - 1]))
    }

    /// The next item between braces, with the comma that follows it.
    fn item(&mut self) -> Parsed<Item<'a>> {
        self.blanks();
        let is_quoted = self.eat(b'"');
        let name = if is_quoted { Some(self.quoted()?) } else { self.bare(NAME) };
        let Some(name) = name else {
            let end = self.at;
            return if self.eat(b'}') { Ok(Item::End(end)) } else { Err("neither a label nor a closing brace") };
        };
        self.blanks();
        let item = if self.eat(b'=') {
            self.blanks();
            if !self.eat(b'"') {
                return Err("a label's value without quotes");
            }
            Item::Label(Label { name, value: self.quoted()? })
        } else if is_quoted {
            Item::Name(name)
        } else {
            return Err("a label without a value");
        };
        self.blanks();
        match self.peek() {
            Some(b',') => self.at += 1,
            Some(b'}') => {}
            _ => return Err("labels without a comma between them"),
        }
        Ok(item)
    }
}

impl<'a> Labels<'a> {
    /// The value of the label called `name`.
    pub fn get(self, name: &str) -> Option<Text<'a>> {
        self.into_iter().find(|label| label.name.is(name)).map(|label| label.value)
    }

    /// The labels as they stand on the page, with the closing brace.
    pub fn raw(self) -> &'a [u8] {
        self.0
    }
}

impl<'a> IntoIterator for Labels<'a> {
    type Item = Label<'a>;
    type IntoIter = LabelIter<'a>;

    fn into_iter(self) -> LabelIter<'a> {
        LabelIter(Cursor { bytes: self.0, at: 0 })
    }
}

/// Walks over the labels of one sample.
pub struct LabelIter<'a>(Cursor<'a>);

impl<'a> Iterator for LabelIter<'a> {
    type Item = Label<'a>;

    fn next(&mut self) -> Option<Label<'a>> {
        match self.0.item() {
            Ok(Item::Label(label)) => Some(label),
            _ => None,
        }
    }
}
