use proptest::prelude::*;

use super::*;

/// The tail of `bytes` under `limits`, read as a file would be.
fn tail_of(bytes: &[u8], want: usize, limits: Limits) -> Tail {
    scan(bytes.len() as u64, want, limits, |buffer, offset| {
        let start = usize::try_from(offset).unwrap();
        buffer.copy_from_slice(&bytes[start..start + buffer.len()]);
        Ok(())
    })
    .unwrap()
}

fn last(bytes: &[u8], want: usize) -> Tail {
    tail_of(bytes, want, Limits::default())
}

fn texts(tail: &Tail) -> Vec<String> {
    tail.parsed(|line| Some(String::from_utf8_lossy(line).into_owned())).into_iter().flatten().collect()
}

#[test]
fn reads_the_last_lines_oldest_first() {
    let tail = last(b"one\ntwo\nthree\n", 2);
    assert_eq!(texts(&tail), ["two", "three"]);
    assert_eq!((tail.torn, tail.cut), (None, false));
    assert_eq!(texts(&last(b"one\ntwo\n", 5)), ["one", "two"]);
}

#[test]
fn nothing_is_found_in_nothing() {
    for empty in [&b""[..], b"\n", b"\r\n\r\n", b"   \n\t\n", b"\0\0\0\0\n\0"] {
        assert_eq!(last(empty, 5), Tail::default(), "{empty:?}");
    }
    assert_eq!(last(b"one\n", 0), Tail::default());
}

#[test]
fn a_torn_last_line_stands_apart() {
    let tail = last(b"one\ntwo\nthr", 1);
    assert_eq!(tail.lines, [Line::Text(b"two".to_vec())]);
    assert_eq!(tail.torn, Some(Line::Text(b"thr".to_vec())));
    assert_eq!(last(b"thr", 1).torn, Some(Line::Text(b"thr".to_vec())));
}

#[test]
fn a_torn_line_counts_only_when_it_parses() {
    let number = |line: &[u8]| std::str::from_utf8(line).ok()?.parse::<u8>().ok();
    assert_eq!(last(b"1\nx\n3", 5).parsed(number), [Some(1), None, Some(3)]);
    assert_eq!(last(b"1\nx\n3x", 5).parsed(number), [Some(1), None]);
}

#[test]
fn line_endings_blanks_and_nul_bytes_are_taken_off() {
    assert_eq!(texts(&last(b"one\r\n\r\n\0\0\0{}\n  two \r\n", 5)), ["one", "{}", "two"]);
}

#[test]
fn a_line_that_is_too_long_keeps_its_place() {
    let limits = Limits { line: 5, scan: 1 << 20 };
    let tail = tail_of(b"one\n123456\n12345\n123456", 5, limits);
    assert_eq!(tail.lines, [Line::Text(b"one".to_vec()), Line::TooLong, Line::Text(b"12345".to_vec())]);
    assert_eq!(tail.torn, Some(Line::TooLong));
    assert_eq!(tail.parsed(|line| Some(line.len())), [Some(3), None, Some(5)]);
}

#[test]
fn the_scan_is_bounded_and_says_so() {
    let mut bytes = vec![b'x'; 300_000];
    bytes.extend(b"\nlast\n");
    let limits = Limits { line: 1000, scan: 100_000 };
    let mut read = 0;
    let tail = scan(bytes.len() as u64, 2, limits, |buffer, offset| {
        read += buffer.len();
        buffer.copy_from_slice(&bytes[usize::try_from(offset).unwrap()..][..buffer.len()]);
        Ok(())
    })
    .unwrap();
    assert_eq!(read, 100_000);
    assert_eq!((texts(&tail), tail.cut), (vec!["last".to_owned()], true));

    let endless = tail_of(&bytes[..300_000], 2, limits);
    assert_eq!(endless, Tail { lines: vec![], torn: Some(Line::TooLong), cut: true });
}

#[test]
fn enough_lines_cost_one_block() {
    let bytes = "a verdict of ordinary length\n".repeat(100_000).into_bytes();
    let mut reads = 0;
    let tail = scan(bytes.len() as u64, 5, Limits::default(), |buffer, offset| {
        reads += 1;
        buffer.copy_from_slice(&bytes[usize::try_from(offset).unwrap()..][..buffer.len()]);
        Ok(())
    })
    .unwrap();
    assert_eq!((reads, tail.lines.len()), (1, 5));
}

#[test]
fn a_file_that_shrinks_is_read_anew() {
    let file = tempfile::tempfile().unwrap();
    file.write_all_at(b"one\ntwo\n", 0).unwrap();
    let shrunk = scan(9, 2, Limits::default(), |buffer, offset| file.read_exact_at(buffer, offset));
    assert_eq!(shrunk.unwrap_err().kind(), ErrorKind::UnexpectedEof);
    assert_eq!(texts(&last_lines(&file, 2, Limits::default()).unwrap()), ["one", "two"]);
}

/// The same answer, arrived at forwards over the whole content.
fn naive(bytes: &[u8], want: usize, longest: usize) -> Tail {
    let line = |part: &[u8]| match part {
        long if long.len() > longest => Some(Line::TooLong),
        part => Some(trim(part)).filter(|text| !text.is_empty()).map(|text| Line::Text(text.to_vec())),
    };
    let mut parts: Vec<_> = bytes.split(|byte| *byte == b'\n').map(line).collect();
    let torn = if want == 0 { None } else { parts.pop().flatten() };
    let lines: Vec<Line> = parts.into_iter().flatten().collect();
    Tail { lines: lines[lines.len().saturating_sub(want)..].to_vec(), torn, cut: false }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn agrees_with_the_naive_reader(
        parts in prop::collection::vec(
            prop_oneof![
                3 => "[a-z\\r \\x00]{0,12}\n?".prop_map(String::into_bytes),
                1 => (0..40_000usize, any::<bool>()).prop_map(|(n, ends)| {
                    let mut long = vec![b'x'; n];
                    long.extend(ends.then_some(b'\n'));
                    long
                }),
            ],
            0..20,
        ),
        want in 0usize..8,
        longest in prop_oneof![Just(4usize), Just(9_000), Just(1 << 20)],
    ) {
        let bytes = parts.concat();
        let limits = Limits { line: longest, scan: u64::MAX };
        prop_assert_eq!(tail_of(&bytes, want, limits), naive(&bytes, want, longest));
    }
}

#[test]
fn truncation_loses_only_what_was_cut() {
    let whole = b"{\"n\": 1}\n{\"n\": 2}\r\n\n{\"n\": 3}\n";
    let json = |line: &[u8]| serde_json::from_slice::<serde_json::Value>(line).ok()?["n"].as_u64();
    for cut in 0..=whole.len() {
        let numbers: Option<Vec<u64>> = last(&whole[..cut], 9).parsed(json).into_iter().collect();
        let objects = [8, 17, 28].iter().filter(|end| cut >= **end).count() as u64;
        assert_eq!(numbers, Some((1..=objects).collect()), "{cut}");
    }
}
