//! The keys of a record, in the order in which the recorder writes them, and what of each is needed.
//!
//! Invariant: a test holds the order to the recorder's. Any other order is read as well, only slower.

/// Declares the table, and the enums that its entries name.
macro_rules! keys {
    ($($key:literal => $kind:ident $($name:ident)?,)+) => {
        /// Every key with its use.
        pub(super) const KEYS: &[(&str, Use)] = &[$(($key, keys!(@use $kind $($name)?)),)+];
        keys!(@numbers [] $($kind $($name)?;)+);
    };
    (@use number $name:ident) => { Use::Number(Number::$name) };
    (@use reading $name:ident) => { Use::Reading(Source::$name) };
    (@use $kind:ident $name:ident) => { Use::$name };
    (@use ignored) => { Use::Ignored };
    (@numbers [$($done:ident)*] number $name:ident; $($rest:tt)*) => { keys!(@numbers [$($done)* $name] $($rest)*); };
    (@numbers [$($done:ident)*] $kind:ident $($name:ident)?; $($rest:tt)*) => {
        keys!(@numbers [$($done)*] $($rest)*);
    };
    (@numbers [$($done:ident)*]) => {
        /// A number or truth value of a record. Truth values are 0 and 1.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub(super) enum Number { $($done,)* }

        impl Number {
            /// Every one.
            pub(super) const ALL: &[Number] = &[$(Number::$done,)*];
        }
    };
}

/// What is done with the value of a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Use {
    /// Passed over.
    Ignored,
    /// A number or truth value.
    Number(Number),
    /// How a source went.
    Reading(Source),
    /// The time of the record.
    Time,
    /// The worst severity.
    Severity,
    /// The texts of the critical findings.
    Crit,
    /// The texts of the warnings.
    Warn,
    /// The codes of all findings.
    Findings,
    /// The phase of the heartbeat.
    Phase,
    /// The last verdicts.
    Verdicts,
    /// XID codes.
    Xids,
    /// When they came.
    XidAges,
    /// What came of the last restart.
    Outcome,
}

/// Who is read. The first ten are the checks' own, in the order of [`crate::check::CHECKS`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Source {
    Loop,
    Subagents,
    Vllm,
    Gpu,
    Parity,
    Verdicts,
    Site,
    Review,
    Watchdog,
    Host,
    Heartbeat,
    Pause,
    LoopState,
}

/// Number of [`Source`]s.
pub(super) const SOURCES: usize = 13;

/// What the key of one phase's sub-agents begins and ends with.
pub(super) const OF_PHASE: (&str, &str) = ("subagents_of_", "_oldest_seconds");

keys! {
    "ts" => other Time,
    "version" => number Version,
    "severity" => other Severity,
    "must_restart" => number MustRestart,
    "crit" => other Crit,
    "warn" => other Warn,
    "findings" => other Findings,
    "loop_reading" => reading Loop,
    "heartbeat_reading" => reading Heartbeat,
    "heartbeat_age_seconds" => number HeartbeatAge,
    "heartbeat_changed_seconds" => number HeartbeatChanged,
    "heartbeat_excused_seconds" => number HeartbeatExcused,
    "epoch" => ignored,
    "iteration" => ignored,
    "vertex" => ignored,
    "phase" => other Phase,
    "phase_age_seconds" => number PhaseAge,
    "invocation_id" => ignored,
    "loop_state_reading" => reading LoopState,
    "module" => ignored,
    "loop_status" => ignored,
    "iterations_finished" => ignored,
    "pause_reading" => reading Pause,
    "paused" => number Paused,
    "paused_seconds" => number PausedSeconds,
    "paused_hard" => number PausedHard,
    "subagents_reading" => reading Subagents,
    "subagents" => number Subagents,
    "subagents_oldest_seconds" => ignored,
    "subagents_hidden" => number SubagentsHidden,
    "vllm_reading" => reading Vllm,
    "vllm_up" => ignored,
    "vllm_failing_seconds" => number VllmFailing,
    "vllm_outage_seconds" => number VllmOutage,
    "vllm_answer_seconds" => number VllmAnswer,
    "vllm_generation_tokens_per_second" => ignored,
    "vllm_prompt_tokens_per_second" => ignored,
    "vllm_requests_running" => number Running,
    "vllm_requests_waiting" => number Waiting,
    "vllm_kv_cache_usage_ratio" => ignored,
    "vllm_preemptions" => ignored,
    "vllm_asleep" => ignored,
    "vllm_stalled_seconds" => number Stalled,
    "vllm_standstill_seconds" => number Standstill,
    "vllm_standstill_seen_seconds" => number StandstillSeen,
    "vllm_gauges_stale" => number GaugesStale,
    "vllm_canary" => ignored,
    "gpu_reading" => reading Gpu,
    "gpu_failing_seconds" => number GpuFailing,
    "gpus" => number Gpus,
    "gpus_lost" => number GpusLost,
    "gpu_utilization_ratio" => number Utilization,
    "gpu_utilization_mean_ratio" => ignored,
    "gpu_sm_clock_hertz" => number SmClock,
    "gpu_sm_clock_ratio" => number ClockRatio,
    "gpu_memory_clock_hertz" => ignored,
    "gpu_power_watts" => number Power,
    "gpu_power_limit_watts" => ignored,
    "gpu_temperature_celsius" => number Temperature,
    "gpu_slowdown_margin_celsius" => number SlowdownMargin,
    "gpu_memory_temperature_celsius" => ignored,
    "gpu_throttle_reasons" => number Throttle,
    "gpu_memory_used_bytes" => number GpuMemoryUsed,
    "gpu_memory_total_bytes" => ignored,
    "gpu_ecc_uncorrected" => number EccUncorrected,
    "gpu_ecc_grown_seconds" => number EccGrown,
    "gpu_remap_failed" => number RemapFailed,
    "gpu_xids" => other Xids,
    "gpu_xid_ages_seconds" => other XidAges,
    "gpu_contenders" => ignored,
    "gpu_contender_names" => ignored,
    "parity_reading" => reading Parity,
    "parity_failed_readings" => number ParityFailed,
    "parity_green" => number Green,
    "parity_red" => number Red,
    "parity_manual" => number Manual,
    "parity_not_applicable" => number NotApplicable,
    "parity_unknown" => number Unknown,
    "parity_duplicate_keys" => number DuplicateKeys,
    "parity_fell_seconds" => number ParityFell,
    "parity_fell_from" => number ParityFellFrom,
    "verdicts_reading" => reading Verdicts,
    "verdicts" => other Verdicts,
    "verdict_last_age_seconds" => number VerdictAge,
    "verdict_last_score" => ignored,
    "verdicts_malformed_lines" => number VerdictsMalformed,
    "site_reading" => reading Site,
    "site_age_seconds" => number SiteAge,
    "site_data_age_seconds" => number SiteDataAge,
    "site_refused_seconds" => number SiteRefused,
    "site_failed_seconds" => number SiteFailed,
    "review_reading" => reading Review,
    "review_age_seconds" => number ReviewAge,
    "review_score" => number ReviewScore,
    "review_verdict" => ignored,
    "review_attempt_age_seconds" => number AttemptAge,
    "review_failed_attempts" => number FailedAttempts,
    "watchdog_reading" => reading Watchdog,
    "watchdog_evaluation_age_seconds" => number EvaluationAge,
    "watchdog_once" => number Once,
    "watchdog_decision" => ignored,
    "watchdog_budget_remaining" => number Budget,
    "watchdog_restart_age_seconds" => number RestartAge,
    "watchdog_restart_outcome" => other Outcome,
    "watchdog_problems" => number Problems,
    "host_reading" => reading Host,
    "host_memory_total_bytes" => number MemoryTotal,
    "host_memory_available_bytes" => number MemoryAvailable,
    "host_swap_total_bytes" => ignored,
    "host_swap_free_bytes" => ignored,
    "host_memory_pressure_some_ratio" => ignored,
    "host_memory_pressure_full_ratio" => number PressureFull,
    "host_disk_total_bytes" => number DiskTotal,
    "host_disk_available_bytes" => number DiskAvailable,
    "host_uptime_seconds" => number Uptime,
}
