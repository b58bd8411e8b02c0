//! The judge's opinion: what it must look like, and what it says.
//!
//! Invariant: what comes out follows the schema, holds nothing that must not be shown, and is bounded; whatever the judge
//! wrote beside that is a fault that can be told to it.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::journey::redact::Redactor;
use crate::observation::{Findings, REVIEW_VERDICTS};

/// The longest summary that is kept, in characters; of findings and their texts as much is kept as is read again. The
/// judge is told to name the worst first.
const LONGEST_SUMMARY: usize = 1500;

/// The longest fault that is told, in characters; it holds words of the judge's.
const LONGEST_FAULT: usize = 300;

/// What the loop's behaviour comes to, in a word.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Word {
    /// Alive, productive, and safe to leave alone.
    Healthy,
    /// It gets on, and something costs time, tokens or quality.
    Degraded,
    /// It does not get on: leaving it alone wastes the machine.
    Stuck,
    /// It does harm, or gets around its own checks.
    Unsafe,
}

impl Word {
    /// As records have it.
    pub const fn name(self) -> &'static str {
        match self {
            Word::Healthy => "healthy",
            Word::Degraded => "degraded",
            Word::Stuck => "stuck",
            Word::Unsafe => "unsafe",
        }
    }
}

/// How bad a finding is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Level {
    /// Worth knowing.
    Info,
    /// Somebody should look when awake.
    Warn,
    /// Somebody should be woken.
    Crit,
}

impl Level {
    /// As people read it.
    pub const fn name(self) -> &'static str {
        match self {
            Level::Info => "INFO",
            Level::Warn => "WARN",
            Level::Crit => "CRIT",
        }
    }
}

/// One thing that the judge found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Finding {
    /// How bad it is.
    pub severity: Level,
    /// What is the matter.
    pub what: String,
    /// What shows it.
    pub evidence: String,
    /// What to do about it.
    pub suggestion: String,
}

/// What the judge thinks of the loop's behaviour.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Opinion {
    /// 0 (sick) to 100 (well).
    pub health_score: f64,
    /// The same in a word.
    pub verdict: Word,
    /// Why, in a few sentences.
    pub summary: String,
    /// What it found, the worst first.
    pub findings: Vec<Finding>,
}

/// The JSON schema of an [`Opinion`]. It keeps to what model servers understand when they hold a model to a schema: every
/// property is required and no other one allowed.
pub fn schema() -> Value {
    let text = || json!({"type": "string"});
    let object = |properties: Value| {
        let names: Vec<&String> = properties.as_object().into_iter().flatten().map(|(name, _)| name).collect();
        json!({"type": "object", "required": names, "additionalProperties": false, "properties": properties})
    };
    let finding = object(json!({
        "severity": {"type": "string", "enum": ["info", "warn", "crit"]},
        "what": text(), "evidence": text(), "suggestion": text(),
    }));
    object(json!({
        "health_score": {"type": "number", "minimum": 0, "maximum": 100},
        "verdict": {"type": "string", "enum": REVIEW_VERDICTS},
        "summary": text(),
        "findings": {"type": "array", "items": finding},
    }))
}

/// The opinion in `text`, masked and bounded.
///
/// # Errors
/// What is wrong with it, where, in words that the judge can mend it by.
pub(super) fn read(text: &str, redactor: &mut Redactor) -> Result<Opinion, String> {
    let mut reader = serde_json::Deserializer::from_str(text);
    let told = |fault: String| fault.chars().take(LONGEST_FAULT).collect::<String>();
    let opinion: Opinion = serde_path_to_error::deserialize(&mut reader).map_err(|error| told(error.to_string()))?;
    reader.end().map_err(|error| told(format!("something follows the JSON object: {error}")))?;
    let score = opinion.health_score;
    if !(0.0..=100.0).contains(&score) {
        return Err(format!("health_score: {score} is not between 0 and 100"));
    }
    let opinion = masked(opinion, redactor);
    let empty = |finding: &Finding| finding.what.is_empty();
    if opinion.summary.is_empty() {
        return Err("summary: it is empty".into());
    }
    if let Some(at) = opinion.findings.iter().position(empty) {
        return Err(format!("findings[{at}].what: it is empty"));
    }
    Ok(opinion)
}

/// `opinion` with its texts as they may be shown: a judge's tools may have read what it was not told.
fn masked(opinion: Opinion, redactor: &mut Redactor) -> Opinion {
    let Opinion { health_score, verdict, summary, findings } = opinion;
    let findings = findings.into_iter().take(Findings::MOST).map(|finding| {
        let Finding { severity, what, evidence, suggestion } = finding;
        let [what, evidence, suggestion] =
            [what, evidence, suggestion].map(|text| redactor.text(&text, Findings::TEXT));
        Finding { severity, what, evidence, suggestion }
    });
    let findings = findings.collect();
    Opinion { health_score, verdict, summary: redactor.text(&summary, LONGEST_SUMMARY), findings }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::journey::leak::rules;

    fn redactor() -> Redactor {
        Redactor::new(rules::find, &[]).unwrap()
    }

    fn good() -> Value {
        json!({"health_score": 82, "verdict": "degraded", "summary": "It gets on.", "findings": [
            {"severity": "warn", "what": "slow", "evidence": "iteration 3/17", "suggestion": "look"}]})
    }

    /// `good` with the value at `pointer` replaced.
    fn with(pointer: &str, value: Value) -> String {
        let mut changed = good();
        *changed.pointer_mut(pointer).unwrap() = value;
        changed.to_string()
    }

    #[test]
    fn what_follows_the_schema_is_read() {
        let opinion = read(&good().to_string(), &mut redactor()).unwrap();
        assert_eq!((opinion.health_score, opinion.verdict), (82.0, Word::Degraded));
        assert_eq!(serde_json::to_value(&opinion).unwrap()["findings"], good()["findings"]);
        for score in [0, 100] {
            assert!(read(&with("/health_score", score.into()), &mut redactor()).is_ok());
        }
    }

    #[test]
    fn every_fault_says_where_it_is() {
        let missing = |name: &str| {
            let mut changed = good();
            changed.as_object_mut().unwrap().remove(name);
            changed.to_string()
        };
        let table = [
            (with("/health_score", 120.into()), "health_score: 120 is not between 0 and 100"),
            (with("/health_score", (-1).into()), "health_score: -1 is not"),
            (with("/health_score", "82".into()), "health_score: invalid type: string"),
            (with("/health_score", Value::Null), "health_score: invalid type: null"),
            (with("/verdict", "fine".into()), "verdict: unknown variant `fine`, expected one of `healthy`"),
            (with("/summary", " ".into()), "summary: it is empty"),
            (with("/findings/0/severity", "fatal".into()), "findings[0].severity: unknown variant `fatal`"),
            (with("/findings/0/what", "".into()), "findings[0].what: it is empty"),
            (with("/findings/0", json!({"severity": "warn"})), "findings[0]: missing field `what`"),
            (missing("findings"), "missing field `findings`"),
            (missing("verdict"), "missing field `verdict`"),
            (good().to_string() + " {}", "something follows the JSON object"),
            ("all is well".into(), "expected value"),
            (String::new(), "EOF"),
            ("[]".into(), "invalid length 0"),
        ];
        for (text, expected) in table {
            let fault = read(&text, &mut redactor()).unwrap_err();
            assert!(fault.contains(expected), "{text}: {fault}");
        }
        let mut more = good();
        more["mood"] = "good".into();
        assert!(read(&more.to_string(), &mut redactor()).unwrap_err().contains("unknown field `mood`"));
    }

    #[test]
    fn what_is_long_or_secret_does_not_get_far() {
        let token = format!("ghp_{}", "a1B2c3D4e5F6g7H8i9J0k1L2m3N4o5P6q7R8");
        let finding = json!({"severity": "info", "what": token, "evidence": "x ".repeat(5000), "suggestion": "a\nb"});
        let mut long = good();
        long["findings"] = vec![finding; 50].into();
        let opinion = read(&long.to_string(), &mut redactor()).unwrap();
        assert_eq!(opinion.findings.len(), Findings::MOST);
        let finding = &opinion.findings[0];
        assert!(!finding.what.contains("ghp_"), "{finding:?}");
        assert!(finding.evidence.chars().count() <= Findings::TEXT);
        assert_eq!(finding.suggestion, "a b");
        let fault = read(&with("/verdict", "y".repeat(5000).into()), &mut redactor()).unwrap_err();
        assert!(fault.chars().count() <= LONGEST_FAULT);
    }

    #[test]
    fn the_schema_is_that_of_the_type() {
        let names = |value: &Value| {
            let mut names: Vec<String> = value.as_object().unwrap().keys().cloned().collect();
            names.sort();
            names
        };
        let schema = schema();
        assert_eq!(names(&schema["properties"]), names(&good()));
        let finding = &schema["properties"]["findings"]["items"];
        assert_eq!(names(&finding["properties"]), names(&good()["findings"][0]));
        for (words, pointer) in [
            (&schema["properties"]["verdict"]["enum"], "/verdict"),
            (&finding["properties"]["severity"]["enum"], "/findings/0/severity"),
        ] {
            for word in words.as_array().unwrap() {
                assert!(read(&with(pointer, word.clone()), &mut redactor()).is_ok(), "{word}");
            }
        }
    }
}
