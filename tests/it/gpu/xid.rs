//! XID events that say less than they should: what is counted of them, and what the log says.

use autoswe_exporter::observation::Reading;
use serde_json::json;

use super::double::{Double, observed, read, read_until};
use crate::exporter::{Exporter, Home, check, findings, metric};

const TWO: &str = "nvmlDeviceGetCount_v2 = 2\n";

/// The program with the GPUs of `double`, once it has read them, and with that listens to their events.
async fn program(double: &Double) -> (Home, Exporter) {
    let gpu = json!({"enabled": true, "library": double.library(), "interval": "50ms"});
    let home = Home::new().with(json!({"gpu": gpu}));
    home.beat(0);
    let exporter = Exporter::spawn(&mut home.command()).await;
    exporter.until("the GPUs are read", |state| state["sources"]["gpu"]["status"] == "observed").await;
    (home, exporter)
}

/// The counter of one GPU and code, which is no critical one.
async fn counted(exporter: &Exporter, gpu: u32, xid: u64) -> Option<f64> {
    let series = format!("autoswe_gpu_xid_events_total{{gpu=\"{gpu}\",xid=\"{xid}\",critical=\"false\"}}");
    metric(&exporter.metrics().await, &series)
}

#[tokio::test]
async fn an_event_without_a_code_is_counted_and_logged() {
    let double = Double::new(TWO);
    let (_home, exporter) = program(&double).await;
    // Without data, with a code that is none, with NVML's own word for a code it does not know; and an ordinary one.
    double.script(&format!("{TWO}xids = 1:none 1:0 1:999 0:13"));
    exporter.log.until("xid=13").await;
    let all = |state: &serde_json::Value| {
        let of = |gpu: usize| state["sources"]["gpu"]["value"]["gpus"][gpu]["xids"].clone();
        of(1)[0]["count"] == 3 && of(0)[0]["xid"] == 13
    };
    let state = exporter.until("all four are counted", all).await;
    assert_eq!(counted(&exporter, 1, 999).await, Some(3.0));
    assert_eq!((counted(&exporter, 1, 0).await, counted(&exporter, 0, 999).await), (None, None));
    let log = exporter.log.all();
    assert_eq!(log.matches("does not tell its code").count(), 3, "{log}");
    assert_eq!(check(&state, "gpu")["severity"], "OK", "nobody knows whether it is critical: {:?}", findings(&state));
}

#[tokio::test]
async fn an_event_of_a_gpu_that_nobody_knows_is_logged() {
    let double = Double::new(TWO);
    let (_home, exporter) = program(&double).await;
    double.script(&format!("{TWO}xids = 7:79 0:31"));
    exporter.log.until("xid=31").await;
    let line = exporter.log.until("a GPU that is not known is not counted").await;
    assert!(line.contains("xid=79") && line.contains("level=warn"), "{line}");
}

#[test]
fn an_event_of_another_handle_is_its_uuids() {
    let script = format!("{TWO}nvmlDeviceGetUUID@7 = GPU-5ca1ab1e-0000-0000-0000-000000000001\n");
    let double = Double::new(&script);
    let mut source = double.source();
    observed(read(&mut source));
    double.script(&format!("{script}xids = 7:79"));
    let first = |reading: &Reading<_>| observed(reading.clone()).gpus[1].xids.first().copied();
    let told = read_until(&mut source, first);
    assert_eq!((told.xid, told.count), (79, 1));
}

#[tokio::test]
async fn waiting_that_fails_is_logged_once_until_it_works() {
    let double = Double::new("nvmlEventSetWait_v2 = unknown");
    let (_home, exporter) = program(&double).await;
    exporter.log.until("XID events are not told for now").await;
    let asked = double.calls("nvmlEventSetWait_v2");
    exporter.until("it is asked again and again", |_| double.calls("nvmlEventSetWait_v2") >= asked + 2).await;
    double.script("");
    exporter.log.until("XID events are told again").await;
    double.script("xids = 0:31");
    exporter.log.until("xid=31").await;
    let log = exporter.log.all();
    assert_eq!(log.matches("XID events are not told for now").count(), 1, "{log}");
}

#[tokio::test]
async fn waiting_that_cannot_work_is_logged() {
    for double in [Double::without("", &["nvmlEventSetWait_v2"]), Double::new("nvmlEventSetWait_v2 = not_supported")] {
        let (_home, exporter) = program(&double).await;
        exporter.log.until("XID events cannot be waited for").await;
        assert!(double.calls("nvmlEventSetWait_v2") <= 1, "it is not asked again");
    }
}
