use std::fs;
use std::io::Read;

use super::*;
use crate::check::example_now;
use crate::jsonl::{Limits, last_lines, rotated_files, tidy};

fn appender(path: &Path) -> Appender {
    Appender::new(path.to_owned(), None)
}

fn content(path: &Path) -> String {
    fs::read_to_string(path).unwrap()
}

#[test]
fn appends_line_by_line() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("a.jsonl");
    let mut one = appender(&path);
    one.append(b"1", example_now()).unwrap();
    one.append(b"2", example_now()).unwrap();
    one.sync().unwrap();
    assert_eq!(content(&path), "1\n2\n");
    assert_eq!(one.append(b"3\n4", example_now()).unwrap_err().kind(), ErrorKind::InvalidInput);
    assert_eq!(content(&path), "1\n2\n");
}

#[test]
fn a_torn_last_line_is_repaired_wherever_it_was_cut() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("a.jsonl");
    let whole = "{\"n\": 1}\n{\"n\": 2}\n";
    for cut in 0..=whole.len() {
        fs::write(&path, &whole[..cut]).unwrap();
        appender(&path).append(b"{\"n\": 3}", example_now()).unwrap();
        let repaired = content(&path);
        assert!(repaired.starts_with(&whole[..cut]), "nothing is lost: {repaired:?}");
        let tail = last_lines(&File::open(&path).unwrap(), 9, Limits::default()).unwrap();
        assert_eq!(tail.lines.last(), Some(&super::super::Line::Text(b"{\"n\": 3}".to_vec())), "{repaired:?}");
        assert!(!repaired.contains("\n\n"), "{repaired:?}");
    }
}

#[test]
fn a_line_torn_between_two_appends_is_repaired_too() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("a.jsonl");
    let mut one = appender(&path);
    one.append(b"1", example_now()).unwrap();
    OpenOptions::new().append(true).open(&path).unwrap().write_all(b"to").unwrap();
    one.append(b"2", example_now()).unwrap();
    assert_eq!(content(&path), "1\nto\n2\n");
}

#[test]
fn follows_the_path_when_the_file_was_moved_or_deleted() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("a.jsonl");
    let moved = dir.path().join("moved");
    let mut one = appender(&path);
    one.append(b"1", example_now()).unwrap();
    fs::rename(&path, &moved).unwrap();
    one.append(b"2", example_now()).unwrap();
    assert_eq!((content(&moved), content(&path)), ("1\n".into(), "2\n".into()));
    fs::remove_file(&path).unwrap();
    one.append(b"3", example_now()).unwrap();
    assert_eq!(content(&path), "3\n");
}

#[test]
fn rotates_before_the_file_grows_too_large() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("a.jsonl");
    let mut one = Appender::new(path.clone(), Some(Rotation { size: 10 }));
    assert!(!one.append(b"1234", example_now()).unwrap().rotated);
    assert!(!one.append(b"5678", example_now()).unwrap().rotated, "10 bytes are not too many");
    assert!(one.append(b"9", example_now()).unwrap().rotated);
    let rotated = rotated_files(&path).unwrap();
    assert_eq!(rotated, [dir.path().join("a.jsonl.20261122T120000.000Z")]);
    assert_eq!((content(&rotated[0]), content(&path)), ("1234\n5678\n".into(), "9\n".into()));
    // The same instant, the name being taken.
    assert!(one.append(b"a line above the size", example_now()).unwrap().rotated);
    assert!(one.append(b"x", example_now()).unwrap().rotated);
    assert_eq!(rotated_files(&path).unwrap().len(), 3);
}

#[test]
fn a_symbolic_link_is_rotated_where_it_leads() {
    let dir = tempfile::tempdir().unwrap();
    let (link, real) = (dir.path().join("link"), dir.path().join("real"));
    fs::write(&real, "1\n").unwrap();
    std::os::unix::fs::symlink(&real, &link).unwrap();
    let mut one = Appender::new(link.clone(), Some(Rotation { size: 2 }));
    one.append(b"2", example_now()).unwrap();
    assert!(link.is_symlink());
    assert_eq!((content(&real), content(&rotated_files(&link).unwrap()[0])), ("2\n".into(), "1\n".into()));
}

#[test]
fn a_lock_held_by_another_delays_the_rotation_and_not_the_line() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("a.jsonl");
    fs::write(&path, "1\n").unwrap();
    let other = File::open(&path).unwrap();
    other.lock().unwrap();
    let mut one = Appender::new(path.clone(), Some(Rotation { size: 2 }));
    assert!(!one.append(b"2", example_now()).unwrap().rotated);
    assert_eq!(content(&path), "1\n2\n");
    drop(other);
    assert!(one.append(b"3", example_now()).unwrap().rotated);
}

#[test]
fn what_is_no_file_is_an_error_and_never_waits() {
    let dir = tempfile::tempdir().unwrap();
    let fifo = dir.path().join("fifo");
    rustix::fs::mknodat(rustix::fs::CWD, &fifo, rustix::fs::FileType::Fifo, rustix::fs::Mode::RWXU, 0).unwrap();
    assert_eq!(appender(&fifo).append(b"1", example_now()).unwrap_err().kind(), ErrorKind::InvalidInput);
    assert_eq!(appender(dir.path()).append(b"1", example_now()).unwrap_err().kind(), ErrorKind::IsADirectory);
    let nowhere = dir.path().join("no/such/a.jsonl");
    assert_eq!(appender(&nowhere).append(b"1", example_now()).unwrap_err().kind(), ErrorKind::NotFound);
    appender(Path::new("/dev/null")).append(b"1", example_now()).unwrap();
}

#[test]
fn a_full_disk_is_an_error_value() {
    let full = appender(Path::new("/dev/full")).append(b"1", example_now());
    assert_eq!(full.unwrap_err().kind(), ErrorKind::StorageFull);
}

/// Every line in all files of `path`, compressed or not.
fn all_lines(path: &Path) -> Vec<String> {
    let mut lines = Vec::new();
    for file in rotated_files(path).unwrap().iter().chain([&path.to_owned()]) {
        let mut text = String::new();
        if file.extension().is_some_and(|extension| extension == "zst") {
            zstd::Decoder::new(File::open(file).unwrap()).unwrap().read_to_string(&mut text).unwrap();
        } else {
            text = content(file);
        }
        lines.extend(text.lines().map(str::to_owned));
    }
    lines
}

#[test]
fn several_appenders_and_tidiers_lose_and_join_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("a.jsonl");
    const WRITERS: usize = 4;
    const LINES: usize = 250;
    std::thread::scope(|scope| {
        for writer in 0..WRITERS {
            let path = path.clone();
            scope.spawn(move || {
                let mut one = Appender::new(path.clone(), Some(Rotation { size: 2000 }));
                for line in 0..LINES {
                    let text = format!("{writer}-{line}-{}", "x".repeat(line % 50));
                    if one.append(text.as_bytes(), example_now()).unwrap().rotated {
                        tidy(&path, usize::MAX).unwrap();
                    }
                }
            });
        }
    });
    tidy(&path, usize::MAX).unwrap();
    let mut lines = all_lines(&path);
    lines.sort();
    let mut expected: Vec<String> = (0..WRITERS)
        .flat_map(|writer| (0..LINES).map(move |line| format!("{writer}-{line}-{}", "x".repeat(line % 50))))
        .collect();
    expected.sort();
    assert_eq!(lines, expected);
    assert!(rotated_files(&path).unwrap().len() > 3);
}
