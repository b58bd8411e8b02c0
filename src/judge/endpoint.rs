//! An OpenAI-compatible HTTP endpoint as judge.
//!
//! Invariant: the same limits and the same answer as of a command; no answer that was cut short.

use super::extract::Found;
use super::{Ask, Failure, Judge};

/// Asks the endpoint at `url`.
///
/// # Errors
/// Why there is no answer.
#[expect(clippy::unused_async, reason = "asking waits for the network; the client is not here yet")]
pub(super) async fn ask(judge: &Judge, url: &str, _ask: &Ask<'_>) -> Result<Found, Failure> {
    let message =
        format!("judge.entries.{}.url ({url}): HTTP judges cannot be asked yet; name a command", judge.name());
    Err(Failure::Usage(message))
}
