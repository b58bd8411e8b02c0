//! What the double answers: the test's script first, then the model of GPU it plays.

use std::ffi::{CStr, OsStr, c_char, c_int, c_uint, c_void};
use std::io::Write;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;
use std::time::{Duration, Instant};

/// A data-centre GPU at work.
const H100: &str = "
nvmlSystemGetDriverVersion = 570.86.15
nvmlDeviceGetCount_v2 = 1
nvmlDeviceGetName = NVIDIA H100 80GB HBM3
nvmlDeviceGetUtilizationRates = 97 61
nvmlDeviceGetClockInfo(1) = 1755
nvmlDeviceGetClockInfo(2) = 2619
nvmlDeviceGetMaxClockInfo(1) = 1980
nvmlDeviceGetMaxClockInfo(2) = 2619
nvmlDeviceGetPowerUsage = 541230
nvmlDeviceGetEnforcedPowerLimit = 700000
nvmlDeviceGetTotalEnergyConsumption = 123456789
nvmlDeviceGetTemperature = 62
nvmlDeviceGetTemperatureThreshold(0) = 95
nvmlDeviceGetTemperatureThreshold(1) = 92
nvmlDeviceGetTemperatureThreshold(2) = 95
nvmlDeviceGetFieldValues(82) = 78
nvmlDeviceGetCurrentClocksEventReasons = 0
nvmlDeviceGetCurrentClocksThrottleReasons = 1
nvmlDeviceGetMemoryInfo_v2 = 85520809984 626000000 14500000000 70394809984
nvmlDeviceGetMemoryInfo = 85520809984 14500000000 71020809984
nvmlDeviceGetTotalEccErrors(0) = 3
nvmlDeviceGetTotalEccErrors(1) = 0
nvmlDeviceGetRemappedRows = 0 0 0 0
nvmlDeviceGetComputeRunningProcesses_v3 =
nvmlDeviceGetSupportedEventTypes = 31
";

/// DGX Spark: CPU and GPU share one memory, which NVML does not tell; nor limit, ECC and memory clock.
const GB10: &str = "
nvmlSystemGetDriverVersion = 580.95.05
nvmlDeviceGetCount_v2 = 1
nvmlDeviceGetName = NVIDIA GB10
nvmlDeviceGetUtilizationRates = 95 0
nvmlDeviceGetClockInfo(1) = 2411
nvmlDeviceGetMaxClockInfo(1) = 3003
nvmlDeviceGetPowerUsage = 43020
nvmlDeviceGetTotalEnergyConsumption = 987654
nvmlDeviceGetTemperature = 63
nvmlDeviceGetCurrentClocksEventReasons = 0
nvmlDeviceGetComputeRunningProcesses_v3 =
nvmlDeviceGetSupportedEventTypes = 8
* = not_supported
";

/// Jetson: NVML starts and lists a GPU, and that is nearly all.
const JETSON: &str = "
nvmlSystemGetDriverVersion = 540.4.0
nvmlDeviceGetCount_v2 = 1
nvmlDeviceGetName = Orin (nvgpu)
* = not_supported
";

/// Names of return codes in scripts.
const ERRORS: [(&str, c_uint); 11] = [
    ("uninitialized", 1),
    ("invalid_argument", 2),
    ("not_supported", 3),
    ("no_permission", 4),
    ("driver_not_loaded", 9),
    ("function_not_found", 13),
    ("gpu_is_lost", 15),
    ("reset_required", 16),
    ("lib_rm_version_mismatch", 18),
    ("in_use", 19),
    ("unknown", 999),
];

/// A hang ends by itself after this long, so that no test leaves a thread behind for ever.
const LONGEST_HANG: Duration = Duration::from_secs(60);

/// What a call answers.
pub(crate) enum Answer {
    /// A return code other than success.
    Error(c_uint),
    /// Success, with numbers or text.
    Text(String),
}

/// Answers `call`, after writing it down, and hangs for as long as the script says so.
pub(crate) fn ask(call: &str, argument: Option<c_uint>, gpu: Option<usize>) -> Answer {
    note(call);
    let until = Instant::now() + LONGEST_HANG;
    loop {
        let answer = Script::read().answer(call, argument, gpu);
        if answer != "hang" || Instant::now() > until {
            let code = ERRORS.iter().find(|(name, _)| *name == answer).map(|(_, code)| *code);
            return code.map_or(Answer::Text(answer), Answer::Error);
        }
        std::thread::sleep(Duration::from_millis(5));
    }
}

fn note(call: &str) {
    // Not made here: a driver may be asked to its end and past it, while its test takes the directory away.
    let calls = std::fs::OpenOptions::new().append(true).open(HOME.join("calls"));
    // A library has nobody to tell: the test that counts calls finds them missing.
    if let Ok(mut calls) = calls {
        drop(writeln!(calls, "{call}"));
    }
}

/// The test's script, as it is at this moment.
pub(crate) struct Script(String);

impl Script {
    pub(crate) fn read() -> Self {
        Script(std::fs::read_to_string(HOME.join("script")).unwrap_or_default())
    }

    /// Events in the order in which they happen: GPU and XID, which one without data has not.
    pub(crate) fn xids(&self) -> Vec<(usize, Option<u64>)> {
        let events = find(&self.0, "xids").unwrap_or_default();
        let event = |text: &str| Some((text.split_once(':')?.0.parse().ok()?, text.split_once(':')?.1.parse().ok()));
        events.split_whitespace().filter_map(event).collect()
    }

    fn answer(&self, call: &str, argument: Option<c_uint>, gpu: Option<usize>) -> String {
        let model = match find(&self.0, "model") {
            Some("gb10") => GB10,
            Some("jetson") => JETSON,
            _ => H100,
        };
        let questions = questions(call, argument, gpu);
        let answer = [&self.0, model].into_iter().find_map(|text| questions.iter().find_map(|q| find(text, q)));
        answer.map_or_else(|| unscripted(call, gpu), str::to_owned)
    }
}

/// What a question is called in a script, most specific first.
fn questions(call: &str, argument: Option<c_uint>, gpu: Option<usize>) -> Vec<String> {
    let mut questions = Vec::new();
    for name in argument.map(|argument| format!("{call}({argument})")).into_iter().chain([call.to_owned()]) {
        questions.extend(gpu.map(|gpu| format!("{name}@{gpu}")));
        questions.push(name);
    }
    // Opening a GPU and telling who it is works even where nothing else does.
    let identity = ["nvmlDeviceGetHandleByIndex_v2", "nvmlDeviceGetUUID", "nvmlDeviceGetPciInfo_v3"].contains(&call);
    let events = call.contains("RegisterEvents");
    questions.extend(gpu.map(|gpu| format!("*@{gpu}")));
    questions.extend(gpu.filter(|_| !identity && !events).map(|_| "*".to_owned()));
    questions
}

fn unscripted(call: &str, gpu: Option<usize>) -> String {
    match (call, gpu) {
        ("nvmlDeviceGetUUID", Some(gpu)) => format!("GPU-5ca1ab1e-0000-0000-0000-{gpu:012}"),
        ("nvmlDeviceGetPciInfo_v3", Some(gpu)) => format!("00000000:{:02X}:00.0", gpu + 1),
        _ => String::new(),
    }
}

fn find<'a>(text: &'a str, question: &str) -> Option<&'a str> {
    let lines = text.lines().filter_map(|line| line.split_once('='));
    lines.map(|(key, value)| (key.trim(), value.trim())).find(|(key, _)| *key == question).map(|(_, value)| value)
}

/// The directory this copy of the library was loaded from.
static HOME: LazyLock<PathBuf> = LazyLock::new(|| own_path().parent().unwrap_or(Path::new("/")).to_owned());

#[repr(C)]
struct DlInfo {
    file: *const c_char,
    base: *mut c_void,
    symbol: *const c_char,
    address: *mut c_void,
}

unsafe extern "C" {
    fn dladdr(address: *const c_void, info: *mut DlInfo) -> c_int;
}

fn own_path() -> PathBuf {
    let null: *mut c_void = std::ptr::null_mut();
    let mut info = DlInfo { file: null.cast(), base: null, symbol: null.cast(), address: null };
    // SAFETY: `info` is live, and the loader keeps the file's name for as long as the library is loaded.
    let file = unsafe {
        assert_ne!(dladdr(own_path as *const c_void, &raw mut info), 0, "the loader knows no library of this function");
        CStr::from_ptr(info.file)
    };
    Path::new(OsStr::from_bytes(file.to_bytes())).to_owned()
}
