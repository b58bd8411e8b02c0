//! Texts of a certain form: one of a few words, a regular expression, a JSON pointer.
//!
//! Invariant: a value that came through [`Setting`] has its form; the form is checked nowhere else.

use std::ops::Deref;

use serde_yaml::Value;

use super::section::{Faults, Node, Setting, Visitor};
use super::suggest::did_you_mean;
use super::value::leaf;

/// Declares a setting that is one of a few words. The first word is the default of the type.
macro_rules! choice {
    ($(#[doc = $doc:literal])+ pub enum $name:ident { $( $(#[doc = $word_doc:literal])+ $variant:ident = $word:literal, )+ }) => {
        $(#[doc = $doc])+
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum $name { $( $(#[doc = $word_doc])+ $variant, )+ }

        impl $name {
            /// Every word, in the order of the declaration.
            pub const WORDS: &[&str] = &[$($word),+];

            /// The word that stands for this choice.
            pub const fn name(self) -> &'static str {
                match self { $( Self::$variant => $word, )+ }
            }
        }

        leaf!($name);

        impl Setting for $name {
            fn set(&mut self, value: &Value) -> Result<(), Faults> {
                *self = match value.as_str() {
                    $( Some($word) => Self::$variant, )+
                    other => return Err(not_a_choice(other.unwrap_or_default(), Self::WORDS)),
                };
                Ok(())
            }
            fn set_text(&mut self, text: &str) -> Result<(), Faults> {
                self.set(&text.into())
            }
            fn get(&self) -> Value {
                self.name().into()
            }
            fn kind(&self) -> &'static str {
                concat!("one of" $(, " `", $word, "`")+)
            }
        }
    };
}

choice! {
    /// Which systemd manager a unit belongs to.
    pub enum UnitManager {
        /// The user's own manager (`systemctl --user`).
        User = "user",
        /// The system's manager.
        System = "system",
    }
}

choice! {
    /// What tells the time of the heartbeat.
    pub enum HeartbeatFormat {
        /// The file is a JSON object with a time in it.
        Json = "json",
        /// The file's modification time, whatever it holds.
        Mtime = "mtime",
    }
}

choice! {
    /// How requests are logged.
    pub enum AccessLog {
        /// Not at all.
        Off = "off",
        /// In the Common Log Format.
        Common = "common",
        /// As an object of JSON a line.
        Json = "json",
    }
}

choice! {
    /// Where a judge's answer is.
    pub enum AnswerFrom {
        /// In the events that it prints as JSON lines; where there are none, in the places that follow.
        Jsonl = "jsonl",
        /// In the file `{answer_file}`, which its events must not contradict; where there is none, in the places that follow.
        LastMessageFile = "last-message-file",
        /// Between the marks in its text.
        Text = "text",
        /// It is all of standard output.
        Stdout = "stdout",
    }
}

fn not_a_choice(word: &str, words: &[&str]) -> Faults {
    format!("expected one of {}{}", words.join(", "), did_you_mean(word, words.iter().copied())).into()
}

/// Declares a text of a certain form, which is read as `&str`.
macro_rules! checked_text {
    ($(#[doc = $doc:literal])+ pub struct $name:ident: $kind:literal, $check:path) => {
        $(#[doc = $doc])+
        #[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
        pub struct $name(String);

        impl From<&str> for $name {
            fn from(text: &str) -> Self {
                $name(text.into())
            }
        }

        impl Deref for $name {
            type Target = str;
            fn deref(&self) -> &str {
                &self.0
            }
        }

        leaf!($name);

        impl Setting for $name {
            fn set(&mut self, value: &Value) -> Result<(), Faults> {
                let mut text = String::new();
                text.set(value)?;
                $check(&text)?;
                self.0 = text;
                Ok(())
            }
            fn set_text(&mut self, text: &str) -> Result<(), Faults> {
                self.set(&text.into())
            }
            fn get(&self) -> Value {
                self.0.clone().into()
            }
            fn kind(&self) -> &'static str {
                $kind
            }
        }
    };
}

checked_text! {
    /// A regular expression over bytes, such as a command line. Its classes are ASCII.
    pub struct Pattern: "regular expression", check_pattern
}

checked_text! {
    /// A JSON pointer (RFC 6901). Empty: the field is not read.
    pub struct Pointer: "JSON pointer", check_pointer
}

impl Pattern {
    /// The compiled expression.
    ///
    /// # Errors
    /// When the text is no regular expression, which only a value that did not come through [`Setting`] can be.
    pub fn compile(&self) -> Result<regex::bytes::Regex, regex::Error> {
        // Without Unicode tables, which this build of the regex crate leaves out; command lines are bytes.
        regex::bytes::RegexBuilder::new(&self.0).unicode(false).size_limit(1 << 20).build()
    }
}

fn check_pattern(text: &str) -> Result<(), Faults> {
    Pattern::from(text).compile().map(drop).map_err(|error| {
        // The last line of the crate's message says what is wrong; the lines above draw a picture of where.
        let why = error.to_string();
        let why = why.lines().last().unwrap_or_default().trim_start_matches("error: ");
        format!("not a regular expression: {why}; expected one such as '\\bwriter\\b'").into()
    })
}

fn check_pointer(text: &str) -> Result<(), Faults> {
    let escapes_are_right = text.split('~').skip(1).all(|rest| rest.starts_with(['0', '1']));
    match text.is_empty() || (text.starts_with('/') && escapes_are_right) {
        true => Ok(()),
        false => Err("expected a JSON pointer such as /status/iteration (it begins with /; ~0 stands for ~)".into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_choice_names_its_words_and_the_nearest() {
        let mut manager = UnitManager::User;
        manager.set(&"system".into()).expect("a word");
        assert_eq!(manager, UnitManager::System);
        let fault = manager.set_text("sytem").expect_err("no such word");
        assert_eq!(fault.0[0].message, "expected one of user, system; did you mean `system`?");
        assert_eq!(manager, UnitManager::System, "a refused value leaves the old one");
        assert!(manager.set(&5.into()).is_err());
        assert_eq!(manager.kind(), "one of `user` `system`");
    }

    #[test]
    fn patterns_are_checked() {
        let mut pattern = Pattern::default();
        pattern.set(&r"(?i)\bvllm\b".into()).expect("a pattern");
        assert!(pattern.compile().expect("compiles").is_match(b"python -m VLLM.entrypoints"));
        let fault = pattern.set(&"a(b".into()).expect_err("an open group");
        assert_eq!(fault.0[0].message, r"not a regular expression: unclosed group; expected one such as '\bwriter\b'");
    }

    #[test]
    fn patterns_are_bounded() {
        assert!(Pattern::default().set(&r"(\w{1000}){1000}".into()).is_err());
    }

    #[test]
    fn pointers_are_checked() {
        let accepted = |text: &str| Pointer::default().set(&text.into()).is_ok();
        assert!(accepted("") && accepted("/ts") && accepted("/a/0/b~1c~0"));
        assert!(!accepted("ts") && !accepted("/a~2") && !accepted("/a~"));
    }
}
