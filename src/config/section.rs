//! How settings are declared: one `section!` block holds a setting's name, type, default and description.
//!
//! Everything else (reading YAML, environment overrides, `print-config`, the generated reference) is a
//! [`Visitor`] that walks the declared tree, so that nothing can drift from the declaration.

/// Walks a tree of settings.
pub trait Visitor {
    /// Enters a section at `path` (dotted; empty for the root) described by `doc`.
    fn enter(&mut self, path: &str, doc: &'static str);
    /// Visits one setting at `path`, described by `doc`.
    fn setting(&mut self, path: &str, doc: &'static str, setting: &mut dyn Setting);
}

/// A node of the tree: a section or a setting.
pub trait Node {
    /// Shows this node, and all below it, to `visitor`.
    fn accept(&mut self, path: &str, doc: &'static str, visitor: &mut dyn Visitor);
}

/// One value that a person may set.
pub trait Setting {
    /// Takes a value from YAML.
    ///
    /// # Errors
    /// Says what was expected, with an example; the caller adds where. The value stays as it was.
    fn set(&mut self, value: &serde_yaml::Value) -> Result<(), Faults>;
    /// Takes a value from an environment variable or a flag.
    ///
    /// # Errors
    /// As [`Setting::set`].
    fn set_text(&mut self, text: &str) -> Result<(), Faults> {
        self.set(&serde_yaml::from_str(text).unwrap_or_else(|_| text.into()))
    }
    /// The present value, as it would stand in YAML.
    fn get(&self) -> serde_yaml::Value;
    /// What kind of value it is, with its unit, for the reference.
    fn kind(&self) -> &'static str;
}

/// What is wrong with one value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// Dotted path below the setting; empty for the setting itself.
    pub at: String,
    /// What was expected, with an example.
    pub message: String,
}

/// Everything that is wrong with the value of one setting.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Faults(pub Vec<Fault>);

impl Faults {
    /// The same faults, seen from the parent whose child `key` they are in.
    pub fn below(self, key: &str) -> impl Iterator<Item = Fault> {
        self.0.into_iter().map(move |fault| Fault {
            at: if fault.at.is_empty() { key.to_owned() } else { join(key, &fault.at) },
            ..fault
        })
    }
}

impl<T: Into<String>> From<T> for Faults {
    fn from(message: T) -> Self {
        Faults(vec![Fault { at: String::new(), message: message.into() }])
    }
}

/// The dotted path of `key` below `parent`. A field may end in `_` where its key is a Rust keyword.
pub fn join(parent: &str, key: &str) -> String {
    let key = key.trim_end_matches('_');
    if parent.is_empty() { key.to_owned() } else { format!("{parent}.{key}") }
}

/// Declares a section of the configuration: a struct with defaults that is a [`Node`].
macro_rules! section {
    (
        $(#[doc = $doc:literal])+
        pub struct $name:ident {
            $( $(#[doc = $field_doc:literal])+ $field:ident: $type:ty = $default:expr, )+
        }
    ) => {
        $(#[doc = $doc])+
        #[derive(Debug, Clone, PartialEq)]
        pub struct $name { $( $(#[doc = $field_doc])+ pub $field: $type, )+ }

        impl Default for $name {
            fn default() -> Self {
                Self { $( $field: $default, )+ }
            }
        }

        impl $crate::config::section::Node for $name {
            fn accept(
                &mut self,
                path: &str,
                doc: &'static str,
                visitor: &mut dyn $crate::config::section::Visitor,
            ) {
                visitor.enter(path, if doc.is_empty() { concat!($($doc, "\n"),+) } else { doc });
                $(
                    self.$field.accept(
                        &$crate::config::section::join(path, stringify!($field)),
                        concat!($($field_doc, "\n"),+),
                        visitor,
                    );
                )+
            }
        }
    };
}
pub(crate) use section;
