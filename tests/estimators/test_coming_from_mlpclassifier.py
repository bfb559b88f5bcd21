"""The tables of the page "Coming from MLPClassifier" against the estimators."""

import copy
import inspect
import pickle
import re
from pathlib import Path

import pandas as pd
import pytest
from helpers import quietly
from sklearn.base import clone
from sklearn.datasets import load_iris
from sklearn.neural_network import MLPClassifier, MLPRegressor

from skbackprop import SGDSigmoidMLP, SGDSigmoidMLPRegressor

PAGE = Path(__file__).parents[2] / "docs" / "coming_from_mlpclassifier.md"
PAIRS = [(SGDSigmoidMLP, MLPClassifier), (SGDSigmoidMLPRegressor, MLPRegressor)]


def table(heading):
    """The page's entry for each name under a heading."""
    text = PAGE.read_text(encoding="utf-8")
    section = text.split(f"\n## {heading}\n")[1].split("\n## ")[0]
    return dict(re.findall(r"^\| `(\w+)` \| ([^|]+) \|", section, re.MULTILINE))


def defaults(estimator):
    return estimator().get_params()


def fitted_attributes(estimator):
    X, y = load_iris(return_X_y=True)
    X = pd.DataFrame(X, columns=list("abcd"))
    model = quietly(estimator(max_iter=2, early_stopping=True).fit, X, y)
    return dict.fromkeys(name for name in vars(model) if re.match(r"[a-z].*_$", name))


@pytest.mark.parametrize(
    ("heading", "names"),
    [("Parameters", defaults), ("Attributes", fitted_attributes)],
)
def test_the_table_says_where_every_name_exists(heading, names):
    ours, theirs = {}, {}
    for our, their in PAIRS:
        ours |= names(our)
        theirs |= names(their)
    expected = {
        **dict.fromkeys(theirs.keys() - ours.keys(), "not here"),
        **dict.fromkeys(ours.keys() - theirs.keys(), "only here"),
        **dict.fromkeys(ours.keys() & theirs.keys(), "same"),
    }
    found = table(heading)
    # MLPRegressor has loss since scikit-learn 1.7.
    found = {
        k: v.split(",")[0] for k, v in found.items() if k in expected or k != "loss"
    }
    assert found == expected


@pytest.mark.parametrize(("our", "their"), PAIRS)
def test_the_table_says_which_defaults_differ(our, their):
    found = table("Parameters")
    for name, value in defaults(our).items():
        # batch_size is "auto" in both; early_stopping differs only in the regressor.
        if name in defaults(their) and name not in ("batch_size", "early_stopping"):
            differs = value != defaults(their)[name]
            assert ("other default" in found[name]) == differs, name


@pytest.mark.parametrize(("our", "their"), PAIRS)
def test_every_method_of_theirs_can_be_called_the_same_way(our, their):
    for name, method in inspect.getmembers(their, inspect.isfunction):
        if not name.startswith(("_", "set_")):  # set_fit_request and its like
            found = inspect.signature(getattr(our, name)).parameters
            assert set(inspect.signature(method).parameters) <= set(found)


@pytest.mark.parametrize("our", [our for our, _ in PAIRS])
def test_an_error_says_to_leave_out_parameters_that_do_not_exist_here(our):
    names = [name for name, text in table("Parameters").items() if text == "not here"]
    assert {"activation", "solver", "beta_1"} < {*names}
    for name in names:
        with pytest.raises(TypeError, match=rf"{name}.*Leave out .*{name}.*'Coming f"):
            our(**{name: 1})
    with pytest.raises(
        TypeError, match=r"what is fixed here: solver .*solvers: beta_1"
    ):
        our((5,), beta_1=0.9, solver="sgd")
    # Python's own messages.
    with pytest.raises(TypeError, match=r"unexpected keyword argument 'eta'$"):
        our(eta=0.1)
    with pytest.raises(TypeError, match="positional arguments"):
        our((5,), "relu")


class WithActivation(SGDSigmoidMLP):
    """A subclass with its own parameter of that name."""

    def __init__(self, hidden_layer_sizes=(100,), *, activation="sigmoid"):
        super().__init__(hidden_layer_sizes)
        self.activation = activation


class WithoutInit(SGDSigmoidMLPRegressor):
    """A subclass that changes nothing."""


def by_pickle(model):
    return pickle.loads(pickle.dumps(model))


@pytest.mark.parametrize("copied", [clone, copy.copy, copy.deepcopy, by_pickle])
@pytest.mark.parametrize("our", [SGDSigmoidMLP, SGDSigmoidMLPRegressor, WithoutInit])
def test_checking_names_does_not_affect_signature_and_copies(our, copied):
    assert list(inspect.signature(our).parameters)[:2] == [
        "hidden_layer_sizes",
        "learning_rate_init",
    ]
    assert set(inspect.signature(our).parameters) == set(our().get_params())
    model = our((5,), momentum=0.5)
    assert copied(model).get_params() == model.get_params()
    assert type(copied(model)) is our


@pytest.mark.parametrize("copied", [clone, copy.copy])
def test_a_subclass_may_have_a_parameter_of_that_name(copied):
    assert copied(WithActivation(activation="tanh")).activation == "tanh"
    with pytest.raises(TypeError, match="Leave out what is fixed here: solver"):
        WithActivation(solver="adam")
