//! Settings of the journey: what is read, what may be shown, and where it is written.

use super::section::section;
use super::value::{Bytes, Path, Seconds};

section! {
    /// The journey: `autoswe-journey synthesize` turns what the loop left behind into a web site. See docs/journey.md.
    pub struct JourneyConfig {
        /// Directory of the releases, of the snapshots and of `current`, which points to what is shown; relative to
        /// `repo_root`. The flag `--outdir` and the environment variable `JOURNEY_OUTDIR` win.
        output_dir: Path = "journey-web".into(),
        /// Directory of the lock, of what earlier runs have read, and of the private reports.
        state_dir: Path = "journey".into(),
        /// The trigger file: whoever makes it asks for a synthesis, and the unit autoswe-synth-bridge.service takes it away
        /// before it begins. `install-units` writes it into the units; run that again after a change. Relative to
        /// `runtime_dir`.
        trigger: Path = "/data/autoswe/synth-trigger".into(),
        /// Where the site will be seen, such as `https://example.org/journey/`: the feed's links begin with it. Empty:
        /// links are relative. The environment variable `JOURNEY_BASE` wins.
        base_url: Option<String> = None,
        /// The coding agent's session transcripts, as globs. Empty: none are read.
        transcripts: Vec<String> = vec!["~/.claude/projects/*/*.jsonl".into()],
        /// The loop's repository, for its commits, relative to `repo_root`. Empty (`""`): none is read.
        repository: Option<String> = Some(".".into()),
        /// Where a commit can be looked at, with `{hash}` in place of its hash. Empty: commits are no links.
        commit_url: Option<String> = None,
        /// Whether free text (reasons of verdicts, lessons, subjects of commits) is shown, redacted. By default only
        /// numbers, words of closed vocabularies, names of modules and of files are.
        free_text: bool = false,
        /// Title of the site.
        title: String = "The journey".into(),
        /// Releases that are kept beside the one that is shown, and snapshots.
        keep_releases: u64 = 5,
        /// A longer line of an input is passed over and reported; of a transcript it is read in a stream.
        max_line: Bytes = Bytes(8 << 20),
        /// Rules of one's own beside the built-in ones: a file in gitleaks' TOML format.
        rules: Option<String> = None,
        /// Words that must never be shown, one a line, such as the name of a customer: a file of one's own.
        private_words: Option<String> = None,
        /// Environment variables whose values may be shown; the value of any other one of 8 characters or more that is
        /// no ordinary word is looked for. Globs such as `LC_*`.
        public_environment: Vec<String> = Vec::new(),
        /// A command that cleans the prose of free text with `--codex-cleanup`: text on standard input, text on
        /// standard output. Empty: there is none.
        cleanup_command: Vec<String> = Vec::new(),
        /// How long cleaning one text may take.
        cleanup_timeout: Seconds = Seconds(120.0),
        /// A command that builds the site in place of the built-in one, such as `[npm, run, build]`.
        build: BuildConfig = BuildConfig::default(),
    }
}

section! {
    /// A builder of one's own. It runs in a copy of `directory` that holds `site-data.json` and the Markdown files, and
    /// what it leaves in `output` passes the same gate.
    pub struct BuildConfig {
        /// The command and its arguments. Empty: the built-in site.
        command: Vec<String> = Vec::new(),
        /// The builder's project, relative to `repo_root`.
        directory: Path = "journey-web/site".into(),
        /// Where `site-data.json` and the Markdown files are put, relative to `directory`.
        input: Path = "src/content/journey".into(),
        /// Where the builder leaves the site, relative to `directory`.
        output: Path = "dist".into(),
        /// How long it may take.
        timeout: Seconds = Seconds(480.0),
    }
}
