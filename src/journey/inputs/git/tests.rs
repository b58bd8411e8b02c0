//! Real repositories, made with fixed dates and authors.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::*;

struct Stage {
    directory: tempfile::TempDir,
}

/// Seconds of the `n`th minute of 2026-11-22.
fn at(minute: i64) -> i64 {
    1_795_305_600 + minute * 60
}

fn time(minute: i64) -> Time {
    Time::from_second(at(minute)).unwrap()
}

/// Runs git in `place` with a fixed identity and date; returns what it prints.
fn git(place: &Path, minute: i64, arguments: &[&str]) -> String {
    let date = format!("{} +0000", at(minute));
    let output = Command::new("git")
        .args(["-c", "user.name=A", "-c", "user.email=a@example.org", "-c", "commit.gpgSign=false"])
        .args(["-c", "init.defaultBranch=main", "-c", "core.hooksPath=/dev/null"])
        .args(arguments)
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .env("GIT_CONFIG_NOSYSTEM", "1")
        .envs([("GIT_AUTHOR_DATE", &date), ("GIT_COMMITTER_DATE", &date)])
        .current_dir(place)
        .output()
        .unwrap();
    assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

impl Stage {
    fn new() -> Self {
        let stage = Stage { directory: tempfile::tempdir().unwrap() };
        fs::create_dir(stage.repository()).unwrap();
        git(&stage.repository(), 0, &["init", "-q"]);
        stage
    }

    fn repository(&self) -> PathBuf {
        self.directory.path().join("repository")
    }

    fn kept(&self) -> PathBuf {
        self.directory.path().join("kept")
    }

    fn git(&self, minute: i64, arguments: &[&str]) -> String {
        git(&self.repository(), minute, arguments)
    }

    /// Commits `lines` lines to `name`; returns the hash.
    fn commit(&self, minute: i64, name: &str, lines: usize) -> String {
        fs::write(self.repository().join(name), "x\n".repeat(lines)).unwrap();
        self.git(minute, &["add", "-A"]);
        self.git(minute, &["commit", "-q", "--allow-empty", "-m", &format!("{name} {lines}")]);
        self.git(minute, &["rev-parse", "HEAD"])
    }

    fn read(&self, question: &Question) -> (Option<Commits>, Option<String>) {
        commits(&look(&self.repository()).unwrap(), question, &self.kept())
    }

    /// Subjects by time; read on from what is kept and anew, which must be the same.
    fn subjects(&self, question: &Question) -> Vec<String> {
        let (on, failure) = self.read(question);
        assert_eq!(failure, None);
        let fresh = tempfile::tempdir().unwrap();
        let anew = commits(&look(&self.repository()).unwrap(), question, fresh.path()).0.unwrap();
        let on = on.unwrap();
        assert_eq!((on.list.clone(), on.whole), (anew.list, anew.whole), "reading on differs from reading anew");
        on.list.into_iter().map(|commit| commit.subject).collect()
    }
}

fn all() -> Question {
    Question::default()
}

fn naming(names: &[&str]) -> Question {
    Question { named: names.iter().map(|name| (*name).to_owned()).collect(), ..all() }
}

#[test]
fn commits_come_with_their_numbers() {
    let stage = Stage::new();
    let first = stage.commit(1, "a b\t\"c\"\n", 5);
    fs::write(stage.repository().join("blob"), [0, 1, 2]).unwrap();
    stage.commit(2, "a b\t\"c\"\n", 3);
    let (commits, failure) = stage.read(&all());
    let commits = commits.unwrap();
    assert_eq!((failure, commits.whole, commits.list.len()), (None, true, 2));
    let one = &commits.list[0];
    assert_eq!((one.hash.as_str(), one.at, one.changed), (first.as_str(), Some(time(1)), Some((5, 0))));
    assert_eq!(commits.list[1].changed, Some((0, 2)), "a binary file has no lines");
    assert_eq!(commits.list[1].parents, [first]);
}

#[test]
fn only_the_time_of_the_run_is_wanted() {
    let stage = Stage::new();
    for minute in 1..6 {
        stage.commit(minute, "a", usize::try_from(minute).unwrap());
    }
    let since = |minute| Question { since: Some(time(minute)), ..all() };
    assert_eq!(stage.subjects(&since(4)), ["a 4", "a 5"]);
    assert_eq!(stage.subjects(&since(5)), ["a 5"]);
    assert_eq!(stage.subjects(&since(2)), ["a 2", "a 3", "a 4", "a 5"], "an earlier beginning is asked for anew");
    assert_eq!(stage.subjects(&all()).len(), 5);
    assert_eq!(stage.subjects(&since(9)), Vec::<String>::new());
    stage.commit(10, "a", 10);
    assert_eq!(stage.subjects(&since(9)), ["a 10"]);
}

#[test]
fn nothing_new_starts_no_child() {
    let stage = Stage::new();
    stage.commit(1, "a", 1);
    let named = naming(&["0123456789012345678901234567890123456789", "0123456"]);
    let before = stage.read(&named);
    // Whatever git is asked for now fails.
    fs::rename(stage.repository().join(".git/objects"), stage.repository().join(".git/gone")).unwrap();
    let after = stage.read(&named);
    assert_eq!((after.0.unwrap().list, after.1), (before.0.unwrap().list, None));
    // A new tip is one thing that must be asked for.
    fs::write(stage.repository().join(".git/refs/heads/main"), format!("{:040}\n", 7)).unwrap();
    let (commits, failure) = stage.read(&named);
    assert!(commits.is_none() && failure.unwrap().contains("git log of"));
}

#[test]
fn what_was_taken_back_is_gone_unless_it_is_named() {
    let stage = Stage::new();
    let first = stage.commit(1, "a", 1);
    let second = stage.commit(2, "a", 2);
    assert_eq!(stage.subjects(&all()), ["a 1", "a 2"]);
    stage.git(3, &["reset", "-q", "--hard", &first]);
    assert_eq!(stage.subjects(&all()), ["a 1"]);
    assert_eq!(stage.subjects(&naming(&[&second])), ["a 1", "a 2"]);
    let third = stage.commit(4, "a", 3);
    assert_eq!(stage.subjects(&naming(&[&second])), ["a 1", "a 2", "a 3"]);
    let (commits, _) = stage.read(&naming(&[&second]));
    let reachable: Vec<bool> = commits.unwrap().list.iter().map(|commit| commit.reachable).collect();
    assert_eq!(reachable, [true, false, true]);
    // Back to where it was: nothing is new, and nothing is forgotten.
    stage.git(5, &["reset", "-q", "--hard", &second]);
    assert_eq!(stage.subjects(&all()), ["a 1", "a 2"]);
    stage.git(5, &["merge", "-q", "--no-ff", "-m", "both", "-X", "ours", &third]);
    assert_eq!(stage.subjects(&all()), ["a 1", "a 2", "a 3", "both"]);
    let (commits, _) = stage.read(&all());
    assert_eq!(commits.unwrap().list[3].changed, None, "a merge has no lines of its own");
}

#[test]
fn a_history_with_a_date_that_goes_back_is_read_whole() {
    let stage = Stage::new();
    stage.commit(10, "a", 1);
    stage.commit(1, "a", 2);
    stage.commit(11, "a", 3);
    let since = Question { since: Some(time(5)), ..all() };
    assert_eq!(stage.subjects(&since), ["a 1", "a 3"]);
    stage.commit(12, "a", 4);
    assert_eq!(stage.subjects(&since), ["a 1", "a 3", "a 4"]);
    stage.git(13, &["reset", "-q", "--hard", "HEAD~2"]);
    assert_eq!(stage.subjects(&since), ["a 1"]);
}

#[test]
fn every_form_of_repository_is_looked_at() {
    let stage = Stage::new();
    assert_eq!(look(&stage.repository()).unwrap().tip, Tip::Unborn);
    assert_eq!(stage.subjects(&all()), Vec::<String>::new());
    let first = stage.commit(1, "a", 1);
    let second = stage.commit(2, "a", 2);
    let tip = |place: &Path| look(place).unwrap().tip;
    assert_eq!(tip(&stage.repository()), Tip::Hash(second.clone()));
    stage.git(3, &["checkout", "-q", "--detach", &first]);
    assert_eq!((tip(&stage.repository()), stage.subjects(&all())), (Tip::Hash(first.clone()), vec!["a 1".to_owned()]));
    stage.git(3, &["checkout", "-q", "main"]);
    stage.git(3, &["pack-refs", "--all"]);
    assert_eq!(tip(&stage.repository()), Tip::Hash(second.clone()));
    let place = |name: &str| stage.directory.path().join(name);
    let path = |name: &str| place(name).display().to_string();
    stage.git(3, &["worktree", "add", "-q", "-b", "side", &path("tree"), &first]);
    assert_eq!(tip(&place("tree")), Tip::Hash(first.clone()));
    let (commits, failure) = super::commits(&look(&place("tree")).unwrap(), &all(), &stage.kept());
    assert_eq!((commits.unwrap().list.len(), failure), (1, None));
    stage.git(3, &["clone", "-q", "--bare", ".", &path("bare")]);
    assert_eq!(tip(&place("bare")), Tip::Hash(second.clone()));
    let source = format!("file://{}", stage.repository().display());
    git(stage.directory.path(), 3, &["clone", "-q", "--depth", "1", &source, "shallow"]);
    let shallow = look(&place("shallow")).unwrap();
    assert_eq!((shallow.shallow.clone(), shallow.tip.clone()), (vec![second.clone()], Tip::Hash(second)));
    let list = super::commits(&shallow, &all(), &place("other")).0.unwrap().list;
    assert_eq!((list.len(), list[0].changed), (1, None), "its first commit would count the whole tree");
}

#[test]
fn refs_in_tables_are_left_to_git() {
    let stage = Stage::new();
    let place = stage.directory.path().join("tables");
    fs::create_dir(&place).unwrap();
    let init = Command::new("git").args(["init", "-q", "--ref-format=reftable"]).arg(&place).output().unwrap();
    if !init.status.success() {
        // A git before 2.45 has no such form: the one that it cannot make cannot be in its way.
        assert!(String::from_utf8_lossy(&init.stderr).contains("ref-format"));
        return;
    }
    fs::write(place.join("a"), "x\n").unwrap();
    git(&place, 1, &["add", "-A"]);
    git(&place, 1, &["commit", "-q", "-m", "one"]);
    let before = look(&place).unwrap();
    assert!(matches!(before.tip, Tip::Unknown(_)), "{before:?}");
    assert_eq!(commits(&before, &all(), &stage.kept()).0.unwrap().list.len(), 1);
    git(&place, 2, &["commit", "-q", "--allow-empty", "-m", "two"]);
    let after = look(&place).unwrap();
    assert_ne!(before.tip, after.tip);
    assert_eq!(commits(&after, &all(), &stage.kept()).0.unwrap().list.len(), 2);
}

#[test]
fn what_is_no_repository_is_named_with_the_mend() {
    let directory = tempfile::tempdir().unwrap();
    let why = look(directory.path()).unwrap_err();
    assert!(why.contains("no git repository at") && why.contains("journey.repository"), "{why}");
    rustix::fs::mkfifoat(rustix::fs::CWD, directory.path().join(".git"), rustix::fs::Mode::RWXU).unwrap();
    assert!(look(directory.path()).is_err(), "and a FIFO hangs nothing");
    fs::remove_file(directory.path().join(".git")).unwrap();
    fs::create_dir(directory.path().join(".git")).unwrap();
    assert!(look(directory.path()).unwrap_err().contains("has no HEAD"));
    for head in ["", "nonsense", "ref: refs/../../etc/passwd", "ref: HEAD", "ref: refs/heads/.invalid"] {
        fs::write(directory.path().join(".git/HEAD"), head).unwrap();
        let repository = look(directory.path()).unwrap();
        assert!(matches!(repository.tip, Tip::Unknown(_)), "{head}: {repository:?}");
        let (commits, failure) = commits(&repository, &all(), &directory.path().join("kept"));
        assert!(commits.is_none() && failure.is_some(), "{head}");
    }
}

/// A repository that would run a program in every way that is known; the program leaves a mark.
#[test]
fn a_hostile_repository_runs_nothing() {
    let stage = Stage::new();
    let mark = stage.directory.path().join("mark");
    let program = stage.directory.path().join("program");
    fs::write(&program, format!("#!/bin/sh\ntouch {}\ncat \"$@\" 2>/dev/null\nexit 0\n", mark.display())).unwrap();
    fs::set_permissions(&program, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    fs::write(stage.repository().join(".gitattributes"), "* diff=bad merge=bad filter=bad\n").unwrap();
    stage.commit(1, "a", 1);
    stage.commit(2, "a", 2);
    // A signed commit, so that there is something to check.
    let body = stage.git(3, &["cat-file", "commit", "HEAD"]);
    let signed =
        body.replacen("\n\n", "\ngpgsig -----BEGIN PGP SIGNATURE-----\n \n x\n -----END PGP SIGNATURE-----\n\n", 1);
    let object = stage.directory.path().join("object");
    fs::write(&object, signed).unwrap();
    let hash = stage.git(3, &["hash-object", "-t", "commit", "-w", &object.display().to_string()]);
    stage.git(3, &["update-ref", "refs/heads/main", &hash]);
    let program = program.display().to_string();
    for name in [
        "core.fsmonitor",
        "core.pager",
        "pager.log",
        "core.sshCommand",
        "core.editor",
        "diff.external",
        "diff.bad.command",
        "diff.bad.textconv",
        "merge.bad.driver",
        "filter.bad.clean",
        "filter.bad.smudge",
        "gpg.program",
        "credential.helper",
        "sequence.editor",
        "core.gitProxy",
        "uploadpack.packObjectsHook",
    ] {
        stage.git(3, &["config", name, &program]);
    }
    for (name, value) in
        [("log.showSignature", "true"), ("log.diffMerges", "remerge"), ("diff.orderFile", "/dev/stdin")]
    {
        stage.git(3, &["config", name, value]);
    }
    let hooks = stage.repository().join(".git/hooks");
    fs::create_dir_all(&hooks).unwrap();
    for hook in ["post-checkout", "pre-auto-gc", "reference-transaction", "post-index-change", "fsmonitor-watchman"] {
        fs::copy(&program, hooks.join(hook)).unwrap();
    }
    fs::write(stage.repository().join(".git/info/attributes"), "* diff=bad\n").unwrap();
    fs::remove_file(&mark).ok();
    let (commits, failure) = stage.read(&naming(&["0123456789012345678901234567890123456789"]));
    assert_eq!((commits.unwrap().list.len(), failure), (2, None));
    assert!(!mark.exists(), "a program of the repository was run");
    // The trap works: git itself, asked plainly, walks into it.
    let plain = Command::new("git").args(["log", "-p"]).current_dir(stage.repository()).output().unwrap();
    assert!(mark.exists(), "{}", String::from_utf8_lossy(&plain.stderr));
}

#[test]
fn an_answer_in_pieces_is_read_as_one() {
    let text = "\0aaaa 100 bbbb\x1fsubject \x1f with it\n\n3\t4\tname\n-\t-\tblob\n1\t0\t\"a\\nb\"\n\0bbbb 50 \x1f\n";
    for size in 1..text.len() {
        let mut answer = log::Answer::counted();
        text.as_bytes().chunks(size).for_each(|part| answer.take(part));
        let commits = answer.commits();
        assert_eq!(commits.len(), 2);
        assert_eq!((commits[0].changed, commits[0].subject.as_str()), (Some((4, 4)), "subject   with it"));
        assert_eq!((commits[1].hash.as_str(), commits[1].changed), ("bbbb", Some((0, 0))));
    }
}
