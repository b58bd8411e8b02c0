//! Sections of the evidence, and what is left out where they are too long together.
//!
//! Invariant: lines are left out from the end of whichever list is longest, one by one, and counted.

use serde_json::json;

/// No list has more lines than this.
const MOST_LINES: usize = 60;

/// Lines under one title.
#[derive(Debug, Clone)]
pub(super) struct Section {
    title: &'static str,
    lines: Vec<String>,
    left_out: usize,
    is_list: bool,
}

impl Section {
    /// A section that always stands there as a whole.
    pub(super) fn whole(title: &'static str, lines: Vec<String>) -> Self {
        Section { title, lines, left_out: 0, is_list: false }
    }

    /// A list, of which the end may be left out.
    pub(super) fn list(title: &'static str, mut lines: Vec<String>) -> Self {
        let left_out = lines.len().saturating_sub(MOST_LINES);
        lines.truncate(MOST_LINES);
        Section { title, lines, left_out, is_list: true }
    }

    fn bytes(&self) -> usize {
        self.lines.iter().map(|line| line.len() + 1).sum()
    }

    fn shorten(&mut self) {
        self.lines.pop();
        self.left_out += 1;
    }

    fn written(&self) -> String {
        let mut text = format!("# {}\n", self.title);
        if self.lines.is_empty() && self.left_out == 0 {
            text.push_str("{\"none\":true}\n");
        }
        for line in &self.lines {
            text.push_str(line);
            text.push('\n');
        }
        if self.left_out > 0 {
            text.push_str(&format!("{}\n", json!({"left_out": self.left_out})));
        }
        text
    }
}

/// `sections` in at most `most` bytes, as far as leaving out lines of lists does that.
pub(super) fn bounded(mut sections: Vec<Section>, most: usize) -> String {
    loop {
        let text: String = sections.iter().map(Section::written).collect();
        let lists = sections.iter_mut().filter(|section| section.is_list && !section.lines.is_empty());
        let longest = lists.max_by_key(|section| section.bytes());
        match longest {
            Some(section) if text.len() > most => section.shorten(),
            _ => return text,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn list(title: &'static str, count: usize, width: usize) -> Section {
        Section::list(title, (0..count).map(|_| format!("{{\"x\":\"{}\"}}", "y".repeat(width))).collect())
    }

    #[test]
    fn the_longest_list_gives_way_first_and_it_is_counted() {
        let sections = || vec![Section::whole("kept", vec!["{}".into()]), list("a", 10, 10), list("b", 10, 100)];
        let whole = bounded(sections(), usize::MAX);
        assert!(!whole.contains("left_out"));
        let less = bounded(sections(), 800);
        assert!(less.len() <= 800 && less.contains("\"left_out\""), "{less}");
        assert_eq!(less.matches("yyyyyyyyyy\"").count() + left_out(&less), 20);
        assert_eq!(less.split("# b").next(), whole.split("# b").next(), "the short list stays whole");
        let least = bounded(sections(), 0);
        assert!(least.contains("# kept\n{}\n") && left_out(&least) == 20, "{least}");
    }

    #[test]
    fn no_list_is_endless_and_an_empty_one_says_so() {
        let text = bounded(vec![list("a", MOST_LINES + 5, 1), list("b", 0, 1)], usize::MAX);
        assert_eq!(left_out(&text), 5);
        assert!(text.ends_with("# b\n{\"none\":true}\n"), "{text}");
    }

    fn left_out(text: &str) -> usize {
        let counts = text
            .lines()
            .filter_map(|line| line.strip_prefix("{\"left_out\":")?.strip_suffix('}')?.parse::<usize>().ok());
        counts.sum::<usize>()
    }
}
