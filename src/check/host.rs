//! `host`: memory, memory pressure and disk of this machine.
//!
//! Invariant: a value the kernel does not tell is not judged, and is never taken for 0.

use super::code::{UNREAD, UNREADABLE, VANISHED};
use super::frame::FRAME;
use super::{Check, Code, Shown, Verdict};
use crate::assessment::Severity::{self, Crit, Warn};
use crate::assessment::Thresholds;
use crate::config::HostLimits;
use crate::observation::{Data, Host, Observation, Room, Time};
use crate::state::State;
use crate::words;

pub(crate) const CHECK: Check = Check {
    id: "host",
    summary: "Memory, memory pressure and the disk of the runtime directory.",
    warn: "MemAvailable under `memory_warn`, all tasks waiting for memory for more than `pressure`, or free disk under \
           `disk_warn`.",
    crit: "MemAvailable under `memory_crit`, or free disk under `disk_crit`.",
    runbook: "host.md",
    codes: CODES,
    metrics: &[
        "autoswe_host_memory_available_bytes",
        "autoswe_host_memory_total_bytes",
        "autoswe_host_memory_pressure_ratio",
        "autoswe_host_disk_available_bytes",
        "autoswe_host_disk_total_bytes",
    ],
    assess,
    fires: || example(8 << 30, 300 << 30),
    quiet: || example(80 << 30, 300 << 30),
};

fn assess(state: &State, thresholds: &Thresholds, now: Time) -> Verdict {
    let shared = shares_memory_with_gpu(state);
    FRAME.judge(&state.host.view(now), now, |host| judge(host, &thresholds.limits.host, shared))
}

fn judge(host: &Host, limits: &HostLimits, shared: bool) -> Verdict {
    let mut verdict = Verdict::ok(summary(host, shared));
    if let Some(memory) = host.memory() {
        // Left empty, it is that of the table.
        let hint = if shared {
            "`ps -eo pid,rss,args --sort -rss | head` shows who holds it; lower vLLM's --gpu-memory-utilization"
        } else {
            ""
        };
        let low = Low { what: "available memory", code: "memory_low", hint };
        low.judge(&mut verdict, memory, (limits.memory_warn.0, limits.memory_crit.0));
    }
    if let Some(pressure) = host.memory_pressure_full.filter(|&pressure| pressure > limits.pressure.0) {
        verdict.add(
            Severity::Warn,
            "memory_pressure",
            format!(
                "all tasks waited for memory for {} of the last 10 s, over the limit of {}",
                words::percent(pressure),
                words::percent(limits.pressure.0)
            ),
        );
    }
    if let Some(disk) = host.disk() {
        let low = Low { what: "free disk under the runtime directory", code: "disk_low", hint: "" };
        low.judge(&mut verdict, disk, (limits.disk_warn.0, limits.disk_crit.0));
    }
    verdict
}

/// How it is said that something is short.
struct Low {
    what: &'static str,
    code: &'static str,
    hint: &'static str,
}

impl Low {
    fn judge(&self, verdict: &mut Verdict, room: Room, (warn, crit): (f64, f64)) {
        let (severity, limit) = match room.ratio() {
            share if share < crit => (Severity::Crit, crit),
            share if share < warn => (Severity::Warn, warn),
            _ => return,
        };
        let (share, limit) = (words::percent(room.ratio()), words::percent(limit));
        let (available, total) = (words::bytes(room.available), words::bytes(room.total));
        let reason = format!("{} is {share} ({available} of {total}), under the limit of {limit}", self.what);
        verdict.add(severity, self.code, reason).hint = self.hint.into();
    }
}

fn summary(host: &Host, shared: bool) -> String {
    let free = |room: Option<Room>| {
        room.map_or("unknown".into(), |room| {
            format!("{} free of {}", words::percent(room.ratio()), words::bytes(room.total))
        })
    };
    let with_whom = if shared { " (shared with the GPU)" } else { "" };
    format!("memory{with_whom} {}, disk {}", free(host.memory()), free(host.disk()))
}

/// On unified-memory chips such as GB10 the GPU tells no memory of its own: the host's stands in for it.
fn shares_memory_with_gpu(state: &State) -> bool {
    state.gpu.last().is_some_and(|gpu| gpu.value.gpus.iter().any(|gpu| gpu.memory_total.get().is_none()))
}

fn example(memory_available: u64, disk_available: u64) -> Vec<Observation> {
    let host = Host {
        memory_total: Some(120 << 30),
        memory_available: Some(memory_available),
        memory_pressure_full: Some(0.0),
        disk_total: Some(900 << 30),
        disk_available: Some(disk_available),
        ..Host::default()
    };
    vec![super::example_reading(0, Data::Host(host))]
}

/// What it may find.
const CODES: &[Code] = &[
    Code {
        word: "memory_low",
        found: &[Warn, Crit],
        summary: "the machine runs out of memory",
        mend: "`ps -eo pid,rss,args --sort -rss | head` shows who holds it; stop what does not belong here",
        shows: &[Shown::share(
            "{} of its memory is available",
            "autoswe_host_memory_available_bytes{$here} / autoswe_host_memory_total_bytes{$here}",
        )
        .under(&[(Warn, "memory_warn"), (Crit, "memory_crit")])],
    },
    Code {
        word: "memory_pressure",
        found: &[Warn],
        summary: "all tasks of the machine wait for memory",
        mend: "the machine is thrashing: see `vmstat 1` (si, so) and free memory before it wedges",
        shows: &[Shown::share(
            "They waited for {} of the last 10 s",
            r#"autoswe_host_memory_pressure_ratio{$here, tasks="full"}"#,
        )
        .over(&[(Warn, "pressure")])],
    },
    Code {
        word: "disk_low",
        found: &[Warn, Crit],
        summary: "the disk of the runtime directory runs full",
        mend: "`du -xh --max-depth=2 / | sort -h | tail` shows what fills it; delete old transcripts and builds",
        shows: &[Shown::share(
            "{} of it is free",
            "autoswe_host_disk_available_bytes{$here} / autoswe_host_disk_total_bytes{$here}",
        )
        .under(&[(Warn, "disk_warn"), (Crit, "disk_crit")])],
    },
    Code { summary: "/proc was there and is gone", mend: "look whether /proc is mounted", ..VANISHED },
    Code {
        summary: "the machine's memory and disk cannot be read",
        mend: "look whether /proc is mounted and the disk answers (df)",
        ..UNREADABLE
    },
    UNREAD,
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::assessment::Presence;
    use crate::check::{example_now, example_state};
    use crate::config::Config;
    use crate::observation::{Failure, FailureKind, Field, Gpu, GpuReading, Reading, SourceId};

    const GIB: u64 = 1 << 30;

    fn run(observations: Vec<Observation>) -> crate::assessment::CheckResult {
        let thresholds = Thresholds::new(&Config::default(), false);
        CHECK.run(&example_state(observations), &thresholds, example_now())
    }

    fn observe(host: Host) -> Vec<Observation> {
        let mut observations = example(0, 0);
        observations[0].reading = Reading::Observed(Data::Host(host));
        observations
    }

    fn codes(observations: Vec<Observation>) -> Vec<(Severity, &'static str)> {
        run(observations).findings.iter().map(|finding| (finding.severity, finding.code)).collect()
    }

    #[test]
    fn memory_is_judged_against_its_share() {
        assert_eq!(codes((CHECK.quiet)()), []);
        assert_eq!(codes(example(12 * GIB, 300 * GIB)), [], "exactly at the limit is not under it");
        assert_eq!(codes((CHECK.fires)()), [(Severity::Warn, "memory_low")]);
        assert_eq!(codes(example(4 * GIB, 300 * GIB)), [(Severity::Crit, "memory_low")]);
        let result = run(example(4 * GIB, 300 * GIB));
        let expected = "available memory is 3.3 % (4 GiB of 120 GiB), under the limit of 4 %";
        assert_eq!(result.findings[0].reason, expected);
    }

    #[test]
    fn disk_is_judged_against_its_share() {
        assert_eq!(codes(example(80 * GIB, 89 * GIB)), [(Severity::Warn, "disk_low")]);
        assert_eq!(codes(example(80 * GIB, 17 * GIB)), [(Severity::Crit, "disk_low")]);
        assert_eq!(codes(example(80 * GIB, 0)), [(Severity::Crit, "disk_low")], "a full disk is a value");
    }

    #[test]
    fn pressure_counts_when_all_tasks_wait() {
        let host =
            |some, full| Host { memory_pressure_some: Some(some), memory_pressure_full: Some(full), ..Host::default() };
        assert_eq!(codes(observe(host(0.9, 0.05))), []);
        assert_eq!(codes(observe(host(0.9, 0.11))), [(Severity::Warn, "memory_pressure")]);
    }

    #[test]
    fn what_is_absent_is_not_judged() {
        let result = run(observe(Host::default()));
        assert_eq!((result.presence, result.findings.len()), (Presence::Judged, 0));
        assert_eq!(result.summary, "memory unknown, disk unknown");
        let zero = Host { memory_total: Some(0), memory_available: Some(0), ..Host::default() };
        assert_eq!(codes(observe(zero)), []);
    }

    #[test]
    fn unified_memory_is_named() {
        let mut observations = example(80 * GIB, 300 * GIB);
        let gpu =
            |memory_total| GpuReading { gpus: vec![Gpu { memory_total, ..Gpu::default() }], ..GpuReading::default() };
        let of_gpu = |reading| Observation { source: SourceId::Gpu, reading, ..observations[0].clone() };
        let unified = of_gpu(Reading::Observed(Data::Gpu(gpu(Field::Unsupported))));
        let separate = of_gpu(Reading::Observed(Data::Gpu(gpu(Field::Value(GIB)))));
        observations.push(separate);
        assert_eq!(run(observations.clone()).summary, "memory 67 % free of 120 GiB, disk 33 % free of 900 GiB");
        observations.push(unified);
        assert!(run(observations).summary.starts_with("memory (shared with the GPU) 67 %"));
    }

    #[test]
    fn a_failure_keeps_the_last_finding() {
        let failure = Failure::new(FailureKind::TimedOut, "host: a reading has been under way for 9 s");
        let failed = Observation { reading: Reading::Failed(failure), ..example(0, 0)[0].clone() };
        let mut observations = example(4 * GIB, 300 * GIB);
        observations.push(failed.clone());
        assert_eq!(codes(observations), [(Severity::Crit, "memory_low"), (Severity::Warn, "unreadable")]);
        assert_eq!(codes(vec![failed]), [(Severity::Warn, "unreadable")]);
    }

    #[test]
    fn a_stale_reading_is_said() {
        let mut observations = (CHECK.quiet)();
        observations[0].at = example_now() - jiff::SignedDuration::from_mins(5);
        let result = run(observations);
        assert_eq!(result.findings[0].code, "unread");
        assert!(result.findings[0].reason.contains("5 min"), "{}", result.findings[0].reason);
    }

    #[test]
    fn nothing_read_yet_is_pending() {
        assert_eq!(run(Vec::new()).presence, Presence::Pending);
    }
}
