use std::fs::{self, OpenOptions};
use std::io::Write;
use std::path::PathBuf;

use proptest::prelude::*;

use super::*;
use crate::config::Config;
use crate::journey::inputs::freeze;

/// A runtime directory with a time series, and a directory of what is kept.
struct Stage {
    config: Config,
    directory: tempfile::TempDir,
}

impl Stage {
    fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let mut config = Config { runtime_dir: directory.path().join("runtime"), ..Config::default() };
        config.journey.repository = None;
        fs::create_dir(&config.runtime_dir).unwrap();
        Stage { config, directory }
    }

    fn at(&self, name: &str) -> PathBuf {
        self.config.runtime_dir.join(name)
    }

    fn append(&self, text: &str) {
        let mut options = OpenOptions::new();
        options.create(true).append(true).open(self.at(LIVE)).unwrap().write_all(text.as_bytes()).unwrap();
    }

    /// Renames the live file as the exporter does, and compresses it where asked to.
    fn rotate(&self, number: u32, compressed: bool) {
        let rotated = self.at(&format!("{LIVE}.20261122T{number:06}.000Z"));
        if fs::rename(self.at(LIVE), &rotated).is_ok() && compressed {
            let packed = zstd::encode_all(&fs::read(&rotated).unwrap()[..], 3).unwrap();
            fs::write(rotated.with_extension("000Z.zst"), packed).unwrap();
            fs::remove_file(rotated).unwrap();
        }
    }

    fn kept(&self) -> PathBuf {
        self.directory.path().join("kept")
    }

    /// Time, green and the last record's time: all that counts of the series; the places are checked.
    fn read_with(&self, kept: &Path) -> (Vec<(i64, u64)>, Option<i64>, Vec<LeftOutWord>) {
        let told = crate::journey::inputs::read(&freeze(&self.config), kept);
        for point in &told.parity {
            let place = &told.files[point.from.file as usize];
            let bytes = fs::read(place).unwrap();
            let bytes = if bytes.starts_with(&ZSTD) { unpacked(&bytes) } else { bytes };
            let line = &bytes[usize::try_from(point.from.offset).unwrap()..];
            let [green] = object(line.split(|byte| *byte == b'\n').next().unwrap(), &["parity_green"]).unwrap();
            assert_eq!(json::whole(&green), Some(point.green), "{place:?} {:?}", point.from);
        }
        let words = told.left_out.iter().filter(|one| one.kind != "missing").map(|one| (one.kind.clone(), one.count));
        let points = told.parity.iter().map(|point| (point.at.as_second(), point.green)).collect();
        (points, told.recorded_at.map(|at| at.value.as_second()), words.collect())
    }

    /// Reads on from what is kept, and compares with reading everything.
    fn read(&self) -> (Vec<(i64, u64)>, Option<i64>, Vec<LeftOutWord>) {
        let on = self.read_with(&self.kept());
        let fresh = tempfile::tempdir().unwrap();
        assert_eq!(on, self.read_with(fresh.path()), "reading on differs from reading anew");
        on
    }
}

/// As far as it can be.
fn unpacked(bytes: &[u8]) -> Vec<u8> {
    let mut all = Vec::new();
    zstd::Decoder::new(bytes).unwrap().read_to_end(&mut all).ok();
    all
}

type LeftOutWord = (String, u64);

const LIVE: &str = "system-state.jsonl";

fn record(at: u64, green: u64) -> String {
    let rest = "\"parity_red\":1,\"parity_manual\":0,\"parity_not_applicable\":0,\"parity_unknown\":0,\"last\":true}";
    format!("{{\"ts\":{at},\"crit\":[\"say \\\"parity_green\\\":7\"],\"parity_green\":{green},{rest}\n")
}

#[test]
fn only_changes_are_points() {
    let stage = Stage::new();
    stage.append(&[record(1, 5), record(2, 5), record(3, 6), record(4, 6), record(5, 5)].concat());
    assert_eq!(stage.read(), (vec![(1, 5), (3, 6), (5, 5)], Some(5), vec![]));
}

#[test]
fn a_record_that_does_not_tell_all_counts_changes_nothing() {
    let stage = Stage::new();
    stage.append(&record(1, 5));
    stage.append("{\"ts\":2,\"parity_green\":null,\"parity_red\":1,\"parity_manual\":0,\"parity_unknown\":0}\n");
    stage.append("{\"ts\":3,\"parity_green\":9}\n{\"ts\":4}\n");
    stage.append(&record(5, 5));
    assert_eq!(stage.read(), (vec![(1, 5)], Some(5), vec![]));
}

#[test]
fn keys_in_any_order_and_any_spacing_are_understood() {
    let stage = Stage::new();
    stage.append(&record(1, 5));
    stage.append("{ \"parity_unknown\" : 0, \"parity_red\" : 2, \"parity_not_applicable\":0,\"parity_manual\":\"0\", \"parity_green\" : 5.0 , \"ts\" : \"2\" }\n");
    assert_eq!(stage.read(), (vec![(1, 5), (2, 5)], Some(2), vec![]));
}

#[test]
fn what_is_no_record_is_counted() {
    let mut stage = Stage::new();
    stage.config.journey.max_line.0 = 400;
    stage.append(&record(1, 5));
    stage.append("nonsense\n\n[]\n{\"parity_green\":1}\n");
    stage.append(&format!("{{\"x\":\"{}\"}}\n", "x".repeat(500)));
    stage.append(&record(2, 6));
    stage.append("{\"ts\":3,");
    let counts = vec![("malformed".into(), 3), ("oversized".into(), 1), ("torn".into(), 1)];
    assert_eq!(stage.read(), (vec![(1, 5), (2, 6)], Some(2), counts));
}

#[test]
fn rotated_and_compressed_files_come_before_the_live_one() {
    let stage = Stage::new();
    for (number, compressed) in [(1, true), (2, true), (3, false)] {
        stage.append(&record(u64::from(number) * 10, u64::from(number)));
        assert!(!stage.read().0.is_empty());
        stage.rotate(number, compressed);
        assert!(!stage.read().0.is_empty());
    }
    stage.append(&record(40, 4));
    assert_eq!(stage.read(), (vec![(10, 1), (20, 2), (30, 3), (40, 4)], Some(40), vec![]));
    // A crash left both forms of one.
    let both = stage.at("system-state.jsonl.20261122T000002.000Z");
    fs::write(&both, record(20, 2)).unwrap();
    assert_eq!(stage.read().0.len(), 4);
}

#[test]
fn a_spoilt_compressed_file_tells_what_stands_before() {
    let stage = Stage::new();
    stage.append(&(1..4000).map(|at| record(at, at / 1000)).collect::<String>());
    stage.rotate(1, true);
    let path = stage.at("system-state.jsonl.20261122T000001.000Z.zst");
    let packed = fs::read(&path).unwrap();
    fs::write(&path, &packed[..packed.len() - 20]).unwrap();
    stage.append(&record(9000, 9));
    let (points, last, counts) = stage.read_with(&stage.kept());
    assert_eq!((points.last(), last), (Some(&(9000, 9)), Some(9000)));
    assert!(counts.contains(&("unreadable".into(), 1)), "{counts:?}");
    assert_eq!(stage.read_with(&stage.kept()), (points, last, counts), "and says so again");
}

#[test]
fn a_file_that_was_written_anew_is_read_anew() {
    let stage = Stage::new();
    stage.append(&[record(1, 5), record(2, 6)].concat());
    assert_eq!(stage.read().0.len(), 2);
    // The same file, and longer than what was read of it: only its bytes tell.
    fs::write(stage.at(LIVE), [record(1, 7), record(2, 8), record(3, 9)].concat()).unwrap();
    assert_eq!(stage.read(), (vec![(1, 7), (2, 8), (3, 9)], Some(3), vec![]));
    fs::write(stage.at(LIVE), record(4, 4)).unwrap();
    assert_eq!(stage.read(), (vec![(4, 4)], Some(4), vec![]));
}

#[test]
fn what_is_kept_is_read_no_more() {
    let stage = Stage::new();
    stage.append(&[record(1, 5), record(2, 6)].concat());
    stage.read();
    // Spoilt in what was read already, with all that identifies the file left as it is kept: nobody looks there again.
    let path = stage.kept().join("inputs/parity.json");
    let mut kept: Kept = load(&path).unwrap();
    kept.segments[0].points[0].counts[0] = 77;
    store(&path, &kept).unwrap();
    stage.append(&record(3, 9));
    let told = crate::journey::inputs::read(&freeze(&stage.config), &stage.kept());
    let greens: Vec<u64> = told.parity.iter().map(|point| point.green).collect();
    assert_eq!(greens, [77, 6, 9]);
    // Spoilt in itself it counts as nothing.
    let mut bytes = fs::read(&path).unwrap();
    bytes[100] ^= 1;
    fs::write(&path, bytes).unwrap();
    assert_eq!(stage.read().0, [(1, 5), (2, 6), (3, 9)]);
}

/// What may happen to a series between two runs.
#[derive(Debug, Clone)]
enum Step {
    Append(u64),
    Torn,
    Rotate(bool),
    Read,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => (0_u64..3).prop_map(Step::Append),
        1 => Just(Step::Torn),
        1 => any::<bool>().prop_map(Step::Rotate),
        2 => Just(Step::Read),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]
    #[test]
    fn reading_on_gives_what_reading_anew_gives(steps in proptest::collection::vec(step(), 1..20)) {
        let stage = Stage::new();
        for (at, step) in steps.into_iter().enumerate() {
            match step {
                Step::Append(green) => stage.append(&record(at as u64, green)),
                Step::Torn => stage.append("{\"ts\":"),
                Step::Rotate(compressed) => stage.rotate(u32::try_from(at).unwrap(), compressed),
                Step::Read => drop(stage.read()),
            }
        }
        stage.read();
    }
}
