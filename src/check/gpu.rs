//! The check `gpu`: are the GPUs there, well, and at work when they should be.
//!
//! Invariant: silence mends nothing. When a reading fails, what the last good one showed still counts, and so does a
//! value that a GPU told and does not tell now. A finding names every GPU it holds for.

use super::code::{FAILING, FAILING_FOR, FAILS, UNREAD, UNREADABLE};
use super::{Check, Code, Shown, Verdict};
use crate::assessment::Severity::{Crit, Warn};
use crate::assessment::Thresholds;
use crate::config::GpuLimits;
use crate::observation::*;
use crate::state::{Dated, GpuHistory, Row, State, View};
use crate::words;

/// The check `gpu`.
pub(crate) const CHECK: Check = Check {
    id: "gpu",
    summary: "The GPUs answer, are not hot, throttled or failing, and work when vLLM has requests.",
    warn: "Within `hot_margin` of the slowdown temperature; throttled for a harmful reason; a silent power cap, or \
           idle while vLLM runs requests, for `sustained`; uncorrected memory errors; NVML does not answer; no GPU.",
    crit: "GPU lost; driver error, not loaded or of another version; at slowdown temperature; new critical XID \
           (within `xid_hold`); remapping a memory row failed; NVML does not answer for `unanswered_crit`.",
    runbook: "gpu.md",
    codes: CODES,
    metrics: &[
        "autoswe_gpu_utilization_ratio",
        "autoswe_gpu_sm_clock_hertz",
        "autoswe_gpu_sm_clock_max_hertz",
        "autoswe_gpu_power_watts",
        "autoswe_gpu_temperature_celsius",
        "autoswe_gpu_temperature_threshold_celsius",
        "autoswe_gpu_throttled",
        "autoswe_gpu_lost",
        "autoswe_gpu_xid_events_total",
        "autoswe_gpu_ecc_errors_total",
        "autoswe_gpu_row_remap_failed",
        "autoswe_vllm_requests_running",
    ],
    assess,
    fires,
    quiet,
};

fn assess(state: &State, thresholds: &Thresholds, now: Time) -> Verdict {
    let view = state.gpu.view(now);
    if let Some(verdict) = Verdict::without_reading(&view) {
        return verdict;
    }
    if let View::Missing { what, last: None } = view {
        return Verdict::not_present(what);
    }
    let context = Context { state, limits: &thresholds.limits.gpu, now };
    let mut verdict = Verdict::ok(summary(&view, now));
    context.unread(&mut verdict, &view);
    if let Some(last) = view.last() {
        if view.current().is_some_and(|reading| context.never_told(reading)) {
            return Verdict::not_present(format!("{}: NVML tells no value of it", names(&last.value)));
        }
        context.lost(&mut verdict, &last.value);
        last.value.gpus.iter().for_each(|gpu| context.gpu(&mut verdict, gpu, last.at));
        context.idle(&mut verdict, &last.value);
    }
    context.events(&mut verdict);
    verdict
}

/// What the rules look at.
struct Context<'a> {
    state: &'a State,
    limits: &'a GpuLimits,
    now: Time,
}

impl Context<'_> {
    /// The reading itself failed or is too old.
    fn unread(&self, verdict: &mut Verdict, view: &View<'_, GpuReading>) {
        match view {
            View::Missing { what, .. } => {
                verdict.add(Crit, "library_gone", *what);
            }
            View::Stale(last) => verdict.unread(last.at, self.now),
            View::Failed { failure, since, last, .. } => self.failed(verdict, failure, (*since, last.is_some())),
            _ => {}
        }
    }

    fn failed(&self, verdict: &mut Verdict, failure: &Failure, (since, seen): (Time, bool)) {
        let lasted = seconds_since(self.now, since);
        let (severity, code) = match failure.kind {
            FailureKind::TimedOut if lasted >= self.limits.unanswered_crit.0 => (Crit, "unanswered"),
            FailureKind::TimedOut => (Warn, "unanswered"),
            FailureKind::GpuLost => (Crit, "gpu_lost"),
            FailureKind::NoGpu => (if seen { Crit } else { Warn }, "no_gpu"),
            FailureKind::Malformed | FailureKind::Unreadable => (Warn, "unreadable"),
            _ => (Crit, "driver_error"),
        };
        verdict.add(severity, code, format!("{failure} (for {})", words::length(lasted)));
    }

    /// True when no GPU ever told a value, or an XID: init success is not "usable".
    fn never_told(&self, reading: &GpuReading) -> bool {
        let told = |history: &GpuHistory| history.told || !history.xids.is_empty();
        reading.lost.is_empty() && !self.state.gpu_window.histories().any(told)
    }

    fn history(&self, gpu: &Gpu) -> Option<&GpuHistory> {
        self.state.gpu_window.of(gpu)
    }

    fn lost(&self, verdict: &mut Verdict, reading: &GpuReading) {
        for (index, words) in &reading.lost {
            verdict.join(Crit, "gpu_lost", format!("GPU {index} is lost: {words}"));
        }
        for (uuid, index) in self.state.gpu_window.vanished(reading) {
            let reason = format!("GPU {index} ({uuid}) was there and is no longer listed");
            verdict.join(Crit, "gpu_lost", reason);
        }
    }

    /// What the values of one GPU show, as they were told last; the reading was made `at`.
    fn gpu(&self, verdict: &mut Verdict, gpu: &Gpu, at: Time) {
        let Some(history) = self.history(gpu) else { return };
        if let Some(told) = history.temperature {
            self.temperature(verdict, gpu, (told.value, self.late(told, at)));
        }
        if let Some(told) = history.throttle_reasons {
            throttled(verdict, gpu.index, (told.value, self.late(told, at)));
        }
        self.silent_cap(verdict, gpu);
        if let Some(told) = history.remap_failed.filter(|told| told.value) {
            let late = self.late(told, at);
            let reason = format!("GPU {}: remapping a bad memory row failed{late}", gpu.index);
            verdict.join(Crit, "remap_failed", reason);
        }
        if !gpu.tells_anything() && history.told {
            let reason = format!("GPU {} tells no value any more", gpu.index);
            verdict.join(Warn, "mute", reason);
        }
    }

    /// ` (told 40 s ago)` of a value that the reading made `at` does not hold.
    fn late<T>(&self, told: Dated<T>, at: Time) -> String {
        if told.at < at { format!(" (told {})", words::ago(self.now, told.at)) } else { String::new() }
    }

    fn temperature(&self, verdict: &mut Verdict, gpu: &Gpu, (now, late): (f64, String)) {
        let told = gpu.temperature_slowdown.get();
        let slowdown = told.unwrap_or(self.limits.slowdown);
        let hot = told.map_or(self.limits.hot, |told| told - self.limits.hot_margin);
        if now >= slowdown {
            let reason = format!("GPU {} at {now:.0} °C, slows down at {slowdown:.0} °C{late}", gpu.index);
            verdict.join(Crit, "at_slowdown", reason);
        } else if now >= hot {
            let reason = format!("GPU {} at {now:.0} °C, hot from {hot:.0} °C{late}", gpu.index);
            verdict.join(Warn, "hot", reason);
        }
    }

    fn silent_cap(&self, verdict: &mut Verdict, gpu: &Gpu) {
        let row = self.history(gpu).and_then(|h| h.capped(self.limits.cap_utilization.0, self.limits.cap_clock.0));
        let Some(row) = row.filter(|row| row.seconds() >= self.limits.sustained.0) else { return };
        let reason = format!(
            "GPU {} runs at {} of {} and is {} busy for {}, with no throttle reason told{}",
            gpu.index,
            told(gpu.sm_clock, words::hertz),
            told(gpu.sm_clock_max, words::hertz),
            told(gpu.utilization, words::percent),
            words::length(row.seconds()),
            told(gpu.power, |watts| format!(", drawing {watts:.0} W")),
        );
        verdict.join(Warn, "silent_cap", reason);
    }

    /// vLLM runs requests and its GPUs do nothing.
    fn idle(&self, verdict: &mut Verdict, reading: &GpuReading) {
        if self.state.vllm_window.gauges_are_stale() {
            return;
        }
        let Some(requests) = self.state.gpu_window.requests() else { return };
        let idle =
            |gpu: &Gpu| -> Option<Row> { self.history(gpu)?.below(self.limits.idle_utilization.0)?.overlap(requests) };
        let rows: Option<Vec<Row>> = vllm_gpus(reading).map(idle).collect();
        let lasted = rows.and_then(|rows| rows.into_iter().map(Row::seconds).reduce(f64::min));
        let Some(lasted) = lasted.filter(|lasted| *lasted >= self.limits.sustained.0) else { return };
        let reason = format!(
            "idle (under {}) for {} while vLLM runs requests{}",
            words::percent(self.limits.idle_utilization.0),
            words::length(lasted),
            contention(reading).map(|who| format!("; contending: {who}")).unwrap_or_default(),
        );
        verdict.add(Warn, "idle", reason);
    }

    /// What happened and counts for a while, whatever the reading says now.
    fn events(&self, verdict: &mut Verdict) {
        let recent = |age: f64| age <= self.limits.xid_hold.0;
        for history in self.state.gpu_window.histories() {
            for told in history.xids.values() {
                let age = unix_seconds(self.now) - told.last_at;
                let Some(meaning) = critical_xid(told.xid).filter(|_| recent(age)) else { continue };
                let reason = format!("GPU {}: XID {}, {meaning}, {} ago", history.index, told.xid, words::length(age));
                verdict.join(Crit, "xid", reason);
            }
            let grown = history.uncorrected.filter(|grown| recent(seconds_since(self.now, grown.at)));
            if let Some(grown) = grown {
                let when = words::ago(self.now, grown.at);
                let reason = format!("GPU {}: {} uncorrected memory errors more, {when}", history.index, grown.by);
                verdict.join(Warn, "ecc_uncorrected", reason);
            }
        }
    }
}

fn throttled(verdict: &mut Verdict, index: u32, (bits, late): (u64, String)) {
    let names = harmful_reasons(bits).join(", ");
    if !names.is_empty() {
        let reason = format!("GPU {index} throttled: {names}{late}");
        verdict.join(Warn, "throttled", reason);
    }
}

/// The GPUs on which vLLM has a process; all of them where it has none that can be seen.
fn vllm_gpus(reading: &GpuReading) -> impl Iterator<Item = &Gpu> {
    let runs_vllm = |gpu: &Gpu| gpu.known_processes().iter().any(|process| process.vllm);
    let seen = reading.gpus.iter().any(runs_vllm);
    reading.gpus.iter().filter(move |gpu| !seen || runs_vllm(gpu))
}

fn summary(view: &View<'_, GpuReading>, now: Time) -> String {
    let Some(last) = view.last() else { return "never read".into() };
    let told = describe(&last.value);
    if view.current().is_some() {
        return told;
    }
    format!("{}: {told}", words::ago(now, last.at))
}

fn describe(reading: &GpuReading) -> String {
    let mut parts = match reading.gpus.as_slice() {
        [gpu] => vec![one(gpu)],
        gpus => vec![many(gpus)],
    };
    parts.extend((!reading.lost.is_empty()).then(|| format!("{} lost", reading.lost.len())));
    parts.extend(contention(reading).map(|who| format!("contending: {who}")));
    parts.join("; ")
}

fn one(gpu: &Gpu) -> String {
    let values = words::list([
        gpu.utilization.get().map(|ratio| format!("{} busy", words::percent(ratio))),
        gpu.temperature.get().map(|celsius| format!("{celsius:.0} °C")),
        gpu.power.get().map(|watts| format!("{watts:.0} W")),
        gpu.sm_clock.get().map(words::hertz),
    ]);
    format!("{}: {}", name(gpu), if values.is_empty() { "tells nothing" } else { &values })
}

fn many(gpus: &[Gpu]) -> String {
    let busy = gpus.iter().filter_map(|gpu| gpu.utilization.get());
    let hottest = gpus.iter().filter_map(|gpu| gpu.temperature.get()).reduce(f64::max);
    let mut parts = vec![format!("{} GPUs", gpus.len())];
    if let (Some(least), Some(most)) = (busy.clone().reduce(f64::min), busy.reduce(f64::max)) {
        parts.push(format!("{} to {} busy", words::percent(least), words::percent(most)));
    }
    parts.extend(hottest.map(|celsius| format!("hottest {celsius:.0} °C")));
    parts.join(", ")
}

fn names(reading: &GpuReading) -> String {
    reading.gpus.iter().map(name).collect::<Vec<_>>().join(", ")
}

fn name(gpu: &Gpu) -> String {
    format!("GPU {} {}", gpu.index, gpu.name).trim_end().to_owned()
}

/// The processes that use a GPU and are not vLLM's: the first three by name, and how many more.
fn contention(reading: &GpuReading) -> Option<String> {
    const NAMED: usize = 3;
    let all: Vec<&GpuProcess> = reading.gpus.iter().flat_map(Gpu::contending).collect();
    let mut who: Vec<String> =
        all.iter().take(NAMED).map(|process| format!("{} (pid {})", process.command, process.pid)).collect();
    if all.len() > NAMED {
        who.push(format!("{} more", all.len() - NAMED));
    }
    (!who.is_empty()).then(|| who.join(", "))
}

fn told(field: Field<f64>, words: impl FnOnce(f64) -> String) -> String {
    field.get().map(words).unwrap_or_default()
}

/// A GB10 at work.
fn example_gpu() -> Gpu {
    Gpu {
        uuid: "GPU-5ca1ab1e".into(),
        name: "NVIDIA GB10".into(),
        utilization: Field::Value(0.95),
        sm_clock: Field::Value(2411e6),
        sm_clock_max: Field::Value(3003e6),
        power: Field::Value(43.0),
        temperature: Field::Value(63.0),
        throttle_reasons: Field::Value(0),
        ..Gpu::default()
    }
}

/// A reading of `gpu`, `ago` seconds before the examples' now.
fn example_reading(ago: i64, gpu: Gpu) -> Observation {
    let reading = GpuReading { driver_version: "580.95.05".into(), gpus: vec![gpu], lost: Vec::new() };
    super::example_reading(ago, Data::Gpu(reading))
}

/// GB10's silent power cap, as it was seen in the field.
fn fires() -> Vec<Observation> {
    let capped = || Gpu { sm_clock: Field::Value(630e6), power: Field::Value(16.0), ..example_gpu() };
    (0..=18).rev().map(|n| example_reading(n * 5, capped())).collect()
}

fn quiet() -> Vec<Observation> {
    (0..=18).rev().map(|n| example_reading(n * 5, example_gpu())).collect()
}

/// What it may find.
const CODES: &[Code] = &[
    Code {
        word: "gpu_lost",
        found: &[Crit],
        summary: "a GPU is lost",
        mend: "see `nvidia-smi -L` and `dmesg | grep -i xid`; reset it (`nvidia-smi --gpu-reset`) or power the machine off and on; restart the exporter if it was taken out",
        shows: &[Shown::labels("GPU {gpu} ({uuid}) is lost", "autoswe_gpu_lost{$here} == 1"), FAILS],
    },
    Code {
        word: "driver_error",
        found: &[Crit],
        summary: "the GPU driver does not work",
        mend: NO_GPU_HERE,
        shows: FAILING,
    },
    Code {
        word: "unanswered",
        found: &[Warn, Crit],
        summary: "the GPU driver does not answer",
        mend: "see `dmesg | grep -i -e xid -e nvrm`; a driver that hangs is cured by a restart of the machine",
        shows: &[FAILING_FOR.over(&[(Crit, "unanswered_crit")])],
    },
    Code {
        word: "no_gpu",
        found: &[Warn, Crit],
        summary: "the GPU driver shows no GPU",
        mend: NO_GPU_HERE,
        shows: &[FAILING_FOR],
    },
    Code {
        word: "library_gone",
        found: &[Crit],
        summary: "the GPU driver's library was there and is gone",
        mend: "was the NVIDIA driver removed? Reinstall it",
        shows: &[],
    },
    Code {
        word: "xid",
        found: &[Crit],
        summary: "a GPU told a critical XID",
        mend: "see `dmesg | grep -i xid`; reset the GPU (`nvidia-smi --gpu-reset`) or restart the machine",
        shows: &[Shown::length(
            "GPU {gpu} told XID {xid} {} ago",
            r#"time() - autoswe_gpu_xid_last_timestamp_seconds{$here, critical="true"} < 86400"#,
        )],
    },
    Code {
        word: "at_slowdown",
        found: &[Crit],
        summary: "a GPU is so hot that it slows down",
        mend: COOL,
        shows: &[HOTTEST, SLOWS_DOWN],
    },
    Code { word: "hot", found: &[Warn], summary: "a GPU is hot", mend: COOL, shows: &[HOTTEST, SLOWS_DOWN] },
    Code {
        word: "throttled",
        found: &[Warn],
        summary: "a GPU is throttled for a harmful reason",
        mend: "check cooling and power supply; `nvidia-smi -q -d PERFORMANCE`",
        shows: &[Shown::labels(
            "GPU {gpu} is throttled: {reason}",
            r#"autoswe_gpu_throttled{$here, reason=~"hw_slowdown|sw_thermal_slowdown|hw_thermal_slowdown|hw_power_brake_slowdown"} == 1"#,
        )],
    },
    Code {
        word: "silent_cap",
        found: &[Warn],
        summary: "a GPU runs far below its clock and tells no reason",
        mend: "a power cap that is not told (seen on GB10): check the power supply, then power the machine off and on",
        shows: &[
            Shown::hertz("GPU {gpu} runs at {}", "autoswe_gpu_sm_clock_hertz{$here}"),
            Shown::share("GPU {gpu} is {} busy", "autoswe_gpu_utilization_ratio{$here}"),
        ],
    },
    Code {
        word: "idle",
        found: &[Warn],
        summary: "the GPUs idle while vLLM runs requests",
        mend: "look at the check vllm: a hang, or stale gauges; see vLLM's log",
        shows: &[
            Shown::share("GPU {gpu} is {} busy", "autoswe_gpu_utilization_ratio{$here}"),
            Shown::whole("vLLM runs {} requests", "sum(autoswe_vllm_requests_running{$here})"),
        ],
    },
    Code {
        word: "ecc_uncorrected",
        found: &[Warn],
        summary: "a GPU's memory had uncorrected errors",
        mend: "see `nvidia-smi -q -d ECC,ROW_REMAPPER`; reset the GPU",
        shows: &[Shown::whole(
            "GPU {gpu} had {} uncorrected memory errors since its driver was loaded",
            r#"autoswe_gpu_ecc_errors_total{$here, kind="uncorrected"} > 0"#,
        )],
    },
    Code {
        word: "remap_failed",
        found: &[Crit],
        summary: "a GPU could not remap a bad memory row",
        mend: "reset the GPU; if it stays, run NVIDIA's field diagnostics and have the board replaced",
        shows: &[Shown::labels("It is GPU {gpu}", "autoswe_gpu_row_remap_failed{$here} == 1")],
    },
    Code {
        word: "mute",
        found: &[Warn],
        summary: "a GPU tells no value any more",
        mend: "compare with `nvidia-smi -q`; see `dmesg | grep NVRM`",
        shows: &[],
    },
    UNREAD,
    Code {
        summary: "the GPUs cannot be read",
        mend: "mend the file that gpu.recording names, or see the log",
        ..UNREADABLE
    },
];

const COOL: &str = "check fans, airflow and room temperature; `nvidia-smi -q -d TEMPERATURE`";

const HOTTEST: Shown = Shown::whole("GPU {gpu} is at {} °C", "topk(1, autoswe_gpu_temperature_celsius{$here})");

const SLOWS_DOWN: Shown = Shown::whole(
    "GPU {gpu} slows down at {} °C",
    r#"autoswe_gpu_temperature_threshold_celsius{$here, threshold="slowdown"}"#,
);

const NO_GPU_HERE: &str = "if this machine needs no GPU, turn the source off with --no-collector.gpu";

#[cfg(test)]
mod tests;
