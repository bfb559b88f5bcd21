"""Time whole calls of skbackprop against others, and against the machine's limit.

    python docs/benchmarks/run.py                 all cases: about 70 minutes
    python docs/benchmarks/run.py --only 784-100-10 --calls fit --batch 32 --out folder

Every case of `fit` (network, batch size, dtype, BLAS threads) is timed in one process.
The competitors take turns, so that a change in the machine's speed affects all alike.
Figures are medians, in examples per second. In small batches, skbackprop and JAX train
for ten times as many epochs as the others. Compiling happens in a first round, which
does not count. "Floor" is the matrix products of the case alone, with the same shapes
and rows, by the same BLAS with all its threads. `predict` and `predict_proba` are timed
on 100,000 rows, against MLPClassifier. The script writes results.json beside this file
(or into --out); plots.py makes the tables and the picture from it.
"""

import argparse
import contextlib
import itertools
import json
import platform
import time
import warnings
from datetime import UTC, datetime
from functools import partial
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import blas  # before numpy
import numpy as np
from competitors import Case, can_run, classifiers, competitors, lengthened, torch
from scipy.linalg.blas import get_blas_funcs
from sklearn.exceptions import ConvergenceWarning
from threadpoolctl import threadpool_limits

NETWORKS = [
    (20, 100, 1),
    (64, 30, 10),
    (784, 30, 10),
    (784, 100, 10),
    (784, 500, 300, 10),
]
# batch size: rows, epochs; `cases` reduces them for the largest network
BATCHES = {
    1: (10000, 1),
    10: (10000, 2),
    32: (10000, 4),
    200: (20000, 4),
    2000: (20000, 4),
    "full": (20000, 8),
}
CHUNK_ROWS = 1024
CALLS = ["fit", "predict", "predict_proba"]
PREDICTING = [(64, 30, 10), (784, 100, 10), (784, 500, 300, 10)]
FITTED_ROWS, PREDICTED_ROWS = 100, 100_000
KEY = ["cores", "call", "network", "batch", "dtype", "threads"]
# Seconds before each call: BLAS's threads keep a core busy for 0.1 s after a product.
# `pause` keeps the other core busy, because a core that has slept starts slowly.
PAUSE = 0.15


def cases(options):
    """Every case of `fit` that the options select, with its number of threads."""
    grid = itertools.product(options.dtype, options.threads, NETWORKS, BATCHES)
    for dtype, threads, units, batch_size in grid:
        n_rows, epochs = BATCHES[batch_size]
        if len(units) > 3:
            n_rows = n_rows // 4 if n_rows < 20000 else n_rows
            epochs = min(epochs, 2)
        wanted = str(batch_size) in (options.batch or [str(batch_size)])
        if wanted and options.only in (None, dashed(units)):
            yield threads, Case(units, batch_size, n_rows, epochs, dtype)


def floor(case, X):
    """Seconds that the matrix products take, which `fit` cannot do without.

    The examples are the rows or the columns of the products, whichever is faster.
    """
    return min(products(case, X, by_rows) for by_rows in (False, True))


def products(case, X, by_rows):
    """Time the forward, backward and gradient products of every update, unshuffled."""
    gemm, gemv = get_blas_funcs(["gemm", "gemv"], dtype=X.dtype)
    m = min(case.rows_per_update, CHUNK_ROWS)
    by_rows = by_rows and m > 1
    shapes = [(m, n) if by_rows else (n, m) for n in case.units[1:]]
    a = [None, *(np.zeros(shape, X.dtype, order="F") for shape in shapes)]
    pairs = itertools.pairwise(case.units)
    Wt = [np.zeros(shape, X.dtype, order="F") for shape in pairs]
    start = time.perf_counter()
    for _ in range(case.epochs):
        for first in range(0, case.n_rows - m + 1, m):
            x = X[first : first + m].T
            for layer, weights in enumerate(Wt):
                before, after = x if layer == 0 else a[layer], a[layer + 1]
                if m == 1:
                    gemv(1.0, weights, before, 0.0, after[:, 0], 0, 1, 0, 1, 1, 1)
                elif by_rows:
                    gemm(1.0, before, weights, 0.0, after, layer == 0, 0, 1)
                else:
                    gemm(1.0, weights, before, 0.0, after, 1, 0, 1)
            for layer in range(len(Wt) - 1, 0, -1):
                before, after = a[layer], a[layer + 1]
                if m == 1:
                    gemv(1.0, Wt[layer], after, 0.0, before[:, 0], 0, 1, 0, 1, 0, 1)
                elif by_rows:
                    gemm(1.0, after, Wt[layer], 0.0, before, 0, 1, 1)
                else:
                    gemm(1.0, Wt[layer], after, 0.0, before, 0, 0, 1)
            for layer, weights in enumerate(Wt):
                before = x if layer == 0 else a[layer]
                turn = by_rows and layer > 0 and m > 1
                gemm(1.0, before, a[layer + 1], 1.0, weights, turn, not by_rows, 1)
    return time.perf_counter() - start


def dashed(units):
    """A network's name."""
    return "-".join(map(str, units))


def fits(options):
    """Measure `fit`; yield the result of each case as results.json has it."""
    run = competitors()
    for threads, case in cases(options):
        X, y = case.data()
        own = {n: lengthened(n, case) for n in run if can_run(n, case)}
        calls = {n: partial(run[n], own[n], X, y) for n in own}
        calls["floor"] = partial(floor, case, X)
        with threadpool_limits(threads):
            if torch is not None:
                torch.set_num_threads(threads)
            seconds = medians(calls, options.repeats)
        rates = {
            name: case.n_rows * own.get(name, case).epochs / s
            for name, s in seconds.items()
        }
        yield {
            "call": "fit",
            "network": dashed(case.units),
            "batch": case.batch_size,
            "dtype": case.dtype,
            "cores": blas.cores(),
            "threads": threads,
            "examples_per_second": rates,
        }


def predictions(options, method):
    """Measure `predict` or `predict_proba`."""
    networks = [u for u in PREDICTING if options.only in (None, dashed(u))]
    grid = itertools.product(options.dtype, options.threads, networks)
    for dtype, threads, units in grid:
        X = np.random.default_rng(0).random((PREDICTED_ROWS, units[0]), dtype=dtype)
        models = classifiers(units, X[:FITTED_ROWS])
        calls = {n: partial(getattr(m, method), X) for n, m in models.items()}
        with threadpool_limits(threads):
            seconds = medians(calls, options.repeats)
        yield {
            "call": method,
            "network": dashed(units),
            "dtype": dtype,
            "cores": blas.cores(),
            "threads": threads,
            "examples_per_second": {n: PREDICTED_ROWS / s for n, s in seconds.items()},
        }


def medians(calls, repeats):
    """Median seconds of each call; the calls take turns."""
    seconds = {name: [] for name in calls}
    for _ in range(repeats + 1):
        for name, call in calls.items():
            pause()
            start = time.perf_counter()
            own = call()
            took = time.perf_counter() - start
            # FANN and the floor return their own time, without their preparations.
            seconds[name].append(own if isinstance(own, float) else took)
    # The first round warms up.
    return {name: float(np.median(times[1:])) for name, times in seconds.items()}


def pause():
    """Let the threads of the previous call go to sleep."""
    end = time.perf_counter() + PAUSE
    while time.perf_counter() < end:
        pass


def machine():
    """Describe the machine and the versions that were measured."""
    model = platform.processor()
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        lines = cpuinfo.read_text().splitlines()
        model = next((s.split(": ")[1] for s in lines if "model name" in s), model)
    return {
        "date": datetime.now(UTC).date().isoformat(),
        "processor": model,
        "cores": blas.cores(),
        "default_threads": blas.default_threads(),
        "kernels": blas.kernels(),
        "python": platform.python_version(),
        **versions(),
    }


def versions():
    """Versions of the libraries compared, if they are installed."""
    found = {}
    for name in ["numpy", "scipy", "scikit-learn", "PyTorch", "numba", "JAX"]:
        with contextlib.suppress(PackageNotFoundError):
            found[name] = version("torch" if name == "PyTorch" else name)
    return found


def line(result):
    """Format a result: our speed, and the ratio of our speed to the others'.

    If both engines were measured, the faster one is compared.
    """
    rates = dict(result["examples_per_second"])
    settings = " ".join(str(result[k]) for k in KEY[1:-1] if k in result)
    names = [name for name in rates if name.startswith("skbackprop")]
    ours = {name: rates.pop(name) for name in names}
    speed = "; ".join(f"{name} {rate:,.0f}" for name, rate in ours.items())
    best = max(ours.values())
    ratios = ", ".join(f"{other} {best / rate:.2f}" for other, rate in rates.items())
    threads = result["threads"]
    return f"{settings}, {threads} threads: {speed} examples/s; times as fast: {ratios}"


def save(results, options):
    """Write results.json. Cases that were not measured again stay."""
    options.out.mkdir(parents=True, exist_ok=True)
    path = options.out / "results.json"
    former = json.loads(path.read_text()) if path.exists() else {"results": []}
    merged = {tuple(r.get(k) for k in KEY): r for r in former["results"] + results}
    machines = {m["cores"]: m for m in [*former.get("machines", []), machine()]}
    report = {
        "machines": list(machines.values()),
        "repeats": options.repeats,
        "results": list(merged.values()),
    }
    path.write_text(json.dumps(report, indent=1) + "\n")


def main():
    """Measure, print a line for each case, write results.json."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", help="one network, such as 784-100-10")
    parser.add_argument("--calls", nargs="+", choices=CALLS, default=CALLS)
    parser.add_argument("--batch", nargs="+", help="batch sizes of fit")
    parser.add_argument("--dtype", nargs="+", default=["float32", "float64"])
    parser.add_argument("--threads", nargs="+", type=int, default=None)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--out", type=Path, default=Path(__file__).parent)
    options = parser.parse_args()
    default = {blas.default_threads(), 1}
    options.threads = options.threads or sorted(default, reverse=True)
    warnings.simplefilter("ignore", ConvergenceWarning)
    print(blas.summary())
    results = []
    for call in options.calls:
        measured = fits(options) if call == "fit" else predictions(options, call)
        for result in measured:
            print(line(result), flush=True)
            results.append(result)
    save(results, options)


if __name__ == "__main__":
    main()
