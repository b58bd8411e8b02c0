//! The state on the disk, torn and garbled at every place.

use super::*;

fn read_twice() -> (Home, Ledger) {
    let home = Home::new();
    home.write("a", lines(&[call("a", 1, [1, 10, 1, 1], "toolu_1")]) + "broken\n");
    home.write("b", lines(&[answer("b", 2, [2, 20, 2, 2])]));
    home.read();
    home.append("b", lines(&[answer("c", 3, [3, 30, 3, 3])]));
    let ledger = home.read();
    assert_eq!(ledger, home.read_anew());
    (home, ledger)
}

fn state_files(home: &Home) -> Vec<PathBuf> {
    let entries = fs::read_dir(home.path("journey/transcripts")).unwrap();
    let mut files: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files
}

#[test]
fn the_state_is_for_its_user_alone() {
    use std::os::unix::fs::PermissionsExt;
    let (home, _) = read_twice();
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&home.path("journey/transcripts")), 0o700);
    let modes: Vec<u32> = state_files(&home).iter().map(|file| mode(file)).collect();
    assert_eq!(modes, [0o600; 3]);
}

#[test]
fn a_state_that_is_cut_at_any_length_is_noticed_and_built_anew() {
    let (home, ledger) = read_twice();
    for name in ["index.bin", "pieces-1.bin"] {
        let whole = fs::read(home.state(name)).unwrap();
        for length in 0..whole.len() {
            fs::write(home.state(name), &whole[..length]).unwrap();
            let mut store = Store::open(home.path("journey/transcripts"));
            assert_eq!(store.load(), State::default(), "{name} cut to {length} bytes");
            drop(store);
            if length % 97 == 0 {
                assert_eq!(home.read(), ledger, "{name} cut to {length} bytes");
                fs::rename(home.state("index.bin"), home.path("index")).unwrap();
                fs::remove_dir_all(home.path("journey")).unwrap();
                assert_eq!(home.read(), ledger);
            }
        }
        fs::write(home.state(name), &whole).unwrap();
        assert_eq!(home.read(), ledger);
    }
}

#[test]
fn a_state_with_any_byte_changed_is_noticed() {
    let (home, _) = read_twice();
    for name in ["index.bin", "pieces-1.bin"] {
        let whole = fs::read(home.state(name)).unwrap();
        for at in 0..whole.len() {
            let mut changed = whole.clone();
            changed[at] ^= 0x10;
            fs::write(home.state(name), &changed).unwrap();
            let mut store = Store::open(home.path("journey/transcripts"));
            assert_eq!(store.load(), State::default(), "{name} changed at {at}");
        }
        fs::write(home.state(name), &whole).unwrap();
    }
}

#[test]
fn a_write_that_was_cut_anywhere_leaves_the_old_state() {
    let (home, ledger) = read_twice();
    let (index, pieces) = (fs::read(home.state("index.bin")).unwrap(), fs::read(home.state("pieces-1.bin")).unwrap());
    home.append("a", lines(&[answer("d", 4, [4, 40, 4, 4])]));
    let later = home.read();
    let appended = fs::read(home.state("pieces-1.bin")).unwrap();
    let new_index = fs::read(home.state("index.bin")).unwrap();
    assert!(appended.starts_with(&pieces) && appended.len() > pieces.len());
    for length in pieces.len()..=appended.len() {
        fs::write(home.state("index.bin"), &index).unwrap();
        fs::write(home.state("pieces-1.bin"), &appended[..length]).unwrap();
        fs::write(home.state("index.new"), &new_index[..length % new_index.len()]).unwrap();
        let state = Store::open(home.path("journey/transcripts")).load();
        assert_eq!(state.pieces.len(), 3, "cut at {length}");
        assert_eq!(home.read(), later, "cut at {length}");
        assert_eq!(fs::read(home.state("pieces-1.bin")).unwrap(), appended);
    }
    assert_ne!(ledger, later);
}

#[test]
fn what_is_rewritten_leaves_one_file_of_pieces() {
    let (home, _) = read_twice();
    home.write("b", lines(&[answer("b", 2, [2, 21, 2, 2])]));
    let ledger = home.read();
    assert_eq!(ledger, home.read_anew());
    let names: Vec<_> = state_files(&home).iter().map(|path| path.file_name().unwrap().to_owned()).collect();
    assert_eq!(names, ["index.bin", "lock", "pieces-2.bin"]);
}

#[test]
fn where_nothing_can_be_kept_everything_is_still_read() {
    let home = Home::new();
    home.write("a", lines(&[answer("a", 1, [1; 4])]));
    fs::write(home.path("journey"), "a file").unwrap();
    assert_eq!(tokens(&home.read()), [[1; 4]]);
    assert_eq!(tokens(&home.read()), [[1; 4]]);
}

#[test]
fn while_another_process_keeps_the_state_it_is_not_written_to() {
    let (home, ledger) = read_twice();
    let index = fs::read(home.state("index.bin")).unwrap();
    let other = Store::open(home.path("journey/transcripts"));
    home.append("a", lines(&[answer("d", 4, [4; 4])]));
    assert_eq!(home.read().turns.len(), ledger.turns.len() + 1);
    assert_eq!(fs::read(home.state("index.bin")).unwrap(), index);
    drop(other);
    home.read();
    assert_ne!(fs::read(home.state("index.bin")).unwrap(), index);
}

#[test]
fn nothing_new_writes_nothing() {
    let (home, ledger) = read_twice();
    let before = fs::metadata(home.state("index.bin")).unwrap().modified().unwrap();
    assert_eq!(home.read(), ledger);
    assert_eq!(fs::metadata(home.state("index.bin")).unwrap().modified().unwrap(), before);
}
