//! Work on the GPU, by a program of its own, which ends with its handle.

use std::process::{Child, Command, Output, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use crate::exporter::{Lines, PATIENCE};

const SCRIPT: &str = include_str!("../../../python/gpu_work.py");
const LOOK: Duration = Duration::from_millis(20);

/// A program that uses the first GPU.
pub(super) struct Work {
    child: Child,
    _directory: tempfile::TempDir,
}

impl Work {
    /// A program called `name` that holds `bytes` of memory and does nothing.
    pub(super) fn hold(name: &str, bytes: u64) -> Self {
        Self::start(name, ["hold", &bytes.to_string()])
    }

    /// A program called `name` that holds `bytes` of memory and keeps the whole GPU at work.
    pub(super) fn busy(name: &str, bytes: u64) -> Self {
        Self::start(name, ["busy", &bytes.to_string()])
    }

    fn start(name: &str, arguments: [&str; 2]) -> Self {
        let (mut command, directory) = program(name);
        command.args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap_or_else(|error| panic!("python3: {error}"));
        let said = Lines::of(child.stdout.take().unwrap());
        let complaints = Lines::of(child.stderr.take().unwrap());
        let mut work = Work { child, _directory: directory };
        let begun = Instant::now();
        while !said.all().contains("ready") {
            let ended = work.child.try_wait().unwrap();
            if ended.is_some() || begun.elapsed() > PATIENCE {
                // What it said last is still on its way here.
                sleep(LOOK * 10);
                panic!("{name} {arguments:?} is not ready ({ended:?}): {}", complaints.all());
            }
            sleep(LOOK);
        }
        eprintln!("{name} {arguments:?} is ready as process {}", work.pid());
        work
    }

    pub(super) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// The command's name, as the kernel has it.
    pub(super) fn command(&self) -> String {
        let name = std::fs::read_to_string(format!("/proc/{}/comm", self.pid())).unwrap();
        name.trim_end().to_owned()
    }
}

impl Drop for Work {
    fn drop(&mut self) {
        // The end of its input is its end; a driver that hangs keeps it from that.
        drop(self.child.stdin.take());
        let begun = Instant::now();
        while self.child.try_wait().is_ok_and(|ended| ended.is_none()) && begun.elapsed() < PATIENCE {
            sleep(LOOK);
        }
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// Runs a program whose kernel stores to an address where nothing is.
pub(super) fn fault() -> Output {
    let (mut command, _directory) = program("gpu_work.py");
    command.arg("fault").stdin(Stdio::null()).output().unwrap_or_else(|error| panic!("python3: {error}"))
}

/// The script under this name. CUDA counts GPUs by their speed unless it is told to count as NVML does.
fn program(name: &str) -> (Command, tempfile::TempDir) {
    let directory = tempfile::tempdir().unwrap();
    let script = directory.path().join(name);
    std::fs::write(&script, SCRIPT).unwrap();
    let mut command = Command::new("python3");
    command.arg("-B").arg(script).env("CUDA_DEVICE_ORDER", "PCI_BUS_ID");
    (command, directory)
}
