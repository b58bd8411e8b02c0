//! The check `gpu`: are the GPUs there, well, and at work when they should be.
//!
//! A finding names every GPU it holds for. When a reading fails without being critical itself, what the last good one
//! showed still counts: silence mends nothing.

mod xid;

use super::{Check, EXAMPLE_NOW, Verdict, example_now, human_seconds};
use crate::assessment::{Severity, Thresholds};
use crate::config::GpuLimits;
use crate::observation::*;
use crate::state::{GpuHistory, Row, State, View};

use Severity::{Crit, Warn};

/// The check `gpu`.
pub(crate) const CHECK: Check = Check {
    id: "gpu",
    summary: "The GPUs answer, are not hot, throttled or failing, and work when vLLM has requests.",
    warn: "Within `hot_margin` of the slowdown temperature; throttled for a harmful reason; a silent power cap, or \
           idle while vLLM runs requests, for `sustained`; uncorrected memory errors; NVML does not answer; no GPU.",
    crit: "GPU lost; driver error, not loaded or of another version; at slowdown temperature; new critical XID \
           (within `xid_hold`); remapping a memory row failed; NVML does not answer for `unanswered_crit`.",
    runbook: "gpu.md",
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

const NO_GPU_HERE: &str = "if this machine needs no GPU, turn the source off with --no-collector.gpu";

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
    let known_to_be_broken = verdict.findings.iter().any(|finding| finding.severity == Crit);
    if let Some(last) = view.last() {
        if view.current().is_some_and(|reading| context.never_told(reading)) {
            return Verdict::not_present(format!("{}: NVML tells no value of it", names(&last.value)));
        }
        context.lost(&mut verdict, &last.value);
        if !known_to_be_broken {
            last.value.gpus.iter().for_each(|gpu| context.gpu(&mut verdict, gpu));
            context.idle(&mut verdict, &last.value);
        }
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
                let hint = "the library was there before: was the NVIDIA driver removed? Reinstall it";
                add(verdict, Crit, "library_gone", (*what).to_owned(), hint);
            }
            View::Stale(last) => {
                let age = human_seconds(seconds_since(self.now, last.at));
                add(verdict, Warn, "stale", format!("last read {age} ago"), "restart the exporter; see its log");
            }
            View::Failed { failure, since, last, .. } => self.failed(verdict, failure, (*since, last.is_some())),
            _ => {}
        }
    }

    fn failed(&self, verdict: &mut Verdict, failure: &Failure, (since, seen): (Time, bool)) {
        let lasted = seconds_since(self.now, since);
        let (severity, code, hint) = match failure.kind {
            FailureKind::TimedOut => {
                let severity = if lasted >= self.limits.unanswered_crit.0 { Crit } else { Warn };
                let hint =
                    "see `dmesg | grep -i -e xid -e nvrm`; a driver that hangs is cured by a restart of the machine";
                (severity, "unanswered", hint)
            }
            FailureKind::GpuLost => (Crit, "gpu_lost", LOST),
            FailureKind::NoGpu => {
                let severity = if seen { Crit } else { Warn };
                (severity, "no_gpu", NO_GPU_HERE)
            }
            FailureKind::Malformed | FailureKind::Unreadable => {
                (Warn, "unreadable", "mend the file that gpu.recording names, or see the log")
            }
            _ => (Crit, "driver_error", NO_GPU_HERE),
        };
        let reason = format!("{failure} (for {})", human_seconds(lasted));
        add(verdict, severity, code, reason, hint);
    }

    /// True when NVML lists GPUs that never told a value: init success is not "usable".
    fn never_told(&self, reading: &GpuReading) -> bool {
        let told = |gpu: &Gpu| self.history(gpu).is_some_and(|history| history.told);
        reading.lost.is_empty() && !reading.gpus.iter().any(told)
    }

    fn history(&self, gpu: &Gpu) -> Option<&GpuHistory> {
        self.state.gpu_window.of(gpu)
    }

    fn lost(&self, verdict: &mut Verdict, reading: &GpuReading) {
        for (index, words) in &reading.lost {
            add(verdict, Crit, "gpu_lost", format!("GPU {index} is lost: {words}"), LOST);
        }
        for (uuid, index) in self.state.gpu_window.vanished(reading) {
            let reason = format!("GPU {index} ({uuid}) was there and is no longer listed");
            add(verdict, Crit, "gpu_lost", reason, "see `nvidia-smi -L`; if it was taken out, restart the exporter");
        }
    }

    /// What one GPU's own values show.
    fn gpu(&self, verdict: &mut Verdict, gpu: &Gpu) {
        self.temperature(verdict, gpu);
        throttled(verdict, gpu);
        self.silent_cap(verdict, gpu);
        if gpu.remap_failed == Field::Value(true) {
            let hint = "reset the GPU; if it stays, run NVIDIA's field diagnostics and have the board replaced";
            add(verdict, Crit, "remap_failed", format!("GPU {}: remapping a bad memory row failed", gpu.index), hint);
        }
        if !gpu.tells_anything() && self.history(gpu).is_some_and(|history| history.told) {
            let reason = format!("GPU {} tells no value any more", gpu.index);
            add(verdict, Warn, "mute", reason, "compare with `nvidia-smi -q`; see `dmesg | grep NVRM`");
        }
    }

    fn temperature(&self, verdict: &mut Verdict, gpu: &Gpu) {
        let Some(now) = gpu.temperature.get() else { return };
        let told = gpu.temperature_slowdown.get();
        let slowdown = told.unwrap_or(self.limits.slowdown);
        let hot = told.map_or(self.limits.hot, |told| told - self.limits.hot_margin);
        let hint = "check fans, airflow and room temperature; `nvidia-smi -q -d TEMPERATURE`";
        if now >= slowdown {
            let reason = format!("GPU {} at {now:.0} °C, slows down at {slowdown:.0} °C", gpu.index);
            add(verdict, Crit, "at_slowdown", reason, hint);
        } else if now >= hot {
            let reason = format!("GPU {} at {now:.0} °C, hot from {hot:.0} °C", gpu.index);
            add(verdict, Warn, "hot", reason, hint);
        }
    }

    fn silent_cap(&self, verdict: &mut Verdict, gpu: &Gpu) {
        let row = self.history(gpu).and_then(|h| h.capped(self.limits.cap_utilization.0, self.limits.cap_clock.0));
        let Some(row) = row.filter(|row| row.seconds() >= self.limits.sustained.0) else { return };
        let reason = format!(
            "GPU {} runs at {} of {} and is {} busy for {}, with no throttle reason told{}",
            gpu.index,
            told(gpu.sm_clock, megahertz),
            told(gpu.sm_clock_max, megahertz),
            told(gpu.utilization, percent),
            human_seconds(row.seconds()),
            told(gpu.power, |watts| format!(", drawing {watts:.0} W")),
        );
        let hint =
            "a power cap that is not told (seen on GB10): check the power supply, then power the machine off and on";
        add(verdict, Warn, "silent_cap", reason, hint);
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
            percent(self.limits.idle_utilization.0),
            human_seconds(lasted),
            contention(reading).map(|who| format!("; contending: {who}")).unwrap_or_default(),
        );
        add(verdict, Warn, "idle", reason, "look at the check vllm: a hang, or stale gauges; see vLLM's log");
    }

    /// What happened and counts for a while, whatever the reading says now.
    fn events(&self, verdict: &mut Verdict) {
        let recent = |age: f64| age <= self.limits.xid_hold.0;
        for history in self.state.gpu_window.histories() {
            for told in history.xids.values() {
                let age = unix_seconds(self.now) - told.last_at;
                let Some(meaning) = xid::critical(told.xid).filter(|_| recent(age)) else { continue };
                let reason = format!("GPU {}: XID {}, {meaning}, {} ago", history.index, told.xid, human_seconds(age));
                let hint = "see `dmesg | grep -i xid`; reset the GPU (`nvidia-smi --gpu-reset`) or restart the machine";
                add(verdict, Crit, "xid", reason, hint);
            }
            let grown = history.uncorrected.filter(|grown| recent(seconds_since(self.now, grown.at)));
            if let Some(grown) = grown {
                let age = human_seconds(seconds_since(self.now, grown.at));
                let reason = format!("GPU {}: {} uncorrected memory errors more, {age} ago", history.index, grown.by);
                add(verdict, Warn, "ecc_uncorrected", reason, "see `nvidia-smi -q -d ECC,ROW_REMAPPER`; reset the GPU");
            }
        }
    }
}

const LOST: &str = "see `dmesg | grep -i xid`; reset it (`nvidia-smi --gpu-reset`) or power the machine off and on";

fn throttled(verdict: &mut Verdict, gpu: &Gpu) {
    let bits = gpu.throttle_reasons.get().unwrap_or(0);
    let harmful = THROTTLE_REASONS.iter().filter(|reason| reason.harmful && bits & reason.bit != 0);
    let names: Vec<&str> = harmful.map(|reason| reason.name).collect();
    if !names.is_empty() {
        let reason = format!("GPU {} throttled: {}", gpu.index, names.join(", "));
        add(verdict, Warn, "throttled", reason, "check cooling and power supply; `nvidia-smi -q -d PERFORMANCE`");
    }
}

/// The GPUs on which vLLM has a process; all of them where it has none that can be seen.
fn vllm_gpus(reading: &GpuReading) -> impl Iterator<Item = &Gpu> {
    let runs_vllm = |gpu: &Gpu| gpu.processes.iter().any(|process| process.vllm);
    let seen = reading.gpus.iter().any(runs_vllm);
    reading.gpus.iter().filter(move |gpu| !seen || runs_vllm(gpu))
}

/// Adds a finding, or one GPU more to a finding of the same code.
fn add(verdict: &mut Verdict, severity: Severity, code: &'static str, reason: String, hint: &str) {
    match verdict.findings.iter_mut().find(|finding| finding.code == code) {
        Some(finding) => finding.reason = format!("{}; {reason}", finding.reason),
        None => verdict.add(severity, code, reason, hint),
    }
}

fn summary(view: &View<'_, GpuReading>, now: Time) -> String {
    let Some(last) = view.last() else { return "never read".into() };
    let told = describe(&last.value);
    if view.current().is_some() {
        return told;
    }
    format!("{} ago: {told}", human_seconds(seconds_since(now, last.at)))
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
    let values = [
        told(gpu.utilization, |ratio| format!("{} busy", percent(ratio))),
        told(gpu.temperature, |celsius| format!("{celsius:.0} °C")),
        told(gpu.power, |watts| format!("{watts:.0} W")),
        told(gpu.sm_clock, megahertz),
    ];
    let values: Vec<&str> = values.iter().map(String::as_str).filter(|value| !value.is_empty()).collect();
    format!("{}: {}", name(gpu), if values.is_empty() { "tells nothing".into() } else { values.join(", ") })
}

fn many(gpus: &[Gpu]) -> String {
    let busy = gpus.iter().filter_map(|gpu| gpu.utilization.get());
    let hottest = gpus.iter().filter_map(|gpu| gpu.temperature.get()).reduce(f64::max);
    let mut parts = vec![format!("{} GPUs", gpus.len())];
    if let (Some(least), Some(most)) = (busy.clone().reduce(f64::min), busy.reduce(f64::max)) {
        parts.push(format!("{} to {} busy", percent(least), percent(most)));
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

fn percent(ratio: f64) -> String {
    format!("{:.0} %", ratio * 100.0)
}

fn megahertz(hertz: f64) -> String {
    format!("{:.0} MHz", hertz / 1e6)
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
    Observation {
        source: SourceId::Gpu,
        at: Time::from_second(EXAMPLE_NOW - ago).unwrap_or_else(|_| example_now()),
        took: std::time::Duration::from_millis(3),
        reading: Reading::Observed(Data::Gpu(GpuReading {
            driver_version: "580.95.05".into(),
            gpus: vec![gpu],
            lost: Vec::new(),
        })),
    }
}

/// GB10's silent power cap, as it was seen in the field.
fn fires() -> Vec<Observation> {
    let capped = || Gpu { sm_clock: Field::Value(630e6), power: Field::Value(16.0), ..example_gpu() };
    (0..=18).rev().map(|n| example_reading(n * 5, capped())).collect()
}

fn quiet() -> Vec<Observation> {
    (0..=18).rev().map(|n| example_reading(n * 5, example_gpu())).collect()
}

#[cfg(test)]
mod tests;
