//! What the exporter's own process costs, from `/proc/self`.
//!
//! Invariant: never `smaps`, whose cost grows with the address space. What cannot change is read once.

use procfs::process::{LimitValue, Process};
use procfs::{ProcResult, boot_time_secs, page_size, ticks_per_second};

use crate::metric::OwnProcess;

/// A handle on `/proc/self` with what does not change.
#[derive(Debug)]
pub struct Own {
    process: Process,
    start_time: f64,
    max_fds: Option<u64>,
}

impl Own {
    /// Opens `/proc/self`.
    ///
    /// # Errors
    /// Where `/proc` is not mounted or does not tell the start time.
    pub fn open() -> ProcResult<Self> {
        let process = Process::myself()?;
        let start_time = boot_time_secs()? as f64 + process.stat()?.starttime as f64 / ticks_per_second() as f64;
        let max_fds = match process.limits()?.max_open_files.soft_limit {
            LimitValue::Value(limit) => Some(limit),
            LimitValue::Unlimited => None,
        };
        Ok(Own { process, start_time, max_fds })
    }

    /// Reads the present cost: two small files.
    ///
    /// # Errors
    /// Where `/proc/self/stat` cannot be read.
    pub fn read(&self) -> ProcResult<OwnProcess> {
        let stat = self.process.stat()?;
        Ok(OwnProcess {
            cpu_seconds: (stat.utime + stat.stime) as f64 / ticks_per_second() as f64,
            resident_bytes: stat.rss * page_size(),
            virtual_bytes: stat.vsize,
            open_fds: self.process.fd_count().ok().map(|count| count as u64),
            max_fds: self.max_fds,
            threads: u64::try_from(stat.num_threads).unwrap_or(0),
            start_time: self.start_time,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_plausible_values_and_follows_them() {
        let own = Own::open().unwrap();
        let before = own.read().unwrap();
        assert!(before.resident_bytes > 100_000 && before.virtual_bytes > before.resident_bytes);
        assert!(before.threads >= 1 && before.max_fds.is_none_or(|max| max >= before.open_fds.unwrap()));
        let held: Vec<_> = (0..3).map(|_| std::fs::File::open("/proc/self/stat").unwrap()).collect();
        assert!(own.read().unwrap().open_fds >= before.open_fds.map(|open| open + 3));
        drop(held);
        let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs_f64();
        assert!((now - before.start_time).abs() < 3600.0, "started at {}", before.start_time);
    }
}
