"""Conversion to ONNX, for runtimes without Python. Needs the extra `onnx`.

Importing this module registers `SGDSigmoidMLP` and `SGDSigmoidMLPRegressor` with
`skl2onnx <https://onnx.ai/sklearn-onnx/>`_, whose ``to_onnx`` can then convert them,
alone, in pipelines, and as the best estimator of a search.

The graph computes what `predict` and `predict_proba` compute, ``z^l = a^{l−1} W^l +
b^l`` and ``a^l = σ(z^l)`` layer by layer (section 3, Pre-activation level, and section
2, Activation level, of the derivation). It uses float64 if its input is float64, else
float32. A classifier has the same outputs as scikit-learn's classifiers:

- ``label`` of shape (n_samples,), int64 or string; for a multilabel model, of shape
  (n_samples, n_labels), int64. Boolean and whole-number float labels become int64.
- ``probabilities`` of shape (n_samples, n_classes), or with the option ``zipmap``,
  which is skl2onnx's default, a dict or a column for each class.

It also has the same options: ``zipmap`` (True only for float32, a limit of ONNX's
operator), ``nocl``, ``output_class_labels``, and ``raw_scores``, which gives
`decision_function` (for two classes ``[−z, z]``) instead of the probabilities. A
regressor has one output, ``variable`` of shape (n_samples, n_outputs).

Raises
------
ImportError
    skl2onnx is not installed; the message names the extra to install.
ValueError
    From ``to_onnx``: the input and the model differ in their number of features, or the
    class labels are neither strings nor 64-bit integers.

Examples
--------
>>> import numpy as np
>>> import onnxruntime
>>> from skl2onnx import to_onnx
>>> from sklearn.datasets import load_iris
>>> from sklearn.pipeline import make_pipeline
>>> from sklearn.preprocessing import StandardScaler
>>> import skbackprop.onnx  # registers the converters
>>> from skbackprop import SGDSigmoidMLP
>>> X, y = load_iris(return_X_y=True)
>>> model = make_pipeline(StandardScaler(), SGDSigmoidMLP(tol=1e-4, random_state=0))
>>> onnx_model = to_onnx(model.fit(X, y), X[:1], options={"zipmap": False})
>>> session = onnxruntime.InferenceSession(onnx_model.SerializeToString())
>>> labels, probabilities = session.run(None, {"X": X})
>>> bool((labels == model.predict(X)).all())
True
>>> bool(np.abs(probabilities - model.predict_proba(X)).max() < 1e-12)
True
"""

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

try:
    from skl2onnx import update_registered_converter
    from skl2onnx.algebra.onnx_ops import (
        OnnxAbs,
        OnnxAdd,
        OnnxArgMax,
        OnnxCast,
        OnnxConcat,
        OnnxExp,
        OnnxGather,
        OnnxGreater,
        OnnxIdentity,
        OnnxLog,
        OnnxMatMul,
        OnnxMin,
        OnnxMul,
        OnnxNeg,
        OnnxSigmoid,
        OnnxSoftmax,
        OnnxSub,
    )
    from skl2onnx.common.data_types import (
        DoubleTensorType,
        FloatTensorType,
        Int64TensorType,
        StringTensorType,
        guess_proto_type,
    )
    from skl2onnx.common.utils import check_input_and_output_numbers
    from skl2onnx.common.utils_classifier import get_label_classes
except ImportError as error:
    raise ImportError(
        "skbackprop.onnx needs skl2onnx. In a checkout of skbackprop, run: python -m "
        f'pip install ".[onnx]" ({error})'
    ) from error

from ._estimators import SGDSigmoidMLP, SGDSigmoidMLPRegressor

__all__: list[str] = []

Array = NDArray[Any]
# Makes a node from its type, its inputs (nodes, arrays or variables) and attributes.
Node = Callable[..., Any]


def _node(opset: int, kind: Any, *inputs: Any, **attributes: Any) -> Any:
    """A node of this type; every node needs the version of the operators."""
    return kind(*inputs, op_version=opset, **attributes)


def _float_type(operator: Any) -> Any:
    """float64 for float64 inputs, float32 for all others, as in skl2onnx."""
    given = operator.inputs[0].type
    return DoubleTensorType if isinstance(given, DoubleTensorType) else FloatTensorType


def _float_dtype(operator: Any) -> DTypeLike:
    return np.float64 if _float_type(operator) is DoubleTensorType else np.float32


def _pre_activations(operator: Any, node: Node) -> Any:
    """``z^L``, as `skbackprop._engine.forward.decision` computes it."""
    model, dtype = operator.raw_operator, _float_dtype(operator)
    a = node(OnnxCast, operator.inputs[0], to=guess_proto_type(_float_type(operator)()))
    layers = zip(model.coefs_, model.intercepts_, strict=True)
    for layer, (coef, intercept) in enumerate(layers, start=1):
        product = node(OnnxMatMul, a, coef.astype(dtype))
        z = node(OnnxAdd, product, intercept.astype(dtype))
        a = z if layer == len(model.coefs_) else node(OnnxSigmoid, z)
    return a


def _log_sigmoid(z: Any, node: Node, dtype: DTypeLike) -> Any:
    """``log σ(z) = min(z, 0) − log(1 + e^{−|z|})``, which cannot overflow.

    Not by Softplus, which onnxruntime 1.32 computes as infinite for float64 above 709.
    """
    decayed = node(OnnxExp, node(OnnxNeg, node(OnnxAbs, z)))
    log = node(OnnxLog, node(OnnxAdd, decayed, np.ones(1, dtype)))
    return node(OnnxSub, node(OnnxMin, z, np.zeros(1, dtype)), log)


def _label_array(classes: Array) -> Array:
    """The array to look labels up in: strings, or int64 for numbers of any kind."""
    if all(isinstance(label, str) for label in classes):
        return classes.astype(object)
    try:
        numbers = classes.astype(np.int64)
        unchanged = bool((numbers == classes).all())
    except (TypeError, ValueError, OverflowError):
        unchanged = False
    if not unchanged:
        raise ValueError(
            f"classes_ must be strings or 64-bit integers for ONNX, got {classes}."
        )
    return numbers


def _convert_classifier(scope: Any, operator: Any, container: Any) -> None:
    model, dtype = operator.raw_operator, _float_dtype(operator)
    node = partial(_node, container.target_opset)
    label_name, scores_name = (output.full_name for output in operator.outputs)
    z = _pre_activations(operator, node)
    if model._multilabel:
        above = node(OnnxGreater, z, np.zeros(1, dtype))
        to = guess_proto_type(Int64TensorType())
        labels = node(OnnxCast, above, to=to, output_names=[label_name])
        probabilities = partial(node, OnnxSigmoid, z)
    else:
        if len(model.classes_) == 2:
            z = node(OnnxConcat, node(OnnxNeg, z), z, axis=1)
            probabilities = partial(node, OnnxSigmoid, z)
        else:
            # A single class has one column, whose softmax is 1.
            log_a = _log_sigmoid(z, node, dtype)
            probabilities = partial(node, OnnxSoftmax, log_a, axis=1)
        # From z, not from probabilities, which can be equal when z differs.
        best = node(OnnxArgMax, z, axis=1, keepdims=0)
        classes = _label_array(get_label_classes(scope, model))
        labels = node(OnnxGather, classes, best, output_names=[label_name])
    if container.get_options(model, {"raw_scores": False})["raw_scores"]:
        probabilities = partial(node, OnnxIdentity, z)
    for output in (labels, probabilities(output_names=[scores_name])):
        output.add_to(scope, container)


def _convert_regressor(scope: Any, operator: Any, container: Any) -> None:
    dtype, node = _float_dtype(operator), partial(_node, container.target_opset)
    scale = operator.raw_operator._scale
    a = node(OnnxSigmoid, _pre_activations(operator, node))
    from_half = node(OnnxSub, a, np.full(1, 0.5, dtype))
    # Multiply by the reciprocal: 1 / gain overflows float32 only if y does.
    y = node(OnnxMul, from_half, (1 / scale.gain).astype(dtype))
    names = [operator.outputs[0].full_name]
    node(OnnxAdd, y, scale.centre.astype(dtype), output_names=names).add_to(
        scope, container
    )


def _check_input(operator: Any, n_outputs: int) -> None:
    model = operator.raw_operator
    model._require_network()
    check_input_and_output_numbers(
        operator, input_count_range=1, output_count_range=n_outputs
    )
    n_features = operator.inputs[0].get_second_dimension()
    if n_features not in (None, model.n_features_in_):
        raise ValueError(
            f"The ONNX input has {n_features} features, but {type(model).__name__} is "
            f"expecting {model.n_features_in_} features as input."
        )


def _classifier_shapes(operator: Any) -> None:
    _check_input(operator, n_outputs=2)
    model, n_rows = operator.raw_operator, operator.inputs[0].get_first_dimension()
    classes = _label_array(get_label_classes(operator.scope_inst, model))
    label_type = Int64TensorType if classes.dtype == np.int64 else StringTensorType
    shape = [n_rows, len(classes)]
    labels, scores = operator.outputs
    labels.set_type(label_type(shape if model._multilabel else [n_rows]))
    scores.set_type(_float_type(operator)(shape))


def _regressor_shapes(operator: Any) -> None:
    _check_input(operator, n_outputs=1)
    shape = [
        operator.inputs[0].get_first_dimension(),
        operator.raw_operator.n_outputs_,
    ]
    operator.outputs[0].set_type(_float_type(operator)(shape))


# The option "zipmap" makes skl2onnx treat a classifier like its own.
update_registered_converter(
    SGDSigmoidMLP,
    "SkbackpropSGDSigmoidMLP",
    _classifier_shapes,
    _convert_classifier,
    options={
        "zipmap": [True, False, "columns"],
        "nocl": [True, False],
        "output_class_labels": [False, True],
        "raw_scores": [True, False],
    },
)
update_registered_converter(
    SGDSigmoidMLPRegressor,
    "SkbackpropSGDSigmoidMLPRegressor",
    _regressor_shapes,
    _convert_regressor,
)
