//! Sidecars: beside a file that compresses well lie its compressed forms, `X.br`, `X.gz` and `X.zst`, ready for a server.
//!
//! Invariants:
//!
//! 1. A sidecar is made of a file that the gate has found clean, and unpacks to that file byte for byte, with nothing
//!    else in it. So it holds nothing that the gate has not seen, and is not scanned a second time.
//! 2. It has the source of its file, of which what making it depends on is a part: it stays, is mended and goes with it.
//! 3. What a builder left under such a name is the builder's: an ordinary file, scanned as all others are.

use std::collections::HashSet;
use std::io::Seek;

use super::codec::{self, Codec};
use super::error::{Error, disk, disk_io};
use super::intake::{Intake, Piece, Taken, judge_name, read_back};
use super::media;
use super::place::{Cursor, Look, PUBLIC_FILE};
use super::tree::parents;
use crate::journey::digest::sha256;

/// Smaller files have none, bytes: with its head such an answer fits into one packet, packed or not.
const SMALLEST: u64 = 1_200;
/// Of so many pieces on only larger files have them, bytes: smaller ones fit into the ten packets that a server sends at
/// once (RFC 6928). With sidecars of all, a run of 10,000 iterations has 53,000 more files, which cost each later run more
/// than all else that it does (docs/benchmarks.md).
const MANY: usize = 5_000;
const SMALLEST_OF_MANY: u64 = 14_000;
/// A sidecar has at most this share of its file's bytes, in hundredths.
const MOST: u64 = 90;
/// The sidecars that a file is to have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Wanted([bool; Codec::ALL.len()]);

impl Wanted {
    /// They, in the order of their endings.
    pub(super) fn codecs(self) -> impl Iterator<Item = Codec> {
        Codec::ALL.into_iter().zip(self.0).filter_map(|(codec, is_wanted)| is_wanted.then_some(codec))
    }
}

/// Where the sidecar of the file at `path` lies.
pub(super) fn beside(path: &str, codec: Codec) -> String {
    [path, codec.ending()].concat()
}

/// Files of fewer bytes have none, in a release of so many pieces.
pub(super) fn smallest(pieces: usize) -> u64 {
    if pieces < MANY { SMALLEST } else { SMALLEST_OF_MANY }
}

/// Which sidecars each of the `pieces` is to have, should it be large enough. Their sources tell from then on what making
/// them depends on beside the file.
pub(super) fn plan(pieces: &mut [Piece<'_>]) -> Vec<Wanted> {
    let making = format!("sidecars from {} bytes on, at most {MOST} %", smallest(pieces.len()));
    let wanted: Vec<Wanted> = {
        let is_theirs = |path: &&str| Codec::ALL.iter().any(|codec| path.ends_with(codec.ending()));
        let paths = pieces.iter().flat_map(|piece| parents(&piece.path).chain([piece.path.as_str()]));
        let theirs: HashSet<&str> = paths.filter(is_theirs).collect();
        let is_wanted = |path: &str| {
            let is_free = |codec| theirs.is_empty() || !theirs.contains(beside(path, codec).as_str());
            Wanted(Codec::ALL.map(|codec| media::is_compressible(path) && is_free(codec)))
        };
        pieces.iter().map(|piece| is_wanted(&piece.path)).collect()
    };
    for (piece, wanted) in pieces.iter_mut().zip(&wanted).filter(|(_, wanted)| **wanted != Wanted::default()) {
        let names = wanted.codecs().map(Codec::ending).collect::<String>();
        piece.source =
            sha256(&[&piece.source[..], making.as_bytes(), codec::MAKING.as_bytes(), names.as_bytes()].concat());
    }
    wanted
}

impl Intake<'_> {
    /// Makes one sidecar of the clean file at `path`; nothing where it would save too little.
    pub(super) fn pack(
        &self,
        cursor: &mut Cursor<'_>,
        path: &str,
        codec: Codec,
        buffer: &mut Vec<u8>,
    ) -> Result<Option<Taken>, Error> {
        let sidecar = beside(path, codec);
        let place = self.staging.path().join(&sidecar);
        let (directory, name) = cursor.enter(path).map_err(disk("enter the directory of", &place))?;
        let (mut original, name) =
            (directory.read(name).map_err(disk("read the file of", &place))?, beside(name, codec));
        let size = Look::at(&original).map_err(disk("look at the file of", &place))?.identity.size;
        let mut file = directory.create(&name, PUBLIC_FILE).map_err(disk("make the file", &place))?;
        codec.pack(size, &mut original, &mut file).map_err(disk_io("write", &place))?;
        let identity = Look::at(&file).map_err(disk("look at", &place))?.identity;
        if !is_worthwhile(size, identity.size) {
            directory.unlink(name.as_str()).map_err(disk("remove", &place))?;
            return Ok(None);
        }
        let sha256 = read_back(&mut file, buffer).map_err(disk_io("read back", &place))?;
        let holds = file.rewind().and_then(|()| original.rewind()).and_then(|()| codec.holds(&file, &mut original));
        if !holds.map_err(disk_io("unpack", &place))? {
            return Err(Error::Unfit(format!("{sidecar} does not unpack to its file; report it as a bug")));
        }
        if self.flush {
            file.sync_all().map_err(disk_io("flush", &place))?;
        }
        Ok(Some(Taken { sha256, identity, verdict: judge_name(self.gate, &sidecar) }))
    }
}

/// Whether a sidecar of `packed` bytes is worth keeping beside a file of `size`.
fn is_worthwhile(size: u64, packed: u64) -> bool {
    u128::from(packed) * 100 <= u128::from(size) * u128::from(MOST)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pieces(paths: &[&str]) -> Vec<Piece<'static>> {
        let piece = |path: &&str| Piece { path: (*path).into(), source: [7; 32], fill: Box::new(|_| Ok(())) };
        paths.iter().map(piece).collect()
    }

    fn planned(paths: &[&str]) -> Vec<(String, [u8; 32])> {
        let mut pieces = pieces(paths);
        let wanted = plan(&mut pieces);
        let endings = |wanted: &Wanted| wanted.codecs().map(Codec::ending).collect::<Vec<_>>().concat();
        wanted.iter().map(endings).zip(pieces.iter().map(|piece| piece.source)).collect()
    }

    #[test]
    fn kinds_that_compress_well_have_all_of_them_and_their_sources_say_so() {
        let compressed = ["a.css", "a.html", "a.ico", "a.js", "a.json", "a.md", "a.svg", "a.txt", "a.wasm", "a.xml"];
        for (endings, source) in planned(&[&compressed[..], &["b.webmanifest", "feed.xml"]].concat()) {
            assert!(endings == ".br.gz.zst" && source != [7; 32]);
        }
        let others =
            ["a.avif", "a.br", "a.gif", "a.gz", "a.jpg", "a.png", "a.unknown", "a.woff2", "a.zip", "a.zst", "b"];
        assert!(planned(&others).into_iter().all(|plan| plan == (String::new(), [7; 32])));
    }

    #[test]
    fn what_a_builder_left_under_their_names_is_the_builders() {
        let with = planned(&["a.html", "a.html.gz", "b.html", "b.html.br/c", "b.html.zst"]);
        let endings: Vec<_> = with.iter().map(|(endings, _)| endings.as_str()).collect();
        assert_eq!(endings, [".br.zst", "", ".gz", "", ""]);
        let without = planned(&["a.html"]);
        assert_ne!(with[0].1, without[0].1, "when theirs goes, the file is made anew and ours comes");
    }

    #[test]
    fn of_many_pieces_small_ones_have_none_and_the_sources_tell() {
        assert_eq!([smallest(1), smallest(MANY - 1), smallest(MANY)], [SMALLEST, SMALLEST, SMALLEST_OF_MANY]);
        let source = |count: usize| planned(&vec!["a.html"; count])[0].1;
        assert_eq!(source(1), source(2));
        assert_ne!(source(1), source(MANY));
    }

    #[test]
    fn one_that_saves_less_than_a_tenth_is_not_worthwhile() {
        assert!(is_worthwhile(2000, 1800) && !is_worthwhile(2000, 1801));
        assert!(is_worthwhile(u64::MAX, u64::MAX / 2) && !is_worthwhile(u64::MAX, u64::MAX));
    }
}
