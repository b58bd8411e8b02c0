//! What follows from the values: whose processes, findings, events, the report, and the end.

use std::process::Command;
use std::sync::mpsc::{Sender, channel};
use std::thread::JoinHandle;

use nvml_wrapper::Nvml;
use nvml_wrapper::bitmasks::event::EventTypes;
use nvml_wrapper::error::NvmlError;
use rustix::process::Signal;
use serde_json::{Value, json};

use super::told::{Told, judge, print, settle};
use super::work::{Work, fault};
use super::{MIB, STAND_IN, World, command, home, series, smi};
use crate::exporter::signals::STOPS_WITHIN;
use crate::exporter::{check, findings, metric, scrape};

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs a GPU and its driver; tests/run gpu"]
async fn processes_are_told_by_owner_until_they_end() {
    let world = World::start(json!({})).await;
    let compare = async |owners: [f64; 3]| {
        let told = async || {
            let (page, state) = (world.exporter.metrics().await, world.exporter.state().await);
            let mut told = counted(&page, owners);
            told.extend(listed(&state));
            told
        };
        settle(told).await
    };
    let mut told = compare([0.0, 0.0, 0.0]).await;
    let (stand_in, other) = (Work::hold(STAND_IN, 512 * MIB), Work::hold("gpu_work.py", 256 * MIB));
    told.extend(compare([1.0, 1.0, 0.0]).await);
    let state = world.exporter.state().await;
    for (work, vllm, least) in [(&stand_in, true, 512), (&other, false, 256)] {
        let pid = work.pid();
        let ours = processes(&state).iter().find(|process| process["pid"] == pid);
        let expected = ours.is_some_and(|process| {
            process["vllm"] == vllm
                && process["command"] == work.command()
                && process["memory"].as_u64().is_some_and(|bytes| bytes >= least * MIB)
        });
        let line = format!("process {pid} is told, with {least} MiB at least: {ours:?}");
        told.extend(print(vec![Told::holds(line, expected)]));
    }
    drop((stand_in, other));
    told.extend(compare([0.0, 0.0, 0.0]).await);
    judge(told);
}

fn processes(state: &Value) -> &[Value] {
    state["sources"]["gpu"]["value"]["gpus"][0]["processes"].as_array().map_or(&[], Vec::as_slice)
}

/// How many processes are vLLM's, another's, and nobody's that is known.
fn counted(page: &str, wanted: [f64; 3]) -> Vec<Told> {
    let owner = |(owner, wanted): (&str, f64)| {
        let labels = format!(",owner=\"{owner}\"");
        let ours = metric(page, &series("processes", 0, &labels));
        let memory = metric(page, &series("process_memory_bytes", 0, &labels)).map(|bytes| bytes / MIB as f64);
        Told::holds(
            format!("processes of {owner}: ours {ours:?}, wanted {wanted}, with {memory:?} MiB"),
            ours == Some(wanted) && memory.is_some_and(|memory| (memory > 0.0) == (wanted > 0.0)),
        )
    };
    ["vllm", "other", "unknown"].into_iter().zip(wanted).map(owner).collect()
}

/// The processes of the first GPU, with their memory, as both tell them.
fn listed(state: &Value) -> Vec<Told> {
    let mut theirs: Vec<(u64, Option<f64>)> = smi::table("compute-apps", 0, ["pid", "used_memory"])
        .into_iter()
        .map(|[pid, memory]| (pid.unwrap().parse().unwrap(), memory.map(|text| text.parse().unwrap())))
        .collect();
    theirs.sort_by_key(|(pid, _)| *pid);
    let pids = |of: &[(u64, Option<f64>)]| of.iter().map(|(pid, _)| *pid).collect::<Vec<_>>();
    let memory = |process: &Value| process["memory"].as_f64().map(|bytes| bytes / MIB as f64);
    let told = processes(state).iter().map(|process| (process["pid"].as_u64().unwrap(), memory(process)));
    let ours: Vec<_> = told.collect();
    let mut told = vec![Told::same("process ids", pids(&ours), pids(&theirs))];
    let pairs = ours.iter().zip(&theirs);
    told.extend(
        pairs.map(|(ours, theirs)| Told::near(format!("memory MiB of process {}", ours.0), ours.1, theirs.1, 1.0)),
    );
    told
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs a GPU and its driver; tests/run gpu"]
async fn a_gpu_that_idles_while_requests_run_is_found_until_it_works() {
    let server = scrape::vllm().await;
    let world = World::start(json!({
        "vllm": {"enabled": true, "url": server.url, "interval": "250ms", "canary": false},
        "checks": {"gpu": {"sustained": "2s"}},
    }))
    .await;
    let idle = Work::hold(STAND_IN, 64 * MIB);
    let other = Work::hold("gpu_work.py", 64 * MIB);
    let contending = format!("contending: {} (pid {})", other.command(), other.pid());
    let found = |state: &Value| {
        let told = check(state, "gpu")["findings"].as_array().unwrap().iter().find(|told| told["code"] == "idle");
        told.map(|told| told["reason"].as_str().unwrap().to_owned())
    };
    let named = |state: &Value| found(state).is_some_and(|reason| reason.contains(&contending));
    let state = world.exporter.until(&format!("idle, {contending}"), named).await;
    eprintln!("found: {} {}", check(&state, "gpu")["severity"], found(&state).unwrap());
    assert_eq!(check(&state, "gpu")["severity"], "WARN");

    drop(other);
    let work = Work::busy(STAND_IN, 64 * MIB);
    let resolved = |state: &Value| {
        let busy = state["sources"]["gpu"]["value"]["gpus"][0]["utilization"].as_f64();
        found(state).is_none() && busy.is_some_and(|busy| busy >= 0.9)
    };
    let state = world.exporter.until("no longer idle, and at work", resolved).await;
    eprintln!("resolved: {:?}, {}", findings(&state), check(&state, "gpu")["summary"]);
    assert_eq!(state["sources"]["gpu"]["status"], "observed", "silence resolves nothing");
    drop((idle, work));
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs a GPU and its driver; tests/run gpu"]
async fn a_fault_of_a_program_is_counted_by_its_xid_and_is_no_finding() {
    let world = World::start(json!({})).await;
    let listener = listen();
    let before = world.exporter.state().await;
    let output = fault();
    eprintln!("fault: {output:?}");
    assert!(output.status.success(), "no fault was brought about: {output:?}");
    let events = async || {
        let page = world.exporter.metrics().await;
        let told: Vec<&str> = page.lines().filter(|line| line.starts_with(XIDS)).collect();
        let harmless = |line: &&str| line.contains(",critical=\"false\"}") && !line.ends_with(" 0");
        vec![Told::holds(format!("XID events: {told:?}"), !told.is_empty() && told.iter().all(harmless))]
    };
    let mut told = settle(events).await;
    eprintln!("heard in this process: {}", listener.join().unwrap());
    eprintln!("log:\n{}\nkernel:\n{}", last(&world.exporter.log.all(), "XID"), kernel());
    let after = world.exporter.state().await;
    let [was, is] = [&before, &after].map(|state| (state["severity"].clone(), findings(state)));
    let line = format!("severity and findings were {was:?} and are {is:?}");
    told.extend(print(vec![Told::holds(line, was == is)]));
    judge(told);
}

/// How the line of each code begins.
const XIDS: &str = "autoswe_gpu_xid_events_total{gpu=\"0\",xid=";

/// Listens to NVML in this process too: where the program counts nothing, it says whether an event came at all.
fn listen() -> JoinHandle<String> {
    let (ready, registered) = channel();
    let listen = move || heard(&ready).unwrap_or_else(|error| format!("nothing: {error}"));
    let thread = std::thread::spawn(listen);
    // Where registering fails nobody answers, and the thread says why.
    registered.recv().ok();
    thread
}

fn heard(ready: &Sender<()>) -> Result<String, NvmlError> {
    let nvml = Nvml::builder().lib_path("libnvidia-ml.so.1".as_ref()).init()?;
    let device = nvml.device_by_index(0)?;
    eprintln!("events that the driver says it can tell: {:?}", device.supported_event_types()?);
    let registered = device.register_events(EventTypes::CRITICAL_XID_ERROR, nvml.create_event_set()?);
    let set = registered.map_err(|error| error.error)?;
    ready.send(()).ok();
    let event = set.wait(10_000)?;
    Ok(format!("{:?}, {:?} of {}", event.event_type, event.event_data, event.device.uuid()?))
}

/// What the kernel logged of XIDs, where this user may read it.
fn kernel() -> String {
    match Command::new("dmesg").output() {
        Ok(output) if output.status.success() => last(&String::from_utf8_lossy(&output.stdout), "NVRM"),
        Ok(output) => String::from_utf8_lossy(&output.stderr).into_owned(),
        Err(error) => format!("dmesg: {error}"),
    }
}

/// The last lines of a log that hold `word`.
fn last(log: &str, word: &str) -> String {
    let lines: Vec<&str> = log.lines().filter(|line| line.contains(word)).collect();
    lines[lines.len().saturating_sub(20)..].join("\n")
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs a GPU and its driver; tests/run gpu"]
async fn the_report_tells_the_gpu() {
    let gpus = smi::gpus();
    let [name] = smi::ask(0, ["name"]).map(Option::unwrap);
    let home = home(json!({}));
    let report = |arguments: &[&str]| {
        let output = command(&home).arg("report").args(["--sample", "0"]).args(arguments).output().unwrap();
        eprintln!("{arguments:?}: {:?} {}", output.status, String::from_utf8_lossy(&output.stderr));
        (output.status.code().unwrap(), String::from_utf8(output.stdout).unwrap())
    };
    let (code, said) = report(&["--json"]);
    let told: Value = serde_json::from_str(&said).unwrap();
    assert_eq!(code, i32::from(told["severity"] == "CRIT"));
    assert_eq!(told["sources"]["gpu"]["status"], "observed");
    assert_eq!(told["sources"]["gpu"]["value"]["gpus"].as_array().map(Vec::len), Some(gpus.len()));
    assert_eq!(told["sources"]["gpu"]["value"]["gpus"][0]["name"], name);
    let (again, said) = report(&[]);
    eprintln!("{said}");
    assert_eq!(again, code);
    assert!(said.lines().any(|line| line.starts_with("GPU") && line.contains(&name)), "no line of the GPU");
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs a GPU and its driver; tests/run gpu"]
async fn it_stops_in_time_while_nvml_is_open() {
    let mut world = World::start(json!({"gpu": {"interval": "50ms"}})).await;
    world.exporter.signal(Signal::TERM);
    assert_eq!(world.exporter.exit_code(STOPS_WITHIN).await, Some(0), "{}", world.exporter.log.all());
}
