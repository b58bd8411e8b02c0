//! The limits of the checks. A check's verdict compares a reading with these and with nothing else.

use super::section::section;
use super::value::{Ratio, Seconds};

section! {
    /// The limits of the checks.
    pub struct Limits {
        /// Limits of the check `loop`.
        loop_: LoopLimits = LoopLimits::default(),
        /// Limits of the check `subagents`.
        subagents: SubagentLimits = SubagentLimits::default(),
        /// Limits of the check `vllm`.
        vllm: VllmLimits = VllmLimits::default(),
        /// Limits of the check `gpu`.
        gpu: GpuLimits = GpuLimits::default(),
        /// Limits of the check `parity`.
        parity: ParityLimits = ParityLimits::default(),
        /// Limits of the check `verdicts`.
        verdicts: VerdictLimits = VerdictLimits::default(),
        /// Limits of the check `site`.
        site: SiteLimits = SiteLimits::default(),
        /// Limits of the check `review`.
        review: ReviewLimits = ReviewLimits::default(),
        /// Limits of the check `host`.
        host: HostLimits = HostLimits::default(),
        /// Limits of the check `watchdog`.
        watchdog: WatchdogLimits = WatchdogLimits::default(),
    }
}

section! {
    /// Limits of the check `loop`.
    pub struct LoopLimits {
        /// A heartbeat older than this is a warning.
        warn: Seconds = Seconds(600.0),
        /// A heartbeat older than this is critical.
        crit: Seconds = Seconds(900.0),
        /// A heartbeat further ahead of this machine's clock is a warning.
        future: Seconds = Seconds(60.0),
        /// A pause longer than this is a warning.
        paused: Seconds = Seconds(86_400.0),
    }
}

section! {
    /// Limits of the check `subagents`; the budgets themselves are those of `subagents.phases`.
    pub struct SubagentLimits {
        /// A sub-agent older than this many budgets is a warning.
        warn: f64 = 1.0,
        /// A sub-agent older than this many budgets is critical.
        crit: f64 = 2.0,
    }
}

section! {
    /// Limits of the check `vllm`.
    pub struct VllmLimits {
        /// A stall (work to do, nothing moves) longer than this is a warning.
        stall_warn: Seconds = Seconds(6.0),
        /// A stall longer than this is critical.
        stall_crit: Seconds = Seconds(60.0),
        /// Unreachable (refused, reset, no route) for longer than this is critical; shorter is a warning.
        unreachable_crit: Seconds = Seconds(30.0),
        /// Connected, and no answer for longer than this, is critical; shorter is a warning, because a healthy but
        /// busy vLLM was seen to take 40 s (vLLM PR 38157).
        unanswered_crit: Seconds = Seconds(60.0),
        /// An answer that takes longer than this is a warning.
        slow: Seconds = Seconds(2.0),
    }
}

section! {
    /// Limits of the check `gpu`.
    pub struct GpuLimits {
        /// A GPU within this many degrees Celsius of its slowdown temperature is hot.
        hot_margin: f64 = 5.0,
        /// A GPU that tells no slowdown temperature is hot from this one on, degrees Celsius.
        hot: f64 = 85.0,
        /// A GPU that tells no slowdown temperature is at it from this one on, degrees Celsius.
        slowdown: f64 = 95.0,
        /// A silent power cap: utilization of at least this share ...
        cap_utilization: Ratio = Ratio(0.9),
        /// ... while the SM clock is below this share of its maximum and no throttle reason is told.
        cap_clock: Ratio = Ratio(0.4),
        /// The silent power cap and an idle GPU must last this long before they are a warning.
        sustained: Seconds = Seconds(60.0),
        /// Utilization below this share while vLLM runs requests is an idle GPU.
        idle_utilization: Ratio = Ratio(0.02),
        /// A critical XID, and uncorrected memory errors, count as new for this long.
        xid_hold: Seconds = Seconds(3600.0),
        /// No answer from NVML for longer than this is critical; shorter is a warning.
        unanswered_crit: Seconds = Seconds(60.0),
    }
}

section! {
    /// Limits of the check `parity`.
    pub struct ParityLimits {
        /// How long a fall of the green count is reported, unless green rises to where it was before.
        drop_hold: Seconds = Seconds(3600.0),
        /// Readings in a row that fail before it is critical; fewer are a warning.
        unreadable_crit: u64 = 2,
    }
}

section! {
    /// Limits of the check `verdicts`.
    pub struct VerdictLimits {
        /// This many last verdicts, none of them ACCEPT, are a warning.
        rejected_warn: u64 = 3,
        /// This many last verdicts, all WEDGED_NO_VERDICT, are critical (5 at most are read).
        wedged_crit: u64 = 5,
        /// A last verdict older than this while the loop runs is a warning.
        stale: Seconds = Seconds(7200.0),
    }
}

section! {
    /// Limits of the check `site`.
    pub struct SiteLimits {
        /// A site older than this is a warning.
        warn: Seconds = Seconds(2700.0),
        /// A site older than this is critical.
        crit: Seconds = Seconds(86_400.0),
        /// `index.html` may be this much older than `site-data.json` before they are out of step.
        sync: Seconds = Seconds(120.0),
    }
}

section! {
    /// Limits of the check `review`.
    pub struct ReviewLimits {
        /// A latest review older than this is a warning.
        warn: Seconds = Seconds(7200.0),
        /// A latest review older than this is critical.
        crit: Seconds = Seconds(21_600.0),
        /// A score under this is a warning (0 to 100).
        score_warn: f64 = 60.0,
        /// A score under this is critical (0 to 100).
        score_crit: f64 = 30.0,
    }
}

section! {
    /// Limits of the check `host`.
    pub struct HostLimits {
        /// MemAvailable under this share of MemTotal is a warning.
        memory_warn: Ratio = Ratio(0.10),
        /// MemAvailable under this share of MemTotal is critical.
        memory_crit: Ratio = Ratio(0.04),
        /// All tasks waiting for memory for more than this share of the last 10 s is a warning (PSI full avg10).
        pressure: Ratio = Ratio(0.10),
        /// Free space of the runtime directory's file system under this share is a warning.
        disk_warn: Ratio = Ratio(0.10),
        /// Free space of the runtime directory's file system under this share is critical.
        disk_crit: Ratio = Ratio(0.02),
    }
}

section! {
    /// Limits of the check `watchdog`.
    pub struct WatchdogLimits {
        /// A last evaluation older than this is a warning.
        warn: Seconds = Seconds(180.0),
        /// The same where a timer makes the evaluations, every 5 minutes: two runs and a minute.
        timer_warn: Seconds = Seconds(660.0),
    }
}

impl WatchdogLimits {
    /// The oldest that a last evaluation may be, seconds; `once` when a timer makes them.
    pub fn evaluation(&self, once: bool) -> f64 {
        if once { self.timer_warn.0 } else { self.warn.0 }
    }
}
