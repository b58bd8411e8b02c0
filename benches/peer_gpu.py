"""The values of one reading through pynvml, again and again: a peer for the benchmark of what NVML costs.

Prints the cost of opening NVML, of a reading, and of the calls that take the longest.
"""

import statistics
import sys
import time

import pynvml as nvml

readings = int(sys.argv[1])


def cost(work):
    begun, before = time.perf_counter(), time.process_time()
    work()
    return time.perf_counter() - begun, time.process_time() - before


def memory(gpu):
    # Older ones know only the call that counts what the driver reserves as used.
    version = getattr(nvml, "nvmlMemory_v2", None)
    return nvml.nvmlDeviceGetMemoryInfo(gpu, version) if version else nvml.nvmlDeviceGetMemoryInfo(gpu)


CALLS = {
    "utilization": nvml.nvmlDeviceGetUtilizationRates,
    "SM clock": lambda gpu: nvml.nvmlDeviceGetClockInfo(gpu, nvml.NVML_CLOCK_SM),
    "memory clock": lambda gpu: nvml.nvmlDeviceGetClockInfo(gpu, nvml.NVML_CLOCK_MEM),
    "power": nvml.nvmlDeviceGetPowerUsage,
    "power limit": nvml.nvmlDeviceGetEnforcedPowerLimit,
    "energy": nvml.nvmlDeviceGetTotalEnergyConsumption,
    "temperature": lambda gpu: nvml.nvmlDeviceGetTemperature(gpu, nvml.NVML_TEMPERATURE_GPU),
    "memory temperature": lambda gpu: nvml.nvmlDeviceGetFieldValues(gpu, [nvml.NVML_FI_DEV_MEMORY_TEMP]),
    "clock event reasons": nvml.nvmlDeviceGetCurrentClocksThrottleReasons,
    "memory": memory,
    "corrected errors": lambda gpu: nvml.nvmlDeviceGetTotalEccErrors(gpu, 0, nvml.NVML_VOLATILE_ECC),
    "uncorrected errors": lambda gpu: nvml.nvmlDeviceGetTotalEccErrors(gpu, 1, nvml.NVML_VOLATILE_ECC),
    "remapped rows": nvml.nvmlDeviceGetRemappedRows,
    "processes": nvml.nvmlDeviceGetComputeRunningProcesses,
}

took = {name: [] for name in CALLS}


def reading():
    for index in range(nvml.nvmlDeviceGetCount()):
        gpu = nvml.nvmlDeviceGetHandleByIndex(index)
        for name, call in CALLS.items():
            begun = time.perf_counter()
            try:
                call(gpu)
            except nvml.NVMLError:
                pass
            took[name].append(time.perf_counter() - begun)


def told(wall, cpu):
    return f"{wall * 1e3:.3f} ms wall, {cpu * 1e3:.3f} ms CPU"


print("pynvml, opening:", told(*cost(nvml.nvmlInit)))
print("pynvml, the first reading:", told(*cost(reading)))
walls, cpus = zip(*(cost(reading) for _ in range(readings)), strict=True)
print(f"pynvml, a reading, median of {readings}:", told(statistics.median(walls), statistics.median(cpus)))
longest = sorted(((statistics.median(times), name) for name, times in took.items()), reverse=True)
print("pynvml, its calls, us:", ", ".join(f"{name} {median * 1e6:.0f}" for median, name in longest))
