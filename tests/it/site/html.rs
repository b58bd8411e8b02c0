//! The pages as HTML: every mark in its place, every link with an end, nothing from elsewhere, nothing inline.

use std::collections::{BTreeMap, BTreeSet};

use autoswe_exporter::journey::site::Settings;

use super::made::journeys;
use super::{settings, site};

const POLICY: &str =
    "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; base-uri 'none'; form-action 'none'";
const VOID: [&str; 5] = ["meta", "link", "input", "br", "hr"];

/// A tag with its attributes; closing ones have none.
#[derive(Debug)]
struct Tag {
    name: String,
    closes: bool,
    closed: bool,
    attributes: BTreeMap<String, String>,
}

/// Every tag of a page, and the text before each.
fn tags(html: &str) -> Vec<(String, Tag)> {
    let mut rest = html.strip_prefix("<!doctype html>").expect("a doctype");
    let mut tags = Vec::new();
    while let Some(start) = rest.find('<') {
        let text = rest[..start].to_owned();
        let end = end_of_tag(&rest[start..]) + start;
        tags.push((text, tag(&rest[start + 1..end])));
        rest = &rest[end + 1..];
    }
    assert!(rest.trim().is_empty(), "text after the last tag: {rest}");
    tags
}

/// Where the `>` lies that ends the tag, outside of quotes.
fn end_of_tag(text: &str) -> usize {
    let mut quoted = false;
    let at = text.char_indices().find(|(_, c)| {
        quoted ^= *c == '"';
        *c == '>' && !quoted
    });
    at.unwrap_or_else(|| panic!("a tag without end: {}", text.chars().take(200).collect::<String>())).0
}

fn tag(text: &str) -> Tag {
    let (closes, text) = text.strip_prefix('/').map_or((false, text), |text| (true, text));
    let (closed, text) = text.strip_suffix('/').map_or((false, text), |text| (true, text));
    let name: String = text.chars().take_while(|c| c.is_ascii_alphanumeric()).collect();
    assert!(!name.is_empty(), "no tag: <{text}>");
    let mut attributes = BTreeMap::new();
    let mut rest = text[name.len()..].trim_start();
    while !rest.is_empty() {
        let length = rest.find(|c: char| !c.is_ascii_alphanumeric() && !matches!(c, '-' | ':')).unwrap_or(rest.len());
        let attribute = rest[..length].to_owned();
        assert!(!attribute.is_empty(), "no attribute: {rest} in <{text}>");
        rest = &rest[length..];
        let mut value = String::new();
        if let Some(quoted) = rest.strip_prefix("=\"") {
            let (inner, after) = quoted.split_once('"').expect("a closing quote");
            assert!(!inner.contains('<'), "<{text}>");
            value = inner.to_owned();
            rest = after;
        }
        assert!(attributes.insert(attribute, value).is_none(), "an attribute twice: <{text}>");
        rest = rest.trim_start();
    }
    Tag { name, closes, closed, attributes }
}

/// A page's tags, once they are known to be nested as they should.
fn nested(html: &str) -> Vec<Tag> {
    let mut open: Vec<String> = Vec::new();
    let mut all = Vec::new();
    for (text, tag) in tags(html) {
        let within = open.last().map(String::as_str).unwrap_or_default();
        assert!(within != "script" && within != "style" || text.trim().is_empty(), "inline: {text}");
        if matches!(within, "ul" | "ol" | "dl" | "table" | "tr" | "tbody" | "thead" | "html" | "head") {
            assert!(text.trim().is_empty(), "text in <{within}>: {text}");
        }
        if tag.closes {
            assert_eq!(open.pop().as_deref(), Some(tag.name.as_str()), "{html}");
            continue;
        }
        placed(&tag.name, within, &open);
        if !VOID.contains(&tag.name.as_str()) && !tag.closed {
            open.push(tag.name.clone());
        }
        all.push(tag);
    }
    assert!(open.is_empty(), "still open: {open:?}");
    all
}

/// Fails for an element that HTML does not allow there.
fn placed(name: &str, within: &str, open: &[String]) {
    let inside = |outer: &str| open.iter().any(|open| open == outer);
    let fits = match name {
        "li" => matches!(within, "ul" | "ol"),
        "dt" | "dd" => matches!(within, "dl" | "div"),
        "tr" => matches!(within, "tbody" | "thead"),
        "th" | "td" => within == "tr",
        "a" => !inside("a") && !inside("button"),
        "p" | "div" | "ul" | "ol" | "dl" | "table" | "section" | "figure" | "details" | "nav" | "h1" | "h2" | "h3"
        | "blockquote" | "pre" => !["p", "span", "h1", "h2", "h3", "a", "bdi"].iter().any(|outer| inside(outer)),
        _ => !matches!(within, "ul" | "ol" | "dl" | "tr" | "tbody" | "thead"),
    };
    assert!(fits, "<{name}> in <{within}>: {open:?}");
}

/// The path that a link of the page at `page` leads to.
fn target(page: &str, link: &str) -> String {
    let mut parts: Vec<&str> = page.split('/').collect();
    parts.pop();
    for part in link.split('/') {
        match part {
            ".." => assert!(parts.pop().is_some(), "{link} leads out of the site"),
            part => parts.push(part),
        }
    }
    parts.join("/")
}

/// Checks a page; the paths that it leads to.
fn checked(site: &BTreeMap<String, Vec<u8>>, page: &str, base: Option<&str>) -> BTreeSet<String> {
    let html = std::str::from_utf8(&site[page]).unwrap();
    assert!(!html.contains('\0') && html.contains("<html lang=\"en\">"), "{page}");
    let tags = nested(html);
    let ids: Vec<&String> = tags.iter().filter_map(|tag| tag.attributes.get("id")).collect();
    assert_eq!(ids.iter().collect::<BTreeSet<_>>().len(), ids.len(), "{page}: an id twice in {ids:?}");
    let there = |id: &str| assert!(ids.iter().any(|known| *known == id), "{page}: no id {id}");
    let mut leads = BTreeSet::new();
    for Tag { name, attributes, .. } in &tags {
        for (attribute, value) in attributes {
            assert!(!attribute.starts_with("on") && attribute != "style", "{page}: {attribute}={value}");
            match attribute.as_str() {
                "aria-labelledby" | "aria-describedby" | "for" => value.split(' ').for_each(there),
                "href" | "src" if value.starts_with('#') => there(&value[1..]),
                "href" | "src" => drop(leads.extend(link(site, page, (name, attributes, value), base))),
                _ => {}
            }
        }
    }
    headings(page, &tags);
    policy(page, &tags);
    leads
}

/// Where a link leads within the site; what leads out must say that nobody vouches for it.
fn link(
    site: &BTreeMap<String, Vec<u8>>,
    page: &str,
    (name, attributes, value): (&str, &BTreeMap<String, String>, &str),
    base: Option<&str>,
) -> Option<String> {
    let own = base.and_then(|base| value.strip_prefix(base));
    let rel = attributes.get("rel").map(String::as_str).unwrap_or_default();
    if rel == "canonical" {
        assert!(own.is_some(), "{page}: {value}");
        return None;
    }
    if own.is_none() && value.contains(':') {
        let free = name == "a" && rel == "nofollow noopener";
        assert!(free && (value.starts_with("https://") || value.starts_with("http://")), "{page}: {value}");
        return None;
    }
    let path = own.map_or_else(|| target(page, value), str::to_owned);
    assert!(own.is_none() || page == "404.html", "{page}: {value} could be relative");
    assert!(site.contains_key(&path), "{page}: {value} leads to nothing");
    Some(path)
}

fn headings(page: &str, tags: &[Tag]) {
    let mut level = 0;
    let mut first = 0;
    for tag in tags {
        let Some(depth) = tag.name.strip_prefix('h').and_then(|depth| depth.parse::<u32>().ok()) else { continue };
        assert!(depth <= level + 1, "{page}: h{depth} after h{level}");
        first += u32::from(depth == 1);
        level = depth;
    }
    assert_eq!(first, 1, "{page}: one h1");
}

fn policy(page: &str, tags: &[Tag]) {
    let policies: Vec<&str> = tags
        .iter()
        .filter(|tag| tag.attributes.get("http-equiv").is_some_and(|name| name == "Content-Security-Policy"))
        .map(|tag| tag.attributes["content"].as_str())
        .collect();
    assert_eq!(policies, [POLICY], "{page}");
    let before = tags.iter().take_while(|tag| !tag.attributes.contains_key("http-equiv"));
    assert_eq!(before.map(|tag| tag.name.as_str()).collect::<Vec<_>>(), ["html", "head", "meta"], "{page}");
}

#[test]
fn every_page_is_sound_and_within_reach_of_the_first() {
    for (name, data) in journeys() {
        for base in [None, Some("https://example.org/journey/")] {
            let site = site(&data, &Settings { base_url: base.map(str::to_owned), ..settings() });
            let pages = site.keys().filter(|path| path.ends_with(".html"));
            let leads: BTreeMap<&String, BTreeSet<String>> =
                pages.map(|page| (page, checked(&site, page, base))).collect();
            let (mut seen, mut next) = (BTreeSet::new(), vec!["index.html".to_owned()]);
            while let Some(page) = next.pop() {
                if seen.insert(page.clone()) {
                    next.extend(leads.get(&page).into_iter().flatten().cloned());
                }
            }
            let apart: Vec<&String> = site.keys().filter(|path| !seen.contains(*path)).collect();
            let alone = |path: &&&String| path.as_str() != "404.html" && !path.contains("/data-");
            assert_eq!(apart.iter().filter(alone).collect::<Vec<_>>(), [&&""; 0], "{name}: nothing leads there");
        }
    }
}

#[test]
fn texts_of_the_data_are_shown_as_they_are() {
    let data = super::hostile::hostile();
    let site = site(&data, &settings());
    for (path, bytes) in site.iter().filter(|(path, _)| path.ends_with(".html") || path.ends_with(".xml")) {
        let text = std::str::from_utf8(bytes).unwrap();
        for bad in ["<script>", "<img", "onerror=alert(2)>", "]]><", "\u{202e}", "\u{2067}", "\u{ffff}", "\u{2028}"] {
            assert!(!text.contains(bad), "{path}: {bad:?}");
        }
    }
    let index = std::str::from_utf8(&site["index.html"]).unwrap();
    assert!(index.contains("&lt;script&gt;alert(1)") || index.contains("&#60;script&#62;alert(1)"), "{index}");
}

#[test]
fn what_is_not_known_is_said_to_be_so() {
    let mut data = autoswe_exporter::journey::site_data::SiteData::default();
    data.iterations.push(super::sample::bare(2, 9, autoswe_exporter::journey::run::Outcome::Accept));
    let site = site(&data, &settings());
    let page = crate::page::text(std::str::from_utf8(&site["iterations/epoch-2-iter-0009.html"]).unwrap());
    for shown in [
        "Began time not known",
        "Ended time not known",
        "Took not known",
        "Tokens not known",
        "Answers of models not known",
        "Calls of tools not known",
        "Calls of the judge not known",
        "Tokens of the judge not known",
        "Revisions not known",
        "The judge has said nothing that was read",
    ] {
        assert!(page.contains(shown), "{shown} in {page}");
    }
    let index = crate::page::text(std::str::from_utf8(&site["index.html"]).unwrap());
    for shown in [
        "1 of 1 iterations accepted",
        "Parity not known no reading of the matrix",
        "Time per accepted change not known",
        "Tokens per accepted change not known",
        "Under way for not known start not known",
    ] {
        assert!(index.contains(shown), "{shown} in {index}");
    }
}

#[test]
fn the_first_page_tells_the_story() {
    let site = site(&super::sample::journey(64), &settings());
    let index = crate::page::text(std::str::from_utf8(&site["index.html"]).unwrap());
    for shown in [
        "42 of 62 iterations accepted, parity at 51 %",
        "iteration 64 of epoch 1 is under way: cover-half-even-rounding , since 23 Nov 2025, 03:23 phase writer",
        "The last iteration was accepted finish-empty-pages , 23 Nov 2025, 03:19 .",
        "42 accepted 18 reverted 2 wedged 1 in progress 1 unknown",
        "Accept rate 68 % 42 of 62 decided",
        "Parity 51 % 150 of 293 cells in scope",
        "67 min on average, failed attempts included",
        "2 wedges, 3 restarts, 5 idle gaps of 19.6 h in all",
        "Sources that disagree times 2 tokens 1 Passed over earlier run 38 malformed 3 torn 1",
    ] {
        assert!(index.contains(shown), "{shown} in {index}");
    }
}

#[test]
fn an_empty_run_has_a_friendly_first_page() {
    let site = site(&autoswe_exporter::journey::site_data::SiteData::default(), &settings());
    let index = crate::page::text(std::str::from_utf8(&site["index.html"]).unwrap());
    assert!(
        index.contains("The journey has not begun yet As soon as the loop has finished its first iteration"),
        "{index}"
    );
}

#[test]
fn what_the_search_looks_through_is_data_and_never_code() {
    for (name, data) in journeys() {
        let site = site(&data, &settings());
        let mut seen = 0;
        for (number, path) in site.keys().filter(|path| path.contains("/data-")).enumerate() {
            let text = std::str::from_utf8(&site[path]).unwrap();
            let inner = text.strip_prefix(&format!("journeyData({},", number + 1)).expect(path);
            let rows: serde_json::Value = serde_json::from_str(inner.strip_suffix(");\n").expect(path)).expect(path);
            assert!(!text.contains(['\u{2028}', '\u{2029}']), "{path}");
            for row in rows.as_array().unwrap() {
                let plain = format!("epoch-{}-iter-{:04}", row[0], row[1].as_u64().unwrap());
                let page = row.get(6).map_or(plain, |page| page.as_str().unwrap().to_owned());
                assert!(site.contains_key(&format!("iterations/{page}.html")), "{name}: {page}");
                seen += 1;
            }
        }
        assert_eq!(seen, data.iterations.len(), "{name}");
    }
}
