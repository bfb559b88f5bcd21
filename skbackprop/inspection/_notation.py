"""How numbers and names are written, in explanations, pages and pictures alike."""

import math
from typing import Any

# Longer names lose their middle.
LETTERS = 18


def short(value: Any, digits: int = 4) -> str:
    """The number rounded for display, with the minus sign of formulas.

    Whole numbers are shown as they are. All others have the same number of digits, even
    if the last ones are 0.
    """
    number = float(value) + 0  # turns −0 into 0
    hash_sign = "" if number.is_integer() else "#"
    return f"{number:{hash_sign}.{digits}g}".rstrip(".").replace("-", "−")


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
