//! `synthesize`: from what the loop left behind to a release of the site.
//!
//! Invariant: exit code 0 is a run that published or had nothing new, 1 one that was refused or failed, 75 another run
//! at work. What a run found is told in words that hold no value that leaks.

use std::ffi::OsString;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use super::super::{USAGE, output};
use super::Environment;
use super::line::Line;
use super::outdir::{outdir, variable};
use crate::config::{Config, FlagSetting};
use crate::journey::last_run::Outcome;
use crate::journey::release::{self, check_id};
use crate::journey::synthesis::{self, Builder, Configured, LockError, REPORT, Report, Request};
use crate::words;

/// Exit code when another run is at work: try again later (`EX_TEMPFAIL` of sysexits.h).
const BUSY: u8 = 75;
/// How long `--wait` waits: as long as the service of a run may take.
const PATIENCE: Duration = Duration::from_secs(600);

/// Environment variables that stand for flags.
const BASE: &str = "JOURNEY_BASE";
const PUBLISH: &str = "JOURNEY_PUBLISH";

/// Flags of `synthesize`.
#[derive(Debug, Clone, Default, clap::Args)]
pub(super) struct SynthesizeArguments {
    /// Show only what may be shown to the world; the default, and there is no other way
    #[arg(long)]
    pub(super) public: bool,
    /// Make the pages of the site too; later runs go on making them
    #[arg(long)]
    pub(super) rebuild_site: bool,
    /// Have journey.cleanup_command clean the prose of free text
    #[arg(long, overrides_with = "no_codex_cleanup")]
    pub(super) codex_cleanup: bool,
    /// Do not; the default
    #[arg(long, overrides_with = "codex_cleanup")]
    pub(super) no_codex_cleanup: bool,
    /// Directory of the releases (environment: JOURNEY_OUTDIR) [default: journey.output_dir]
    #[arg(long, value_name = "DIRECTORY")]
    pub(super) outdir: Option<PathBuf>,
    /// Where the site will be seen (environment: JOURNEY_BASE) [default: journey.base_url]
    #[arg(long, value_name = "URL")]
    pub(super) base_url: Option<String>,
    /// Show the release; the default (environment: JOURNEY_PUBLISH=1)
    #[arg(long, overrides_with = "no_publish")]
    pub(super) publish: bool,
    /// Only make it and scan it, and say where it is (environment: JOURNEY_PUBLISH=0)
    #[arg(long, overrides_with = "publish")]
    pub(super) no_publish: bool,
    /// Keep the release under this name, too, for good
    #[arg(long, value_name = "ID", value_parser = snapshot)]
    pub(super) snapshot: Option<String>,
    /// Wait up to 10 minutes for another run to end
    #[arg(long)]
    pub(super) wait: bool,
    /// Print the outcome as one JSON object, that of last-run.json
    #[arg(long)]
    pub(super) json: bool,
}

fn snapshot(id: &str) -> Result<String, String> {
    check_id(id).map(|()| id.to_owned()).map_err(|error| error.to_string())
}

impl SynthesizeArguments {
    /// The settings that these flags and their variables set.
    pub(super) fn settings(&self, environment: &[(OsString, OsString)]) -> Result<Vec<FlagSetting>, String> {
        let mut settings = Vec::from_iter(outdir(self.outdir.as_deref(), environment)?);
        let base = self.base_url.clone().map(|url| (url, "--base-url"));
        let from_environment = || Some((variable(environment, BASE)?.into_string().ok()?, BASE));
        if let Some((url, flag)) = base.or_else(from_environment) {
            settings.push(FlagSetting { path: "journey.base_url".into(), text: url, flag: flag.into() });
        }
        Ok(settings)
    }

    /// Whether the release is to be shown.
    pub(super) fn publishes(&self, environment: &[(OsString, OsString)]) -> Result<bool, String> {
        if self.publish || self.no_publish {
            return Ok(self.publish);
        }
        match variable(environment, PUBLISH).map(|value| value.to_string_lossy().into_owned()).as_deref() {
            None | Some("1" | "true" | "yes") => Ok(true),
            Some("0" | "false" | "no") => Ok(false),
            Some(_) => Err(format!("environment variable {PUBLISH}: expected 1 or 0")),
        }
    }

    fn request(&self, publish: bool, config: &Config) -> Request {
        let journey = &config.journey;
        let build = &journey.build;
        let builder = Builder {
            command: build.command.clone(),
            directory: config.in_repo(&build.directory),
            input: build.input.clone(),
            output: build.output.clone(),
            timeout: build.timeout.duration(),
            base_url: journey.base_url.clone(),
        };
        Request {
            output: config.in_repo(&journey.output_dir),
            state: config.in_runtime_dir(&journey.state_dir),
            keep: usize::try_from(journey.keep_releases).unwrap_or(usize::MAX),
            sidecars: journey.sidecars,
            rebuild_site: self.rebuild_site,
            publish,
            snapshot: self.snapshot.clone(),
            patience: if self.wait { PATIENCE } else { Duration::ZERO },
            builder: (!build.command.is_empty()).then_some(builder),
        }
    }
}

/// Runs the command with the settings and the environment of `given`.
pub(super) fn run(arguments: &SynthesizeArguments, publish: bool, given: (Config, Environment)) -> ExitCode {
    let (config, environment) = given;
    if arguments.codex_cleanup && config.journey.cleanup_command.is_empty() {
        let message = "--codex-cleanup needs a command: set journey.cleanup_command, or leave the flag out";
        return output::fail(USAGE, message);
    }
    let request = arguments.request(publish, &config);
    let parts = Configured::new(config, environment, arguments.codex_cleanup);
    let line = Line::new();
    let report = synthesis::run(&parts, &request, &|progress| line.tell(progress));
    drop(line);
    match report {
        Ok(report) => tell(&report, &request, arguments.json),
        Err(error) if matches!(error.downcast_ref(), Some(LockError::Held { .. })) => {
            output::fail(BUSY, &error.to_string())
        }
        Err(error) => output::fail(1, &format!("{error:#}")),
    }
}

/// Tells how the run ended: what concerns the operator on standard error, the outcome on standard output.
fn tell(report: &Report, request: &Request, json: bool) -> ExitCode {
    for complaint in complaints(report, request) {
        output::complain(&complaint);
    }
    let text = match json {
        true => serde_json::to_string(&report.last_run).map(|json| json + "\n").unwrap_or_default(),
        false => summary(report, request),
    };
    if let Err(message) = output::print(&text) {
        return output::fail(1, &message);
    }
    let is_busy = report.error.as_ref().and_then(|error| error.downcast_ref());
    match report.last_run.outcome {
        _ if matches!(is_busy, Some(release::Error::Held(_))) => ExitCode::from(BUSY),
        Outcome::Published | Outcome::Unchanged => ExitCode::SUCCESS,
        Outcome::Refused | Outcome::Failed | Outcome::Busy | Outcome::Other => ExitCode::FAILURE,
    }
}

/// What concerns the operator.
fn complaints(report: &Report, request: &Request) -> Vec<String> {
    let mut complaints: Vec<String> = report.notes.iter().map(|note| note.0.clone()).collect();
    for withdrawn in &report.withdrawn {
        let shown = if withdrawn.was_shown { ", WHICH WAS SHOWN TO EVERYBODY UNTIL NOW" } else { "" };
        complaints.push(format!(
            "withdrawn by the present rules: {}{shown}; it is kept in {}, and why is said in the withdrawn-report beside it",
            withdrawn.place,
            request.state.join("withdrawn").join(&withdrawn.now).display()
        ));
    }
    if report.refusal.is_some() {
        complaints.push(refused(report, request));
    }
    complaints.extend(report.error.as_ref().map(|error| format!("{error:#}; what was shown before is shown still")));
    complaints
}

fn refused(report: &Report, request: &Request) -> String {
    let counts = &report.last_run.findings;
    let found = words::list(counts.iter().map(|(rule, count)| Some(format!("{rule} {count}"))));
    format!(
        "refused to publish: the leak gate found {} ({found}); what was shown before is shown still. Where each stands \
         is said in {}: take it out of the input, or add the word to what is masked (journey.private_words), and run \
         again",
        many(counts.values().sum(), "thing"),
        request.state.join(REPORT).display()
    )
}

/// The outcome, for people.
fn summary(report: &Report, request: &Request) -> String {
    let run = &report.last_run;
    let took = words::took(run.duration_seconds.unwrap_or(0.0));
    let iterations = run.iterations.map_or_else(|| "the journey".into(), |count| many(count, "iteration"));
    match (&report.release, run.outcome) {
        (Some(release), Outcome::Published) => format!(
            "published {iterations}: {}, {}, in {took} ({})\n",
            many(release.files, "file"),
            words::bytes(release.bytes),
            release.path.display()
        ),
        (Some(release), Outcome::Unchanged) if !request.publish => {
            format!("made {} in {took}, and did not publish it\n", release.path.display())
        }
        (_, Outcome::Unchanged) => format!("nothing new since the last run: {iterations} shown, looked at in {took}\n"),
        _ => String::new(),
    }
}

fn many(count: u64, what: &str) -> String {
    #[expect(clippy::cast_precision_loss, reason = "counts of files and findings are far below 2^52")]
    let digits = words::whole(count as f64);
    format!("{digits} {what}{}", if count == 1 { "" } else { "s" })
}

#[cfg(test)]
mod tests {

    use clap::Parser;

    use super::*;
    use crate::journey::last_run::LastRun;
    use crate::journey::release::{Finding, Note, Refusal, Release, Withdrawn};
    use crate::observation::Time;

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        arguments: SynthesizeArguments,
    }

    fn parse(line: &str) -> SynthesizeArguments {
        Line::try_parse_from(std::iter::once("x").chain(line.split_whitespace())).unwrap().arguments
    }

    fn environment(pairs: &[(&str, &str)]) -> Vec<(OsString, OsString)> {
        pairs.iter().map(|(name, value)| (name.into(), value.into())).collect()
    }

    fn settings(line: &str, pairs: &[(&str, &str)]) -> Vec<(String, String, String)> {
        let settings = parse(line).settings(&environment(pairs)).unwrap();
        settings.into_iter().map(|FlagSetting { path, text, flag }| (path, text, flag)).collect()
    }

    #[test]
    fn the_flags_of_the_original_are_understood() {
        let line = "--public --no-codex-cleanup --rebuild-site";
        assert!(parse(line).rebuild_site && !parse(line).codex_cleanup);
        assert!(parse("--no-codex-cleanup --codex-cleanup").codex_cleanup, "the last one counts");
        assert!(!parse("--codex-cleanup --no-codex-cleanup").codex_cleanup);
    }

    #[test]
    fn flags_win_over_their_variables_and_directories_are_absolute() {
        let here = std::env::current_dir().unwrap();
        let outdir = |text: &str, flag: &str| ("journey.output_dir".to_owned(), text.to_owned(), flag.to_owned());
        let variables =
            [("JOURNEY_OUTDIR", "/srv/web"), ("JOURNEY_BASE", "https://a.example/"), ("JOURNEY_PUBLISH", "")];
        let found = settings("", &variables);
        assert_eq!(found[0], outdir("/srv/web", "JOURNEY_OUTDIR"));
        assert_eq!(found[1].1, "https://a.example/");
        let found = settings("--outdir out --base-url https://b.example/", &variables);
        assert_eq!(found[0], outdir(here.join("out").to_str().unwrap(), "--outdir"));
        assert_eq!((found[1].1.as_str(), found.len()), ("https://b.example/", 2));
        assert!(settings("", &[("JOURNEY_OUTDIR", "")]).is_empty());
    }

    #[test]
    fn it_publishes_unless_told_otherwise() {
        let publishes = |line: &str, value: &str| parse(line).publishes(&environment(&[("JOURNEY_PUBLISH", value)]));
        assert_eq!([publishes("", ""), publishes("", "1"), publishes("", "0")], [Ok(true), Ok(true), Ok(false)]);
        assert_eq!([publishes("--publish", "0"), publishes("--no-publish", "1")], [Ok(true), Ok(false)]);
        assert!(publishes("", "perhaps").unwrap_err().contains("expected 1 or 0"));
        assert!(Line::try_parse_from(["x", "--snapshot", "../up"]).is_err());
    }

    fn report(outcome: Outcome) -> Report {
        let now = Time::from_second(1_795_348_800).unwrap();
        let last_run = LastRun { duration_seconds: Some(1.25), iterations: Some(1), ..LastRun::new(now, outcome) };
        let (hash, path) = ("ab".repeat(32), PathBuf::from("/web/releases/abab"));
        let release = Some(Release { hash, path, bytes: 3 << 20, files: 20_013, is_new: true });
        Report { last_run, release, refusal: None, withdrawn: Vec::new(), notes: Vec::new(), error: None }
    }

    fn request(publish: bool) -> Request {
        let mut request = SynthesizeArguments::default().request(publish, &Config::default());
        request.state = "/state".into();
        request
    }

    #[test]
    fn the_outcome_is_told_in_a_line() {
        assert_eq!(
            summary(&report(Outcome::Published), &request(true)),
            "published 1 iteration: 20\u{202f}013 files, 3 MiB, in 1.2 s (/web/releases/abab)\n"
        );
        assert_eq!(
            summary(&report(Outcome::Unchanged), &request(true)),
            "nothing new since the last run: 1 iteration shown, looked at in 1.2 s\n"
        );
        assert_eq!(
            summary(&report(Outcome::Unchanged), &request(false)),
            "made /web/releases/abab in 1.2 s, and did not publish it\n"
        );
    }

    #[test]
    fn what_concerns_the_operator_is_told_with_the_place_and_the_mend() {
        let mut told = report(Outcome::Refused);
        told.last_run.findings = [("github-token".to_owned(), 2), ("home-path".to_owned(), 1)].into();
        told.refusal = Some(Refusal { findings: Vec::<Finding>::new(), ..Refusal::default() });
        told.notes = vec![Note("web/dist is left".into())];
        let (place, now) = ("releases/abab".to_owned(), "abab-1".to_owned());
        told.withdrawn = vec![Withdrawn { place, now, was_shown: true, refusal: Refusal::default() }];
        told.error = Some(anyhow::anyhow!("no room"));
        let complaints = complaints(&told, &request(true));
        assert_eq!(complaints[0], "web/dist is left");
        assert!(
            complaints[1].contains("releases/abab, WHICH WAS SHOWN")
                && complaints[1].contains("/state/withdrawn/abab-1")
        );
        assert!(
            complaints[2].contains("the leak gate found 3 things (github-token 2, home-path 1)"),
            "{}",
            complaints[2]
        );
        assert!(complaints[2].contains("/state/leak-report.json"));
        assert_eq!(complaints[3], "no room; what was shown before is shown still");
    }

    #[test]
    fn the_settings_become_the_request() {
        let mut config = Config::default();
        config.journey.build.command = vec!["npm".into(), "run".into()];
        let arguments = parse("--wait --snapshot v1 --rebuild-site");
        let request = arguments.request(true, &config);
        assert_eq!((request.patience, request.snapshot.as_deref(), request.keep), (PATIENCE, Some("v1"), 5));
        assert_eq!(request.builder.unwrap().command, ["npm", "run"]);
        assert_eq!(parse("").request(true, &Config::default()).builder, None);
    }
}
