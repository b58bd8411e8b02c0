//! An OpenAI-compatible HTTP endpoint as judge, such as a vLLM of one's own.
//!
//! ```text
//! request  ->  connection  ->  stream  ->  answer  ->  thinking
//! (pure)       (I/O)           (events)    (one message)  (its last word)
//! ```
//!
//! Invariants: one limit of time holds over all that is asked, the list of models and second tries included; an answer
//! is one only where the endpoint says that it ended by itself.

mod answer;
mod connection;
mod refusal;
mod request;
mod stream;
#[cfg(test)]
mod tests;
mod thinking;

use std::cell::Cell;
use std::time::Duration;

use tokio::time::{Instant, sleep, timeout};
use tracing::debug;

use super::extract::Found;
use super::{Ask, Failure, Judge};
use crate::signals::Signals;
use answer::{Gap, Reading};
use connection::{Connection, Listed, Reply};
use refusal::Refusal;
use request::Question;

/// So often an endpoint that says when to come again is asked again.
const SECOND_TRIES: usize = 3;

/// Asks the endpoint at `url`: what it answered, and the model that was asked.
///
/// # Errors
/// Why there is no answer.
pub(super) async fn ask(judge: &Judge, url: &str, ask: &Ask<'_>) -> Result<(Found, String), Failure> {
    let connection = Connection::new(judge, url)?;
    let mut signals = Signals::new().map_err(|error| Failure::Failed {
        how: "the signals that end the program cannot be heard".into(),
        words: error.to_string(),
    })?;
    let limit = judge.settings.timeout.duration();
    let asking = Asking { judge, connection, until: Instant::now() + limit, stage: Cell::new(Stage::Waiting) };
    tokio::select! {
        biased;
        signal = signals.next() => Err(asking.interrupted(signal)),
        asked = timeout(limit, asking.ask(ask)) => asked.unwrap_or_else(|_| Err(asking.late(limit))),
    }
}

/// What is waited for.
#[derive(Debug, Clone, Copy)]
enum Stage {
    Models,
    Waiting,
    Answering,
}

/// One question under way.
struct Asking<'a> {
    judge: &'a Judge,
    connection: Connection,
    until: Instant,
    stage: Cell<Stage>,
}

impl Asking<'_> {
    async fn ask(&self, ask: &Ask<'_>) -> Result<(Found, String), Failure> {
        let model = match self.judge.model() {
            Some(model) => model.to_owned(),
            None => self.first_model().await?,
        };
        let mut question = Question::new(ask, model, self.judge.entry.effort.as_deref());
        let mut tries = 0;
        loop {
            self.stage.set(Stage::Waiting);
            let refusal = match self.connection.post("/chat/completions", question.body()).await? {
                Reply::Answer(response) => return Ok((self.read(response).await?, question.model)),
                Reply::Refused(refusal) => refusal,
            };
            if let Some(part) = question.leave_out(&refusal) {
                debug!(judge = self.judge.name, part, "the endpoint refuses a part of the question; asking without it");
                continue;
            }
            match refusal.again().filter(|pause| tries < SECOND_TRIES && Instant::now() + *pause < self.until) {
                Some(pause) => {
                    let seconds = pause.as_secs_f64();
                    debug!(judge = self.judge.name, seconds, "the endpoint says when to come again; waiting");
                    tries += 1;
                    sleep(pause).await;
                }
                None => return Err(self.refused(&refusal, &question).await),
            }
        }
    }

    /// The model of an endpoint for which none is named: its only one, or the first.
    async fn first_model(&self) -> Result<String, Failure> {
        self.stage.set(Stage::Models);
        let (name, connection) = (&self.judge.name, &self.connection);
        let mend = format!("name a model by --model or in judge.entries.{name}.model");
        let models = match connection.models().await? {
            Listed::Models(models) => models,
            Listed::Foreign(page) => {
                let how = format!("answers GET /models with what is no list of models; {mend}");
                return Err(connection.failed(&how, &page));
            }
            Listed::Refused(refusal) => {
                let why = refusal.mend(&connection.place()).unwrap_or_else(|| connection.place().base());
                let how = format!("does not list its models (HTTP {}); {why}; or {mend}", refusal.status);
                return Err(connection.failed(&how, &refusal.words()));
            }
        };
        let others = models.len().saturating_sub(1);
        let Some(model) = models.into_iter().next() else {
            return Err(connection.failed(&format!("has no model to ask; load one, or {mend}"), "its list is empty"));
        };
        debug!(judge = name, model, others, "no model is named; asking the first one that it lists");
        Ok(model)
    }

    /// Reads an answer that has begun.
    async fn read(&self, mut response: reqwest::Response) -> Result<Found, Failure> {
        self.stage.set(Stage::Answering);
        let most = usize::try_from(self.judge.settings.max_output.0).unwrap_or(usize::MAX);
        let mut reading = Reading::new(connection::is_stream(&response), most);
        let broken = loop {
            match response.chunk().await {
                Ok(Some(bytes)) if reading.push(&bytes) => {}
                Ok(_) => break None,
                Err(error) => break Some(crate::http::deepest_cause(&error.without_url())),
            }
        };
        match (reading.found(), broken) {
            // What it says of its failure tells more than that it then broke off.
            (Err(gap @ Gap::Failed { .. }), _) => Err(self.no_answer(gap)),
            (_, Some(cause)) => Err(self.no_verdict(&format!("the connection broke off in its answer ({cause})"))),
            (found, None) => found.map_err(|gap| self.no_answer(gap)),
        }
    }

    fn no_answer(&self, gap: Gap) -> Failure {
        match gap {
            Gap::Failed(words) => self.connection.failed("says that it failed while it answered", &words),
            Gap::Foreign(page) => {
                let mend = self.connection.place().base();
                self.connection.failed(&format!("answers with what is no chat completion; {mend}"), &page)
            }
            Gap::Unclear(why, words) if words.trim().is_empty() => self.no_verdict(why),
            Gap::Unclear(why, words) => self.no_verdict(&format!("{why}: {}", self.connection.words(&words))),
        }
    }

    fn no_verdict(&self, why: &str) -> Failure {
        Failure::no_verdict(format!("of the judge `{}`: {why}", self.judge.name))
    }

    /// Why the endpoint does not take the question.
    async fn refused(&self, refusal: &Refusal, question: &Question<'_>) -> Failure {
        let place = self.connection.place();
        let mend = match refusal.mend(&place) {
            Some(mend) => mend,
            None if refusal.is_of_effort(question.effort) => place.effort(question.effort.unwrap_or_default()),
            None => self.of_model(refusal, &question.model).await,
        };
        self.connection.failed(&format!("answers HTTP {}; {mend}", refusal.status), &refusal.words())
    }

    /// Whether it is for the model: what it lists tells, where it lists something.
    async fn of_model(&self, refusal: &Refusal, model: &str) -> String {
        let place = self.connection.place();
        if !refusal.may_be_of_model() {
            return place.base();
        }
        self.stage.set(Stage::Models);
        match self.connection.models().await {
            Ok(Listed::Models(models)) if models.is_empty() => "it has no model".into(),
            Ok(Listed::Models(models)) if models.iter().any(|known| known == model) => place.known_model(model),
            Ok(Listed::Models(models)) => place.unknown_model(model, &self.connection.words(&refusal::list(&models))),
            _ => place.base(),
        }
    }

    fn interrupted(&self, signal: i32) -> Failure {
        Failure::Interrupted { signal, left: format!("the connection to {} was closed first", self.connection.who()) }
    }

    fn late(&self, limit: Duration) -> Failure {
        let stage = match self.stage.get() {
            Stage::Models => "had not listed its models",
            Stage::Waiting => "had not begun to answer",
            Stage::Answering => "had not ended its answer",
        };
        Failure::TimedOut { limit, left: format!("{} {stage}; the connection was closed", self.connection.who()) }
    }
}
