"""Epochs, batches, schedules, stopping and history, against independent formulas."""

from dataclasses import replace

import numpy as np
import pytest
from networks import Network, gradients
from numpy.testing import assert_allclose
from scipy.sparse import csr_matrix

from skbackprop import _equations as eq
from skbackprop._engine.lanes import cut
from skbackprop._engine.network import Engine
from skbackprop._training import examples as examples_module
from skbackprop._training.descent import run_epoch, train
from skbackprop._training.examples import Examples, constant_loss
from skbackprop._training.progress import Plan, Progress
from skbackprop._training.schedules import step_size


def plan(**changes):
    values = {
        "batch_size": 1,
        "max_iter": 5,
        "shuffle": False,
        "learning_rate": "constant",
        "learning_rate_init": 0.5,
        "power_t": 0.5,
        "tol": 0.0,
        "n_iter_no_change": np.inf,
        "early_stopping": False,
    }
    return Plan(**{**values, **changes})


def new_progress(**changes):
    values = {"n_iter": 0, "t": 0, "best_loss": np.inf}
    return Progress(**{**values, "n_no_change": 0, "n_eta_drops": 0, **changes})


class RecordingEngine:
    """Records the rows of each batch, which it recognises by their first number."""

    chunk_rows = 300

    def __init__(self):
        self.theta = np.zeros(1)
        self.batches = []

    def is_finite(self):
        return np.isfinite(self.theta).all()

    def lanes(self, start, stop):
        return cut(start, stop, 4 if stop - start > 1000 else 1)

    def snapshot(self):
        return self.theta.copy()

    def restore(self, snapshot):
        self.theta[:] = snapshot

    def descend(self, X, Y, weights, batch_size, eta):
        for start in range(0, len(Y), batch_size):
            self.batches.append(rows_of(X[start : start + batch_size]))
        return 0.0

    def gradient(self, streams):
        # Read at once, because the next block of the stream may overwrite it.
        return [
            row for blocks in streams for X, _, _ in blocks for row in rows_of(X)
        ], 0

    def update(self, gradient, m, batch_size, eta):
        assert len(gradient) == m
        self.batches.append(gradient)


def rows_of(X):
    X = X if isinstance(X, np.ndarray) else X.toarray()
    return X[:, 0].astype(int).tolist()


def numbered_examples(n_rows, form):
    X = np.tile(np.arange(n_rows, dtype=float)[:, np.newaxis], 3)
    forms = {
        "C": np.ascontiguousarray,
        "F": np.asfortranarray,
        "strided": lambda X: np.repeat(X, 2, axis=0)[::2],
        "csr": csr_matrix,
    }
    Y = X[:, :1]
    return Examples(forms[form](X), lambda rows: Y[rows], 1, None, np.dtype(float))


@pytest.mark.parametrize("form", ["C", "F", "strided", "csr"])
@pytest.mark.parametrize("shuffle", [False, True])
@pytest.mark.parametrize("batch_size", [1, 7, 10, 100, 101, 2500])
def test_an_epoch_takes_every_row_once_in_full_batches(
    batch_size, shuffle, form, monkeypatch
):
    monkeypatch.setattr(examples_module, "BLOCK_BYTES", 500)
    n = 3001 if batch_size > 1000 else 101
    engine = RecordingEngine()
    examples = numbered_examples(n, form)
    for _ in range(2):
        engine.batches = []
        random_state = np.random.RandomState(0)
        settings = plan(batch_size=batch_size, shuffle=shuffle)
        run_epoch(engine, examples, settings, 0.5, random_state)
        sizes = [len(batch) for batch in engine.batches]
        assert sizes == [batch_size] * (n // batch_size) + [n % batch_size] * (
            n % batch_size > 0
        )
        order = [row for batch in engine.batches for row in batch]
        assert sorted(order) == list(range(n))
        # A batch of all rows is not reordered, and so needs no copy.
        assert (order == list(range(n))) == (not shuffle or batch_size == n)


class BlocksEngine(RecordingEngine):
    """Records how many rows the blocks have."""

    def descend(self, X, Y, weights, batch_size, eta):
        self.batches.append(len(Y))
        return 0.0

    def gradient(self, streams):
        return [[len(Y) for _, Y, _ in blocks] for blocks in streams], 0


@pytest.mark.parametrize(
    ("batch_size", "blocks"),
    [(1, [50, 50, 1]), (10, [50, 50, 1]), (30, [30, 30, 30, 11]), (60, [60, 41])],
)
def test_a_block_has_as_many_whole_batches_as_fit_in(batch_size, blocks, monkeypatch):
    monkeypatch.setattr(
        examples_module, "BLOCK_BYTES", 50 * 32
    )  # three features, one target
    engine = BlocksEngine()
    settings = plan(batch_size=batch_size)
    run_epoch(engine, numbered_examples(101, "C"), settings, 0.5, None)
    assert engine.batches == blocks


def test_a_large_batch_reaches_the_engine_in_lanes_of_chunks():
    lanes, _ = numbered_examples(5000, "C").gradient(BlocksEngine(), 1000, 4001)
    assert lanes == [[300, 300, 150]] * 3 + [[300, 300, 151]]


def test_each_epoch_draws_a_new_order():
    engine, random_state = RecordingEngine(), np.random.RandomState(0)
    examples = numbered_examples(20, "C")
    orders = []
    for _ in range(2):
        engine.batches = []
        run_epoch(engine, examples, plan(shuffle=True), 0.5, random_state)
        orders.append(engine.batches)
    assert orders[0] != orders[1]


@pytest.mark.parametrize(
    ("schedule", "expected"),
    [
        ("constant", [0.5] * 4),
        ("invscaling", [0.5 / (20 * k + 1) ** 0.3 for k in range(4)]),
        ("adaptive", [0.5] * 4),
    ],
)
def test_schedule_follows_its_closed_form(schedule, expected):
    progress = new_progress()
    etas = []
    for k in range(4):
        settings = plan(learning_rate=schedule, power_t=0.3)
        etas.append(step_size(settings, progress))
        progress.add_epoch(-k, 20, settings)
    assert_allclose(etas, expected, rtol=1e-14)


class LossesEngine(RecordingEngine):
    """Returns given losses, one for each epoch of 4 rows."""

    def __init__(self, losses):
        super().__init__()
        self.losses = iter(losses)
        self.etas = []

    def descend(self, X, Y, weights, batch_size, eta):
        self.etas.append(eta)
        return next(self.losses) * len(Y)


def run(engine, settings, progress):
    examples = numbered_examples(4, "C")
    return train(engine, examples, settings, progress, np.random.RandomState(0))


def test_adaptive_divides_by_five_at_each_plateau_and_stops_below_1e_6():
    engine, progress = LossesEngine([1.0] * 1000), new_progress()
    settings = plan(
        learning_rate="adaptive",
        learning_rate_init=1e-4,
        n_iter_no_change=1,
        tol=0.1,
        max_iter=1000,
    )
    assert run(engine, settings, progress) == "no improvement"
    # The first plateau needs one more epoch, which sets the best loss.
    assert_allclose(
        engine.etas,
        [*[1e-4] * 3, *[2e-5] * 2, *[4e-6] * 2, *[8e-7] * 2],
        rtol=1e-12,
    )


def test_training_stops_after_more_than_n_iter_no_change_epochs_without_tol():
    losses = [1.0, 0.5, 0.45, 0.41, 0.405, 0.4, 0.0]
    engine, progress = LossesEngine(losses), new_progress()
    settings = plan(tol=0.1, n_iter_no_change=3, max_iter=20)
    assert run(engine, settings, progress) == "no improvement"
    # 0.45, 0.41, 0.405 and 0.4 each fall by less than 0.1 below the best before.
    assert progress.losses == losses[:6]
    assert progress.best_loss == 0.4
    assert (progress.n_iter, progress.t) == (6, 24)


def test_training_that_reaches_max_iter_says_so():
    engine = LossesEngine([1.0, 0.5, 0.2])
    assert run(engine, plan(max_iter=3), new_progress()) == "max_iter"


@pytest.mark.parametrize("bad", ["loss", "parameters"])
def test_divergence_names_eta(bad):
    engine = LossesEngine([np.nan if bad == "loss" else 0.5])
    if bad == "parameters":
        engine.theta = np.array([np.inf])
    with pytest.raises(ValueError, match=r"diverged in epoch 4, .*rate_init=0.5"):
        run(engine, plan(), new_progress(n_iter=3))


@pytest.mark.parametrize(("n_rows", "m"), [(6, 2), (30_000, 13_000)])
def test_loss_is_measured_with_the_weights_about_to_be_updated(n_rows, m):
    network = Network((3, 2))
    X, Y = network.examples(n_rows)
    engine = Engine(network.coefs, network.intercepts)
    examples = Examples(X, lambda rows: Y[rows], 2, None, np.dtype(float))
    loss = run_epoch(engine, examples, plan(batch_size=m), 0.5, None)
    W, b, costs = network.W, network.b, []
    for i in range(0, n_rows, m):
        x, y = X[i : i + m].T, Y[i : i + m].T
        costs.extend(eq.half_squared_error(eq.forward(x, W, b)[1][-1], y))
        grad_W, grad_b = gradients(x, y, W, b)
        W = [eq.updated(p, g, 0.5) for p, g in zip(W, grad_W, strict=True)]
        b = [eq.updated(p, g, 0.5) for p, g in zip(b, grad_b, strict=True)]
    assert_allclose(loss, np.mean(costs), rtol=1e-14)


class InterruptedEngine(LossesEngine):
    """Is interrupted in an epoch, and again while that epoch is undone."""

    def __init__(self, losses, at):
        super().__init__(losses)
        self.at = at
        self.second = True

    def descend(self, X, Y, weights, batch_size, eta):
        loss = super().descend(X, Y, weights, batch_size, eta)
        self.theta += 1
        if len(self.etas) == self.at:
            raise KeyboardInterrupt
        return loss

    def restore(self, snapshot):
        super().restore(snapshot)
        if self.second:
            self.second = False
            raise KeyboardInterrupt


class CountingRandomState(np.random.RandomState):
    n_drawn = 0

    def permutation(self, x):
        self.n_drawn += 1
        return super().permutation(x)


@pytest.mark.parametrize("n_rows", [4, 20_000])
def test_two_interrupts_in_a_row_leave_the_last_whole_epoch(n_rows):
    engine = InterruptedEngine(np.linspace(1, 0.1, 200), at=101)
    progress, random_state = new_progress(), CountingRandomState(0)
    examples = numbered_examples(n_rows, "C")
    settings = plan(batch_size=2, shuffle=True, max_iter=150)
    if n_rows > 1000:  # several blocks of rows an epoch
        engine.at = 3 * -(-n_rows // (2**20 // 32 // 2 * 2)) + 1
    assert train(engine, examples, settings, progress, random_state) == "interrupted"
    n_epochs = len(progress.losses)
    assert progress.n_iter == n_epochs == (100 if n_rows == 4 else 3)
    assert progress.t == n_epochs * n_rows
    assert engine.theta == engine.at - 1
    uninterrupted = np.random.RandomState(0)
    for _ in range(n_epochs):
        uninterrupted.permutation(n_rows)
    assert random_state.randint(2**31) == uninterrupted.randint(2**31)
    if n_rows > 10_000:  # long draws are not repeated
        assert random_state.n_drawn == n_epochs + 1


def test_a_fall_by_exactly_tol_is_an_improvement():
    progress = new_progress(best_loss=0.75)
    progress.add_epoch(0.5, 4, plan(tol=0.25))
    assert progress.n_no_change == 0


def test_adaptive_does_not_divide_the_smallest_eta():
    engine = LossesEngine([1.0] * 10)
    settings = plan(
        learning_rate="adaptive", learning_rate_init=1e-6, n_iter_no_change=1
    )
    run(engine, settings, new_progress(best_loss=0.0))
    assert engine.etas == [1e-6] * 2


class InterruptedInSnapshot(LossesEngine):
    """Is interrupted after an epoch, before it is kept."""

    n_snapshots = 0

    def snapshot(self):
        self.n_snapshots += 1
        if self.n_snapshots == 4:  # the first is taken before training
            raise KeyboardInterrupt
        return super().snapshot()


def test_an_interrupt_before_an_epoch_is_kept_removes_its_history():
    engine = InterruptedInSnapshot([0.4, 0.3, 0.2])
    progress = new_progress(n_iter=7, t=28, best_loss=0.5)
    assert run(engine, plan(tol=0.0), progress) == "interrupted"
    assert progress == new_progress(n_iter=9, t=36, best_loss=0.3, losses=[0.4, 0.3])


@pytest.mark.parametrize(
    ("loss", "score", "improves", "is_best"),
    [
        (2.0, 0.7, True, True),  # a better score at any loss
        (0.1, 0.3, False, False),  # a worse score
        (0.8, 0.5, True, True),  # an equal score and a lower loss
        (0.9999, 0.5, False, True),  # a loss lower by less than tol
        (1.0, 0.5, False, False),
        (1.5, 0.5, False, False),
        (2.0, 0.505, False, True),  # better by less than score_tol
        (0.8, 0.495, True, False),  # worse by less than score_tol, and a lower loss
        (0.8, 0.5 - 1e-9, True, True),  # equal except for rounding
        (1.5, 0.5 + 1e-9, False, False),
    ],
)
def test_the_score_decides_and_the_loss_breaks_ties(loss, score, improves, is_best):
    settings = plan(tol=0.01, score_tol=0.01, early_stopping=True)
    progress = new_progress()
    progress.add_epoch(1.0, 4, settings, validation=(1.0, 0.5))
    assert (progress.best_epoch, progress.n_no_change) == (1, 0)
    progress.add_epoch(1.0, 4, settings, validation=(loss, score))
    assert progress.n_no_change == (0 if improves else 1)
    assert progress.best_epoch == (2 if is_best else 1)


def test_epochs_without_improvement_do_not_count_before_anything_is_learnt():
    losses = [1.0, 1.0, 1.0, 1.0, 1.0, 0.7, 0.7, 0.7, 0.0]
    engine, progress = LossesEngine(losses), new_progress()
    settings = plan(tol=0.1, n_iter_no_change=1, must_beat=0.8, max_iter=20)
    assert run(engine, settings, progress) == "no improvement"
    assert progress.losses == losses[:8]


def test_an_adaptive_eta_stays_until_something_is_learnt():
    engine, progress = LossesEngine([1.0] * 5 + [0.7] * 3), new_progress()
    settings = plan(tol=0.1, n_iter_no_change=1, must_beat=0.8, max_iter=8)
    settings = replace(settings, learning_rate="adaptive")
    assert run(engine, settings, progress) == "max_iter"
    assert engine.etas == [0.5] * 8
    assert progress.n_eta_drops == 1


def test_invscaling_underflows_to_zero():
    settings = plan(learning_rate="invscaling", power_t=1e6)
    assert step_size(settings, new_progress(t=1000)) == 0


@pytest.mark.parametrize("weighted", [False, True])
def test_constant_loss_is_the_loss_of_the_mean_target(weighted):
    _, Y = Network((3, 2)).examples(3000)
    weights = np.random.default_rng(0).random(3000) if weighted else None
    mean = np.average(Y, axis=0, weights=weights)
    costs = eq.half_squared_error(np.tile(mean, (3000, 1)).T, Y.T)
    examples = Examples(Y, lambda rows: Y[rows], 2, weights, np.dtype(float))
    expected = np.average(costs, weights=weights)
    assert_allclose(constant_loss(examples), expected, rtol=1e-12)
