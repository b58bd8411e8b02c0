//! Settings of the journey: what is read, what may be shown, and where it is written.

use super::checked::AccessLog;
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
        /// `autoswe-journey serve`, which shows the site.
        server: ServerConfig = ServerConfig::default(),
    }
}

section! {
    /// The site server: `autoswe-journey serve` shows the release that `current` points to, and nothing else. See
    /// docs/server.md.
    pub struct ServerConfig {
        /// Address to listen on. `::` is every address of the machine, IPv4 and IPv6. The flag `--bind` wins.
        bind: String = "0.0.0.0".into(),
        /// Port to listen on. The flag `--port` wins.
        port: u64 = 8765,
        /// Where this server's own metrics are told, `host:port` of an address that the world cannot reach. Empty: nowhere.
        metrics_address: Option<String> = Some("127.0.0.1:8766".into()),
        /// The log of requests, on standard output: `off`, `common` (the format of many web servers) or `json`.
        access_log: AccessLog = AccessLog::Off,
        /// Connections served at once; one more gets 503.
        max_connections: u64 = 16_384,
        /// A client that has not sent its request's head by then is cut off.
        header_timeout: Seconds = Seconds(10.0),
        /// A connection without a request, or whose client does not read, is closed after this.
        idle_timeout: Seconds = Seconds(75.0),
        /// Requests under way get so long to finish when the server is told to stop.
        drain_timeout: Seconds = Seconds(10.0),
        /// The site is held in memory. A release that would need more together with the snapshots is refused.
        max_bytes: Bytes = Bytes(1 << 30),
        /// Files whose names hold a hash of their content, as globs, so that browsers keep them for good. Those whose
        /// names hold 8 or more digits of their SHA-256 are known without.
        immutable: Vec<String> = vec!["_astro/*".into()],
        /// The Content-Security-Policy of every answer. Empty: a strict one that fits the built-in site.
        content_security_policy: Option<String> = None,
        /// TLS, users and further headers: a web configuration file as Prometheus exporters have it. The flag
        /// `--web.config.file` wins.
        config_file: Option<String> = None,
        /// Whether `/api/journey`, `/raw/NAME`, `/status` and `POST /synthesize` are answered, which tell what was not
        /// redacted. Without a token only on a loopback address. The flag `--debug-surfaces` turns it on.
        debug_surfaces: bool = false,
        /// Environment variable that holds the token for the debug surfaces: `Authorization: Bearer TOKEN`.
        debug_token_env: String = "AUTOSWE_JOURNEY_TOKEN".into(),
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
