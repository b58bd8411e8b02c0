//! A transcript of 2 GB, of which one line has 200 MB: each answer is counted, and memory stays small.

use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use super::place::{Place, files};

/// Bytes of the transcript, and of its longest line.
const BYTES: u64 = 2_000_000_000;
const LINE: usize = 200_000_000;
/// Bytes of a line that is no answer: what a tool printed.
const PRINTED: usize = 64 << 10;
/// Such lines between two answers.
const BETWEEN: usize = 16;
/// The most memory that may be resident, kB.
const MOST: u64 = 200_000;

/// What the answers of the transcript were written by.
const MODEL: &str = "a-model-of-its-own";

/// An answer like those of the run, in the second iteration, in a session of its own.
fn answer(place: &Place) -> (PathBuf, Value) {
    let transcripts = files(&place.path("projects"));
    let path = transcripts.into_iter().find(|path| !path.to_str().unwrap().contains("-srv-somewhere-else")).unwrap();
    let text = fs::read_to_string(&path).unwrap();
    let line = text.lines().find(|line| line.contains("\"usage\"") && line.contains("\"model\":")).unwrap();
    let mut answer: Value = serde_json::from_str(line).unwrap();
    let began: Timestamp = place.state()["history"][1]["started_at"].as_str().unwrap().parse().unwrap();
    answer["timestamp"] = (began + SignedDuration::from_secs(5)).to_string().into();
    answer["sessionId"] = "6f1c2d3e-4b5a-4978-8a9b-0c1d2e3f4a5b".into();
    answer["message"]["model"] = MODEL.into();
    (path.with_file_name("large.jsonl"), answer)
}

/// Writes the transcript; how many answers are in it. The long line is one of them.
fn write(path: &Path, mut answer: Value) -> u64 {
    let printed = json!({"type": "user", "message": {"content": "p".repeat(PRINTED)}}).to_string() + "\n";
    let (printed, mut file) = (printed.repeat(BETWEEN), File::create(path).unwrap());
    let (mut bytes, mut count) = (0, 0);
    while bytes < BYTES {
        count += 1;
        answer["message"]["id"] = format!("msg_large_{count}").into();
        answer["requestId"] = format!("req_large_{count}").into();
        answer["uuid"] = format!("large-{count}").into();
        answer["message"]["usage"] = json!({"input_tokens": count, "output_tokens": 1});
        let said = if count == 500 { "w".repeat(LINE) } else { "few words".into() };
        answer["message"]["content"] = json!([{"type": "text", "text": said}]);
        for part in [answer.to_string().as_bytes(), b"\n", printed.as_bytes()] {
            file.write_all(part).unwrap();
            bytes += part.len() as u64;
        }
    }
    count
}

/// The most memory that the process had resident, kB, as far as it can still be asked.
fn peak(id: u32) -> Option<u64> {
    let status = fs::read_to_string(format!("/proc/{id}/status")).ok()?;
    status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?.trim().strip_suffix(" kB")?.trim().parse().ok()
}

#[test]
fn a_transcript_of_two_gigabytes_with_a_line_of_two_hundred_megabytes_is_counted_in_little_memory() {
    let place = Place::new(3);
    let (path, answer) = answer(&place);
    let count = write(&path, answer);
    let mut run = place.start(&["synthesize", "--rebuild-site"]);
    let mut most = 0;
    while run.runs() {
        most = most.max(peak(run.id()).unwrap_or(0));
        std::thread::sleep(Duration::from_millis(2));
    }
    fs::remove_file(&path).unwrap();
    let ended = run.end();
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert!((1..MOST).contains(&most), "{most} kB");
    let (_, site) = place.shown().unwrap();
    let data: Value = serde_json::from_str(&site["site-data.json"]).unwrap();
    let iterations = data["iterations"].as_array().unwrap();
    let told: Vec<&Value> = iterations.iter().map(|one| &one["tokens"][MODEL]).filter(|one| !one.is_null()).collect();
    let tokens = json!({"input": count * (count + 1) / 2, "output": count, "cache_read": 0, "cache_creation": 0});
    assert_eq!(told, [&tokens], "{count} answers, each once");
    assert_eq!(iterations[1]["tokens"][MODEL], tokens);
}
