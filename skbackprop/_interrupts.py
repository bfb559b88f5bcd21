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


def finished(function: Callable[[], object]) -> None:
    """Call until no Ctrl-C comes in between; raise one that came when it is done."""
    interrupt: KeyboardInterrupt | None = None
    while True:
        try:
            function()
            break
        except KeyboardInterrupt as came:
            interrupt = came
    if interrupt is not None:
        raise interrupt
