//! One GPU, asked value by value.
//!
//! Invariant: each value is decided by its own return code; a value that fails leaves the others intact.

use nvml_wrapper::enum_wrappers::device::{Clock, EccCounter, MemoryError, TemperatureSensor, TemperatureThreshold};
use nvml_wrapper::enums::device::{SampleValue, UsedGpuMemory};
use nvml_wrapper::error::NvmlError;
use nvml_wrapper::struct_wrappers::device::ProcessInfo;
use nvml_wrapper::structs::device::FieldId;
use nvml_wrapper::sys_exports::field_id::NVML_FI_DEV_MEMORY_TEMP;
use nvml_wrapper::{Device, Nvml};

use super::energy::Energy;
use super::failure::{Reach, reach};
use super::process::Processes;
use super::raw;
use crate::observation::{Field, Gpu, GpuProcess};

/// Asks what never changes while the driver stays loaded. `false` next to it when an answer failed in a way that a
/// later one may not, so that it is asked again.
pub(super) fn fixed(device: &Device<'_>, index: u32) -> Result<(Gpu, bool), NvmlError> {
    let mut answers = Answers::of(index);
    let gpu = Gpu {
        index,
        uuid: answers.text("uuid", device.uuid()),
        name: answers.text("name", device.name()),
        pci_bus_id: answers.text("pci_info", device.pci_info().map(|pci| pci.bus_id)),
        sm_clock_max: answers.hertz("max SM clock", device.max_clock_info(Clock::SM)),
        memory_clock_max: answers.hertz("max memory clock", device.max_clock_info(Clock::Memory)),
        temperature_slowdown: answers.threshold(device, TemperatureThreshold::Slowdown),
        temperature_shutdown: answers.threshold(device, TemperatureThreshold::Shutdown),
        memory_temperature_slowdown: answers.threshold(device, TemperatureThreshold::MemoryMax),
        ..Gpu::default()
    };
    let complete = answers.failed.is_none();
    answers.device_error.map_or(Ok((gpu, complete)), Err)
}

/// Asks what changes, and adds it to what is `fixed`. `energy` is what its turn told already.
pub(super) fn live(nvml: &Nvml, device: &Device<'_>, fixed: &Gpu, energy: &mut Energy) -> Result<Gpu, NvmlError> {
    let mut answers = Answers::of(fixed.index);
    let (utilization, memory_utilization) =
        split(answers.field("utilization", device.utilization_rates().map(|u| (u.gpu, u.memory))));
    let (memory_used, memory_total) = split(answers.field("memory", memory(nvml, device)));
    let (rows, remap_failed) = split(answers.field("remapped rows", raw::remapped_rows(nvml, device)));
    let gpu = Gpu {
        utilization: map(utilization, percent),
        memory_utilization: map(memory_utilization, percent),
        sm_clock: answers.hertz("SM clock", device.clock_info(Clock::SM)),
        memory_clock: answers.hertz("memory clock", device.clock_info(Clock::Memory)),
        power: answers.thousandths("power", device.power_usage()),
        power_limit: answers.thousandths("power limit", device.enforced_power_limit()),
        energy: answers.energy(device, energy),
        temperature: map(answers.field("temperature", device.temperature(TemperatureSensor::Gpu)), f64::from),
        memory_temperature: answers.field("memory temperature", memory_temperature(device)),
        throttle_reasons: answers.field("clock event reasons", raw::clock_event_reasons(nvml, device)),
        memory_used,
        memory_total,
        ecc_corrected: answers.ecc(device, MemoryError::Corrected),
        ecc_uncorrected: answers.ecc(device, MemoryError::Uncorrected),
        remapped_rows: map(rows, u64::from),
        remap_failed,
        ..fixed.clone()
    };
    answers.verdict(gpu)
}

/// The compute processes of `device`, by process id.
pub(super) fn processes(device: &Device<'_>, index: u32, processes: &Processes) -> Field<Vec<GpuProcess>> {
    let told = Answers::of(index).field("processes", device.running_compute_processes());
    map(told, |mut told| {
        told.sort_by_key(|process| process.pid);
        told.dedup_by_key(|process| process.pid);
        told.iter().map(|process| processes.describe(process.pid, memory_of(process))).collect()
    })
}

fn memory_of(process: &ProcessInfo) -> Field<u64> {
    match process.used_gpu_memory {
        UsedGpuMemory::Used(bytes) => Field::Value(bytes),
        UsedGpuMemory::Unavailable => Field::Unsupported,
    }
}

/// Memory in use and in all, bytes. Drivers before 510 know only the older call.
fn memory(nvml: &Nvml, device: &Device<'_>) -> Result<(u64, u64), NvmlError> {
    match device.memory_info() {
        Ok(memory) => Ok((memory.used, memory.total)),
        Err(_) => raw::memory_info_v1(nvml, device),
    }
}

/// Temperature of the memory, degrees Celsius. NVML says in the field itself whether it knows it: the call succeeds
/// also where it does not.
fn memory_temperature(device: &Device<'_>) -> Result<f64, NvmlError> {
    let fields = newer(device.field_values_for(&[FieldId(NVML_FI_DEV_MEMORY_TEMP)]))?;
    let field = fields.into_iter().next().ok_or(NvmlError::NotSupported)??;
    celsius(&newer(field.value)?).ok_or(NvmlError::NotSupported)
}

/// NVML tells a temperature as a whole number, of a type that it names. All ones, which may read as -1, stand for one
/// that is not available, and a fraction is a field that nobody filled in: neither is a temperature.
fn celsius(told: &SampleValue) -> Option<f64> {
    let whole = match *told {
        SampleValue::U32(told) => i64::from(told),
        SampleValue::U64(told) => i64::try_from(told).ok()?,
        SampleValue::I64(told) => told,
        SampleValue::F64(_) => return None,
    };
    u16::try_from(whole).ok().map(f64::from)
}

/// The answer to a question that is newer than its call: a driver that does not know it calls it a wrong argument.
fn newer<T>(answer: Result<T, NvmlError>) -> Result<T, NvmlError> {
    answer.map_err(|error| if matches!(error, NvmlError::InvalidArg) { NvmlError::NotSupported } else { error })
}

/// The answers of one device so far.
struct Answers {
    index: u32,
    device_error: Option<NvmlError>,
    failed: Option<NvmlError>,
}

impl Answers {
    fn of(index: u32) -> Self {
        Answers { index, device_error: None, failed: None }
    }

    /// The value in `result`, or why not, noted.
    fn field<T>(&mut self, what: &str, result: Result<T, NvmlError>) -> Field<T> {
        let error = match result {
            Ok(value) => return Field::Value(value),
            Err(error) => error,
        };
        match reach(&error) {
            Reach::Unsupported => {}
            Reach::Field => {
                tracing::debug!(gpu = self.index, what, %error, "NVML cannot tell");
                self.failed = Some(error);
            }
            Reach::Device | Reach::Driver => self.device_error = Some(error),
        }
        Field::Unsupported
    }

    fn text(&mut self, what: &str, result: Result<String, NvmlError>) -> String {
        Option::from(self.field(what, result)).unwrap_or_default()
    }

    /// NVML tells megahertz.
    fn hertz(&mut self, what: &str, result: Result<u32, NvmlError>) -> Field<f64> {
        map(self.field(what, result), |megahertz| f64::from(megahertz) * 1e6)
    }

    /// NVML tells milliwatts.
    fn thousandths(&mut self, what: &str, result: Result<u32, NvmlError>) -> Field<f64> {
        map(self.field(what, result), |milli| f64::from(milli) / 1e3)
    }

    /// NVML tells millijoules. An answer stands for its turn, "not supported" too; a failure does not.
    #[expect(clippy::cast_precision_loss, reason = "exact below 9e15 mJ, a megawatt over a century")]
    fn energy(&mut self, device: &Device<'_>, energy: &mut Energy) -> Field<f64> {
        if let Some(told) = energy.told() {
            return told;
        }
        let answer = device.total_energy_consumption();
        let failed = answer.as_ref().is_err_and(|error| reach(error) != Reach::Unsupported);
        let told = map(self.field("energy", answer), |milli| milli as f64 / 1e3);
        if !failed {
            energy.keep(told);
        }
        told
    }

    fn threshold(&mut self, device: &Device<'_>, which: TemperatureThreshold) -> Field<f64> {
        map(self.field("temperature threshold", newer(device.temperature_threshold(which))), f64::from)
    }

    fn ecc(&mut self, device: &Device<'_>, which: MemoryError) -> Field<u64> {
        self.field("ECC errors", device.total_ecc_errors(which, EccCounter::Volatile))
    }

    /// `gpu`, unless it is lost, or tells nothing at all because its answers fail.
    fn verdict(self, gpu: Gpu) -> Result<Gpu, NvmlError> {
        match (self.device_error, self.failed) {
            (Some(error), _) => Err(error),
            (None, Some(error)) if !gpu.tells_anything() => Err(error),
            _ => Ok(gpu),
        }
    }
}

fn percent(percent: u32) -> f64 {
    f64::from(percent) / 100.0
}

fn map<T, U>(field: Field<T>, f: impl FnOnce(T) -> U) -> Field<U> {
    Option::from(field).map(f).into()
}

fn split<A, B>(field: Field<(A, B)>) -> (Field<A>, Field<B>) {
    let (a, b) = Option::from(field).unzip();
    (a.into(), b.into())
}
