//! Which files `install-units` and `uninstall-units` write, keep and remove.

use std::os::unix::fs::{PermissionsExt, symlink};

use super::{Machine, named};

const USER: usize = 15;
const SYSTEM: usize = 16;

#[test]
fn installing_again_changes_nothing_and_uninstalling_leaves_nothing() {
    for (scope, count) in [("", USER), (" --user", USER), (" --system", SYSTEM)] {
        let machine = Machine::new();
        let first = machine.run_in_root(&format!("install-units{scope}"));
        assert_eq!(first.code, Some(0), "{first:?}");
        assert_eq!(first.stdout.matches(": written").count(), count, "{first:?}");
        assert!(
            first.stdout.contains("daemon-reload") && first.stdout.contains("enable --now autoswe-exporter.service")
        );
        let files = machine.all_files();
        assert_eq!(files.len(), count);
        let again = machine.run_in_root(&format!("install-units{scope}"));
        assert_eq!((again.code, again.stdout.matches(": unchanged").count()), (Some(0), count), "{again:?}");
        assert_eq!(machine.all_files(), files);
        // The programs may be gone or elsewhere by then.
        std::fs::remove_file(machine.path("my bin/autoswe-watchdog")).unwrap();
        let gone = machine.run_in_root(&format!("uninstall-units{scope}"));
        assert_eq!((gone.code, gone.stdout.matches(": removed").count()), (Some(0), count), "{gone:?}");
        assert_eq!(machine.all_files(), []);
    }
}

#[test]
fn nothing_is_changed_by_a_dry_run() {
    let machine = Machine::new();
    let shown = machine.run_in_root("install-units --system --dry-run");
    assert_eq!(shown.code, Some(0), "{shown:?}");
    assert!(shown.stdout.contains("would be written") && shown.stdout.contains("    WatchdogSec=180"), "{shown:?}");
    assert_eq!(machine.all_files(), []);
    machine.run_in_root("install-units --system");
    let files = machine.all_files();
    let shown = machine.run_in_root("uninstall-units --system --dry-run");
    assert_eq!(shown.stdout.matches("would be removed").count(), SYSTEM, "{shown:?}");
    assert_eq!(machine.all_files(), files);
}

#[test]
fn units_are_written_for_the_user_with_the_repository_filled_in() {
    let machine = Machine::new();
    assert_eq!(machine.run("install-units").code, Some(0));
    let unit = machine.user_units().join("autoswe-exporter.service");
    assert_eq!(unit.metadata().unwrap().permissions().mode() & 0o7777, 0o644);
    let text = std::fs::read_to_string(&unit).unwrap();
    let place = machine.path("").display().to_string().replace('%', "%%");
    assert!(text.contains(&format!("ExecStart=\"{place}my bin/autoswe-exporter\"\n")), "{text}");
    assert!(text.contains(&format!("Environment=\"AUTOSWE_REPO_ROOT={place}repo \\\"x\\\"\"\n")), "{text}");
    let moved = super::ran(machine.command("install-units").env("AUTOSWE_REPO_ROOT", "/srv/elsewhere"));
    assert!(moved.stdout.contains(&format!("{}: updated", unit.display())), "{moved:?}");
    assert!(std::fs::read_to_string(&unit).unwrap().contains("AUTOSWE_REPO_ROOT=/srv/elsewhere"));
    assert!(moved.stdout.contains("try-restart"), "what runs has to be started anew: {moved:?}");
}

#[test]
fn what_a_person_changed_is_kept_and_said() {
    let machine = Machine::new();
    machine.run("install-units");
    let [changed, foreign, masked] = ["autoswe-exporter.service", "autoswe-report.timer", "autoswe-report.service"]
        .map(|n| machine.user_units().join(n));
    let text = std::fs::read_to_string(&changed).unwrap().replace("RestartSec=10", "RestartSec=60");
    std::fs::write(&changed, &text).unwrap();
    std::fs::write(&foreign, "[Timer]\n").unwrap();
    std::fs::remove_file(&masked).unwrap();
    symlink("/dev/null", &masked).unwrap();
    let files = machine.all_files();

    let kept = machine.run("install-units");
    assert_eq!(kept.code, Some(1));
    for (path, what) in [(&changed, "changed since"), (&foreign, "did not write it"), (&masked, "is masked")] {
        let line = kept.stderr.lines().find(|line| line.contains(&path.display().to_string())).unwrap();
        assert!(line.contains(what), "{line}");
    }
    assert!(kept.stderr.contains("--force"), "{}", kept.stderr);
    assert_eq!(machine.all_files(), files);

    let gone = machine.run("uninstall-units");
    assert_eq!(gone.code, Some(1));
    assert!(gone.stderr.contains(&changed.display().to_string()), "{gone:?}");
    let left: Vec<_> = machine.all_files().into_iter().map(|(path, _)| path).collect();
    assert_eq!(left, [changed, masked, foreign]);
}

#[test]
fn force_replaces_and_keeps_the_old_one() {
    let machine = Machine::new();
    std::fs::create_dir_all(machine.user_units()).unwrap();
    let [unit, masked] =
        ["autoswe-exporter.service", "autoswe-report.timer"].map(|name| machine.user_units().join(name));
    std::fs::write(&unit, "mine\n").unwrap();
    symlink("/dev/null", &masked).unwrap();
    let forced = machine.run("install-units --force");
    assert_eq!(forced.code, Some(1), "a mask stays: {forced:?}");
    assert_eq!(std::fs::read_link(&masked).unwrap(), std::path::Path::new("/dev/null"));
    assert!(std::fs::read_to_string(&unit).unwrap().starts_with("# Written by autoswe-exporter install-units"));
    assert_eq!(std::fs::read_to_string(machine.user_units().join("autoswe-exporter.service.bak")).unwrap(), "mine\n");
    std::fs::remove_file(&masked).unwrap();
    assert_eq!(machine.run("install-units --force").code, Some(0));
    assert_eq!(named(&machine.user_units(), &["bak"]).len(), 1, "nothing of ours is kept aside");
}

#[test]
fn the_example_is_for_who_has_no_loop_unit() {
    let machine = Machine::new();
    let vendor = machine.path("root/usr/lib/systemd/user");
    std::fs::create_dir_all(&vendor).unwrap();
    std::fs::write(vendor.join("autoswe.service"), "theirs\n").unwrap();
    let run = machine.run_in_root("install-units");
    assert_eq!((run.code, run.stdout.matches(": written").count()), (Some(0), USER - 1), "{run:?}");
    std::fs::create_dir_all(machine.user_units()).unwrap();
    let own = machine.user_units().join("autoswe.service");
    std::fs::write(&own, "mine\n").unwrap();
    let run = machine.run("install-units --force");
    assert_eq!(run.code, Some(0), "{run:?}");
    assert_eq!(std::fs::read_to_string(&own).unwrap(), "mine\n");
    assert_eq!(machine.run("uninstall-units").code, Some(0));
    assert_eq!(std::fs::read_to_string(&own).unwrap(), "mine\n");
}

#[test]
fn a_place_that_cannot_be_written_is_told() {
    let machine = Machine::new();
    std::fs::create_dir_all(machine.user_units().parent().unwrap()).unwrap();
    // In place of a read-only directory, which is none for root.
    std::fs::write(machine.user_units(), "").unwrap();
    let run = machine.run("install-units");
    assert_eq!(run.code, Some(1));
    assert_eq!(run.stderr.matches("not written:").count(), USER, "{run:?}");
    let run = machine.run("uninstall-units");
    assert_eq!(run.code, Some(1), "{run:?}");
}

#[test]
fn a_read_only_directory_is_told() {
    let machine = Machine::new();
    std::fs::create_dir_all(machine.user_units()).unwrap();
    std::fs::set_permissions(machine.user_units(), PermissionsExt::from_mode(0o555)).unwrap();
    // Root without its capabilities is held up by a mode like anybody else.
    let mut command = std::process::Command::new("setpriv");
    command.args(["--bounding-set", "-all", "--inh-caps", "-all", "--"]).arg(machine.program()).arg("install-units");
    if !rustix::process::getuid().is_root() {
        command = machine.command("install-units");
    }
    command.env_clear().env("HOME", &machine.home).env("PATH", std::env::var_os("PATH").unwrap_or_default());
    let run = super::ran(command.current_dir(machine.path("repo \"x\"")));
    assert_eq!(run.code, Some(1), "{run:?}");
    assert_eq!(run.stderr.matches("Permission denied").count(), USER, "{run:?}");
    assert_eq!(machine.all_files(), []);
}

#[test]
fn mistakes_are_told_before_anything_is_written() {
    let machine = Machine::new();
    for (words, code) in [
        ("install-units --user --system", 2),
        ("install-units --now --root x", 2),
        ("install-units --run-as root", 2),
        ("install-units --system --run-as nobody-of-that-name", 1),
        ("uninstall-units --force", 2),
    ] {
        let run = machine.run(words);
        assert_eq!(run.code, Some(code), "{words}: {run:?}");
        assert!(!run.stderr.is_empty());
    }
    let bad = super::ran(machine.command("install-units").env("AUTOSWE_LOOP_INTERVAL", "soon"));
    assert_eq!(bad.code, Some(2));
    let bad = super::ran(machine.command("install-units").env("AUTOSWE_REPO_ROOT", "/a\nUser=root"));
    assert_eq!(bad.code, Some(1), "{bad:?}");
    assert_eq!(machine.all_files(), []);
    // What was written can be taken away whatever the configuration has become.
    assert_eq!(super::ran(machine.command("uninstall-units").env("AUTOSWE_LOOP_INTERVAL", "soon")).code, Some(0));
}

#[test]
fn what_only_this_shell_knows_is_said() {
    let machine = Machine::new();
    let mut command = machine.command("install-units --config.file ../x.yml");
    std::fs::write(machine.path("x.yml"), "gpu: {enabled: false}\n").unwrap();
    let run = super::ran(command.env("AUTOSWE_VLLM_URL", "http://x:1"));
    assert!(
        run.stderr.contains("not for the units: AUTOSWE_VLLM_URL") && run.stderr.contains("cluster.env"),
        "{run:?}"
    );
    let text = std::fs::read_to_string(machine.user_units().join("autoswe-report.service")).unwrap();
    assert!(text.contains("x.yml\"\n") && text.contains("AUTOSWE_CONFIG_FILE=/"), "{text}");
}
