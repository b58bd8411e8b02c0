//! The status page in Chromium at several widths and in both colour schemes: nothing is too wide, and axe has nothing
//! against it.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use autoswe_exporter::assessment::Severity;
use autoswe_exporter::observation::{
    Data, FailedReview, Findings, GoodReview, Observation, Reading, Review, ReviewFinding, ReviewOutcome,
    ReviewSeverity, SourceId,
};
use autoswe_exporter::sink::moment::Moment;
use autoswe_exporter::sink::page::{Refresh, render};
use serde_json::json;

use super::sample;
use crate::site::look::look_at;

/// A review of words that have no place to break, in a page that is otherwise ordinary.
fn long_words() -> Moment {
    let moment = sample::moment(Severity::Warn);
    let now = moment.assessment.at;
    let long = |most: usize| "Unbrechbar".repeat(most / 10);
    let finding =
        |severity| ReviewFinding { severity, what: long(500), evidence: Some(long(500)), suggestion: Some(long(500)) };
    let failed = FailedReview {
        at: Some(now),
        outcome: ReviewOutcome::Other,
        word: Some(long(50)),
        reason: Some(long(500)),
        judge: Some(long(50)),
        model: Some(long(50)),
    };
    let good = GoodReview {
        verdict: Some(long(50)),
        summary: Some(long(500)),
        findings: Some(Findings::of(ReviewSeverity::ALL.map(finding).to_vec())),
        judge: Some(long(50)),
        model: Some(long(50)),
        ..GoodReview::new(now, 99.5)
    };
    let review = Review {
        last_good: Some(good),
        last_attempt_at: Some(now),
        failed_since: 12,
        last_failed: Some(failed),
        ..Review::default()
    };
    let mut state = (*moment.state).clone();
    let reading = Reading::Observed(Data::Review(review));
    state.apply(Observation { source: SourceId::Review, at: now, took: Duration::from_millis(1), reading });
    Moment { state: Arc::new(state), ..moment }
}

#[tokio::test]
async fn nothing_is_too_wide_and_all_of_it_can_be_read() {
    let moments = [
        ("ok.html", sample::moment(Severity::Ok)),
        ("crit.html", sample::moment(Severity::Crit)),
        ("long.html", long_words()),
    ];
    let pages: BTreeMap<String, Vec<u8>> =
        moments.iter().map(|(name, moment)| ((*name).into(), render(moment, Refresh::Off).into_bytes())).collect();
    let tasks: Vec<_> = pages
        .keys()
        .flat_map(|page| [1280, 390, 320].map(|width| json!({"page": page, "width": width, "rules": []})))
        .collect();
    for dark in [false, true] {
        let found = look_at(pages.clone(), json!({ "pages": tasks }), dark).await;
        let seen = found["pages"].as_array().unwrap();
        assert_eq!(seen.len(), tasks.len());
        for page in seen {
            let place = format!("{} at {}, dark: {dark}", page["page"], page["width"]);
            assert_eq!(page["faults"], json!([]), "{place}: {:#}", page["faults"]);
            assert!(page["wide"].as_i64().unwrap() <= 0, "{place} is {} too wide: {:#}", page["wide"], page["over"]);
        }
    }
}
