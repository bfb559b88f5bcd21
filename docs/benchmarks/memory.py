"""Measure the memory that training and predicting need besides the data.

    python docs/benchmarks/memory.py                  in memory, and sparse
    python docs/benchmarks/memory.py --memmap FOLDER  and 8 GiB on disk, in FOLDER

The network is 784-100-10 on float32 with the full batch, and 20000-50-5 on sparse rows.
The script runs only on Linux: it reads and resets the peak of resident memory in
/proc/self. The pages of a file (the memory map) belong to the page cache, which gives
them up when they are needed elsewhere. So for the map only anonymous memory is counted,
sampled every 2 ms.
"""

import argparse
import gc
import threading
import time
import warnings
from pathlib import Path

import blas  # before numpy
import numpy as np
import scipy.sparse
from sklearn.exceptions import ConvergenceWarning

from skbackprop import SGDSigmoidMLP

MIB = 2**20


def resident(field):
    """Read a line of /proc/self/status, in bytes."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(field):
            return int(line.split()[1]) * 1024
    raise RuntimeError(f"no {field} in /proc/self/status")


def extra_memory(work):
    """Peak of resident memory while `work` runs, minus what was there before."""
    gc.collect()
    Path("/proc/self/clear_refs").write_text("5")  # resets the peak, VmHWM
    before = resident("VmRSS")
    work()
    return resident("VmHWM") - before


def extra_anonymous_memory(work):
    """The same without pages of files."""
    gc.collect()
    before, peak, done = resident("RssAnon"), 0, threading.Event()

    def watch():
        nonlocal peak
        while not done.wait(0.002):
            peak = max(peak, resident("RssAnon"))

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        work()
    finally:
        done.set()
        watcher.join()
    return peak - before


def network(batch_size, hidden=(100,), **settings):
    """A network. Fit it once first, so that the libraries set themselves up."""
    return SGDSigmoidMLP(
        hidden,
        batch_size=batch_size,
        learning_rate_init=1.0,
        random_state=0,
        **settings,
    )


def in_memory():
    """Measure 20,000 and 200,000 rows that are in memory."""
    print("| rows | X, MiB | extra in fit, MiB | extra in predict, MiB |")
    print("|---|---|---|---|")
    for n_rows in (20_000, 200_000):
        rng = np.random.default_rng(0)
        X = rng.random((n_rows, 784), dtype=np.float32)
        y = rng.integers(10, size=n_rows)
        model = network("full", max_iter=3).fit(X[:2000], y[:2000])
        fit = extra_memory(lambda X=X, y=y, model=model: model.fit(X, y))
        predict = extra_memory(lambda X=X, model=model: model.predict(X))
        print(
            f"| {n_rows:,} | {X.nbytes / MIB:.0f} | {fit / MIB:.1f} "
            f"| {predict / MIB:.1f} |",
            flush=True,
        )


def sparse():
    """Measure sparse rows, with one entry in a thousand."""
    n_rows, n_features = 200_000, 20_000
    X = scipy.sparse.random_array(
        (n_rows, n_features), density=0.001, format="csr", dtype=np.float32, rng=0
    )
    y = np.random.default_rng(0).integers(5, size=n_rows)
    model = network(200, (50,), max_iter=1).fit(X[:1000], y[:1000])
    start = time.perf_counter()
    extra = extra_memory(lambda: model.fit(X, y))
    seconds = time.perf_counter() - start
    print(
        f"sparse {n_rows:,} × {n_features:,}, 0.1 %: X {X.nnz * 8 / MIB:.0f} MiB, "
        f"extra in fit {extra / MIB:.0f} MiB, "
        f"{seconds:.1f} s per epoch in batches of 200"
    )


def memory_map(folder, gib):
    """Measure a memory-mapped float32 file: blocks of zeros and of noise, in turns."""
    n_rows = int(gib * 2**30) // (784 * 4)
    path = Path(folder) / "X.float32"
    rng = np.random.default_rng(0)
    try:
        with path.open("wb") as file:
            for start in range(0, n_rows, 100_000):
                shape = (min(100_000, n_rows - start), 784)
                noise = start // 100_000 % 2
                block = rng.random(shape, np.float32) if noise else np.zeros(shape, "f")
                block.tofile(file)
        X = np.memmap(path, dtype=np.float32, mode="r", shape=(n_rows, 784))
        y = rng.integers(10, size=n_rows)
        model = network("full", max_iter=1).fit(X[:2000], y[:2000])
        start = time.perf_counter()
        fit = extra_anonymous_memory(lambda: model.fit(X, y))
        middle = time.perf_counter()
        predict = extra_anonymous_memory(lambda: model.predict(X))
        end = time.perf_counter()
        print(
            f"memory map of {path.stat().st_size / 2**30:.1f} GiB, {n_rows:,} rows: "
            f"one full-batch epoch {fit / MIB:.0f} MiB extra, {middle - start:.0f} s; "
            f"predict {predict / MIB:.0f} MiB extra, {end - middle:.0f} s"
        )
    finally:
        path.unlink(missing_ok=True)


def main():
    """Print a table or a line for each kind of data."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--memmap", metavar="FOLDER", help="where 8 GiB may be written")
    parser.add_argument("--gib", type=float, default=8)
    options = parser.parse_args()
    warnings.simplefilter("ignore", ConvergenceWarning)
    print(blas.summary())
    in_memory()
    sparse()
    if options.memmap:
        memory_map(options.memmap, options.gib)


if __name__ == "__main__":
    main()
