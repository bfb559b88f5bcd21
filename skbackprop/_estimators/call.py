"""The kinds of calls that train."""

from typing import NamedTuple


class Call(NamedTuple):
    """A cold or warm `fit`, or the first or a later `partial_fit`."""

    # Whether it continues from the existing network.
    continues: bool
    # Whether it is a `partial_fit`: one pass over some rows of a stream.
    is_pass: bool
