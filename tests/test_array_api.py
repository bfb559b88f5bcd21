"""Arrays of other libraries, in a process where scikit-learn dispatches on them."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
import sklearn

import skbackprop

SKLEARN = tuple(map(int, sklearn.__version__.split(".")[:2]))


@pytest.mark.skipif(
    SKLEARN < (1, 9), reason="older scalers of scikit-learn take no such arrays"
)
def test_estimators_work_on_arrays_of_other_libraries():
    """These tests are in tests/array_api."""
    command = [sys.executable, "-m", "pytest", "array_api", "-n0", "-q", "--tb=short"]
    # The same package as here, which CI takes from a wheel.
    path = [str(Path(skbackprop.__file__).parents[1]), os.environ.get("PYTHONPATH", "")]
    result = subprocess.run(
        [*command, "-p", "no:cacheprovider"],
        env={
            **os.environ,
            "SCIPY_ARRAY_API": "1",
            "PYTHONPATH": os.pathsep.join(filter(None, path)),
        },
        cwd=Path(__file__).parent,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    assert result.returncode == 0, result.stdout
    assert " passed" in result.stdout
