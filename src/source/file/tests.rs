use std::os::unix::fs::symlink;
use std::time::SystemTime;

use jiff::SignedDuration;

use super::*;

const MAX: u64 = 1 << 16;

fn dir() -> tempfile::TempDir {
    tempfile::tempdir().unwrap()
}

fn failure<T: std::fmt::Debug>(reading: Reading<T>) -> Failure {
    match reading {
        Reading::Failed(failure) => failure,
        other => panic!("expected a failure, found {other:?}"),
    }
}

/// A time at which a file written now has settled.
fn later() -> Time {
    Time::now() + SignedDuration::from_secs(10)
}

fn text(file: &mut Bounded, _: &Metadata) -> Result<String, String> {
    let mut text = String::new();
    file.read_to_string(&mut text).map_err(|error| error.to_string())?;
    Ok(text)
}

fn cached(path: &Path) -> Cached<String> {
    Cached::new("notes", path.to_owned(), MAX)
}

#[test]
fn a_file_that_is_not_there_is_missing() {
    let dir = dir();
    let path = dir.path().join("absent");
    assert_eq!(cached(&path).read_stream(later(), text), Reading::Missing(format!("no notes at {}", path.display())));
    std::fs::write(dir.path().join("file"), "").unwrap();
    let below_a_file = dir.path().join("file/notes");
    assert!(matches!(open_regular("notes", &below_a_file), Reading::Missing(_)));
    symlink(dir.path().join("nowhere"), dir.path().join("dangling")).unwrap();
    assert!(matches!(open_regular("notes", &dir.path().join("dangling")), Reading::Missing(_)));
}

#[test]
fn a_fifo_a_directory_a_socket_and_a_device_are_named_and_not_waited_for() {
    let dir = dir();
    let fifo = dir.path().join("fifo");
    rustix::fs::mkfifoat(rustix::fs::CWD, &fifo, 0o600.into()).unwrap();
    let socket = dir.path().join("socket");
    let _listener = std::os::unix::net::UnixListener::bind(&socket).unwrap();
    let cases = [
        (fifo.as_path(), "FIFO"),
        (dir.path(), "directory"),
        (&socket, "socket"),
        (Path::new("/dev/zero"), "device"),
        (Path::new("/dev/null"), "device"),
    ];
    for (path, name) in cases {
        let failure = failure(cached(path).read_stream(later(), text));
        assert_eq!(failure.kind, FailureKind::Unreadable);
        let expected = format!("notes {}: is a {name} where a regular file belongs; move it away", path.display());
        assert_eq!(failure.message, expected);
    }
}

#[test]
fn a_symbolic_link_to_an_endless_device_is_refused() {
    let dir = dir();
    let path = dir.path().join("endless");
    symlink("/dev/zero", &path).unwrap();
    assert!(failure(read_bounded("notes", &path, MAX)).message.contains("is a device"));
}

#[test]
fn a_symbolic_link_loop_and_an_endless_name_are_failures_not_absences() {
    let dir = dir();
    let path = dir.path().join("a");
    symlink(&path, dir.path().join("b")).unwrap();
    symlink(dir.path().join("b"), &path).unwrap();
    assert!(failure(open_regular("notes", &path)).message.contains("leads back to itself"));
    let long = dir.path().join("x".repeat(300));
    assert_eq!(failure(open_regular("notes", &long)).kind, FailureKind::Unreadable);
}

#[test]
fn a_refusal_names_the_mend() {
    let denied = Error::from(Errno::ACCESS);
    assert!(with_mend(&denied).ends_with("let this program's user read it (chmod, chown)"));
}

#[test]
fn a_regular_file_that_the_kernel_feeds_without_end_is_bounded() {
    // Sparse: 1 TiB of zeros that takes no room, as endless as a regular file gets.
    let dir = dir();
    let path = dir.path().join("sparse");
    File::create(&path).unwrap().set_len(1 << 40).unwrap();
    let failure = failure(cached(&path).read(|bytes, _| Ok(bytes.len().to_string())));
    assert_eq!(failure.kind, FailureKind::Unreadable);
    assert!(failure.message.ends_with("larger than the 65536 bytes that are read at most"), "{failure}");
}

#[test]
fn a_file_of_exactly_the_bound_is_read() {
    let dir = dir();
    let path = dir.path().join("full");
    std::fs::write(&path, vec![b'x'; 65_536]).unwrap();
    assert_eq!(read_bounded("notes", &path, MAX).observed().unwrap().0.len(), 65_536);
    std::fs::write(&path, vec![b'x'; 65_537]).unwrap();
    assert!(matches!(read_bounded("notes", &path, MAX), Reading::Failed(_)));
}

#[test]
fn a_rewound_file_is_bounded_anew() {
    let dir = dir();
    let path = dir.path().join("twice");
    std::fs::write(&path, vec![b'x'; 40_000]).unwrap();
    let reading = cached(&path).read_stream(later(), |file, metadata| {
        text(file, metadata)?;
        file.rewind().unwrap();
        text(file, metadata)
    });
    assert_eq!(reading.observed().unwrap().len(), 40_000);
}

#[test]
fn a_settled_file_is_parsed_once() {
    let dir = dir();
    let path = dir.path().join("notes");
    std::fs::write(&path, "one").unwrap();
    let mut cached = cached(&path);
    for _ in 0..3 {
        assert_eq!(cached.read_stream(later(), text), Reading::Observed("one".into()));
    }
    assert_eq!(cached.parses(), 1);
}

#[test]
fn a_file_changed_a_moment_ago_is_not_trusted() {
    let dir = dir();
    let path = dir.path().join("notes");
    std::fs::write(&path, "one").unwrap();
    let mut cached = cached(&path);
    let now = Time::now();
    assert_eq!(cached.read_stream(now, text), Reading::Observed("one".into()));
    // Same size, within the same tick of the file's clock as far as anybody can tell.
    std::fs::write(&path, "two").unwrap();
    assert_eq!(cached.read_stream(now, text), Reading::Observed("two".into()));
}

#[test]
fn a_forged_modification_time_does_not_hide_a_change() {
    let dir = dir();
    let path = dir.path().join("notes");
    let stamp = SystemTime::now() - Duration::from_secs(3600);
    let write = |content: &str| {
        std::fs::write(&path, content).unwrap();
        File::options().write(true).open(&path).unwrap().set_modified(stamp).unwrap();
    };
    write("one");
    let mut cached = cached(&path);
    assert_eq!(cached.read_stream(later(), text), Reading::Observed("one".into()));
    let before = std::fs::metadata(&path).unwrap();
    // The file's clock ticks every few milliseconds: write until it has ticked.
    while std::fs::metadata(&path).unwrap().ctime_nsec() == before.ctime_nsec() {
        write("two");
    }
    assert_eq!(std::fs::metadata(&path).unwrap().modified().unwrap(), before.modified().unwrap());
    assert_eq!(cached.read_stream(later(), text), Reading::Observed("two".into()));
}

#[test]
fn a_replaced_file_of_the_same_size_and_time_is_read_anew() {
    let dir = dir();
    let path = dir.path().join("notes");
    let stamp = SystemTime::now() - Duration::from_secs(3600);
    let place = |content: &str| {
        let fresh = dir.path().join("fresh");
        std::fs::write(&fresh, content).unwrap();
        File::options().write(true).open(&fresh).unwrap().set_modified(stamp).unwrap();
        std::fs::rename(&fresh, &path).unwrap();
    };
    place("one");
    let mut cached = cached(&path);
    assert_eq!(cached.read_stream(later(), text), Reading::Observed("one".into()));
    place("two");
    assert_eq!(cached.read_stream(later(), text), Reading::Observed("two".into()));
}

#[test]
fn a_file_that_grows_while_it_is_read_is_not_kept() {
    let dir = dir();
    let path = dir.path().join("notes");
    std::fs::write(&path, "one").unwrap();
    let mut cached = cached(&path);
    let reading = cached.read_stream(later(), |file, metadata| {
        let content = text(file, metadata);
        std::fs::write(&path, "one two").unwrap();
        content
    });
    assert_eq!(reading, Reading::Observed("one".into()));
    assert_eq!(cached.read_stream(later(), text), Reading::Observed("one two".into()));
}

#[test]
fn a_half_written_file_is_read_once_more() {
    let dir = dir();
    let path = dir.path().join("notes");
    std::fs::write(&path, "{\"half").unwrap();
    let mut calls = 0;
    let reading = cached(&path).read(|bytes, _| {
        calls += 1;
        if bytes.ends_with(b"}") {
            return Ok("whole".into());
        }
        std::fs::write(&path, "{\"half\": 2}").unwrap();
        Err("line 1, column 6: ends too early".into())
    });
    assert_eq!(reading, Reading::Observed("whole".into()));
    assert_eq!(calls, 2);
}

#[test]
fn a_malformed_file_is_named_and_not_parsed_again() {
    let dir = dir();
    let path = dir.path().join("notes");
    std::fs::write(&path, "?").unwrap();
    let mut cached = cached(&path);
    let malformed = |_: &mut Bounded, _: &Metadata| Err::<String, _>("line 1, column 1: no notes".to_owned());
    for _ in 0..3 {
        let failure = failure(cached.read_stream(later(), malformed));
        assert_eq!(failure.kind, FailureKind::Malformed);
        assert_eq!(failure.message, format!("notes {}: line 1, column 1: no notes", path.display()));
    }
    // Twice at the first reading, because it could have been half-written; never after.
    assert_eq!(cached.parses(), 2);
}

#[test]
fn a_vanished_file_is_missing_and_its_return_is_seen() {
    let dir = dir();
    let path = dir.path().join("notes");
    std::fs::write(&path, "one").unwrap();
    let mut cached = cached(&path);
    assert!(matches!(cached.read_stream(later(), text), Reading::Observed(_)));
    std::fs::remove_file(&path).unwrap();
    assert!(matches!(cached.read_stream(later(), text), Reading::Missing(_)));
    std::fs::create_dir(&path).unwrap();
    assert!(matches!(cached.read_stream(later(), text), Reading::Failed(_)));
    std::fs::remove_dir(&path).unwrap();
    std::fs::write(&path, "two").unwrap();
    assert_eq!(cached.read_stream(later(), text), Reading::Observed("two".into()));
}

#[test]
fn paths_start_at_home_at_the_base_or_at_the_root() {
    let base = Path::new("/base");
    let home = Some(OsStr::new("/home/me"));
    assert_eq!(resolve_in(home, base, Path::new("~/a/b")), Path::new("/home/me/a/b"));
    assert_eq!(resolve_in(home, base, Path::new("a/b")), Path::new("/base/a/b"));
    assert_eq!(resolve_in(home, base, Path::new("/a")), Path::new("/a"));
    assert_eq!(resolve_in(home, base, Path::new("~other/a")), Path::new("/base/~other/a"));
    assert_eq!(resolve_in(None, base, Path::new("~/a")), Path::new("/base/~/a"));
    assert_eq!(resolve_in(Some(OsStr::new("")), base, Path::new("~/a")), Path::new("/base/~/a"));
}
