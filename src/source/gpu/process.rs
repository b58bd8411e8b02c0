//! Who uses a GPU: a compute process's name, and whether it belongs to vLLM.
//!
//! Invariant: of a command line only "matches or not" leaves this module, because arguments may hold secrets.

use std::path::Path;
use std::sync::OnceLock;

use regex::bytes::Regex;

use crate::config::Pattern;
use crate::observation::{Field, GpuProcess};
use crate::source::processes::{Look, Proc, Stat};

/// Parents looked at: vLLM's workers are children or grandchildren of the server, and a container's or terminal's
/// supervisor further up says nothing about them.
const GENERATIONS: usize = 4;

/// The processes below /proc.
#[derive(Debug)]
pub(super) struct Processes {
    proc: Proc,
    pattern: Pattern,
    /// Compiled at the first process: a machine without a GPU does not pay.
    vllm: OnceLock<Option<Regex>>,
}

impl Processes {
    /// Knows vLLM's processes by `pattern`.
    pub(super) fn new(proc: &Path, pattern: &Pattern) -> Self {
        Processes { proc: Proc::new(proc.into()), pattern: pattern.clone(), vllm: OnceLock::new() }
    }

    /// The process `pid` that holds `memory` bytes of a GPU.
    pub(super) fn describe(&self, pid: u32, memory: Field<u64>) -> GpuProcess {
        // NVML tells process ids that no process has, where it sees another namespace.
        let known = i32::try_from(pid).ok();
        let command = known.and_then(|pid| self.stat(pid)).map_or_else(String::new, |stat| stat.identity.command);
        GpuProcess { pid, command, memory, vllm: known.is_some_and(|pid| self.is_vllm(pid)) }
    }

    fn is_vllm(&self, pid: i32) -> bool {
        let Some(pattern) = self.vllm.get_or_init(|| self.pattern.compile().ok()) else { return false };
        let parent = |pid: &i32| self.stat(*pid).map(|stat| stat.parent).filter(|parent| *parent > 1);
        let mut family = std::iter::successors(Some(pid), parent).take(1 + GENERATIONS);
        family.any(|pid| self.proc.command_line(pid).is_some_and(|line| pattern.is_match(&line)))
    }

    fn stat(&self, pid: i32) -> Option<Stat> {
        match self.proc.stat(pid) {
            Look::Alive(stat) => Some(stat),
            Look::Gone | Look::Hidden => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn process(proc: &Path, pid: u32, parent: u32, command_line: &str) {
        let dir = proc.join(pid.to_string());
        std::fs::create_dir_all(&dir).unwrap();
        let rest = "1 ".repeat(48);
        std::fs::write(dir.join("stat"), format!("{pid} (py\u{1b}(x) y) S {parent} {rest}")).unwrap();
        std::fs::write(dir.join("cmdline"), command_line.replace(' ', "\0")).unwrap();
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
