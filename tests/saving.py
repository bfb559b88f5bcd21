"""The formats in which the tests save and load a model."""

import io
import pickle
import zipfile
from functools import partial
from typing import NamedTuple

import cloudpickle
import joblib
import skops.io

# The only types that skops is asked to trust.
OUR_TYPES = [
    "skbackprop.SGDSigmoidMLP",
    "skbackprop.SGDSigmoidMLPRegressor",
]


class Format(NamedTuple):
    """Functions that turn a model into bytes, and bytes into a model."""

    dump: object
    load: object


def joblib_dumps(model):
    buffer = io.BytesIO()
    joblib.dump(model, buffer)
    return buffer.getvalue()


FORMATS = {
    **{
        f"pickle{protocol}": Format(
            partial(pickle.dumps, protocol=protocol), pickle.loads
        )
        for protocol in (2, 3, 4, 5)
    },
    "cloudpickle": Format(cloudpickle.dumps, cloudpickle.loads),
    "joblib": Format(joblib_dumps, lambda data: joblib.load(io.BytesIO(data))),
    "skops": Format(
        partial(skops.io.dumps, compression=zipfile.ZIP_DEFLATED),
        partial(skops.io.loads, trusted=OUR_TYPES),
    ),
}
