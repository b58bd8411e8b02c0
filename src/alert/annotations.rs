//! What an alert says: readings, limits and the mend, as a template that Prometheus fills in.
//!
//! Invariant: a reading that is not there is said to be unknown; it never makes the template fail, and never shows
//! another machine's value.

use super::ended;
use crate::assessment::Severity;
use crate::check::{Form, Shown};

/// What a description is made of.
#[derive(Debug, Clone, Copy)]
pub(super) struct Description<'a> {
    /// The labels of the alert that say whose readings to show.
    pub(super) by: &'a [&'a str],
    /// What it means, in sentences; may be empty.
    pub(super) why: &'a str,
    /// The readings.
    pub(super) shows: &'a [Shown],
    /// What to do.
    pub(super) mend: &'a str,
}

impl Description<'_> {
    /// The template, in lines that a blank joins. `check` is the check's id, and `severity` that of the alert.
    pub(super) fn lines(&self, check: &str, severity: Severity) -> Vec<String> {
        let why = (!self.why.is_empty()).then(|| self.why.to_owned());
        let shown = self.shows.iter().flat_map(|shown| reading(shown, check, severity));
        let here = (!self.shows.is_empty()).then(|| self.here());
        let mend = format!("To do: {}", ended(self.mend));
        here.into_iter().chain(why).chain(shown).chain([mend]).collect()
    }

    /// The matchers of the machine, as a variable of the template.
    fn here(&self) -> String {
        let matchers: Vec<String> = self.by.iter().map(|label| format!("{label}=%q")).collect();
        let labels: Vec<String> = self.by.iter().map(|label| format!("$labels.{label}")).collect();
        format!("{{{{ $here := printf `{}` {} -}}}}", matchers.join(", "), labels.join(" "))
    }
}

/// The sentence on one reading, for each of its series.
fn reading(shown: &Shown, check: &str, severity: Severity) -> Vec<String> {
    let value = shown.value.replace("$check", check);
    let mut lines = vec![for_each(&value), sentence(shown)];
    if let Some(limit) = shown.limit(severity) {
        let threshold = format!(r#"autoswe_check_threshold{{$here, check="{check}", limit="{limit}"}}"#);
        lines.push(format!("{{{{- {}", for_each(&threshold).trim_start_matches("{{ ")));
        lines.push(format!(", {} the limit of {} (checks.{check}.{limit})", shown.crossed, written(shown.form)));
        lines.push("{{- end }}.".into());
    } else if let Some(last) = lines.last_mut() {
        last.push('.');
    }
    // Labels tell of a state: where it does not hold there is nothing to tell.
    if shown.form != Form::Untold {
        lines.extend(["{{ else -}}".into(), "No value is known at the moment.".into()]);
    }
    lines.push("{{ end -}}".into());
    lines
}

fn for_each(value: &str) -> String {
    format!("{{{{ range query (printf `{}` $here) -}}}}", value.replace("$here", "%[1]s"))
}

/// `{}` becomes the value, `{gpu}` that of the label.
fn sentence(shown: &Shown) -> String {
    let mut text = String::new();
    let mut rest = shown.says;
    while let Some((before, after)) = rest.split_once('{') {
        let (label, after) = after.split_once('}').unwrap_or((after, ""));
        text += before;
        text += &if label.is_empty() { written(shown.form).into() } else { format!("{{{{ .Labels.{label} }}}}") };
        rest = after;
    }
    text + rest
}

/// The value, for people.
fn written(form: Form) -> &'static str {
    match form {
        Form::Length => "{{ .Value | humanizeDuration }}",
        Form::Share => "{{ .Value | humanizePercentage }}",
        Form::Whole => r#"{{ .Value | printf "%.0f" }}"#,
        Form::Tenths => r#"{{ .Value | printf "%.1f" }}"#,
        Form::Hertz => "{{ .Value | humanize }}Hz",
        Form::Untold => "",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(shows: &[Shown]) -> String {
        Description { by: &["instance", "job"], why: "", shows, mend: "mend it" }
            .lines("loop", Severity::Warn)
            .join("\n")
    }

    #[test]
    fn a_reading_with_a_limit_is_asked_for_of_this_machine() {
        let shown = Shown::length("{phase} is {} old", "time() - a{$here} - b{$here, source=\"$check\"}");
        let expected = r#"{{ $here := printf `instance=%q, job=%q` $labels.instance $labels.job -}}
{{ range query (printf `time() - a{%[1]s} - b{%[1]s, source="loop"}` $here) -}}
{{ .Labels.phase }} is {{ .Value | humanizeDuration }} old
{{- range query (printf `autoswe_check_threshold{%[1]s, check="loop", limit="warn"}` $here) -}}
, over the limit of {{ .Value | humanizeDuration }} (checks.loop.warn)
{{- end }}.
{{ else -}}
No value is known at the moment.
{{ end -}}
To do: mend it."#;
        assert_eq!(lines(&[shown.over(&[(Severity::Warn, "warn")])]), expected);
    }

    #[test]
    fn a_limit_of_another_severity_and_a_state_that_does_not_hold_are_not_told() {
        let text = lines(&[Shown::whole("{} of it", "a{$here}").over(&[(Severity::Crit, "crit")])]);
        assert!(!text.contains("limit") && text.contains("of it.\n{{ else -}}"), "{text}");
        assert!(!lines(&[Shown::labels("It is {reason}", "a{$here} == 1")]).contains("else"));
        assert_eq!(lines(&[]), "To do: mend it.");
    }
}
