//! vLLM and the GPUs of one machine, in depth.

use super::gpu::*;
use super::limit::{Bounds, CRIT, GOOD, PLAIN, REFERENCE, WARN};
use super::panel::{Panel, View, unit};
use super::{Dashboard, FIRING, MODEL_STARTED, RESTARTED, Row, Scope};

pub(super) const UID: &str = "autoswe-vllm-gpu";

pub(super) fn dashboard() -> Dashboard {
    Dashboard {
        uid: UID,
        title: "autoswe / vLLM and GPU",
        about: "One machine's model server and GPUs: does work flow, how long does it wait, and what holds it back?",
        scope: Scope::Machine,
        rows: vec![
            Row::top(vec![
                state(),
                generated_now(),
                running_now(),
                waiting_now(),
                cache_now(),
                busy_now(),
                hot_now(),
                power_now(),
            ]),
            Row::open("Throughput", vec![generated(), prompt(), requests()]),
            Row::open("Cache", vec![cache(), hits(), preemptions()]),
            Row::open("Latency", vec![first_token(), inter_token(), whole(), queue()]),
            Row::open("Stalls and answers", vec![stall(), canary(), answer(), finished()]),
            Row::open("GPU", vec![utilization(), clock(), power(), temperature(), throttled(), energy_per_token()]),
            Row::open(
                "Contention and the machine's memory",
                vec![processes(), process_memory(), host_memory(), pressure(), swap(), disk()],
            ),
            Row::folded(
                "GPU memory, ECC and XIDs",
                vec![gpu_memory(), memory_clock(), memory_traffic(), ecc(), remapped(), xids()],
            ),
        ],
        annotations: vec![FIRING, RESTARTED, MODEL_STARTED],
    }
}

const STATES: &[(&str, &str, &str)] = &[("0", "NO ANSWER", CRIT), ("1", "UP", GOOD), ("2", "STALLED", CRIT)];

fn state() -> Panel {
    Panel::new(
        "vLLM",
        unit::NUMBER,
        "Whether vLLM answers, and whether it has had work for a while and nothing moved (STALLED).",
        "STALLED: vLLM most often needs a restart; see the runbook of `stalled`. NO ANSWER: see its unit and log.",
    )
    .loud()
    .size(4, 4)
    .query("state", "vLLM", "(autoswe_vllm_stalled{$M} == 1) + 1 or autoswe_vllm_up{$M}")
    .bounds(Bounds::MustBe(CRIT))
    .words(STATES)
    .nothing("unknown")
}

fn generated_now() -> Panel {
    Panel::new(
        "Generation",
        unit::TOKENS,
        "Tokens generated per second, all engines together.",
        "0 while requests run is a stall.",
    )
    .trend()
    .size(4, 4)
    .query("generated", "generated", GENERATED)
    .decimals(0)
    .at_least_zero()
}

const GENERATED: &str = "sum(rate(autoswe_vllm_generation_tokens_total{$M}[$__rate_interval]))";

fn running_now() -> Panel {
    Panel::new(
        "Running",
        unit::NUMBER,
        "Requests in execution batches.",
        "0 while the loop is in a phase that needs the model: the requests do not arrive.",
    )
    .figure()
    .size(2, 4)
    .query("running", "running", "sum(autoswe_vllm_requests_running{$M})")
}

fn waiting_now() -> Panel {
    Panel::new(
        "Waiting",
        unit::NUMBER,
        "Requests that wait to be processed.",
        "waiting and none running is a hang; waiting with a full cache wants fewer or shorter requests.",
    )
    .figure()
    .size(2, 4)
    .query("waiting", "waiting", "sum(autoswe_vllm_requests_waiting{$M})")
}

fn cache_now() -> Panel {
    Panel::new(
        "KV cache",
        unit::SHARE,
        "Use of the KV cache, of the fullest engine.",
        "near 100 % requests wait and are preempted.",
    )
    .trend()
    .size(3, 4)
    .query("used", "used", "max(autoswe_vllm_kv_cache_usage_ratio{$M})")
    .decimals(0)
    .zero_to_one()
}

fn busy_now() -> Panel {
    Panel::new(
        "GPU utilization",
        unit::SHARE,
        "Share of time in which a kernel ran, of the busiest GPU.",
        "idle while requests run: see the stall below.",
    )
    .trend()
    .size(3, 4)
    .query("busy", "busy", "max(autoswe_gpu_utilization_ratio{$M})")
    .decimals(0)
    .zero_to_one()
}

fn hot_now() -> Panel {
    Panel::new(
        "Temperature",
        unit::CELSIUS,
        "The hottest GPU. The colours are the default limits for a GPU that tells no slowdown temperature.",
        "check fans, airflow and the room.",
    )
    .trend()
    .size(3, 4)
    .query("hottest", "hottest", "max(autoswe_gpu_temperature_celsius{$M})")
    .above("gpu", Some("hot"), Some("slowdown"))
    .decimals(0)
}

fn power_now() -> Panel {
    Panel::new(
        "Power",
        unit::WATTS,
        "Power that all GPUs draw together.",
        "near idle while requests run is a stall or a power cap.",
    )
    .trend()
    .size(3, 4)
    .query("power", "power", "sum(autoswe_gpu_power_watts{$M})")
    .decimals(0)
    .at_least_zero()
}

fn generated() -> Panel {
    Panel::new(
        "Tokens generated",
        unit::TOKENS,
        "Tokens generated per second, by engine.",
        "a drop with requests running: look at the clock and the temperature at the same time below.",
    )
    .query("generated", "engine {{engine}}", "rate(autoswe_vllm_generation_tokens_total{$M}[$__rate_interval])")
    .at_least_zero()
}

fn prompt() -> Panel {
    Panel::new(
        "Prompt tokens",
        unit::TOKENS,
        "Prompt tokens per second, and how many of them were found in the prefix cache and cost next to nothing.",
        "far above the usual with few hits: prompts no longer share their beginning, so each is computed anew.",
    )
    .query("prompt", "prompt", "sum(rate(autoswe_vllm_prompt_tokens_total{$M}[$__rate_interval]))")
    .query(
        "cached",
        "found in the prefix cache",
        "sum(rate(autoswe_vllm_prefix_cache_hits_total{$M}[$__rate_interval]))",
    )
    .colours(&[("prompt", PLAIN), ("found in the prefix cache", GOOD)])
    .at_least_zero()
}

fn requests() -> Panel {
    Panel::new(
        "Requests",
        unit::NUMBER,
        "Requests that run and that wait.",
        "waiting that grows while running stands still is a stall, or more work than this machine can do.",
    )
    .query("running", "running", "sum(autoswe_vllm_requests_running{$M})")
    .query("waiting", "waiting", "sum(autoswe_vllm_requests_waiting{$M})")
    .colours(&[("running", PLAIN), ("waiting", WARN)])
    .at_least_zero()
}

fn cache() -> Panel {
    Panel::new(
        "KV cache in use",
        unit::SHARE,
        "Use of the KV cache, by engine.",
        "at 100 % requests are preempted: fewer at once, shorter contexts, or more memory for the cache.",
    )
    .query("used", "engine {{engine}}", "autoswe_vllm_kv_cache_usage_ratio{$M}")
    .zero_to_one()
}

fn hits() -> Panel {
    Panel::new(
        "Prefix cache hits",
        unit::SHARE,
        "Share of the looked-up prompt tokens that were in the prefix cache.",
        "a fall: something at the beginning of the prompts changes from call to call, such as a date.",
    )
    .query(
        "hits",
        "found",
        "sum(rate(autoswe_vllm_prefix_cache_hits_total{$M}[$__rate_interval])) / \
         (sum(rate(autoswe_vllm_prefix_cache_queries_total{$M}[$__rate_interval])) > 0)",
    )
    .zero_to_one()
}

fn preemptions() -> Panel {
    Panel::new(
        "Preemptions",
        unit::PER_SECOND,
        "Requests that were thrown out of the cache and must be computed again.",
        "anything but 0 for long is work done twice: the cache is too small for so many requests.",
    )
    .query("preempted", "engine {{engine}}", "rate(autoswe_vllm_preemptions_total{$M}[$__rate_interval])")
    .bounds(Bounds::AnyIs(WARN))
    .at_least_zero()
}

const QUANTILES: [(&str, &str); 3] = [("p50", "light-blue"), ("p90", "semi-dark-blue"), ("p99", "purple")];

/// Quantiles of the summary `metric`.
fn latency(title: &'static str, metric: &str, act: &'static str) -> Panel {
    let of = |quantile: &str| format!(r#"{metric}{{$M, quantile="{quantile}"}}"#);
    Panel::new(
        title,
        unit::SECONDS,
        "Half, nine tenths and nearly all took no longer: quantiles of the last 5 minutes, all engines together.",
        act,
    )
    .size(6, 7)
    .query("p50", "p50", &of("0.5"))
    .query("p90", "p90", &of("0.9"))
    .query("p99", "p99", &of("0.99"))
    .colours(&QUANTILES)
    .at_least_zero()
}

fn first_token() -> Panel {
    latency(
        "Time to first token",
        "autoswe_vllm_time_to_first_token_seconds",
        "long: prompts are long and not cached, or requests queue (see Queue time).",
    )
}

fn inter_token() -> Panel {
    latency(
        "Time between tokens",
        "autoswe_vllm_inter_token_latency_seconds",
        "twice the usual: a throttled GPU, a neighbour on it, or too many requests at once.",
    )
}

fn whole() -> Panel {
    latency(
        "Time of a request",
        "autoswe_vllm_request_latency_seconds",
        "compare with the phases' budgets: a request that takes minutes makes a slow agent, not a hung one.",
    )
}

fn queue() -> Panel {
    latency(
        "Queue time",
        "autoswe_vllm_queue_time_seconds",
        "long: more requests than the engine may run at once (`--max-num-seqs`), or a full KV cache.",
    )
}

fn stall() -> Panel {
    Panel::new(
        "Stall",
        unit::SECONDS,
        "How long an engine has had work and nothing has moved, with the limits in force. Nothing is drawn while it \
         moves.",
        "the canary beside it tells a hang (no answer) from a gauge that was left over (answered).",
    )
    .above("vllm", Some("stall_warn"), Some("stall_crit"))
    .size(6, 7)
    .query("stall", "stalled for", "time() - autoswe_vllm_stall_start_timestamp_seconds{$M}")
    .colours(&[("stalled for", PLAIN)])
    .at_least_zero()
}

fn canary() -> Panel {
    Panel::new(
        "Stall and canary",
        unit::NUMBER,
        "When vLLM was stalled, and what came of the one-token request that was sent during it.",
        "a canary that fails or waits proves the hang: restart vLLM. One that is answered means that the gauges lie.",
    )
    .view(View::Lanes)
    .size(6, 7)
    .query("stalled", "stalled", "autoswe_vllm_stalled{$M} * 2")
    .query("hangs", "canary: {{result}}", r#"autoswe_vllm_canary{$M, result="timed_out"} * 2"#)
    .query("canary", "canary: {{result}}", r#"autoswe_vllm_canary{$M, result!="timed_out"}"#)
    .query("asleep", "asleep (engine {{engine}})", "autoswe_vllm_asleep{$M}")
    .words(TROUBLE)
}

fn answer() -> Panel {
    Panel::new(
        "Answer time of vLLM's metrics",
        unit::SECONDS,
        "How long vLLM takes to answer `/metrics`, with the limits in force.",
        "a busy vLLM may take 40 s and is well; longer, or no answer at all, is the check `vllm`'s business.",
    )
    .above("vllm", Some("slow"), Some("unanswered_crit"))
    .size(6, 7)
    .query("answer", "answer", "autoswe_vllm_answer_duration_seconds{$M}")
    .by_factors()
}

fn finished() -> Panel {
    Panel::new(
        "Requests finished",
        unit::NUMBER,
        "Requests that ended, by vLLM's own reason. Each bar counts those of its time.",
        "many `length`: answers are cut off. `abort`: clients give up, most often because they waited too long.",
    )
    .view(View::Bars)
    .size(6, 7)
    .query(
        "finished",
        "{{finished_reason}}",
        "sum by (finished_reason) (rate(autoswe_vllm_requests_finished_total{$M}[$__rate_interval])) \
         * $__interval_ms / 1000",
    )
    .colours(&[
        ("stop", GOOD),
        ("length", PLAIN),
        ("abort", WARN),
        ("error", CRIT),
        ("repetition", "purple"),
        ("other", REFERENCE),
    ])
    .decimals(1)
    .least_step("1m")
    .at_least_zero()
}
