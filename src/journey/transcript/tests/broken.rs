//! Lines that are not what they should be.

use super::*;

/// Bytes of a line that may be in memory: more than those of these tests have.
const MEMORY: u64 = 4096;

#[test]
fn a_line_cut_at_any_byte_costs_itself_alone() {
    let line = call("cut", 2, [9, 9, 9, 9], "toolu_1").to_string();
    let around = [answer("a", 1, [1, 1, 1, 1]), answer("b", 3, [2, 2, 2, 2])].map(|line| line.to_string());
    for end in 1..line.len() {
        let text = format!("{}\n{}\n{}\n", around[0], &line[..end], around[1]);
        let part = part_of(text.as_bytes(), MEMORY);
        assert_eq!((part.pieces.len(), part.malformed.count), (2, 1), "cut at {end}: {}", &line[..end]);
        assert_eq!(part.malformed.first, around[0].len() as u64 + 1);
        assert_eq!(part_of(text.as_bytes(), 16), part, "block by block, cut at {end}");
    }
}

/// What is told by a file of this content, with lines of up to `max_line` bytes in memory.
pub(super) fn part_of(content: &[u8], max_line: u64) -> crate::journey::transcript::part::Part {
    let mut file = tempfile::tempfile().unwrap();
    file.write_all(content).unwrap();
    let mut buffer = crate::journey::transcript::lines::Buffer::new(max_line);
    let done = std::sync::atomic::AtomicU64::new(0);
    crate::journey::transcript::part::read(&file, 0..content.len() as u64, "name", (&mut buffer, &done)).unwrap()
}

#[test]
fn a_line_with_any_byte_changed_never_disturbs_its_neighbours() {
    let line = call("changed", 2, [9, 9, 9, 9], "toolu_1").to_string().into_bytes();
    let around = [answer("a", 1, [1, 1, 1, 1]), answer("b", 3, [2, 2, 2, 2])].map(|line| line.to_string());
    for at in 0..line.len() {
        for byte in [0, b'\n', b'"', b'\\', b'{', b'}', b'9', 0xff] {
            let mut changed = line.clone();
            changed[at] = byte;
            let text = [around[0].as_bytes(), b"\n", &changed, b"\n", around[1].as_bytes(), b"\n"].concat();
            let part = part_of(&text, MEMORY);
            let outputs: Vec<u32> = part.pieces.iter().map(|piece| piece.tokens[1]).collect();
            assert_eq!((outputs.first(), outputs.last()), (Some(&1), Some(&2)), "byte {byte} at {at}");
            assert_eq!(part_of(&text, 33), part, "block by block, byte {byte} at {at}");
        }
    }
}

#[test]
fn what_stands_around_an_object_is_passed_over() {
    let line = answer("a", 1, [1, 2, 3, 4]).to_string();
    let text = format!("\n\r\n  \t\n\0\0{line}\r\n\0\0\0\n{{}}\n[]\nnull\n{line} x\n\0{{\"usage\":\0}}\n");
    let part = part_of(text.as_bytes(), MEMORY);
    assert_eq!((part.pieces.len(), part.malformed.count), (1, 5));
    assert_eq!(part.malformed.first, text.find("\0\0\0\n").unwrap() as u64);
    assert_eq!(part.read, text.len() as u64);
    assert_eq!(part_of(text.as_bytes(), 8), part);
}

#[test]
fn a_last_line_without_its_ending_waits() {
    let home = Home::new();
    let line = answer("a", 1, [1, 2, 3, 4]).to_string();
    home.write("s", format!("{line}\n{line}"));
    let ledger = home.read();
    assert_eq!((ledger.turns.len(), left_out(&ledger)), (1, vec![("torn", 1)]));
    assert_eq!(
        ledger.left_out[0].first,
        Some(super::super::super::run::Origin { file: 0, offset: line.len() as u64 + 1, lines: 1 })
    );
    assert_eq!(home.read(), ledger);
    home.write("s", line.as_str());
    assert_eq!(home.read().turns, []);
    home.append("s", "\r\n");
    let ledger = home.read();
    assert_eq!((ledger.turns.len(), left_out(&ledger)), (1, vec![]));
}

#[test]
fn invalid_utf_8_in_what_is_not_needed_costs_nothing() {
    let text = answer("a", 1, [1, 2, 3, 4]).to_string();
    let bytes = [text.replace("left.", "").as_bytes(), b"\n"].concat();
    let at = bytes.windows(9).position(|window| window == b"He said \\").unwrap();
    let mut broken = bytes.clone();
    broken[at..at + 3].copy_from_slice(b"\xff\xfe\xc0");
    assert_eq!(part_of(&broken, MEMORY).pieces, part_of(&bytes, MEMORY).pieces);
}

#[test]
fn more_tokens_than_an_answer_can_have_are_not_believed() {
    let home = Home::new();
    let many = u64::from(u32::MAX);
    home.write("s", lines(&[answer("a", 1, [many, 1, 1, 1]), answer("b", 2, [1, many + 1, 1, 1])]));
    let ledger = home.read();
    assert_eq!((tokens(&ledger), left_out(&ledger)), (vec![[many, 1, 1, 1]], vec![("malformed", 1)]));
}

#[test]
fn an_answer_that_does_not_say_when_is_counted_apart() {
    let home = Home::new();
    let mut line = answer("a", 1, [1; 4]);
    line["timestamp"] = json!("yesterday");
    let mut none = answer("b", 1, [1; 4]);
    none.as_object_mut().unwrap().remove("timestamp");
    home.write("s", lines(&[line, none]));
    let ledger = home.read();
    assert_eq!((ledger.turns.len(), left_out(&ledger)), (0, vec![("untimed", 2)]));
}

#[test]
fn endless_names_and_deep_nesting_take_no_room() {
    let long = "x".repeat(1 << 20);
    let mut line = answer("a", 1, [1, 2, 3, 4]);
    line["sessionId"] = json!(long);
    line["cwd"] = json!(long);
    line["message"]["model"] = json!(long);
    line[long.as_str()] = json!(1);
    let nested = format!("{}{}", "[{\"a\":".repeat(100_000), "}]".repeat(100_000));
    let text = line.to_string().replacen('{', &format!("{{\"deep\":{nested},"), 1) + "\n";
    let part = part_of(text.as_bytes(), 8 << 20);
    assert_eq!((part.pieces.len(), part.models, part.places[0].cwd.as_str()), (1, vec!["unknown".to_owned()], ""));
}

/// How much memory it takes is seen where the program reads one of 200 MB (`journey::large` in tests/it).
#[test]
fn a_line_longer_than_memory_may_take_still_counts() {
    let (head, tail) = {
        let mut line = call("long", 2, [9, 8, 7, 6], "toolu_1");
        line["message"]["content"][0]["input"] = json!({"content": "SPLIT"});
        let text = line.to_string();
        let (head, tail) = text.split_once("SPLIT").unwrap();
        (head.to_owned(), tail.to_owned())
    };
    let home = Home { max_line: 100_000, ..Home::new() };
    home.write("s", lines(&[answer("a", 1, [1; 4])]));
    home.append("s", &head);
    let piece = "fn main() { println!(\\\"{}\\\", 1); }\\n".repeat(2000);
    for _ in 0..(3_usize << 20).div_ceil(piece.len()) {
        home.append("s", &piece);
    }
    home.append("s", tail + "\n" + &lines(&[answer("b", 3, [2; 4])]));
    let ledger = home.read();
    assert_eq!(tokens(&ledger), [[1; 4], [9, 8, 7, 6], [2; 4]]);
    assert_eq!((ledger.turns[1].tool_calls, left_out(&ledger)), (1, vec![]));
}
