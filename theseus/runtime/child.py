"""The job as a process of its own, and the signals that concern it.

Here: starting a process group, waiting for it, passing signals on, ending it by force. Never here:
what a run is, or how its end is recorded.
"""

from __future__ import annotations

import math
import os
import select
import signal
import socket
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Callable, List, Mapping, Optional, Sequence, Tuple, Type

STOPPING = (signal.SIGTERM, signal.SIGINT)


class SignalInbox:
    """Receives SIGCHLD, SIGTERM and SIGINT as values while it is entered."""

    def __enter__(self) -> SignalInbox:  # noqa: PYI034 - typing.Self needs 3.11
        self._reader, self._writer = socket.socketpair()
        for end in (self._reader, self._writer):
            end.settimeout(0)
        self._wakeup = signal.set_wakeup_fd(self._writer.fileno(), warn_on_full_buffer=False)
        numbers = (signal.SIGCHLD, *STOPPING)
        # A handler must be there for the wakeup descriptor to be written to; it has nothing to do.
        self._handlers = [(each, signal.signal(each, lambda *_: None)) for each in numbers]
        return self

    def __exit__(
        self,
        kind: Optional[Type[BaseException]],
        error: Optional[BaseException],
        trace: Optional[TracebackType],
    ) -> None:
        for number, handler in self._handlers:
            signal.signal(number, handler)
        signal.set_wakeup_fd(self._wakeup)
        self._reader.close()
        self._writer.close()

    def receive(self, seconds: float) -> Tuple[int, ...]:
        """The numbers of the signals that came, waiting for one up to *seconds*."""
        select.select([self._reader], [], [], max(0.0, seconds))
        try:
            return tuple(self._reader.recv(4096))
        except BlockingIOError:
            return ()


class Child:
    """A process that leads a process group of its own."""

    def __init__(self, argv: Sequence[str], environment: Mapping[str, str], start: Path) -> None:
        self._process = subprocess.Popen(
            argv,
            env=environment,
            cwd=start,
            stdin=subprocess.DEVNULL,
            preexec_fn=os.setpgrp,  # noqa: PLW1509 - no thread here; process_group= needs 3.11
        )

    @property
    def pid(self) -> int:
        """Its process id, which is its group's too."""
        return self._process.pid

    def ended(self) -> Optional[int]:
        """Its exit status, negative for a signal, None while it runs."""
        return self._process.poll()

    def send(self, number: int) -> None:
        """Send a signal to every process in its group."""
        try:
            os.killpg(self.pid, number)
        except ProcessLookupError:
            pass
        except PermissionError:  # macOS says so for a group of zombies
            pass


@dataclass(frozen=True)
class Rhythm:
    """How often *beat* is called, and how many seconds a job has to end once it is told to."""

    beat: Callable[[], None]
    beat_seconds: float
    grace_seconds: float


def watch(child: Child, inbox: SignalInbox, rhythm: Rhythm) -> Tuple[int, Optional[int]]:
    """Wait for *child*; its exit status, and the signal that told it to stop, if one did.

    A stopping signal is passed on; after the grace, and once the child has ended, what is left of
    its group is killed.
    """
    told: List[int] = []
    kill_at, beat_at = math.inf, time.monotonic() + rhythm.beat_seconds
    while child.ended() is None:
        for number in inbox.receive(min(kill_at, beat_at) - time.monotonic()):
            if number in STOPPING:
                told.append(number)
                kill_at = min(kill_at, time.monotonic() + rhythm.grace_seconds)
                child.send(number)
        if time.monotonic() >= kill_at:
            child.send(signal.SIGKILL)
            kill_at = math.inf
        if time.monotonic() >= beat_at:
            rhythm.beat()
            beat_at += rhythm.beat_seconds
    child.send(signal.SIGKILL)
    return child.ended() or 0, (told[0] if told else None)
