//! The GPUs and the memory that they share with the machine.

use super::limit::{Bounds, CRIT, Limit, PLAIN, REFERENCE, WARN};
use super::overview::CAPPED_BELOW;
use super::panel::{Panel, View, unit};
use crate::observation::harmful_reasons;

/// A state that holds is plain, or red where it is trouble (twice its value).
pub(super) const TROUBLE: &[(&str, &str, &str)] =
    &[("0", "no", "transparent"), ("1", "yes", PLAIN), ("2", "trouble", CRIT)];

pub(super) fn utilization() -> Panel {
    Panel::new(
        "Utilization",
        unit::SHARE,
        "Share of time in which a kernel ran, and the share under which a GPU counts as idle.",
        "idle while requests run: vLLM hangs, or works on the CPU.",
    )
    .below("gpu", Some("idle_utilization"), None)
    .query("busy", "GPU {{gpu}}", "autoswe_gpu_utilization_ratio{$M}")
    .zero_to_one()
}

pub(super) fn clock() -> Panel {
    Panel::new(
        "SM clock",
        unit::HERTZ,
        "SM clock, its highest, and the clock below which a busy GPU counts as silently capped.",
        "below the warning line at work and no throttle reason: the power supply caps it. Power the machine off and \
         on.",
    )
    .query("clock", "GPU {{gpu}}", "autoswe_gpu_sm_clock_hertz{$M}")
    .reference("max", "highest", "max(autoswe_gpu_sm_clock_max_hertz{$M})")
    .dashed(WARN, "cap", "silently capped below", CAPPED_BELOW)
    .at_least_zero()
}

pub(super) fn power() -> Panel {
    Panel::new(
        "Power",
        unit::WATTS,
        "Power drawn, and the enforced limit where the GPU tells one (GB10 does not).",
        "at the limit it is as fast as it may be; far below it at full utilization it is held back.",
    )
    .query("power", "GPU {{gpu}}", "autoswe_gpu_power_watts{$M}")
    .reference("limit", "limit of GPU {{gpu}}", "autoswe_gpu_power_limit_watts{$M}")
    .at_least_zero()
}

pub(super) fn temperature() -> Panel {
    Panel::new(
        "Temperature",
        unit::CELSIUS,
        "Temperature of the chip, where it counts as hot, and where the hardware slows down; and that of the memory, \
         where the card tells it.",
        "above the warning line the clock falls soon: check fans, airflow and the room. Memory may be \
         hotter than the chip: the lines are not for it.",
    )
    .above("gpu", Some("hot"), Some("slowdown"))
    .without_limit_lines()
    .query("chip", "GPU {{gpu}}", "autoswe_gpu_temperature_celsius{$M}")
    .query("memory", "memory of GPU {{gpu}}", "autoswe_gpu_memory_temperature_celsius{$M}")
    .dashed(WARN, "hot", "hot", HOT_FROM)
    .dashed(
        CRIT,
        "slowdown",
        "slows down",
        r#"min(autoswe_gpu_temperature_threshold_celsius{$M, threshold="slowdown"})"#,
    )
}

const HOT_FROM: &str = "min(autoswe_gpu_temperature_threshold_celsius{$M, threshold=\"slowdown\"} \
     - on (job, instance) group_left () autoswe_check_threshold{$M, check=\"gpu\", limit=\"hot_margin\"})";

pub(super) fn throttled() -> Panel {
    let harmful = harmful_reasons(u64::MAX).join("|");
    let panel = Panel::new(
        "Throttle reasons",
        unit::NUMBER,
        "Why the clocks are below what they could be: red for what an operator should look at, blue for what is \
         normal.",
        "thermal: cool it. Power brake or hardware slowdown: the power supply.",
    );
    panel
        .view(View::Lanes)
        .query(
            "harmful",
            "{{reason}} (GPU {{gpu}})",
            &format!(r#"autoswe_gpu_throttled{{$M, reason=~"{harmful}"}} * 2"#),
        )
        .query("normal", "{{reason}} (GPU {{gpu}})", r#"autoswe_gpu_throttled{$M, reason=~"gpu_idle|sw_power_cap"}"#)
        .words(TROUBLE)
}

pub(super) fn energy_per_token() -> Panel {
    Panel::new(
        "Energy per token",
        unit::JOULES,
        "Energy that the GPUs draw for each token generated.",
        "a rise at the same load: the GPU is throttled, or batches are small.",
    )
    .query(
        "energy",
        "energy per token",
        "sum(rate(autoswe_gpu_energy_joules_total{$M}[$__rate_interval])) / \
         (sum(rate(autoswe_vllm_generation_tokens_total{$M}[$__rate_interval])) > 1)",
    )
    // The energy is told anew twice a minute: over less time it would go up and down by itself.
    .least_step("5m")
    .at_least_zero()
}

const OWNERS: [(&str, &str); 3] = [("vllm", PLAIN), ("other", WARN), ("unknown", REFERENCE)];

pub(super) fn processes() -> Panel {
    Panel::new(
        "Processes on the GPU",
        unit::NUMBER,
        "Compute processes, by owner: vLLM's, others that contend with it, and those that /proc does not show.",
        "an `other` takes time and memory from vLLM: `nvidia-smi` names it.",
    )
    .query("processes", "{{owner}}", "sum by (owner) (autoswe_gpu_processes{$M})")
    .colours(&OWNERS)
    .decimals(0)
    .at_least_zero()
}

pub(super) fn process_memory() -> Panel {
    Panel::new(
        "GPU memory of processes",
        unit::BYTES,
        "GPU memory that compute processes hold, by owner.",
        "vLLM's share is set by `--gpu-memory-utilization`; what others hold is missing for its cache.",
    )
    .view(View::Lines { fill: 40, stacked: true })
    .query("memory", "{{owner}}", "sum by (owner) (autoswe_gpu_process_memory_bytes{$M})")
    .colours(&OWNERS)
    .at_least_zero()
}

pub(super) fn host_memory() -> Panel {
    Panel::new(
        "Available memory",
        unit::SHARE,
        "Share of the machine's memory that new work can get without swapping, with the limits in force. On a GB10 \
         it is \
         the GPU's memory, too.",
        "a slide towards the line ends in a machine that hangs: see which process grows, or give vLLM less.",
    )
    .below("host", Some("memory_warn"), Some("memory_crit"))
    .query("available", "available", "autoswe_host_memory_available_bytes{$M} / autoswe_host_memory_total_bytes{$M}")
    .zero_to_one()
}

pub(super) fn pressure() -> Panel {
    Panel::new(
        "Memory pressure",
        unit::SHARE,
        "Share of the last 10 s in which some or all (full) tasks waited for memory, with the limit in force for all.",
        "above the line the machine thrashes: stop what does not belong there.",
    )
    .above("host", Some("pressure"), None)
    .query("pressure", "{{tasks}}", "autoswe_host_memory_pressure_ratio{$M}")
    .colours(&[("some", "light-blue"), ("full", "dark-blue")])
    .at_least_zero()
}

pub(super) fn swap() -> Panel {
    Panel::new(
        "Swap in use",
        unit::BYTES,
        "Swap space that is in use on the machine.",
        "swap that grows beside falling available memory: the same remedy.",
    )
    .query("swap", "in use", "autoswe_host_swap_total_bytes{$M} - autoswe_host_swap_free_bytes{$M}")
    .at_least_zero()
}

pub(super) fn disk() -> Panel {
    Panel::new(
        "Free disk",
        unit::SHARE,
        "Free share of the file system that holds the runtime directory, with the limits in force.",
        "`du -xh --max-depth 2 | sort -h | tail` there; transcripts and worktrees grow most.",
    )
    .below("host", Some("disk_warn"), Some("disk_crit"))
    .query("free", "free", "autoswe_host_disk_available_bytes{$M} / autoswe_host_disk_total_bytes{$M}")
    .zero_to_one()
}

pub(super) fn gpu_memory() -> Panel {
    Panel::new(
        "GPU memory in use",
        unit::SHARE,
        "Share of each GPU's own memory that is in use.",
        "vLLM takes its share at its start and keeps it; a change is another process.",
    )
    .query("used", "GPU {{gpu}}", "autoswe_gpu_memory_used_bytes{$M} / autoswe_gpu_memory_total_bytes{$M}")
    .zero_to_one()
}

pub(super) fn memory_clock() -> Panel {
    Panel::new(
        "Memory clock",
        unit::HERTZ,
        "Memory clock and its highest.",
        "below the highest at work: throttled, see the reasons above.",
    )
    .query("clock", "GPU {{gpu}}", "autoswe_gpu_memory_clock_hertz{$M}")
    .reference("max", "highest", "max(autoswe_gpu_memory_clock_max_hertz{$M})")
    .at_least_zero()
}

pub(super) fn memory_traffic() -> Panel {
    Panel::new(
        "Memory utilization",
        unit::SHARE,
        "Share of time in which memory was read or written (a GB10 always tells 0).",
        "low at full utilization: small batches, bound by computation.",
    )
    .query("traffic", "GPU {{gpu}}", "autoswe_gpu_memory_utilization_ratio{$M}")
    .zero_to_one()
}

pub(super) fn ecc() -> Panel {
    Panel::new(
        "ECC errors",
        unit::PER_SECOND,
        "Memory errors per second, corrected and uncorrected.",
        "uncorrected ones: let the loop finish, then reset the GPU. Corrected ones in a row announce them.",
    )
    .query("errors", "{{kind}} (GPU {{gpu}})", "rate(autoswe_gpu_ecc_errors_total{$M}[$__rate_interval])")
    .bounds(Bounds::AnyIs(WARN))
    .at_least_zero()
}

pub(super) fn remapped() -> Panel {
    Panel::new(
        "Remapped rows",
        unit::NUMBER,
        "Memory rows that were remapped because of uncorrectable errors, and GPUs where that failed.",
        "a failed remapping: reset the GPU; if it stays, have the board replaced.",
    )
    .query("rows", "GPU {{gpu}}", "autoswe_gpu_remapped_rows{$M}")
    .query("failed", "failed (GPU {{gpu}})", "autoswe_gpu_row_remap_failed{$M}")
    .bounds(Bounds::AnyIs(WARN))
    .at_least_zero()
}

pub(super) fn xids() -> Panel {
    let lately = |critical: bool| {
        let of = format!(r#"autoswe_gpu_xid_last_timestamp_seconds{{$M, critical="{critical}"}}"#);
        let hold = Limit("gpu", "xid_hold").expr();
        format!("(time() - {of} < bool on (job, instance) group_left () {hold})")
    };
    Panel::new(
        "XID events",
        unit::NUMBER,
        "Errors that the driver reported, by code: from the event on for as long as it counts as new (`xid_hold`). Red \
         are those that are critical.",
        "critical: the GPU must be reset or the machine restarted; NVIDIA's Xid catalog tells what each code means.",
    )
    .view(View::Lanes)
    .query("critical", "XID {{xid}} (GPU {{gpu}})", &format!("{} * 2", lately(true)))
    .query("other", "XID {{xid}} (GPU {{gpu}})", &lately(false))
    .words(TROUBLE)
    .nothing("No XID in this time.")
}
