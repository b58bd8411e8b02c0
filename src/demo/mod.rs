//! A loop to watch where there is none: `autoswe-exporter demo` lives through a short story, over and over.
//!
//! [`Story`] says what the world looks like at each instant (pure), [`World`] writes it as the files that a real loop
//! writes, and a stand-in vLLM serves it over HTTP. The exporter reads them through the same sources as in
//! production; nothing in it knows that this is a demonstration.
//!
//! Invariant: only loopback, no GPU, and one temporary directory that is gone when the [`Demo`] is.

mod gpu;
mod settings;
mod standin;
mod story;
mod world;

use std::future::Future;
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

pub use settings::config;
pub use standin::StandIn;
pub use story::{Chapter, Expected, Model, Mood, Scene, Story};
pub use world::World;

use crate::config::Config;
use crate::observation::Time;

/// The story is written down this often, in seconds at speed 1.
const STEP: f64 = 0.25;

/// A world to watch: the story, its files, and its model server.
///
/// ```no_run
/// # async fn run(shutdown: impl Future<Output = ()>) -> std::io::Result<()> {
/// use autoswe_exporter::demo::Demo;
///
/// let demo = Demo::start(1.0).await?;
/// println!("{} shows {}", demo.vllm_url(), demo.runtime_dir().display());
/// let config = demo.config(); // watch this with the ordinary daemon, beside:
/// demo.run(shutdown, |chapter| println!("{}: {}", chapter.title, chapter.what_you_will_see)).await
/// # }
/// ```
#[derive(Debug)]
pub struct Demo {
    story: Story,
    world: World,
    model: StandIn,
    // The last field: the directory is removed after everything that writes into it.
    directory: tempfile::TempDir,
}

impl Demo {
    /// Makes the temporary directory with a plausible past in it, and starts the stand-in vLLM.
    ///
    /// `speed` is how many times faster than the usual 91 s a round passes, from [`Story::SLOWEST`] to
    /// [`Story::FASTEST`]; beyond them it is cut.
    ///
    /// # Errors
    /// When the directory cannot be written or no port of 127.0.0.1 is free. The message says which path.
    pub async fn start(speed: f64) -> io::Result<Self> {
        let story = Story::new(speed);
        let directory = tempfile::Builder::new().prefix("autoswe-demo-").tempdir()?;
        let now = Time::now();
        let first = story.scene(Duration::ZERO);
        let mut world = World::create(&directory.path().join("runtime"), &directory.path().join("repo"), now)?;
        world.apply(&first, now)?;
        let model = StandIn::start(first.model).await?;
        Ok(Demo { story, world, model, directory })
    }

    /// The configuration with which this world is to be watched, its limits as compressed as the story.
    pub fn config(&self) -> Config {
        config(&self.runtime_dir(), &self.repo_root(), &self.vllm_url(), self.story.speed())
    }

    /// The story that is told.
    pub fn story(&self) -> &Story {
        &self.story
    }

    /// The temporary directory that holds everything; it is removed with this value.
    pub fn directory(&self) -> &Path {
        self.directory.path()
    }

    /// Where the loop's files lie.
    pub fn runtime_dir(&self) -> PathBuf {
        self.directory.path().join("runtime")
    }

    /// Where the parity matrix and the site lie.
    pub fn repo_root(&self) -> PathBuf {
        self.directory.path().join("repo")
    }

    /// Base URL of the stand-in vLLM.
    pub fn vllm_url(&self) -> String {
        self.model.url()
    }

    /// Makes the world what it is `elapsed` after the story's start, as written at `now`.
    ///
    /// # Errors
    /// When a file cannot be written, naming it; a demo whose directory was deleted ends so.
    pub fn step(&mut self, elapsed: Duration, now: Time) -> io::Result<()> {
        let scene = self.story.scene(elapsed);
        self.world.apply(&scene, now)?;
        self.model.show(scene.model);
        Ok(())
    }

    /// Tells the story until `shutdown` is done; calls `narrate` at the beginning of each chapter.
    ///
    /// # Errors
    /// As [`Demo::step`].
    pub async fn run(
        mut self,
        shutdown: impl Future<Output = ()>,
        mut narrate: impl FnMut(&Chapter),
    ) -> io::Result<()> {
        let begun = Instant::now();
        let mut told = None;
        let mut clock = tokio::time::interval(Duration::from_secs_f64(STEP / self.story.speed()));
        clock.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Skip);
        tokio::pin!(shutdown);
        loop {
            tokio::select! {
                () = &mut shutdown => return Ok(()),
                _ = clock.tick() => {}
            }
            let elapsed = begun.elapsed();
            let chapter = self.story.chapter(elapsed);
            if told != Some(chapter.title) {
                told = Some(chapter.title);
                narrate(chapter);
            }
            self.step(elapsed, Time::now())?;
        }
    }
}
