"""Work for a real GPU through its driver alone (`libcuda.so.1`): no toolkit, no packages.

gpu_work.py hold BYTES   takes memory, says `ready`, and waits until its input ends
gpu_work.py busy BYTES   the same, and keeps every multiprocessor at work meanwhile
gpu_work.py fault        stores where nothing is, which the driver tells as an XID; ends with 0 when that failed

It ends with 2 when the driver refuses a call, after naming the call on standard error.
"""

import ctypes
import os
import sys
import threading

MULTIPROCESSOR_COUNT = 16  # CU_DEVICE_ATTRIBUTE_MULTIPROCESSOR_COUNT
BLOCKING_SYNC = 4  # CU_CTX_SCHED_BLOCKING_SYNC: waiting for the GPU costs no CPU
JIT_ERROR_LOG = (ctypes.c_int * 2)(5, 6)  # CU_JIT_ERROR_LOG_BUFFER and its _SIZE_BYTES

BLOCKS_EACH, THREADS = 8, 256  # of a multiprocessor: 2048 threads, as many as any holds
CYCLES = 120_000_000  # of one launch: 60 ms at 2 GHz, 0.4 s at the clock of an idle GPU

# The oldest target that a driver of today still compiles for its own.
PTX = b"""
.version 6.0
.target sm_50
.address_size 64

.visible .entry spin(
    .param .u64 spin_cycles,
    .param .u64 spin_out
)
{
    .reg .pred %p1;
    .reg .b64 %rd<6>;
    ld.param.u64 %rd1, [spin_cycles];
    ld.param.u64 %rd2, [spin_out];
    cvta.to.global.u64 %rd3, %rd2;
    mov.u64 %rd4, %clock64;
AGAIN:
    mov.u64 %rd5, %clock64;
    sub.u64 %rd5, %rd5, %rd4;
    setp.lt.u64 %p1, %rd5, %rd1;
    @%p1 bra AGAIN;
    st.global.u64 [%rd3], %rd5;
    ret;
}

.visible .entry fault(
    .param .u64 fault_address
)
{
    .reg .b64 %rd<2>;
    ld.param.u64 %rd1, [fault_address];
    st.global.u64 [%rd1], %rd1;
    ret;
}
"""

handle, number, address, pointer = ctypes.c_void_p, ctypes.c_uint, ctypes.c_uint64, ctypes.POINTER

ARGUMENTS = {
    "cuInit": [number],
    "cuDeviceGet": [pointer(ctypes.c_int), ctypes.c_int],
    "cuDeviceGetAttribute": [pointer(ctypes.c_int), ctypes.c_int, ctypes.c_int],
    "cuCtxCreate_v2": [pointer(handle), number, ctypes.c_int],
    "cuCtxDestroy_v2": [handle],
    "cuCtxSynchronize": [],
    "cuMemAlloc_v2": [pointer(address), ctypes.c_size_t],
    "cuMemFree_v2": [address],
    "cuModuleLoadDataEx": [pointer(handle), ctypes.c_char_p, number, pointer(ctypes.c_int), pointer(handle)],
    "cuModuleGetFunction": [pointer(handle), handle, ctypes.c_char_p],
    # Grid, block, bytes of shared memory, stream, arguments, more of them.
    "cuLaunchKernel": [handle, *[number] * 7, handle, pointer(handle), pointer(handle)],
}


class Driver:
    """The driver with a context on its first GPU. What it refuses ends the program."""

    def __init__(self) -> None:
        try:
            self.library = ctypes.CDLL("libcuda.so.1")
        except OSError as error:
            refuse(f"libcuda.so.1: {error}")
        for name, arguments in ARGUMENTS.items():
            function = getattr(self.library, name)
            function.argtypes, function.restype = arguments, ctypes.c_int
        self.device, self.context, self.module = ctypes.c_int(), handle(), handle()
        self.call("cuInit", 0)
        self.call("cuDeviceGet", ctypes.byref(self.device), 0)
        self.call("cuCtxCreate_v2", ctypes.byref(self.context), BLOCKING_SYNC, self.device)

    def code(self, name: str, *arguments: object) -> int:
        return getattr(self.library, name)(*arguments)

    def call(self, name: str, *arguments: object) -> None:
        if code := self.code(name, *arguments):
            refuse(f"{name}: {self.words(code)}")

    def words(self, code: int) -> str:
        name = ctypes.c_char_p()
        self.library.cuGetErrorName(ctypes.c_int(code), ctypes.byref(name))
        return f"{code} ({(name.value or b'no name').decode()})"

    def multiprocessors(self) -> int:
        count = ctypes.c_int()
        self.call("cuDeviceGetAttribute", ctypes.byref(count), MULTIPROCESSOR_COUNT, self.device)
        return count.value

    def allocate(self, size: int) -> ctypes.c_uint64:
        memory = address()
        self.call("cuMemAlloc_v2", ctypes.byref(memory), size)
        return memory

    def kernel(self, name: bytes) -> ctypes.c_void_p:
        self.load()
        function = handle()
        self.call("cuModuleGetFunction", ctypes.byref(function), self.module, name)
        return function

    def load(self) -> None:
        log = ctypes.create_string_buffer(8192)
        values = (handle * 2)(ctypes.addressof(log), len(log))
        code = self.code("cuModuleLoadDataEx", ctypes.byref(self.module), PTX, 2, JIT_ERROR_LOG, values)
        if code:
            refuse(f"cuModuleLoadDataEx: {self.words(code)} {log.value.decode(errors='replace').strip()}")

    def launch(self, kernel: ctypes.c_void_p, blocks: int, threads: int, *arguments: ctypes.c_uint64) -> None:
        places = (handle * len(arguments))(*map(ctypes.addressof, arguments))
        self.call("cuLaunchKernel", kernel, blocks, 1, 1, threads, 1, 1, 0, None, places, None)


def refuse(why: str) -> None:
    print(f"gpu_work.py: {why}", file=sys.stderr, flush=True)
    sys.exit(2)


def hold(size: int) -> None:
    driver = Driver()
    memory = driver.allocate(size)
    print("ready", flush=True)
    wait_for_the_end()
    release(driver, memory)


def busy(size: int) -> None:
    driver = Driver()
    memory, cycles = driver.allocate(size), address(CYCLES)
    blocks, spin = driver.multiprocessors() * BLOCKS_EACH, driver.kernel(b"spin")
    ended = threading.Event()
    # ctypes lets other threads run while the driver is waited for.
    threading.Thread(target=lambda: (wait_for_the_end(), ended.set()), daemon=True).start()
    first = True
    while not ended.is_set():
        driver.launch(spin, blocks, THREADS, cycles, memory)
        driver.call("cuCtxSynchronize")
        if first:
            print("ready", flush=True)
            first = False
    release(driver, memory)


def wait_for_the_end() -> None:
    while os.read(0, 4096):
        pass


def release(driver: Driver, memory: ctypes.c_uint64) -> None:
    driver.call("cuMemFree_v2", memory)
    driver.call("cuCtxDestroy_v2", driver.context)


def fault() -> None:
    driver = Driver()
    driver.launch(driver.kernel(b"fault"), 1, 1, address(16))
    code = driver.code("cuCtxSynchronize")
    print(f"cuCtxSynchronize: {driver.words(code)}", flush=True)
    sys.exit(0 if code else 1)


def main(arguments: list[str]) -> None:
    match arguments:
        case ["hold", size]:
            hold(int(size))
        case ["busy", size]:
            busy(int(size))
        case ["fault"]:
            fault()
        case _:
            sys.exit(__doc__)


if __name__ == "__main__":
    main(sys.argv[1:])
