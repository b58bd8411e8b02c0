use std::io::Cursor;

use proptest::prelude::*;

use super::*;

fn parse(yaml: &str) -> Result<Parity, String> {
    super::parse(&mut Cursor::new(yaml))
}

/// green, red, manual, n/a, unknown.
fn counts(yaml: &str) -> [u64; 5] {
    parse(yaml).unwrap_or_else(|why| panic!("{why}\n{yaml}")).by_state().map(|(_, count)| count)
}

fn refused(yaml: &str) -> String {
    parse(yaml).expect_err("refused")
}

#[test]
fn cells_are_found_at_any_depth_of_mappings_and_lists() {
    let yaml = "
modules:
  parser:
    cells:
      - {id: p1, status: green}
      - id: p2
        status: red
        sub:
          deep: [{status: manual}]
  printer:
    - - status: n/a
    - status: \"green\"
";
    assert_eq!(counts(yaml), [2, 1, 1, 1, 0]);
}

#[test]
fn a_plain_value_is_a_cell_where_no_status_is() {
    assert_eq!(counts("name: green"), [1, 0, 0, 0, 0]);
    assert_eq!(counts("a: green\nb: red\nc: n/a\nd: 'manual'\nsub: {e: green, f: other}"), [2, 1, 1, 1, 0]);
    assert_eq!(counts("- green\n- red\n- [manual, other]\n- 3\n-\n"), [1, 1, 1, 0, 0]);
}

#[test]
fn what_else_stands_in_a_cell_describes_it() {
    assert_eq!(counts("{status: green, owner: red, tags: [manual, [n/a]], name: green}"), [1, 0, 0, 0, 0]);
    assert_eq!(counts("owner: red\ntags: [manual]\nstatus: green"), [1, 0, 0, 0, 0]);
    // Mappings further down are cells, or hold cells, of their own.
    assert_eq!(counts("{status: red, parts: {a: green, b: {status: manual}}}"), [1, 1, 1, 0, 0]);
}

#[test]
fn other_words_are_unknown_as_a_status_and_nothing_elsewhere() {
    let parity =
        parse("a: {status: green}\nb: {status: grene}\nc:\n  status:\nd: {status: true}\ne: {name: grene}").unwrap();
    assert_eq!(parity.by_state().map(|(_, count)| count), [1, 0, 0, 0, 3]);
    assert_eq!(parity.first_unknown_line, Some(2));
}

#[test]
fn a_status_that_is_a_mapping_or_list_holds_cells() {
    assert_eq!(counts("status: {linux: green, mac: red}"), [1, 1, 0, 0, 0]);
    assert_eq!(counts("status: [green, {status: red}]"), [1, 1, 0, 0, 0]);
}

#[test]
fn case_and_space_around_a_word_do_not_matter() {
    assert_eq!(counts("[{status: Green}, {status: RED}, {status: ' N/A '}, Manual]"), [1, 1, 1, 1, 0]);
    assert_eq!(counts("[{status: na}, {status: N.A.}, {Status: green, x: y}]"), [1, 0, 0, 0, 2]);
    assert_eq!(counts("status: |\n  green\n"), [1, 0, 0, 0, 0]);
}

#[test]
fn keys_are_not_cells() {
    assert_eq!(counts("green: red\n? {status: green}\n: x\n? [green]\n: {a: manual}"), [0, 1, 1, 0, 0]);
}

#[test]
fn comments_marks_line_ends_and_documents_are_no_matter() {
    assert_eq!(counts("\u{feff}# green\r\na: green # red\r\nb:\r\n  status: red\r\n"), [1, 1, 0, 0, 0]);
    assert_eq!(counts("%YAML 1.2\n---\na: green\n...\n---\n- red\n---\n# nothing\n"), [1, 1, 0, 0, 0]);
    assert_eq!(counts("a:\tgreen\nb:\t{ status:\tred }\n"), [1, 1, 0, 0, 0]);
    assert_eq!(counts("a: !!str green\nb: !cell {status: red}"), [1, 1, 0, 0, 0]);
}

#[test]
fn a_key_that_stands_twice_is_counted_with_its_line() {
    let parity = parse("a: green\nb:\n  c: red\n  c: red\na: green\na: red\nd: {a: green}\n").unwrap();
    assert_eq!((parity.duplicate_keys, parity.first_duplicate_line), (3, Some(4)));
    assert_eq!(parse("a: {status: red, status: green}").unwrap().by_state()[..2], [("green", 1), ("red", 0)]);
}

#[test]
fn an_alias_counts_as_what_it_stands_for() {
    assert_eq!(counts("a: &g green\nb: *g\nc: {status: *g}\nd: [*g, *g]"), [5, 0, 0, 0, 0]);
    assert_eq!(counts("a: &cells [{status: red}, green]\nb: *cells\nc: [*cells]"), [3, 3, 0, 0, 0]);
    assert_eq!(counts("a: &x red\nb: &x green\nc: *x"), [2, 1, 0, 0, 0]);
}

#[test]
fn a_merged_mapping_is_overridden_by_a_status_of_its_own() {
    let base = "base: &b {status: red, owner: x}\n";
    assert_eq!(counts(&format!("{base}a: {{<<: *b, name: y}}")), [0, 2, 0, 0, 0]);
    assert_eq!(counts(&format!("{base}a: {{<<: *b, status: green}}")), [1, 1, 0, 0, 0]);
    assert_eq!(counts(&format!("{base}a: {{status: green, <<: [*b, *b]}}")), [1, 1, 0, 0, 0]);
}

#[test]
fn an_alias_bomb_costs_nothing_and_is_refused() {
    let mut yaml = String::from("l0: &l0 [green, green, green, green, green, green, green, green, green, green]\n");
    for level in 1..50 {
        let aliases = vec![format!("*l{}", level - 1); 10].join(", ");
        yaml.push_str(&format!("l{level}: &l{level} [{aliases}]\n"));
    }
    let why = refused(&yaml);
    assert!(why.starts_with("line 9, column 10: aliases of aliases stand for over 10000000 cells"), "{why}");
}

#[test]
fn an_alias_of_what_holds_it_is_refused() {
    assert!(refused("a: &a [green, *a]").contains("within the very mapping or list"));
    assert!(refused("a: *nowhere").contains("unknown anchor"));
}

#[test]
fn bounds_are_told_with_their_place() {
    assert!(refused(&"- ".repeat(1_000_000)).contains("nested deeper than 127 levels"));
    assert!(refused(&"[".repeat(200_000)).to_lowercase().contains("recursion limit exceeded"));
    assert!(refused(&"{a: ".repeat(60_000)).contains("line 1"));
    let anchors: String = (0..70_000).map(|n| format!("- &a{n} x\n")).collect();
    assert_eq!(refused(&anchors), "line 65537, column 11: more than 65536 anchors; correct the file there");
    let long = format!("- green\n- [{}]\n", "red,".repeat(100_000));
    // As a mapping's value a collection cannot become a key, and streams.
    assert_eq!(counts(&long.replace("- [", "- a: [")), [1, 100_000, 0, 0, 0]);
    assert!(refused(&long).starts_with("up to line 2: one value or one [...] or {...} of over 256 KiB"));
}

#[test]
fn a_large_matrix_in_json_is_counted_as_json() {
    let cells: Vec<_> = (0..20_000)
        .map(|n| serde_json::json!({ "id": n, "status": (["green", "red", "odd"][n % 3]), "x": null, "y": [1.5, -1, true] }))
        .collect();
    let json = serde_json::json!({ "cells": cells, "plain": "manual" }).to_string();
    assert!(json.len() > 2 * chars::LONGEST_VALUE);
    assert_eq!(counts(&json), [6667, 6667, 1, 0, 6666]);
    assert_eq!(counts(&format!("\u{feff}\n {json}\n")), [6667, 6667, 1, 0, 6666]);
    let why = refused(&json[..json.len() - 1]);
    assert!(why.contains("ends too early") && why.contains("read as JSON"), "{why}");
}

#[test]
fn what_is_no_matrix_is_refused_and_a_matrix_without_cells_is_not() {
    for yaml in ["", "\n\n", "# only a comment\n", "---\n", "green", "\"text\"", "~"] {
        assert!(refused(yaml).starts_with("holds no mapping and no list"), "{yaml:?}");
    }
    assert_eq!(counts("{}"), [0; 5]);
    assert_eq!(counts("cells: []"), [0; 5]);
}

#[test]
fn errors_name_line_column_and_the_mend() {
    let why = refused("a: green\nb: c: red\n");
    assert!(why.starts_with("line 2, column 5: ") && why.ends_with("; correct the file there"), "{why}");
    assert!(refused("a:\n\t- green\n").starts_with("line 2"));
    assert!(refused("a: [green\nb: red\n").starts_with("line "));
    assert!(super::parse(&mut Cursor::new(b"a: green\nb: \xff\xfe")).unwrap_err().starts_with("line 2, byte 12"));
    assert!(super::parse(&mut Cursor::new(b"\xff\xfea\0:\0")).unwrap_err().contains("save the file as UTF-8"));
    assert!(refused("a: green\n\0\0\0").contains("a NUL byte"));
}

#[test]
fn cut_off_at_any_byte_it_never_shows_more_than_the_whole() {
    let yaml =
        "a: {status: green}\nb:\n  - status: red\n    note: \"x y\"\n  - manual\nc: &c [n/a, {status: green}]\nd: *c\n";
    let whole = parse(yaml).unwrap();
    assert_eq!(whole.by_state().map(|(_, count)| count), [3, 1, 1, 2, 0]);
    for end in 0..yaml.len() {
        if let Ok(part) = parse(&yaml[..end]) {
            assert!(part.green <= whole.green && part.red <= whole.red && part.cells() <= whole.cells(), "{end}");
            assert!(part.unknown <= 1, "{end}");
        }
    }
}

proptest! {
    #[test]
    fn arbitrary_bytes_do_not_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        drop(super::parse(&mut Cursor::new(bytes)));
    }

    #[test]
    fn yaml_like_text_does_not_panic(text in "([a\\[\\]{}:,\"'&*!|>%#?\\-. \t\r\n~<]|: |- |green|status|\n  |\u{e9}|---\n){0,60}") {
        drop(parse(&text));
    }

    #[test]
    fn json_counts_the_same_as_json_and_as_yaml(cells in proptest::collection::vec("green|red|manual|n/a|odd", 0..20)) {
        let nested: Vec<_> = cells.iter().map(|status| serde_json::json!({ "status": status, "tags": [status] })).collect();
        let json = serde_json::json!({ "nested": nested, "plain": cells }).to_string();
        let mut reader = Cursor::new(&json);
        let mut as_json = json::parse(&mut reader).unwrap();
        let as_yaml = parse(&json).unwrap();
        as_json.first_unknown_line = as_yaml.first_unknown_line;
        prop_assert_eq!(as_json, as_yaml);
    }
}
