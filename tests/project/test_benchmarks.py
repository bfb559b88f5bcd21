"""The figures in the documentation are those of the benchmark's file."""

import json
import re
import sys
from itertools import product
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
BENCHMARKS = ROOT / "docs" / "benchmarks"
sys.path.insert(0, str(BENCHMARKS))

import plots  # noqa: E402


@pytest.fixture(scope="module")
def report():
    return json.loads((BENCHMARKS / "results.json").read_text())


def test_the_table_is_made_from_the_results(report):
    assert (BENCHMARKS / "table.md").read_text() == plots.table(plots.shown(report))


def test_the_readme_has_rows_of_that_table(report):
    table = plots.table(plots.shown(report)).splitlines()
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| [\d-]+ \| .*", readme, re.MULTILINE)
    assert len(rows) > 5
    assert set(rows) <= set(table)


def test_every_case_was_measured_five_times_against_the_others(report):
    assert report["repeats"] >= 5
    networks = {"64-30-10", "784-30-10", "784-100-10", "784-500-300-10"}
    grid = product(networks, {1, 10, 32, 200, "full"}, {"float32", "float64"}, {1, 2})
    keys = ("network", "batch", "dtype", "threads")
    assert sorted(map(str, grid)) == sorted(
        str(tuple(result[key] for key in keys)) for result in report["results"]
    )
    for result in plots.shown(report):
        assert {"skbackprop", "scikit-learn", "PyTorch", "floor"} <= set(
            result["seconds"]
        )
