"""Which kind of call it is that trains."""

from typing import NamedTuple


class Call(NamedTuple):
    """A `fit`, cold or warm, or a pass of `partial_fit`, the first or a later one."""

    # From the network there is, and not with a new one.
    goes_on: bool
    # One pass over some rows of a stream.
    is_pass: bool
