//! The configuration that watches the demo: limits and intervals as compressed as the story.
//!
//! Invariant: only what must fit the story differs from the defaults.

use std::path::Path;

use crate::config::value::{Ratio, Seconds};
use crate::config::{Config, Limits};

/// The file in the runtime directory that stands in for NVML.
pub(super) const GPU_RECORDING: &str = "gpu.json";

/// The configuration for a demo with its files in `runtime` and `repo` and its model server at `vllm_url`, told
/// `speed` times faster than usual. It listens on 127.0.0.1:9765 only.
pub fn config(runtime: &Path, repo: &Path, vllm_url: &str, speed: f64) -> Config {
    let mut config = Config { runtime_dir: runtime.into(), repo_root: repo.into(), ..Config::default() };
    config.vllm.url = vllm_url.into();
    config.gpu.recording = Some(runtime.join(GPU_RECORDING).to_string_lossy().into_owned());
    config.web.listen_addresses = vec!["127.0.0.1:9765".into()];
    // A real loop on the same machine is none of the demo's business.
    config.loop_.unit = "autoswe-demo.service".into();
    let scaled = |seconds: f64| Seconds(seconds / speed);
    set_intervals(&mut config, scaled);
    set_limits(&mut config.checks, scaled);
    config.alerts.warn_for = scaled(1.0);
    config.alerts.crit_for = scaled(1.0);
    config.alerts.keep_firing_for = scaled(2.0);
    // Nobody who is told of a real loop is to be told of this one.
    config.webhook.url_env = String::new();
    config
}

fn set_intervals(config: &mut Config, scaled: impl Fn(f64) -> Seconds) {
    config.loop_.interval = scaled(0.5);
    config.subagents.interval = scaled(5.0);
    config.vllm.interval = scaled(0.5);
    config.vllm.canary_after = scaled(4.0);
    config.vllm.canary_timeout = scaled(3.0);
    config.gpu.interval = scaled(0.5);
    config.parity.interval = scaled(1.0);
    config.verdicts.interval = scaled(1.0);
    config.site.interval = scaled(2.0);
    config.review.interval = scaled(2.0);
    config.watchdog.interval = scaled(1.0);
    config.host.interval = scaled(2.0);
    config.system_state.interval = scaled(5.0);
}

fn set_limits(limits: &mut Limits, scaled: impl Fn(f64) -> Seconds) {
    limits.loop_.warn = scaled(5.0);
    limits.loop_.crit = scaled(10.0);
    limits.vllm.stall_warn = scaled(3.0);
    limits.vllm.stall_crit = scaled(9.0);
    limits.vllm.unreachable_crit = scaled(5.0);
    limits.vllm.unanswered_crit = scaled(10.0);
    limits.watchdog.warn = scaled(15.0);
    // The machine that shows the demo may be full and busy; the story is about another one.
    limits.host.memory_warn = Ratio(0.02);
    limits.host.memory_crit = Ratio(0.01);
    limits.host.pressure = Ratio(0.9);
    limits.host.disk_warn = Ratio(0.002);
    limits.host.disk_crit = Ratio(0.001);
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::super::{Mood, Story};
    use super::*;

    #[test]
    fn each_trouble_lasts_longer_than_its_limit() {
        for speed in [Story::SLOWEST, 1.0, Story::FASTEST] {
            let story = Story::new(speed);
            let limits = config(Path::new("/r"), Path::new("/repo"), "http://127.0.0.1:1", speed).checks;
            let lasts = |mood: Mood| {
                let chapter = story.chapters().iter().find(|chapter| chapter.mood == mood).unwrap();
                // A quarter is left for reading and for being seen.
                story.length(chapter).mul_f64(0.75)
            };
            let longer = |mood, limit: Seconds| lasts(mood) > Duration::from_secs_f64(limit.0);
            assert!(limits.loop_.warn < limits.loop_.crit && longer(Mood::LoopHung, limits.loop_.crit));
            assert!(limits.vllm.stall_warn < limits.vllm.stall_crit);
            assert!(longer(Mood::ModelStalled, limits.vllm.stall_crit));
            // The GPU idles while the model hangs; that is not this chapter's point.
            assert!(!longer(Mood::ModelStalled, limits.gpu.sustained) || speed < 1.0);
        }
    }

    #[test]
    fn it_listens_on_loopback_and_watches_no_real_loop() {
        let config = config(Path::new("/r"), Path::new("/repo"), "http://127.0.0.1:1", 1.0);
        assert_eq!(config.web.listen_addresses, ["127.0.0.1:9765"]);
        assert_eq!(config.gpu.recording.as_deref(), Some("/r/gpu.json"));
        assert_ne!(config.loop_.unit, Config::default().loop_.unit);
        assert!(config.webhook.url_env.is_empty() && config.alertmanager.urls.is_empty());
    }
}
