//! Drawings as inline SVG, each with a title, a description and a table that says the same.
//!
//! Invariant: a drawing is bounded however long the story (at most some 200 marks and [`ROWS`] rows); it holds no style
//! attribute, and no text from outside that is not escaped; colour never says anything that place, shape or words do not
//! say too; what is not known leaves a gap.
//!
//! Shapes lie in an inner drawing that is stretched to whatever width there is, words and marks in an outer one that is
//! not: a phone gets letters of the same size as a desk.

mod cost;
mod parity;
mod rate;
mod scale;
mod strip;
mod timeline;

use std::fmt::{Display, Write};

pub(super) use self::cost::{time_cost, token_cost};
pub(super) use self::parity::{parity, scope};
pub(super) use self::rate::rate;
pub(super) use self::strip::strip;
pub(super) use self::timeline::timeline;

/// Rows of a table beside a drawing.
const ROWS: usize = 100;
/// Width of the inner drawing in its own units.
const WIDTH: f64 = 1000.0;
/// Height of the words below a plot.
const FOOT: f64 = 26.0;

/// A drawing with everything that belongs to it.
pub(super) struct Chart {
    /// Unique on its page; letters only.
    pub(super) id: &'static str,
    /// What it shows.
    pub(super) title: &'static str,
    /// What there is to see, in a sentence.
    pub(super) lead: String,
    /// Inline SVG, safe to show as it is.
    pub(super) svg: String,
    /// What the marks mean.
    pub(super) keys: Vec<Key>,
    /// The same in numbers.
    pub(super) table: Table,
}

/// One entry of a legend.
pub(super) struct Key {
    /// The class of the mark.
    pub(super) class: &'static str,
    /// What it means.
    pub(super) word: String,
}

/// Rows and columns.
pub(super) struct Table {
    /// What each row is about.
    pub(super) caption: String,
    /// Names of the columns.
    pub(super) head: Vec<&'static str>,
    /// Cells, the first of each row its name.
    pub(super) rows: Vec<Vec<String>>,
}

impl Key {
    fn new(class: &'static str, word: impl Into<String>) -> Self {
        Key { class, word: word.into() }
    }
}

/// A plot in the making: a frame with lines, words at its left and below, and shapes within.
struct Plot {
    height: f64,
    class: &'static str,
    /// Lines behind everything.
    grid: String,
    /// Within the plot, stretched.
    shapes: String,
    /// Within the plot, not stretched; `x` in percent.
    marks: String,
    /// Left of the plot.
    labels: String,
}

impl Plot {
    fn new(class: &'static str, height: f64) -> Self {
        Plot { height, class, grid: String::new(), shapes: String::new(), marks: String::new(), labels: String::new() }
    }

    /// A shape in the inner drawing, 1000 wide and as high as the plot.
    fn shape(&mut self, shape: impl Display) {
        push(&mut self.shapes, shape);
    }

    /// A mark of its own size at `share` of the width.
    fn mark(&mut self, symbol: &str, share: f64, y: f64) {
        push(&mut self.marks, format_args!("<use href=\"#{symbol}\" x=\"{}%\" y=\"{}\"/>", n(share * 100.0), n(y)));
    }

    /// A number beside a mark.
    fn number(&mut self, share: f64, y: f64, number: usize) {
        let (x, side) = (n(share * 100.0), if share > 0.95 { "dx=\"-9\" text-anchor=\"end\"" } else { "dx=\"9\"" });
        push(
            &mut self.marks,
            format_args!("<text class=\"count\" x=\"{x}%\" y=\"{}\" dy=\"4\" {side}>{number}</text>", n(y)),
        );
    }

    /// A word at `share` of the width.
    fn word(&mut self, class: &str, share: f64, y: f64, word: &str) {
        let anchor = match share {
            share if share < 0.04 => "start",
            share if share > 0.93 => "end",
            _ => "middle",
        };
        let (x, y, word) = (n(share * 100.0), n(y), escaped(word));
        push(
            &mut self.marks,
            format_args!("<text class=\"{class}\" x=\"{x}%\" y=\"{y}\" text-anchor=\"{anchor}\">{word}</text>"),
        );
    }

    /// A line across at `y`, with a word left of it.
    fn level(&mut self, y: f64, word: &str) {
        let y = n(y);
        push(&mut self.grid, format_args!("<line class=\"grid\" x2=\"100%\" y1=\"{y}\" y2=\"{y}\"/>"));
        self.label(y, word);
    }

    fn label(&mut self, y: impl Display, word: &str) {
        push(
            &mut self.labels,
            format_args!(
                "<text class=\"tick\" x=\"-8\" y=\"{y}\" dy=\"4\" text-anchor=\"end\">{}</text>",
                escaped(word)
            ),
        );
    }

    /// Words below the plot, each at its share of the width; every other one may give way where there is little room.
    fn below(&mut self, ticks: &[(f64, String)]) {
        // Of dates and times of day, a date says more.
        let times = ticks.iter().filter(|(_, word)| word.contains(':')).count();
        let mixed = times > 0 && times < ticks.len();
        for (index, (share, word)) in ticks.iter().enumerate() {
            let (x, bottom) = (n(share * 100.0), n(self.height));
            let end = n(self.height + 5.0);
            push(
                &mut self.marks,
                format_args!("<line class=\"axis\" x1=\"{x}%\" x2=\"{x}%\" y1=\"{bottom}\" y2=\"{end}\"/>"),
            );
            let spare = if mixed { word.contains(':') } else { index % 2 == 1 };
            let class = if ticks.len() > 3 && spare { "tick alt" } else { "tick" };
            self.word(class, *share, self.height + 19.0, word);
        }
    }

    /// The whole drawing.
    fn svg(&self, id: &str, title: &str, description: &str) -> String {
        let Plot { height, class, grid, shapes, marks, labels } = self;
        let inner = format!(
            "<svg class=\"plot\" y=\"14\" width=\"100%\" height=\"{h}\">{grid}<svg width=\"100%\" height=\"100%\" \
             viewBox=\"0 0 1000 {h}\" preserveAspectRatio=\"none\">{shapes}</svg>{marks}</svg>\
             <g transform=\"translate(0 14)\">{labels}</g>",
            h = n(*height)
        );
        let class = format!("chart {class}");
        svg(&class, (id, title, description), &format!("width=\"100%\" height=\"{}\"", n(height + 14.0 + FOOT)), &inner)
    }
}

/// An SVG element with what a screen reader says of it: its id, title and description.
fn svg(class: &str, about: (&str, &str, &str), size: &str, inner: &str) -> String {
    let (id, title, description) = (about.0, escaped(about.1), escaped(about.2));
    format!(
        "<svg class=\"{class}\" {size} role=\"img\" aria-labelledby=\"{id}-t {id}-d\"><title id=\"{id}-t\">{title}</title>\
         <desc id=\"{id}-d\">{description}</desc>{inner}</svg>"
    )
}

fn push(out: &mut String, what: impl Display) {
    #[expect(clippy::let_underscore_must_use, reason = "writing to a string cannot fail")]
    let _ = write!(out, "{what}");
}

/// A number with one decimal at most, for attributes.
pub(super) fn number(value: f64) -> String {
    n(value)
}

fn n(value: f64) -> String {
    let text = format!("{value:.1}");
    text.strip_suffix(".0").map(str::to_owned).unwrap_or(text)
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

/// At most `most` of `items`, evenly taken, the last always among them.
fn thinned<T: Clone>(items: &[T], most: usize) -> Vec<T> {
    let step = items.len().div_ceil(most).max(1);
    items.iter().rev().step_by(step).rev().cloned().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thinning_keeps_the_last_and_the_bound() {
        let items: Vec<usize> = (0..1001).collect();
        let few = thinned(&items, 100);
        assert!(few.len() <= 100 && few.last() == Some(&1000));
        assert_eq!(thinned(&items[..7], 100), items[..7]);
        assert!(thinned::<usize>(&[], 100).is_empty());
    }

    #[test]
    fn numbers_are_short() {
        assert_eq!([n(12.0), n(0.04), n(99.96), n(-3.25)], ["12", "0", "100", "-3.2"]);
    }
}
