//! Each program of the chain is killed in the middle of a firing alert and started again: nothing fires twice, nothing
//! is lost, and nothing goes on firing at the end.

use super::*;

/// The loop hangs, and both alerts of it were told.
async fn hung(resend_delay: &str) -> Chain {
    let chain = Chain::start(resend_delay).await;
    chain.teller.turn_to("The heartbeat stops");
    for id in HUNG {
        chain.receiver.until_told("firing", id).await;
    }
    chain.alertmanager.saved().await;
    chain
}

/// Whether Prometheus says that both fire.
async fn fires_again(chain: &Chain) {
    chain.prometheus.query_until("ALERTS{alertname='AutosweLoopHeartbeatOld',alertstate='firing'}", 2).await;
    let both = |alerts: &[crate::alertmanager::Alert]| HUNG.iter().all(|id| alerts.iter().any(|one| one.id() == *id));
    chain.alertmanager.until("both alerts are there again", both).await;
    chain.hear_twice().await;
}

/// All is as if nothing had been killed: told once, resolved once.
async fn ends_well(chain: &Chain) {
    fires_again(chain).await;
    let firing = |id: &str| ("firing".to_owned(), id.to_owned());
    assert_eq!(chain.told(), HUNG.map(firing), "{}", summary(&chain.receiver.notifications()));
    chain.teller.turn_to("The watchdog restarted it");
    for id in HUNG {
        chain.receiver.until_told("resolved", id).await;
    }
    chain.until_quiet().await;
    chain.hear_twice().await;
    let told = chain.told();
    assert_eq!(told.len(), 4, "{}", summary(&chain.receiver.notifications()));
    let resolved: BTreeSet<&str> = told[2..].iter().map(|(_, id)| id.as_str()).collect();
    assert_eq!(resolved, BTreeSet::from(HUNG));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_exporter_is_killed_while_an_alert_fires() {
    let mut chain = hung("500ms").await;
    chain.exporter.kill();
    chain.prometheus.query_until("up == 0", 1).await;
    chain.exporter.start_again().await;
    chain.prometheus.query_until("up == 1", 1).await;
    ends_well(&chain).await;
}

/// Alertmanager believes what Prometheus said for 40 s, so that a slow machine has time to start it again; with the
/// default of Prometheus it is four minutes.
#[tokio::test(flavor = "multi_thread")]
async fn prometheus_is_killed_while_an_alert_fires() {
    let mut chain = hung("10s").await;
    chain.prometheus.kill();
    chain.hear_twice().await;
    chain.prometheus.start_again().await;
    ends_well(&chain).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn alertmanager_is_killed_while_an_alert_fires() {
    let mut chain = hung("500ms").await;
    chain.alertmanager.kill();
    chain.prometheus.query_until("prometheus_notifications_dropped_total > 0 or vector(1)", 1).await;
    chain.alertmanager.start_again().await;
    ends_well(&chain).await;
}
