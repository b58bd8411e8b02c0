//! `autoswe-journey scan`, as the program that people run.

use std::io::Write;
use std::path::Path;
use std::process::{Command, Output, Stdio};

/// A token in the shape of a vendor's, put together here so that no scanner finds one in this file.
fn token() -> String {
    ["gh", "p_", "q7Rk2mX9Zt4Lw8Ny3Vb6Hc1Jd5Fs0GaPeUiT"].concat()
}

fn scan(directory: &Path, arguments: &[&str], input: &[u8]) -> Output {
    finish(
        Command::new(env!("CARGO_BIN_EXE_autoswe-journey")).arg("scan").args(arguments).current_dir(directory),
        input,
    )
}

fn finish(command: &mut Command, input: &[u8]) -> Output {
    let piped = command.env_clear().stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = piped.spawn().expect("the program starts");
    let mut stdin = child.stdin.take().expect("a pipe");
    std::thread::scope(|scope| {
        scope.spawn(move || stdin.write_all(input));
        child.wait_with_output().expect("the program ends")
    })
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[test]
fn clean_files_end_with_code_0() {
    let directory = tempfile::tempdir().expect("a directory");
    std::fs::write(directory.path().join("a.md"), "# Nothing\n").expect("a file");
    let output = scan(directory.path(), &["."], b"");
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    assert!(text(&output.stdout).starts_with("nothing found in 1 file, 10 B, with "), "{}", text(&output.stdout));
    assert_eq!(text(&output.stderr), "");
}

#[test]
fn what_is_found_is_told_in_order_without_the_value() {
    let directory = tempfile::tempdir().expect("a directory");
    std::fs::create_dir_all(directory.path().join("b/.hidden")).expect("a directory");
    let token = token();
    for name in ["c.txt", "a.txt", "b/.hidden/x"] {
        std::fs::write(directory.path().join(name), format!("one\n  {token} \n")).expect("a file");
    }
    std::fs::write(directory.path().join(format!("d-{token}")), "clean").expect("a file");
    let output = scan(directory.path(), &["."], b"");
    assert_eq!(output.status.code(), Some(1), "{}", text(&output.stderr));
    let told = text(&output.stdout);
    let places: Vec<_> = told.lines().map(|line| line.split(": ").next().unwrap_or_default()).collect();
    assert_eq!(places[..3], ["./a.txt:2:3", "./b/.hidden/x:2:3", "./c.txt:2:3"]);
    assert!(places[3].starts_with("./d-["), "{told}");
    assert!(!told.contains(&token) && !text(&output.stderr).contains(&token), "{told}");
}

#[test]
fn json_is_one_object_per_finding() {
    let directory = tempfile::tempdir().expect("a directory");
    let input = format!("{}\n\"{}\"", token(), token().replace('_', "\\u005f"));
    let output = scan(directory.path(), &["--json", "-"], input.as_bytes());
    assert_eq!(output.status.code(), Some(1));
    let told = text(&output.stdout);
    let objects: Vec<serde_json::Value> = told.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    assert_eq!(objects.len(), 2, "{told}");
    assert_eq!((&objects[0]["file"], &objects[0]["line"]), (&"(standard input)".into(), &1.into()));
    assert_eq!(objects[0]["fingerprint"], objects[1]["fingerprint"]);
    assert_eq!(objects[1]["layers"], serde_json::json!(["json"]));
}

#[test]
fn what_cannot_be_scanned_ends_with_code_2_and_hides_no_finding() {
    let directory = tempfile::tempdir().expect("a directory");
    let at = |name: &str| directory.path().join(name);
    std::fs::write(at("a.txt"), token()).expect("a file");
    std::fs::write(at("b.7z"), b"7z\xbc\xaf\x27\x1c\0\x04").expect("a file");
    let pipe = Command::new("mkfifo").arg(at("c")).status().expect("mkfifo");
    assert!(pipe.success());
    let output = scan(directory.path(), &[".", "missing", "/dev/null"], b"");
    assert_eq!(output.status.code(), Some(2));
    assert!(text(&output.stdout).contains("a.txt:1:1: "), "{}", text(&output.stdout));
    let complaints = text(&output.stderr);
    for name in ["./b.7z: ", "./c: ", "missing: ", "/dev/null: "] {
        assert!(complaints.contains(&format!("{name}could not be scanned")), "{name}: {complaints}");
    }
}

#[test]
fn links_are_named_and_not_followed() {
    let directory = tempfile::tempdir().expect("a directory");
    let outside = tempfile::tempdir().expect("a directory");
    std::fs::write(outside.path().join("secret"), token()).expect("a file");
    std::os::unix::fs::symlink(outside.path().join("secret"), directory.path().join("link")).expect("a link");
    let output = scan(directory.path(), &["."], b"");
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stdout));
    assert!(text(&output.stderr).contains("./link: a symbolic link, not followed"), "{}", text(&output.stderr));
    let output = scan(directory.path(), &["link"], b"");
    assert_eq!(output.status.code(), Some(1), "one that is named is followed");
}

#[test]
fn the_pointer_of_a_release_is_no_secret_and_any_other_target_is_looked_at() {
    let directory = tempfile::tempdir().expect("a directory");
    let link = |target: &str, name: &str| std::os::unix::fs::symlink(target, directory.path().join(name));
    let hash = "ee500bd5ca3f2b0e6defe0c1ac08b0b924acbc280c86e6e35cdd8d867cb3567b";
    link(&format!("releases/{hash}"), "current").expect("a link");
    let output = scan(directory.path(), &["--public", "."], b"");
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stdout));
    link(&format!("releases/{}", token()), "other").expect("a link");
    assert_eq!(scan(directory.path(), &["."], b"").status.code(), Some(1));
}

#[test]
fn rules_of_ones_own_are_looked_for_and_bad_ones_refused() {
    let directory = tempfile::tempdir().expect("a directory");
    let rules =
        "[[rules]]\nid = 'acme'\nregex = '''acme-[0-9]{4}'''\nkeywords = ['acme-']\ndescription = 'An Acme id'\n";
    std::fs::write(directory.path().join("rules.toml"), rules).expect("a file");
    let output = scan(directory.path(), &["--rules", "rules.toml", "-"], b"id acme-1234");
    assert_eq!(text(&output.stdout).lines().next(), Some("(standard input):1:4: acme (An Acme id)"));
    std::fs::write(directory.path().join("rules.toml"), "[[rules]]\nid = 'acme'\nregex = '(?=a)'").expect("a file");
    let output = scan(directory.path(), &["--rules", "rules.toml", "-"], b"clean");
    assert_eq!(output.status.code(), Some(2));
    assert!(text(&output.stderr).contains("rules.toml: rule acme: "), "{}", text(&output.stderr));
}

#[test]
fn excluded_files_are_counted() {
    let directory = tempfile::tempdir().expect("a directory");
    std::fs::write(directory.path().join("a.log"), token()).expect("a file");
    let output = scan(directory.path(), &["--exclude", "**/*.log", "."], b"");
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    assert!(text(&output.stdout).ends_with("; 1 was excluded\n"), "{}", text(&output.stdout));
}

/// `AUTOSWE_SCAN_MB` makes it longer than the 40 MB that are more than the memory it has.
#[test]
fn a_line_longer_than_its_memory_is_scanned_to_its_end() {
    let directory = tempfile::tempdir().expect("a directory");
    let megabytes = std::env::var("AUTOSWE_SCAN_MB").map_or(40, |size| size.parse().expect("a number"));
    let piece = "{\\\"a\\\":\\\"some text\\\\nwith 0123456789abcdef0123456789abcdef01234567 and more\\\"},".repeat(14);
    let mut line = piece.repeat(megabytes * 1_000_000 / piece.len()).into_bytes();
    line.extend_from_slice(token().as_bytes());
    let column = line.len() - token().len() + 1;
    // Data that a process may have in KiB: heap, stacks of threads and anonymous maps.
    let limited = ["-c", "ulimit -d 32768 && exec \"$0\" scan -", env!("CARGO_BIN_EXE_autoswe-journey")];
    let output = finish(Command::new("sh").args(limited).current_dir(directory.path()), &line);
    assert_eq!(output.status.code(), Some(1), "{}", text(&output.stderr));
    assert!(text(&output.stdout).starts_with(&format!("(standard input):1:{column}: ")), "{}", text(&output.stdout));
}
