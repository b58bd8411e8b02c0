//! `explain`: where each number of an iteration was read, and what disagrees.
//!
//! Invariant: it reads the account that the last run left and nothing else, so that it explains what that run saw.

use std::fmt::Write;
use std::process::ExitCode;

use clap::Args;
use serde_json::json;

use super::output;
use crate::config::Loaded;
use crate::journey::account::Account;
use crate::journey::correlate::kinds::{CONTRADICTIONS, LEFT_OUT};
use crate::journey::run::{Contradiction, Iteration, Key, LeftOut, Origin};
use crate::observation::Time;
use crate::words;

/// Contradictions of one kind that are shown without an iteration.
const SHOWN: usize = 5;

pub(super) const HELP: &str = "\
It reads the private reports of the last run in journey.state_dir. A place is FILE:BYTE, the byte at which the line or the
object begins (of a compressed file, of what it unpacks to); `tail -c +$((BYTE + 1)) FILE | head -n 1` shows it.
Exit code 1: no such iteration, or no run has been made yet.";

/// What to explain.
#[derive(Debug, Clone, Args)]
pub(in crate::cli) struct ExplainArguments {
    /// An iteration, such as 3/117; without one the run as a whole
    #[arg(value_name = "EPOCH/ITER", value_parser = key)]
    iteration: Option<Key>,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

fn key(text: &str) -> Result<Key, String> {
    let wrong = || "expected EPOCH/ITER, such as 3/117".to_owned();
    let (epoch, iter) = text.split_once('/').ok_or_else(wrong)?;
    let number = |text: &str| text.parse().map_err(|_| wrong());
    Ok(Key { epoch: number(epoch)?, iter: number(iter)? })
}

/// Runs the command.
pub(super) fn run(loaded: &Loaded, arguments: &ExplainArguments) -> ExitCode {
    let state_dir = loaded.config.in_runtime_dir(&loaded.config.journey.state_dir);
    let account = match Account::read(&state_dir) {
        Ok(account) => account,
        Err(error) => return output::fail(1, &error.to_string()),
    };
    if !account.is_whole {
        output::complain("the last run was interrupted while it wrote its reports: they may be of two runs");
    }
    let text = match arguments.iteration {
        None => whole(&account, arguments.json),
        Some(key) => match account.iteration(key) {
            Some(iteration) => one(&account, &iteration, arguments.json),
            None => return output::fail(1, &format!("the last run knows no iteration {key}; {}", known(&account))),
        },
    };
    match output::print(&text) {
        Ok(_) => ExitCode::SUCCESS,
        Err(message) => output::fail(1, &message),
    }
}

fn known(account: &Account) -> String {
    match account.head.epochs.keys().map(u64::to_string).collect::<Vec<_>>() {
        epochs if epochs.is_empty() => "it knows none at all".into(),
        epochs => format!("it knows epoch {}", epochs.join(", ")),
    }
}

/// The run as a whole.
fn whole(account: &Account, as_json: bool) -> String {
    let head = &account.head;
    if as_json {
        let Ok(serde_json::Value::Object(mut object)) = serde_json::to_value(head) else { return String::new() };
        object.insert("contradictions".into(), json!(account.disagreements.contradictions));
        object.insert("left_out".into(), json!(account.disagreements.left_out));
        return format!("{:#}\n", serde_json::Value::Object(object));
    }
    let shown = Shown { account };
    let mut out = String::new();
    if let Some(began) = &head.started_at {
        shown.line(&mut out, "began", &began.value, &began.from);
    }
    row(&mut out, "as of", &head.as_of.map_or("no input tells a time".into(), |at: Time| at.to_string()));
    if let Some(phase) = &head.phase {
        shown.line(&mut out, "phase", &words::clean(&phase.value), &phase.from);
    }
    let count = |(name, count): (&String, &usize)| format!("{count} {name}");
    row(&mut out, "iterations", &head.outcomes.iter().map(count).collect::<Vec<_>>().join(", "));
    row(
        &mut out,
        "epochs",
        &head.epochs.iter().map(|(epoch, count)| format!("{epoch} ({count})")).collect::<Vec<_>>().join(", "),
    );
    row(
        &mut out,
        "else",
        &format!(
            "{} events of no iteration, {} changes of parity, {} reviews",
            head.events.len(),
            head.parity.len(),
            head.reviews.len()
        ),
    );
    shown.contradictions(&mut out);
    shown.left_out(&mut out);
    out
}

/// One iteration.
fn one(account: &Account, iteration: &Iteration, as_json: bool) -> String {
    let about = |one: &&Contradiction| one.key == Some(iteration.key);
    let contradictions: Vec<&Contradiction> = account.disagreements.contradictions.iter().filter(about).collect();
    if as_json {
        let Ok(serde_json::Value::Object(mut object)) = serde_json::to_value(iteration) else { return String::new() };
        object.insert("contradictions".into(), json!(contradictions));
        object.insert("files".into(), json!({"changed": iteration.files, "read": account.head.files}));
        return format!("{:#}\n", serde_json::Value::Object(object));
    }
    let shown = Shown { account };
    let mut out = format!("iteration {}\n", iteration.key);
    shown.values(&mut out, iteration);
    shown.happenings(&mut out, iteration);
    for contradiction in contradictions {
        shown.contradiction(&mut out, contradiction);
    }
    out
}

fn row(out: &mut String, name: &str, value: &str) {
    // Writing to a text cannot fail.
    writeln!(out, "  {name:<14} {value}").ok();
}

/// Shows values with their places.
struct Shown<'a> {
    account: &'a Account,
}

impl Shown<'_> {
    fn place(&self, origin: Origin) -> String {
        let file = self.account.head.files.get(origin.file as usize).map(|file| file.display().to_string());
        let place = format!("{}:{}", words::clean(&file.unwrap_or_else(|| "?".into())), origin.offset);
        if origin.lines > 1 { format!("{place} (first of {})", origin.lines) } else { place }
    }

    fn line(&self, out: &mut String, name: &str, value: &impl ToString, from: &[Origin]) {
        let places: Vec<String> = from.iter().map(|origin| self.place(*origin)).collect();
        let places = if places.is_empty() { "no input tells it".into() } else { places.join(", ") };
        row(out, name, &format!("{}  [{places}]", value.to_string()));
    }

    fn values(&self, out: &mut String, iteration: &Iteration) {
        let Iteration { slug, module, started_at, ended_at, turns, tool_calls, .. } = iteration;
        self.line(out, "outcome", &iteration.outcome.word(), &iteration.outcome_from);
        for (name, text) in [("slug", slug), ("module", module)] {
            if let Some(text) = text {
                self.line(out, name, &words::clean(&text.value), &text.from);
            }
        }
        for (name, at) in [("began", started_at), ("ended", ended_at)] {
            if let Some(at) = at {
                self.line(out, name, &at.value, &at.from);
            }
        }
        for (model, tokens) in &iteration.tokens {
            let crate::journey::run::Tokens { input, output, cache_read, cache_creation } = tokens.value;
            let text = format!("{input} read, {output} written, {cache_read} from and {cache_creation} into the cache");
            self.line(out, "tokens", &format!("{}: {text}", words::clean(model)), &tokens.from);
        }
        let numbers = [
            ("turns", turns),
            ("tool calls", tool_calls),
            ("judge calls", &iteration.judge_calls),
            ("judge tokens", &iteration.judge_tokens),
            ("revisions", &iteration.revisions),
        ];
        for (name, number) in numbers {
            if let Some(number) = number {
                self.line(out, name, &number.value, &number.from);
            }
        }
    }

    fn happenings(&self, out: &mut String, iteration: &Iteration) {
        if let Some(files) = &iteration.files {
            self.line(out, "files", &format!("{} changed", files.value.len()), &files.from);
        }
        for commit in &iteration.commits {
            let how = if commit.by_id { "named" } else { "by its time" };
            let changed = commit.changed.map_or(String::new(), |(added, gone)| format!(" +{added} -{gone}"));
            self.line(out, "commit", &format!("{}{changed}, {how}", commit.hash), &[commit.from]);
        }
        if let Some(verdict) = &iteration.verdict {
            let score = verdict.score.map_or(String::new(), |score| format!(", score {score}"));
            self.line(out, "verdict", &format!("{}{score}", words::clean(&verdict.word)), &[verdict.from]);
        }
        for event in &iteration.events {
            let name = format!("{:?}", event.kind).to_lowercase();
            let at = event.at.map_or("without a time".into(), |at| at.to_string());
            let word = event.word.as_deref().map_or(String::new(), |word| format!(" {}", words::clean(word)));
            self.line(out, &name, &format!("{at}{word}"), &[event.from]);
        }
    }

    /// By kind, with what the kind means and what helps.
    fn contradictions(&self, out: &mut String) {
        let all = &self.account.disagreements.contradictions;
        for kind in CONTRADICTIONS {
            let of_kind: Vec<&Contradiction> = all.iter().filter(|one| one.kind == kind.word).collect();
            if of_kind.is_empty() {
                continue;
            }
            writeln!(out, "\n{} ({}): {}\n  mend: {}", kind.word, of_kind.len(), kind.what, kind.mend).ok();
            for one in of_kind.iter().take(SHOWN) {
                self.contradiction(out, one);
            }
            if of_kind.len() > SHOWN {
                writeln!(out, "    and {} more; `--json` has all", of_kind.len() - SHOWN).ok();
            }
        }
    }

    fn contradiction(&self, out: &mut String, one: &Contradiction) {
        let places: Vec<String> = one.from.iter().map(|origin| self.place(*origin)).collect();
        let about = one.key.map_or(String::new(), |key| format!("{key}: "));
        writeln!(out, "  ! {about}{} [{}: {}]", words::clean(&one.text), one.kind, places.join(", ")).ok();
    }

    fn left_out(&self, out: &mut String) {
        for LeftOut { kind, count, first, text } in &self.account.disagreements.left_out {
            let place = first.map_or(String::new(), |first| format!(" [first: {}]", self.place(first)));
            writeln!(out, "\nleft out: {kind} ({count}): {}{place}", words::clean(text)).ok();
            if let Some(known) = LEFT_OUT.iter().find(|known| known.word == kind) {
                writeln!(out, "  mend: {}", known.mend).ok();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::journey::account;
    use crate::journey::run::{Epoch, Outcome, Run, Sourced, Tokens};

    /// A run with one iteration, one contradiction about it and something left out, as its account is read back.
    fn account() -> Account {
        let at = |offset, lines| Origin { file: 0, offset, lines };
        let key = Key { epoch: 3, iter: 117 };
        let tokens = Tokens { input: 4, output: 3, cache_read: 2, cache_creation: 1 };
        let iteration = Iteration {
            outcome: Outcome::Accept,
            outcome_from: vec![at(70, 1)],
            turns: Some(Sourced { value: 2, from: vec![at(9, 2)] }),
            tokens: BTreeMap::from([("qwen\u{1b}[31m".into(), Sourced { value: tokens, from: vec![at(9, 2)] })]),
            ..crate::journey::correlate::blank(key)
        };
        let text = || "the history says ACCEPT, the last verdict REVERT".to_owned();
        let contradiction =
            Contradiction { kind: "outcome".into(), key: Some(key), text: text(), from: vec![at(70, 1)] };
        let torn = LeftOut { kind: "torn".into(), count: 1, first: Some(at(99, 1)), text: "ends torn".into() };
        let run = Run {
            files: vec!["/run/state.json".into()],
            as_of: Some("2026-11-22T12:00:00Z".parse().unwrap()),
            epochs: vec![Epoch { number: 3, iterations: vec![iteration] }],
            contradictions: vec![contradiction],
            left_out: vec![torn],
            ..Run::default()
        };
        let directory = tempfile::tempdir().unwrap();
        account::write(&run, directory.path()).unwrap();
        Account::read(directory.path()).unwrap()
    }

    #[test]
    fn each_number_has_its_file_and_byte() {
        let account = account();
        let iteration = account.iteration(key("3/117").unwrap()).unwrap();
        let expected = "\
iteration 3/117
  outcome        ACCEPT  [/run/state.json:70]
  tokens         qwen\u{fffd}[31m: 4 read, 3 written, 2 from and 1 into the cache  [/run/state.json:9 (first of 2)]
  turns          2  [/run/state.json:9 (first of 2)]
  ! 3/117: the history says ACCEPT, the last verdict REVERT [outcome: /run/state.json:70]
";
        assert_eq!(one(&account, &iteration, false), expected);
        let json: serde_json::Value = serde_json::from_str(&one(&account, &iteration, true)).unwrap();
        assert_eq!(json["turns"]["from"][0]["offset"], 9);
        assert_eq!(
            (&json["contradictions"][0]["kind"], &json["files"]["read"][0]),
            (&json!("outcome"), &json!("/run/state.json"))
        );
    }

    #[test]
    fn the_whole_run_tells_what_disagrees_and_what_helps() {
        let text = whole(&account(), false);
        for line in [
            "  as of          2026-11-22T12:00:00Z\n",
            "  iterations     1 ACCEPT\n",
            "\noutcome (1): history and last verdict differ",
            "  mend: look at the verdict's line",
            "\nleft out: torn (1): ends torn [first: /run/state.json:99]\n  mend: none: it waits for the next run\n",
        ] {
            assert!(text.contains(line), "{line:?} is missing in:\n{text}");
        }
        let json: serde_json::Value = serde_json::from_str(&whole(&account(), true)).unwrap();
        assert_eq!((&json["left_out"][0]["kind"], &json["epochs"]["3"]), (&json!("torn"), &json!(1)));
    }

    #[test]
    fn an_iteration_is_named_by_two_numbers() {
        assert_eq!(key("3/117"), Ok(Key { epoch: 3, iter: 117 }));
        for wrong in ["", "3", "3/", "/3", "a/b", "-1/2", "1/2/3"] {
            assert!(key(wrong).is_err(), "{wrong}");
        }
    }
}
