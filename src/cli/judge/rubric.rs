//! `rubric`: one prompt, one answer.
//!
//! Invariant: standard output gets the answer, whole, or nothing.

use std::io::Read;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::super::output;
use super::super::report::progress::Progress;
use super::Environment;
use crate::config::Config;
use crate::judge::{Ask, Failure, Judge, Way};
use crate::words;

/// A longer prompt is refused, in bytes: no model reads it.
const LONGEST_PROMPT: u64 = 16 << 20;

/// What is asked.
#[derive(Debug, Clone, clap::Args)]
pub(super) struct RubricArguments {
    /// File that holds the prompt, in UTF-8; `-` is standard input
    #[arg(value_name = "PROMPT_FILE")]
    prompt: PathBuf,
    /// File that holds a JSON schema for the answer
    #[arg(long, value_name = "FILE")]
    schema: Option<PathBuf>,
}

/// Asks, and prints the answer.
pub(super) async fn run(arguments: &RubricArguments, config: &Config, environment: Environment) -> Result<(), Failure> {
    let prompt = text("prompt", &arguments.prompt)?;
    let schema = arguments.schema.as_deref().map(schema).transpose()?;
    let judge = Judge::new(config, environment)?;
    let limit = config.judge.timeout;
    let words = |passed: Duration| format!("asking {}, {} s of {limit}", judge.name(), passed.as_secs());
    let ask = Ask { prompt: &prompt, schema: schema.as_ref(), tools: true };
    let answer = Progress::new().during(words, judge.ask(&ask)).await?;
    if let (None, Some(model)) = (judge.model(), &answer.model) {
        output::complain(&format!(
            "no model is named; asked `{}`, the first that the endpoint lists",
            words::clean(model)
        ));
    }
    if answer.how == Way::WholeOutput {
        output::complain("the judge's answer was found nowhere; this is all of its output, as the last resort");
    }
    let text = if schema.is_some() { answer.json()? } else { &answer.text };
    let printed = output::print(&format!("{text}\n"));
    printed.map(drop).map_err(|why| Failure::Failed { how: "the answer cannot be printed".into(), words: why })
}

/// The text of the file at `path`, which is a `what`.
fn text(what: &str, path: &Path) -> Result<String, Failure> {
    let wrong = |why: String| Failure::Usage(format!("{what} {}: {why}", path.display()));
    let mut bytes = Vec::new();
    let read = if path == Path::new("-") {
        std::io::stdin().lock().take(LONGEST_PROMPT + 1).read_to_end(&mut bytes)
    } else {
        std::fs::File::open(path).and_then(|file| file.take(LONGEST_PROMPT + 1).read_to_end(&mut bytes))
    };
    match read {
        Err(error) => Err(wrong(error.to_string())),
        Ok(length) if length as u64 > LONGEST_PROMPT => Err(wrong("is longer than 16 MiB".into())),
        Ok(_) => String::from_utf8(bytes).map_err(|_| wrong("is not UTF-8; convert it".into())),
    }
}

fn schema(path: &Path) -> Result<serde_json::Value, Failure> {
    let wrong = |why: String| Failure::Usage(format!("schema {}: {why}", path.display()));
    match serde_json::from_str(&text("schema", path)?) {
        Ok(schema @ serde_json::Value::Object(_)) => Ok(schema),
        Ok(_) => Err(wrong("a JSON schema is an object".into())),
        Err(error) => Err(wrong(error.to_string())),
    }
}
