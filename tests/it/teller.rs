//! The demo's story, told at the pace of a test: a chapter begins when the test turns to it, and then does not end.
//!
//! Invariant: the story only goes forward, as the demo itself tells it; what counts up never goes down. A trouble is a
//! warning for so long that it is told before it gets critical, however slow the machine.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use autoswe_exporter::config::Config;
use autoswe_exporter::config::value::Seconds;
use autoswe_exporter::demo::{Demo, Story};
use autoswe_exporter::observation::Time;
use serde_json::{Value, json};
use tokio::sync::watch;
use tokio::task::JoinHandle;

/// The world is written down this often.
const STEP: Duration = Duration::from_millis(100);

/// A heartbeat gets as old as this only where [`Teller::age`] makes it so: seconds.
const NEVER: f64 = 600.0;
/// A stall gets critical after this time, seconds. It cannot be made older than it is.
const STALL: f64 = 15.0;

/// The story being told; it ends when this is dropped.
pub(crate) struct Teller {
    story: Story,
    /// The chapter being told, counted through all rounds.
    chapter: watch::Sender<usize>,
    heartbeat: PathBuf,
    task: JoinHandle<()>,
}

impl Teller {
    /// Begins with the first chapter. The configuration watches it, on no address yet.
    pub(crate) async fn begin() -> (Self, Config) {
        let demo = Demo::start(1.0).await.unwrap();
        let (story, mut config) = (*demo.story(), demo.config());
        config.checks.loop_.crit = Seconds(NEVER);
        config.checks.vllm.stall_crit = Seconds(STALL);
        // The throttled GPU gets hotter for as long as the test has to wait; the story is about its clocks.
        config.checks.gpu.hot_margin = 0.0;
        let heartbeat = demo.runtime_dir().join("state-heartbeat.json");
        let (chapter, told) = watch::channel(0);
        let task = tokio::spawn(tell(demo, told));
        (Teller { story, chapter, heartbeat, task }, config)
    }

    /// Turns to the next chapter of this title; those in between are over in no time.
    pub(crate) fn turn_to(&self, title: &str) {
        let chapters = self.story.chapters();
        let present = *self.chapter.borrow();
        let next = (present + 1..).take(chapters.len()).find(|index| chapters[index % chapters.len()].title == title);
        self.chapter.send(next.unwrap_or_else(|| panic!("no chapter {title:?}"))).unwrap();
    }

    /// When the loop gave its last sign of life.
    pub(crate) fn last_beat(&self) -> Time {
        self.beat()["ts"].as_str().unwrap().parse().unwrap()
    }

    /// Makes the heartbeat that has stopped so old that it is critical.
    pub(crate) fn age(&self) {
        let mut beat = self.beat();
        beat["ts"] = json!(Time::now() - jiff::SignedDuration::from_secs(2 * NEVER as i64));
        let fresh = self.heartbeat.with_extension("older");
        std::fs::write(&fresh, beat.to_string()).unwrap();
        std::fs::rename(fresh, &self.heartbeat).unwrap();
    }

    fn beat(&self) -> Value {
        serde_json::from_slice(&std::fs::read(&self.heartbeat).unwrap()).unwrap()
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
    before + Duration::from_secs_f64(length * (1.0 - libm::exp(-told.as_secs_f64() / length)))
}
