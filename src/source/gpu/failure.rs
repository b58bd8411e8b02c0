//! What an NVML error means here, and the words for people.
//!
//! Invariant: decided by the return code alone, never by a product's name.

use nvml_wrapper::error::NvmlError;

use crate::observation::{Failure, FailureKind, Reading};

/// How far an error reaches.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reach {
    /// The device does not know this value, or the driver is too old for the call.
    Unsupported,
    /// This one answer failed.
    Field,
    /// The device cannot be used any more.
    Device,
    /// The driver is gone: no device can be used.
    Driver,
}

/// How far `error` reaches.
pub(super) fn reach(error: &NvmlError) -> Reach {
    match error {
        NvmlError::NotSupported | NvmlError::FunctionNotFound | NvmlError::FailedToLoadSymbol(_) => Reach::Unsupported,
        NvmlError::GpuLost | NvmlError::ResetRequired => Reach::Device,
        NvmlError::Uninitialized | NvmlError::DriverNotLoaded | NvmlError::LibRmVersionMismatch => Reach::Driver,
        _ => Reach::Field,
    }
}

/// The failure of a reading that `error` ended; `doing` says what was asked, such as `counting GPUs`.
pub(super) fn failure(doing: &str, error: &NvmlError) -> Failure {
    let (kind, mend) = match error {
        NvmlError::DriverNotLoaded => {
            (FailureKind::DriverNotLoaded, "load it (`modprobe nvidia`), see `dmesg | grep NVRM` for why it is not")
        }
        NvmlError::LibRmVersionMismatch => {
            (FailureKind::DriverMismatch, "the driver was upgraded and not reloaded: reboot, or reload its modules")
        }
        NvmlError::GpuLost | NvmlError::ResetRequired => (
            FailureKind::GpuLost,
            "see `dmesg | grep -i xid`; reset it (`nvidia-smi --gpu-reset`) or power the machine off and on",
        ),
        NvmlError::NoPermission => {
            (FailureKind::DriverError, "give this user access to /dev/nvidia* (in a container: pass the devices in)")
        }
        NvmlError::FailedToLoadSymbol(_) => {
            (FailureKind::DriverError, "the library is too old or is not NVML; check gpu.library")
        }
        _ => (FailureKind::DriverError, "see `dmesg | grep NVRM` and `nvidia-smi`"),
    };
    Failure::new(kind, format!("NVML, {doing}: {error}; {mend}"))
}

/// What came of opening `library`. A library that is not there is not a failure: most machines have no GPU.
pub(super) fn unopened<T>(library: &str, error: &NvmlError) -> Reading<T> {
    let NvmlError::LibloadingError(loading) = error else {
        return Reading::Failed(failure("starting", error));
    };
    let why = loading.to_string();
    // The loader names the file it missed: a library that NVML itself needs is a failure, NVML's absence is not.
    if why.contains("No such file") && why.contains(&format!("{library}: ")) {
        let mend = "on a GPU machine install the NVIDIA driver or set gpu.library to its path";
        return Reading::Missing(format!("no NVML library {library}; {mend}"));
    }
    let mend = "reinstall the NVIDIA driver, or set gpu.library to a library of this machine's architecture";
    Reading::Failed(Failure::new(FailureKind::DriverError, format!("NVML library {library}: {why}; {mend}")))
}

/// The driver works and lists no GPU.
pub(super) fn no_gpu() -> Failure {
    let message = "NVML works and lists no GPU; see `lspci | grep -i nvidia` (in a container: pass the GPUs in)";
    Failure::new(FailureKind::NoGpu, message)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_reach_as_far_as_their_code_says() {
        assert_eq!(reach(&NvmlError::NotSupported), Reach::Unsupported);
        assert_eq!(reach(&NvmlError::FailedToLoadSymbol("x".into())), Reach::Unsupported);
        assert_eq!(reach(&NvmlError::Unknown), Reach::Field);
        assert_eq!(reach(&NvmlError::InvalidArg), Reach::Field);
        assert_eq!(reach(&NvmlError::GpuLost), Reach::Device);
        assert_eq!(reach(&NvmlError::Uninitialized), Reach::Driver);
    }

    #[test]
    fn each_failure_names_what_where_and_the_mend() {
        let mismatch = failure("starting", &NvmlError::LibRmVersionMismatch);
        assert_eq!(mismatch.kind, FailureKind::DriverMismatch);
        assert!(mismatch.message.contains("starting") && mismatch.message.contains("reboot"), "{mismatch}");
        assert_eq!(failure("starting", &NvmlError::DriverNotLoaded).kind, FailureKind::DriverNotLoaded);
        assert_eq!(failure("starting", &NvmlError::GpuLost).kind, FailureKind::GpuLost);
        assert_eq!(failure("starting", &NvmlError::Unknown).kind, FailureKind::DriverError);
    }
}
