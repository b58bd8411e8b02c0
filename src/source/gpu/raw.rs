//! The NVML calls that nvml-wrapper leaves unwrapped, each as a safe function.
//!
//! Invariant: a handle is only passed to the library that gave it, which outlives the call because the device borrows
//! it; every pointer points at a live local of the type that the C signature names.

#![expect(unsafe_code, reason = "these NVML calls have no safe wrapper; each is one call with its own locals")]

use nvml_wrapper::error::{NvmlError, nvml_sym, nvml_try};
use nvml_wrapper::{Device, Nvml};

/// A number that is the same for two devices only when they are the same GPU of the same session.
pub(super) fn key(device: &Device<'_>) -> usize {
    // SAFETY: the handle is compared and never used as a pointer.
    unsafe { device.handle() as usize }
}

/// The clock event reasons with every bit NVML told. Drivers before 535 know them as throttle reasons.
pub(super) fn clock_event_reasons(nvml: &Nvml, device: &Device<'_>) -> Result<u64, NvmlError> {
    let lib = nvml.lib();
    let call = match lib.nvmlDeviceGetCurrentClocksEventReasons.as_ref() {
        Ok(call) => call,
        Err(_) => nvml_sym(lib.nvmlDeviceGetCurrentClocksThrottleReasons.as_ref())?,
    };
    let mut reasons = 0;
    // SAFETY: see the module's invariant.
    nvml_try(unsafe { call(device.handle(), &raw mut reasons) })?;
    Ok(reasons)
}

/// Memory in use and in all, bytes, by the older call that counts memory reserved by the driver as used.
pub(super) fn memory_info_v1(nvml: &Nvml, device: &Device<'_>) -> Result<(u64, u64), NvmlError> {
    let call = nvml_sym(nvml.lib().nvmlDeviceGetMemoryInfo.as_ref())?;
    // SAFETY: the struct holds three integers, for which all zeroes is a value; see the module's invariant.
    let (code, memory) = unsafe {
        let mut memory = std::mem::zeroed();
        (call(device.handle(), &raw mut memory), memory)
    };
    nvml_try(code)?;
    Ok((memory.used, memory.total))
}

/// Memory rows remapped because of uncorrectable errors, and whether remapping a row failed.
pub(super) fn remapped_rows(nvml: &Nvml, device: &Device<'_>) -> Result<(u32, bool), NvmlError> {
    let call = nvml_sym(nvml.lib().nvmlDeviceGetRemappedRows.as_ref())?;
    let (mut correctable, mut uncorrectable, mut pending, mut failed) = (0, 0, 0, 0);
    // SAFETY: see the module's invariant.
    let code = unsafe {
        call(device.handle(), &raw mut correctable, &raw mut uncorrectable, &raw mut pending, &raw mut failed)
    };
    nvml_try(code)?;
    Ok((uncorrectable, failed != 0))
}
