//! The leak gate before the judge: the prompt leaves the machine.
//!
//! Invariant: what comes out is a text in which the gate of the site found nothing, in a run in which it caught what was
//! planted for it. A line of the evidence that it finds something in is withheld; anything else is a refusal.

use std::collections::BTreeSet;

use anyhow::{Context as _, bail};

use super::prompt::is_evidence;
use crate::journey::release::Gate;
use crate::journey::synthesis::{Configured, Parts};

/// What the prompt is called before the gate.
const NAME: &str = "prompt.md";

/// What stands in place of a line that the gate finds something in.
const WITHHELD: &str = "[withheld by the leak gate]";

/// `prompt` as it may be sent.
///
/// # Errors
/// When the gate does not work, or what it finds does not stand in a line of the evidence.
pub(super) fn fit_to_be_sent(prompt: String, parts: &Configured) -> anyhow::Result<String> {
    let gate = parts.gate().context("the leak gate cannot be made")?;
    fit(prompt, &*gate)
}

fn fit(prompt: String, gate: &dyn Gate) -> anyhow::Result<String> {
    for (name, bytes) in gate.canaries()? {
        let found = gate.scan(&name, &bytes).context("the leak gate could not scan what was planted for it")?;
        gate.is_caught(&name, &found).map_err(|why| anyhow::anyhow!("the leak gate does not work: {why}"))?;
    }
    let found = gate.scan(NAME, prompt.as_bytes()).context("the prompt could not be scanned")?;
    if found.is_empty() {
        return Ok(prompt);
    }
    let lines: BTreeSet<u64> = found.iter().map(|finding| finding.line).collect();
    let rules: BTreeSet<&str> = found.iter().map(|finding| finding.rule.as_str()).collect();
    tracing::warn!(lines = lines.len(), ?rules, "the leak gate withholds lines of the evidence");
    let kept = (1..).zip(prompt.split('\n')).map(|(number, line)| match lines.contains(&number) {
        true if is_evidence(line) => WITHHELD,
        _ => line,
    });
    let fit = kept.collect::<Vec<_>>().join("\n");
    let left = gate.scan(NAME, fit.as_bytes()).context("the prompt could not be scanned")?;
    if let Some(finding) = left.first() {
        bail!("the leak gate finds `{}` in line {} of the prompt; nothing was sent", finding.rule, finding.line);
    }
    Ok(fit)
}

#[cfg(test)]
mod tests {
    use std::io::{self, Read};

    use super::*;
    use crate::journey::leak::{Canary, Finding, Options, Scanner};

    /// The real scanner, or one that is blind.
    struct Real(Scanner, Canary, bool);

    impl Real {
        fn new(blind: bool) -> Self {
            let canary = Canary::new().unwrap();
            let options = Options { identity: true, exact: vec![canary.exact()], ..Options::default() };
            Real(Scanner::new(options).unwrap(), canary, blind)
        }
    }

    impl Gate for Real {
        fn scan(&self, name: &str, bytes: &[u8]) -> io::Result<Vec<Finding>> {
            if self.2 { Ok(Vec::new()) } else { self.0.scan_bytes(name, bytes) }
        }
        fn scan_stream(&self, name: &str, content: &mut dyn Read) -> io::Result<Vec<Finding>> {
            self.0.scan(name, content)
        }
        fn rules_hash(&self) -> [u8; 32] {
            self.0.rules_hash()
        }
        fn canaries(&self) -> io::Result<Vec<(String, Vec<u8>)>> {
            Ok(vec![(self.1.file().to_owned(), self.1.bytes()?)])
        }
        fn is_caught(&self, name: &str, findings: &[Finding]) -> Result<(), String> {
            self.1.caught(name, findings)
        }
    }

    fn token() -> String {
        format!("ghp_{}", "a1B2c3D4e5F6g7H8i9J0k1L2m3N4o5P6q7R8")
    }

    #[test]
    fn a_clean_prompt_is_sent_as_it_is() {
        let prompt = "You review.\n{\"iteration\":\"3/17\"}\n".to_owned();
        assert_eq!(fit(prompt.clone(), &Real::new(false)).unwrap(), prompt);
    }

    #[test]
    fn a_line_of_evidence_with_a_secret_is_withheld_and_the_rest_sent() {
        let prompt = format!("You review.\n{{\"text\":\"{}\"}}\n{{\"text\":\"well\"}}\n", token());
        let fit = fit(prompt, &Real::new(false)).unwrap();
        assert_eq!(fit, format!("You review.\n{WITHHELD}\n{{\"text\":\"well\"}}\n"));
    }

    #[test]
    fn a_secret_elsewhere_or_a_blind_gate_is_a_refusal() {
        let error = fit(format!("You review {}.\n", token()), &Real::new(false)).unwrap_err().to_string();
        assert!(error.contains("in line 1") && !error.contains("ghp_"), "{error}");
        let error = fit("You review.\n".into(), &Real::new(true)).unwrap_err().to_string();
        assert!(error.contains("does not work"), "{error}");
    }
}
