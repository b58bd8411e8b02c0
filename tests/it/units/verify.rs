//! What systemd's own checks say of the installed units.

use std::path::{Path, PathBuf};
use std::process::Command;

use super::{Machine, Ran, named, ran};

/// The endings of unit files.
const KINDS: [&str; 4] = ["service", "socket", "timer", "path"];

fn system_units(machine: &Machine) -> PathBuf {
    machine.path("root/etc/systemd/system")
}

fn analyze(machine: &Machine, words: &[&str], files: &[PathBuf]) -> Ran {
    let mut command = Command::new("systemd-analyze");
    command.env("XDG_RUNTIME_DIR", machine.path("home")).env("HOME", &machine.home).args(words).args(files);
    ran(&mut command)
}

fn silent(machine: &Machine, words: &[&str], directory: &Path) {
    let files = named(directory, &KINDS);
    assert_eq!(files.len(), 15);
    let run = analyze(machine, words, &files);
    assert_eq!((run.code, run.stdout.as_str(), run.stderr.as_str()), (Some(0), "", ""), "{words:?}");
}

#[test]
fn verify_is_silent_on_both_sets() {
    let machine = Machine::new();
    machine.run("install-units --user");
    machine.run_in_root("install-units --system");
    silent(&machine, &["--user", "verify"], &machine.user_units());
    silent(&machine, &["verify"], &system_units(&machine));
    // It is not silent on everything.
    let unit = system_units(&machine).join("autoswe-exporter.service");
    std::fs::write(&unit, std::fs::read_to_string(&unit).unwrap() + "[Service]\nNoSuchSetting=1\n").unwrap();
    let run = analyze(&machine, &["verify"], &[unit]);
    assert!(run.stderr.contains("NoSuchSetting"), "{run:?}");
}

#[test]
fn the_packaged_sets_are_whole_where_the_programs_are() {
    let machine = Machine::new();
    for scope in ["user", "system"] {
        let packaged = Path::new(env!("CARGO_MANIFEST_DIR")).join("deploy/systemd").join(scope);
        let place = machine.path("root").join(scope);
        std::fs::create_dir(&place).unwrap();
        for file in named(&packaged, &KINDS) {
            let text = std::fs::read_to_string(&file).unwrap().replace("/usr/bin/autoswe-", "/bin/true --");
            std::fs::write(place.join(file.file_name().unwrap()), text).unwrap();
        }
        let words: &[&str] = if scope == "user" { &["--user", "verify"] } else { &["verify"] };
        silent(&machine, words, &place);
    }
}

/// The exposure of a unit, 0 (none) to 100.
fn exposure(machine: &Machine, unit: &Path, limit: u32) -> Ran {
    analyze(machine, &["security", "--offline=true", "--no-pager", &format!("--threshold={limit}")], &[unit.to_owned()])
}

#[test]
fn system_units_are_exposed_3_0_at_most() {
    let machine = Machine::new();
    machine.run_in_root("install-units --system");
    let oneshots =
        ["autoswe-watchdog-once", "autoswe-report", "autoswe-synth", "autoswe-synth-bridge", "autoswe-review"];
    for name in ["autoswe-exporter", "autoswe-watchdog"].iter().chain(&oneshots) {
        let run = exposure(&machine, &system_units(&machine).join(format!("{name}.service")), 30);
        assert_eq!(run.code, Some(0), "{name}: {run:?}");
    }
    // It faces the world.
    let run = exposure(&machine, &system_units(&machine).join("autoswe-journey-server.service"), 20);
    assert_eq!(run.code, Some(0), "{run:?}");
    let loop_ = exposure(&machine, &system_units(&machine).join("autoswe.service"), 30);
    assert_ne!(loop_.code, Some(0), "the threshold means something: {loop_:?}");
}

/// The figures of a user manager, which can drop no capability and change no user; they may only become better.
#[test]
fn user_units_are_exposed_no_more_than_they_must_be() {
    let machine = Machine::new();
    machine.run("install-units --user");
    for (name, limit) in [
        ("autoswe-exporter", 56),
        ("autoswe-report", 56),
        ("autoswe-watchdog", 61),
        ("autoswe-watchdog-once", 61),
        ("autoswe-synth", 55),
        ("autoswe-synth-bridge", 55),
        ("autoswe-journey-server", 54),
        // It leaves a judge the means to shut its own tools in.
        ("autoswe-review", 62),
    ] {
        let run = exposure(&machine, &machine.user_units().join(format!("{name}.service")), limit);
        assert_eq!(run.code, Some(0), "{name}: {run:?}");
    }
}
