//! One process as /proc shows it: who it is, its parent, its command line.
//!
//! Invariant: a process that ends while it is read is gone, not an error; a command's name holds no control characters.

use std::fs::File;
use std::io::{ErrorKind, Read};
use std::path::PathBuf;

use crate::observation::{Failure, FailureKind};

/// Bytes of a command line that patterns are tried on; a prompt given as an argument may be 128 KiB long.
const MAX_COMMAND_LINE: usize = 4096;

/// A stat line has 52 numbers of at most 20 digits and a name of at most 64 bytes.
const MAX_STAT: usize = 2048;

/// The proc file system.
#[derive(Debug)]
pub(super) struct Proc {
    root: PathBuf,
}

/// What came of looking at a process.
#[derive(Debug, PartialEq)]
pub(super) enum Look {
    /// It runs.
    Alive(Stat),
    /// It ended, or is a zombie.
    Gone,
    /// It exists and /proc does not show it: `hidepid`, or another PID namespace.
    Hidden,
}

/// The parts of /proc/PID/stat that matter here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Stat {
    /// The parent's process id.
    pub(super) parent: i32,
    /// What tells this program run from any other.
    pub(super) identity: Identity,
    dead: bool,
}

/// What tells one run of one program from any other, also from another program in the same process.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Identity {
    /// When the process started, in clock ticks since boot.
    pub(super) start_ticks: u64,
    /// The command's name, at most 15 bytes; `exec` sets it.
    pub(super) command: String,
    /// Where the arguments lie in memory; `exec` moves them. 0 where the kernel does not tell.
    arguments_at: u64,
}

impl Proc {
    pub(super) fn new(root: PathBuf) -> Self {
        Proc { root }
    }

    /// Every process id.
    pub(super) fn pids(&self) -> Result<Vec<i32>, Failure> {
        let unreadable = |error| {
            let message = format!("{}: {error}; is it mounted?", self.root.display());
            Failure::new(FailureKind::Unreadable, message)
        };
        let entries = std::fs::read_dir(&self.root).map_err(unreadable)?;
        Ok(entries.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok()).collect())
    }

    /// Looks at the process `pid`.
    pub(super) fn stat(&self, pid: i32) -> Look {
        let mut buffer = [0; MAX_STAT];
        match self.read(pid, "stat", &mut buffer).map(|length| parse_stat(&buffer[..length])) {
            Ok(Some(stat)) if !stat.dead => Look::Alive(stat),
            Ok(_) => Look::Gone,
            Err(ErrorKind::NotFound | ErrorKind::PermissionDenied) if exists(pid) => Look::Hidden,
            Err(_) => Look::Gone,
        }
    }

    /// The start of the command line, its arguments parted by spaces. `None` when the process is gone.
    pub(super) fn command_line(&self, pid: i32) -> Option<Vec<u8>> {
        let mut buffer = [0; MAX_COMMAND_LINE];
        let length = self.read(pid, "cmdline", &mut buffer).ok()?;
        Some(spaced(&buffer[..length]))
    }

    fn read(&self, pid: i32, file: &str, buffer: &mut [u8]) -> Result<usize, ErrorKind> {
        let mut file = File::open(self.root.join(pid.to_string()).join(file)).map_err(|error| error.kind())?;
        // One read is enough: /proc fills as much of the buffer as there is, and asking for the end costs a call more.
        loop {
            match file.read(buffer).map_err(|error| error.kind()) {
                Err(ErrorKind::Interrupted) => {}
                read => return read,
            }
        }
    }
}

/// Whether `pid` exists, seen or not. A process of another PID namespace stands as 0 in cgroup.procs.
fn exists(pid: i32) -> bool {
    match rustix::process::Pid::from_raw(pid) {
        Some(pid) => rustix::process::test_kill_process(pid) != Err(rustix::io::Errno::SRCH),
        None => true,
    }
}

/// Parses /proc/PID/stat. The name stands in parentheses and may itself hold parentheses, spaces and newlines, so
/// the last closing parenthesis ends it (proc_pid_stat(5)).
pub(super) fn parse_stat(line: &[u8]) -> Option<Stat> {
    let open = line.iter().position(|&byte| byte == b'(')?;
    let close = line.iter().rposition(|&byte| byte == b')').filter(|&close| close > open)?;
    let rest = std::str::from_utf8(&line[close + 1..]).ok()?;
    // The state is field 3 of the line and the first one here.
    let mut fields = rest.split_ascii_whitespace();
    let state = fields.next()?;
    let parent = fields.next()?.parse().ok()?;
    let start_ticks = fields.nth(22 - 5)?.parse().ok()?;
    let arguments_at = fields.nth(48 - 23).and_then(|field| field.parse().ok()).unwrap_or(0);
    let command = String::from_utf8_lossy(&line[open + 1..close]);
    let command = command.chars().map(|c| if c.is_control() { '?' } else { c }).collect();
    let dead = matches!(state, "Z" | "X" | "x");
    Some(Stat { parent, identity: Identity { start_ticks, command, arguments_at }, dead })
}

fn spaced(arguments: &[u8]) -> Vec<u8> {
    let mut line: Vec<u8> = arguments.iter().map(|&byte| if byte == 0 { b' ' } else { byte }).collect();
    line.truncate(line.trim_ascii_end().len());
    line
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn line(name: &str, state: &str) -> String {
        let numbers: Vec<String> = (5..=52).map(|field| (field * 100).to_string()).collect();
        format!("42 ({name}) {state} 7 {}\n", numbers.join(" "))
    }

    #[test]
    fn fields_are_counted_from_the_last_parenthesis() {
        for name in ["claude", "tmux: server", "a) R 1 (b", "((", "))", "", "x\ny"] {
            let stat = parse_stat(line(name, "S").as_bytes()).unwrap();
            let command = name.replace('\n', "?");
            let expected = Identity { start_ticks: 2200, command, arguments_at: 4800 };
            assert_eq!((stat.parent, stat.identity, stat.dead), (7, expected, false), "{name:?}");
        }
    }

    #[test]
    fn the_dead_are_known() {
        for (state, dead) in [("Z", true), ("X", true), ("R", false), ("D", false), ("T", false)] {
            assert_eq!(parse_stat(line("sh", state).as_bytes()).unwrap().dead, dead, "{state}");
        }
    }

    #[test]
    fn a_short_line_of_an_old_kernel_still_tells_the_start() {
        let numbers: Vec<String> = (5..=30).map(|field| field.to_string()).collect();
        let stat = parse_stat(format!("1 (init) S 0 {}", numbers.join(" ")).as_bytes()).unwrap();
        assert_eq!((stat.identity.start_ticks, stat.identity.arguments_at), (22, 0));
    }

    #[test]
    fn a_torn_line_is_no_process() {
        let whole = line("sh", "S");
        let name_ends = whole.find(" 2200 ").unwrap() + 1;
        for end in 0..name_ends {
            assert_eq!(parse_stat(&whole.as_bytes()[..end]), None, "cut at {end}");
        }
        assert_eq!(parse_stat(b"1 )sh( S 0"), None);
    }

    #[test]
    fn a_command_line_is_parted_by_spaces() {
        assert_eq!(spaced(b"claude\0-p\0you are the writer\0"), b"claude -p you are the writer");
        assert_eq!(spaced(b""), b"");
        assert_eq!(spaced(b"\xff\0\xfe\0\0"), b"\xff \xfe");
    }

    #[test]
    fn what_exists_unseen_is_hidden_and_what_ended_is_gone() {
        let empty = tempfile::tempdir().unwrap();
        let proc = Proc::new(empty.path().into());
        assert_eq!(proc.stat(std::process::id().cast_signed()), Look::Hidden);
        assert_eq!(proc.stat(0), Look::Hidden);
        assert_eq!(proc.stat(i32::MAX), Look::Gone);
        assert_eq!(proc.command_line(1), None);
    }

    #[test]
    fn this_process_is_seen() {
        let proc = Proc::new("/proc".into());
        let pid = std::process::id().cast_signed();
        let Look::Alive(stat) = proc.stat(pid) else { panic!("not alive") };
        assert_eq!(stat.parent, rustix::process::getppid().unwrap().as_raw_nonzero().get());
        assert!(proc.pids().unwrap().contains(&pid));
        assert!(!proc.command_line(pid).unwrap().contains(&0));
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(bytes: Vec<u8>) {
            parse_stat(&bytes);
            spaced(&bytes);
        }
    }
}
