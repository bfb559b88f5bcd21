"""numba that is not installed, is not requested, or cannot write its cache.

Each test runs in a separate process.
"""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import joblib
import numpy as np
import pytest
from helpers import fit, needs_numba, state
from numpy.testing import assert_allclose, assert_array_equal

import skbackprop
from skbackprop import SGDSigmoidMLP, SGDSigmoidMLPRegressor

BEGIN = """
import json, sys, warnings
import numpy as np
warnings.simplefilter("ignore")
X = np.random.default_rng(0).normal(size=(30, 3))
y = (X[:, 0] > 0).astype(int)
"""


def run(code, *arguments, folder=None, **environment):
    """Run `code` in a new process and return what it prints as JSON."""
    done = subprocess.run(
        [sys.executable, "-c", BEGIN + code, *map(str, arguments)],
        cwd=folder,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_numba_is_imported_only_if_it_is_used():
    imported = run("""
import skbackprop
from scipy.sparse import csr_matrix
seen = ["numba" in sys.modules]
for Estimator in (skbackprop.SGDSigmoidMLP, skbackprop.SGDSigmoidMLPRegressor):
    for batch_size in (1, 8, "full"):
        for rows in (X, csr_matrix(X)):
            model = Estimator((3,), batch_size=batch_size, max_iter=2)
            model.fit(rows, y).partial_fit(rows, y).predict(rows)
            Estimator((3,), engine="numba")  # not fitted, so numba is not used
            seen.append("numba" in sys.modules or "llvmlite" in sys.modules)
print(json.dumps(seen))
""")
    assert imported == [False] * 13


WITHOUT = """
sys.modules["numba"] = None
import joblib
import skbackprop
"""


def test_without_numba_the_error_names_the_extra_and_nothing_changes():
    messages = run(
        WITHOUT
        + """
messages = []

def call(method, **given):
    model = method.__self__
    before = joblib.hash(vars(model))
    try:
        method(X=X, y=y, **given)
    except (ImportError, ValueError) as error:
        messages.append(str(error))
    assert joblib.hash(vars(model)) == before

for Estimator in (skbackprop.SGDSigmoidMLP, skbackprop.SGDSigmoidMLPRegressor):
    first = {"classes": [0, 1]} if Estimator is skbackprop.SGDSigmoidMLP else {}
    fresh = Estimator((3,), engine="numba")
    fitted = Estimator((3,), max_iter=2, random_state=0).fit(X, y)
    fitted.set_params(engine="numba")
    for model in (fresh, fitted):
        call(model.fit)
        call(model.partial_fit, **first)
call(fresh.set_params(engine="numbers").fit)
print(json.dumps(messages))
"""
    )
    assert len(messages) == 9
    for message in messages[:8]:
        assert message.startswith('engine="numba" needs numba, which is not installed')
        assert 'python -m pip install ".[fast]"' in message
    assert messages[8].startswith('engine must be "numpy" or "numba", got')


@needs_numba
def test_a_file_written_with_numba_can_be_used_without_it(tmp_path, iris):
    X, y = iris
    settings = {"batch_size": 1, "engine": "numba", "max_iter": 3, "random_state": 0}
    models = [
        fit(Estimator((5,), **settings), X, y)
        for Estimator in (SGDSigmoidMLP, SGDSigmoidMLPRegressor)
    ]
    joblib.dump((models, X, y), tmp_path / "saved")
    run(
        WITHOUT
        + """
folder = sys.argv[1]
models, X, y = joblib.load(folder + "/saved")
predictions = [model.predict(X) for model in models]
for model in models:
    try:
        model.partial_fit(X, y)
    except ImportError as error:
        assert ".[fast]" in str(error)
        model.set_params(engine="numpy").partial_fit(X, y)
joblib.dump((predictions, models), folder + "/done")
print("null")
""",
        tmp_path,
    )
    predictions, continued = joblib.load(tmp_path / "done")
    for model, predicted, other in zip(models, predictions, continued, strict=True):
        assert_array_equal(predicted, model.predict(X), strict=True)
        model.set_params(engine="numpy").partial_fit(X, y)
        assert state(other) == state(model)


FIT = """
import skbackprop
from skbackprop._engine import compiled
loops = [f for f in vars(compiled).values() if hasattr(f, "signatures")]
assert len(loops) > 5 and not any(f.signatures for f in loops)  # after the import
model = skbackprop.SGDSigmoidMLP((3,), batch_size=1, engine="numba", max_iter=3)
model.set_params(random_state=0).fit(X, y)
stats = compiled.descend.stats
print(json.dumps([
    skbackprop.__file__,
    stats.cache_path,
    sum(stats.cache_hits.values()),
    [f.__name__ for f in loops if f.signatures],
    [coef.tolist() for coef in model.coefs_],
]))
"""


@pytest.fixture
def installation(tmp_path):
    """A copy of the package, and the environment that processes need to import it."""
    package = tmp_path / "site" / "skbackprop"
    without_cache = shutil.ignore_patterns("__pycache__")
    shutil.copytree(Path(skbackprop.__file__).parent, package, ignore=without_cache)
    environment = {"PYTHONPATH": str(package.parent), "PYTHONDONTWRITEBYTECODE": "1"}
    # Otherwise numba would write there first.
    environment["NUMBA_CACHE_DIR"] = ""
    return package, {"folder": package.parent, **environment}


@needs_numba
def test_a_process_loads_what_another_has_compiled(installation):
    package, environment = installation
    runs = [run(FIT, **environment) for _ in range(2)]
    for file, cache, *_ in runs:
        assert Path(file).parent == package
        assert Path(cache) == package / "_engine" / "__pycache__"
    (_, _, hits, compiled, first), (_, _, more_hits, loaded, second) = runs
    assert (hits, more_hits) == (0, 1)
    assert "forward" in compiled
    assert loaded == ["descend"]
    assert first == second


@needs_numba
def test_a_read_only_installation_works(installation, tmp_path):
    package, environment = installation
    # Nobody, not even root, can make a folder where a file is.
    file = tmp_path / "file"
    file.touch()
    (package / "_engine" / "__pycache__").touch()
    nowhere = dict.fromkeys(
        ["HOME", "XDG_CACHE_HOME", "LOCALAPPDATA"], str(file / "below")
    )
    imported, cache, hits, _, coefs = run(FIT, **environment, **nowhere)
    assert Path(imported).parent == package
    assert cache is None
    assert hits == 0
    rng = np.random.default_rng(0)
    X = rng.normal(size=(30, 3))
    here = SGDSigmoidMLP((3,), batch_size=1, engine="numba", max_iter=3, random_state=0)
    fit(here, X, (X[:, 0] > 0).astype(int))
    for there, coef in zip(coefs, here.coefs_, strict=True):
        assert_allclose(there, coef, rtol=1e-12)


INTERRUPTED = """
import os, signal, threading
import skbackprop
signal.signal(signal.SIGINT, signal.default_int_handler)
model = skbackprop.SGDSigmoidMLP((3,), batch_size=1, engine="numba")
model.set_params(max_iter=10**9, n_iter_no_change=np.inf)
threading.Timer(float(sys.argv[1]), os.kill, (os.getpid(), signal.SIGINT)).start()
model.fit(X, y)
from skbackprop._engine import compiled
print(json.dumps(len(compiled.descend.signatures)))
"""


@pytest.mark.slow
@needs_numba
@pytest.mark.parametrize("seconds", [0.5, 1, 1.5, 2, 2.5])
def test_an_interrupt_is_not_lost_while_numba_compiles(seconds, tmp_path):
    assert run(INTERRUPTED, seconds, NUMBA_CACHE_DIR=str(tmp_path)) == 1


FULL = """
import resource, signal
from skbackprop import SGDSigmoidMLP
from skbackprop._engine import compiled
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (100, 100))
model = SGDSigmoidMLP((3,), batch_size=1, engine="numba", max_iter=3).fit(X, y)
print(json.dumps([model.n_iter_, len(compiled.descend.signatures)]))
"""


@pytest.mark.slow
@needs_numba
@pytest.mark.skipif(sys.platform == "win32", reason="has no limit for file sizes")
def test_a_full_disk_does_not_stop_a_fit(tmp_path):
    assert run(FULL, NUMBA_CACHE_DIR=str(tmp_path)) == [3, 1]
