//! Free text: into HTML where Markdown is meant, and into Markdown where none is.
//!
//! Invariant: no markup of the text itself comes out. Raw HTML is shown as text, images as their words, headings as
//! paragraphs; a link leads to `http` or `https` and says that nobody here vouches for it; nesting is bounded.

use pulldown_cmark::{CodeBlockKind, CowStr, Event, Options, Parser, Tag, TagEnd, html};

use super::say;

/// What is shown of one text, in characters; `site-data.json` has the whole.
const SHOWN: usize = 20_000;
/// Lists and quotations within each other that are shown as such.
const DEPTH: usize = 4;

/// Markdown as HTML.
pub(super) fn html(text: &str) -> String {
    let text = lines(text);
    let mut flow = Flow::default();
    let events = Parser::new_ext(&text, Options::empty()).flat_map(|event| flow.tamed(event));
    let mut out = String::with_capacity(text.len() + text.len() / 4);
    html::push_html(&mut out, events);
    out
}

/// The lines of `text`, harmless, and not too many.
fn lines(text: &str) -> String {
    let cut = text.char_indices().nth(SHOWN).map(|(end, _)| end);
    let mut shown = String::with_capacity(text.len());
    for line in text[..cut.unwrap_or(text.len())].lines() {
        shown.push_str(&say::clean(&line.replace('\t', "    ")));
        shown.push('\n');
    }
    if cut.is_some() {
        shown.push_str("\n… the rest is in site-data.json\n");
    }
    shown
}

/// What is open at a place of the text.
#[derive(Default)]
struct Flow {
    /// Of each list, item and quotation, whether it is shown as such.
    open: Vec<bool>,
    /// Of each link, whether it is one.
    links: Vec<bool>,
}

impl Flow {
    /// What is shown in place of `event`.
    fn tamed<'t>(&mut self, event: Event<'t>) -> Vec<Event<'t>> {
        match event {
            Event::Html(text) | Event::InlineHtml(text) => vec![Event::Text(text)],
            Event::Start(tag) => self.start(tag),
            Event::End(tag) => self.end(tag),
            Event::Text(_) | Event::Code(_) | Event::SoftBreak | Event::HardBreak | Event::Rule => vec![event],
            // Extensions that were not asked for.
            _ => Vec::new(),
        }
    }

    fn start<'t>(&mut self, tag: Tag<'t>) -> Vec<Event<'t>> {
        match tag {
            Tag::HtmlBlock => vec![Event::Start(Tag::Paragraph)],
            Tag::Heading { .. } => vec![Event::Start(Tag::Paragraph), Event::Start(Tag::Strong)],
            Tag::CodeBlock(_) => vec![Event::Start(Tag::CodeBlock(CodeBlockKind::Indented))],
            Tag::Image { .. } => Vec::new(),
            Tag::Link { dest_url, .. } => {
                let link = link(&dest_url);
                self.links.push(link.is_some());
                link.into_iter().collect()
            }
            Tag::Item | Tag::List(_) | Tag::BlockQuote(_) => self.open(tag),
            tag => vec![Event::Start(tag)],
        }
    }

    fn open<'t>(&mut self, tag: Tag<'t>) -> Vec<Event<'t>> {
        let shown = match &tag {
            Tag::Item => self.open.last().copied().unwrap_or(false),
            _ => self.open.iter().filter(|shown| **shown).count() < 2 * DEPTH,
        };
        self.open.push(shown);
        if shown { vec![Event::Start(tag)] } else { vec![Event::SoftBreak] }
    }

    fn end<'t>(&mut self, tag: TagEnd) -> Vec<Event<'t>> {
        match tag {
            TagEnd::HtmlBlock => vec![Event::End(TagEnd::Paragraph)],
            TagEnd::Heading(_) => vec![Event::End(TagEnd::Strong), Event::End(TagEnd::Paragraph)],
            TagEnd::Image => Vec::new(),
            TagEnd::Link => {
                let closing = self.links.pop().unwrap_or(false).then(|| Event::InlineHtml(CowStr::from("</a>")));
                closing.into_iter().collect()
            }
            TagEnd::Item | TagEnd::List(_) | TagEnd::BlockQuote(_) => {
                let shown = self.open.pop().unwrap_or(false);
                if shown { vec![Event::End(tag)] } else { Vec::new() }
            }
            tag => vec![Event::End(tag)],
        }
    }
}

/// The opening tag of a link to `url`, where it is one that may be followed. A relative one leads nowhere: what the text
/// was written beside is not here.
fn link<'t>(url: &str) -> Option<Event<'t>> {
    let lower = url.to_ascii_lowercase();
    let allowed = lower.starts_with("https://") || lower.starts_with("http://");
    let harmless = url.chars().all(|c| !c.is_control() && !c.is_whitespace());
    (allowed && harmless).then(|| {
        let mut href = String::with_capacity(url.len());
        for c in url.chars() {
            match c {
                '&' => href.push_str("&amp;"),
                '"' => href.push_str("&quot;"),
                '\'' => href.push_str("&#39;"),
                '<' => href.push_str("&lt;"),
                '>' => href.push_str("&gt;"),
                c => href.push(c),
            }
        }
        Event::InlineHtml(format!("<a href=\"{href}\" rel=\"nofollow noopener\">").into())
    })
}

/// `text` for one line of Markdown (CommonMark, GitHub's tables and links, MDX), in which it means itself.
pub(super) fn escaped(text: &str) -> String {
    let text = say::clean(text);
    let mut out = String::with_capacity(text.len() + 8);
    let mut rest = text.trim();
    if rest.starts_with(['#', '-', '+', '=', ':']) {
        out.push('\\');
    }
    let digits = rest.len() - rest.trim_start_matches(|c: char| c.is_ascii_digit()).len();
    if digits > 0 && rest[digits..].starts_with(['.', ')']) {
        out.push_str(&rest[..digits]);
        out.push('\\');
        rest = &rest[digits..];
    }
    for (at, c) in rest.char_indices() {
        let special = match c {
            '\\' | '`' | '*' | '_' | '{' | '}' | '[' | ']' | '<' | '>' | '&' | '|' | '~' | '$' | '@' => true,
            // Some readers make links of addresses that stand about.
            ':' => rest[at..].starts_with("://"),
            '.' => rest[..at].to_ascii_lowercase().ends_with("www"),
            _ => false,
        };
        if special {
            out.push('\\');
        }
        out.push(c);
    }
    out
}

/// `text` as a quotation in Markdown, in which it means itself.
pub(super) fn quotation(text: &str) -> String {
    let lines = lines(text);
    let quoted = lines.lines().map(|line| format!("> {}", escaped(line)).trim_end().to_owned());
    quoted.collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn markup_of_a_text_is_shown_and_not_obeyed() {
        let hostile = "<script>alert(1)</script>\n\n<div onclick=x>\nhi <img src=x onerror=y> & <b>\n\n![pic](http://e/x.png)\n\n# Head";
        let html = html(hostile);
        for forbidden in ["<script", "<div", "<img", "<b>", "<h1"] {
            assert!(!html.contains(forbidden), "{forbidden} in {html}");
        }
        assert!(html.contains("&lt;script&gt;") && html.contains("pic") && html.contains("<strong>Head</strong>"));
    }

    #[test]
    fn links_lead_to_the_web_or_nowhere() {
        for dead in
            ["javascript:alert(1)", "JaVaScRiPt:x", "data:text/html,x", "file:///etc", "../x", "//host/x", "mailto:a@b"]
        {
            assert!(!html(&format!("[a]({dead}) <{dead}>")).contains("<a "), "{dead}");
        }
        let live = html("[a](https://e.org/?a=1&b='\"<> ) <https://e.org/x'y>");
        assert!(live.contains("href=\"https://e.org/x&#39;y\" rel=\"nofollow noopener\">"), "{live}");
        assert_eq!(live.matches("<a ").count(), live.matches("</a>").count());
    }

    #[test]
    fn nesting_is_bounded_and_stays_balanced() {
        let deep = format!("{}deep\n", "> ".repeat(3000));
        let list: String = (0..60).map(|depth| format!("{}- item\n", "  ".repeat(depth))).collect();
        for text in [deep, list] {
            let html = html(&text);
            for tag in ["blockquote", "ul", "li", "p"] {
                let (open, close) =
                    (html.matches(&format!("<{tag}>")).count(), html.matches(&format!("</{tag}>")).count());
                assert!(open == close && open <= 2 * DEPTH + 2, "{tag}: {open}, {close}");
            }
        }
    }

    #[test]
    fn a_long_text_ends_with_where_the_rest_is() {
        let html = html(&"word ".repeat(10_000));
        assert!(html.len() < 21_000 && html.contains("the rest is in site-data.json"));
    }

    #[test]
    fn an_escaped_text_means_itself() {
        let texts = [
            "# no head",
            "- no item",
            "+ none",
            "1. none",
            "12) none",
            "*a* _b_ `c` ~~d~~ **e**",
            "<b> &amp; [a](b) ![c](d)",
            "a | b",
            "=== x",
            "--- x",
            "https://e.org www.e.org a@b.c",
            "\\* \\",
            "{x} $y$",
            "[^1]: x",
            "[x]: http://e",
            ":::note",
            "😀 grün \u{fffd}",
        ];
        for text in texts {
            let markdown = format!("{}\n", escaped(text));
            let options = Options::all() - Options::ENABLE_SMART_PUNCTUATION;
            let mut seen = String::new();
            for event in Parser::new_ext(&markdown, options) {
                match event {
                    Event::Text(part) => seen.push_str(&part),
                    Event::Start(Tag::Paragraph) | Event::End(TagEnd::Paragraph) => {}
                    other => panic!("{other:?} in {markdown}"),
                }
            }
            assert_eq!(seen, text, "{markdown}");
        }
    }
}
