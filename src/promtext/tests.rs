use proptest::prelude::*;

use super::*;

const IDLE: &[u8] = include_bytes!("../../tests/fixtures/vllm-0.32.0/idle.prom");

/// Name, labels, value and timestamp of every sample, and what was found.
type Owned = (String, Vec<(String, String)>, f64, Option<f64>);

fn all(page: &[u8]) -> (Vec<Owned>, Outcome) {
    let mut samples = Samples::new(page);
    let owned = samples
        .by_ref()
        .map(|sample| {
            let labels = sample.labels.into_iter();
            let labels = labels.map(|l| (l.name.decode().into_owned(), l.value.decode().into_owned()));
            (sample.name.decode().into_owned(), labels.collect(), sample.value, sample.timestamp)
        })
        .collect();
    (owned, samples.outcome())
}

fn one(line: &str) -> Owned {
    let (samples, outcome) = all(format!("{line}\n").as_bytes());
    assert_eq!((samples.len(), outcome.bad_lines), (1, 0), "{line}: {outcome:?}");
    samples.into_iter().next().unwrap()
}

fn label(name: &str, value: &str) -> (String, String) {
    (name.into(), value.into())
}

#[test]
fn a_captured_page_is_read_whole() {
    let (samples, outcome) = all(IDLE);
    assert_eq!(outcome.bad_lines, 0, "{outcome:?}");
    assert!(outcome.is_prometheus());
    let lines = IDLE.split(|b| *b == b'\n').filter(|line| !line.is_empty());
    let expected = lines.filter(|line| !line.starts_with(b"#")).count();
    assert_eq!((samples.len(), outcome.samples), (expected, expected as u64));
    let running = samples.iter().find(|s| s.0 == "vllm:num_requests_running").unwrap();
    assert_eq!(running.1, [label("engine", "0"), label("model_name", "qwen-tiny")]);
    let start = samples.iter().find(|s| s.0 == "process_start_time_seconds").unwrap();
    assert_eq!(start.2, 1.79533140403e9);
}

#[test]
fn every_form_of_the_text_formats_is_read() {
    assert_eq!(one("up 1"), ("up".into(), vec![], 1.0, None));
    assert_eq!(one("  up{}\t1 1395066363000").3, Some(1_395_066_363_000.0));
    assert_eq!(one("up { a = \"b\" , c=\"\" , } -2.5").1, [label("a", "b"), label("c", "")]);
    assert_eq!(one("up{a=\"b\"}3").2, 3.0);
    assert_eq!(one("up 1\r").2, 1.0);
    let escaped = one(r#"up{path="C:\\DIR\"\n",other="\x{}=,"} 1"#);
    assert_eq!(escaped.1, [label("path", "C:\\DIR\"\n"), label("other", "\\x{}=,")]);
}

#[test]
fn quoted_names_of_text_1_0_0_are_read() {
    assert_eq!(one(r#"{"my.noncompliant.metric"} 2"#), ("my.noncompliant.metric".into(), vec![], 2.0, None));
    let quoted = one(r#"{"größe \"x\"", "label.name"="wert", plain="1"} 2 3"#);
    assert_eq!(quoted, ("größe \"x\"".into(), vec![label("label.name", "wert"), label("plain", "1")], 2.0, Some(3.0)));
    assert_eq!(one(r#"up{"label.name"="v"} 1"#).1, [label("label.name", "v")]);
}

#[test]
fn openmetrics_with_exemplars_and_float_times_is_read() {
    let page = "# TYPE a counter\n# UNIT a seconds\na_total{x=\"1\"} 17.0 1520879607.789 # {id=\"KOO\"} 0.67\n\
                a_bucket{le=\"1.0\"} 8 # {} 0.1 1.5\na_created 1.5e9\n# EOF";
    let (samples, outcome) = all(page.as_bytes());
    assert_eq!((samples.len(), outcome.bad_lines, outcome.comments), (3, 0, 3));
    assert_eq!((samples[0].2, samples[0].3), (17.0, Some(1_520_879_607.789)));
    assert_eq!((samples[1].2, samples[1].3), (8.0, None));
}

#[test]
fn special_numbers_are_read() {
    assert!(one("a NaN").2.is_nan());
    assert_eq!((one("a +Inf").2, one("a -Inf").2), (f64::INFINITY, f64::NEG_INFINITY));
    for text in ["0", "-0.0", "4.84661248e+09", "1e-7", "1.7953315605733347e+09", "9007199254740993", "5e-324", ".5"] {
        assert_eq!(one(&format!("a {text}")).2.to_bits(), text.parse::<f64>().unwrap().to_bits(), "{text}");
    }
}

#[test]
fn a_bad_line_costs_itself_and_is_told() {
    let bad = [
        ("a", "the value is not a number"),
        ("a b", "the value is not a number"),
        ("a 1 b", "the timestamp is not a number"),
        ("a 1 2 3", "text after the timestamp"),
        ("9a 1", "no metric name"),
        ("{a=\"b\"} 1", "no metric name"),
        ("a{\"b\"} 1", "two names"),
        ("{\"a\",\"b\"} 1", "a label without a value"),
        ("a{b} 1", "a label without a value"),
        ("a{b=c} 1", "a label's value without quotes"),
        ("a{b=\"c\" d=\"e\"} 1", "labels without a comma between them"),
        ("a{b=\"c} 1", "a quote that does not end"),
        ("a{b=\"c\\", "a quote that does not end"),
        ("a{,} 1", "neither a label nor a closing brace"),
        ("a{b:c=\"d\"} 1", "a label without a value"),
        ("a 1_000", "the value is not a number"),
    ];
    for (line, why) in bad {
        let (samples, outcome) = all(format!("x 1\n{line}\ny 2\n").as_bytes());
        assert_eq!(outcome.first_bad, Some(BadLine { number: 2, why }), "{line}");
        assert_eq!((samples.len(), outcome.bad_lines, outcome.is_prometheus()), (2, 1, true), "{line}");
    }
}

#[test]
fn other_content_is_not_prometheus() {
    let html = b"<!DOCTYPE html>\n<html>\n<body>404 1</body>\n</html>\n";
    for page in [&b""[..], html, b"{\"object\":\"list\"}\n", b"\x1f\x8b\x08\0\xff\xfe", b"\n\n\n", &[0xff; 4096]] {
        let (samples, outcome) = all(page);
        assert!(samples.is_empty() && !outcome.is_prometheus(), "{page:?}");
    }
    assert!(all(b"# HELP a b\n").1.is_prometheus());
}

#[test]
fn a_page_cut_at_any_byte_never_tells_another_value() {
    // Every eighth line, because the work grows with the square of the length.
    let page: Vec<u8> = IDLE.split_inclusive(|b| *b == b'\n').step_by(8).flatten().copied().collect();
    let (whole, _) = all(&page);
    for cut in 0..page.len() {
        let mut samples = Samples::new(&page[..cut]);
        let (mut count, mut last) = (0, f64::NAN);
        for sample in samples.by_ref() {
            (count, last) = (count + 1, sample.value);
        }
        assert!(count == 0 || whole[count - 1].2.to_bits() == last.to_bits(), "cut at {cut}");
        assert!(samples.outcome().bad_lines <= 1, "cut at {cut}");
    }
}

#[test]
fn invalid_utf8_costs_only_the_text_it_stands_in() {
    let (samples, outcome) = all(b"a{b=\"\xff\xfe\"} 1\nc\xff 2\nd 3\n");
    assert_eq!(samples[0].1, [label("b", "\u{fffd}\u{fffd}")]);
    assert_eq!((samples.len(), outcome.bad_lines), (2, 1));
}

fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n"))
}

fn write((name, labels, value, timestamp): &Owned, quote_name: bool) -> String {
    let mut items: Vec<String> = labels.iter().map(|(name, value)| format!("{name}={}", quoted(value))).collect();
    let mut line = if quote_name {
        items.insert(0, quoted(name));
        String::new()
    } else {
        name.clone()
    };
    line += &format!("{{{}}} {value:?}", items.join(","));
    timestamp.map_or(line.clone(), |timestamp| format!("{line} {timestamp}"))
}

proptest! {
    #[test]
    fn no_bytes_make_it_panic(page in proptest::collection::vec(any::<u8>(), 0..400)) {
        all(&page);
    }

    #[test]
    fn nothing_like_a_page_makes_it_panic(page in "[a-z:{}\"=,# \\\\\n0-9.e+-]{0,200}") {
        let (samples, outcome) = all(page.as_bytes());
        prop_assert_eq!(samples.len() as u64, outcome.samples);
    }

    #[test]
    fn what_is_written_is_read(
        name in "[a-zA-Z_:][a-zA-Z0-9_:]{0,30}",
        labels in proptest::collection::vec(("[a-zA-Z_][a-zA-Z0-9_]{0,10}", any::<String>()), 0..5),
        value in proptest::num::f64::NORMAL | proptest::num::f64::ZERO | proptest::num::f64::INFINITE,
        timestamp in proptest::option::of((-1e12..1e12).prop_map(f64::trunc)),
        quote_name in any::<bool>(),
    ) {
        let sample: Owned = (name, labels, value, timestamp);
        let line = write(&sample, quote_name);
        prop_assert_eq!(one(&line), sample);
    }

    #[test]
    fn numbers_are_those_of_the_standard_library(text in "[+-]?[0-9]{0,20}(\\.[0-9]{0,20})?(e[+-]?[0-9]{0,3})?") {
        let expected = text.parse::<f64>().ok().map(f64::to_bits);
        prop_assert_eq!(super::number::parse(text.as_bytes()).map(f64::to_bits), expected);
    }
}
