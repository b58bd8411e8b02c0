//! To whom alerts are pushed.

use super::labels::Labels;
use super::section::section;
use super::value::Seconds;

section! {
    /// Alertmanager, told by this program itself: for a machine without Prometheus. Do not push beside the shipped rules
    /// (`alerts/autoswe.rules.yml`): people would hear of everything twice. See docs/push.md.
    pub struct AlertmanagerConfig {
        /// Base URLs, one for each member of the cluster, such as `http://127.0.0.1:9093`. Empty: nothing is pushed.
        urls: Vec<String> = Vec::new(),
        /// Labels that every pushed alert has beside `alertname`, `severity`, `check`, `code`, `host` and `unit`.
        labels: Labels = Labels::default(),
        /// How long one request may take. Prometheus gives an Alertmanager as long.
        timeout: Seconds = Seconds(10.0),
        /// Environment variable that holds the value of the Authorization header, such as `Bearer abc` or `Basic eDp5`.
        authorization_env: String = "ALERTMANAGER_AUTHORIZATION".into(),
        /// Rule files of a Prometheus that watches this machine, as globs: `check-config` refuses to push what they
        /// define too. A file that is not there is no mistake.
        rule_files: Vec<String> = [
            "/etc/prometheus/*.yml",
            "/etc/prometheus/*.yaml",
            "/etc/prometheus/rules/*.yml",
            "/etc/prometheus/rules/*.yaml",
            "/etc/prometheus/rules.d/*.yml",
            "/etc/prometheus/alerts/*.yml",
        ].map(String::from).to_vec(),
    }
}

section! {
    /// A webhook that is told of alerts as Alertmanager would tell it, for a machine without Alertmanager.
    pub struct WebhookConfig {
        /// Environment variable that holds the URL, which often is a secret. Nobody is told where it is not set, or where this
        /// is empty (`""`).
        url_env: String = "ALERT_WEBHOOK_URL".into(),
        /// Environment variable that holds the value of the Authorization header.
        authorization_env: String = "ALERT_WEBHOOK_AUTHORIZATION".into(),
        /// How long one request may take.
        timeout: Seconds = Seconds(10.0),
        /// What still fires is told again after this; Alertmanager's own default.
        repeat: Seconds = Seconds(14_400.0),
    }
}
