"""Networks to trace, their real updates, and a reader of the pages of traces."""

import itertools
import math
import re
from copy import deepcopy
from functools import cache
from typing import ClassVar
from xml.etree.ElementTree import Element, fromstring

import numpy as np
import pandas as pd
import pytest

from skbackprop import SGDSigmoidMLP, SGDSigmoidMLPRegressor
from skbackprop.inspection import backprop_trace
from skbackprop.inspection._chain_rule import Parameter

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


class Rounded:
    """A number as it is shown, or what a reader computes from such numbers.

    `size` is what the error is compared with. For a sum it is the sum of the absolute
    terms. For the difference of two numbers it is the difference: they have to be shown
    with the digits that it needs.
    """

    def __init__(self, value, size=None):
        self.value, self.is_number = value, size is None
        self.size = abs(value) if size is None else size

    def __add__(self, other):
        return Rounded(self.value + other.value, self.size + other.size)

    def __radd__(self, one):
        return Rounded(one) + self

    def __sub__(self, other):
        value, size = self.value - other.value, self.size + other.size
        return Rounded(
            value, abs(value) if self.is_number and other.is_number else size
        )

    def __mul__(self, other):
        return Rounded(self.value * other.value, self.size * other.size)

    def __rmul__(self, half):
        return Rounded(half) * self

    def __truediv__(self, other):
        size = self.size / abs(other.value) * (other.size / abs(other.value))
        return Rounded(self.value / other.value, size)

    def __rtruediv__(self, one):
        return Rounded(one) / self

    def __pow__(self, two):
        return Rounded(self.value**two, two * abs(self.value) * self.size)

    def __neg__(self):
        return Rounded(-self.value, self.size)

    def exp(self):
        return Rounded(math.exp(self.value), math.exp(self.value) * self.size)


class Equation:
    """A chain of equal sides, such as ``z = 0.5 · 2 + (−1) = 0``.

    Only sides without symbols can be evaluated. The others are what it is about.
    """

    PYTHON: ClassVar = {"\xa0": " ", "½": "0.5", "²": "**2", "·": "*", "−": "-"}

    def __init__(self, element):
        self.text = text(element)
        self.numbers = list(element.iter("data"))
        numbered = itertools.count()
        code = _code(element, numbered)
        for sign, python in self.PYTHON.items():
            code = code.replace(sign, python)
        compiled = [_compiled(side.strip()) for side in code.split("=")]
        self._sides = [side for side in compiled if side is not None]

    def exactly(self):
        """The sides with all digits of their numbers."""
        numbers = [float(number.get("value")) for number in self.numbers]
        return [eval(side, {"N": numbers, "exp": math.exp}) for side in self._sides]

    def as_shown(self):
        """The sides with the digits that a reader sees."""
        numbers = [Rounded(shown(number)) for number in self.numbers]
        return [eval(side, {"N": numbers, "exp": Rounded.exp}) for side in self._sides]


def _code(element, numbered):
    """Python for the arithmetic of an equation: `N` are its numbers."""
    code = element.text or ""
    for child in element:
        if child.tag == "data":
            code += f"N[{next(numbered)}]"
        elif child.tag == "i":
            code += "symbol"
        elif child.tag == "sup":
            code = code.removesuffix("e") + f" exp({_code(child, numbered)})"
        elif child.tag != "sub":
            code += _code(child, numbered)
        code += child.tail or ""
    return code


@cache
def _compiled(side):
    if re.fullmatch(r"(exp|N\[\d+\]|0\.5|\d|[-+*/() ])+", side) is None:
        return None
    return compile(side, side, "eval")


def shown(number):
    """The value of a number's digits on the page."""
    assert "-" not in number.text  # the minus sign is −
    return float(number.text.replace("−", "-"))


def text(element):
    """What a reader sees, with ^ and _ before what is raised and lowered."""
    if element.tag in ("style", "script"):
        return ""
    before = {"sup": "^", "sub": "_"}.get(element.tag, "")
    after = "\n" if element.tag in ("div", "p") else ""
    inner = [element.text or ""]
    for child in element:
        inner += [text(child), child.tail or ""]
    return before + "".join(inner).replace("\xa0", " ") + after


class Page:
    """A page, or a part of it.

    Parameters
    ----------
    page : str or Element

    Attributes
    ----------
    equations : list of Equation
    numbers : list of (key, value)
        Those in tables, where `key` is the quantity, layer, j and k.
    """

    def __init__(self, page):
        self.root = _parsed(page) if isinstance(page, str) else page
        self.equations = [Equation(element) for element in self.all("skb-eq")]
        self.numbers = [
            (key(number), float(number.get("value")))
            for number in self.root.iter("data")
            if "class" in number.attrib
        ]

    def all(self, css):
        """The elements of a class, in the order of the page."""
        return [e for e in self.root.iter() if css in e.get("class", "").split()]

    def texts(self, css):
        """What a reader sees of the elements of a class."""
        return [text(element).strip() for element in self.all(css)]

    def values(self, attribute):
        """All values of an attribute, in the order of the page."""
        return [e.get(attribute) for e in self.root.iter() if attribute in e.attrib]

    def value(self, quantity, layer, j, k=None):
        """The number in the first table that has it."""
        return next(v for key, v in self.numbers if key == (quantity, layer, j, k))

    def views(self):
        """What the reader can choose between."""
        return [Page(element) for element in self.all("skb-view")]

    def sections(self):
        """The parts of a page, by their headings; that before them has none."""
        heading, parts = "", {"": Element("div")}
        (container,) = self.all("skb") or [self.root]
        for child in container:
            if child.tag == "h3":
                heading = text(child)
                parts[heading] = Element("div")
            parts[heading].append(child)
        return {heading: Page(part) for heading, part in parts.items()}

    def styles(self):
        """For each selector of the style sheets, its properties."""
        found = {}
        for sheet in self.root.iter("style"):
            for selectors, rules in re.findall(r"([^{}]+)\{([^{}]*)\}", sheet.text):
                pairs = [
                    rule.split(":", 1) for rule in rules.split(";") if rule.strip()
                ]
                properties = {name.strip(): value.strip() for name, value in pairs}
                for selector in selectors.split(","):
                    found.setdefault(selector.strip(), {}).update(properties)
        return found


def _parsed(page):
    """The page is XML apart from names of characters and tags that have no end."""
    xml = page.replace("&nbsp;", "\xa0").removeprefix("<!DOCTYPE html>")
    xml = re.sub(r"<((?:input|meta)\b[^>]*)>", r"<\1/>", xml)
    xml = xml.replace(" checked/>", ' checked="checked"/>')
    code = re.compile(r"<(style|script)>(.*?)</\1>", re.S)
    xml = code.sub(r"<\1><![CDATA[\2]]></\1>", xml)
    return fromstring(f"<page>{xml}</page>")


def key(number):
    """The quantity, layer, j and k of a number in a table."""
    where = (number.get(f"data-{name}") for name in ("layer", "j", "k"))
    return number.get("class"), *(None if i is None else int(i) for i in where)


def place(choice):
    """The layer, j and k that the `id` of a radio button means; a bias has no k."""
    layer, j, k = choice.rsplit("-", 3)[1:]
    return int(layer), int(j), None if k == "b" else int(k)


ONE_OR_ALL = pytest.mark.parametrize("rows", [[3], range(30)], ids=["one", "batch"])
SMALL = "three classes", (5, 3)


def trace_of(target, hidden=(5,), rows=(3,)):
    rows = list(rows)
    return backprop_trace(trained(target, hidden), X[rows], TARGETS[target][rows])


def page_of(*args):
    return Page(trace_of(*args)._repr_html_())


def named_trace(columns=("<p>x", "q & r", "s", "t")):
    frame = pd.DataFrame(X, columns=columns)
    model = SGDSigmoidMLP((5,), random_state=0)
    model.partial_fit(frame, TARGETS["three classes"], ["a", "b", "<c>"])
    return backprop_trace(model, frame[:1], ["b"])


def parameters(trace):
    """All weights and biases, as the rows of the tables."""
    for layer, W in enumerate(trace.W, start=1):
        for j, k in np.ndindex(len(W), W.shape[1] + 1):
            yield Parameter(trace, layer, j, k if k < W.shape[1] else None)


def factors(at, i):
    """The chain rule of a weight or bias for one example: ∂C/∂a, ∂a/∂z, ∂z/∂w."""
    trace, layer = at.trace, at.layer - 1
    dz_dw = 1 if at.k is None else trace.a[layer][at.k, i]
    return trace.dC_da[layer][at.j, i], trace.sigma_prime[layer][at.j, i], dz_dw
