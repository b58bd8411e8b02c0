use std::os::unix::fs::PermissionsExt;

use super::*;
use crate::journey::leak::rules::Hit;
use crate::journey::site_data::Review;

fn none(_: &[u8], _: &mut Vec<Hit>, _: &mut Vec<std::ops::Range<usize>>) {}

fn data(texts: &[&str]) -> SiteData {
    let review = |text: &&str| Review { summary: Some((*text).to_owned()), ..Review::default() };
    SiteData { reviews: texts.iter().map(review).collect(), ..SiteData::default() }
}

fn summaries(data: &SiteData) -> Vec<&str> {
    data.reviews.iter().filter_map(|review| review.summary.as_deref()).collect()
}

fn cleanup(directory: &Path, script: &str) -> Cleanup {
    Cleanup {
        command: ["/bin/sh", "-c", script].map(str::to_owned).to_vec(),
        timeout: Duration::from_secs(60),
        budget: Duration::from_secs(600),
        answers: directory.join("cleaned.jsonl"),
    }
}

async fn cleaned(data: &mut SiteData, cleanup: &Cleanup) -> Cleaned {
    clean(data, &mut Redactor::new(none, &[]).unwrap(), cleanup).await.unwrap()
}

#[tokio::test]
async fn prose_is_cleaned_once_and_then_known() {
    let directory = tempfile::tempdir().unwrap();
    let asked = directory.path().join("asked");
    let cleanup = cleanup(directory.path(), &format!("echo x >> {}; tr a-z A-Z", asked.display()));
    let mut first = data(&["one", "two", "one"]);
    let done = cleaned(&mut first, &cleanup).await;
    assert_eq!((summaries(&first), done.answered, done.known), (vec!["ONE", "TWO", "ONE"], 2, 1));
    let mut again = data(&["one", "two", "one"]);
    assert_eq!(cleaned(&mut again, &cleanup).await, Cleaned { known: 3, ..Cleaned::default() });
    assert_eq!((again, std::fs::read_to_string(asked).unwrap().lines().count()), (first, 2));
    assert_eq!(std::fs::metadata(&cleanup.answers).unwrap().permissions().mode() & 0o777, 0o600);
}

#[tokio::test]
async fn what_the_command_adds_is_redacted() {
    let directory = tempfile::tempdir().unwrap();
    let mut data = data(&["one"]);
    cleaned(&mut data, &cleanup(directory.path(), "cat; echo ' of /home/ann/x'")).await;
    assert_eq!(summaries(&data), ["one of path-1"]);
}

#[tokio::test]
async fn a_command_that_fails_changes_nothing_and_is_told() {
    for (script, why) in [
        ("exit 3", "ended with exit status: 3"),
        ("true", "gave an empty answer"),
        ("printf '\\377'", "gave an answer that is not UTF-8"),
        ("yes | head -c 20000", "gave more than 16000 bytes"),
    ] {
        let directory = tempfile::tempdir().unwrap();
        let mut data = data(&["a text"]);
        let done = cleaned(&mut data, &cleanup(directory.path(), script)).await;
        assert_eq!((summaries(&data), done.failed), (vec!["a text"], 1));
        assert!(done.told[0].contains(why) && !done.told[0].contains("a text"), "{:?}", done.told);
    }
}

#[tokio::test]
async fn a_command_that_hangs_is_ended_and_what_is_left_waits() {
    let directory = tempfile::tempdir().unwrap();
    let mut slow = Cleanup { timeout: Duration::from_millis(50), ..cleanup(directory.path(), "exec sleep 600") };
    let mut all = data(&["a", "b", "c", "d", "e", "f", "g"]);
    let done = cleaned(&mut all, &slow).await;
    assert_eq!((summaries(&all).len(), done.failed, done.waiting), (7, 5, 2));
    assert!(done.told[0].contains("gave no answer within"), "{:?}", done.told);
    slow.budget = Duration::ZERO;
    assert_eq!(cleaned(&mut all, &slow).await.waiting, 7);
}

#[tokio::test]
async fn a_torn_line_of_the_file_is_asked_for_again() {
    let directory = tempfile::tempdir().unwrap();
    let cleanup = cleanup(directory.path(), "tr a-z A-Z");
    cleaned(&mut data(&["one"]), &cleanup).await;
    let text = std::fs::read(&cleanup.answers).unwrap();
    std::fs::write(&cleanup.answers, &text[..text.len() - 5]).unwrap();
    let mut again = data(&["one"]);
    assert_eq!(cleaned(&mut again, &cleanup).await.answered, 1);
    assert_eq!(cleaned(&mut data(&["one"]), &cleanup).await.known, 1);
}
