"""`check_gradient`: the gradient used in training against numerical derivatives."""

from dataclasses import dataclass
from typing import Any, cast

import numpy as np
from numpy.random import RandomState
from numpy.typing import NDArray
from sklearn.utils import check_random_state

from .. import _equations as eq
from .._estimators.call import Call
from .._estimators.validation import Data
from .._threads import Workers, on_one_blas_thread
from .._training.descent import run_epoch
from ._outputs import Outputs
from ._quantities import Names, Quantities
from ._reading import (
    check_network,
    derivation_columns,
    derivation_parameters,
    prepare,
)

Array = NDArray[Any]

# Im C(p + ih)/h is ∂C/∂p except for a term in h², which is far below any rounding here.
STEP = 1e-30
# Beyond this, σ is 0 or 1 and σ' is 0, to all digits.
LARGEST_Z = 300

# How many rounding errors one product of the backward pass may add; see `_rounding`.
ROUNDINGS = 16


@dataclass(frozen=True)
class GradientCheck:
    """The result of `check_gradient`; printed, it is a table with the verdict.

    Attributes
    ----------
    passed : bool
        Whether every layer agrees: both gradients are within `tolerance`, relative to
        the largest derivative of the layer, plus `rounding`.

    relative_error : tuple of float, one for each layer from 1 to L
        Largest difference between the gradient that training uses (taken from one
        update of the fast implementation) and the derivatives, divided by the largest
        derivative. Only the weights and biases compared count.

    relative_error_equations : tuple of float, one for each layer
        The same for the derivation's equations, which `backprop_trace` shows.

    rounding : tuple of float, one for each layer
        Relative error that rounding alone may cause. It is large if neurons are
        saturated, or if the gradients of the examples cancel each other.

    tolerance : float
        Square root of the machine epsilon of the network's dtype, that is, half of the
        digits. A wrong equation is wrong in the first digits.

    n_compared : tuple of int, one for each layer
        How many weights and biases were compared.

    n_parameters : tuple of int, one for each layer
        How many weights and biases there are.

    See Also
    --------
    check_gradient : Makes a check.

    Examples
    --------
    See `check_gradient`.
    """

    passed: bool
    relative_error: tuple[float, ...]
    relative_error_equations: tuple[float, ...]
    rounding: tuple[float, ...]
    tolerance: float
    n_compared: tuple[int, ...]
    n_parameters: tuple[int, ...]

    @property
    def max_relative_error(self) -> float:
        """Largest `relative_error` of all layers."""
        return max(self.relative_error)

    def __bool__(self) -> bool:
        return self.passed

    def __str__(self) -> str:
        lines = [
            "Gradient check: "
            + ("passed." if self.passed else "FAILED.")
            + f" Relative errors against complex-step derivatives, tolerance "
            f"{self.tolerance:.1e} plus rounding:",
            "layer    training   equations    rounding    compared",
        ]
        for layer in range(len(self.relative_error)):
            compared = f"{self.n_compared[layer]} of {self.n_parameters[layer]}"
            lines.append(
                f"{layer + 1:>5}    {self.relative_error[layer]:8.1e}    "
                f"{self.relative_error_equations[layer]:8.1e}    "
                f"{self.rounding[layer]:8.1e}    {compared}"
            )
        return "\n".join(lines)

    __repr__ = __str__


def check_gradient(
    estimator: Any,
    X: Any,
    y: Any,
    *,
    max_parameters: int | None = 200,
    random_state: int | RandomState | None = 0,
) -> GradientCheck:
    """Check the gradient of a network against numerical derivatives of its cost.

    Two analytic gradients of the mean cost of the given rows are checked. One is the
    gradient that training really uses, read off one update of the fast implementation
    with all rows in one batch. The other is that of the derivation's equations. Both
    are compared with complex-step derivatives, ``∂C/∂p = Im C(p + ih) / h`` with
    ``h = 1e-30``. These have no truncation error and need only the equations of the
    forward pass. They are computed in float64, whatever the network's dtype.

    Parameters
    ----------
    estimator : SGDSigmoidMLP or SGDSigmoidMLPRegressor
        A fitted network, or an unfitted one, which gets the initial weights that `fit`
        would draw. The estimator is not changed in either case. For a pipeline, pass
        its last step, with `X` as that step sees it. `momentum`, `alpha`, schedules and
        class weights are left out: the cost is that of the derivation.

    X : {array-like, sparse matrix} of shape (n_samples, n_features) or (n_features,)
        Inputs; a 1-D array is one example. Time grows with the number of rows; tens of
        rows are enough.

    y : array-like of shape (n_samples,) or (n_samples, n_outputs), or a single target
        Targets as `fit` takes them.

    max_parameters : int >= 2 or None, default=200
        How many weights and biases to compare in each layer, up to half of them biases.
        If there are more, they are drawn at random, because each takes a forward pass.
        None means all. The default checks 784-100-10 on 20 rows in under two seconds.

    random_state : int, RandomState instance or None, default=0
        Controls the random draw.

    Returns
    -------
    check : GradientCheck
        True if the gradient is right. It prints as a table with a line for each layer.

    Raises
    ------
    TypeError
        `estimator` is something else, such as a pipeline.
    ValueError
        `X` or `y` is not what `fit` expects, or `max_parameters` is out of range.

    See Also
    --------
    backprop_trace : Shows the gradient and everything that it is made of.

    References
    ----------
    "The mathematics" in the documentation, section 5, Error, and section 6, Gradients.
    Squire and Trapp (1998), "Using complex variables to estimate derivatives of real
    functions", SIAM Review 40, 110-112.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sklearn.preprocessing import scale
    >>> from skbackprop import SGDSigmoidMLP
    >>> from skbackprop.inspection import check_gradient
    >>> X, y = load_iris(return_X_y=True)
    >>> check = check_gradient(SGDSigmoidMLP((5,), random_state=0), scale(X), y)
    >>> check.passed
    True
    >>> check.max_relative_error < 1e-12
    True
    >>> print(check)
    Gradient check: passed. Relative errors against complex-step derivatives, ...
    layer    training   equations    rounding    compared
        1     ...    25 of 25
        2     ...    18 of 18
    """
    check_network(estimator)
    if max_parameters is not None and not (
        isinstance(max_parameters, int | np.integer) and max_parameters >= 2
    ):
        raise ValueError(
            f"max_parameters must be an integer >= 2 or None, got {max_parameters!r}."
        )
    estimator, data = prepare(estimator, X, y)
    random_state = cast(RandomState, check_random_state(random_state))
    dtype = estimator.coefs_[0].dtype
    W, b = ([p.astype(float) for p in ps] for ps in derivation_parameters(estimator))
    # Targets are rounded to the network's dtype, because it trains on these.
    x, y = (v.astype(float) for v in derivation_columns(estimator, data))
    found = Quantities(W, b, x, y, 1.0, Names(), Outputs())
    equations = [found.grad_W, found.grad_b]
    trained = _engine_gradient(estimator, data, _revealing_eta(found))
    bounds = _rounding(found, np.finfo(dtype).eps)
    tolerance = float(np.sqrt(np.finfo(dtype).eps))

    errors: list[float] = []
    errors_equations: list[float] = []
    rounding: list[float] = []
    n_compared: list[int] = []
    passed = True
    for layer in range(len(W)):
        picked = _pick(W[layer], max_parameters, random_state)
        numeric = _complex_step(found, layer, picked)
        scale = np.abs(numeric).max()
        bound = bounds[layer]
        for gradient, into in ((trained, errors), (equations, errors_equations)):
            analytic = np.concatenate([gradient[0][layer], gradient[1][layer]], axis=1)
            error = np.abs(analytic[picked] - numeric).max()
            # `not` catches a NaN too.
            passed &= bool(error <= tolerance * scale + bound)
            into.append(_relative(error, scale))
        rounding.append(_relative(bound, scale))
        n_compared.append(len(numeric))
    return GradientCheck(
        passed,
        tuple(errors),
        tuple(errors_equations),
        tuple(rounding),
        tolerance,
        tuple(n_compared),
        tuple(W_l.size + b_l.size for W_l, b_l in zip(W, b, strict=True)),
    )


def _engine_gradient(
    estimator: Any, data: Data, eta: float
) -> tuple[list[Array], list[Array]]:
    """``(before − after) / η`` of one update on all rows, as `partial_fit` makes it."""
    probe = estimator._copy()
    probe.set_params(
        alpha=0.0,
        batch_size="full",
        learning_rate="constant",
        learning_rate_init=eta,
        momentum=0.0,
    )
    if hasattr(probe, "class_weight"):
        probe.class_weight = None
    before = derivation_parameters(probe)
    workers, call = Workers(), Call(continues=True, is_pass=True)
    with np.errstate(all="ignore"):
        run = probe._begin(data, None, call, workers)
        on_one_blas_thread(
            lambda: run_epoch(run.engine, run.source, run.plan, eta, None), workers
        )
    probe.coefs_, probe.intercepts_ = run.engine.parameters()
    after = derivation_parameters(probe)
    grad_W, grad_b = (
        [(p.astype(float) - q) / eta for p, q in zip(old, new, strict=True)]
        for old, new in zip(before, after, strict=True)
    )
    return grad_W, grad_b


def _revealing_eta(found: Quantities) -> float:
    """A step size so large that no layer's update is lost beside its weights.

    Subtracting the weights again then leaves nearly all digits of the gradient. A power
    of 2 causes no rounding itself, and up to 2^60 nothing overflows in float32.
    """
    ratios = [
        np.abs(W).max() / max(np.abs(grad).max(), np.finfo(float).tiny)
        for W, grad in zip(found.W, found.grad_W, strict=True)
    ]
    exponent = np.ceil(np.log2(max(*ratios, 1.0))) + 10
    return float(2.0 ** min(exponent, 60))


def _rounding(found: Quantities, eps: float) -> list[float]:
    """Absolute error that rounding may cause in each layer's gradient.

    If an activation is near 1, ``1 − a`` and thus σ' are off by `eps`, whatever their
    size. This error goes back through the layers like the errors δ themselves. The
    average gradient may be far smaller than those of the examples, hence absolute
    values throughout.
    """
    bounds: list[float] = []
    off = np.zeros_like(found.delta[-1])
    for layer in reversed(range(len(found.W))):
        if layer + 1 < len(found.W):
            size = np.abs(found.W[layer + 1].T) @ np.abs(found.delta[layer + 1])
            off = np.abs(found.W[layer + 1].T) @ off
        else:
            size = (np.abs(found.a[-1]) + np.abs(found.y)) / len(found.y)
        slope = found.sigma_prime[layer]
        off = off * slope + eps * size * (slope + found.a[layer + 1])
        inputs = np.maximum(np.abs(found.a[layer]), 1.0)  # a bias has the input 1
        bounds.insert(0, ROUNDINGS * float(eq.weight_gradient(off, inputs).max()))
    return bounds


def _pick(W: Array, at_most: int | None, random_state: RandomState) -> Any:
    """Indices of parameters to compare in ``[W b]``; the bias is the last column."""
    n_out, n_in = W.shape
    if at_most is None or n_out * (n_in + 1) <= at_most:
        return np.nonzero(np.ones((n_out, n_in + 1)))
    n_biases = min(n_out, at_most // 2)
    rows = random_state.choice(n_out, n_biases, replace=False)
    weights = random_state.choice(W.size, at_most - n_biases, replace=False)
    j, k = np.unravel_index(weights, W.shape)
    return np.concatenate([rows, j]), np.concatenate([np.full(n_biases, n_in), k])


def _complex_step(found: Quantities, layer: int, picked: Any) -> Array:
    """∂C/∂p of the picked parameters of a layer, from the forward pass alone."""
    # Earlier layers do not depend on them.
    W = [W_l.astype(complex) for W_l in found.W[layer:]]
    b = [b_l.astype(complex) for b_l in found.b[layer:]]
    derivatives = []
    for j, k in zip(*picked, strict=True):
        parameters, column = (W[0], k) if k < W[0].shape[1] else (b[0], 0)
        before = parameters[j, column]
        parameters[j, column] = before + 1j * STEP
        cost = eq.half_squared_error(_forward(found.a[layer], W, b), found.y).mean()
        derivatives.append(cost.imag / STEP)
        parameters[j, column] = before
    return np.array(derivatives)


def _forward(a: Array, W: list[Array], b: list[Array]) -> Array:
    """The output of a complex network."""
    for W_l, b_l in zip(W, b, strict=True):
        z = eq.pre_activation(W_l, a, b_l)
        # Beyond this, a complex exponential may become ∞ + NaN i, and σ' is 0 anyway.
        z.real = np.clip(z.real, -LARGEST_Z, LARGEST_Z)
        a = eq.sigmoid(z)
    return a


def _relative(error: float, scale: float) -> float:
    if scale:
        return float(error / scale)
    return 0.0 if error == 0 else float("inf")
