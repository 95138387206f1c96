"""Signals as values.

Here: receiving them one by one, with who sent them where the system tells. Never here: what follows
from one.
"""

from __future__ import annotations

import signal
import time
from dataclasses import dataclass
from types import TracebackType
from typing import Optional, Type

CAUGHT = (signal.SIGCHLD, signal.SIGTERM, signal.SIGINT)
POLL_SECONDS = 0.05


@dataclass(frozen=True)
class Received:
    """A signal, and the process id of its sender, 0 where that is not known."""

    number: int
    sender: int = 0


class SignalInbox:
    """Keeps SIGCHLD, SIGTERM and SIGINT, while it is entered, until they are asked for."""

    def __enter__(self) -> SignalInbox:  # noqa: PYI034 - typing.Self needs 3.11
        self._before = signal.pthread_sigmask(signal.SIG_BLOCK, CAUGHT)
        return self

    def __exit__(
        self,
        kind: Optional[Type[BaseException]],
        error: Optional[BaseException],
        trace: Optional[TracebackType],
    ) -> None:
        while self.receive(0) is not None:
            pass  # one that nobody asked for would end this process now
        signal.pthread_sigmask(signal.SIG_SETMASK, self._before)

    def receive(self, seconds: float) -> Optional[Received]:
        """The next signal, waiting for one up to *seconds*."""
        if not hasattr(signal, "sigtimedwait"):
            return _polled(seconds)
        came = signal.sigtimedwait(CAUGHT, max(0.0, seconds))
        return None if came is None else Received(came.si_signo, came.si_pid)


def _polled(seconds: float) -> Optional[Received]:
    # macOS has no sigtimedwait.
    deadline = time.monotonic() + seconds
    while not (pending := signal.sigpending().intersection(CAUGHT)):
        if time.monotonic() >= deadline:
            return None
        time.sleep(POLL_SECONDS)
    return Received(signal.sigwait(pending))
