//! `serve`: shows the released site.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use super::super::{USAGE, output, refuse};
use super::outdir::{absolute, outdir, variable};
use crate::config::{Config, FlagSetting};
use crate::journey::serve::debug::Token;
use crate::journey::serve::{self, Options};
use crate::web::Secure;

/// Flags of `serve`.
#[derive(Debug, Clone, Default, clap::Args)]
pub(super) struct ServeArguments {
    /// Address to listen on; `::` is every address, IPv4 and IPv6 [default: journey.server.bind, 0.0.0.0]
    #[arg(long, value_name = "ADDRESS")]
    bind: Option<String>,
    /// Port to listen on [default: journey.server.port, 8765]
    #[arg(long, value_name = "PORT")]
    port: Option<u16>,
    /// Show only what was released; the default, and what else there is must be asked for with --debug-surfaces
    #[arg(long)]
    public: bool,
    /// Answer /api/journey, /raw/NAME, /status and POST /synthesize too, which tell what was not redacted
    #[arg(long)]
    debug_surfaces: bool,
    /// Directory of the releases (environment: JOURNEY_OUTDIR) [default: journey.output_dir]
    #[arg(long, value_name = "DIRECTORY")]
    outdir: Option<PathBuf>,
    /// TLS, users and headers: a web configuration file of Prometheus exporters
    #[arg(long = "web.config.file", value_name = "FILE")]
    web_config_file: Option<PathBuf>,
    /// Log requests: off, common or json [default: journey.server.access_log, off]
    #[arg(long, value_name = "FORMAT")]
    access_log: Option<String>,
}

impl ServeArguments {
    /// The settings that these flags set.
    pub(super) fn settings(&self, environment: &[(OsString, OsString)]) -> Result<Vec<FlagSetting>, String> {
        let file = self.web_config_file.as_deref();
        let config_file = file.map(|file| absolute(file, "--web.config.file")).transpose()?;
        let flags = [
            ("bind", "--bind", self.bind.clone()),
            ("port", "--port", self.port.map(|port| port.to_string())),
            ("debug_surfaces", "--debug-surfaces", self.debug_surfaces.then(|| "true".into())),
            ("config_file", "--web.config.file", config_file),
            ("access_log", "--access-log", self.access_log.clone()),
        ];
        let setting = |(name, flag, text): (&str, &str, Option<String>)| {
            Some(FlagSetting { path: format!("journey.server.{name}"), text: text?, flag: flag.into() })
        };
        let outdir = outdir(self.outdir.as_deref(), environment)?;
        Ok(flags.into_iter().filter_map(setting).chain(outdir).collect())
    }
}

/// Serves until it is told to stop.
pub(super) fn run(config: Config, environment: &[(OsString, OsString)]) -> ExitCode {
    let settings = &config.journey.server;
    let name = settings.debug_token_env.as_str();
    let token = variable(environment, name).map(|token| token.to_string_lossy().into_owned());
    let token = match Token::of_variable(name, token.as_deref()) {
        Ok(token) => token.filter(|_| settings.debug_surfaces),
        Err(message) => return output::fail(USAGE, &message),
    };
    let secure = match settings.config_file.as_deref().map(|file| Secure::open(Path::new(file), &[])).transpose() {
        Ok(secure) => secure.unwrap_or_default(),
        Err(errors) => return refuse(&errors),
    };
    match serve::run(Options { config, secure, token }) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => output::fail(1, &format!("{error:#}")),
    }
}
