//! Test double of NVML: a shared library with the C symbols that the program calls.
//!
//! A test copies the built library into a directory of its own and loads it from there. The double finds that
//! directory by its own address, reads `script` in it anew on every call, and appends each call's name to `calls`, where
//! there is one. Two copies are two drivers, so tests run side by side in one process or in many.
//!
//! A script is lines of `question = answer`. The most specific question counts: `call(argument)@gpu`,
//! `call(argument)`, `call@gpu`, `call`, then `*@gpu` and `*` for every call about a GPU. An answer is numbers, text,
//! the name of an error, or `hang` (until the script says otherwise). `model = h100 | gb10 | jetson` answers what the
//! script does not; `xids = 0:79 1:48` are events in the order in which they happen; `0:none` is one
//! without data that is not marked as an XID.

#![expect(unsafe_code, reason = "a C interface: exported symbols and the caller's pointers")]
#![expect(clippy::missing_safety_doc, missing_docs, reason = "NVML's own documentation describes these calls")]

mod answer;

use std::ffi::{c_char, c_int, c_longlong, c_uint, c_ulonglong, c_void};
use std::sync::atomic::{AtomicU32, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use answer::{Answer, Script, ask};

const SUCCESS: c_uint = 0;
const UNINITIALIZED: c_uint = 1;
const INVALID_ARGUMENT: c_uint = 2;
const NOT_SUPPORTED: c_uint = 3;
const INSUFFICIENT_SIZE: c_uint = 7;
const TIMEOUT: c_uint = 10;
const GPU_IS_LOST: c_uint = 15;

/// Initialisations that are not shut down yet.
static USERS: AtomicU32 = AtomicU32::new(0);
/// Events of the script that were delivered, or happened before anybody listened.
static DELIVERED: AtomicUsize = AtomicUsize::new(0);

/// GPUs that were lost, one bit each. NVML calls a GPU lost until its last user has shut it down.
static LOST: AtomicU32 = AtomicU32::new(0);

/// NVML's handle of a GPU: its index and one, so that it is not null.
type Device = *mut c_void;

fn index(device: Device) -> usize {
    device as usize - 1
}

/// Answers a question about a GPU; calls before initialisation and after shutdown fail, as NVML's do.
fn ask_gpu(call: &str, argument: Option<c_uint>, device: Device) -> Answer {
    let bit = 1 << index(device);
    if USERS.load(Ordering::SeqCst) == 0 {
        return Answer::Error(UNINITIALIZED);
    }
    let answer = ask(call, argument, Some(index(device)));
    if matches!(answer, Answer::Error(GPU_IS_LOST)) {
        LOST.fetch_or(bit, Ordering::SeqCst);
    }
    if LOST.load(Ordering::SeqCst) & bit == 0 { answer } else { Answer::Error(GPU_IS_LOST) }
}

/// Stores numbers through `store`, or returns the error's code.
fn numbers(answer: Answer, store: impl FnOnce(&[u64])) -> c_uint {
    match answer {
        Answer::Error(code) => code,
        Answer::Text(text) => {
            let numbers: Option<Vec<u64>> = text.split_whitespace().map(|number| number.parse().ok()).collect();
            numbers.map_or(INVALID_ARGUMENT, |numbers| {
                store(&numbers);
                SUCCESS
            })
        }
    }
}

/// Writes text with its final NUL into the caller's buffer, or returns the error's code.
unsafe fn write_text(answer: Answer, buffer: *mut c_char, length: c_uint) -> c_uint {
    match answer {
        Answer::Error(code) => code,
        Answer::Text(text) if text.len() >= length as usize => INSUFFICIENT_SIZE,
        Answer::Text(text) => {
            unsafe {
                std::ptr::copy_nonoverlapping(text.as_ptr().cast(), buffer, text.len());
                *buffer.add(text.len()) = 0;
            }
            SUCCESS
        }
    }
}

#[unsafe(no_mangle)]
pub extern "C" fn nvmlInit_v2() -> c_uint {
    match ask("nvmlInit_v2", None, None) {
        Answer::Error(code) => code,
        Answer::Text(_) => {
            USERS.fetch_add(1, Ordering::SeqCst);
            SUCCESS
        }
    }
}

#[unsafe(no_mangle)]
pub extern "C" fn nvmlShutdown() -> c_uint {
    let _ = ask("nvmlShutdown", None, None);
    if USERS.fetch_sub(1, Ordering::SeqCst) == 1 {
        LOST.store(0, Ordering::SeqCst);
    }
    SUCCESS
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn nvmlSystemGetDriverVersion(version: *mut c_char, length: c_uint) -> c_uint {
    unsafe { write_text(ask("nvmlSystemGetDriverVersion", None, None), version, length) }
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn nvmlDeviceGetCount_v2(count: *mut c_uint) -> c_uint {
    numbers(ask("nvmlDeviceGetCount_v2", None, None), |n| unsafe { *count = n[0] as c_uint })
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn nvmlDeviceGetHandleByIndex_v2(gpu: c_uint, device: *mut Device) -> c_uint {
    let handle = (gpu as usize + 1) as Device;
    match ask_gpu("nvmlDeviceGetHandleByIndex_v2", None, handle) {
        Answer::Error(code) => code,
        Answer::Text(_) => {
            unsafe { *device = handle };
            SUCCESS
        }
    }
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn nvmlDeviceGetName(device: Device, name: *mut c_char, length: c_uint) -> c_uint {
    unsafe { write_text(ask_gpu("nvmlDeviceGetName", None, device), name, length) }
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn nvmlDeviceGetUUID(device: Device, uuid: *mut c_char, length: c_uint) -> c_uint {
    unsafe { write_text(ask_gpu("nvmlDeviceGetUUID", None, device), uuid, length) }
}

#[repr(C)]
pub struct PciInfo {
    legacy_bus_id: [c_char; 16],
    numbers: [c_uint; 5],
    bus_id: [c_char; 32],
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn nvmlDeviceGetPciInfo_v3(device: Device, info: *mut PciInfo) -> c_uint {
    let answer = ask_gpu("nvmlDeviceGetPciInfo_v3", None, device);
    unsafe { write_text(answer, (&raw mut (*info).bus_id).cast(), 32) }
}

/// Calls whose answer is one number, with or without an argument that picks which.
macro_rules! one_number {
    ($($call:ident($($argument:ident)?) -> $number:ty;)+) => { $(
        #[unsafe(no_mangle)]
        pub unsafe extern "C" fn $call(device: Device, $($argument: c_uint,)? out: *mut $number) -> c_uint {
            #[allow(unused_mut, unused_assignments, reason = "some calls take no argument")]
            let mut which = None;
            $( which = Some($argument); )?
            numbers(ask_gpu(stringify!($call), which, device), |n| unsafe { *out = n[0] as $number })
        }
    )+ };
}

one_number! {
    nvmlDeviceGetClockInfo(clock) -> c_uint;
    nvmlDeviceGetMaxClockInfo(clock) -> c_uint;
    nvmlDeviceGetPowerUsage() -> c_uint;
    nvmlDeviceGetEnforcedPowerLimit() -> c_uint;
    nvmlDeviceGetTotalEnergyConsumption() -> c_ulonglong;
    nvmlDeviceGetTemperature(sensor) -> c_uint;
    nvmlDeviceGetTemperatureThreshold(threshold) -> c_uint;
    nvmlDeviceGetCurrentClocksEventReasons() -> c_ulonglong;
    nvmlDeviceGetCurrentClocksThrottleReasons() -> c_ulonglong;
    nvmlDeviceGetSupportedEventTypes() -> c_ulonglong;
}

#[repr(C)]
pub struct FieldValue {
    id: c_uint,
    scope: c_uint,
    timestamp: c_longlong,
    latency: c_longlong,
    value_type: c_uint,
    code: c_uint,
    /// A union of numbers. A shorter one lies in the lower bytes.
    value: c_ulonglong,
}

/// NVML's type of unsigned integers.
const UNSIGNED: u64 = 1;

/// The answer is the value and, where it is not an unsigned integer, NVML's number of its type; nothing leaves the field
/// as it is. An error is that field's own, and the call's only where the GPU or the driver is gone.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn nvmlDeviceGetFieldValues(device: Device, count: c_int, out: *mut FieldValue) -> c_uint {
    for at in 0..usize::try_from(count).unwrap_or(0) {
        let field = unsafe { &mut *out.add(at) };
        let answer = ask_gpu("nvmlDeviceGetFieldValues", Some(field.id), device);
        if let Answer::Error(code @ (UNINITIALIZED | GPU_IS_LOST)) = answer {
            return code;
        }
        field.code = numbers(answer, |n| {
            if let Some(value) = n.first() {
                field.value = *value;
                field.value_type = *n.get(1).unwrap_or(&UNSIGNED) as c_uint;
            }
        });
    }
    SUCCESS
}

/// `gpu` and `memory`, percent.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn nvmlDeviceGetUtilizationRates(device: Device, out: *mut [c_uint; 2]) -> c_uint {
    numbers(ask_gpu("nvmlDeviceGetUtilizationRates", None, device), |n| unsafe {
        *out = [n[0] as c_uint, n[1] as c_uint];
    })
}

/// `total`, `free` and `used`, bytes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn nvmlDeviceGetMemoryInfo(device: Device, out: *mut [c_ulonglong; 3]) -> c_uint {
    numbers(ask_gpu("nvmlDeviceGetMemoryInfo", None, device), |n| unsafe { *out = [n[0], n[1], n[2]] })
}

#[repr(C)]
pub struct MemoryV2 {
    version: c_uint,
    /// `total`, `reserved`, `free` and `used`, bytes.
    bytes: [c_ulonglong; 4],
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn nvmlDeviceGetMemoryInfo_v2(device: Device, out: *mut MemoryV2) -> c_uint {
    // NVML refuses a structure whose version is not the one it knows.
    if unsafe { (*out).version } != (size_of::<MemoryV2>() | 2 << 24) as c_uint {
        return INVALID_ARGUMENT;
    }
    numbers(ask_gpu("nvmlDeviceGetMemoryInfo_v2", None, device), |n| unsafe { (*out).bytes = [n[0], n[1], n[2], n[3]] })
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn nvmlDeviceGetTotalEccErrors(
    device: Device,
    error: c_uint,
    _counter: c_uint,
    out: *mut c_ulonglong,
) -> c_uint {
    numbers(ask_gpu("nvmlDeviceGetTotalEccErrors", Some(error), device), |n| unsafe { *out = n[0] })
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn nvmlDeviceGetRemappedRows(
    device: Device,
    correctable: *mut c_uint,
    uncorrectable: *mut c_uint,
    pending: *mut c_uint,
    failed: *mut c_uint,
) -> c_uint {
    numbers(ask_gpu("nvmlDeviceGetRemappedRows", None, device), |n| {
        for (out, number) in [correctable, uncorrectable, pending, failed].into_iter().zip(n) {
            unsafe { *out = *number as c_uint };
        }
    })
}

#[repr(C)]
pub struct Process {
    pid: c_uint,
    memory: c_ulonglong,
    instances: [c_uint; 2],
}

/// The answer is a list of process id and bytes in turn.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn nvmlDeviceGetComputeRunningProcesses_v3(
    device: Device,
    count: *mut c_uint,
    out: *mut Process,
) -> c_uint {
    let mut fits = true;
    let code = numbers(ask_gpu("nvmlDeviceGetComputeRunningProcesses_v3", None, device), |n| unsafe {
        let told = n.len() / 2;
        fits = told <= *count as usize;
        *count = told as c_uint;
        for (at, process) in n.chunks_exact(2).enumerate().filter(|_| fits) {
            *out.add(at) = Process { pid: process[0] as c_uint, memory: process[1], instances: [c_uint::MAX; 2] };
        }
    });
    if fits { code } else { INSUFFICIENT_SIZE }
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn nvmlEventSetCreate(set: *mut *mut c_void) -> c_uint {
    match ask("nvmlEventSetCreate", None, None) {
        Answer::Error(code) => code,
        Answer::Text(_) => {
            DELIVERED.store(Script::read().xids().len(), Ordering::SeqCst);
            unsafe { *set = std::ptr::dangling_mut::<u64>().cast() };
            SUCCESS
        }
    }
}

#[unsafe(no_mangle)]
pub extern "C" fn nvmlDeviceRegisterEvents(device: Device, types: c_ulonglong, _set: *mut c_void) -> c_uint {
    match ask_gpu("nvmlDeviceRegisterEvents", None, device) {
        Answer::Error(code) => code,
        Answer::Text(_) if types == 8 => SUCCESS,
        Answer::Text(_) => NOT_SUPPORTED,
    }
}

#[repr(C)]
pub struct Event {
    device: Device,
    event_type: c_ulonglong,
    data: c_ulonglong,
    instances: [c_uint; 2],
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn nvmlEventSetWait_v2(_set: *mut c_void, event: *mut Event, timeout_ms: c_uint) -> c_uint {
    let until = Instant::now() + Duration::from_millis(timeout_ms.into());
    if let Answer::Error(code) = ask("nvmlEventSetWait_v2", None, None) {
        return code;
    }
    loop {
        let delivered = DELIVERED.load(Ordering::SeqCst);
        if let Some((gpu, xid)) = Script::read().xids().get(delivered) {
            DELIVERED.store(delivered + 1, Ordering::SeqCst);
            let device = (gpu + 1) as Device;
            let (event_type, data) = xid.map_or((0, 0), |xid| (8, xid));
            unsafe { *event = Event { device, event_type, data, instances: [c_uint::MAX; 2] } };
            return SUCCESS;
        }
        if Instant::now() >= until {
            return TIMEOUT;
        }
        std::thread::sleep(Duration::from_millis(5));
    }
}

#[unsafe(no_mangle)]
pub extern "C" fn nvmlEventSetFree(_set: *mut c_void) -> c_uint {
    let _ = ask("nvmlEventSetFree", None, None);
    SUCCESS
}
