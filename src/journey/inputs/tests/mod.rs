//! Real files, whole and spoilt, frozen and read.

mod spoilt;
mod stage;

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;

use stage::Stage;

use super::freeze;
use crate::journey::run::{EventKind, Origin};

#[test]
fn everything_is_read_with_its_place() {
    let stage = Stage::whole();
    let told = stage.read();
    assert_eq!(told.left_out, []);
    assert_eq!((told.history.len(), told.verdicts.len(), told.reviews.len()), (2, 2, 1));
    let kinds: Vec<EventKind> = told.events.iter().map(|line| line.event.kind).collect();
    use EventKind::{Bypass, Lesson, Refinement, Restart, Wedge};
    assert_eq!(kinds, [Wedge, Lesson, Restart, Refinement, Bypass]);
    assert_eq!(told.events[2].event.word.as_deref(), Some("took"));
    let greens: Vec<u64> = told.parity.iter().map(|point| point.green).collect();
    assert_eq!(greens, [1, 2, 3]);
    let names: Vec<_> = told.files.iter().map(|file| file.file_name().unwrap().to_str().unwrap().to_owned()).collect();
    for (place, line) in [(told.verdicts[1].verdict.from, "{\"ts\""), (told.parity[2].from, "{\"ts\"")] {
        let text = fs::read(&told.files[place.file as usize]).unwrap();
        let at = usize::try_from(place.offset).unwrap();
        assert!(text[at..].starts_with(line.as_bytes()) && (at == 0 || text[at - 1] == b'\n'), "{names:?} {place:?}");
    }
    assert_eq!(told.heartbeat.iter, Some(3));
    assert_eq!(told.recorded_at.unwrap().value.as_second(), 1_795_348_760);
}

#[test]
fn missing_inputs_are_nothing_and_only_the_state_is_missed() {
    let stage = Stage::empty();
    let told = stage.read();
    assert_eq!((told.files.len(), told.history.len(), told.parity.len()), (0, 0, 0));
    let kinds: Vec<_> = told.left_out.iter().map(|one| one.kind.as_str()).collect();
    assert_eq!(kinds, ["missing"]);
    assert!(told.left_out[0].text.contains("set runtime_dir or loop.state"));
}

#[test]
fn what_is_no_file_is_named_and_hangs_nothing() {
    for input in stage::INPUTS {
        let stage = Stage::whole();
        let path = stage.at(input);
        fs::remove_file(&path).unwrap();
        fs::create_dir(&path).unwrap();
        assert_eq!(only(&stage), ("unreadable".into(), true), "a directory at {input}");
        fs::remove_dir(&path).unwrap();
        rustix::fs::mkfifoat(rustix::fs::CWD, &path, rustix::fs::Mode::RWXU).unwrap();
        assert_eq!(only(&stage), ("unreadable".into(), true), "a FIFO at {input}");
        fs::remove_file(&path).unwrap();
        symlink(&path, &path).unwrap();
        assert_eq!(only(&stage), ("unreadable".into(), true), "a loop at {input}");
        fs::remove_file(&path).unwrap();
        let elsewhere = stage.at("elsewhere");
        fs::write(&elsewhere, Stage::text(input)).unwrap();
        symlink(&elsewhere, &path).unwrap();
        assert_eq!(stage.read().left_out, [], "a link at {input}");
    }
}

/// The kind of the only thing that is left out, and whether its text names a mend or a reason.
fn only(stage: &Stage) -> (String, bool) {
    let left_out = stage.read().left_out;
    assert_eq!(left_out.len(), 1, "{left_out:?}");
    (left_out[0].kind.clone(), left_out[0].text.contains(['a', 'e']))
}

#[test]
fn what_comes_after_freezing_waits_for_the_next_run() {
    let stage = Stage::whole();
    let frozen = freeze(&stage.config);
    stage.append("verdicts.jsonl", "{\"ts\":9,\"verdict\":\"ACCEPT\"}\n");
    stage.append("system-state.jsonl", &stage::record(1_795_348_800, 4));
    let told = super::read(&frozen, &stage.state_dir());
    assert_eq!((told.verdicts.len(), told.parity.len(), told.left_out.len()), (2, 3, 0));
    let told = stage.read();
    assert_eq!((told.verdicts.len(), told.parity.len()), (3, 4));
}

#[test]
fn a_torn_last_line_waits_for_its_rest() {
    let stage = Stage::whole();
    stage.append("verdicts.jsonl", "{\"ts\":9,\"verdict\":\"ACC");
    let told = stage.read();
    assert_eq!((told.verdicts.len(), told.left_out[0].kind.as_str()), (2, "torn"));
    stage.append("verdicts.jsonl", "EPT\"}\n");
    let told = stage.read();
    assert_eq!((told.verdicts.len(), told.left_out), (3, vec![]));
}

#[test]
fn a_file_that_is_replaced_after_freezing_is_read_as_it_was() {
    let stage = Stage::whole();
    let frozen = freeze(&stage.config);
    for input in stage::INPUTS {
        fs::write(stage.at("new"), "{}\n").unwrap();
        fs::rename(stage.at("new"), stage.at(input)).unwrap();
    }
    let told = super::read(&frozen, &stage.state_dir());
    assert_eq!((told.history.len(), told.verdicts.len(), told.parity.len(), told.left_out), (2, 2, 3, vec![]));
}

#[test]
fn a_file_that_is_cut_or_rewritten_in_place_is_told() {
    for (input, text) in [("verdicts.jsonl", "{\"verdict\":\"ACCEPT\"}\n"), ("state.json", "{\"epoch\":9}")] {
        let stage = Stage::whole();
        let frozen = freeze(&stage.config);
        fs::write(stage.at(input), text).unwrap();
        let told = super::read(&frozen, &stage.state_dir());
        let kinds: Vec<_> = told.left_out.iter().map(|one| one.kind.as_str()).collect();
        assert!(kinds.contains(&"changed"), "{input}: {kinds:?}");
    }
}

#[test]
fn the_digest_tells_whether_anything_is_new() {
    let stage = Stage::whole();
    let before = freeze(&stage.config).digest();
    assert!(!freeze(&stage.config).is_news_since(&before));
    for input in stage::INPUTS {
        let before = freeze(&stage.config).digest();
        stage.append(input, " ");
        assert!(freeze(&stage.config).is_news_since(&before), "{input}");
    }
    let before = freeze(&stage.config).digest();
    fs::remove_file(stage.at("verdicts.jsonl")).unwrap();
    assert!(freeze(&stage.config).is_news_since(&before));
    let before = freeze(&stage.config).digest();
    fs::write(stage.at("system-state.jsonl.20261122T000000.000Z"), "").unwrap();
    assert!(freeze(&stage.config).is_news_since(&before));
    let mut other = stage.config.clone();
    let before = freeze(&stage.config).digest();
    other.journey.max_line.0 += 1;
    assert!(freeze(&other).is_news_since(&before));
}

#[test]
fn a_long_line_is_passed_over_and_what_follows_is_read() {
    let mut stage = Stage::whole();
    stage.config.journey.max_line.0 = 500;
    stage.append("verdicts.jsonl", &format!("{{\"verdict\":\"{}\"}}\n{{\"verdict\":\"ACCEPT\"}}\n", "x".repeat(600)));
    let told = stage.read();
    assert_eq!(told.verdicts.len(), 3);
    assert_eq!((told.left_out[0].kind.as_str(), told.left_out[0].count), ("oversized", 1));
    let offset = Stage::text("verdicts.jsonl").len() as u64;
    assert_eq!(told.left_out[0].first.map(|first| first.offset), Some(offset));
}

#[test]
fn lines_that_are_none_of_their_kind_are_counted_once_a_file() {
    let stage = Stage::whole();
    stage.append("verdicts.jsonl", "nonsense\n{\"no\":1}\n\n \0\0\n[]\n\u{7f}\u{ff}\n");
    stage.append("wedge-events.jsonl", "{\"kind\":\"x\"}\n");
    stage.append("meta-judge.jsonl", "{\"ts\":1,\"error\":\"x\"}\n");
    let counts: Vec<_> = stage.read().left_out.into_iter().map(|one| (one.kind, one.count)).collect();
    assert_eq!(counts, [("malformed".into(), 4), ("unplaced".into(), 1), ("no_review".into(), 1)]);
}

#[test]
fn the_first_number_of_a_file_is_that_of_the_list_of_files() {
    let stage = Stage::whole();
    fs::remove_file(stage.at("state-heartbeat.json")).unwrap();
    fs::remove_file(stage.at("wedge-events.jsonl")).unwrap();
    let told = stage.read();
    let name = |origin: Origin| told.files[origin.file as usize].file_name().unwrap().to_str().unwrap().to_owned();
    assert_eq!(name(told.history[0].from), "state.json");
    assert_eq!(name(told.verdicts[0].verdict.from), "verdicts.jsonl");
    assert_eq!(name(told.events[0].event.from), "wedge-lessons.jsonl");
    assert_eq!(name(told.parity[0].from), "system-state.jsonl");
    assert_eq!(told.modified.len(), told.files.len());
}

#[test]
fn other_places_are_read_where_the_configuration_says() {
    let mut stage = Stage::whole();
    fs::rename(stage.at("verdicts.jsonl"), stage.at("words.jsonl")).unwrap();
    stage.config.verdicts.file = "words.jsonl".into();
    stage.config.loop_.state = Some(String::new());
    stage.config.loop_.heartbeat_format = crate::config::HeartbeatFormat::Mtime;
    let told = stage.read();
    assert_eq!((told.verdicts.len(), told.history.len(), told.heartbeat.iter), (2, 0, None));
    assert_eq!(told.left_out, []);
}

/// Whatever stands in the directory of what is kept, reading gives the same.
#[test]
fn a_state_directory_that_cannot_be_written_costs_time_alone() {
    let stage = Stage::whole();
    let expected = stage.read();
    let nowhere = stage.at("verdicts.jsonl");
    let told = super::read(&freeze(&stage.config), Path::new(&nowhere));
    assert_eq!((told.parity, told.left_out), (expected.parity, expected.left_out));
}
