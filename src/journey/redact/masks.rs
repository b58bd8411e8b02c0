//! Masks: what stands in the place of a value.
//!
//! Invariant: the same value has the same mask for as long as the masks live, numbers go up in the order of first
//! appearance, and a mask never looks like a value itself (`leak::identity` passes over it).

use std::collections::HashMap;

use crate::journey::leak::rules::{Kind, Rule};

/// The masks that were given out.
#[derive(Debug, Default)]
pub(super) struct Masks {
    numbers: HashMap<(&'static str, Vec<u8>), usize>,
    given: HashMap<&'static str, usize>,
}

/// The word of the masks of what `rule` finds: one of [`crate::journey::leak::identity::MASKS`].
pub(super) fn word(rule: &Rule) -> &'static str {
    match (rule.kind, rule.name) {
        (_, "home-path" | "data-path" | "tilde-user" | "project-slug" | "machine-path") => "path",
        (_, "local-host" | "url-host" | "machine-host") => "host",
        (_, "cluster-name" | "machine-cluster") => "cluster",
        (_, "private-address" | "public-address" | "ipv6-address" | "mac-address" | "machine-address") => "address",
        (_, "mail-address" | "machine-mail") => "mail",
        (_, "person-name" | "machine-person") => "person",
        (_, "user-name" | "url-user" | "user-at-host" | "machine-user") => "user",
        (_, "ssh-public-key" | "key-fingerprint" | "certificate" | "machine-key") => "key",
        (_, "private-word") => "word",
        (Kind::Secret, _) => "hidden",
        (Kind::Identity, _) => "value",
    }
}

impl Masks {
    /// The mask of `value`. Names and addresses mean the same in capitals.
    pub(super) fn mask(&mut self, word: &'static str, value: &[u8]) -> String {
        let folds = matches!(word, "host" | "cluster" | "address" | "mail" | "user");
        let value = if folds { value.to_ascii_lowercase() } else { value.to_vec() };
        let given = self.given.entry(word).or_default();
        let number = self.numbers.entry((word, value)).or_insert_with(|| {
            *given += 1;
            *given
        });
        format!("{word}-{number}")
    }
}
