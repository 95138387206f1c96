"""The job as a process of its own, and the signals that concern it.

Here: starting a process group, waiting for it, passing signals on, ending it by force. Never here:
what a run is, or how its end is recorded.
"""

from __future__ import annotations

import math
import os
import signal
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Callable, Mapping, Optional, Sequence, Set

from theseus.runtime.inbox import CAUGHT, Received, SignalInbox

STOPPING = (signal.SIGTERM, signal.SIGINT)
HEARSAY_SECONDS = 0.5  # after which bootstrap.sh has handed on what it was told


class Child:
    """A process that leads a process group of its own."""

    def __init__(self, argv: Sequence[str], environment: Mapping[str, str], start: Path) -> None:
        self._process = subprocess.Popen(
            argv,
            env=environment,
            cwd=start,
            stdin=subprocess.DEVNULL,
            close_fds=False,  # what outlives the run and may still use its GPUs keeps them leased
            preexec_fn=_stand_alone,  # noqa: PLW1509 - no thread here; process_group= needs 3.11
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


def _stand_alone() -> None:
    os.setpgrp()
    signal.pthread_sigmask(signal.SIG_UNBLOCK, CAUGHT)


@dataclass(frozen=True)
class Told:
    """The signal that told a job to stop, and when it came, in seconds since the epoch."""

    number: int
    at: float


@dataclass(frozen=True)
class Rhythm:
    """What goes on while something is waited for.

    Signals come in, *beat* is called, and a job that is told to stop at a time has so many seconds.
    It is told so after *limit_seconds*, if nobody does before.
    """

    inbox: SignalInbox
    beat: Callable[[], None]
    beat_seconds: float
    grace: Callable[[float], float]
    limit_seconds: float = math.inf


@dataclass(frozen=True)
class Watched:
    """The exit status a job ended with, negative for a signal, and what told it to stop."""

    status: int
    told: Optional[Told]


class _Stop:
    """What follows the first signal that says stop: the job is told, and killed after the grace.

    bootstrap.sh hands on what it is sent. SLURM sends to every process of a step, the job too; it
    has told the job if the signal came from bootstrap.sh and from elsewhere. A job that is told
    twice may break off what it does upon being told.
    """

    def __init__(self, child: Child, grace: Callable[[float], float]) -> None:
        self.told: Optional[Told] = None
        self._child = child
        self._grace = grace
        self._handed_on: Set[bool] = set()
        self._tell_at = self._kill_at = math.inf

    def hear(self, received: Received) -> None:
        self._handed_on.add(received.sender == os.getppid())
        if self.told is None:
            self.told = Told(received.number, time.time())
            self._tell_at = time.monotonic() + HEARSAY_SECONDS
            self._kill_at = self._tell_at + self._grace(self.told.at)

    @property
    def due(self) -> float:
        return min(self._tell_at, self._kill_at)

    def act(self) -> None:
        moment = time.monotonic()
        if moment >= self._tell_at and self.told is not None:
            self._tell_at = math.inf
            if len(self._handed_on) == 1:
                self._child.send(self.told.number)
        if moment >= self._kill_at:
            self._kill_at = math.inf
            self._child.send(signal.SIGKILL)


def watch(child: Child, rhythm: Rhythm) -> Watched:
    """Wait for *child*; a stopping signal is passed on, and sent when its time is over.

    After the grace, and once the child has ended, what is left of its group is killed.
    """
    stop = _Stop(child, rhythm.grace)
    beat_at = time.monotonic() + rhythm.beat_seconds
    over_at = time.monotonic() + rhythm.limit_seconds
    while child.ended() is None:
        received = rhythm.inbox.receive(min(stop.due, beat_at, over_at) - time.monotonic())
        if received is not None and received.number in STOPPING:
            stop.hear(received)
        if time.monotonic() >= over_at:
            over_at = math.inf
            stop.hear(Received(signal.SIGTERM))
        stop.act()
        if time.monotonic() >= beat_at:
            rhythm.beat()
            beat_at += rhythm.beat_seconds
    child.send(signal.SIGKILL)
    return Watched(child.ended() or 0, stop.told)
