//! `demo`: the story of a loop in a few minutes, watched by the same daemon as in production.
//!
//! Invariant: the demo takes nothing from the environment or a configuration file, which may speak of a real loop;
//! flags count.

use std::net::{SocketAddr, TcpListener};
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::mpsc;
use std::thread;

use anyhow::Context as _;
use tokio::sync::oneshot;

use super::arguments::Web;
use super::output;
use crate::config::{Config, FlagSetting, Inputs, load_over};
use crate::daemon::{self, Options};
use crate::demo::{Chapter, Demo, Story};
use crate::web;

pub(super) const HELP: &str = "\
It listens on 127.0.0.1:9765, or on a free port where that is taken. Its files lie in a temporary directory that is
removed at the end. Ctrl-C ends it.";

/// Flags of `demo`.
#[derive(Debug, Clone, clap::Args)]
pub(super) struct DemoArguments {
    /// How many times faster than a round of about 90 s, 0.2 to 4
    #[arg(long, default_value_t = 1.0, value_name = "FACTOR", value_parser = speed)]
    speed: f64,
    /// Push the story's alerts to this Alertmanager; may repeat [default: none]
    #[arg(long = "alertmanager", value_name = "URL")]
    alertmanagers: Vec<String>,
    #[command(flatten)]
    web: Web,
}

impl DemoArguments {
    /// The settings that flags set.
    fn settings(&self) -> impl Iterator<Item = FlagSetting> {
        let text = self.alertmanagers.join(",");
        let told = FlagSetting { path: "alertmanager.urls".into(), text, flag: "--alertmanager".into() };
        self.web.settings().into_iter().chain((!self.alertmanagers.is_empty()).then_some(told))
    }
}

fn speed(text: &str) -> Result<f64, String> {
    let range = Story::SLOWEST..=Story::FASTEST;
    let expected = || format!("expected a number from {} to {}", range.start(), range.end());
    text.parse().ok().filter(|speed| range.contains(speed)).ok_or_else(expected)
}

/// Runs the demo until it is interrupted.
pub(super) fn run(arguments: &DemoArguments, inputs: &Inputs) -> ExitCode {
    let mut inputs = inputs.clone();
    inputs.flags.extend(arguments.settings());
    match tell_and_watch(arguments.speed, &inputs) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => output::fail(1, &format!("demo: {error:#}")),
    }
}

/// Tells the story on a thread of its own and watches it on this one.
fn tell_and_watch(speed: f64, inputs: &Inputs) -> anyhow::Result<()> {
    let (started, ready) = mpsc::channel();
    let (stop, stopped) = oneshot::channel::<()>();
    let teller = thread::Builder::new().name("demo".into()).spawn(move || tell(speed, &started, stopped))?;
    // The channel closes without a word when the story could not begin; its thread then says why.
    let watched = ready.recv().map(|stage| watch(stage, inputs));
    drop(stop);
    let told =
        teller.join().unwrap_or_else(|_| anyhow::bail!("the story's thread panicked; please report it as a bug"));
    told.and(watched.unwrap_or(Ok(())))
}

/// What is to be watched.
struct Stage {
    config: Config,
    directory: PathBuf,
    vllm: String,
    round: f64,
}

fn tell(speed: f64, started: &mpsc::Sender<Stage>, stopped: oneshot::Receiver<()>) -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let demo = Demo::start(speed).await?;
        let stage = Stage {
            config: demo.config(),
            directory: demo.directory().to_owned(),
            vllm: demo.vllm_url(),
            round: demo.story().round().as_secs_f64(),
        };
        started.send(stage).context("nobody watches")?;
        demo.run(async { drop(stopped.await) }, narrate).await.context("the world can no longer be written")
    })
}

fn watch(stage: Stage, inputs: &Inputs) -> anyhow::Result<()> {
    let Stage { mut config, directory, vllm, round } = stage;
    // An address that was asked for is taken literally.
    if inputs.flags.iter().all(|flag| flag.path != "web.listen_addresses") {
        let usual = config.web.listen_addresses;
        config.web.listen_addresses = free_addresses(usual.clone());
        if config.web.listen_addresses != usual {
            say(&format!("{} is taken by another program; a free port will do.\n\n", usual.join(", ")));
        }
    }
    let telemetry_path = |config: &Config| config.web.telemetry_path.clone();
    let inputs = demo_inputs(inputs, &vllm);
    let load = move || load_over(config.clone(), &inputs);
    let loaded = load()?;
    let metrics = telemetry_path(&loaded.config);
    let secure = web::secure(&loaded.config.web)?;
    let scheme = secure.scheme();
    let on_listen = Box::new(move |addresses: &[SocketAddr]| {
        let files = &directory.display().to_string();
        let about = Introduction { scheme, addresses, metrics: &metrics, files, vllm: &vllm, round };
        say(&about.text());
    });
    daemon::run(Options { loaded, reload: std::sync::Arc::new(load), secure, on_listen: Some(on_listen) })
}

/// Only the flags of the command line; that vLLM's address is known makes it expected.
fn demo_inputs(inputs: &Inputs, vllm: &str) -> Inputs {
    let address = FlagSetting { path: "vllm.url".into(), text: vllm.to_owned(), flag: "demo".into() };
    let flags = inputs.flags.iter().cloned().chain([address]).collect();
    Inputs { flags, directory: inputs.directory.clone(), ..Inputs::default() }
}

/// `addresses`, with a free port in place of one that somebody else listens on: a first look must not fail because
/// the exporter runs already.
fn free_addresses(addresses: Vec<String>) -> Vec<String> {
    let taken = |address: &str| TcpListener::bind(address).is_err();
    let free = |address: String| match address.rsplit_once(':') {
        Some((host, _)) if taken(&address) => format!("{host}:0"),
        _ => address,
    };
    addresses.into_iter().map(free).collect()
}

struct Introduction<'a> {
    scheme: &'static str,
    addresses: &'a [SocketAddr],
    metrics: &'a str,
    files: &'a str,
    vllm: &'a str,
    round: f64,
}

impl Introduction<'_> {
    fn text(&self) -> String {
        let Introduction { scheme, addresses, metrics, files, vllm, round } = self;
        let base = addresses.first().map_or_else(String::new, |address| format!("{scheme}://{address}"));
        format!(
            "A loop, a GPU and a model server that are not there, watched as if they were.\n\n  \
             status page    {base}/\n  \
             metrics        {base}{metrics}\n  \
             JSON           {base}/api/v1/state?pretty\n  \
             files          {files}\n  \
             model server   {vllm}/metrics\n\n\
             A round takes {round:.0} s and starts over. Ctrl-C ends it.\n\n"
        )
    }
}

fn narrate(chapter: &Chapter) {
    let now = crate::observation::Time::now().strftime("%H:%M:%S");
    say(&format!("{now}  {}: {}\n", chapter.title, chapter.what_you_will_see));
}

/// The demo goes on when nobody reads what it says.
fn say(text: &str) {
    drop(output::print(text));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_speed_is_bounded() {
        assert_eq!(speed("2"), Ok(2.0));
        assert!(speed("100").is_err() && speed("0").is_err() && speed("fast").is_err() && speed("nan").is_err());
    }

    #[test]
    fn a_taken_port_is_replaced_by_a_free_one() {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let taken = listener.local_addr().expect("its address").to_string();
        assert_eq!(free_addresses(vec![taken]), ["127.0.0.1:0"]);
    }

    #[test]
    fn the_environment_and_files_do_not_reach_the_demo() {
        let flag = FlagSetting { path: "gpu.enabled".into(), text: "false".into(), flag: "--no-collector.gpu".into() };
        let real = Inputs {
            file: Some("/etc/real.yml".into()),
            environment: vec![("AUTOSWE_VLLM_URL".into(), "http://real:1".into())],
            flags: vec![flag],
            ..Inputs::default()
        };
        let loaded = load_over(Config::default(), &demo_inputs(&real, "http://127.0.0.1:5")).expect("it loads");
        assert_eq!(loaded.config.vllm.url, "http://127.0.0.1:5");
        assert!(loaded.vllm_expected() && !loaded.config.gpu.enabled);
    }
}
