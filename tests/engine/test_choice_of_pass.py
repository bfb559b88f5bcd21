"""Which of several ways computes a batch; test_engine has whether it is right."""

from functools import partial

import numpy as np
import pytest
from networks import Network
from scipy.sparse import csr_matrix

from skbackprop._engine import all_threads as _all_threads
from skbackprop._engine import network as _engine
from skbackprop._engine.machine import BlasThreads, Machine
from skbackprop._engine.network import Engine
from skbackprop._engine.pace import WINDOW
from skbackprop._engine.passes import make_pass


def descend(network, X, Y, machine, **settings):
    engine = Engine(
        network.coefs,
        network.intercepts,
        batch_size=len(Y),
        machine=machine,
        **settings,
    )
    engine.descend(X, Y, None, eta=0.5)


@pytest.mark.parametrize(
    ("n_rows", "n_weights", "sparse", "even_cuts", "halved"),
    [
        (48, 170_000, False, False, True),
        (50, 160_000, False, False, True),
        (50, 159_999, False, False, False),
        (47, 180_000, False, False, False),
        (49, 10, False, False, False),
        (2000, 4000, False, False, True),
        (50, 160_000, True, False, False),
        (50, 160_000, False, True, False),
    ],
)
def test_large_dense_batches_are_halved_where_blas_has_one_thread(
    n_rows, n_weights, sparse, even_cuts, halved
):
    calls = []

    def run_all(functions):
        calls.append(len(functions))
        return [function() for function in functions]

    network = Network((n_weights, 1), np.float32)
    X = np.zeros((n_rows, n_weights), np.float32)
    Y = np.ones((n_rows, 1), np.float32)
    machine = Machine(run_all, even_cuts=even_cuts)
    descend(network, csr_matrix(X) if sparse else X, Y, machine, sparse=sparse)
    assert calls == ([2] if halved else [])


@pytest.mark.parametrize(
    ("n_rows", "even_cuts", "by_rows"),
    [
        *((1, False, False), (2, False, True), (20, False, True), (21, False, False)),
        *((2, True, True), (40, True, True), (41, True, False)),
    ],
)
def test_few_examples_are_rows_of_the_products(n_rows, even_cuts, by_rows, monkeypatch):
    monkeypatch.setattr(_all_threads, "THREADS_FROM", 0)
    made = []

    def recorded(*arguments, **settings):
        made.append((settings["m"], settings["by_rows"], settings["cut"]))
        return make_pass(*arguments, **settings)

    monkeypatch.setattr(_engine, "make_pass", recorded)
    network = Network((5, 4, 3))
    machine = Machine(by_rows_up_to=20, even_cuts=even_cuts)
    descend(network, *network.examples(n_rows), machine)
    assert made == [(n_rows, by_rows, even_cuts)]


@pytest.mark.parametrize("momentum", [0.0, 0.5])
@pytest.mark.parametrize(
    ("n_threads", "even_cuts", "asked"),
    [(1, True, False), (2, False, False), (2, True, True), (3, True, True)],
)
def test_all_threads_are_asked_for_where_there_are_some_and_always_given_back(
    n_threads, even_cuts, asked, momentum, monkeypatch
):
    monkeypatch.setattr(_all_threads, "THREADS_FROM", 0)
    monkeypatch.setattr(_all_threads, "_known", {})
    given = []
    threads = BlasThreads(
        n_threads, partial(given.append, "all"), partial(given.append, "one")
    )
    network = Network((9, 8, 3))
    X, Y = network.examples(9)
    engine = Engine(
        network.coefs,
        network.intercepts,
        batch_size=4,
        momentum=momentum,
        machine=Machine(even_cuts=even_cuts, threads=threads),
    )
    for _ in range(2 * WINDOW):
        engine.descend(X, Y, None, eta=0.1)
        assert given == ["all", "one"] * (len(given) // 2)
    assert bool(given) == asked
