//! The file system refuses: a full disk, one that is read-only, a file where a directory belongs.

use std::path::Path;
use std::process::Command;

use autoswe_exporter::journey::release::{Built, Error, Step, UNWATCHED};
use rustix::io::Errno;

use super::gate::Words;
use super::stage::{Stage, site};

/// Every step after which a run may fail.
const STEPS: [Step; 12] = [
    Step::Making { done: 0, of: 4 },
    Step::Making { done: 3, of: 4 },
    Step::CanaryPlanted,
    Step::Packing,
    Step::Made,
    Step::Assembled,
    Step::Listed,
    Step::Synced,
    Step::Closed,
    Step::PointerMade,
    Step::Flipped,
    Step::Pruned,
];

#[test]
fn a_disk_that_is_full_at_any_step_leaves_a_whole_release_and_the_next_run_completes() {
    let (stage, gate) = (Stage::new(), Words::new(1, &[]));
    stage.publish(&site(4, 0), &gate);
    // Three releases link, the others recycle.
    for (version, step) in (1..).zip(STEPS.into_iter().chain(STEPS)) {
        let watch = move |reached| if reached == step { Err(Errno::NOSPC.into()) } else { Ok(()) };
        let error = stage.run(&site(4, version), &gate, &watch).unwrap_err();
        assert!(error.to_string().contains("free some space"), "{step:?}: {error}");
        let shown = stage.shown().unwrap();
        let is_new = matches!(step, Step::Flipped | Step::Pruned);
        assert_eq!(shown == site(4, version), is_new, "{step:?}");
        assert!(is_new || shown == site(4, version - 1), "{step:?}");
        stage.publish(&site(4, version), &gate);
        assert_eq!(stage.shown(), Some(site(4, version)));
        assert!(!stage.releases().iter().any(|name| name.starts_with('.')), "{step:?}");
    }
}

/// Runs `script` with a mount table of its own, with `root` as `$1` and this program as `$2`.
fn with_mounts(root: &Path, script: &str) -> std::process::Output {
    let mut command = Command::new("unshare");
    if !rustix::process::geteuid().is_root() {
        command.arg("--map-root-user");
    }
    command.args(["--mount", "--", "sh", "-ec", script, "sh"]).arg(root);
    command.arg(std::env::current_exe().unwrap()).output().unwrap()
}

/// What happens where a real disk is full, or cannot be written to. Without the variable it is a test of that a run on
/// another file system publishes.
#[test]
fn on_a_disk_of_its_own() {
    let Some(root) = std::env::var_os("AUTOSWE_RELEASE_DISK") else {
        let directory = tempfile::tempdir().unwrap();
        let script = "mount -t tmpfs none \"$1\"; AUTOSWE_RELEASE_DISK=$1 exec \"$2\" --exact release::faults::on_a_disk_of_its_own";
        let output = with_mounts(directory.path(), script);
        assert!(output.status.success(), "{output:?}");
        return;
    };
    let (stage, gate) = (Stage::at(Path::new(&root)), Words::new(1, &[]));
    let mut version = 0;
    // Until there is no room for one more.
    let error = loop {
        match stage.run(&site(20, version), &gate, UNWATCHED) {
            Ok(Built::Clean(_)) if version < 60 => version += 1,
            Ok(Built::Clean(_)) => return,
            Ok(Built::Refused(refusal)) => panic!("{refusal:?}"),
            Err(error) => break error,
        }
    };
    assert!(matches!(error, Error::Disk { .. }), "{error}");
    std::fs::write(Path::new(&root).with_extension("said"), error.to_string()).unwrap();
    let before = version.checked_sub(1).map(|version| site(20, version));
    assert_eq!(stage.shown(), before, "what was shown is shown still");
    let script = std::env::var("AUTOSWE_RELEASE_MEND").unwrap();
    assert!(Command::new("sh").args(["-ec", &script, "sh"]).arg(&root).status().unwrap().success());
    stage.publish(&site(20, version), &gate);
    assert_eq!(stage.shown(), Some(site(20, version)));
}

/// What the child was told while it could not write.
fn said(root: &Path) -> String {
    let path = root.with_extension("said");
    let said = std::fs::read_to_string(&path).unwrap_or_default();
    std::fs::remove_file(path).ok();
    said
}

const CHILD: &str = "exec \"$2\" --exact release::faults::on_a_disk_of_its_own";

#[test]
fn on_a_disk_that_is_really_full_the_old_release_stays_until_there_is_room() {
    // Room for none, one, or some releases of 43 small files and more; tmpfs takes a page for each file.
    for size in ["120k", "260k", "300k", "400k"] {
        let directory = tempfile::tempdir().unwrap();
        let script = format!(
            "mount -t tmpfs -o size={size} none \"$1\"; \
             AUTOSWE_RELEASE_MEND='mount -o remount,size=64m none \"$1\"' AUTOSWE_RELEASE_DISK=$1 {CHILD}"
        );
        let output = with_mounts(directory.path(), &script);
        let said = said(directory.path());
        assert!(output.status.success() && said.contains("No space left on device"), "{size}: {output:?}");
    }
}

#[test]
fn where_nothing_can_be_written_nothing_changes_until_it_can() {
    let directory = tempfile::tempdir().unwrap();
    let script = format!(
        "mount --bind \"$1\" \"$1\"; mount -o remount,bind,ro \"$1\"; \
         AUTOSWE_RELEASE_MEND='mount -o remount,bind,rw \"$1\"' AUTOSWE_RELEASE_DISK=$1 {CHILD}"
    );
    let output = with_mounts(directory.path(), &script);
    let said = said(directory.path());
    let is_told = said.contains("Read-only file system") && said.contains("let this user write");
    assert!(output.status.success() && is_told, "{output:?}");
}

#[test]
fn a_file_where_the_output_directory_belongs_is_named_and_left() {
    let (stage, gate) = (Stage::new(), Words::new(1, &[]));
    std::fs::write(stage.output(), "mine").unwrap();
    let error = stage.run(&site(1, 0), &gate, UNWATCHED).unwrap_err().to_string();
    assert!(error.contains("/web: ") && error.contains("make the directory"), "{error}");
    assert_eq!(std::fs::read_to_string(stage.output()).unwrap(), "mine");
}
