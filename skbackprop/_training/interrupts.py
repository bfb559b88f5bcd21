"""What Ctrl-C must not leave half done."""

from collections.abc import Callable
from typing import TypeVar

Result = TypeVar("Result")


def uninterrupted(function: Callable[[], Result]) -> Result:
    """Call until no Ctrl-C comes in between: a second one must not lose the work."""
    while True:
        try:
            return function()
        except KeyboardInterrupt:
            continue
