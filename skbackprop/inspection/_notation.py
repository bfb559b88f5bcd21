"""How numbers and names are written, in explanations, pages and pictures alike."""

import math
import re
from typing import Any

# Longer names lose their middle.
LETTERS = 18


def short(value: Any, digits: int = 4) -> str:
    """The number for the eye, with the one minus sign that formulas have.

    Whole numbers below a million are written in full. All others have the same number
    of digits, even if the last ones are 0.
    """
    number = float(value) + 0  # a zero has no sign
    if number.is_integer() and abs(number) < 1e6:
        text = f"{number:.0f}"
    else:
        # A point without digits after it is dropped.
        text = re.sub(r"\.(?=e|$)", "", f"{number:#.{digits}g}")
    return text.replace("-", "−")


def counted(n: float, noun: str) -> str:
    """The number and its noun, in the plural unless there is exactly one."""
    return f"{n:.10g} {noun}" if n == 1 else f"{n:.10g} {noun}s"


def minuend_and_subtrahend(a: Any, y: Any, digits: int = 4) -> tuple[str, str]:
    """Two numbers, with as many digits as their difference needs to have `digits`."""
    numbers = float(a), float(y)
    difference = abs(numbers[0] - numbers[1])
    decimals = digits - 1 - _power_of_ten(difference) if difference else 0
    first, second = (
        short(x, min(17, max(digits, decimals + 1 + _power_of_ten(abs(x)) if x else 0)))
        for x in numbers
    )
    return first, second


def _power_of_ten(number: float) -> int:
    return math.floor(math.log10(number))


def shortened(name: str) -> str:
    """The name, or its two ends if there is no room for all of it.

    Generated names differ at their ends: "pca__component_001".
    """
    if len(name) <= LETTERS:
        return name
    half = (LETTERS - 1) // 2
    return f"{name[: LETTERS - 1 - half]}…{name[-half:]}"
