//! Rates and stall of vLLM, from the differences between samples.

use crate::observation::{Canary, Time, VllmSample};

/// The last samples of vLLM.
#[derive(Debug, Clone, Default)]
pub struct VllmWindow {}

/// vLLM has work to do and nothing moves.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Stall {
    /// When something last moved.
    pub since: Time,
    /// What the one-token request said, if one was sent during this stall.
    pub canary: Option<Canary>,
}

impl VllmWindow {
    /// Takes in a sample.
    pub fn push(&mut self, _at: Time, _sample: &VllmSample) {}
    /// Tokens generated per second, over all engines.
    pub fn generation_tokens_per_second(&self) -> Option<f64> {
        None
    }
    /// Prompt tokens processed per second, over all engines.
    pub fn prompt_tokens_per_second(&self) -> Option<f64> {
        None
    }
    /// The present stall, if there is one.
    pub fn stall(&self) -> Option<Stall> {
        None
    }
}
