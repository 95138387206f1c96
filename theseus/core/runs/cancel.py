"""Cancel: what a host is told when runs on it are to end for good, and what its answer means.

The words are those of `sh/cancel.sh`. How they get there is for effects to know.
"""

from collections.abc import Sequence
from typing import TypeAlias, assert_never

from theseus.core.runs.recovery import NeverSubmitted
from theseus.core.text.shell import path_word
from theseus.core.values import frozen


@frozen
class Cancelled:
    """The run was there and is not any more, nor is anything it had started."""


@frozen
class EndedBefore:
    """The run had ended with *state* before it was told, or did so in that moment."""

    state: str


@frozen
class NoSuchRun:
    """The host has no run directory for it."""


@frozen
class NotAsked:
    """SLURM could not be asked; *said* is what it printed."""

    said: str


@frozen
class Remains:
    """The run could not be ended; *what* is still there."""

    what: str


Cancellation: TypeAlias = Cancelled | EndedBefore | NoSuchRun | NeverSubmitted | NotAsked | Remains


def cancel_command(run_dirs: Sequence[str]) -> str:
    """The line that ends the runs in *run_dirs*, all of one host."""
    return f"cancel {' '.join(map(path_word, run_dirs))}"


def read_cancellations(output: str, count: int) -> tuple[Cancellation, ...]:
    """What cancel.sh said of each of *count* runs; one it did not come to was not asked for."""
    lines = output.splitlines()
    read = [_read(line) for line in lines[:count]]
    return (*read, *(NotAsked("no answer came") for _ in range(count - len(read))))


def _read(line: str) -> Cancellation:
    verdict, _, words = line.partition(" ")
    match verdict:
        case "cancelled":
            return Cancelled()
        case "ended":
            return EndedBefore(words)
        case "missing":
            return NoSuchRun()
        case "unknown":
            return NotAsked(words)
        case _:
            return Remains(words)


def holds(cancellation: Cancellation) -> bool:
    """Whether nothing of the run is there any more."""
    return isinstance(cancellation, Cancelled | EndedBefore | NeverSubmitted)


def explain_cancellation(run: str, host: str, cancellation: Cancellation) -> str:
    """What became of *run* on *host*, and what to do where it is not what was wanted.

    >>> explain_cancellation("r1", "box", EndedBefore("cancelled"))
    'run r1 was cancelled before; nothing of it is left on box'
    """
    match cancellation:
        case Cancelled():
            return f"run {run} is cancelled; nothing of it is left on {host}"
        case EndedBefore("cancelled"):
            return f"run {run} was cancelled before; nothing of it is left on {host}"
        case EndedBefore(state):
            before = f"run {run} {state} before it could be cancelled"
            return f"{before}; nothing of it is left on {host}"
        case NoSuchRun():
            return f"run {run} is not on {host}: nothing to cancel there"
        case NeverSubmitted(evidence):
            return f"run {run} was never submitted to {host}: {evidence}; nothing to cancel"
        case NotAsked(said):
            return f"run {run} may still be there: SLURM at {host} said: {said}; cancel it again"
        case Remains(what):
            return f"run {run} remains {what}; cancel it again, or ask the administrators of {host}"
        case _:
            assert_never(cancellation)
