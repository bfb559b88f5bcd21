"""How numbers and names are written, in words, pages and pictures alike."""

from typing import Any

# Longer names lose their middle.
LETTERS = 18


def short(value: Any, digits: int = 4) -> str:
    """The number for the eye, with the one minus sign that formulas have.

    Whole numbers are as they are; all others have the same number of digits, also where
    the last of them are 0.
    """
    number = float(value) + 0  # a zero has no sign
    hash_sign = "" if number.is_integer() else "#"
    return f"{number:{hash_sign}.{digits}g}".replace("-", "−")


def shortened(name: str) -> str:
    """The name, or its two ends where there is no room for all of it.

    Names that are generated differ at their ends: "pca__component_001".
    """
    if len(name) <= LETTERS:
        return name
    half = (LETTERS - 1) // 2
    return f"{name[: LETTERS - 1 - half]}…{name[-half:]}"
