//! The demo's story through the real chain: who is told what, in which order, and what is held back.

use super::*;

/// `id` as it is told to `path`.
async fn told(chain: &Chain, status: &str, id: &str, path: &str) -> Alert {
    let (notification, alert) = chain.receiver.until_told(status, id).await;
    assert_eq!((notification.path.as_str(), id), (path, id), "{}", summary(&chain.receiver.notifications()));
    alert
}

/// A trouble that is a warning first and then critical, as `worse` makes it.
async fn worsens(chain: &Chain, [warning, critical]: [&str; 2], worse: impl Fn()) -> Alert {
    told(chain, "firing", warning, "/warning").await;
    worse();
    let alert = told(chain, "firing", critical, "/critical").await;
    let held_back = |alerts: &[crate::alertmanager::Alert]| {
        alerts.iter().any(|alert| alert.id() == warning && !alert.status.inhibited_by.is_empty())
    };
    chain.alertmanager.until("the warning is inhibited", held_back).await;
    alert
}

/// It is over, and both are told so.
async fn recovers(chain: &Chain, [warning, critical]: [&str; 2]) {
    told(chain, "resolved", critical, "/critical").await;
    told(chain, "resolved", warning, "/warning").await;
    chain.until_quiet().await;
}

fn assert_text(alert: &Alert, runbook: &str) {
    let annotation = |name: &str| alert.annotations.get(name).unwrap_or_else(|| panic!("no {name}: {alert:?}"));
    assert!(annotation("summary").len() > 3, "{alert:?}");
    assert!(annotation("description").bytes().any(|byte| byte.is_ascii_digit()), "without a value: {alert:?}");
    assert!(annotation("runbook_url").ends_with(runbook), "{alert:?}");
    assert!(!alert.labels["instance"].is_empty(), "{alert:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_story_is_told_to_the_right_people_in_its_order() {
    let chain = Chain::start("5s").await;
    assert_eq!(chain.told().await, []);
    chain.teller.turn_to("The heartbeat stops");
    assert_text(&worsens(&chain, HUNG, || chain.teller.age()).await, "loop.md#heartbeat_old");
    chain.teller.turn_to("The watchdog restarted it");
    recovers(&chain, HUNG).await;
    chain.teller.turn_to("vLLM stalls");
    assert_text(&worsens(&chain, STALLED, || ()).await, "vllm.md#stalled");
    chain.teller.turn_to("The GPU throttles");
    assert_text(&told(&chain, "firing", THROTTLED, "/warning").await, "gpu.md#throttled");
    told(&chain, "resolved", STALLED[1], "/critical").await;
    chain.teller.turn_to("Recovery");
    told(&chain, "resolved", THROTTLED, "/warning").await;
    chain.until_quiet().await;
    chain.hear_twice().await;
    let told = chain.told().await;
    let order: Vec<&str> = told.iter().filter(|(status, _)| status == "firing").map(|(_, id)| id.as_str()).collect();
    assert_eq!(order, [HUNG[0], HUNG[1], STALLED[0], STALLED[1], THROTTLED]);
    assert_eq!(told.len(), 10, "each is resolved once: {told:?}");
}
