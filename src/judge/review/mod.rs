//! The review: what the loop did in the last hours, as a judge sees it.
//!
//! ```text
//! inputs, time series  ->  evidence  ->  prompt  ->  leak gate  ->  judge  ->  opinion  ->  record
//! (frozen lengths)         (redacted)    (bounded)   (fails closed)            (checked)    (one line)
//! ```
//!
//! Invariants: what reaches the judge is redacted by the parts that redact the site, and the site's leak gate found
//! nothing in its final bytes; it is asked without tools, by which it could look further. Every attempt leaves one record; one that failed has no score, so that it can never be
//! taken for a review.

mod evidence;
mod lock;
mod opinion;
mod prompt;
mod record;
mod scan;

use std::ffi::OsString;
use std::time::{Duration, Instant};

use super::{Ask, Failure, Judge, Usage};
use crate::config::Loaded;
use crate::journey::redact::Redactor;
use crate::journey::synthesis::Configured;
use crate::observation::Time;

pub use lock::Lock;
pub use opinion::{Finding, Level, Opinion, Word, schema};
pub use record::{About, LastGood, Record, append};

/// How long gathering the evidence may take; git alone is waited for two minutes at most.
pub(crate) const GATHERING: Duration = Duration::from_secs(240);

/// How often the judge is asked: what breaks the schema is asked for once more, with the fault told.
const ATTEMPTS: u32 = 2;

/// What the judge will be asked.
pub struct Question {
    /// The prompt.
    pub prompt: String,
    /// The beginning of the time that is reviewed.
    pub since: Time,
    /// The latest review with a score.
    pub last_good: Option<LastGood>,
    /// Masks what the judge answers.
    redactor: Redactor,
}

/// One review, or why there is none.
pub struct Review {
    /// What the judge found.
    pub outcome: Result<Opinion, Failure>,
    /// How often it was asked.
    pub attempts: u32,
    /// How long that took.
    pub took: Duration,
    /// What its answers took, where it tells; also of one that was not used.
    pub usage: Option<Usage>,
    /// The model that answered, where it is known.
    pub model: Option<String>,
}

/// Gathers the evidence of the time before `now` and makes the prompt of it.
///
/// # Errors
/// [`Failure::Evidence`], where there is nothing to review, it took too long, or the prompt would leak.
pub async fn question(loaded: &Loaded, environment: Vec<(OsString, OsString)>, now: Time) -> Result<Question, Failure> {
    let loaded = loaded.clone();
    let gathering = tokio::task::spawn_blocking(move || make(&loaded, environment, now));
    match tokio::time::timeout(GATHERING, gathering).await {
        Ok(Ok(Ok(question))) => Ok(question),
        Ok(Ok(Err(error))) => Err(Failure::Evidence(format!("{error:#}"))),
        Ok(Err(panic)) => Err(Failure::Evidence(format!("gathering it failed: {panic}; please report this"))),
        Err(_) => {
            let most = GATHERING.as_secs();
            Err(Failure::Evidence(format!("it was not gathered within {most} s; does a file system hang?")))
        }
    }
}

fn make(loaded: &Loaded, environment: Vec<(OsString, OsString)>, now: Time) -> anyhow::Result<Question> {
    let parts = Configured::new(loaded.config.clone(), environment, false);
    let mut redactor = parts.redactor()?;
    let evidence = evidence::gather(loaded, &mut redactor, now)?;
    let prompt = prompt::write(&evidence, &loaded.config);
    let prompt = scan::fit_to_be_sent(prompt, &parts)?;
    Ok(Question { prompt, since: evidence.from, last_good: evidence.last_good(), redactor })
}

/// Asks `judge`, a second time where its answer breaks the schema.
pub async fn review(judge: &Judge, question: &mut Question) -> Review {
    let (begun, schema) = (Instant::now(), schema());
    let mut prompt = question.prompt.clone();
    let (mut attempts, mut usage, mut model) = (0, None::<Usage>, judge.model().map(str::to_owned));
    let outcome = loop {
        attempts += 1;
        let answer = match judge.ask(&Ask { prompt: &prompt, schema: Some(&schema), tools: false }).await {
            Ok(answer) => answer,
            Err(failure) => break Err(failure),
        };
        model.clone_from(&answer.model);
        usage = usage.into_iter().chain(answer.usage).reduce(Usage::and);
        match opinion::read(answer.json_text(), &mut question.redactor) {
            Ok(opinion) => break Ok(opinion),
            Err(fault) if attempts == ATTEMPTS => {
                let why = format!("the answer breaks the schema, the second one too: {fault}");
                break Err(Failure::no_verdict(why));
            }
            Err(fault) => {
                tracing::warn!(judge = judge.name(), fault, "the answer breaks the schema; asking once more");
                prompt = prompt::again(&question.prompt, &fault);
            }
        }
    };
    Review { outcome, attempts, took: begun.elapsed(), usage, model }
}
