//! `--probe-tps`: a controlled request to vLLM, with a progress bar.

use serde_json::{Value, json};

use super::progress::{Progress, bar};
use crate::config::VllmConfig;
use crate::observation::Failure;
use crate::source::vllm::{self, ProbeResult};
use crate::words::{self, clean};

/// What the probe measured, or why it could not.
pub(super) type Probed = Result<ProbeResult, Failure>;

/// Sends the request.
pub(super) async fn run(config: &VllmConfig, progress: &Progress) -> Probed {
    let draw = |at: vllm::Progress| {
        let seconds = at.elapsed.as_secs_f64();
        progress.draw(&format!(
            "probing vLLM [{}] {} of {} tokens, {seconds:.1} s",
            bar(at.tokens, at.of),
            at.tokens,
            at.of
        ));
    };
    progress.draw("probing vLLM");
    let probed = vllm::probe(config, None, draw).await;
    progress.clear();
    probed
}

/// The result for people.
pub(super) fn text(probed: &Probed) -> String {
    match probed {
        Err(failure) => format!("\nprobe       failed: {}\n", clean(&failure.message)),
        Ok(result) => {
            let rate =
                result.tokens_per_second().map_or("unknown".into(), |rate| format!("{} tokens/s", words::number(rate)));
            format!(
                "\nprobe       {rate}, first token after {}, {} tokens in {}, model {}\n",
                words::took(result.time_to_first_token.as_secs_f64()),
                result.tokens,
                words::took(result.total.as_secs_f64()),
                clean(&result.model)
            )
        }
    }
}

/// The result for scripts.
pub(super) fn json(probed: &Probed) -> Value {
    match probed {
        Err(failure) => json!({ "failure": failure.kind.name(), "message": failure.message }),
        Ok(result) => json!({
            "model": result.model,
            "tokens": result.tokens,
            "prompt_tokens": result.prompt_tokens,
            "time_to_first_token_seconds": result.time_to_first_token.as_secs_f64(),
            "tokens_per_second": result.tokens_per_second(),
            "total_seconds": result.total.as_secs_f64(),
        }),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::observation::FailureKind;

    fn result() -> ProbeResult {
        ProbeResult {
            model: "tiny".into(),
            tokens: 128,
            prompt_tokens: Some(12),
            time_to_first_token: Duration::from_millis(80),
            generation: Duration::from_secs(2),
            total: Duration::from_millis(2085),
        }
    }

    #[test]
    fn a_result_names_its_figures() {
        let text = text(&Ok(result()));
        assert!(text.contains("first token after 80 ms, 128 tokens in 2.1 s, model tiny"), "{text}");
        assert_eq!(json(&Ok(result()))["time_to_first_token_seconds"], 0.08);
    }

    #[test]
    fn a_failure_says_why() {
        let failure = || Err(Failure::new(FailureKind::Unreachable, "nothing listens"));
        assert_eq!(text(&failure()), "\nprobe       failed: nothing listens\n");
        assert_eq!(json(&failure())["failure"], "unreachable");
    }
}
