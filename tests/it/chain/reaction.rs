//! From the cause to the notification in the real chain, with sources that are read as seldom as in production.
//!
//! `AUTOSWE_REACTIONS=7 cargo nextest run --success-output final reaction` measures seven.

use autoswe_exporter::config::Config;
use autoswe_exporter::config::value::Seconds;

use super::*;

/// Limits, `for` and evaluation, seconds. Only the critical limit is not the demo's: on a slow machine too the warning
/// is told before it holds it back.
const WARN: f64 = 5.0;
const CRIT: f64 = 15.0;
const FOR: f64 = 1.0;
const EVALUATION: f64 = 1.0;

/// The usual intervals, so that nothing is judged because a reading happens to come.
fn seldom(config: &mut Config) {
    let usual = Config::default();
    config.checks.loop_.crit = Seconds(CRIT);
    config.loop_.interval = usual.loop_.interval;
    config.vllm.interval = usual.vllm.interval;
    config.gpu.interval = usual.gpu.interval;
    config.parity.interval = usual.parity.interval;
    config.verdicts.interval = usual.verdicts.interval;
    config.site.interval = usual.site.interval;
    config.review.interval = usual.review.interval;
    config.watchdog.interval = usual.watchdog.interval;
    config.host.interval = usual.host.interval;
}

/// Lets the loop hang once: seconds from its last sign of life to what is told of it, warning and critical.
async fn react(chain: &Chain) -> [f64; 2] {
    let before = chain.receiver.notifications().len();
    chain.teller.turn_to("The heartbeat stops");
    let told = |all: &[Notification], status: &str, id: &str| {
        let is = |alert: &Alert| alert.status == status && alert.id() == id;
        all[before..].iter().find(|one| one.alerts.iter().any(is)).map(|one| one.at)
    };
    let both = |all: &[Notification], status: &str| HUNG.iter().all(|id| told(all, status, id).is_some());
    let all = chain.receiver.until("both are told", |all| both(all, "firing")).await;
    let beat = chain.teller.last_beat();
    chain.teller.turn_to("The watchdog restarted it");
    chain.receiver.until("both are resolved", |all| both(all, "resolved")).await;
    HUNG.map(|id| (told(&all, "firing", id).unwrap() - beat).total(jiff::Unit::Second).unwrap())
}

#[tokio::test(flavor = "multi_thread")]
#[expect(clippy::print_stdout, reason = "the figures are for who measures")]
async fn from_the_last_heartbeat_to_the_notification() {
    let chain = Chain::start_with("5s", seldom).await;
    let runs = std::env::var("AUTOSWE_REACTIONS").map_or(1, |runs| runs.parse().unwrap());
    println!("allowed:  warning {:.2} s (with group_wait)", WARN + FOR + GROUP_WAIT + EVALUATION + 1.0);
    println!("allowed: critical {:.2} s", CRIT + FOR + EVALUATION + 1.0);
    for run in 0..runs {
        // Chapters are turned when something was told, which is always at the same instant between two evaluations.
        tokio::time::sleep(Duration::from_millis(130) * run).await;
        let [warning, critical] = react(&chain).await;
        println!("measured: warning {warning:.2} s, critical {critical:.2} s");
        // Not before its time, and not never. How fast it was, the machine decides.
        assert!(warning > WARN + FOR && critical > CRIT + FOR, "{warning} {critical}");
    }
}
