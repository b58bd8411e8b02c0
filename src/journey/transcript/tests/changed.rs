//! Transcripts that change between two runs, and while one is under way.

use super::*;

fn one(id: &str, at: u32, output: u64) -> String {
    lines(&[answer(id, at, [1, output, 1, 1])])
}

fn outputs(ledger: &Ledger) -> Vec<u64> {
    ledger.turns.iter().map(|turn| turn.tokens.output).collect()
}

/// Enough of a line before the answers that the beginnings of two files differ, or are known again.
fn head(text: &str) -> String {
    format!("{}\n", json!({"type": "summary", "summary": text.repeat(200)}))
}

#[test]
fn only_what_is_new_is_read() {
    let home = Home::new();
    let hundred: String = (0..100).map(|id| one(&format!("{id}"), 1, 10)).collect();
    home.write("s", &hundred);
    let before = home.read();
    // Nobody changes the middle of a transcript; whoever looks at it again would find it broken.
    let middle = hundred.len() as u64 / 2;
    let file = fs::OpenOptions::new().write(true).open(home.transcript("s")).unwrap();
    std::os::unix::fs::FileExt::write_all_at(&file, b"\n\n\n\n\n\n\n\n", middle).unwrap();
    assert_ne!(left_out(&home.read_anew()), []);
    home.append("s", one("new", 2, 20));
    let after = home.read();
    assert_eq!(after.turns[..100], before.turns);
    assert_eq!((outputs(&after).len(), left_out(&after)), (101, vec![]));
}

#[test]
fn nothing_behind_the_frozen_length_is_read() {
    let home = Home::new();
    home.write("s", one("a", 1, 10));
    let frozen = Frozen::look(&home.globs()).unwrap();
    home.append("s", one("b", 2, 20));
    home.write("later", one("c", 3, 30));
    let ledger = read(&frozen, &home.options(), &mut |_, _| {});
    assert_eq!((outputs(&ledger), left_out(&ledger)), (vec![10], vec![]));
    assert_eq!(outputs(&home.read()), [10, 20, 30]);
}

#[test]
fn a_deleted_transcript_still_counts_and_one_that_comes_back_counts_once() {
    let home = Home::new();
    home.write("a", one("a", 1, 10));
    home.write("b", one("b", 2, 20));
    let both = home.read();
    fs::rename(home.transcript("a"), home.path("away")).unwrap();
    assert_eq!(home.read(), both);
    assert_eq!(home.read(), both);
    fs::rename(home.path("away"), home.transcript("a")).unwrap();
    assert_eq!(home.read(), both);
    home.append("a", one("c", 3, 30));
    assert_eq!(outputs(&home.read()), [10, 20, 30]);
}

#[test]
fn a_rotated_transcript_still_counts_beside_the_one_that_took_its_name() {
    let home = Home::new();
    home.write("s", head("first") + &one("a", 1, 10) + "{\"half");
    assert_eq!(left_out(&home.read()), [("torn", 1)]);
    fs::rename(home.transcript("s"), home.path("s.jsonl.1")).unwrap();
    home.write("s", head("second") + &one("b", 2, 20));
    let ledger = home.read();
    // Nobody writes the other half of that line to this name any more.
    assert_eq!((outputs(&ledger), left_out(&ledger)), (vec![10, 20], vec![]));
    assert_eq!(ledger.files, [home.transcript("s"), home.transcript("s")]);
    home.append("s", one("c", 3, 30));
    assert_eq!(outputs(&home.read()), [10, 20, 30]);
}

#[test]
fn a_transcript_that_was_written_anew_counts_as_it_stands() {
    let home = Home::new();
    let original = head("it") + &one("a", 1, 10) + &one("b", 2, 20);
    for shorter in [head("it") + &one("a", 1, 10), head("it"), String::new(), head("it") + &one("b", 2, 20)] {
        // In place, and by rename.
        home.write("s", &original);
        assert_eq!(outputs(&home.read()), [10, 20]);
        home.write("s", &shorter);
        assert_eq!(home.read(), home.read_anew());
        home.write("s", &original);
        assert_eq!(outputs(&home.read()), [10, 20]);
        if !shorter.is_empty() {
            fs::write(home.path("new"), &shorter).unwrap();
            fs::rename(home.path("new"), home.transcript("s")).unwrap();
            assert_eq!(home.read(), home.read_anew());
        }
        fs::remove_dir_all(home.path("journey")).unwrap();
    }
}

#[test]
fn a_change_that_leaves_the_length_and_both_ends_as_they_were_is_noticed() {
    let home = Home::new();
    let around: String = (0..20).map(|id| one(&format!("{id}"), 1, 10)).collect();
    home.write("s", format!("{around}{}{around}", one("middle", 2, 20)));
    assert_eq!(home.read().turns[20].tokens.output, 20);
    home.write("s", format!("{around}{}{around}", one("middle", 2, 30)));
    touch(&home.transcript("s"));
    assert_eq!(home.read().turns[20].tokens.output, 30);
}

#[test]
fn a_longer_transcript_whose_old_end_changed_is_read_anew() {
    let home = Home::new();
    home.write("s", head("it") + &one("a", 1, 10) + &one("b", 2, 20));
    home.read();
    home.write("s", head("it") + &one("a", 1, 10) + &one("b", 2, 21) + &one("c", 3, 30));
    assert_eq!(outputs(&home.read()), [10, 21, 30]);
}

#[test]
fn a_transcript_that_shrinks_or_moves_after_the_freeze_is_left_to_the_next_run() {
    let home = Home::new();
    home.write("a", one("a", 1, 10) + &one("b", 2, 20));
    home.write("b", one("c", 3, 30));
    home.write("c", one("d", 4, 40));
    let frozen = Frozen::look(&home.globs()).unwrap();
    home.write("a", one("a", 1, 10));
    fs::remove_file(home.transcript("b")).unwrap();
    let ledger = read(&frozen, &home.options(), &mut |_, _| {});
    assert_eq!((outputs(&ledger), left_out(&ledger)), (vec![40], vec![("changed", 2)]));
    assert_eq!((outputs(&home.read()), left_out(&home.read())), (vec![10, 40], vec![]));
}

#[test]
fn what_the_globs_no_longer_mean_is_forgotten() {
    let home = Home::new();
    home.write("a", one("a", 1, 10));
    home.write("b", one("b", 2, 20));
    home.read();
    let narrow = Frozen::look(&[home.transcript("b")]).unwrap();
    let ledger = read(&narrow, &home.options(), &mut |_, _| {});
    assert_eq!((outputs(&ledger), ledger.files), (vec![20], vec![home.transcript("b")]));
    home.append("b", one("c", 3, 30));
    let narrow = Frozen::look(&[home.transcript("b")]).unwrap();
    assert_eq!(outputs(&read(&narrow, &home.options(), &mut |_, _| {})), [20, 30]);
    assert_eq!(outputs(&home.read()), [10, 20, 30]);
}

#[test]
fn a_transcript_that_cannot_be_read_any_more_counts_as_it_was_read() {
    let home = Home::new();
    home.write("a", one("a", 1, 10));
    home.read();
    fs::rename(home.transcript("a"), home.path("away")).unwrap();
    fs::create_dir(home.transcript("a")).unwrap();
    let ledger = home.read();
    assert_eq!((outputs(&ledger), left_out(&ledger)), (vec![10], vec![("not_a_file", 1)]));
}
