"""Peak memory that a full-batch `fit` needs beyond X, for more and more rows.

    python docs/benchmarks/memory.py

Network 784-100-10, float32. Linux only: reads and resets the peak of resident memory in
/proc/self. A first fit on few rows has the libraries set up their own buffers before.
"""

import gc
import warnings
from pathlib import Path

import numpy as np
from sklearn.exceptions import ConvergenceWarning

from skbackprop import SGDSigmoidMLP


def resident(field):
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(field):
            return int(line.split()[1]) * 1024
    raise RuntimeError(f"no {field} in /proc/self/status")


def extra_memory(n_rows):
    rng = np.random.default_rng(0)
    X = rng.random((n_rows, 784), dtype=np.float32)
    y = rng.integers(10, size=n_rows)
    model = SGDSigmoidMLP(
        (100,), batch_size="full", learning_rate_init=1.0, max_iter=3, random_state=0
    )
    model.fit(X[:2000], y[:2000])
    gc.collect()
    Path("/proc/self/clear_refs").write_text("5")  # resets the peak, VmHWM
    before = resident("VmRSS")
    model.fit(X, y)
    return X.nbytes, resident("VmHWM") - before


def main():
    warnings.simplefilter("ignore", ConvergenceWarning)
    print("| rows | X | extra at the peak of fit |\n|---|---|---|")
    for n_rows in (20_000, 200_000):
        X_bytes, extra = extra_memory(n_rows)
        print(f"| {n_rows:,} | {X_bytes / 1e6:.0f} MB | {extra / 1e6:.1f} MB |")


if __name__ == "__main__":
    main()
