"""The figures in the documentation match the results of the benchmark."""

import json
import re
import sys
from itertools import product
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
BENCHMARKS = ROOT / "docs" / "benchmarks"
NETWORKS = ["20-100-1", "64-30-10", "784-30-10", "784-100-10", "784-500-300-10"]
PREDICTING = ["64-30-10", "784-100-10", "784-500-300-10"]
sys.path.insert(0, str(BENCHMARKS))

import plots  # noqa: E402


@pytest.fixture(scope="module")
def report():
    return json.loads((BENCHMARKS / "results.json").read_text())


def rows(markdown):
    """The rows of all tables of networks, each a set of (column, cell)."""
    head, found = None, []
    for line in markdown.splitlines():
        cells = [cell.strip() for cell in line.split("|")[1:-1]]
        if not cells or cells[0] == "network":
            head = cells
        elif head and re.fullmatch(r"[\d-]+\d", cells[0]):
            found.append(set(zip(head, cells, strict=True)))
    return found


def test_the_tables_are_made_from_the_results(report):
    assert (BENCHMARKS / "table.md").read_text() == plots.tables(plots.shown(report))


def test_the_readme_has_rows_of_those_tables(report):
    tables = rows(plots.tables(plots.shown(report)))
    readme = rows((ROOT / "README.md").read_text(encoding="utf-8"))
    assert len(readme) > 5
    # The README may leave out columns.
    assert [row for row in readme if not any(row <= other for other in tables)] == []


def test_every_case_was_measured_five_times_against_the_others(report):
    """The page has fits in float32; small batches and predictions in both dtypes."""
    assert report["repeats"] >= 5
    machines = {(m["cores"], m["default_threads"]) for m in report["machines"]}
    calls, dtypes = ["predict", "predict_proba"], ["float32", "float64"]
    cases = [
        *product(["fit"], NETWORKS, [1, 10, 32, 200, 2000, "full"], ["float32"]),
        *product(["fit"], NETWORKS, [1, 10], dtypes),
        *product(calls, PREDICTING, [None], dtypes),
    ]
    grid = product(machines, cases)
    keys = ("cores", "threads"), ("call", "network", "batch", "dtype")
    assert set(grid) <= {
        tuple(tuple(result.get(key) for key in some) for some in keys)
        for result in report["results"]
    }
    for result in plots.shown(report):
        needed = {"skbackprop", "scikit-learn"}
        if result["call"] == "fit":
            needed |= {"PyTorch", "floor"}
        if result.get("batch") in (1, 10):
            needed |= {"skbackprop, numba", "JAX"}
        assert needed <= set(result["examples_per_second"])


@pytest.mark.parametrize(
    "script",
    [
        *("dask_scaling", "gpu", "grid_search", "growth", "latency", "memory", "run"),
        *("sparse_rows", "tuned"),
    ],
)
def test_a_benchmark_imports_blas_before_numpy(script):
    source = (BENCHMARKS / f"{script}.py").read_text()
    imports = re.findall(r"^(?:import|from) (\w+)", source, re.MULTILINE)
    assert next(n for n in imports if n not in sys.stdlib_module_names) == "blas"
