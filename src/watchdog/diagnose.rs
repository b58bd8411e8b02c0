//! What is kept of a wedged loop before it is restarted, because the restart destroys it.
//!
//! Invariant: it takes no longer than it may, a part that fails costs only itself, and nothing of it is readable by
//! others: journals and command lines hold secrets.

use std::fs::{DirBuilder, OpenOptions};
use std::io::Write;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::{Value, json};
use tokio::process::Command;

use crate::config::UnitManager;
use crate::observation::Reading;
use crate::process;
use crate::source::file::read_bounded;

/// Lines of the unit's journal that are kept, and bytes of them.
const JOURNAL: (&str, usize) = ("400", 1 << 20);
/// Bytes of the heartbeat that are kept.
const HEARTBEAT: u64 = 1 << 20;
/// Processes that are looked at; a loop has some tens.
const PROCESSES: usize = 1000;

/// What diagnostics are taken of.
#[derive(Debug, Clone)]
pub(super) struct Subject<'a> {
    /// The unit.
    pub unit: &'a str,
    /// Its manager.
    pub manager: UnitManager,
    /// The processes of its cgroup.
    pub processes: Vec<i32>,
    /// The heartbeat.
    pub heartbeat: PathBuf,
    /// What was decided and why, with the readings of vLLM and the GPUs.
    pub decision: Value,
}

/// Writes diagnostics into a new directory `id` below `place`, within `time`, and keeps the newest `keep` there. The
/// parts that could not be had, one line each.
pub(super) async fn capture(
    place: &Path,
    id: &str,
    subject: &Subject<'_>,
    (time, keep): (Duration, u64),
) -> Vec<String> {
    let directory = place.join(id);
    if let Err(error) = DirBuilder::new().recursive(true).mode(0o700).create(&directory) {
        return vec![format!("diagnostics {}: {error}", directory.display())];
    }
    let mut troubles = Vec::new();
    let mut write = |name: &str, bytes: &[u8]| {
        let path = directory.join(name);
        let file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&path);
        if let Err(error) = file.and_then(|mut file| file.write_all(bytes)) {
            troubles.push(format!("diagnostics {}: {error}", path.display()));
        }
    };
    write("decision.json", format!("{:#}\n", subject.decision).as_bytes());
    write("processes.txt", processes(&subject.processes).as_bytes());
    match read_bounded("heartbeat", &subject.heartbeat, HEARTBEAT) {
        Reading::Observed((bytes, _)) => write("heartbeat", &bytes),
        Reading::Missing(why) => write("heartbeat.absent", why.as_bytes()),
        Reading::Failed(failure) => write("heartbeat.absent", failure.message.as_bytes()),
    }
    match journal(subject, time).await {
        Ok(text) => write("journal.txt", &text),
        Err(why) => {
            write("journal.absent", why.as_bytes());
            troubles.push(format!("diagnostics {id}: {why}"));
        }
    }
    troubles.extend(prune(place, keep));
    troubles
}

/// The unit's last lines in the journal.
async fn journal(subject: &Subject<'_>, time: Duration) -> Result<Vec<u8>, String> {
    let mut command = Command::new("journalctl");
    let unit = match subject.manager {
        UnitManager::User => "--user-unit",
        UnitManager::System => "--unit",
    };
    command.args([unit, subject.unit, "--lines", JOURNAL.0, "--no-pager", "--output", "short-iso-precise", "--quiet"]);
    let output = process::run(&mut command, time, JOURNAL.1).await.map_err(|error| error.to_string())?;
    match output.status.success() {
        true => Ok([output.stdout, output.stderr].concat()),
        false => Err(format!("journalctl: {}", String::from_utf8_lossy(&output.stderr).trim())),
    }
}

/// The processes with their states and what they wait for in the kernel, children below their parents.
fn processes(pids: &[i32]) -> String {
    let rows: Vec<Row> = pids.iter().take(PROCESSES).filter_map(|pid| Row::read(*pid)).collect();
    let mut text = String::from("pid     state wait channel          threads command\n");
    let is_root = |row: &&Row| !rows.iter().any(|other| other.pid == row.parent);
    rows.iter().filter(is_root).for_each(|root| tree(root, &rows, 0, &mut text));
    if pids.len() > PROCESSES {
        text += &format!("... and {} more\n", pids.len() - PROCESSES);
    }
    text
}

fn tree(row: &Row, rows: &[Row], depth: usize, text: &mut String) {
    // A table that was not read at one instant may show a circle of parents.
    if depth > 64 {
        return;
    }
    let Row { pid, state, wait, threads, command, .. } = row;
    *text += &format!("{pid:<7} {state:<5} {wait:<21} {threads:>7} {:indent$}{command}\n", "", indent = 2 * depth);
    rows.iter().filter(|child| child.parent == *pid).for_each(|child| tree(child, rows, depth + 1, text));
}

struct Row {
    pid: i32,
    parent: i32,
    state: String,
    wait: String,
    threads: String,
    command: String,
}

impl Row {
    fn read(pid: i32) -> Option<Self> {
        let file = |name: &str| std::fs::read(format!("/proc/{pid}/{name}")).ok();
        let status = String::from_utf8_lossy(&file("status")?).into_owned();
        let field =
            |name: &str| status.lines().find_map(|line| line.strip_prefix(name)).unwrap_or_default().trim().to_owned();
        let arguments: Vec<u8> = file("cmdline")?.into_iter().map(|byte| if byte == 0 { b' ' } else { byte }).collect();
        let command = match String::from_utf8_lossy(&arguments).trim().chars().take(300).collect::<String>() {
            empty if empty.is_empty() => format!("[{}]", field("Name:")),
            command => command.chars().map(|c| if c.is_control() { '?' } else { c }).collect(),
        };
        let wait = String::from_utf8_lossy(&file("wchan").unwrap_or_default()).trim().to_owned();
        Some(Row {
            pid,
            parent: field("PPid:").parse().ok()?,
            state: field("State:").chars().take(1).collect(),
            wait: if wait.is_empty() || wait == "0" { "-".into() } else { wait },
            threads: field("Threads:"),
            command,
        })
    }
}

/// Removes all but the newest `keep` directories in `place`; their names begin with their time.
fn prune(place: &Path, keep: u64) -> Vec<String> {
    let Ok(entries) = std::fs::read_dir(place) else { return Vec::new() };
    let is_ours = |name: &str| name.starts_with(|c: char| c.is_ascii_digit()) && name.contains('T');
    let mut names: Vec<String> = entries
        .flatten()
        .filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir()))
        .filter_map(|entry| entry.file_name().into_string().ok())
        .filter(|name| is_ours(name))
        .collect();
    names.sort();
    let surplus = names.len().saturating_sub(usize::try_from(keep).unwrap_or(usize::MAX));
    let remove = |name: &String| {
        let path = place.join(name);
        std::fs::remove_dir_all(&path).err().map(|error| format!("old diagnostics {}: {error}", path.display()))
    };
    names[..surplus].iter().filter_map(remove).collect()
}

/// What a diagnostics directory says of the decision.
pub(super) fn decision(text: &str, heartbeat_age: f64, readings: &Value) -> Value {
    json!({ "reason": text, "heartbeat_age_seconds": heartbeat_age, "readings": readings })
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::MetadataExt;

    use super::*;

    fn subject(heartbeat: PathBuf) -> Subject<'static> {
        Subject {
            unit: "autoswe-none.service",
            manager: UnitManager::User,
            processes: vec![std::process::id().cast_signed(), i32::MAX],
            heartbeat,
            decision: decision("heartbeat 901 s old", 901.0, &json!({ "vllm": null })),
        }
    }

    #[tokio::test]
    async fn every_part_is_kept_for_the_owner_alone() {
        let home = tempfile::tempdir().unwrap();
        let heartbeat = home.path().join("beat");
        std::fs::write(&heartbeat, "{\"ts\": 1}").unwrap();
        let place = home.path().join("diagnostics");
        capture(&place, "20261125T120000Z-1", &subject(heartbeat), (Duration::from_secs(20), 5)).await;
        let directory = place.join("20261125T120000Z-1");
        assert_eq!(std::fs::metadata(&directory).unwrap().mode() & 0o777, 0o700);
        for entry in std::fs::read_dir(&directory).unwrap() {
            assert_eq!(entry.unwrap().metadata().unwrap().mode() & 0o777, 0o600);
        }
        let read = |name: &str| std::fs::read_to_string(directory.join(name)).unwrap();
        assert_eq!(read("heartbeat"), "{\"ts\": 1}");
        assert!(read("decision.json").contains("901 s old"));
        let own = read("processes.txt");
        assert!(own.lines().count() == 2 && own.contains(&std::process::id().to_string()), "{own}");
        assert!(directory.join("journal.txt").exists() || directory.join("journal.absent").exists());
    }

    #[tokio::test]
    async fn the_newest_are_kept_and_what_is_not_ours_stays() {
        let place = tempfile::tempdir().unwrap();
        for name in ["20261101T000000Z-1", "20261102T000000Z-1", "20261103T000000Z-1", "notes"] {
            std::fs::create_dir(place.path().join(name)).unwrap();
        }
        let none = subject(place.path().join("none"));
        capture(place.path(), "20261104T000000Z-1", &none, (Duration::from_secs(20), 2)).await;
        let mut left: Vec<_> = std::fs::read_dir(place.path())
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        left.sort();
        assert_eq!(left, ["20261103T000000Z-1", "20261104T000000Z-1", "notes"]);
    }

    #[tokio::test]
    async fn a_place_that_cannot_be_written_is_told() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let troubles = capture(file.path(), "x", &subject("/none".into()), (Duration::from_secs(1), 2)).await;
        assert!(troubles[0].contains("diagnostics") && troubles.len() == 1, "{troubles:?}");
    }
}
