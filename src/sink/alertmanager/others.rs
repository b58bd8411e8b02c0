//! Whether anybody else sends an Alertmanager the alerts that this program pushes: as the Alertmanager says.
//!
//! Invariant: an alert of another machine, or one that the user's own labels tell apart, is nobody's mistake.

use std::collections::BTreeSet;
use std::net::IpAddr;

use serde::Deserialize;

use crate::alert::{beside::WAYS_OUT, names};
use crate::sink::push::{About, Endpoint, Texts};

/// Largest answer that is read, bytes; an alert has about 1 kB.
const LARGEST: usize = 16 << 20;

/// An alert as Alertmanager tells it.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Told {
    #[serde(default)]
    labels: Texts,
    #[serde(default, rename = "generatorURL")]
    generator: String,
}

/// What another sender sends the Alertmanager at `endpoint` of this machine, in a line with both ways out; `None` when
/// nobody does.
///
/// # Errors
/// Why it cannot be asked.
pub async fn look(endpoint: &mut Endpoint, about: &About, own: &Texts) -> Result<Option<String>, String> {
    let query =
        [("filter", "alertname=~\"Autoswe.+\""), ("active", "true"), ("silenced", "true"), ("inhibited", "true")];
    let mut response = endpoint.get(&query).await?;
    let mut body = Vec::new();
    while let Ok(Some(chunk)) = response.chunk().await {
        body.extend_from_slice(&chunk);
        if body.len() > LARGEST {
            return Err(format!("{} has too many alerts to look through", endpoint.name()));
        }
    }
    let told: Vec<Told> = serde_json::from_slice(&body)
        .map_err(|error| format!("{} does not answer as an Alertmanager does ({error})", endpoint.name()))?;
    Ok(words(endpoint.name(), &told, &Here::new(about, own)))
}

fn words(name: &str, told: &[Told], here: &Here<'_>) -> Option<String> {
    let mut others = told.iter().filter(|told| here.is_a_clash(told));
    let first = others.next()?;
    let more = match others.count() {
        0 => String::new(),
        more => format!(" (and {more} more)"),
    };
    let label = |name: &str| first.labels.get(name).map_or("", String::as_str);
    let by = match (label("job"), label("instance")) {
        ("", "") => first.generator.clone(),
        (job, instance) => format!("job {job}, instance {instance}"),
    };
    let alert = label("alertname");
    Some(format!("{name} gets the alert {alert}{more} of this machine from another sender too ({by}); {WAYS_OUT}"))
}

/// This machine and what it pushes.
struct Here<'a> {
    about: &'a About,
    own: &'a Texts,
    names: BTreeSet<String>,
    addresses: BTreeSet<IpAddr>,
}

impl<'a> Here<'a> {
    fn new(about: &'a About, own: &'a Texts) -> Self {
        // IPv4 addresses of this machine, as the kernel lists them.
        let trie = std::fs::read_to_string("/proc/net/fib_trie").unwrap_or_default();
        Here { about, own, names: names(), addresses: local_addresses(&trie) }
    }

    fn is_a_clash(&self, told: &Told) -> bool {
        let label = |name: &str| told.labels.get(name);
        let known = label("alertname").is_some_and(|name| self.names.contains(name));
        let apart = self.own.iter().any(|(name, value)| label(name) != Some(value));
        let runbooks = self.about.alerts.runbooks.trim_end_matches('/');
        let foreign = label("instance").is_some() || label("job").is_some() || !told.generator.starts_with(runbooks);
        known && !apart && foreign && self.is_here(told)
    }

    fn is_here(&self, told: &Told) -> bool {
        match (told.labels.get("host"), told.labels.get("instance")) {
            (Some(host), _) => *host == self.about.host,
            (None, Some(instance)) => self.is_mine(instance),
            // Nothing says whose it is, as of a rule's dead man's switch for many machines.
            (None, None) => false,
        }
    }

    /// Whether `instance`, an address with or without a port, is this machine.
    fn is_mine(&self, instance: &str) -> bool {
        let host = match instance.rsplit_once(':') {
            Some((host, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => host,
            _ => instance,
        };
        let host = host.trim_start_matches('[').trim_end_matches(']');
        let first = |name: &str| name.split('.').next().unwrap_or_default().to_ascii_lowercase();
        match host.parse::<IpAddr>() {
            Ok(address) => address.is_loopback() || self.addresses.contains(&address),
            Err(_) => host == "localhost" || first(host) == first(&self.about.host),
        }
    }
}

/// The addresses in `trie` (`/proc/net/fib_trie`) that are this machine's own: the line after each says `host LOCAL`.
fn local_addresses(trie: &str) -> BTreeSet<IpAddr> {
    let lines = trie.lines().zip(trie.lines().skip(1));
    let own = lines.filter(|(_, next)| next.trim().ends_with("host LOCAL"));
    own.filter_map(|(line, _)| line.trim().strip_prefix("|-- ")?.trim().parse().ok()).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::check::example_now;
    use crate::config::AlertsConfig;

    fn told(labels: &serde_json::Value, generator: &str, own: &[(&str, &str)]) -> Option<String> {
        let about = About {
            host: "gpu-box.lan".into(),
            unit: "a.service".into(),
            alerts: AlertsConfig { runbooks: "https://books/x/".into(), ..AlertsConfig::default() },
            since: example_now(),
        };
        let own = own.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        let alerts = json!([{"labels": labels, "generatorURL": generator, "status": {"state": "active"}}]);
        let told: Vec<Told> = serde_json::from_value(alerts).unwrap();
        words("http://am", &told, &Here { addresses: ["10.0.0.5".parse().unwrap()].into(), ..Here::new(&about, &own) })
    }

    #[test]
    fn another_sender_of_this_machine_is_named() {
        let alert = |instance: &str| json!({"alertname": "AutosweLoopHeartbeatOld", "instance": instance, "job": "j"});
        for mine in ["localhost:9765", "127.0.0.1:9765", "[::1]:9765", "gpu-box:9765", "GPU-box.lan", "10.0.0.5:1"] {
            let text = told(&alert(mine), "http://prometheus/graph", &[]).unwrap_or_else(|| panic!("{mine}"));
            assert!(
                text.contains(&format!(
                    "AutosweLoopHeartbeatOld of this machine from another sender too (job j, instance {mine})"
                )),
                "{text}"
            );
            assert_eq!(told(&alert(mine), "", &[("sender", "push")]), None);
        }
        for other in ["gpu-box2:9765", "10.0.0.6:9765", "node"] {
            assert_eq!(told(&alert(other), "http://prometheus/graph", &[]), None, "{other}");
        }
    }

    #[test]
    fn what_is_pushed_itself_and_other_alerts_are_not() {
        let own = json!({"alertname": "AutosweLoopHeartbeatOld", "host": "gpu-box.lan", "unit": "a.service"});
        assert_eq!(told(&own, "https://books/x/loop.md#heartbeat_old", &[]), None);
        assert!(told(&own, "http://somebody.else/", &[]).unwrap().contains("(http://somebody.else/)"));
        let elsewhere = json!({"alertname": "AutosweLoopHeartbeatOld", "host": "other", "job": "x"});
        assert_eq!(told(&elsewhere, "", &[]), None);
        assert_eq!(told(&json!({"alertname": "AutosweExporterFoo", "job": "x"}), "", &[]), None);
    }

    #[test]
    fn the_kernel_lists_the_addresses() {
        let trie = "Main:\n  +-- 0.0.0.0/0 3 0 5\n     |-- 10.0.0.0\n        /24 link UNICAST\n     |-- 10.0.0.5\n        /32 host LOCAL\n";
        assert_eq!(local_addresses(trie), ["10.0.0.5".parse().unwrap()].into());
    }
}
