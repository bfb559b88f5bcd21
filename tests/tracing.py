"""Networks to trace, their real updates, and a reader of the pages of traces."""

import math
import re
from copy import deepcopy
from html.parser import HTMLParser

import numpy as np

from skbackprop import SGDSigmoidMLP, SGDSigmoidMLPRegressor

RNG = np.random.default_rng(0)
X = RNG.normal(size=(30, 4))
TARGETS = {
    "two classes": RNG.integers(2, size=30),
    "three classes": np.array(["a", "b", "<c>"])[np.arange(30) % 3],
    "labels": RNG.integers(2, size=(30, 3)),
    "numbers": RNG.normal(size=30),
    "pairs of numbers": RNG.normal(size=(30, 2)),
}
HIDDEN = [(), (5,), (5, 3), (20, 15)]


def trained(target, hidden=(5,), dtype=float, **parameters):
    """A network after one epoch; its next partial_fit makes one plain update."""
    settings = {"batch_size": "full", "random_state": 0, **parameters}
    y = TARGETS[target]
    if "numbers" in target:
        return SGDSigmoidMLPRegressor(hidden, **settings).partial_fit(
            X.astype(dtype), y
        )
    classes = None if y.ndim == 2 else np.unique(y)
    model = SGDSigmoidMLP(hidden, **settings)
    return model.partial_fit(X.astype(dtype), y, classes)


def real_update(model, X, y):
    """What one update of the fast implementation adds, in the derivation's shapes."""
    after = deepcopy(model).partial_fit(X, y)
    return [
        [new.T - old.T for new, old in zip(after.coefs_, model.coefs_, strict=True)],
        [
            (new - old)[:, np.newaxis]
            for new, old in zip(after.intercepts_, model.intercepts_, strict=True)
        ],
    ]


class Page(HTMLParser):
    """What a page contains: equations, numbers in tables, and choices.

    Attributes
    ----------
    equations : list of str
        Each with all digits of its numbers, as Python would evaluate it.
    numbers : list of (key, value)
        Where `key` is the quantity, layer, j and k.
    texts : list of (shown, value)
        What a reader sees of each number.
    """

    VOID = ("br", "meta", "input", "circle", "polyline", "path")

    def __init__(self, page):
        super().__init__()
        self.equations, self.numbers, self.texts = [], [], []
        self.tags, self.loads, self.ids, self.labels = set(), [], [], set()
        self._open, self._equation, self._value = [], None, None
        self.feed(page)
        assert self._open == []

    def handle_starttag(self, tag, attrs):
        attrs = dict(attrs)
        self.tags.add(tag)
        self.loads += [attrs[k] for k in ("src", "href", "xlink:href") if k in attrs]
        self.ids += [attrs["id"]] if "id" in attrs else []
        self.labels |= {attrs["for"]} if "for" in attrs else set()
        if tag in self.VOID:
            return
        self._open.append(tag)
        if attrs.get("class") == "skb-eq":
            assert self._equation is None
            self._equation = ""
            self._depth = len(self._open)
        if tag == "data":
            self._value = float(attrs["value"])
            where = (attrs.get(f"data-{name}") for name in ("layer", "j", "k"))
            key = attrs.get("class"), *(None if i is None else int(i) for i in where)
            self.numbers.append((key, self._value))
            self._add(repr(self._value))
        if tag == "sup":
            self._add("^(")

    def handle_data(self, data):
        tag = self._open[-1] if self._open else ""
        if tag == "data":
            self.texts.append((data, self._value))
        elif tag not in ("sub", "style", "script"):
            self._add(f"<{data}>" if tag == "i" else data)

    def handle_endtag(self, tag):
        if tag in self.VOID:
            return
        if tag == "sup":
            self._add(")")
        if self._equation is not None and self._depth == len(self._open):
            self.equations.append(self._equation)
            self._equation = None
        assert self._open.pop() == tag

    def _add(self, text):
        if self._equation is not None:
            self._equation += text

    def value(self, quantity, layer, j, k=None):
        """The number in the first table that has it."""
        return next(v for key, v in self.numbers if key == (quantity, layer, j, k))


def sides(equation):
    """The values of the sides of an equation that contain only numbers."""
    python = {"\xa0": " ", "½": "0.5", "²": "**2", "·": "*", "−": "-", "e^": "math.exp"}
    for sign, code in python.items():
        equation = equation.replace(sign, code)
    found = []
    for side in equation.split("="):
        if re.fullmatch(r"(math\.exp|\d[\d.]*(e[-+]\d+)?|[-+*/() ])+", side.strip()):
            found.append(eval(side.strip(), {"math": math}))
    return found
