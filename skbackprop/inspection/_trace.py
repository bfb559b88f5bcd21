"""`backprop_trace`: every quantity of the derivation, for a user's own examples."""

from numbers import Integral
from os import PathLike
from pathlib import Path
from typing import Any

from ._chain_rule import Parameter
from ._explain import Explanation, explain_parameter
from ._page.chain_rule import explanation
from ._page.document import document
from ._page.scripts import SAME_WEIGHT
from ._page.trace import fragment
from ._quantities import Quantities
from ._reading import (
    check_network,
    derivation_columns,
    derivation_parameters,
    names_of,
    output_meaning,
    prepare,
)


class BackpropTrace(Quantities):
    """One pass of backpropagation, with everything that it computes.

    `backprop_trace` makes it. A notebook displays it as a page.

    Layers are numbered as in the derivation: 0 is the input, 1 the first layer of
    neurons, L the output. Lists have an entry for each layer from 1 to L, so layer
    ``l`` is at ``[l - 1]``. Only `a` begins with layer 0, so ``a[l]`` is layer ``l``.
    Neurons, inputs and examples are numbered from 0, as in numpy. Vectors are columns,
    one for each of the `m` examples. The dtype is that of the network.

    Attributes
    ----------
    W : list of ndarrays of shape (n_l, n_{l-1})
        Weights, ``coefs_[l - 1].T``.

    b : list of ndarrays of shape (n_l, 1)
        Biases.

    y : ndarray of shape (n_L, m)
        The expected activations: the targets as the estimator encodes them.

    eta : float
        The step size η of the updates: the estimator's `learning_rate_init`, or
        `learning_rate_init_` if that is "auto".

    z : list of ndarrays of shape (n_l, m)
        Pre-activations, ``z^l = W^l a^{l−1} + b^l``.

    a : list of ndarrays of shape (n_l, m)
        Activations, ``a^l = σ(z^l)``; ``a[0]`` is the input, a view of `X` if it has
        the dtype of the network.

    sigma_prime : list of ndarrays of shape (n_l, m)
        Slopes of the activations, ``σ'(z^l) = a^l (1 − a^l)``, at most ¼.

    dC_da : list of ndarrays of shape (n_l, m)
        Sensitivity of the cost to the activations: ``1/n_L (a^L − y)`` in the output
        layer, ``(W^{l+1})ᵀ δ^{l+1}`` in the other layers.

    delta : list of ndarrays of shape (n_l, m)
        Errors, ``δ^l = ∂C/∂z^l = ∂C/∂a^l ⊙ σ'(z^l)``, of each example.

    grad_W : list of ndarrays of shape (n_l, n_{l-1})
        Gradients of the weights, ``δ^l (a^{l−1})ᵀ``, averaged over the examples.

    grad_b : list of ndarrays of shape (n_l, 1)
        Gradients of the biases, ``δ^l``, averaged over the examples.

    update_W, update_b : lists of ndarrays like `grad_W` and `grad_b`
        What one step of plain gradient descent adds, ``−η·∇``.

    costs : ndarray of shape (m,)
        Cost of each example, ``1/n_L Σ_j ½ (a_j^L − y_j)²``.

    cost : float
        Their mean.

    units : list of int
        Neurons of each layer from 0 to L.

    n_examples : int
        The number of examples, ``m``.

    names : tuple (inputs, outputs)
        The names of the features, and of what the output neurons stand for. Each is a
        list of str, or None.

    See Also
    --------
    backprop_trace : Makes a trace.
    check_gradient : Compares the gradient with numerical derivatives.

    References
    ----------
    "The mathematics" in the documentation, all sections.

    Examples
    --------
    See `backprop_trace`.
    """

    def explain(
        self, layer: int, j: int, k: int | None, *, digits: int = 4
    ) -> Explanation:
        """Explain the derivative of the cost for one weight, in words and numbers.

        The text shows the chain rule of section 4, Cost re-expressed,
        ``∂C/∂w_jk = ∂C/∂a_j · ∂a_j/∂z_j · ∂z_j/∂w_jk``, with the value of each factor.
        For a hidden neuron, ``∂C/∂a_j`` is shown as the sum over the errors of the next
        layer (section 5, Error). For comparison, ``ΔC/0.0001`` shows how the cost
        changes when only this parameter is moved, by 0.0001.

        A notebook shows the last value of a cell with the factors in their colours;
        `print` it for plain text.

        Parameters
        ----------
        layer : int, 1 to L
            The layer that the weight leads to; L is the output layer.

        j : int, 0 to n_l − 1
            The neuron of `layer` that the weight leads to: the row of ``W^l``.

        k : int, 0 to n_{l−1} − 1, or None
            The neuron (or input) of the previous layer that the weight comes from: the
            column of ``W^l``. None means the bias of neuron `j`.

        digits : int, 1 to 17, default=4
            Significant digits of the numbers. 17 digits tell every float64 from its
            neighbours.

        Returns
        -------
        text : str
            Some lines to print. For a batch, they show the product for each example (at
            most ten of them) and the average.

        Raises
        ------
        TypeError
            An index is not an integer.
        IndexError
            `layer`, `j` or `k` is not in the network.
        ValueError
            `digits` is not between 1 and 17.

        Examples
        --------
        >>> from skbackprop import SGDSigmoidMLP
        >>> from skbackprop.inspection import backprop_trace
        >>> X, y = [[0, 0], [0, 1], [1, 0], [1, 1]], [0, 1, 1, 0]
        >>> model = SGDSigmoidMLP((2,), random_state=0).partial_fit(X, y, [0, 1])
        >>> print(backprop_trace(model, X[1], y[1]).explain(2, 0, 1))
        ∂C/∂w of the weight from neuron 1 of layer 1 to neuron 0 ("class 1") of ...
        <BLANKLINE>
            ∂C/∂w = ∂C/∂a · ∂a/∂z · ∂z/∂w
        <BLANKLINE>
        ∂C/∂a = a − y = 0.5790 − 1 = −0.4210
            The activation is 0.579 and should be 1: too low.
        ∂a/∂z = a (1 − a) = 0.5790 · 0.4210 = 0.2438
            The slope of the sigmoid, at most 0.25.
        ∂z/∂w = 0.6486
            The activation of neuron 1, which the weight multiplies.
        <BLANKLINE>
        δ = ∂C/∂a · ∂a/∂z = −0.1026
        ∂C/∂w = −0.4210 · 0.2438 · 0.6486 = −0.06657
        <BLANKLINE>
        Raising it would lower the cost, so descent moves it up.
        nudge: w + 0.0001 changes C by ΔC = −6.657e−06, and ΔC/0.0001 = −0.06657
        update = −η · ∂C/∂w = −3.162 · (−0.06657) = 0.2105
        w → w + update = −0.2646 + 0.2105 = −0.05407
        """
        last = len(self.W)
        layer = checked_index("layer", layer, 1, last, f"a network of {last} layers")
        n_out, n_in = self.W[layer - 1].shape
        j = checked_index("j", j, 0, n_out - 1, f"the {n_out} neurons of layer {layer}")
        if k is not None:
            before = "inputs" if layer == 1 else f"neurons of layer {layer - 1}"
            k = checked_index("k", k, 0, n_in - 1, f"the {n_in} {before}")
        if not isinstance(digits, Integral) or not 1 <= digits <= 17:
            raise ValueError(f"digits must be an integer from 1 to 17, got {digits!r}.")
        parameter = Parameter(self, layer, j, k)
        return Explanation(
            explain_parameter(parameter, int(digits)),
            explanation(parameter, int(digits)),
        )

    def to_html(self, path: str | PathLike[str]) -> None:
        """Write the page that a notebook shows to a file, for any browser.

        The page shows the forward pass, the cost, the backward pass and the update,
        with all the numbers that they are computed from. A click on a weight or a bias
        shows its chain rule. For a batch, the page shows the averages, and examples
        that the reader can choose.

        The file is complete and loads nothing from elsewhere. Only that of a batch has
        a script, which keeps the chosen weight when another example is chosen. The page
        follows the browser's light or dark mode. Numbers are rounded; their full digits
        are in the `value` of each ``<data>`` element. In a layer of more than ten
        neurons (fewer in deep networks), it shows those that matter most, and always
        the true and the predicted class.

        Parameters
        ----------
        path : str or path
            The file to write; overwritten if it exists.

        Examples
        --------
        >>> import os, tempfile
        >>> from skbackprop import SGDSigmoidMLP
        >>> from skbackprop.inspection import backprop_trace
        >>> X, y = [[0, 0], [0, 1], [1, 0], [1, 1]], [0, 1, 1, 0]
        >>> model = SGDSigmoidMLP((2,), random_state=0).partial_fit(X, y, [0, 1])
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     path = os.path.join(folder, "trace.html")
        ...     backprop_trace(model, [0, 1], 1).to_html(path)
        ...     os.path.getsize(path) > 1000
        True
        """
        body = fragment(self)
        if self.n_examples > 1:
            body += f"\n<script>{SAME_WEIGHT}</script>"
        page = document(body, "Backpropagation, step by step")
        Path(path).write_text(page, encoding="utf-8")

    def _repr_html_(self) -> str:
        return fragment(self)

    def __repr__(self) -> str:
        sizes = "-".join(map(str, self.units))
        return (
            f"BackpropTrace({sizes}, n_examples={self.n_examples}, "
            f"cost={self.cost:.6g}, eta={self.eta:g})"
        )


def backprop_trace(estimator: Any, X: Any, y: Any) -> BackpropTrace:
    """Trace backpropagation through a network, for one example or a batch.

    All quantities come from the functions that "The mathematics" in the documentation
    shows beside the derivation. Training uses a faster implementation of the same
    equations, which agrees to rounding.

    The update of the trace is that of the derivation, ``−η·∇W`` and ``−η·∇b``, where η
    is the estimator's `learning_rate_init` (or `learning_rate_init_` if that is
    "auto"). It is a plain step down the cost, averaged over the rows given. A
    `partial_fit` on the same rows in one batch makes the same update if `learning_rate`
    is constant and there is no `momentum` and no `alpha`. The trace leaves these three
    out, and the weights of rows and classes too.

    Parameters
    ----------
    estimator : SGDSigmoidMLP or SGDSigmoidMLPRegressor
        A fitted network, or an unfitted one. An unfitted one gets the initial weights
        that `fit` would draw, and the classes (or the range) of this `y`. The estimator
        is not changed in either case. For a pipeline, pass its last step, with `X` as
        that step sees it.

    X : {array-like, sparse matrix} of shape (n_samples, n_features) or (n_features,)
        Inputs; a 1-D array is one example. Arrays of the trace have a column for each
        row of `X`, so give it tens or hundreds of rows, not all of a large set.

    y : array-like of shape (n_samples,) or (n_samples, n_outputs), or a single target
        Targets as `fit` takes them. With a 1-D `X`, the target of that example: a class
        or a number, or one value for each label or output.

    Returns
    -------
    trace : BackpropTrace
        All quantities as arrays. ``trace.explain(layer, j, k)`` explains those of one
        weight in words, and ``trace.to_html(path)`` writes a page that shows them all.

    Raises
    ------
    TypeError
        `estimator` is something else, such as a pipeline.
    ValueError
        `X` or `y` is not what `fit` expects, has the wrong number of features or
        outputs, or has a label that is not in `classes_`.

    See Also
    --------
    check_gradient : Compares the gradient with numerical derivatives.

    References
    ----------
    "The mathematics" in the documentation, all sections.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sklearn.preprocessing import scale
    >>> from skbackprop import SGDSigmoidMLP
    >>> from skbackprop.inspection import backprop_trace
    >>> X, y = load_iris(return_X_y=True)
    >>> X = scale(X)
    >>> model = SGDSigmoidMLP((5,), tol=1e-4, random_state=0).fit(X, y)
    >>> trace = backprop_trace(model, X[70], y[70])
    >>> trace
    BackpropTrace(4-5-3, n_examples=1, cost=..., eta=3.35...)
    >>> trace.y.ravel()  # class 1 of 3
    array([0., 1., 0.])
    >>> trace.delta[-1].shape, trace.grad_W[0].shape
    ((3, 1), (5, 4))
    """
    check_network(estimator)
    estimator, data = prepare(estimator, X, y)
    return BackpropTrace(
        *derivation_parameters(estimator),
        *derivation_columns(estimator, data),
        _eta(estimator, data.X.shape[0]),
        names_of(estimator),
        output_meaning(estimator),
    )


def _eta(estimator: Any, n_rows: int) -> float:
    """The step size that the parameters ask for; for "auto", the fitted one."""
    fitted = getattr(estimator, "learning_rate_init_", None)
    if estimator.learning_rate_init == "auto" and fitted is not None:
        return float(fitted)
    pace = estimator._pace(estimator._stops_early(n_rows, given=False))
    return float(estimator._resolve_learning_rate_init(pace, n_rows))


def checked_index(name: str, value: Any, least: int, most: int, of_what: str) -> int:
    """The index as an int, if it is in the network."""
    if not isinstance(value, Integral) or isinstance(value, bool):
        raise TypeError(
            f"{name} must be an integer, got {value!r} of type {type(value).__name__}."
        )
    if not least <= int(value) <= most:
        raise IndexError(
            f"{name} must be between {least} and {most} for {of_what}, got {value}."
        )
    return int(value)
