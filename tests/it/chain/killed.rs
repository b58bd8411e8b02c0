//! Each program of the chain is killed in the middle of a firing alert and started again: nothing fires twice, nothing
//! is lost, and nothing goes on firing at the end.

use super::*;

/// The loop hangs, and both alerts of it were told.
async fn hung(resend_delay: &str) -> Chain {
    let chain = Chain::start(resend_delay).await;
    chain.hang().await;
    chain.alertmanager.saved(&chain.heard()).await;
    chain
}

/// Waits until both alerts fire from what was scraped since now, and their notifications, if any, have come.
async fn fires_again(chain: &Chain) {
    let now = Time::now().as_millisecond() as f64 / 1000.0;
    chain.prometheus.query_until(&format!("timestamp(up) > {now}"), 1).await;
    let firing = "ALERTS{alertname='AutosweLoopHeartbeatOld',alertstate='firing'}";
    chain.prometheus.query_until(&format!("timestamp({firing}) > {now} + 1"), 2).await;
    let both = |alerts: &[crate::alertmanager::Alert]| HUNG.iter().all(|id| alerts.iter().any(|one| one.id() == *id));
    chain.alertmanager.until("both alerts are there again", both).await;
    chain.hear_twice().await;
}

/// All is as if nothing had been killed: told once, resolved once.
async fn ends_well(chain: &Chain) {
    fires_again(chain).await;
    let told = chain.told().await;
    let told: Vec<(&str, &str)> = told.iter().map(|(status, id)| (status.as_str(), id.as_str())).collect();
    assert_eq!(told, HUNG.map(|id| ("firing", id)), "{}", summary(&chain.receiver.notifications()));
    chain.teller.turn_to("The watchdog restarted it");
    for id in HUNG {
        chain.receiver.until_told("resolved", id).await;
    }
    chain.until_quiet().await;
    chain.hear_twice().await;
    let told = chain.told().await;
    let resolved: BTreeSet<&str> = told[2..].iter().map(|(_, id)| id.as_str()).collect();
    assert_eq!((told.len(), resolved), (4, BTreeSet::from(HUNG)), "{told:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_exporter_is_killed_while_an_alert_fires() {
    let mut chain = hung("5s").await;
    chain.exporter.kill();
    chain.receiver.until_told("firing", DOWN).await;
    // Dead for much longer than an alert fires by itself (2 s): what was found is held.
    chain.prometheus.query_until("max_over_time(up[6s]) == 0", 1).await;
    chain.exporter.start_again().await;
    chain.receiver.until_told("resolved", DOWN).await;
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
    let mut chain = hung("5s").await;
    chain.alertmanager.kill();
    chain.alertmanager.start_again().await;
    ends_well(&chain).await;
}
