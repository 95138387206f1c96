"""SIGTERM as a question asked between two steps, so that no step is cut in the middle.

A scheduler sends it when the time is up or the node is wanted for something else.
"""

from __future__ import annotations

import signal
from types import FrameType, TracebackType
from typing import Self


class Interrupted(Exception):  # noqa: N818 - no error: what was asked for has been done
    """The training was asked to stop, and has left a checkpoint to go on from."""


class Termination:
    """Inside its `with` block SIGTERM stops nothing, and sets `requested`."""

    def __init__(self) -> None:
        self.requested = False

    def __enter__(self) -> Self:
        self.before = signal.signal(signal.SIGTERM, self.request)
        return self

    def request(self, _number: int, _frame: FrameType | None) -> None:
        """Notes that SIGTERM has come."""
        self.requested = True

    def __exit__(
        self,
        _kind: type[BaseException] | None,
        _problem: BaseException | None,
        _trace: TracebackType | None,
    ) -> None:
        signal.signal(signal.SIGTERM, self.before)
