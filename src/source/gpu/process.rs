//! Who uses a GPU: a compute process's name, and whether it belongs to vLLM.
//!
//! Invariant: of a command line only "matches or not" leaves this module, because arguments may hold secrets.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use std::sync::OnceLock;

use regex::bytes::Regex;

use crate::config::Pattern;
use crate::observation::{Field, GpuProcess};

/// Parents looked at: vLLM's workers are children or grandchildren of the server, and a container's or terminal's
/// supervisor further up says nothing about them.
const GENERATIONS: u32 = 4;

/// Bytes of a command line that the pattern sees.
const COMMAND_LINE: u64 = 16 << 10;

/// The processes below /proc.
#[derive(Debug)]
pub(super) struct Processes {
    proc: PathBuf,
    pattern: Pattern,
    /// Compiled at the first process: a machine without a GPU does not pay.
    vllm: OnceLock<Option<Regex>>,
}

impl Processes {
    /// Knows vLLM's processes by `pattern`.
    pub(super) fn new(proc: &Path, pattern: &Pattern) -> Self {
        Processes { proc: proc.into(), pattern: pattern.clone(), vllm: OnceLock::new() }
    }

    /// The process `pid` that holds `memory` bytes of a GPU.
    pub(super) fn describe(&self, pid: u32, memory: Field<u64>) -> GpuProcess {
        let comm = self.read(pid, "comm").unwrap_or_default();
        let command = comm.trim_end().chars().map(|c| if c.is_control() { '?' } else { c }).collect();
        GpuProcess { pid, command, memory, vllm: self.is_vllm(pid) }
    }

    fn is_vllm(&self, pid: u32) -> bool {
        let Some(pattern) = self.vllm.get_or_init(|| self.pattern.compile().ok()) else { return false };
        let mut family = std::iter::successors(Some(pid), |pid| self.parent(*pid)).take(1 + GENERATIONS as usize);
        family.any(|pid| {
            self.read(pid, "cmdline").is_some_and(|line| pattern.is_match(line.replace('\0', " ").as_bytes()))
        })
    }

    fn parent(&self, pid: u32) -> Option<u32> {
        parent(&self.read(pid, "stat")?).filter(|parent| *parent > 1)
    }

    fn read(&self, pid: u32, file: &str) -> Option<String> {
        let mut bytes = Vec::new();
        let opened = File::open(self.proc.join(pid.to_string()).join(file)).ok()?;
        opened.take(COMMAND_LINE).read_to_end(&mut bytes).ok()?;
        Some(String::from_utf8_lossy(&bytes).into_owned())
    }
}

/// The parent's id in the text of `/proc/PID/stat`. The name in parentheses may itself hold spaces and parentheses.
fn parent(stat: &str) -> Option<u32> {
    stat.rsplit_once(')')?.1.split_whitespace().nth(1)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn process(proc: &Path, pid: u32, parent: u32, command_line: &str) {
        let dir = proc.join(pid.to_string());
        std::fs::create_dir_all(&dir).unwrap();
        std::fs::write(dir.join("comm"), "py\u{1b}(x) y\n").unwrap();
        std::fs::write(dir.join("stat"), format!("{pid} (py (x) y) S {parent} 1 1")).unwrap();
        std::fs::write(dir.join("cmdline"), command_line.replace(' ', "\0")).unwrap();
    }

    #[test]
    fn the_parent_is_found_behind_any_name() {
        assert_eq!(parent("7 (a) b) S 3) R 42 7 7"), Some(42));
        assert_eq!(parent("7 (cat"), None);
    }

    #[test]
    fn workers_of_vllm_belong_to_it_and_others_contend() {
        let proc = tempfile::tempdir().unwrap();
        process(proc.path(), 10, 1, "python -m vllm serve model");
        process(proc.path(), 11, 10, "python -c from multiprocessing import spawn");
        process(proc.path(), 20, 1, "python train.py");
        let processes = Processes::new(proc.path(), &"(?i)vllm".into());
        let told = |pid| processes.describe(pid, Field::Value(1));
        assert!(told(10).vllm && told(11).vllm, "a child counts with its parent");
        assert!(told(20).contends());
        assert_eq!(told(20).command, "py?(x) y", "no control characters reach a terminal");
        assert!(!told(99).contends(), "a process that cannot be seen is not accused");
    }
}
