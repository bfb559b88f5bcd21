"""BLAS as the benchmarks run it. Import this before numpy.

OpenBLAS reads OPENBLAS_CORETYPE and OPENBLAS_L2_SIZE when it is loaded. If they are set
for the sake of older versions, they slow down a current one. So both are unset here,
for this process and those that it starts.
"""

import os

from threadpoolctl import threadpool_info

for name in ("OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE"):
    os.environ.pop(name, None)


def cores():
    """How many CPU cores the machine gives this process."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count()


def default_threads():
    """How many threads BLAS takes by default."""
    return max(library["num_threads"] for library in libraries())


def kernels():
    """The processors that BLAS's kernels are made for, or else the name of BLAS."""
    names = {lib.get("architecture", lib["internal_api"]) for lib in libraries()}
    return ", ".join(sorted(names))


def summary():
    """A line to print above the figures."""
    return f"{cores()} cores, {default_threads()} BLAS threads, kernels: {kernels()}"


def libraries():
    """The BLAS libraries loaded by now: usually those of numpy and of scipy."""
    return [lib for lib in threadpool_info() if lib["user_api"] == "blas"]
