//! The real program pushes to real Alertmanagers: the demo's story is told to people in the right words and order, and
//! nothing is lost or told twice when the exporter and Alertmanager are killed in the middle.

use autoswe_exporter::config::{self, Config, Inputs, load_over};
use rustix::process::Signal;
use serde_json::json;

use super::{Exporter, Home};
use crate::alertmanager::Alertmanager;
use crate::receiver::{Notification, Receiver, news, summary};
use crate::teller::Teller;

const OLD: &str = "AutosweLoopHeartbeatOld/warning";
const CRIT: &str = "AutosweLoopHeartbeatOld/critical";
const STALLED: [&str; 2] = ["AutosweVllmStalled/warning", "AutosweVllmStalled/critical"];
const GPU: &str = "AutosweGpuThrottled/warning";
const DEAD_MAN: &str = "AutosweDeadMansSwitch/none";

/// Groups what one check finds; what is critical holds its warning back.
fn routes(inbox: &Receiver) -> String {
    let url = inbox.url();
    format!(
        "route:\n  receiver: people\n  group_by: [host, check]\n  group_wait: 500ms\n  group_interval: 500ms\n  \
         repeat_interval: 1h\n  routes:\n  - {{receiver: dead-man, matchers: ['severity = none']}}\n\
         inhibit_rules:\n- source_matchers: ['severity = critical']\n  target_matchers: ['severity = warning']\n  \
         equal: [host, check, code]\n\
         receivers:\n- name: people\n  webhook_configs: [{{url: '{url}/people'}}]\n\
         - name: dead-man\n  webhook_configs: [{{url: '{url}/dead-man'}}]\n"
    )
}

fn to_people(notifications: &[Notification]) -> Vec<Notification> {
    notifications.iter().filter(|one| one.path == "/people").cloned().collect()
}

/// What people were told, in order: `firing` or `resolved`, with the alert.
fn course(notifications: &[Notification]) -> Vec<(String, String)> {
    news(notifications, |one| one.path == "/people")
}

fn position(course: &[(String, String)], status: &str, id: &str) -> usize {
    let found = course.iter().position(|(told, of)| told == status && of == id);
    found.unwrap_or_else(|| panic!("{id} was never told to be {status}: {course:#?}"))
}

/// The real program, which watches what `base` is for and pushes to `alertmanager`.
async fn pushing(home: &Home, mut base: Config, alertmanager: &Alertmanager) -> Exporter {
    base.alertmanager.urls = vec![alertmanager.url("")];
    base.web.listen_addresses = vec!["127.0.0.1:0".into()];
    let loaded = load_over(base, &Inputs { directory: home.path().into(), ..Inputs::default() }).unwrap();
    let file = home.path().join("demo.yml");
    std::fs::write(&file, config::print(&loaded)).unwrap();
    Exporter::spawn(home.bare_command().arg("--config.file").arg(&file)).await
}

#[tokio::test(flavor = "multi_thread")]
async fn the_demos_story_is_told_to_people() {
    let inbox = Receiver::start().await;
    let alertmanager = Alertmanager::start(&routes(&inbox)).await;
    let (teller, base) = Teller::begin().await;
    let home = Home::new();
    let _exporter = pushing(&home, base, &alertmanager).await;
    teller.turn_to("The heartbeat stops");
    inbox.until_told("firing", OLD).await;
    teller.age();
    inbox.until_told("firing", CRIT).await;
    teller.turn_to("The watchdog restarted it");
    inbox.until_told("resolved", CRIT).await;
    teller.turn_to("vLLM stalls");
    inbox.until_told("firing", STALLED[1]).await;
    teller.turn_to("The GPU throttles");
    inbox.until_told("resolved", STALLED[1]).await;
    inbox.until_told("firing", GPU).await;
    teller.turn_to("Recovery");
    inbox.until_told("resolved", GPU).await;
    let told = inbox.notifications();
    let course = course(&told);
    let changes = [
        ("firing", OLD),
        ("firing", CRIT),
        ("resolved", CRIT),
        ("firing", STALLED[0]),
        ("firing", STALLED[1]),
        ("resolved", STALLED[1]),
        ("firing", GPU),
        ("resolved", GPU),
    ];
    told_once(&inbox, &changes);
    let places = changes.map(|(status, id)| position(&course, status, id));
    // Two checks are two groups: which of them is told first when both change, Alertmanager decides.
    assert!(
        places[..6].is_sorted() && [places[4], places[6], places[7]].is_sorted(),
        "{course:#?}\n{}",
        summary(&told)
    );
    // A group is of one machine and one check, and what is critical is told without its warning.
    for one in to_people(&told) {
        assert!(one.group_labels.contains_key("host") && one.group_labels.contains_key("check"), "{one:?}");
        let checks: Vec<_> = one.alerts.iter().map(|alert| &alert.labels["check"]).collect();
        assert!(checks.iter().all(|check| *check == checks[0]), "{one:?}");
    }
    let critical = told.iter().flat_map(|one| &one.alerts).find(|alert| alert.id() == CRIT).unwrap();
    let text = &critical.annotations;
    let host = &critical.labels["host"];
    assert!(text["summary"].starts_with(&format!("{host}: ")), "{text:?}");
    let words = ["heartbeat ", " old, over the limit of ", ". Mend: "];
    assert!(words.iter().all(|words| text["description"].contains(words)), "{text:?}");
    assert!(text["runbook_url"].ends_with("loop.md#heartbeat_old"));
    assert_eq!(critical.generator_url, text["runbook_url"]);
    assert_eq!(critical.labels["unit"], "autoswe-demo.service");
    inbox.until_told("firing", DEAD_MAN).await;
}

/// A home whose exporter pushes to `members`.
fn home(members: &[Alertmanager]) -> Home {
    let urls: Vec<String> = members.iter().map(|member| member.url("")).collect();
    let alerts = json!({"warn_for": "50ms", "crit_for": "50ms", "keep_firing_for": "50ms"});
    let settings = json!({
        "alerts": alerts, "watchdog": {"enabled": false}, "alertmanager": {"urls": urls, "rule_files": []},
    });
    let home = Home::new().with(settings);
    home.beat(0);
    home
}

/// People were told each of `changes` once, and none of them again for nothing.
fn told_once(inbox: &Receiver, changes: &[(&str, &str)]) {
    let notifications = inbox.notifications();
    let course = course(&notifications);
    for change in changes {
        let times = course.iter().filter(|(status, id)| (status.as_str(), id.as_str()) == *change).count();
        assert_eq!(times, 1, "{change:?}\n{}", summary(&notifications));
    }
}

#[tokio::test]
async fn kills_in_the_middle_lose_nothing_and_tell_nothing_twice() {
    let inbox = Receiver::start().await;
    let mut members = [Alertmanager::start(&routes(&inbox)).await];
    let home = home(&members);
    let exporter = home.start().await;
    home.beat(700);
    inbox.until_told("firing", OLD).await;
    members[0].saved(&to_people(&inbox.notifications())).await;
    // The exporter dies, and comes back to a loop that is still silent.
    exporter.signal(Signal::KILL);
    drop(exporter);
    let exporter = home.start().await;
    exporter.until("it still fires", |state| state["alerts"][0]["state"] == "firing").await;
    // Alertmanager dies; what changes meanwhile reaches it when it is back.
    members[0].kill();
    home.beat(1000);
    exporter.log.until("is not reached").await;
    members[0].start_again().await;
    inbox.until_told("firing", CRIT).await;
    let held_back = |alert: &crate::alertmanager::Alert| alert.id() == OLD && !alert.status.inhibited_by.is_empty();
    members[0].until("the warning is held back", |alerts| alerts.iter().any(held_back)).await;
    // The exporter dies again, and the loop comes back while it is down.
    members[0].saved(&to_people(&inbox.notifications())).await;
    exporter.signal(Signal::KILL);
    drop(exporter);
    home.beat(0);
    let _exporter = home.start().await;
    inbox.until_told("resolved", CRIT).await;
    members[0].until("nothing goes on", |alerts| alerts.iter().all(|alert| alert.id() == DEAD_MAN)).await;
    told_once(&inbox, &[("firing", OLD), ("firing", CRIT), ("resolved", CRIT)]);
}

#[tokio::test]
async fn every_member_of_a_cluster_is_told_and_people_once() {
    let inbox = Receiver::start().await;
    let mut members = Alertmanager::start_pair(&routes(&inbox)).await;
    let home = home(&members);
    let exporter = home.start().await;
    home.beat(700);
    for member in &members {
        member.until("it has the alert", |alerts| alerts.iter().any(|alert| alert.id() == OLD)).await;
    }
    inbox.until_told("firing", OLD).await;
    // Members tell each other what they told; one is enough for people to hear the rest.
    members[1].saved(&to_people(&inbox.notifications())).await;
    members[0].kill();
    home.beat(0);
    inbox.until_told("resolved", OLD).await;
    told_once(&inbox, &[("firing", OLD), ("resolved", OLD)]);
    drop(exporter);
}
