//! Inputs that are cut short, garbled, or none at all; two runs at once; directories that cannot be written.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

use super::place::{Ended, Place, until};
use crate::release::stage::Site;

/// Makes something at a path.
type Make = fn(&Path);

/// What every input was, so that it can be put back.
fn inputs(place: &Place) -> Vec<(PathBuf, Vec<u8>)> {
    place.inputs().into_iter().map(|path| (path.clone(), fs::read(path).unwrap())).collect()
}

fn restore(inputs: &[(PathBuf, Vec<u8>)]) {
    for (path, bytes) in inputs {
        match fs::symlink_metadata(path) {
            Ok(metadata) if metadata.is_dir() => fs::remove_dir_all(path).unwrap(),
            Ok(_) => fs::remove_file(path).unwrap(),
            Err(_) => {}
        }
        fs::write(path, bytes).unwrap();
    }
}

/// The data of a site, but for what was left out: transcripts that are gone count still, so that lines of theirs are told
/// as malformed for good.
fn data(site: &Site) -> Value {
    let mut data: Value = serde_json::from_str(&site["site-data.json"]).unwrap();
    data.as_object_mut().unwrap().remove("left_out");
    data
}

/// It ended well, or said what is wrong, and what is shown is whole.
fn is_told(place: &Place, what: &str) {
    let Ended { code, out, err } = place.run(&["synthesize"]);
    let is_clear = code == Some(0) && !out.is_empty() || code == Some(1) && err.starts_with("autoswe-journey: ");
    assert!(is_clear, "{what}: {code:?} {out} {err}");
    assert!(place.shown().is_some(), "{what}");
}

/// Bytes that chance brings about.
fn garble(bytes: &mut [u8], mut seed: u64) {
    for _ in 0..bytes.len() / 40 + 1 {
        seed ^= seed << 13;
        seed ^= seed >> 7;
        seed ^= seed << 17;
        let at = (seed >> 8) as usize % bytes.len().max(1);
        if let Some(byte) = bytes.get_mut(at) {
            *byte = [0, 0xff, 0xc3, b'"', b'{', b'\n', b'9', seed as u8][(seed >> 3) as usize % 8];
        }
    }
}

#[test]
fn inputs_that_are_cut_or_garbled_anywhere_are_read_as_far_as_they_go() {
    let place = Place::new(6);
    let before = place.synthesize(&["--rebuild-site"]);
    let inputs = inputs(&place);
    for step in 0..20 {
        for (path, bytes) in &inputs {
            fs::write(path, &bytes[..bytes.len() * step / 20]).unwrap();
        }
        is_told(&place, &format!("cut at {step} of 20"));
    }
    for seed in 1..13 {
        for (number, (path, bytes)) in inputs.iter().enumerate() {
            let mut bytes = bytes.clone();
            garble(&mut bytes, seed * 0x9e37_79b9 + number as u64);
            fs::write(path, bytes).unwrap();
        }
        is_told(&place, &format!("garbled with {seed}"));
    }
    restore(&inputs);
    assert_eq!(data(&place.synthesize(&[]).1), data(&before.1), "nothing of it is shown");
}

#[test]
fn whatever_stands_in_an_inputs_place_is_told_and_holds_nothing_up() {
    let place = Place::new(6);
    let before = place.synthesize(&["--rebuild-site"]);
    let inputs = inputs(&place);
    let texts: [(&str, Vec<u8>); 7] = [
        ("nothing", Vec::new()),
        ("only NULs", vec![0; 70_000]),
        ("no UTF-8", [b"{\"ts\":1,\"lesson\":\"", &[0xff; 3000][..], b"\"}\n"].concat()),
        ("deep nesting", [&b"{\"history\":"[..], &[b'['; 200_000]].concat()),
        ("deep objects", b"{\"usage\":".repeat(40_000)),
        ("huge numbers", huge()),
        ("another shape", b"[1, \"two\", null]\n{\"history\": {\"epoch\": []}}\n7\n".to_vec()),
    ];
    for (what, text) in texts {
        for (path, _) in &inputs {
            fs::write(path, &text).unwrap();
        }
        is_told(&place, what);
    }
    let kinds: [(&str, Make); 4] = [
        ("a directory", |path| fs::create_dir(path).unwrap()),
        ("a pipe", |path| assert!(Command::new("mkfifo").arg(path).status().unwrap().success())),
        ("a link to itself", |path| std::os::unix::fs::symlink(path, path).unwrap()),
        ("a file for nobody", |path| {
            fs::write(path, "{}").unwrap();
            fs::set_permissions(path, fs::Permissions::from_mode(0o000)).unwrap();
        }),
    ];
    for (what, make) in kinds {
        restore(&inputs);
        for (path, _) in &inputs {
            fs::remove_file(path).unwrap();
            make(path);
        }
        is_told(&place, what);
    }
    restore(&inputs);
    assert_eq!(data(&place.synthesize(&[]).1), data(&before.1), "nothing of it is shown");
}

/// A line that is an element of the history, an event and an answer at once, with numbers that no counter holds.
fn huge() -> Vec<u8> {
    let number = "9".repeat(400);
    let usage =
        format!(r#"{{"input_tokens":18446744073709551615,"output_tokens":{number},"cache_read_input_tokens":-1}}"#);
    let one = format!(
        r#"{{"type":"assistant","epoch":18446744073709551615,"iter":18446744073709551615,"ts":1e300,"started_at":-1e18,
           "ended_at":{number},"timestamp":"2026-05-01T06:30:00.000Z","message":{{"id":"m","model":"x","usage":{usage}}},
           "verdict":"ACCEPT","score":1e308,"health_score":1e99,"codex_calls":18446744073709551615,"codex_tokens":-5}}"#
    )
    .replace('\n', " ");
    format!(r#"{{"history":[{one},{one}],"epoch":{number},"iter":1}}"#)
        .into_bytes()
        .into_iter()
        .chain(*b"\n")
        .chain(one.bytes())
        .chain(*b"\n")
        .collect()
}

#[test]
fn of_two_runs_at_once_one_leaves_and_says_who_is_at_work_or_waits() {
    let place = Place::new(6);
    place.build_with("touch \"$HOME/building\"; while [ ! -e \"$HOME/go\" ]; do sleep 0.02; done; mkdir dist; echo x >dist/index.html");
    let first = place.start(&["synthesize", "--rebuild-site"]);
    until("the first one builds", || place.path("home/building").exists());
    let second = place.run(&["synthesize"]);
    assert_eq!(second.code, Some(75), "{second:?}");
    assert!(second.err.contains(&first.id().to_string()) && second.out.is_empty(), "{second:?}");
    let mut third = place.start(&["synthesize", "--wait"]);
    std::thread::sleep(std::time::Duration::from_millis(50));
    assert!(third.runs(), "{}", third.complaints());
    fs::write(place.path("home/go"), "").unwrap();
    let (first, third) = (first.end(), third.end());
    assert_eq!((first.code, third.code), (Some(0), Some(0)), "{first:?} {third:?}");
    assert!(first.out.starts_with("published") && third.out.starts_with("nothing new"), "{first:?} {third:?}");
}

/// Runs `synthesize` where `script` has changed what is mounted on the output directory, which is `$1`.
fn with_mounts(place: &Place, script: &str) -> Ended {
    let mut command = Command::new("unshare");
    if !rustix::process::geteuid().is_root() {
        command.arg("--map-root-user");
    }
    let run = format!("{script}; shift; exec \"$@\"");
    let program = place.program(&["synthesize"]);
    command.args(["--mount", "--", "sh", "-ec", &run, "sh"]).arg(place.path("site"));
    command.arg(program.get_program()).args(program.get_args());
    place.at_home(&mut command);
    super::place::Running::start(command).end()
}

#[test]
fn where_the_output_cannot_be_written_it_is_said_and_what_is_shown_stays() {
    let place = Place::new(6);
    let before = place.synthesize(&["--rebuild-site"]);
    let full = "mkdir \"$1.held\"; mount --bind \"$1\" \"$1.held\"; mount -t tmpfs -o size=3m none \"$1\"; \
                cp -R \"$1.held/.\" \"$1\"; head -c 8m /dev/zero >\"$1/filler\" || true";
    let read_only = "mount --bind \"$1\" \"$1\"; mount -o remount,bind,ro \"$1\"";
    let new = place.read("runtime/state.json").replacen("\"REVERT\"", "\"ACCEPT\"", 1);
    assert_ne!(new, place.read("runtime/state.json"));
    fs::write(place.path("runtime/state.json"), new).unwrap();
    for (script, said) in [(full, "No space left on device"), (read_only, "Read-only file system")] {
        let ended = with_mounts(&place, script);
        assert_eq!((ended.code, place.shown().as_ref()), (Some(1), Some(&before)), "{ended:?}");
        assert!(ended.err.contains(said) && ended.err.contains("what was shown before is shown still"), "{ended:?}");
    }
    let file = place.path("a-file");
    fs::write(&file, "mine").unwrap();
    let ended = place.run(&["synthesize", "--outdir", file.to_str().unwrap()]);
    assert!(ended.code == Some(1) && ended.err.contains("a-file"), "{ended:?}");
    assert_eq!(fs::read_to_string(file).unwrap(), "mine");
    assert_ne!(place.synthesize(&[]), before);
}
