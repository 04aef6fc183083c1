"""What a worker in a container says first, so that its supervisor knows whom it deals with."""

from __future__ import annotations

from msgspec import Struct

MARK = b'\x1eheadrace lifeline\n'
"""Reports begin after this; what an image prints before it is none."""


class Greeting(Struct, frozen=True):
    """The version of headrace in the container, and that of the frames in which it is called."""

    version: str
    frames: int
