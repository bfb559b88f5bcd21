"""Training on a real Dask cluster of two worker processes."""

import contextlib
import io
import logging
import os
import pickle
import signal
import subprocess
import sys
import threading
import time

import numpy as np
import pandas as pd
import pytest
from helpers import assert_same_bits, needs_numba, parameters, quietly
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from scipy.sparse import csr_matrix
from sklearn.base import clone
from sklearn.exceptions import ConvergenceWarning

from skbackprop import SGDSigmoidMLP, SGDSigmoidMLPRegressor
from skbackprop._training.initial_values import initial_parameters

dask = pytest.importorskip("dask")
da = pytest.importorskip("dask.array")
dd = pytest.importorskip("dask.dataframe")
distributed = pytest.importorskip("distributed")

from skbackprop.dask import (  # noqa: E402
    DaskSGDSigmoidMLP,
    DaskSGDSigmoidMLPRegressor,
)
from skbackprop.dask import _waiting as _dask_waiting  # noqa: E402, may be missing
from skbackprop.dask._rows import deal  # noqa: E402
from skbackprop.inspection import check_gradient  # noqa: E402

pytestmark = pytest.mark.filterwarnings(
    "ignore::sklearn.exceptions.ConvergenceWarning",
    # Dask closes some sockets only when they are collected.
    "ignore:unclosed:ResourceWarning",
)
PAIRS = [
    (DaskSGDSigmoidMLP, SGDSigmoidMLP),
    (DaskSGDSigmoidMLPRegressor, SGDSigmoidMLPRegressor),
]
ALL_EPOCHS = {"tol": 0, "n_iter_no_change": np.inf}


@pytest.mark.parametrize(("Remote", "Local"), PAIRS)
def test_parameters_and_defaults_are_the_local_ones_plus_a_client(Remote, Local):
    assert Remote().get_params() == {**Local().get_params(), "client": None}


def on_dask(chunks, *arrays):
    """The arrays in partitions of this many rows."""
    return [
        da.from_array(a, chunks=(chunks, *a.shape[1:])) if a is not None else None
        for a in arrays
    ]


def assert_close(one, other, atol):
    """Parameters and losses agree, up to the rounding of sums over partitions."""
    for a, b in zip(
        [*parameters(one), one.loss_curve_],
        [*parameters(other), other.loss_curve_],
        strict=True,
    ):
        assert_allclose(a, b, rtol=0, atol=atol)


@pytest.fixture(scope="module")
def data():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(400, 5))
    y = (X[:, 0] > 0).astype(int) + (X[:, 1] > 0.5)
    return X, y, rng.integers(0, 4, size=400).astype(float)


@pytest.mark.parametrize(
    ("pair", "chunks", "weighted", "settings"),
    [
        (0, 400, False, {}),
        (0, (1, 299, 100), False, {"momentum": 0.9, "alpha": 0.1}),
        (0, 130, True, {"momentum": 0.5, "nesterovs_momentum": False, "alpha": 0.1}),
        (1, 40, True, {"learning_rate": "invscaling", "power_t": 0.1}),
    ],
)
def test_full_batches_give_the_local_network_in_any_partitions(
    pair, chunks, weighted, settings, data, client
):
    (Remote, Local), (X, y, weights) = PAIRS[pair], data
    settings = {"batch_size": "full", "max_iter": 50, "random_state": 0} | settings
    if weighted and Local is SGDSigmoidMLP:
        settings["class_weight"] = "balanced"
    weights = weights if weighted else None
    local = Local((7,), **settings, **ALL_EPOCHS).fit(X, y, weights)
    remote = Remote((7,), **settings, **ALL_EPOCHS, client=client)
    remote.fit(*on_dask(chunks, X, y, weights))
    assert_close(remote, local, 1e-10)
    assert remote.n_iter_ == 50
    assert remote.t_ == local.t_ == 50 * 400


def batches_by_hand(sizes, m):
    """For each batch, the (partition, start, stop) of its rows, as documented."""
    left = list(sizes)
    while sum(left):
        take, begin = min(m, sum(left)), 0
        batch = []
        for p, n in enumerate(left):
            end = sum(left[: p + 1]) * take // sum(left)
            batch.append((p, sizes[p] - n, sizes[p] - n + end - begin))
            begin = end
        left = [
            n - (stop - start) for n, (_, start, stop) in zip(left, batch, strict=True)
        ]
        yield batch


@pytest.mark.parametrize("shuffle", [False, True])
@pytest.mark.parametrize("settings", [{"momentum": 0.9, "alpha": 0.1}, {}])
def test_batches_give_the_local_network_of_the_same_batches(
    settings, shuffle, data, client
):
    X, y, weights = data
    sizes, m, epochs = (150, 190, 60), 90, 3
    settings = {"random_state": 0, "batch_size": m} | settings
    remote = DaskSGDSigmoidMLP(
        (7,), max_iter=epochs, shuffle=shuffle, client=client, **settings, **ALL_EPOCHS
    )
    remote.fit(*on_dask(sizes, X, y, weights))

    local = SGDSigmoidMLP((7,), shuffle=False, max_iter=1, warm_start=True, **settings)
    # The random stream of the epochs' seeds, after the initial weights.
    stream = np.random.RandomState(0)
    initial_parameters((5, 7, 3), float, stream, output_deviation=2.0)
    first = np.cumsum([0, *sizes])
    for _ in range(epochs):
        seed = stream.randint(2**31)
        order = [
            np.random.RandomState([seed, p]).permutation(n) if shuffle else np.arange(n)
            for p, n in enumerate(sizes)
        ]
        rows = np.concatenate(
            [
                first[p] + order[p][start:stop]
                for batch in batches_by_hand(sizes, m)
                for p, start, stop in batch
            ]
        )
        assert sorted(rows) == list(range(400))
        local.fit(X[rows], y[rows], weights[rows])
    assert_close(remote, local, 1e-10)


@given(
    st.lists(st.integers(0, 1000), min_size=1, max_size=50).filter(sum),
    st.integers(1, 2000),
)
def test_a_batch_is_dealt_in_proportion_to_the_partitions(sizes, m):
    sizes = np.array(sizes)
    m = min(m, sizes.sum())
    shares = deal(sizes, m)
    assert shares.sum() == m
    assert ((shares >= 0) & (shares <= sizes)).all()
    assert (abs(shares - m * sizes / sizes.sum()) < 1).all()


def test_the_same_seed_and_partitions_give_the_same_bits_on_any_cluster(data, client):
    X, y, _ = data
    settings = {"batch_size": 100, "max_iter": 5, "momentum": 0.9, **ALL_EPOCHS}
    arrays = on_dask(90, X, y)
    model = DaskSGDSigmoidMLP((7,), random_state=0, client=client, **settings)
    model.fit(*arrays)
    with (
        distributed.LocalCluster(
            n_workers=1, threads_per_worker=3, processes=False, dashboard_address=":0"
        ) as cluster,
        distributed.Client(cluster, set_as_default=False) as threads,
    ):
        other = clone(model).set_params(client=threads).fit(*arrays)
    assert_same_bits(model, other)


@pytest.mark.parametrize("kind", ["float32", "sparse", "column chunks"])
def test_every_kind_of_array_gives_the_local_network(kind, data, client):
    X, y, _ = data
    settings = {"batch_size": "full", "max_iter": 3, "random_state": 0, **ALL_EPOCHS}
    remote_X, remote_y = on_dask(150, X, y)
    if kind == "float32":
        X, remote_X = X.astype(np.float32), remote_X.astype(np.float32)
    elif kind == "sparse":
        X, remote_X = csr_matrix(X), remote_X.map_blocks(csr_matrix)
    else:
        remote_X = remote_X.rechunk({1: 2})
    local = SGDSigmoidMLP((7,), **settings).fit(X, y)
    remote = DaskSGDSigmoidMLP((7,), client=client, **settings).fit(remote_X, remote_y)
    assert remote.coefs_[0].dtype == (np.float32 if kind == "float32" else np.float64)
    assert_close(remote, local, 1e-5 if kind == "float32" else 1e-12)


@pytest.mark.parametrize(
    "y_of",
    [
        lambda y: np.array(["no", "maybe", "yes"])[y],
        lambda y: y > 0,
        lambda y: np.column_stack([y > 0, y > 1]).astype(int),
    ],
    ids=["strings", "two classes", "many labels"],
)
def test_every_kind_of_target_gives_the_local_predictions(y_of, data, client):
    X, y = data[0], y_of(data[1])
    settings = {"batch_size": "full", "max_iter": 3, "random_state": 0, **ALL_EPOCHS}
    local = SGDSigmoidMLP((7,), **settings).fit(X, y)
    remote = DaskSGDSigmoidMLP((7,), client=client, **settings)
    remote_X, remote_y = on_dask(150, X, y)
    remote.fit(remote_X, remote_y)
    assert_close(remote, local, 1e-12)
    for method in ("predict", "predict_proba", "predict_log_proba"):
        lazy, expected = getattr(remote, method)(remote_X), getattr(local, method)(X)
        assert isinstance(lazy, da.Array)
        assert (lazy.shape, lazy.dtype) == (expected.shape, expected.dtype)
        assert lazy.chunks[0] == remote_X.chunks[0]
        found = lazy.compute()
        if expected.dtype.kind == "f":
            assert_allclose(found, expected, rtol=1e-9)
        else:
            assert_array_equal(found, expected)
    assert_allclose(remote.decision_function(remote_X), local.decision_function(X))
    assert remote.score(remote_X, remote_y) == local.score(X, y)


def test_a_regressor_with_two_outputs_and_a_range_equals_the_local_one(data, client):
    X, _, weights = data
    Y = X[:, :2] * [1.0, 100.0]
    settings = {"batch_size": "full", "max_iter": 3, "random_state": 0, **ALL_EPOCHS}
    settings["target_range"] = ([-1.0, -100.0], [1.0, 100.0])
    outside = (
        f"y has {((Y <= [-1.25, -125]) | (Y >= [1.25, 125]))[weights > 0].sum()} of"
    )
    local = SGDSigmoidMLPRegressor((7,), **settings)
    remote = DaskSGDSigmoidMLPRegressor((7,), client=client, **settings)
    with pytest.warns(UserWarning, match=outside) as expected:
        local.fit(X, Y, weights)
    with pytest.warns(UserWarning, match=outside) as found:
        remote.fit(*on_dask(150, X, Y, weights))
    assert str(found[0].message) == str(expected[0].message)
    assert found[0].filename == __file__
    assert_close(remote, local, 1e-12)
    (remote_X, remote_Y) = on_dask(150, X, Y)
    assert_allclose(remote.predict(remote_X), local.predict(X))
    assert_allclose(remote.score(remote_X, remote_Y), local.score(X, Y))
    expected_score = local.score(X, Y, weights)
    for w in (weights, weights / weights.max() * 1e308):
        got = remote.score(remote_X, remote_Y, *on_dask(150, w))
        assert_allclose(got, expected_score)


def test_the_range_of_targets_covers_all_partitions(data, client):
    X, _, weights = data
    y = np.linspace(-3, 9, len(X))
    weights = np.where(y > 8, 0.0, weights)
    remote = DaskSGDSigmoidMLPRegressor((3,), max_iter=1, client=client)
    quietly(remote.fit, *on_dask(25, X, y, weights))
    counted = y[weights > 0]
    assert_array_equal(remote.target_range_.ravel(), [counted.min(), counted.max()])


def test_data_frames_may_have_an_empty_partition(data, client):
    X, y, weights = data
    frame = pd.DataFrame(X, columns=list("abcde")).assign(y=y, w=weights)
    frame = frame[(frame.index < 100) | (frame.index >= 200)]
    whole = pd.DataFrame(X, columns=list("abcde")).assign(y=y, w=weights)
    parts = dd.from_pandas(whole.assign(i=whole.index), npartitions=4)
    parts = parts[(parts.i < 100) | (parts.i >= 200)]
    names = list("abcde")
    settings = {"batch_size": "full", "max_iter": 3, "random_state": 0, **ALL_EPOCHS}
    local = SGDSigmoidMLP((7,), **settings).fit(frame[names], frame.y, frame.w)
    remote = DaskSGDSigmoidMLP((7,), client=client, **settings)
    remote.fit(parts[names], parts.y, parts.w)
    assert_close(remote, local, 1e-12)
    assert remote.feature_names_in_.tolist() == names
    predicted = remote.predict(parts[names])
    assert isinstance(predicted, da.Array)
    assert_array_equal(predicted.compute(), local.predict(frame[names]))
    assert remote.score(parts[names], parts.y) == local.score(frame[names], frame.y)
    with pytest.raises(ValueError, match="feature names"):
        remote.set_params(warm_start=True).fit(
            parts[names].rename(columns={"a": "z"}), parts.y
        )


class CallAfterEpochs(io.StringIO):
    """Receives what `verbose` prints, and calls a function after each epoch."""

    def __init__(self, function):
        super().__init__()
        self.function, self.seen = function, []

    def write(self, text):
        if text.startswith("Iteration"):
            self.seen.append(self.function())
        return super().write(text)


def test_rows_stay_where_they_are(client):
    # Nested functions are sent as code: workers cannot import this module.
    def label(X):
        return (X[:, 0] > 0.5).astype(int)

    def received(dask_worker):
        return sum(transfer["total"] for transfer in dask_worker.transfer_incoming_log)

    X, y = [], []
    for p in range(4):
        on = {"workers": sorted(client.nthreads())[p % 2], "pure": False}
        rows = client.submit(np.random.default_rng(p).random, (10_000, 50), **on)
        X.append(da.from_delayed(rows, (10_000, 50), float))
        labels = client.submit(label, rows, **on)
        y.append(da.from_delayed(labels, (10_000,), int))
    X, y = da.concatenate(X), da.concatenate(y)
    distributed.wait(distributed.futures_of([X, y]))
    output = CallAfterEpochs(lambda: sum(client.run(received).values()))
    model = DaskSGDSigmoidMLP((3,), batch_size=20_000, max_iter=5, client=client)
    with contextlib.redirect_stdout(output):
        model.set_params(verbose=True).fit(X, y)
    # Dask may move some rows to load them. After that they stay.
    moved = output.seen[-1] - output.seen[0]
    # 16 MB of rows, 1.3 kB of parameters, 8 steps of at most 4 + 4 transfers.
    assert 0 < moved < 500_000


@pytest.mark.parametrize("Remote", [DaskSGDSigmoidMLP, DaskSGDSigmoidMLPRegressor])
def test_a_warm_start_continues_to_the_bit(Remote, data, client):
    arrays = on_dask(150, *data)
    model = Remote((7,), batch_size=100, momentum=0.9, random_state=0, client=client)
    whole = clone(model).set_params(max_iter=5, **ALL_EPOCHS).fit(*arrays)
    model.set_params(max_iter=2, warm_start=True, **ALL_EPOCHS).fit(*arrays)
    model.set_params(max_iter=3).fit(*arrays)
    assert_same_bits(model, whole)


def test_the_local_estimator_is_pickled_without_dask(data, client, tmp_path):
    X, y, _ = data
    remote = DaskSGDSigmoidMLP((7,), batch_size=100, max_iter=3, client=client)
    remote.fit(*on_dask(150, X, y))
    local = remote.to_local()
    assert type(local) is SGDSigmoidMLP
    assert local.get_params() == {
        key: value for key, value in remote.get_params().items() if key != "client"
    }
    np.save(tmp_path / "X.npy", X)
    (tmp_path / "model.pkl").write_bytes(pickle.dumps(local))
    code = (
        "import sys, pickle, numpy as np\n"
        "sys.modules['dask'] = sys.modules['distributed'] = None\n"
        "model = pickle.load(open('model.pkl', 'rb'))\n"
        "print(*model.predict(np.load('X.npy')))\n"
    )
    command = [sys.executable, "-c", code]
    done = subprocess.run(
        command, cwd=tmp_path, capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == local.predict(X).astype(str).tolist()
    n_epochs = len(remote.loss_curve_)
    local.partial_fit(X, y)
    assert len(remote.loss_curve_) == n_epochs


@needs_numba
@pytest.mark.parametrize(("Remote", "Local"), PAIRS)
def test_the_local_estimator_continues_with_its_engine(Remote, Local, data, client):
    X, y, _ = data
    settings = {"batch_size": 100, "max_iter": 2, "random_state": 0, **ALL_EPOCHS}
    by_engine = [
        Remote((7,), client=client, engine=engine, **settings).fit(*on_dask(150, X, y))
        for engine in ("numba", "numpy")
    ]
    assert_same_bits(*by_engine)  # batches on a cluster are not compiled
    local, plain = (remote.to_local() for remote in by_engine)
    assert type(local) is Local
    assert (local.engine, plain.engine) == ("numba", "numpy")
    for model in (local, plain):
        model.set_params(batch_size=1).partial_fit(X, y)
    for a, b in zip(parameters(local), parameters(plain), strict=True):
        assert_allclose(a, b, rtol=1e-9, atol=1e-12)
    again = by_engine[1].to_local().set_params(engine="numba", batch_size=1)
    assert_same_bits(local, again.partial_fit(X, y))


def test_a_clone_keeps_the_client_and_a_pickle_does_not(client):
    model = DaskSGDSigmoidMLP((3,), momentum=0.5, client=client)
    assert clone(model).client is client
    assert clone(model).get_params() == model.get_params()
    assert pickle.loads(pickle.dumps(model)).client is None
    assert model.client is client


def test_held_out_rows_stop_training_as_in_the_local_estimator(data, client):
    X, y, _ = data
    validation = {"X_val": X[300:], "y_val": y[300:]}
    settings = {
        "batch_size": "full",
        "early_stopping": True,
        "class_weight": "balanced",
    }
    settings |= {"n_iter_no_change": 4, "learning_rate_init": 20.0, "random_state": 0}
    local = SGDSigmoidMLP((7,), **settings).fit(X[:300], y[:300], **validation)
    remote = DaskSGDSigmoidMLP((7,), **settings, client=client)
    remote.fit(*on_dask(90, X[:300], y[:300]), **validation)
    assert_close(remote, local, 1e-9)
    assert remote.n_iter_ == local.n_iter_ < 200
    assert_allclose(remote.validation_loss_curve_, local.validation_loss_curve_)
    assert remote.validation_scores_ == local.validation_scores_


def test_auto_early_stopping_is_on_only_with_held_out_rows(client):
    X = np.random.default_rng(0).normal(size=(600, 3))
    y = X[:, 0]
    model = DaskSGDSigmoidMLPRegressor((3,), max_iter=2, client=client)
    model.set_params(batch_size=300, random_state=0)
    model.fit(*on_dask(200, X, y))
    assert model.validation_scores_ is None
    assert model.t_ == 2 * 600
    model.fit(*on_dask(200, X, y), X_val=X[:50], y_val=y[:50])
    assert model.best_validation_score_ == max(model.validation_scores_)


@pytest.mark.parametrize("scoring", ["loss", "neg_mean_absolute_error"])
def test_a_scorer_scores_the_network_as_in_the_local_estimator(scoring, client):
    X = np.random.default_rng(0).normal(size=(200, 3))
    y = X[:, 0]
    settings = {"early_stopping": True, "scoring": scoring, "batch_size": "full"}
    settings |= {"max_iter": 3, "random_state": 0}
    remote = DaskSGDSigmoidMLPRegressor((3,), **settings, client=client)
    remote.fit(*on_dask(70, X, y), X_val=X[:50], y_val=y[:50])
    local = SGDSigmoidMLPRegressor((3,), **settings)
    local.fit(X, y, X_val=X[:50], y_val=y[:50])
    assert_allclose(remote.validation_scores_, local.validation_scores_, rtol=1e-9)


@pytest.mark.parametrize(("Remote", "Local"), PAIRS)
def test_auto_values_are_those_of_the_local_estimator(Remote, Local, data, client):
    X, y, weights = data
    settings = {"hidden_layer_sizes": (3,), "max_iter": 1}
    remote = Remote(**settings, client=client).fit(*on_dask(90, X, y, weights))
    local = Local(**settings).fit(X, y, weights)
    for name in ("learning_rate_init_", "_mean_squared_norm", "_constant_loss"):
        assert_allclose(getattr(remote, name), getattr(local, name), rtol=1e-12)


def test_a_useless_network_causes_a_warning(client):
    X, y = np.zeros((40, 2)), np.arange(40) % 2
    model = DaskSGDSigmoidMLP((3,), n_iter_no_change=1, client=client)
    model.set_params(batch_size="full", max_iter=5)
    with pytest.warns(ConvergenceWarning, match="no better than a constant"):
        model.fit(*on_dask(10, X, y))


def test_callbacks_and_verbose_report_every_epoch(data, client, capsys):
    pytest.importorskip("sklearn.callback")

    class Recorder:
        def __init__(self):
            self.scores = []

        def setup(self, estimator, context): ...
        def teardown(self, estimator, context): ...
        def on_fit_task_begin(self, estimator, context): ...

        def on_fit_task_end(self, estimator, context, *, fitted_estimator=None):
            if context.task_name == "epoch":
                self.scores.append(fitted_estimator.to_local().score(X, y))
            return len(self.scores) == 3

    X, y, _ = data
    recorder = Recorder()
    model = DaskSGDSigmoidMLP((3,), batch_size="full", verbose=True, client=client)
    model.set_callbacks(recorder).fit(*on_dask(150, X, y))
    assert model.n_iter_ == len(recorder.scores) == 3
    assert recorder.scores[-1] == model.to_local().score(X, y)
    assert capsys.readouterr().out.count("Iteration") == 3


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"X": np.zeros((40, 2))}, TypeError, "X must be a Dask array or .*ndarray"),
        ({"y": np.zeros(40)}, TypeError, "y must be a Dask .*ndarray"),
        ({"y": on_dask(10, np.zeros(30))[0]}, ValueError, "40 rows, but y has 30"),
        (
            {"X": on_dask(20, np.vstack([np.zeros((39, 2)), [[np.nan, 0]]]))[0]},
            ValueError,
            "In partition 1: Input X contains NaN",
        ),
        (
            {"sample_weight": on_dask(10, np.zeros(40))[0]},
            ValueError,
            "sample_weight .* is zero in every row",
        ),
        ({"early_stopping": True}, ValueError, "needs X_val and y_val"),
        ({"batch_size": 0}, ValueError, "batch_size must be"),
        ({"hidden_layer_sizes": ()}, None, ""),
    ],
)
def test_bad_input_is_named(change, error, message, client):
    X, y = on_dask(10, np.random.default_rng(0).random((40, 2)), np.arange(40) % 2)
    arguments = {"X": X, "y": y}
    model = DaskSGDSigmoidMLP((3,), max_iter=1, client=client)
    for name, value in change.items():
        if name in model.get_params():
            model.set_params(**{name: value})
        else:
            arguments[name] = value
    if error is None:
        model.fit(**arguments)
        return
    with pytest.raises(error, match=message):
        model.fit(**arguments)
    assert not hasattr(model, "coefs_")


def test_partitions_that_do_not_match_are_named(client):
    frame = dd.from_pandas(pd.DataFrame({"a": np.arange(40.0)}), npartitions=4)
    other = dd.from_pandas(pd.Series(np.arange(40) % 2), npartitions=2)
    with pytest.raises(ValueError, match="X has 4 partitions, but y has 2"):
        DaskSGDSigmoidMLP(client=client).fit(frame, other)


def test_there_is_no_partial_fit(client):
    model = DaskSGDSigmoidMLP(client=client)
    assert not hasattr(model, "partial_fit")
    assert hasattr(model.to_local(), "partial_fit")


def test_without_a_client_or_dask_the_error_says_what_to_do():
    code = (
        "import numpy as np, dask.array as da\n"
        "from skbackprop.dask import DaskSGDSigmoidMLP\n"
        "X = da.zeros((4, 2))\n"
        "try: DaskSGDSigmoidMLP().fit(X, X[:, 0])\n"
        "except ValueError as error: print(error)\n"
        "import sys\n"
        "del sys.modules['skbackprop.dask']\n"
        "sys.modules['distributed'] = None\n"
        "try: import skbackprop.dask\n"
        "except ImportError as error: print(error)\n"
    )
    command = [sys.executable, "-c", code]
    output = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert "There is no Dask client" in output
    assert 'python -m pip install ".[dask]"' in output


def kill_workers_in(client, delay, which):
    """Start a timer that kills these workers; return it and all process ids."""
    pids = list(client.run(os.getpid).values())

    def kill():
        for k in which:
            os.kill(pids[k % len(pids)], signal.SIGKILL)

    timer = threading.Timer(delay, kill)
    timer.start()
    return timer, pids


def await_other_workers(client, killed, n_workers=2):
    """Wait until the nannies have replaced those processes."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        time.sleep(0.1)
        try:
            pids = set(client.run(os.getpid).values())
        except OSError:  # the scheduler does not know yet that one is dead
            continue
        if len(pids) >= n_workers and not pids & killed:
            return
    raise TimeoutError("The workers did not come back.")


def fit_through_kills(client, data, n_kills, seed):
    rng = np.random.default_rng(seed)
    arrays = on_dask(60, *data)
    batches = ("full", 150)[:n_kills]
    models, seconds = {}, {}
    for batch_size in batches:
        model = DaskSGDSigmoidMLP(
            (7,), batch_size=batch_size, momentum=0.9, random_state=0, client=client
        )
        model.set_params(max_iter=60 if batch_size == "full" else 20, **ALL_EPOCHS)
        start = time.monotonic()
        models[batch_size] = model.fit(*arrays)
        seconds[batch_size] = time.monotonic() - start
    for k in range(n_kills):
        batch_size = batches[k % len(batches)]
        chosen = int(rng.integers(2))
        timer, pids = kill_workers_in(
            client, rng.uniform(0, 0.9) * seconds[batch_size], [chosen]
        )
        start = time.monotonic()
        model = clone(models[batch_size]).fit(*arrays)
        assert time.monotonic() - start < 60
        timer.join()
        assert_same_bits(model, models[batch_size])
        await_other_workers(client, {pids[chosen]})


def test_a_killed_worker_changes_nothing(data, client):
    fit_through_kills(client, data, 1, seed=0)


@pytest.mark.slow
def test_ten_killed_workers_change_nothing(data, client):
    fit_through_kills(client, data, 10, seed=1)


@pytest.fixture
def other_client(client):
    """Another client of the same cluster."""
    with distributed.Client(client.cluster, set_as_default=False) as other:
        yield other


@pytest.fixture
def no_workers():
    """A client of a cluster without workers."""
    options = {"dashboard_address": ":0", "silence_logs": logging.CRITICAL}
    with (
        distributed.LocalCluster(n_workers=0, **options) as cluster,
        distributed.Client(cluster, set_as_default=False) as other,
    ):
        yield other


@pytest.fixture
def lone_worker(no_workers):
    """The process of the only worker of that cluster, which no nanny replaces."""
    address = no_workers.scheduler.address
    command = [sys.executable, "-m", "dask", "worker", address, "--no-nanny"]
    with subprocess.Popen(
        [*command, "--nthreads", "1"], stderr=subprocess.DEVNULL
    ) as process:
        no_workers.wait_for_workers(1, timeout=60)
        yield process
        process.kill()


class CallAfterThirdEpoch(io.StringIO):
    """Receives what `verbose` prints, and calls a function after the third epoch."""

    def __init__(self, function):
        super().__init__()
        self.timer = threading.Timer(0.05, function)

    def write(self, text):
        if text.startswith("Iteration 3,"):
            self.timer.start()
        return super().write(text)


def fit_until_lost(other, lose, data, client):
    """Fit until `lose` takes effect; continue with `client`, which is not lost."""
    arrays = on_dask(150, *data)
    settings = {"batch_size": 200, "momentum": 0.9, "random_state": 0, **ALL_EPOCHS}
    model = DaskSGDSigmoidMLP((7,), client=other, max_iter=10**6, **settings)
    output, start = CallAfterThirdEpoch(lose), time.monotonic()
    with (
        contextlib.redirect_stdout(output),
        pytest.raises(RuntimeError, match=r"Dask (cluster|client|scheduler|canc)"),
    ):
        model.set_params(verbose=True).fit(*arrays)
    assert time.monotonic() - start < 60
    output.timer.join()
    model.set_params(verbose=False)
    assert model.n_iter_ == len(model.loss_curve_) >= 3
    whole = clone(model).set_params(max_iter=model.n_iter_ + 2, client=client)
    model.set_params(max_iter=2, warm_start=True, client=client).fit(*arrays)
    assert_same_bits(model, whole.fit(*arrays))


def test_a_lost_client_leaves_the_last_whole_epoch(data, other_client, client):
    fit_until_lost(other_client, other_client.close, data, client)


def test_a_loss_of_all_workers_leaves_the_last_whole_epoch(
    data, no_workers, lone_worker, client, monkeypatch
):
    monkeypatch.setattr(_dask_waiting, "PATIENCE", 0.5)
    fit_until_lost(no_workers, lone_worker.kill, data, client)


def test_a_cluster_lost_before_the_first_epoch_leaves_the_model_unfitted(
    data, no_workers, monkeypatch
):
    monkeypatch.setattr(_dask_waiting, "PATIENCE", 0.5)
    model = DaskSGDSigmoidMLP((7,), client=no_workers)
    with pytest.raises(RuntimeError, match="has had no worker"):
        model.fit(*on_dask(150, *data))
    assert not hasattr(model, "coefs_")


@pytest.mark.usefixtures("ctrl_c")
def test_an_interrupted_fit_equals_one_of_its_whole_epochs(data, client):
    arrays = on_dask(150, *data)
    model = DaskSGDSigmoidMLP((7,), max_iter=10**6, random_state=0, client=client)
    model.set_params(batch_size=100, verbose=True, **ALL_EPOCHS)
    output = CallAfterThirdEpoch(lambda: os.kill(os.getpid(), signal.SIGINT))
    with (
        contextlib.redirect_stdout(output),
        pytest.warns(UserWarning, match="interrupted"),
    ):
        model.fit(*arrays)
    model.set_params(verbose=False)
    whole = clone(model).set_params(max_iter=model.n_iter_).fit(*arrays)
    assert_same_bits(model, whole)


@pytest.mark.parametrize(("Remote", "Local"), PAIRS)
@pytest.mark.parametrize("fitted", [False, True])
def test_check_gradient_takes_a_dask_estimator(fitted, Remote, Local, data, client):
    X, y, _ = data
    model = Remote((3,), max_iter=2, random_state=0, client=client)
    if fitted:
        model.fit(*on_dask(150, X, y))
    assert check_gradient(model, X[:20], y[:20])
