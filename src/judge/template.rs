//! The command line of a judge, from the template of its entry.
//!
//! Invariants: pure; an argument whose placeholder has no value is left out, and so is a flag that the tool does not
//! know, each with what belongs to it; a value is never looked into for placeholders.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::path::Path;

/// What stands for the placeholders. What is `None` has no value.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Values<'a> {
    /// `{prompt}`: the prompt, or what stands for it where it goes by file.
    pub(super) prompt: Option<&'a str>,
    /// `{prompt_file}`: a file that holds it.
    pub(super) prompt_file: Option<&'a Path>,
    /// `{model}`.
    pub(super) model: Option<&'a str>,
    /// `{effort}`.
    pub(super) effort: Option<&'a str>,
    /// `{schema}`: the JSON schema, in a line.
    pub(super) schema: Option<&'a str>,
    /// `{schema_file}`: a file that holds it.
    pub(super) schema_file: Option<&'a Path>,
    /// `{answer_file}`: where the answer is to be written.
    pub(super) answer_file: Option<&'a Path>,
    /// `{directory}`: the empty working directory.
    pub(super) directory: Option<&'a Path>,
}

impl Values<'_> {
    /// `None` where there is no such placeholder, `Some(None)` where it has no value.
    fn of(&self, name: &str) -> Option<Option<OsString>> {
        let (text, path) = match name {
            "prompt" => (self.prompt, None),
            "model" => (self.model, None),
            "effort" => (self.effort, None),
            "schema" => (self.schema, None),
            "prompt_file" => (None, self.prompt_file),
            "schema_file" => (None, self.schema_file),
            "answer_file" => (None, self.answer_file),
            "directory" => (None, self.directory),
            _ => return None,
        };
        Some(text.map(OsString::from).or_else(|| path.map(OsString::from)))
    }
}

/// The arguments that `template` stands for. `known` are the flags that the tool knows; `None` where it was not asked or
/// did not tell: then it gets all of them.
pub(super) fn arguments(template: &[String], values: &Values<'_>, known: Option<&BTreeSet<String>>) -> Vec<OsString> {
    let is_unknown = |word: &str| known.is_some_and(|known| flag(word).is_some_and(|flag| !known.contains(flag)));
    let mut arguments: Vec<OsString> = Vec::new();
    // Whether the last word was a flag alone, and whether it was left out.
    let (mut alone, mut dropped) = (false, false);
    for word in template {
        let filled = filled(word, values);
        let belongs = alone && flag(word).is_none() && has_value(word);
        match filled {
            _ if is_unknown(word) || (belongs && dropped) => dropped = true,
            Some(argument) => {
                arguments.push(argument);
                dropped = false;
            }
            None => {
                if belongs && !dropped {
                    arguments.pop();
                }
                dropped = true;
            }
        }
        alone = flag(word).is_some_and(|flag| flag.len() == word.len());
    }
    arguments
}

/// The flag that `word` is or begins with, such as `--model` of `--model={model}`.
fn flag(word: &str) -> Option<&str> {
    let flag = word.split('=').next().unwrap_or(word);
    (flag.starts_with('-') && flag.len() > 1 && flag != "--").then_some(flag)
}

/// Whether `word` holds a placeholder other than the prompt's, which is an argument of its own.
fn has_value(word: &str) -> bool {
    ["{model}", "{effort}", "{schema}", "{schema_file}", "{answer_file}", "{directory}"]
        .iter()
        .any(|name| word.contains(name))
}

/// `word` with its placeholders filled; `None` where one has no value.
fn filled(word: &str, values: &Values<'_>) -> Option<OsString> {
    let (mut out, mut rest) = (OsString::new(), word);
    while let Some(open) = rest.find('{') {
        let (before, inner) = (&rest[..open], &rest[open + 1..]);
        out.push(before);
        match inner.find('}').and_then(|close| Some((values.of(&inner[..close])?, close))) {
            Some((value, close)) => {
                out.push(value?);
                rest = &inner[close + 1..];
            }
            // Another brace, such as that of a value in TOML or JSON.
            None => {
                out.push("{");
                rest = inner;
            }
        }
    }
    out.push(rest);
    Some(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(template: &[&str], values: &Values<'_>, known: Option<&[&str]>) -> Vec<String> {
        let template: Vec<String> = template.iter().map(|word| (*word).to_owned()).collect();
        let known = known.map(|known| known.iter().map(|flag| (*flag).to_owned()).collect());
        let arguments = arguments(&template, values, known.as_ref());
        arguments.into_iter().map(|argument| argument.into_string().unwrap()).collect()
    }

    const VALUES: Values<'_> = Values {
        prompt: Some("is {model} well?"),
        model: Some("gpt-5.5"),
        prompt_file: None,
        effort: None,
        schema: None,
        schema_file: None,
        answer_file: None,
        directory: None,
    };

    #[test]
    fn placeholders_are_filled_and_values_are_taken_as_they_are() {
        assert_eq!(words(&["a", "-m={model}", "{prompt}"], &VALUES, None), ["a", "-m=gpt-5.5", "is {model} well?"]);
        let toml = "model_providers.x={name=\"x\"}";
        assert_eq!(words(&["-c", toml, "{unknown}", "{"], &VALUES, None), ["-c", toml, "{unknown}", "{"]);
    }

    #[test]
    fn what_has_no_value_is_left_out_with_its_flag() {
        assert_eq!(words(&["--effort={effort}", "--json", "{prompt}"], &VALUES, None), ["--json", "is {model} well?"]);
        assert_eq!(words(&["--effort", "{effort}", "--json"], &VALUES, None), ["--json"]);
        assert_eq!(words(&["--json", "x", "{effort}"], &VALUES, None), ["--json", "x"]);
        assert_eq!(words(&["--json", "{prompt}"], &Values::default(), None), ["--json"]);
    }

    #[test]
    fn flags_that_the_tool_does_not_know_are_left_out_with_what_belongs_to_them() {
        let known: Option<&[&str]> = Some(&["--json", "-m"]);
        let template = ["exec", "--json", "--ephemeral", "--model={model}", "--cd", "{directory}", "{prompt}"];
        assert_eq!(words(&template, &VALUES, known), ["exec", "--json", "is {model} well?"]);
        assert_eq!(
            words(&["--model", "{model}", "-m", "{model}", "-", "--"], &VALUES, known),
            ["-m", "gpt-5.5", "-", "--"]
        );
        assert_eq!(words(&["--ephemeral", "{prompt}"], &VALUES, known), ["is {model} well?"]);
    }
}
