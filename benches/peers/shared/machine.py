"""What numbers depend on besides the programs."""
import ctypes
import os
import platform

from shared.tools import say


def load():
    return " ".join(f"{x:.2f}" for x in os.getloadavg()) if hasattr(os, "getloadavg") else "unknown"


def machine():
    processor = platform.processor() or platform.machine()
    if os.path.exists("/proc/cpuinfo"):
        with open("/proc/cpuinfo") as lines:
            names = [line.split(":")[1].strip() for line in lines if line.startswith("model name")]
        processor = names[0] if names else processor
    return {"processor": processor, "cores": os.cpu_count(), "load before": load()}


def must_be_real():
    """Ends where the CUDA driver is the simulated one of the tests: nothing is measured beside it."""
    for name in ["libcuda.so", "libcuda.so.1"]:
        try:
            driver = ctypes.CDLL(name)
        except OSError:
            continue
        if hasattr(driver, "nbc_cudasim_identity"):
            say("the CUDA driver here is a simulated one: nothing is measured beside it")
            raise SystemExit(2)
