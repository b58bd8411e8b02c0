//! What watching costs while nobody scrapes: CPU per reading of each source, per judgement and page, and of the
//! whole program, on a machine with 200 processes and a vLLM page of 590 lines, at the default intervals.
//!
//! Run with `cargo bench --bench background`.

#![expect(clippy::print_stdout, reason = "the figures are what it is for")]

#[path = "stage/mod.rs"]
mod stage;

use std::process::{Command, Stdio};
use std::time::Duration;

use autoswe_exporter::assessment::{Thresholds, assess};
use autoswe_exporter::config::{Inputs, load};
use autoswe_exporter::metric::{self, Exporter, Samples, samples};
use autoswe_exporter::observation::Time;
use autoswe_exporter::sink::{openmetrics, prometheus};
use autoswe_exporter::source::set::readers;
use autoswe_exporter::state::State;
use stage::{Stage, cpu_seconds, own_cpu_seconds};

const READINGS: u32 = 200;
const WATCHED: Duration = Duration::from_secs(60);

fn main() {
    stage::serve_vllm_if_asked();
    let stage = Stage::new(200);
    println!("machine: {}", stage::machine());
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(sources(&stage));
    whole(&stage);
}

/// CPU seconds of one of `count` rounds of `work`.
fn each(count: u32, mut work: impl FnMut()) -> f64 {
    let before = own_cpu_seconds();
    (0..count).for_each(|_| work());
    (own_cpu_seconds() - before) / f64::from(count)
}

async fn sources(stage: &Stage) {
    let environment = vec![(stage::EVERY_PROCESS.0.into(), stage::EVERY_PROCESS.1.into())];
    let inputs = Inputs { file: Some(stage.config()), environment, ..Inputs::default() };
    let loaded = load(&inputs).expect("the configuration of the stage");
    let mut state = State::new(&loaded.config, Time::now());
    let mut total = 0.0;
    for mut reader in readers(&loaded.config).expect("threads") {
        state.apply(reader.read().await);
        let before = own_cpu_seconds();
        for _ in 0..READINGS {
            state.apply(reader.read().await);
        }
        let cost = (own_cpu_seconds() - before) / f64::from(READINGS);
        let share = cost / reader.interval.as_secs_f64();
        total += share;
        println!("{:<10} {:>8.1} us a reading, {:.4} % of a core", reader.id, cost * 1e6, share * 100.0);
    }
    println!("sources    {:.4} % of a core", total * 100.0);
    pages(&state, &loaded.thresholds());
}

fn pages(state: &State, thresholds: &Thresholds) {
    let now = Time::now();
    let assessment = assess(state, thresholds, now);
    let inputs = metric::Inputs { state, assessment: &assessment, thresholds, exporter: &Exporter::default() };
    let fill = || {
        let mut page = Samples::default();
        samples(&inputs, &mut page);
        page
    };
    let page = fill();
    println!("judging    {:>8.1} us", each(READINGS, || drop(assess(state, thresholds, now))) * 1e6);
    println!("samples    {:>8.1} us", each(READINGS, || drop(fill())) * 1e6);
    println!(
        "text       {:>8.1} us, {} bytes",
        each(READINGS, || drop(prometheus::render(&page))) * 1e6,
        prometheus::render(&page).len()
    );
    println!("openmetrics{:>8.1} us", each(READINGS, || drop(openmetrics::render(&page))) * 1e6);
    println!("state copy {:>8.1} us", each(READINGS, || drop(state.clone())) * 1e6);
}

/// The whole program, nobody scraping.
fn whole(stage: &Stage) {
    let mut child = Command::new(stage::exporter())
        .arg("--config.file")
        .arg(stage.config())
        .arg("--web.listen-address=127.0.0.1:0")
        .env(stage::EVERY_PROCESS.0, stage::EVERY_PROCESS.1)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("the exporter");
    std::thread::sleep(Duration::from_secs(5));
    let before = cpu_seconds(child.id());
    std::thread::sleep(WATCHED);
    let share = (cpu_seconds(child.id()) - before) / WATCHED.as_secs_f64();
    println!("the whole program over {} s: {:.3} % of a core", WATCHED.as_secs(), share * 100.0);
    drop(child.kill());
    drop(child.wait());
}
