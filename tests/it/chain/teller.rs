//! The demo's story, told at the pace of a test: a chapter begins when the test turns to it, and then does not end.
//!
//! Invariant: the story only goes forward, as the demo itself tells it; what counts up never goes down.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use autoswe_exporter::config::Config;
use autoswe_exporter::demo::{Demo, Story};
use autoswe_exporter::observation::Time;
use serde_json::Value;
use tokio::sync::watch;
use tokio::task::JoinHandle;

/// The world is written down this often.
const STEP: Duration = Duration::from_millis(100);

/// The story being told; it ends when this is dropped.
pub(super) struct Teller {
    story: Story,
    /// The chapter being told, counted through all rounds.
    chapter: watch::Sender<usize>,
    heartbeat: PathBuf,
    task: JoinHandle<()>,
}

impl Teller {
    /// Begins with the first chapter. The configuration watches it, on no address yet.
    pub(super) async fn begin() -> (Self, Config) {
        let demo = Demo::start(1.0).await.unwrap();
        let (story, config) = (*demo.story(), demo.config());
        let heartbeat = demo.runtime_dir().join("state-heartbeat.json");
        let (chapter, told) = watch::channel(0);
        let task = tokio::spawn(tell(demo, told));
        (Teller { story, chapter, heartbeat, task }, config)
    }

    /// Turns to the next chapter of this title; those in between are over in no time.
    pub(super) fn turn_to(&self, title: &str) {
        let chapters = self.story.chapters();
        let present = *self.chapter.borrow();
        let next = (present + 1..).take(chapters.len()).find(|index| chapters[index % chapters.len()].title == title);
        self.chapter.send(next.unwrap_or_else(|| panic!("no chapter {title:?}"))).unwrap();
    }

    /// When the loop gave its last sign of life.
    pub(super) fn last_beat(&self) -> Time {
        let beat: Value = serde_json::from_slice(&std::fs::read(&self.heartbeat).unwrap()).unwrap();
        beat["ts"].as_str().unwrap().parse().unwrap()
    }
}

impl Drop for Teller {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn tell(mut demo: Demo, told: watch::Receiver<usize>) {
    let story = *demo.story();
    let (mut present, mut begun) = (0, Instant::now());
    loop {
        let chapter = *told.borrow();
        if chapter != present {
            (present, begun) = (chapter, Instant::now());
        }
        demo.step(place(&story, present, begun.elapsed()), Time::now()).unwrap();
        tokio::time::sleep(STEP).await;
    }
}

/// Where in the story it is after a chapter has been told for some time: at first it passes as usual, then ever slower,
/// so that there is no end to it.
fn place(story: &Story, chapter: usize, told: Duration) -> Duration {
    let chapters = story.chapters();
    let before: Duration = (0..chapter).map(|index| story.length(&chapters[index % chapters.len()])).sum();
    let length = story.length(&chapters[chapter % chapters.len()]).as_secs_f64();
    before + Duration::from_secs_f64(length * (1.0 - (-told.as_secs_f64() / length).exp()))
}
