//! The nearest right name for a wrong one.
//!
//! Invariant: a suggestion is close enough to be a slip of the hand; otherwise none is made.

/// `; did you mean `x`?` for the name in `known` that is nearest to `wrong`; empty when none is near.
pub(crate) fn did_you_mean<'a>(wrong: &str, known: impl IntoIterator<Item = &'a str>) -> String {
    nearest(wrong, known).map_or_else(String::new, |name| format!("; did you mean `{name}`?"))
}

/// The name in `known` that a slip of the hand turns into `wrong`: about one letter in three may differ.
pub(crate) fn nearest<'a>(wrong: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let plain = |name: &str| name.to_ascii_lowercase().replace('-', "_");
    let wrong: String = plain(wrong).chars().take(80).collect();
    let slips = wrong.chars().count().div_ceil(3).min(4);
    known
        .into_iter()
        .map(|name| (strsim::damerau_levenshtein(&wrong, &plain(name)), name))
        .filter(|(distance, _)| *distance <= slips)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, name)| name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_is_mended_and_a_stranger_is_not() {
        let known = ["interval", "deadline", "url", "listen_addresses"];
        assert_eq!(nearest("intervall", known), Some("interval"));
        assert_eq!(nearest("URL", known), Some("url"));
        assert_eq!(nearest("listen-address", known), Some("listen_addresses"));
        assert_eq!(nearest("colour", known), None);
        assert_eq!(nearest("", known), None);
        assert_eq!(nearest(&"x".repeat(1_000_000), known), None);
    }

    #[test]
    fn the_suggestion_is_a_clause() {
        assert_eq!(did_you_mean("urk", ["url"]), "; did you mean `url`?");
        assert_eq!(did_you_mean("colour", ["url"]), "");
    }
}
