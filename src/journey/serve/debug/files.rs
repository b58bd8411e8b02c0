//! The loop's files as they are, by names of a closed list.
//!
//! Invariant: a name that is asked for is looked up, never joined to a directory. At most [`MOST`] bytes are read, whatever
//! stands at the path, and reading never waits for a writer.

use std::collections::BTreeMap;
use std::io::{Read as _, Seek as _, SeekFrom};
use std::ops::Range;
use std::path::{Path, PathBuf};

use autoswe_site::range;
use axum::http::HeaderMap;

use crate::config::Config;
use crate::journey::inputs;
use crate::observation::Reading;
use crate::source::file::open_regular;

/// As much of a file is sent, bytes.
pub(super) const MOST: u64 = 1 << 20;

/// The files, by the names under which they can be asked for.
#[derive(Debug, Clone, Default)]
pub(super) struct Files(BTreeMap<&'static str, PathBuf>);

/// Which part of a file is wanted.
#[derive(Debug, Clone)]
pub(super) enum Wanted {
    /// All of it; of a large one the last lines.
    All,
    /// The last so many bytes.
    Last(u64),
    /// What the `Range` of these headers asks for, where it is one part.
    Range(HeaderMap),
}

/// A part of a file.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Part {
    pub(super) bytes: Vec<u8>,
    /// Where it lies in the file.
    pub(super) at: Range<u64>,
    /// The file's length.
    pub(super) of: u64,
    /// It is what `Range` asked for.
    pub(super) is_range: bool,
}

/// Why there is no part.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Unread {
    /// There is no file.
    Missing,
    /// The file is shorter than what is wanted; its length.
    Beyond(u64),
    /// It cannot be read; what, where and the mend.
    Failed(String),
}

impl Files {
    /// The files that `config` names.
    pub(super) fn of(config: &Config) -> Self {
        Files(inputs::named(config).into_iter().collect())
    }

    /// Where the file called `name` lies.
    pub(super) fn find(&self, name: &str) -> Option<&Path> {
        self.0.get(name).map(PathBuf::as_path)
    }

    /// What the file at `path` is called.
    pub(super) fn name(&self, path: &Path) -> Option<&'static str> {
        self.0.iter().find(|(_, known)| known.as_path() == path).map(|(name, _)| *name)
    }

    /// All names.
    pub(super) fn names(&self) -> impl Iterator<Item = &'static str> {
        self.0.keys().copied()
    }
}

impl Wanted {
    /// Where it lies in a file of `length` bytes, and whether that is what `Range` asked for; `None` where there is nothing
    /// of it.
    fn within(&self, length: u64) -> Option<(Range<u64>, bool)> {
        let last = |count: u64| length - count.min(MOST).min(length)..length;
        match self {
            Wanted::All => Some((last(MOST), false)),
            Wanted::Last(count) => Some((last(*count), false)),
            Wanted::Range(headers) => match range::wanted(headers, usize::try_from(length).unwrap_or(usize::MAX)) {
                range::Wanted::Nothing => None,
                range::Wanted::Parts(parts) if parts.len() == 1 => {
                    let (start, end) = (parts[0].start as u64, parts[0].end as u64);
                    Some((start..end.min(start.saturating_add(MOST)), true))
                }
                // Several parts are as good as none (RFC 9110, 14.2).
                range::Wanted::Whole | range::Wanted::Parts(_) => Wanted::All.within(length),
            },
        }
    }
}

/// A number as HTTP writes it.
pub(super) fn number(text: &str) -> Option<u64> {
    text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse().ok()).flatten()
}

/// Reads what is `wanted` of the file at `path`, which is called `name`.
pub(super) fn read(name: &str, path: &Path, wanted: &Wanted) -> Result<Part, Unread> {
    let (mut file, metadata) = match open_regular(name, path) {
        Reading::Observed(opened) => opened,
        Reading::Missing(_) => return Err(Unread::Missing),
        Reading::Failed(failure) => return Err(Unread::Failed(failure.message)),
    };
    let length = metadata.len();
    let (range, is_range) = wanted.within(length).ok_or(Unread::Beyond(length))?;
    let mut bytes = Vec::new();
    let read = file.seek(SeekFrom::Start(range.start)).and_then(|_| {
        // A file that grows meanwhile is read no further; one that was cut gives less.
        file.take(range.end - range.start).read_to_end(&mut bytes)
    });
    read.map_err(|error| Unread::Failed(format!("{name}: {error}")))?;
    if is_range && bytes.is_empty() {
        // It was cut meanwhile; a part of no bytes cannot be named in `Content-Range`.
        return Err(Unread::Beyond(range.start));
    }
    let mut start = range.start;
    if start > 0 && !is_range && !matches!(wanted, Wanted::Last(_)) {
        // The first line is torn; of a file that is one line there is no better.
        let torn = bytes.iter().position(|byte| *byte == b'\n').map_or(0, |end| end + 1);
        bytes.drain(..torn);
        start += torn as u64;
    }
    Ok(Part { at: start..start + bytes.len() as u64, bytes, of: length, is_range })
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn the_list_is_closed_and_its_places_are_the_configurations() {
        let mut config = Config { runtime_dir: "/run/loop".into(), repo_root: "/srv/repo".into(), ..Config::default() };
        config.verdicts.file = "judged.jsonl".into();
        let files = Files::of(&config);
        let names: Vec<&str> = files.names().collect();
        assert_eq!(
            names,
            [
                "liveness-restarts.jsonl",
                "meta-judge.jsonl",
                "orchestrator-bypass-attempts.jsonl",
                "parity-matrix.yaml",
                "rule-refinements.jsonl",
                "state-heartbeat.json",
                "state.json",
                "system-state.jsonl",
                "verdicts.jsonl",
                "wedge-events.jsonl",
                "wedge-lessons.jsonl",
            ]
        );
        assert_eq!(files.find("verdicts.jsonl"), Some(Path::new("/run/loop/judged.jsonl")));
        assert_eq!(files.name(Path::new("/run/loop/judged.jsonl")), Some("verdicts.jsonl"));
        assert!(files.find("parity-matrix.yaml").unwrap().starts_with("/srv/repo"));
        let strange = [
            "",
            ".",
            "..",
            "judged.jsonl",
            "State.json",
            "state.json/",
            "/state.json",
            "../state.json",
            "state.json\0",
        ];
        assert!(strange.iter().all(|name| files.find(name).is_none()));
    }

    fn range(text: &str) -> Wanted {
        Wanted::Range(HeaderMap::from_iter([(axum::http::header::RANGE, text.parse().unwrap())]))
    }

    #[test]
    fn numbers_are_written_as_http_writes_them() {
        assert_eq!((number("0"), number("65536")), (Some(0), Some(65536)));
        assert!(["", "-1", "+1", "1k", " 1", "99999999999999999999"].iter().all(|text| number(text).is_none()));
    }

    fn file(content: &[u8]) -> tempfile::NamedTempFile {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), content).unwrap();
        file
    }

    fn part(content: &[u8], wanted: Wanted) -> Result<(String, Range<u64>, u64), Unread> {
        let part = read("verdicts.jsonl", file(content).path(), &wanted)?;
        Ok((String::from_utf8(part.bytes).unwrap(), part.at, part.of))
    }

    #[test]
    fn parts_of_a_file() {
        let given = |wanted| part(b"one\ntwo\n", wanted);
        assert_eq!(given(Wanted::All), Ok(("one\ntwo\n".into(), 0..8, 8)));
        assert_eq!(given(Wanted::Last(3)), Ok(("wo\n".into(), 5..8, 8)));
        assert_eq!(given(Wanted::Last(u64::MAX)), Ok(("one\ntwo\n".into(), 0..8, 8)));
        assert_eq!(given(range("bytes=1-2")), Ok(("ne".into(), 1..3, 8)));
        assert_eq!(given(range("bytes=-2")), Ok(("o\n".into(), 6..8, 8)));
        assert_eq!(given(range("bytes=7-99")), Ok(("\n".into(), 7..8, 8)));
        assert_eq!(given(range("bytes=8-")), Err(Unread::Beyond(8)));
        for none in ["bytes=0-1,4-5", "bytes=3-1", "lines=0-1", "bytes"] {
            assert_eq!(given(range(none)), Ok(("one\ntwo\n".into(), 0..8, 8)), "{none}");
        }
        assert_eq!(part(b"", Wanted::All), Ok((String::new(), 0..0, 0)));
    }

    #[test]
    fn of_a_large_file_come_its_last_whole_lines() {
        let content: String = (0..200_000).map(|number| format!("{number}\n")).collect();
        let (text, at, of) = part(content.as_bytes(), Wanted::All).unwrap();
        assert!(text.len() as u64 <= MOST && text.len() as u64 > MOST - 10 && content.ends_with(&text));
        assert_eq!((at.end, of), (of, content.len() as u64));
        assert!(content[..usize::try_from(at.start).unwrap()].ends_with('\n'), "it begins with a line");
        let (text, at, _) = part(content.as_bytes(), range("bytes=1-")).unwrap();
        assert_eq!((text.len() as u64, at), (MOST, 1..MOST + 1));
        let one_line = vec![b'x'; 3 << 20];
        assert_eq!(part(&one_line, Wanted::All).unwrap().0.len() as u64, MOST);
    }

    #[test]
    fn links_are_followed_as_the_loops_readers_follow_them_and_what_is_no_file_is_refused() {
        let directory = tempfile::tempdir().unwrap();
        let at = |name: &str| directory.path().join(name);
        std::fs::write(at("real"), "content").unwrap();
        symlink(at("real"), at("link")).unwrap();
        symlink(at("loop"), at("loop")).unwrap();
        symlink(at("nothing"), at("dangling")).unwrap();
        rustix::fs::mknodat(rustix::fs::CWD, at("fifo"), rustix::fs::FileType::Fifo, 0o600.into(), 0).unwrap();
        let read = |name: &str| read("state.json", &at(name), &Wanted::All);
        assert_eq!(read("link").unwrap().bytes, b"content");
        assert_eq!((read("dangling"), read("absent")), (Err(Unread::Missing), Err(Unread::Missing)));
        for (name, why) in [("fifo", "is a FIFO"), (".", "is a directory"), ("loop", "symbolic link")] {
            let Err(Unread::Failed(said)) = read(name) else { panic!("{name}") };
            assert!(said.contains(why), "{said}");
        }
    }
}
