//! The transcripts of the run: a session an iteration, some resumed, some with sub-agents in files of their own.

use std::cell::Cell;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::rc::Rc;

use jiff::SignedDuration;

use super::chance::Chance;
use super::story::{Iteration, Story};
use super::text::Text;
use super::transcript::Transcript;
use super::traps::Traps;
use super::{Plan, beginning};

/// Bytes of a tool's result, about: it stands twice in its line.
const RESULT: usize = 2600;

/// Bytes of a line, about, which tells how fast the clock must go.
const LINE: u64 = 3200;

/// The planner is another model than the writer.
const MODELS: [&str; 2] = ["qwen3-coder-30b-a3b", "gpt-oss-120b"];

/// Writes transcripts.
pub(crate) struct Sessions {
    directory: PathBuf,
    other: PathBuf,
    cwd: String,
    budget: u64,
    text: Rc<Text>,
    chance: Chance,
    files: Cell<u64>,
    bytes: Cell<u64>,
    answers: u64,
}

impl Sessions {
    /// Below `projects`, for a loop that works on the repository at `cwd`.
    pub(super) fn new(projects: &Path, cwd: &Path, plan: &Plan, chance: &mut Chance) -> io::Result<Self> {
        let slug = |path: &Path| path.display().to_string().replace(['/', '.', '_'], "-");
        let (directory, other) = (projects.join(slug(cwd)), projects.join("-srv-somewhere-else"));
        fs::create_dir_all(&directory)?;
        fs::create_dir_all(&other)?;
        Ok(Sessions {
            directory,
            other,
            cwd: cwd.display().to_string(),
            budget: plan.transcripts / plan.iterations.max(1),
            text: Rc::new(Text::new(&mut chance.fork())),
            chance: chance.fork(),
            files: Cell::new(0),
            bytes: Cell::new(0),
            answers: 0,
        })
    }

    /// Transcripts, bytes, answers.
    pub(super) fn size(&self) -> (u64, u64, u64) {
        (self.files.get(), self.bytes.get(), self.answers)
    }

    /// Writes all sessions, and notes in the story what they spent.
    pub(super) fn write(&mut self, story: &mut Story, traps: &mut Traps) -> io::Result<()> {
        self.apart(traps)?;
        for iteration in &mut story.iterations {
            self.iteration(iteration, traps)?;
        }
        Ok(())
    }

    /// Sessions that do not belong to the run: one of a run that was given up before, one of another project.
    fn apart(&mut self, traps: &mut Traps) -> io::Result<()> {
        let places = [(self.cwd.clone(), self.directory.clone()), ("/srv/somewhere/else".into(), self.other.clone())];
        for (cwd, directory) in places {
            let before = (beginning() - SignedDuration::from_hours(50)).as_millisecond();
            let mut transcript = Transcript::new(Rc::clone(&self.text), self.chance.fork(), &cwd, before);
            self.ask(&mut transcript, "Try whether this can work at all.", traps);
            while (transcript.bytes.len() as u64) < self.budget.min(100_000) {
                transcript.answer(RESULT);
            }
            self.save(&directory, transcript.session(), &transcript)?;
        }
        Ok(())
    }

    fn iteration(&mut self, iteration: &mut Iteration, traps: &mut Traps) -> io::Result<()> {
        let budget = self.budget / 2 + self.chance.below(self.budget + 1);
        let (began, ended) = (iteration.started.as_millisecond(), iteration.ended.as_millisecond());
        let mut transcript = Transcript::new(Rc::clone(&self.text), self.chance.fork(), &self.cwd, began + 900);
        let lines = (budget / LINE).max(1);
        let length = (ended - began).unsigned_abs();
        transcript.pace = (length * 6 / 5 / lines).clamp(201, length / 20);
        // Room for the longest answer and a sub-agent after it.
        let last = ended - 60_000 - 8 * i64::try_from(transcript.pace).unwrap_or(0);
        let (module, slug) = (iteration.module, &iteration.slug);
        self.ask(&mut transcript, &format!("Take up {slug} in {module}: make its red cells green."), traps);
        let resumes = if self.chance.percent(4) { budget / 2 } else { u64::MAX };
        let mut resumed = false;
        while (transcript.bytes.len() as u64) < budget && transcript.clock < last {
            self.go_on(&mut transcript, traps)?;
            if !resumed && transcript.bytes.len() as u64 > resumes {
                self.save(&self.directory, transcript.session(), &transcript)?;
                transcript.resume();
                resumed = true;
            }
        }
        self.save(&self.directory, transcript.session(), &transcript)?;
        self.answers += transcript.answers;
        iteration.tokens = transcript.tokens;
        Ok(())
    }

    fn ask(&self, transcript: &mut Transcript, what: &str, traps: &mut Traps) {
        let file = format!("{}.jsonl", transcript.session());
        transcript.snapshot();
        transcript.prompt(&traps.plant(&file, "message.content", what));
    }

    /// One answer, and now and then something else.
    fn go_on(&mut self, transcript: &mut Transcript, traps: &mut Traps) -> io::Result<()> {
        let [writer, planner] = MODELS;
        transcript.model = if transcript.answers < 3 { planner } else { writer };
        transcript.answer(RESULT);
        match self.chance.below(120) {
            0 => transcript.error(),
            1..=2 => transcript.side_chain(RESULT / 2),
            3..=4 => self.agent(transcript, traps)?,
            _ => {}
        }
        Ok(())
    }

    fn agent(&mut self, transcript: &mut Transcript, traps: &mut Traps) -> io::Result<()> {
        let (name, mut agent) = transcript.sub_agent();
        let what = "Read the tests of this module and say which of them cannot fail.";
        agent.prompt(&traps.plant(&format!("{name}.jsonl"), "message.content", what));
        for _ in 0..self.chance.between(2, 6) {
            agent.answer(RESULT / 2);
        }
        self.save(&self.directory, &name, &agent)?;
        transcript.clock = agent.clock;
        transcript.answers += agent.answers;
        for (model, tokens) in agent.tokens {
            *transcript.tokens.entry(model).or_default() += tokens;
        }
        Ok(())
    }

    fn save(&self, directory: &Path, name: &str, transcript: &Transcript) -> io::Result<()> {
        self.files.set(self.files.get() + 1);
        self.bytes.set(self.bytes.get() + transcript.bytes.len() as u64);
        fs::write(directory.join(format!("{name}.jsonl")), &transcript.bytes)
    }
}
