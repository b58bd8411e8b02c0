//! A controlled benchmark request. A placeholder with the real one's interface, until the real one is merged.

use std::time::Duration;

use crate::config::VllmConfig;
use crate::observation::{Failure, FailureKind};

/// How far the probe is.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Progress {
    /// Pieces of text that came; vLLM sends one a token.
    pub tokens: u64,
    /// Tokens that were asked for.
    pub of: u64,
    /// Time since the request was sent.
    pub elapsed: Duration,
}

/// What was measured.
#[derive(Debug, Clone, PartialEq)]
pub struct ProbeResult {
    /// The model.
    pub model: String,
    /// Tokens generated.
    pub tokens: u64,
    /// Tokens of the prompt.
    pub prompt_tokens: Option<u64>,
    /// From sending the request to the first token.
    pub time_to_first_token: Duration,
    /// From the first token to the last.
    pub generation: Duration,
    /// From sending the request to the end of the answer.
    pub total: Duration,
}

impl ProbeResult {
    /// Tokens per second after the first; `None` when there was only one.
    pub fn tokens_per_second(&self) -> Option<f64> {
        None
    }
}

/// Measures how fast vLLM generates.
///
/// # Errors
/// Always, in this placeholder.
pub async fn probe(
    _config: &VllmConfig,
    _model: Option<String>,
    _on_progress: impl FnMut(Progress),
) -> Result<ProbeResult, Failure> {
    Err(Failure::new(FailureKind::Unreachable, "the probe is not part of this build"))
}
