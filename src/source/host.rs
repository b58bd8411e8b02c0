//! Memory, memory pressure, disk and boot time of this machine.
//!
//! Invariant: each value is read on its own, and one that this machine never told is absent. One that was told and
//! cannot be read any more is a failure, so that its absence resolves nothing.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rustix::io::Errno;

use super::Source;
use crate::config::Config;
use crate::observation::{Data, Failure, FailureKind, Host, Reading, Time};

/// This machine's name.
pub fn name() -> String {
    rustix::system::uname().nodename().to_string_lossy().into_owned()
}

/// Largest /proc file that is read here; the kernel's own are below 4 KiB.
const MAX_PROC_FILE: u64 = 64 << 10;

/// Reads this machine.
#[derive(Debug)]
pub struct HostSource {
    proc: PathBuf,
    runtime_dir: PathBuf,
    /// Whether [`PARTS`] were ever told.
    told: [bool; 3],
}

/// What is read apart.
const PARTS: [&str; 3] = ["memory", "memory pressure", "disk space"];

/// Memory as /proc/meminfo tells it, bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Memory {
    /// `MemTotal`.
    pub total: Option<u64>,
    /// `MemAvailable`; kernels before 3.14 do not tell it.
    pub available: Option<u64>,
    /// `SwapTotal`.
    pub swap_total: Option<u64>,
    /// `SwapFree`.
    pub swap_free: Option<u64>,
}

/// Pressure as a file of /proc/pressure tells it: shares of the last 10 s, 0 to 1.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Pressure {
    /// Some task waited.
    pub some: Option<f64>,
    /// All tasks waited.
    pub full: Option<f64>,
}

impl HostSource {
    /// A source that reads this machine and the file system of the runtime directory.
    pub fn new(config: &Config) -> Self {
        Self::at("/proc".into(), config.runtime())
    }

    /// The same with another /proc, for tests.
    pub fn at(proc: PathBuf, runtime_dir: PathBuf) -> Self {
        HostSource { proc, runtime_dir, told: [false; 3] }
    }
}

impl HostSource {
    /// The failure to read what was told before, or to read anything at all.
    fn silence(&mut self, tells: [bool; 3]) -> Option<Failure> {
        let silent = (0..3).find(|part| self.told[*part] && !tells[*part]);
        self.told = std::array::from_fn(|part| self.told[part] || tells[part]);
        let what = match silent {
            Some(part) => PARTS[part],
            None if tells == [false; 3] => "anything about this machine",
            None => return None,
        };
        let (proc, runtime) = (self.proc.display(), self.runtime_dir.display());
        let message = format!(
            "{what} cannot be read from {proc} and the file system of {runtime}; is /proc mounted, does the disk answer?"
        );
        Some(Failure::new(FailureKind::Unreadable, message))
    }
}

impl Source for HostSource {
    fn read(&mut self, now: Time) -> Reading<Data> {
        let memory = read_proc(&self.proc.join("meminfo")).map(|text| parse_meminfo(&text)).unwrap_or_default();
        // Missing where the kernel was built or booted without PSI (`psi=0`).
        let pressure =
            read_proc(&self.proc.join("pressure/memory")).map(|text| parse_pressure(&text)).unwrap_or_default();
        let disk = disk_of(&self.runtime_dir);
        let tells = [memory != Memory::default(), pressure != Pressure::default(), disk.is_some()];
        if let Some(failure) = self.silence(tells) {
            return Reading::Failed(failure);
        }
        Reading::Observed(Data::Host(Host {
            memory_total: memory.total,
            memory_available: memory.available,
            swap_total: memory.swap_total,
            swap_free: memory.swap_free,
            memory_pressure_some: pressure.some,
            memory_pressure_full: pressure.full,
            disk_total: disk.map(|disk| disk.total),
            disk_available: disk.map(|disk| disk.available),
            booted_at: booted_at(now, since_boot()),
        }))
    }
}

/// The lines of /proc/meminfo that matter; lines that are not `Name: number kB` are skipped.
pub fn parse_meminfo(text: &[u8]) -> Memory {
    let mut memory = Memory::default();
    for line in text.split(|&byte| byte == b'\n') {
        let Some(colon) = line.iter().position(|&byte| byte == b':') else { continue };
        let field = match &line[..colon] {
            b"MemTotal" => &mut memory.total,
            b"MemAvailable" => &mut memory.available,
            b"SwapTotal" => &mut memory.swap_total,
            b"SwapFree" => &mut memory.swap_free,
            _ => continue,
        };
        *field = kibibytes(&line[colon + 1..]);
    }
    memory
}

fn kibibytes(text: &[u8]) -> Option<u64> {
    let text = std::str::from_utf8(text).ok()?;
    text.trim().strip_suffix("kB")?.trim_end().parse::<u64>().ok()?.checked_mul(1024)
}

/// The `avg10` of a pressure file, as shares.
pub fn parse_pressure(text: &[u8]) -> Pressure {
    let text = String::from_utf8_lossy(text);
    let share = |row: &str| {
        let rest = text.lines().find_map(|line| line.strip_prefix(row))?;
        let percent = rest.split_ascii_whitespace().find_map(|word| word.strip_prefix("avg10="))?;
        percent.parse::<f64>().ok().filter(|percent| (0.0..=100.0).contains(percent)).map(|percent| percent / 100.0)
    };
    Pressure { some: share("some "), full: share("full ") }
}

/// Time since boot, time asleep included.
pub(super) fn since_boot() -> Duration {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::Boottime);
    Duration::new(time.tv_sec.try_into().unwrap_or(0), time.tv_nsec.try_into().unwrap_or(0))
}

/// When the machine booted, to the second: the difference of two clocks jitters by less.
fn booted_at(now: Time, since_boot: Duration) -> Option<Time> {
    let boot = now.checked_sub(since_boot).ok()?;
    boot.round(jiff::Unit::Second).ok()
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Disk {
    total: u64,
    available: u64,
}

/// The file system that holds `directory`, or would hold it once it is made.
fn disk_of(directory: &Path) -> Option<Disk> {
    let directory = std::path::absolute(directory).ok()?;
    let found = directory.ancestors().find_map(|ancestor| match rustix::fs::statvfs(ancestor) {
        Err(Errno::NOENT | Errno::NOTDIR) => None,
        outcome => Some(outcome),
    });
    let status = found?.inspect_err(|error| tracing::debug!(%error, path = %directory.display(), "statvfs")).ok()?;
    let bytes = |blocks: u64| blocks.checked_mul(status.f_frsize).filter(|_| status.f_blocks > 0);
    Some(Disk { total: bytes(status.f_blocks)?, available: bytes(status.f_bavail)? })
}

fn read_proc(path: &Path) -> Option<Vec<u8>> {
    let mut bytes = Vec::with_capacity(4096);
    File::open(path).ok()?.take(MAX_PROC_FILE).read_to_end(&mut bytes).ok()?;
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    const MEMINFO: &[u8] = b"MemTotal:       125513612 kB\nMemFree:         1203544 kB\n\
        MemAvailable:   48211020 kB\nBuffers:           12 kB\nSwapTotal:       8388604 kB\nSwapFree:        0 kB\n\
        HugePages_Total:       0\n";

    fn at(second: i64) -> Time {
        Time::from_second(second).unwrap()
    }

    #[test]
    fn meminfo_gives_bytes() {
        let memory = parse_meminfo(MEMINFO);
        assert_eq!(memory.total, Some(125_513_612 * 1024));
        assert_eq!(memory.available, Some(48_211_020 * 1024));
        assert_eq!((memory.swap_total, memory.swap_free), (Some(8_388_604 * 1024), Some(0)));
    }

    #[test]
    fn broken_meminfo_is_absent_not_zero() {
        for text in ["", "MemTotal", "MemTotal:", "MemTotal: kB", "MemTotal: -1 kB", "MemTotal: 12", "\u{fffd}: 1 kB"] {
            assert_eq!(parse_meminfo(text.as_bytes()), Memory::default(), "{text:?}");
        }
        assert_eq!(parse_meminfo(b"MemTotal: 99999999999999999999 kB\n\xff: 1 kB").total, None);
        for end in 0..MEMINFO.len() {
            parse_meminfo(&MEMINFO[..end]);
        }
    }

    #[test]
    fn pressure_is_a_share_of_ten_seconds() {
        let text = b"some avg10=12.50 avg60=1.00 avg300=0.10 total=9\nfull avg10=3.00 avg60=0.00 avg300=0.00 total=1\n";
        assert_eq!(parse_pressure(text), Pressure { some: Some(0.125), full: Some(0.03) });
        assert_eq!(parse_pressure(b"some avg10=1.00 avg60=0.00\n"), Pressure { some: Some(0.01), full: None });
        assert_eq!(parse_pressure(b"some avg10=nan\nfull avg10=101\n"), Pressure::default());
        assert_eq!(parse_pressure(b"\xff\xfe"), Pressure::default());
    }

    #[test]
    fn boot_time_is_whole_seconds_before_now() {
        let now = at(1_000_000);
        assert_eq!(booted_at(now, Duration::from_millis(400_400)), Some(at(999_600)));
        assert_eq!(booted_at(now, Duration::from_millis(399_600)), Some(at(999_600)));
    }

    #[test]
    fn disk_of_a_directory_still_to_be_made_is_its_ancestors() {
        let directory = tempfile::tempdir().unwrap();
        let here = disk_of(directory.path()).unwrap();
        let below = disk_of(&directory.path().join("not/yet/made")).unwrap();
        assert!(here.total > 0 && here.available <= here.total);
        assert_eq!(here.total, below.total);
        // A file system without blocks tells nothing about space.
        assert_eq!(disk_of(Path::new("/proc")), None);
    }

    #[test]
    fn this_machine_is_read() {
        let now = Time::now();
        let mut source = HostSource::at("/proc".into(), std::env::temp_dir());
        let Reading::Observed(Data::Host(host)) = source.read(now) else { panic!("no reading") };
        assert!(host.memory_available.unwrap() <= host.memory_total.unwrap());
        assert!(host.booted_at.unwrap() < now);
        assert!(host.disk_total.is_some());
    }

    #[test]
    fn without_proc_the_disk_is_still_read() {
        let empty = tempfile::tempdir().unwrap();
        let mut source = HostSource::at(empty.path().into(), empty.path().into());
        let Reading::Observed(Data::Host(host)) = source.read(Time::now()) else { panic!("no reading") };
        assert_eq!(host.memory_total, None);
        assert_eq!(host.memory_pressure_full, None);
        assert!(host.disk_total.is_some());
    }

    #[test]
    fn what_was_told_and_is_silent_is_a_failure_until_it_is_back() {
        let proc = tempfile::tempdir().unwrap();
        std::fs::write(proc.path().join("meminfo"), MEMINFO).unwrap();
        let mut source = HostSource::at(proc.path().into(), std::env::temp_dir());
        assert!(matches!(source.read(Time::now()), Reading::Observed(_)), "no pressure was ever told");
        std::fs::remove_file(proc.path().join("meminfo")).unwrap();
        for _ in 0..2 {
            let Reading::Failed(failure) = source.read(Time::now()) else { panic!("no failure") };
            assert!(failure.message.starts_with("memory cannot be read"), "{failure}");
        }
        std::fs::write(proc.path().join("meminfo"), MEMINFO).unwrap();
        assert!(matches!(source.read(Time::now()), Reading::Observed(_)));
    }

    #[test]
    fn nothing_at_all_is_a_failure_that_says_where() {
        let empty = tempfile::tempdir().unwrap();
        let mut source = HostSource::at(empty.path().into(), "/proc/none".into());
        let Reading::Failed(failure) = source.read(Time::now()) else { panic!("no failure") };
        assert!(failure.message.contains("/proc/none"), "{failure}");
    }
}
