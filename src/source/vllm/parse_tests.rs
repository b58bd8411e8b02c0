use super::*;

const URL: &str = "http://127.0.0.1:8010";
const BUSY: &[u8] = include_bytes!("../../../tests/fixtures/vllm-0.32.0/busy-8.prom");
const STALL: &[u8] = include_bytes!("../../../tests/fixtures/vllm-0.32.0/stall-1.prom");

fn sample(page: &str) -> VllmSample {
    parse(page.as_bytes(), URL).unwrap_or_else(|failure| panic!("{failure}\n{page}"))
}

fn only_engine(page: &str) -> Engine {
    let mut engines = sample(page).engines;
    assert_eq!(engines.len(), 1, "{page}");
    engines.remove(0)
}

fn failure(page: &[u8]) -> Failure {
    parse(page, URL).unwrap_err()
}

#[test]
fn a_captured_page_becomes_a_sample() {
    let sample = parse(STALL, URL).unwrap();
    assert_eq!(sample.process_start, Some(1.79533140403e9));
    let reasons = [("abort", 0.0), ("error", 0.0), ("length", 6.0), ("repetition", 0.0), ("stop", 0.0)];
    let expected = Engine {
        model_name: "qwen-tiny".into(),
        engine: "0".into(),
        running: Some(4.0),
        waiting: Some(0.0),
        kv_cache_usage: Some(0.0012207776353537758),
        prompt_tokens: Some(1610.0),
        generation_tokens: Some(10549.0),
        preemptions: Some(0.0),
        iterations: Some(1889.0),
        prefix_cache_queries: Some(1610.0),
        prefix_cache_hits: Some(512.0),
        request_success: reasons.map(|(reason, count)| (reason.to_owned(), count)).to_vec(),
        asleep: Some(false),
    };
    assert_eq!(sample.engines, [expected]);
    let ttft = sample.time_to_first_token.unwrap();
    assert_eq!((ttft.buckets.len(), ttft.count), (23, 10.0));
    assert_eq!(ttft.buckets.last().unwrap(), &(f64::INFINITY, 10.0));
    for histogram in [sample.inter_token_latency, sample.request_latency, sample.queue_time] {
        assert!(histogram.unwrap().count > 0.0);
    }
}

#[test]
fn several_engines_are_kept_apart_and_their_histograms_summed() {
    let second = String::from_utf8_lossy(BUSY).replace("engine=\"0\"", "engine=\"1\"");
    let both = [BUSY, second.as_bytes()].concat();
    let (one, two) = (parse(BUSY, URL).unwrap(), parse(&both, URL).unwrap());
    let names: Vec<&str> = two.engines.iter().map(|engine| engine.engine.as_str()).collect();
    assert_eq!(names, ["0", "1"]);
    assert_eq!(two.engines[0], one.engines[0]);
    assert_eq!(two.engines[1].generation_tokens, one.engines[0].generation_tokens);
    let (one, two) = (one.time_to_first_token.unwrap(), two.time_to_first_token.unwrap());
    assert_eq!((two.count, two.sum, two.buckets.len()), (2.0 * one.count, 2.0 * one.sum, one.buckets.len()));
    assert_eq!(two.buckets[3].1, 2.0 * one.buckets[3].1);
}

#[test]
fn engines_and_models_are_sorted_whatever_their_order_on_the_page() {
    let page = "vllm:num_requests_running{engine=\"1\",model_name=\"b\"} 1\n\
                vllm:num_requests_running{engine=\"0\",model_name=\"b\"} 2\n\
                vllm:num_requests_running{engine=\"0\",model_name=\"a\"} 3\n\
                vllm:num_requests_waiting{engine=\"0\",model_name=\"b\"} 4\n";
    let engines = sample(page).engines;
    let seen: Vec<_> = engines.iter().map(|e| (&*e.model_name, &*e.engine, e.running, e.waiting)).collect();
    let expected = [("a", "0", Some(3.0), None), ("b", "0", Some(2.0), Some(4.0)), ("b", "1", Some(1.0), None)];
    assert_eq!(seen, expected);
}

#[test]
fn former_names_are_read_and_present_ones_preferred() {
    let old = "vllm:gpu_cache_usage_perc{model_name=\"m\"} 0.5\n\
               vllm:gpu_prefix_cache_queries_total{model_name=\"m\"} 10\n\
               vllm:gpu_prefix_cache_hits_total{model_name=\"m\"} 4\n\
               vllm:time_per_output_token_seconds_bucket{le=\"0.1\",model_name=\"m\"} 3\n\
               vllm:time_per_output_token_seconds_bucket{le=\"+Inf\",model_name=\"m\"} 5\n\
               vllm:time_per_output_token_seconds_count{model_name=\"m\"} 5\n";
    let engine = only_engine(old);
    assert_eq!((engine.model_name.as_str(), engine.engine.as_str()), ("m", ""), "0.6 had no engine label");
    assert_eq!(engine.kv_cache_usage, Some(0.5));
    assert_eq!((engine.prefix_cache_queries, engine.prefix_cache_hits), (Some(10.0), Some(4.0)));
    assert_eq!(sample(old).inter_token_latency.unwrap().buckets, [(0.1, 3.0), (f64::INFINITY, 5.0)]);

    let both = format!(
        "vllm:kv_cache_usage_perc{{model_name=\"m\"}} 0.7\n{old}\
         vllm:prefix_cache_queries_total{{model_name=\"m\"}} 20\n\
         vllm:inter_token_latency_seconds_bucket{{le=\"+Inf\",model_name=\"m\"}} 9\n"
    );
    let engine = only_engine(&both);
    assert_eq!((engine.kv_cache_usage, engine.prefix_cache_queries), (Some(0.7), Some(20.0)));
    assert_eq!(sample(&both).inter_token_latency.unwrap().count, 9.0);
}

#[test]
fn the_share_of_the_cache_is_never_summed() {
    let page = "vllm:gpu_cache_usage_perc{engine=\"0\",model_name=\"m\",pid=\"7\"} 0.25\n\
                vllm:gpu_cache_usage_perc{engine=\"0\",model_name=\"m\",pid=\"8\"} 0.75\n\
                vllm:gpu_cache_usage_perc{engine=\"0\",model_name=\"m\",pid=\"9\"} 0.5\n";
    assert_eq!(only_engine(page).kv_cache_usage, Some(0.75));
    assert_eq!(only_engine(&page.replace("gpu_cache", "kv_cache")).kv_cache_usage, Some(0.75));
}

#[test]
fn openmetrics_and_counters_without_suffix_are_read() {
    let page = "# TYPE vllm:generation_tokens counter\nvllm:generation_tokens_total{model_name=\"m\"} 5 17.5 # {} 1\n\
                vllm:prompt_tokens{model_name=\"m\"} 6\nvllm:generation_tokens_created{model_name=\"m\"} 1e9\n# EOF";
    let engine = only_engine(page);
    assert_eq!((engine.generation_tokens, engine.prompt_tokens), (Some(5.0), Some(6.0)));
    assert_eq!(only_engine("{\"vllm:num_requests_running\",\"model_name\"=\"m\"} 2\n").running, Some(2.0));
}

#[test]
fn nan_and_nonsense_are_absent() {
    for value in ["NaN", "-1", "+Inf"] {
        let page = format!("vllm:num_requests_running {value}\nvllm:num_requests_waiting 0\n");
        let engine = only_engine(&page);
        assert_eq!((engine.running, engine.waiting), (None, Some(0.0)), "{value}");
    }
    let cut = "vllm:e2e_request_latency_seconds_bucket{le=\"1\"} 3\nvllm:e2e_request_latency_seconds_count 3\n";
    assert_eq!(sample(cut).request_latency, None, "without its infinite bucket");
}

#[test]
fn a_sleeping_engine_is_known() {
    let page =
        "vllm:engine_sleep_state{sleep_state=\"awake\"} 0\nvllm:engine_sleep_state{sleep_state=\"discard_all\"} 1\n";
    assert_eq!(only_engine(page).asleep, Some(true));
    assert_eq!(only_engine("vllm:num_requests_running 1\n").asleep, None);
}

#[test]
fn what_is_not_prometheus_text_is_named() {
    let html = failure(b"<!DOCTYPE html>\n<html><body>It works</body></html>\n");
    assert_eq!(html.kind, FailureKind::NotPrometheus);
    assert!(html.message.contains("an HTML page") && html.message.contains("vLLM's port"), "{html}");
    for (page, looks) in [(&b"{\"a\":1}"[..], "JSON"), (b"", "an empty page"), (&[0xff; 99], "binary data")] {
        let failure = failure(page);
        assert_eq!(failure.kind, FailureKind::NotPrometheus);
        assert!(failure.message.contains(looks), "{failure}");
    }
}

#[test]
fn a_page_without_vllm_series_is_not_down() {
    let failure = failure(b"# HELP python_info x\npython_info{version=\"3\"} 1\nprocess_start_time_seconds 1e9\n");
    assert_eq!(failure.kind, FailureKind::NoVllmSeries);
    assert!(failure.message.contains("--disable-log-stats") && failure.message.contains("python_info"), "{failure}");
}

#[test]
fn a_page_cut_at_any_line_never_tells_another_value() {
    let whole = parse(BUSY, URL).unwrap();
    let whole = &whole.engines[0];
    for cut in (0..BUSY.len()).filter(|at| at % 97 == 0 || BUSY[*at] == b'\n') {
        let Ok(sample) = parse(&BUSY[..cut], URL) else { continue };
        for engine in sample.engines {
            let pairs = [
                (engine.running, whole.running),
                (engine.generation_tokens, whole.generation_tokens),
                (engine.kv_cache_usage, whole.kv_cache_usage),
                (engine.iterations, whole.iterations),
            ];
            assert!(pairs.iter().all(|(cut, whole)| cut.is_none() || cut == whole), "cut at {cut}: {engine:?}");
        }
    }
}

#[test]
fn a_hostile_page_is_bounded() {
    let mut page = String::new();
    for i in 0..3000 {
        page += &format!("vllm:num_requests_running{{engine=\"{i}\"}} 1\n");
        page += &format!("vllm:request_success_total{{engine=\"0\",finished_reason=\"{i}\"}} 1\n");
        page += &format!("vllm:time_to_first_token_seconds_bucket{{le=\"{i}\"}} 1\n");
    }
    page += &format!("vllm:num_requests_waiting{{engine=\"0\",model_name=\"{}\"}} 1\n", "x".repeat(10_000));
    let sample = sample(&page);
    assert_eq!(sample.engines.len(), MAX_ENGINES);
    assert!(sample.engines.iter().all(|e| e.request_success.len() <= MAX_REASONS && e.model_name.len() <= MAX_LABEL));
    assert_eq!(sample.time_to_first_token, None);
    let long = only_engine(&format!(
        "vllm:num_requests_waiting{{model_name=\"{0}\"}} 1\nvllm:num_requests_running{{model_name=\"{0}\"}} 1\n",
        "ü".repeat(300)
    ));
    assert_eq!((long.model_name.chars().count(), long.running, long.waiting), (MAX_LABEL, Some(1.0), Some(1.0)));
}
