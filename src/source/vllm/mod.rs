//! vLLM's `/metrics`, and the one-token request that tells a hang from a stale gauge.
//!
//! Invariant: a reading returns within `vllm.deadline`; at most one request for the page and one for a token are
//! open, each bounded in time, the page in size. A late answer is not lost: a later reading takes it.

mod canary;
mod client;
mod parse;
mod probe;
mod text;

use std::time::{Duration, Instant};

use tokio::task::{JoinError, JoinSet};

use crate::config::VllmConfig;
use crate::observation::{Data, Failure, FailureKind, Reading, Time, VllmSample};
use crate::state::StallClock;
use client::Api;
pub use parse::parse;
pub use probe::{ProbeResult, Progress, TOKENS as PROBE_TOKENS, probe};

/// Reads vLLM's `/metrics`.
#[derive(Debug)]
pub struct VllmSource {
    config: VllmConfig,
    api: Option<Api>,
    page: JoinSet<Result<Page, Failure>>,
    asked_at: Instant,
    clock: StallClock,
    canary: canary::Prober,
}

#[derive(Debug)]
struct Page {
    bytes: Vec<u8>,
    answered_in: Duration,
}

impl VllmSource {
    /// A source for the configured address. Nothing is sent before the first reading.
    pub fn new(config: &VllmConfig) -> Self {
        VllmSource {
            config: config.clone(),
            api: None,
            page: JoinSet::new(),
            asked_at: Instant::now(),
            clock: StallClock::default(),
            canary: canary::Prober::default(),
        }
    }

    /// Reads once, within `vllm.deadline`. `now` is the time of the reading. Needs a tokio runtime; may be dropped
    /// before it is done without losing the answer.
    pub async fn read(&mut self, now: Time) -> Reading<Data> {
        match self.sample(now).await {
            Ok(sample) => Reading::Observed(Data::Vllm(sample)),
            Err(failure) => Reading::Failed(failure),
        }
    }

    async fn sample(&mut self, now: Time) -> Result<VllmSample, Failure> {
        let api = self.api()?;
        if self.page.is_empty() {
            self.asked_at = Instant::now();
            self.page.spawn(fetch(api.clone(), self.config.timeout.duration(), self.config.max_page.0));
        }
        let answer = tokio::time::timeout(self.config.deadline.duration(), self.page.join_next()).await;
        match answer {
            Ok(Some(page)) => self.take(now, &api, page),
            Ok(None) | Err(_) => Err(self.still_open(&api)),
        }
    }

    fn take(
        &mut self,
        now: Time,
        api: &Api,
        page: Result<Result<Page, Failure>, JoinError>,
    ) -> Result<VllmSample, Failure> {
        let page = page.map_err(|error| {
            let message = format!("{}: the request ended with a bug ({error}); please report it", api.shown());
            Failure::new(FailureKind::Malformed, message)
        })??;
        let mut sample = parse(&page.bytes, api.shown())?;
        sample.answered_in = page.answered_in;
        sample.canary = self.canary.outcome().and_then(|(model, canary)| {
            // When that model moves by now, or another one has stood still for longer, the answer says nothing.
            let mut clock = self.clock.clone();
            clock.push(now, &sample);
            (clock.suspect(now, 0.0) == Some(&*model)).then_some(canary)
        });
        self.clock.push(now, &sample);
        if self.config.canary
            && let Some(model) = self.clock.suspect(now, self.config.canary_after.0)
        {
            self.canary.send(now, api, model, self.config.canary_timeout.duration());
        }
        Ok(sample)
    }

    fn still_open(&self, api: &Api) -> Failure {
        let message = format!(
            "no answer from {} for {:.0} s, the request is still open; vLLM is busy or hangs, read its log",
            api.shown(),
            self.asked_at.elapsed().as_secs_f64()
        );
        Failure::new(FailureKind::TimedOut, message)
    }

    fn api(&mut self) -> Result<Api, Failure> {
        if self.api.is_none() {
            self.api = Some(Api::new(&self.config)?);
        }
        self.api.clone().ok_or_else(|| Failure::new(FailureKind::Malformed, "vllm: no HTTP client"))
    }
}

/// One request for the page, from the connection to the last byte within `timeout`.
async fn fetch(api: Api, timeout: Duration, max: u64) -> Result<Page, Failure> {
    let asked_at = Instant::now();
    let exchange = async {
        let request =
            api.get("/metrics").header("accept", "text/plain;version=0.0.4,application/openmetrics-text;q=0.5");
        api.send(request).await?.body(max, "vllm.max_page").await
    };
    match tokio::time::timeout(timeout, exchange).await {
        Ok(bytes) => Ok(Page { bytes: bytes?, answered_in: asked_at.elapsed() }),
        Err(_) => {
            let message = format!(
                "no whole answer from {} within {:.0} s (vllm.timeout); it hangs, read its log and restart it",
                api.shown(),
                timeout.as_secs_f64()
            );
            Err(Failure::new(FailureKind::TimedOut, message))
        }
    }
}
