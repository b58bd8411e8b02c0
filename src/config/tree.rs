//! YAML text as a tree in which every value knows its line and column.
//!
//! Invariant: the work is linear in the text. Aliases are followed within a budget of values, nesting within a
//! bound, so that a hostile file costs an error and nothing else.

use std::collections::HashMap;

use saphyr_parser::{Event, Parser, ScalarStyle, ScanError, Span, StrInput, Tag};
use serde_yaml::{Mapping, Value};

use super::section::join;

/// Values in one file, those that aliases repeat included. The declared settings are fewer than 200.
const MAX_VALUES: usize = 10_000;

/// Levels of nesting. The deepest setting, a phase's budget, lies four levels down.
const MAX_DEPTH: usize = 16;

/// Where something stands in the text; both count from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Position {
    pub(crate) line: usize,
    pub(crate) column: usize,
}

/// A value with its place.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Tree {
    pub(crate) at: Position,
    pub(crate) kind: Kind,
    size: usize,
}

/// What a value is.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Kind {
    Scalar(Value),
    Sequence(Vec<Tree>),
    Mapping(Vec<Entry>),
}

/// One key of a mapping with its value.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Entry {
    pub(crate) key: String,
    pub(crate) at: Position,
    pub(crate) value: Tree,
}

/// Something that is wrong with the text, whatever the settings are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Problem {
    pub(crate) at: Position,
    pub(crate) path: String,
    pub(crate) message: String,
}

impl Tree {
    /// The value without places.
    pub(crate) fn value(&self) -> Value {
        match &self.kind {
            Kind::Scalar(value) => value.clone(),
            Kind::Sequence(items) => Value::Sequence(items.iter().map(Tree::value).collect()),
            Kind::Mapping(entries) => {
                let pairs = entries.iter().map(|entry| (Value::from(entry.key.as_str()), entry.value.value()));
                Value::Mapping(pairs.collect::<Mapping>())
            }
        }
    }

    /// The place of what lies at the dotted path `at` below this value, or of the nearest thing above it. A key may
    /// hold dots itself.
    pub(crate) fn place(&self, at: &str) -> Position {
        let Kind::Mapping(entries) = &self.kind else { return self.at };
        let below = |entry: &Entry| {
            let rest = at.strip_prefix(entry.key.as_str())?;
            let rest = if rest.is_empty() { rest } else { rest.strip_prefix('.')? };
            Some(entry.value.place(rest))
        };
        entries.iter().find_map(below).unwrap_or(self.at)
    }
}

/// Reads `text`. What could be read is returned beside what could not; a text without any value has no tree.
pub(crate) fn parse(text: &str) -> (Option<Tree>, Vec<Problem>) {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut reader =
        Reader { parser: Parser::new_from_str(text), anchors: HashMap::new(), values: 0, problems: Vec::new() };
    let tree = reader.document().unwrap_or_else(|stop| {
        let problem = stop.into_problem(text);
        reader.problems.push(problem);
        None
    });
    (tree, reader.problems)
}

struct Reader<'a> {
    parser: Parser<'a, StrInput<'a>>,
    anchors: HashMap<usize, Tree>,
    values: usize,
    problems: Vec<Problem>,
}

/// Why reading cannot go on.
enum Stop {
    Syntax(ScanError),
    Limit(Problem),
}

impl Stop {
    fn into_problem(self, text: &str) -> Problem {
        let error = match self {
            Stop::Limit(problem) => return problem,
            Stop::Syntax(error) => error,
        };
        // The scanner's columns count from 0.
        let at = Position { line: error.marker().line(), column: error.marker().col() + 1 };
        let line = text.lines().nth(at.line.saturating_sub(1)).unwrap_or_default();
        let indent = line.len() - line.trim_start().len();
        let mend = if line[..indent].contains('\t') { "indent with spaces, not with tabs" } else { "mend the syntax" };
        Problem { at, path: String::new(), message: format!("not YAML: {}; {mend}", error.info()) }
    }
}

type Step<T> = Result<T, Stop>;

impl<'a> Reader<'a> {
    fn next(&mut self) -> Step<(Event<'a>, Span)> {
        match self.parser.next_event() {
            Some(step) => step.map_err(Stop::Syntax),
            None => Ok((Event::StreamEnd, Span::default())),
        }
    }

    fn document(&mut self) -> Step<Option<Tree>> {
        let mut tree = None;
        loop {
            let (event, span) = self.next()?;
            match event {
                Event::StreamEnd => return Ok(tree),
                Event::DocumentStart(_) if tree.is_some() => {
                    self.problem(span, "", "a second document begins here; a configuration is one document");
                    return Ok(tree);
                }
                Event::Nothing | Event::StreamStart | Event::DocumentStart(_) | Event::DocumentEnd => {}
                event => tree = Some(self.node((event, span), "", 0)?),
            }
        }
    }

    /// The value that begins with `event`; `path` is where it stands.
    fn node(&mut self, (event, span): (Event<'a>, Span), path: &str, depth: usize) -> Step<Tree> {
        let limit = |message: &str| {
            Err(Stop::Limit(Problem { at: position(span), path: path.to_owned(), message: message.into() }))
        };
        self.values += 1;
        if self.values > MAX_VALUES {
            return limit(&format!("more than {MAX_VALUES} values, aliases included; a configuration has few"));
        }
        if depth > MAX_DEPTH {
            return limit(&format!("nested deeper than {MAX_DEPTH} levels; no setting lies that deep"));
        }
        let before = self.values - 1;
        let (kind, anchor) = match event {
            Event::Scalar(text, style, anchor, tag) => {
                (Kind::Scalar(self.scalar(&text, style, tag.as_deref(), (span, path))), anchor)
            }
            Event::SequenceStart(anchor, _) => (self.sequence(path, depth)?, anchor),
            Event::MappingStart(anchor, _) => (self.mapping(path, depth)?, anchor),
            Event::Alias(anchor) => (self.alias(anchor, span, path), 0),
            _ => (Kind::Scalar(Value::Null), 0),
        };
        let tree = Tree { at: position(span), kind, size: self.values - before };
        if anchor > 0 {
            self.anchors.insert(anchor, tree.clone());
        }
        Ok(tree)
    }

    fn alias(&mut self, anchor: usize, span: Span, path: &str) -> Kind {
        match self.anchors.get(&anchor) {
            Some(tree) if self.values + tree.size <= MAX_VALUES => {
                self.values += tree.size;
                tree.kind.clone()
            }
            // Counting on makes the next value stop the reading: nothing is copied beyond the budget.
            Some(tree) => {
                self.values = self.values.saturating_add(tree.size);
                Kind::Scalar(Value::Null)
            }
            None => {
                self.problem(span, path, "this alias stands within its own anchor; write the value out");
                Kind::Scalar(Value::Null)
            }
        }
    }

    fn sequence(&mut self, path: &str, depth: usize) -> Step<Kind> {
        let mut items = Vec::new();
        loop {
            match self.next()? {
                (Event::SequenceEnd, _) => return Ok(Kind::Sequence(items)),
                start => items.push(self.node(start, path, depth + 1)?),
            }
        }
    }

    fn mapping(&mut self, path: &str, depth: usize) -> Step<Kind> {
        let mut entries: Vec<Entry> = Vec::new();
        let mut first = HashMap::new();
        loop {
            let (event, span) = self.next()?;
            if event == Event::MappingEnd {
                return Ok(Kind::Mapping(entries));
            }
            let key = self.key((event, span), path, depth)?;
            let below = join(path, &key);
            let start = self.next()?;
            let value = self.node(start, &below, depth + 1)?;
            let at = position(span);
            match first.insert(key.clone(), at) {
                None => entries.push(Entry { key, at, value }),
                Some(Position { line, .. }) => {
                    self.problem(span, &below, &format!("stands twice, first in line {line}; keep one"));
                }
            }
        }
    }

    fn key(&mut self, (event, span): (Event<'a>, Span), path: &str, depth: usize) -> Step<String> {
        match event {
            Event::Scalar(text, ..) => Ok(text.into_owned()),
            event => {
                self.problem(span, path, "a key must be a plain word");
                self.node((event, span), path, depth + 1).map(|_| String::new())
            }
        }
    }

    fn scalar(&mut self, text: &str, style: ScalarStyle, tag: Option<&Tag>, (span, path): (Span, &str)) -> Value {
        match tag {
            Some(tag) if tag.is_yaml_core_schema() && tag.suffix == "str" => text.into(),
            Some(_) => {
                self.problem(span, path, "tags are not read; write the value without the `!`, or in quotes");
                Value::Null
            }
            None if style == ScalarStyle::Plain => plain(text),
            None => text.into(),
        }
    }

    fn problem(&mut self, span: Span, path: &str, message: &str) {
        self.problems.push(Problem { at: position(span), path: path.to_owned(), message: message.to_owned() });
    }
}

fn position(span: Span) -> Position {
    Position { line: span.start.line(), column: span.start.col() + 1 }
}

/// A scalar without quotes, by YAML's core schema: nothing, a truth value, a number, or else text.
fn plain(text: &str) -> Value {
    match text {
        "" | "~" | "null" | "Null" | "NULL" => Value::Null,
        "true" | "True" | "TRUE" => true.into(),
        "false" | "False" | "FALSE" => false.into(),
        _ => number(text).unwrap_or_else(|| text.into()),
    }
}

fn number(text: &str) -> Option<Value> {
    // Rust also parses `inf` and `nan`, which no setting takes.
    text.bytes().any(|byte| byte.is_ascii_digit()).then_some(())?;
    let whole = text.parse::<u64>().map(Value::from).or_else(|_| text.parse::<i64>().map(Value::from));
    whole.ok().or_else(|| text.parse::<f64>().ok().filter(|number| number.is_finite()).map(Value::from))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn problem(text: &str) -> (usize, usize, String, String) {
        let (_, mut problems) = parse(text);
        assert_eq!(problems.len(), 1, "{problems:?}");
        let Problem { at, path, message } = problems.remove(0);
        (at.line, at.column, path, message)
    }

    fn value(text: &str) -> Value {
        let (tree, problems) = parse(text);
        assert_eq!(problems, []);
        tree.expect("a value").value()
    }

    #[test]
    fn values_and_places() {
        let (tree, problems) = parse("# top\nvllm:\n  url: http://x:1\nweb: {listen_addresses: [':1', \":2\"]}\n");
        assert_eq!(problems, []);
        let tree = tree.expect("a tree");
        assert_eq!(tree.place("vllm.url"), Position { line: 3, column: 8 });
        assert_eq!(tree.place("web.listen_addresses"), Position { line: 4, column: 25 });
        let expected: Value = serde_yaml::from_str("vllm: {url: 'http://x:1'}\nweb: {listen_addresses: [':1', ':2']}")
            .expect("the same in another hand");
        assert_eq!(tree.value(), expected);
    }

    #[test]
    fn plain_scalars_follow_the_core_schema() {
        for text in
            ["5", "-5", "1.5", "1e3", "true", "null", "~", "10m", "10:30", "no", "inf", "nan", "'5'", "\"a\\nb\""]
        {
            assert_eq!(value(text), serde_yaml::from_str::<Value>(text).expect("YAML"), "{text}");
        }
    }

    #[test]
    fn a_text_without_values_is_no_problem() {
        for text in ["", "\n", "# only a comment\n", "---\n", "\u{feff}", "\u{feff}# mark\n"] {
            let (tree, problems) = parse(text);
            assert_eq!(problems, [], "{text:?}");
            assert!(tree.is_none_or(|tree| tree.value() == Value::Null), "{text:?}");
        }
    }

    #[test]
    fn crlf_and_a_byte_order_mark_are_read() {
        assert_eq!(value("\u{feff}a: 1\r\nb: x\r\n"), value("a: 1\nb: x\n"));
    }

    #[test]
    fn duplicates_are_named_with_both_lines() {
        let (line, column, path, message) = problem("a:\n  b: 1\n  c: 2\n  b: 3\n");
        assert_eq!((line, column, path.as_str()), (4, 3, "a.b"));
        assert_eq!(message, "stands twice, first in line 2; keep one");
    }

    #[test]
    fn a_tab_is_named_as_the_cause() {
        let (line, _, _, message) = problem("a:\n\tb: 1\n");
        assert!(line == 2 && message.contains("not with tabs"), "{line} {message}");
    }

    #[test]
    fn second_documents_tags_and_odd_keys_are_refused() {
        assert!(problem("a: 1\n---\nb: 2\n").3.contains("second document"));
        assert!(problem("a: !!binary x\n").3.contains("tags are not read"));
        assert!(problem("? [x]\n: 1\n").3.contains("a key must be"));
        assert_eq!(value("a: !!str 5"), value("a: '5'"));
    }

    #[test]
    fn aliases_repeat_their_anchor() {
        assert_eq!(value("a: &x {p: 1}\nb: *x\n"), value("a: {p: 1}\nb: {p: 1}\n"));
        assert!(problem("a: &x [*x]\n").3.contains("within its own anchor"));
    }

    #[test]
    fn an_alias_bomb_is_refused() {
        let mut bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n".to_owned();
        for level in 1..30 {
            let repeated = vec![format!("*a{}", level - 1); 10].join(", ");
            bomb.push_str(&format!("a{level}: &a{level} [{repeated}]\n"));
        }
        assert!(problem(&bomb).3.contains("more than 10000 values"));
    }

    #[test]
    fn deep_nesting_is_refused() {
        for text in ["[".repeat(100_000), "- ".repeat(100_000), "{a: ".repeat(100_000), "? ".repeat(100_000)] {
            let (_, problems) = parse(&text);
            assert!((1..=MAX_DEPTH + 2).contains(&problems.len()), "{problems:?}");
        }
        assert!(problem(&"- ".repeat(1000)).3.contains("nested deeper"));
    }
}
