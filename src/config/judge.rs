//! Settings of the judge: which one is asked, and how each is called.
//!
//! Invariant: a judge that was configured by name keeps what its entry does not say from the shipped entry of that
//! name; an entry is a command or an endpoint, never both.

use serde_yaml::{Mapping, Value};

use super::checked::AnswerFrom;
use super::section::{Faults, Node, Setting, Visitor, section};
use super::suggest::did_you_mean;
use super::value::{Bytes, Seconds, leaf};

section! {
    /// The judge: `autoswe-judge` asks a command-line tool or an HTTP endpoint, and prints its answer. See docs/judge.md.
    pub struct JudgeConfig {
        /// The judge that is asked, by its name in `entries`. The flag `--judge` wins.
        use_: String = "codex".into(),
        /// The model, in place of the judge's own. The flag `--model` wins.
        model: Option<String> = None,
        /// The reasoning effort, in place of the judge's own. The flag `--effort` wins.
        effort: Option<String> = None,
        /// A judge that has not answered by then is ended, with all that it started; of an endpoint the connection is
        /// closed. The flag `--timeout` wins.
        timeout: Seconds = Seconds(420.0),
        /// Of a judge's output so much is kept: of standard output and standard error half each, an eighth of that the
        /// beginning, the rest the end. An endpoint's answer may be so long.
        max_output: Bytes = Bytes(16_000_000),
        /// A longer prompt goes to the judge by file. As an argument it can be seen by who may see the processes; 0 sends
        /// every prompt by file.
        max_argument: Bytes = Bytes(100_000),
        /// Environment variables that every judge gets, as globs, beside those of its entry and `TERM=dumb`. No other
        /// does.
        environment: Vec<String> = ["PATH", "HOME", "USER", "LOGNAME", "SHELL", "LANG", "LC_*", "TZ", "TMPDIR"]
            .map(String::from).to_vec(),
        /// The judges by name. What an entry does not say is as in the shipped entry of that name (docs/judge.md).
        entries: Judges = Judges::default(),
        /// `autoswe-judge review`, which has the judge review the loop's behaviour.
        review: JudgeReviewConfig = JudgeReviewConfig::default(),
    }
}

section! {
    /// The review of the loop's behaviour. Its record goes to `review.file`.
    pub struct JudgeReviewConfig {
        /// How far the evidence goes back. The flag `--window` wins.
        window: Seconds = Seconds(6.0 * 3600.0),
        /// The judge gets so much evidence at most; the oldest of what there is most of is left out, and counted.
        max_evidence: Bytes = Bytes(60_000),
        /// Whether free text (reasons of verdicts, lessons, subjects of commits) is among the evidence, redacted. By
        /// default, as on the site, only numbers, words of closed vocabularies, names of modules and of files are.
        free_text: bool = false,
    }
}

section! {
    /// One judge.
    pub struct JudgeEntry {
        /// The program.
        command: Option<String> = None,
        /// Its arguments, with placeholders. One whose placeholder has no value is left out, with the lone flag before it.
        args: Vec<String> = Vec::new(),
        /// Arguments that take its tools away, put before `--` or at the end. `review` gives them: all that may be told
        /// stands in the prompt, and what a tool reads has passed no redaction.
        no_tools: Vec<String> = Vec::new(),
        /// What stands for `{prompt}` where the prompt goes by file: the tool then finds it on its standard input. Empty:
        /// the argument is left out.
        long_prompt: Option<String> = None,
        /// Arguments that make it print its flags; flags that it does not name are left out. Empty: it is not asked.
        help: Vec<String> = Vec::new(),
        /// Where its answer is.
        answer: AnswerFrom = AnswerFrom::Stdout,
        /// The model that it is asked for.
        model: Option<String> = None,
        /// The reasoning effort.
        effort: Option<String> = None,
        /// Environment variables that this judge gets, as globs.
        environment: Vec<String> = Vec::new(),
        /// Base URL of an OpenAI-compatible HTTP endpoint, which is asked in place of a command; it mostly ends with `/v1`.
        url: Option<String> = None,
        /// Environment variable that holds the endpoint's key.
        key_env: Option<String> = None,
    }
}

/// Judges by name, in the order in which they were written.
#[derive(Debug, Clone, PartialEq)]
pub struct Judges(pub Vec<(String, JudgeEntry)>);

impl Default for Judges {
    fn default() -> Self {
        let shipped = [("codex", codex()), ("claude", claude()), ("gemini", gemini()), ("endpoint", endpoint())];
        Judges(shipped.map(|(name, entry)| (name.to_owned(), entry)).to_vec())
    }
}

fn words<const N: usize>(words: [&str; N]) -> Vec<String> {
    words.map(String::from).to_vec()
}

/// What reaches the network needs to know, where one is behind a proxy.
const NETWORK: [&str; 8] =
    ["HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "http_proxy", "https_proxy", "no_proxy", "SSL_CERT_FILE", "SSL_CERT_DIR"];

fn with_network<const N: usize>(own: [&str; N]) -> Vec<String> {
    own.into_iter().chain(NETWORK).map(String::from).collect()
}

/// The Codex CLI. Its tools get the environment's core alone, without a key.
fn codex() -> JudgeEntry {
    JudgeEntry {
        command: Some("codex".into()),
        args: words([
            "exec",
            "--json",
            "--output-last-message={answer_file}",
            "--output-schema={schema_file}",
            "--sandbox=read-only",
            "--ephemeral",
            "--skip-git-repo-check",
            "--color=never",
            "--cd={directory}",
            "--model={model}",
            "--config=model_reasoning_effort={effort}",
            "--config=shell_environment_policy.inherit=core",
            "--",
            "{prompt}",
        ]),
        // What is left reads no text of a file: apply_patch, which the sandbox refuses, and view_image.
        no_tools: words([
            "--config=features.shell_tool=false",
            "--config=features.unified_exec=false",
            "--config=features.multi_agent=false",
            "--config=features.goals=false",
            "--config=features.apps=false",
            "--config=features.plugins=false",
            "--config=web_search=\"disabled\"",
        ]),
        long_prompt: Some("-".into()),
        help: words(["exec", "--help"]),
        answer: AnswerFrom::Jsonl,
        model: Some("gpt-5.5".into()),
        effort: Some("high".into()),
        environment: with_network(["CODEX_HOME", "CODEX_API_KEY", "OPENAI_API_KEY", "OPENAI_BASE_URL"]),
        ..JudgeEntry::default()
    }
}

/// Claude Code. It has no file for the answer; its result is one JSON object, which says whether it is an error.
///
/// It has no tool, and of the user's customisations (hooks, MCP servers, skills, memory) none: a judge changes nothing. Nor
/// does it replace `@/some/file` in a prompt by that file, which would leave the machine unseen. The line feed keeps a
/// prompt that begins with a slash from being a command of its own.
fn claude() -> JudgeEntry {
    JudgeEntry {
        command: Some("claude".into()),
        args: words([
            "--print",
            "--output-format=json",
            "--model={model}",
            "--effort={effort}",
            "--json-schema={schema}",
            "--tools=",
            "--safe-mode",
            "--strict-mcp-config",
            "--disable-slash-commands",
            "--settings={\"env\":{\"CLAUDE_CODE_DISABLE_ATTACHMENTS\":\"1\",\
                \"CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC\":\"1\"}}",
            "--no-session-persistence",
            "--",
            "\n{prompt}",
        ]),
        help: words(["--help"]),
        answer: AnswerFrom::Jsonl,
        environment: with_network([
            "CLAUDE_CONFIG_DIR",
            "CLAUDE_CODE_OAUTH_TOKEN",
            "ANTHROPIC_API_KEY",
            "ANTHROPIC_AUTH_TOKEN",
            "ANTHROPIC_BASE_URL",
        ]),
        ..JudgeEntry::default()
    }
}

/// The Gemini CLI. Its report is one JSON object; its text would not tell half an answer from a whole one.
///
/// It runs in no folder that it was not told to trust, and its own is new and empty. By default it asks before it changes
/// anything, and nobody is there to say yes. The line feed is as with Claude.
fn gemini() -> JudgeEntry {
    JudgeEntry {
        command: Some("gemini".into()),
        args: words([
            "--model={model}",
            "--output-format=json",
            "--skip-trust",
            "--approval-mode=default",
            "--extensions=none",
            "--allowed-mcp-server-names=none",
            "--prompt=\n{prompt}",
        ]),
        help: words(["--help"]),
        answer: AnswerFrom::Jsonl,
        environment: with_network([
            "GEMINI_CLI_HOME",
            "GEMINI_API_KEY",
            "GOOGLE_API_KEY",
            "GOOGLE_CLOUD_PROJECT",
            "GOOGLE_CLOUD_LOCATION",
            "GOOGLE_APPLICATION_CREDENTIALS",
            "GOOGLE_GEMINI_BASE_URL",
            "GOOGLE_GENAI_USE_GCA",
            "GOOGLE_GENAI_USE_VERTEXAI",
        ]),
        ..JudgeEntry::default()
    }
}

/// A model server of one's own, such as vLLM.
fn endpoint() -> JudgeEntry {
    JudgeEntry { url: Some("http://127.0.0.1:8010/v1".into()), ..JudgeEntry::default() }
}

impl Judges {
    /// The judge called `name`.
    pub fn get(&self, name: &str) -> Option<&JudgeEntry> {
        self.0.iter().find(|(known, _)| known == name).map(|(_, entry)| entry)
    }

    /// The names, for messages.
    pub fn names(&self) -> Vec<&str> {
        self.0.iter().map(|(name, _)| name.as_str()).collect()
    }
}

const EXPECTED: &str = "expected a mapping of judges, such as `mine: {command: my-judge, args: ['{prompt}']}`";

leaf!(Judges);

impl Setting for Judges {
    fn set(&mut self, value: &Value) -> Result<(), Faults> {
        let (mut judges, mut faults) = (self.0.clone(), Vec::new());
        for (name, fields) in value.as_mapping().ok_or(EXPECTED)? {
            let Some(name) = name.as_str().filter(|name| !name.is_empty()) else { return Err(EXPECTED.into()) };
            let known = judges.iter().position(|(known, _)| known == name);
            let entry = known.map(|at| judges[at].1.clone()).unwrap_or_default();
            match changed(entry, fields) {
                Err(wrong) => faults.extend(wrong.below(name)),
                Ok(entry) => match known {
                    Some(at) => judges[at].1 = entry,
                    None => judges.push((name.to_owned(), entry)),
                },
            }
        }
        if !faults.is_empty() {
            return Err(Faults(faults));
        }
        self.0 = judges;
        Ok(())
    }

    fn get(&self) -> Value {
        Value::Mapping(self.0.iter().map(|(name, entry)| (name.clone().into(), told(entry))).collect())
    }

    fn kind(&self) -> &'static str {
        "mapping of judges"
    }
}

/// `entry` with `fields` in place of what it had.
fn changed(mut entry: JudgeEntry, fields: &Value) -> Result<JudgeEntry, Faults> {
    let mut faults = Vec::new();
    for (key, value) in fields.as_mapping().ok_or(EXPECTED)? {
        let mut field = Field { key: key.as_str().unwrap_or_default(), value, names: Vec::new(), outcome: None };
        entry.accept("", "", &mut field);
        let unknown = || Err(format!("unknown key{}", did_you_mean(field.key, field.names.iter().map(String::as_str))));
        let outcome = field.outcome.take().unwrap_or_else(|| unknown().map_err(Faults::from));
        faults.extend(outcome.err().into_iter().flat_map(|wrong| wrong.below(field.key)));
    }
    if faults.is_empty() && entry.command.is_some() == entry.url.is_some() {
        return Err("needs a command, or a url, and not both".into());
    }
    if faults.is_empty() { Ok(entry) } else { Err(Faults(faults)) }
}

/// Sets one field of an entry.
struct Field<'v> {
    key: &'v str,
    value: &'v Value,
    names: Vec<String>,
    outcome: Option<Result<(), Faults>>,
}

impl Visitor for Field<'_> {
    fn enter(&mut self, _path: &str, _doc: &'static str) {}
    fn setting(&mut self, path: &str, _doc: &'static str, setting: &mut dyn Setting) {
        if path == self.key {
            self.outcome = Some(setting.set(self.value));
        }
        self.names.push(path.to_owned());
    }
}

/// What `entry` says beside the defaults, as it would stand in YAML.
fn told(entry: &JudgeEntry) -> Value {
    struct Told(Mapping);
    impl Visitor for Told {
        fn enter(&mut self, _path: &str, _doc: &'static str) {}
        fn setting(&mut self, path: &str, _doc: &'static str, setting: &mut dyn Setting) {
            let value = setting.get();
            if !value.is_null() && value.as_sequence().is_none_or(|words| !words.is_empty()) {
                self.0.insert(path.into(), value);
            }
        }
    }
    let mut told = Told(Mapping::new());
    entry.clone().accept("", "", &mut told);
    Value::Mapping(told.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(yaml: &str) -> Result<Judges, Vec<(String, String)>> {
        let mut judges = Judges::default();
        let outcome = judges.set(&serde_yaml::from_str(yaml).expect("YAML"));
        outcome.map(|()| judges).map_err(|faults| faults.0.into_iter().map(|fault| (fault.at, fault.message)).collect())
    }

    #[test]
    fn an_entry_keeps_what_it_does_not_say() {
        let judges = set("codex: {model: other}\nmine: {command: judge, args: ['{prompt}'], answer: text}").unwrap();
        assert_eq!(judges.names(), ["codex", "claude", "gemini", "endpoint", "mine"]);
        let codex = judges.get("codex").unwrap();
        assert_eq!((codex.model.as_deref(), codex.command.as_deref()), (Some("other"), Some("codex")));
        assert_eq!(judges.get("mine").unwrap().answer, AnswerFrom::Text);
    }

    #[test]
    fn an_entry_is_a_command_or_an_endpoint() {
        for wrong in ["mine: {}", "mine: {command: a, url: 'http://b'}", "codex: {url: 'http://b'}"] {
            let found = set(wrong).unwrap_err();
            assert!(found[0].1.contains("not both"), "{wrong}: {found:?}");
        }
        let judges = set("codex: {command: null, url: 'http://b'}").unwrap();
        assert_eq!(judges.get("codex").unwrap().url.as_deref(), Some("http://b"));
    }

    #[test]
    fn every_fault_says_where_it_is() {
        let found = set("codex: {modell: x, args: 5, answer: jsnl}").unwrap_err();
        let places: Vec<&str> = found.iter().map(|(at, _)| at.as_str()).collect();
        assert_eq!(places, ["codex.modell", "codex.args", "codex.answer"]);
        assert!(found[0].1.contains("did you mean `model`"), "{found:?}");
        assert!(found[2].1.contains("did you mean `jsonl`"), "{found:?}");
        assert!(set("5").is_err() && set("codex: 5").is_err());
    }

    #[test]
    fn what_is_printed_reads_back_the_same() {
        let judges = set("mine: {command: judge, environment: [KEY]}").unwrap();
        let mut again = Judges(Vec::new());
        again.set(&Setting::get(&judges)).unwrap();
        assert_eq!(again, judges);
    }
}
