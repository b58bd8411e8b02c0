//! Test double of NVML.
