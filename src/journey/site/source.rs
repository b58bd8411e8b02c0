//! What a file is made of, as one digest.
//!
//! Invariant: two files with the same digest have the same bytes. Every part is written with its length, so that no two
//! lists of parts look alike, and the program's own text is a part of every digest: whoever changes a template or a line
//! of this module has every file made anew.

use ring::digest::{Context, SHA256};

use crate::journey::digest::{Digest, done, hex, sha256};

/// A digest in the making.
#[derive(Clone)]
pub(super) struct Source(Context);

impl Source {
    /// Begins with the program itself.
    pub(super) fn new() -> Source {
        let mut source = Source(Context::new(&SHA256));
        for (name, text) in PROGRAM {
            source = source.text(name).number(*text);
        }
        source
    }

    /// Adds a text.
    pub(super) fn text(self, text: &str) -> Source {
        let mut source = self.number(text.len() as u64);
        source.0.update(text.as_bytes());
        source
    }

    /// Adds a text that may be absent, which is not the same as an empty one.
    pub(super) fn maybe(self, text: Option<&str>) -> Source {
        match text {
            Some(text) => self.number(1).text(text),
            None => self.number(0),
        }
    }

    /// Adds a number.
    pub(super) fn number(mut self, number: u64) -> Source {
        self.0.update(&number.to_le_bytes());
        self
    }

    /// Adds the digest of something larger.
    pub(super) fn digest(mut self, digest: &Digest) -> Source {
        self.0.update(digest);
        self
    }

    /// Adds a list of digests.
    pub(super) fn digests<'d>(self, digests: impl ExactSizeIterator<Item = &'d Digest>) -> Source {
        let source = self.number(digests.len() as u64);
        digests.fold(source, |source, one| source.digest(one))
    }

    /// The digest of all that was added.
    pub(super) fn done(self) -> Digest {
        done(self.0)
    }
}

/// The first `digits` hexadecimal digits of the SHA-256 of `bytes`, 16 at most.
pub(super) fn short(bytes: &[u8], digits: usize) -> String {
    let mut text = hex(&sha256(bytes)[..8]);
    text.truncate(digits);
    text
}

/// FNV-1a (Fowler, Noll, Vo), computed while compiling, so that the program need not carry its own text about. It keeps
/// honest changes apart, which is all that is asked of it.
const fn fnv(bytes: &[u8]) -> u64 {
    let (mut hash, mut index) = (0xcbf2_9ce4_8422_2325_u64, 0);
    while index < bytes.len() {
        hash = (hash ^ bytes[index] as u64).wrapping_mul(0x0000_0100_0000_01b3);
        index += 1;
    }
    hash
}

macro_rules! program {
    ($($file:literal)*) => {
        /// Each file of the program that has a say in what the site looks like, relative to this one, and its hash.
        const PROGRAM: &[(&str, u64)] = &[$(($file, const { fnv(include_bytes!($file)) })),*];
    };
}

program! {
    "../../words.rs" "../run.rs" "../site_data.rs"
    "assets.rs" "book.rs" "feed.rs" "figures.rs" "front_matter.rs" "group.rs" "json.rs" "markdown.rs" "mod.rs" "names.rs"
    "prose.rs" "say.rs" "source.rs"
    "chart/cost.rs" "chart/mod.rs" "chart/parity.rs" "chart/rate.rs" "chart/scale.rs" "chart/strip.rs" "chart/timeline.rs"
    "page/index.rs" "page/iteration.rs" "page/list.rs" "page/mod.rs" "page/rows.rs" "page/search.rs"
    "../../../templates/journey/404.html" "../../../templates/journey/base.html" "../../../templates/journey/feed.xml"
    "../../../templates/journey/icon.svg" "../../../templates/journey/index.html"
    "../../../templates/journey/iteration.html" "../../../templates/journey/list.html"
    "../../../templates/journey/parts.html" "../../../templates/journey/site.css" "../../../templates/journey/site.js"
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::path::Path;

    use super::*;

    #[test]
    fn parts_that_run_together_make_different_digests() {
        let of = |parts: &[&str]| parts.iter().fold(Source::new(), |source, part| source.text(part)).done();
        let all = [of(&["ab", "c"]), of(&["a", "bc"]), of(&["abc"]), of(&["abc", ""]), of(&[])];
        assert_eq!(all.iter().collect::<BTreeSet<_>>().len(), all.len());
        let absent = Source::new().maybe(None).done();
        assert_ne!(absent, Source::new().maybe(Some("")).done());
    }

    #[test]
    fn every_file_that_has_a_say_is_part_of_every_digest() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        let mut there = BTreeSet::new();
        for folder in ["src/journey/site", "src/journey/site/chart", "src/journey/site/page"] {
            let folder = root.join(folder);
            let Ok(entries) = std::fs::read_dir(&folder) else { continue };
            there.extend(entries.map(|entry| entry.unwrap().path()).filter(|path| path.is_file()));
        }
        let here = root.join("src/journey/site");
        let listed: BTreeSet<_> = PROGRAM.iter().map(|(name, _)| here.join(name)).collect();
        let missing: Vec<_> = there.difference(&listed).collect();
        assert!(missing.is_empty(), "not in program!: {missing:?}");
    }
}
