//! Rules across settings, and ranges that a type cannot say.
//!
//! Invariant: pure; the defaults violate none (a test says so).

use super::Config;
use super::limits::Limits;
use super::section::{Setting, Visitor};
use super::value::Seconds;

/// One rule that does not hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Violation {
    /// The settings that take part; the first is the one to mend when all have their defaults.
    pub(super) paths: Vec<String>,
    /// What was expected.
    pub(super) message: String,
}

/// The shortest interval, deadline or time-out. A shorter one would keep a core busy and leave no time to answer.
const SHORTEST: Seconds = Seconds(0.01);

/// Restarts that the watchdog's audit trail is looked back for.
const MOST_RESTARTS: u64 = 20;

/// The shortest time between two tellings of the same.
const LEAST_REPEAT: Seconds = Seconds(60.0);

/// What one argument may hold: 32 pages, of which the flag and the end need some (execve(2), `MAX_ARG_STRLEN`).
const LONGEST_ARGUMENT: u64 = 131_000;

/// At most this many verdicts are read.
const VERDICTS: u64 = 5;

/// Every rule of `config` that does not hold.
pub(super) fn violations(config: &Config) -> Vec<Violation> {
    let mut found = Vec::new();
    for pair in pairs(&config.checks) {
        found.extend(pair.violation());
    }
    found.extend(short_times(config));
    found.extend(ranges(config));
    found.extend(texts(config));
    found
}

/// A warning limit with its critical one.
struct Pair {
    warn: (&'static str, f64),
    crit: (&'static str, f64),
    rising: bool,
}

impl Pair {
    fn violation(&self) -> Option<Violation> {
        let ((warn_path, warn), (crit_path, crit)) = (self.warn, self.crit);
        let (holds, side) = if self.rising { (warn < crit, "below") } else { (warn > crit, "above") };
        let message = format!("the warning must come first: {warn_path} ({warn}) must lie {side} {crit_path} ({crit})");
        (!holds).then(|| Violation { paths: vec![warn_path.into(), crit_path.into()], message })
    }
}

fn pairs(limits: &Limits) -> [Pair; 9] {
    let rising = |warn, crit| Pair { warn, crit, rising: true };
    let falling = |warn, crit| Pair { warn, crit, rising: false };
    let Limits { loop_, subagents, vllm, gpu, site, review, host, .. } = limits;
    [
        rising(("checks.loop.warn", loop_.warn.0), ("checks.loop.crit", loop_.crit.0)),
        rising(("checks.subagents.warn", subagents.warn), ("checks.subagents.crit", subagents.crit)),
        rising(("checks.vllm.stall_warn", vllm.stall_warn.0), ("checks.vllm.stall_crit", vllm.stall_crit.0)),
        rising(("checks.gpu.hot", gpu.hot), ("checks.gpu.slowdown", gpu.slowdown)),
        rising(("checks.site.warn", site.warn.0), ("checks.site.crit", site.crit.0)),
        rising(("checks.review.warn", review.warn.0), ("checks.review.crit", review.crit.0)),
        falling(("checks.review.score_warn", review.score_warn), ("checks.review.score_crit", review.score_crit)),
        falling(("checks.host.memory_warn", host.memory_warn.0), ("checks.host.memory_crit", host.memory_crit.0)),
        falling(("checks.host.disk_warn", host.disk_warn.0), ("checks.host.disk_crit", host.disk_crit.0)),
    ]
}

/// Intervals, deadlines and time-outs below [`SHORTEST`].
fn short_times(config: &Config) -> Vec<Violation> {
    struct Short(Vec<Violation>);
    impl Visitor for Short {
        fn enter(&mut self, _path: &str, _doc: &'static str) {}
        fn setting(&mut self, path: &str, _doc: &'static str, setting: &mut dyn Setting) {
            let times = ["interval", "deadline", "timeout"];
            let short = || setting.get().as_str()?.parse::<Seconds>().ok().filter(|time| *time < SHORTEST);
            if times.iter().any(|word| path.ends_with(word)) && short().is_some() {
                let message = format!("expected at least {SHORTEST}, such as 5s");
                self.0.push(Violation { paths: vec![path.into()], message });
            }
        }
    }
    let mut short = Short(Vec::new());
    config.clone().accept(&mut short);
    short.0
}

/// Numbers outside the range that makes sense.
fn ranges(config: &Config) -> Vec<Violation> {
    let Config { vllm, web, system_state, checks, .. } = config;
    let verdicts = 1..=VERDICTS;
    let restart = &config.restart;
    let rules = [
        (vllm.timeout >= vllm.deadline, "vllm.timeout", "expected no less than vllm.deadline".to_owned()),
        (vllm.max_page.0 >= 1024, "vllm.max_page", "expected at least 1KiB".into()),
        (config.parity.max_size.0 >= 1024, "parity.max_size", "expected at least 1KiB".into()),
        (web.max_connections >= 1, "web.max_connections", "expected at least 1".into()),
        (system_state.rotate_size.0 >= 1 << 16, "system_state.rotate_size", "expected at least 64KiB".into()),
        (
            verdicts.contains(&checks.verdicts.rejected_warn),
            "checks.verdicts.rejected_warn",
            format!("expected 1 to {VERDICTS}: no more verdicts are read"),
        ),
        (
            verdicts.contains(&checks.verdicts.wedged_crit),
            "checks.verdicts.wedged_crit",
            format!("expected 1 to {VERDICTS}: no more verdicts are read"),
        ),
        (checks.parity.unreadable_crit >= 1, "checks.parity.unreadable_crit", "expected at least 1".into()),
        (checks.subagents.warn > 0.0, "checks.subagents.warn", "expected more than 0, such as 1".into()),
        (restart.confirmations >= 1, "restart.confirmations", "expected at least 1".into()),
        (
            (1..=MOST_RESTARTS).contains(&restart.budget),
            "restart.budget",
            format!("expected 1 to {MOST_RESTARTS}; to keep the watchdog from restarting, stop it"),
        ),
        (
            (1..=MOST_RESTARTS).contains(&restart.latch),
            "restart.latch",
            format!("expected 1 to {MOST_RESTARTS}, such as 6"),
        ),
        (restart.phase_budgets >= 0.0, "restart.phase_budgets", "expected 0 or more, such as 1.25".into()),
        (restart.keep >= 1, "restart.keep", "expected at least 1".into()),
        (
            config.judge.entries.get(&config.judge.use_).is_some(),
            "judge.use",
            format!("expected one of judge.entries: {}", config.judge.entries.names().join(", ")),
        ),
        (config.judge.max_output.0 >= 1 << 16, "judge.max_output", "expected at least 64KiB".into()),
        (
            config.judge.max_argument.0 <= LONGEST_ARGUMENT,
            "judge.max_argument",
            format!("expected at most {LONGEST_ARGUMENT}: the kernel takes no longer argument"),
        ),
        (checks.gpu.hot_margin >= 0.0, "checks.gpu.hot_margin", "expected 0 or more degrees".into()),
    ];
    rules.into_iter().filter(|(holds, ..)| !holds).map(|(_, path, message)| violation(path, message)).collect()
}

fn violation(path: &str, message: impl Into<String>) -> Violation {
    Violation { paths: vec![path.into()], message: message.into() }
}

/// Texts that have a form: the URL, the listen addresses, the metrics page's path.
fn texts(config: &Config) -> Vec<Violation> {
    let mut found = Vec::new();
    found.extend(url_fault(&config.vllm.url).map(|message| violation("vllm.url", message)));
    found.extend(url_fault(&config.alerts.runbooks).map(|message| violation("alerts.runbooks", message)));
    found.extend(push_texts(config));
    let web = &config.web;
    if web.listen_addresses.is_empty() {
        found.push(violation("web.listen_addresses", "expected at least one address, such as :9765"));
    }
    for address in web.listen_addresses.iter().filter(|address| !is_listen_address(address)) {
        let message =
            format!("`{address}` is no address to listen on; expected one such as :9765, 127.0.0.1:9765 or [::1]:9765");
        found.push(violation("web.listen_addresses", message));
    }
    found.extend(telemetry_path_fault(&web.telemetry_path).map(|message| violation("web.telemetry_path", message)));
    found
}

/// The addresses that alerts are pushed to, and the variables that hold secrets.
fn push_texts(config: &Config) -> Vec<Violation> {
    let mut found = Vec::new();
    let urls = &config.alertmanager.urls;
    for (index, url) in urls.iter().enumerate() {
        let twice = urls[..index].contains(url).then_some("stands there twice; each member once is enough");
        let fault = url_fault(url).or(twice);
        found.extend(fault.map(|message| violation("alertmanager.urls", format!("`{}`: {message}", tame(url)))));
    }
    for (path, name) in [
        ("alertmanager.authorization_env", &config.alertmanager.authorization_env),
        ("webhook.authorization_env", &config.webhook.authorization_env),
        ("webhook.url_env", &config.webhook.url_env),
    ] {
        if !name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_') {
            found.push(violation(path, "expected the name of an environment variable, not what it holds"));
        }
    }
    if config.webhook.repeat < LEAST_REPEAT {
        found.push(violation("webhook.repeat", format!("expected at least {LEAST_REPEAT}, such as 4h")));
    }
    found
}

/// `url` without what may be a password.
fn tame(url: &str) -> String {
    match url.rsplit_once('@') {
        Some((_, rest)) => format!("...@{rest}"),
        None => url.to_owned(),
    }
}

fn url_fault(text: &str) -> Option<&'static str> {
    let Ok(url) = reqwest::Url::parse(text) else {
        return Some("expected a URL such as http://127.0.0.1:8010");
    };
    if !matches!(url.scheme(), "http" | "https") || !url.has_host() {
        return Some("expected http:// or https:// and a host, such as http://127.0.0.1:8010");
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Some("a URL in the configuration must not hold a password; it would be printed and logged");
    }
    let extra = url.query().is_some() || url.fragment().is_some();
    extra.then_some("expected a base URL without `?` and `#`, such as http://127.0.0.1:8010")
}

fn is_listen_address(text: &str) -> bool {
    let Some((host, port)) = text.rsplit_once(':') else { return false };
    let bracketed = host.strip_prefix('[').and_then(|host| host.strip_suffix(']'));
    let host_is_right = match bracketed {
        Some(host) => host.parse::<std::net::Ipv6Addr>().is_ok(),
        None => host.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-')),
    };
    host_is_right && port.bytes().all(|byte| byte.is_ascii_digit()) && port.parse::<u16>().is_ok()
}

fn telemetry_path_fault(path: &str) -> Option<String> {
    if crate::web::ROUTES.contains(&path) {
        return Some(format!("{path} is a route of its own; expected another path, such as /metrics"));
    }
    let plain = path.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"/-_.".contains(&byte));
    let right = path.starts_with('/') && plain && !path.contains("//") && !path.ends_with('/');
    (!right).then(|| "expected a path of letters, digits and -_./ that begins with /, such as /metrics".into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::value::{Bytes, Ratio};

    fn broken(change: impl FnOnce(&mut Config)) -> Vec<String> {
        let mut config = Config::default();
        change(&mut config);
        violations(&config).into_iter().flat_map(|violation| violation.paths).collect()
    }

    #[test]
    fn the_defaults_hold() {
        assert_eq!(violations(&Config::default()), []);
    }

    #[test]
    fn a_warning_lies_before_its_critical_limit_in_either_direction() {
        for (index, pair) in pairs(&Limits::default()).iter().enumerate() {
            assert_eq!(pair.violation(), None, "pair {index}");
            let turned =
                Pair { warn: (pair.warn.0, pair.crit.1), crit: (pair.crit.0, pair.warn.1), rising: pair.rising };
            assert!(turned.violation().is_some(), "{} and {} the wrong way round", pair.warn.0, pair.crit.0);
        }
        assert_eq!(broken(|c| c.checks.loop_.warn = c.checks.loop_.crit), ["checks.loop.warn", "checks.loop.crit"]);
        assert_eq!(
            broken(|c| c.checks.host.disk_crit = Ratio(0.5)),
            ["checks.host.disk_warn", "checks.host.disk_crit"]
        );
    }

    #[test]
    fn every_pair_in_the_limits_is_ruled() {
        struct Limit(Vec<String>);
        impl Visitor for Limit {
            fn enter(&mut self, _path: &str, _doc: &'static str) {}
            fn setting(&mut self, path: &str, _doc: &'static str, _setting: &mut dyn Setting) {
                self.0.push(path.to_owned());
            }
        }
        let mut limit = Limit(Vec::new());
        Config::default().accept(&mut limit);
        let ruled: Vec<&str> = pairs(&Limits::default()).iter().map(|pair| pair.warn.0).collect();
        for warn in limit.0.iter().filter(|path| path.starts_with("checks.") && path.ends_with("warn")) {
            let crit = format!("{}crit", warn.trim_end_matches("warn"));
            if limit.0.contains(&crit) {
                assert!(ruled.contains(&warn.as_str()), "{warn} and {crit} have no rule");
            }
        }
    }

    #[test]
    fn times_and_counts_have_a_least_value() {
        assert_eq!(broken(|c| c.gpu.interval = Seconds(0.0)), ["gpu.interval"]);
        assert_eq!(broken(|c| c.host.deadline = Seconds(0.0)), ["host.deadline"]);
        assert_eq!(broken(|c| c.web.header_timeout = Seconds(0.001)), ["web.header_timeout"]);
        assert_eq!(broken(|c| c.vllm.timeout = Seconds(1.0)), ["vllm.timeout"]);
        assert_eq!(broken(|c| c.vllm.max_page = Bytes(0)), ["vllm.max_page"]);
        assert_eq!(broken(|c| c.web.max_connections = 0), ["web.max_connections"]);
        assert_eq!(broken(|c| c.checks.verdicts.wedged_crit = 6), ["checks.verdicts.wedged_crit"]);
        assert_eq!(broken(|c| c.checks.verdicts.rejected_warn = 0), ["checks.verdicts.rejected_warn"]);
    }

    #[test]
    fn urls() {
        for right in ["http://127.0.0.1:8010", "https://vllm.example/base", "http://[::1]:1", "http://gpu-box:8010/"] {
            assert_eq!(url_fault(right), None, "{right}");
        }
        for wrong in ["", "127.0.0.1:8010", "ftp://x", "http://", "http://me:pw@x", "http://x/?a=1", "http://x#y"] {
            assert!(url_fault(wrong).is_some(), "{wrong}");
        }
    }

    #[test]
    fn who_is_told_is_a_list_of_addresses_without_secrets() {
        let urls = |urls: &[&str]| {
            let mut config = Config::default();
            config.alertmanager.urls = urls.iter().map(|url| (*url).to_owned()).collect();
            violations(&config).into_iter().map(|violation| violation.message).collect::<Vec<_>>()
        };
        assert_eq!(urls(&["http://a:9093", "https://b/prefix"]), Vec::<String>::new());
        assert!(urls(&["http://a", "http://a"])[0].contains("twice"));
        let told = urls(&["http://me:secret@a"]);
        assert!(told[0].contains("password") && !told[0].contains("secret"), "{told:?}");
        assert_eq!(broken(|c| c.webhook.url_env = "https://hooks/secret".into()), ["webhook.url_env"]);
        assert_eq!(
            broken(|c| c.alertmanager.authorization_env = "Bearer x".into()),
            ["alertmanager.authorization_env"]
        );
        assert!(broken(|c| c.webhook.url_env = String::new()).is_empty(), "no variable, no webhook");
        assert_eq!(broken(|c| c.webhook.repeat = Seconds(5.0)), ["webhook.repeat"]);
    }

    #[test]
    fn listen_addresses() {
        for right in [":9765", "127.0.0.1:0", "[::1]:9765", "localhost:80", "gpu-box.local:9765"] {
            assert!(is_listen_address(right), "{right}");
        }
        for wrong in ["", "9765", "1.2.3.4", ":", ":99999", ":+1", "[::1:1", "::1:9765", "a b:1", "http://x:1"] {
            assert!(!is_listen_address(wrong), "{wrong}");
        }
        assert_eq!(broken(|c| c.web.listen_addresses.clear()), ["web.listen_addresses"]);
    }

    #[test]
    fn the_metrics_page_takes_no_other_route() {
        for right in ["/metrics", "/a/b.c-d_e"] {
            assert_eq!(telemetry_path_fault(right), None, "{right}");
        }
        for wrong in ["", "metrics", "/", "/livez", "/-/ready", "/a b", "/{x}", "/a?b", "//", "/metrics/"] {
            assert!(telemetry_path_fault(wrong).is_some(), "{wrong}");
        }
    }
}
