"""Recovery: whether a run was submitted, judged from what was seen on its host.

Never a guess: where the place of all runs, SLURM or the processes cannot be looked at, the answer
is that nobody knows yet.
"""

from typing import TypeAlias

from theseus.core.runs.run_state import Unreachable
from theseus.core.runs.sighting import NotTold, Sighting
from theseus.core.values import frozen


@frozen
class WasSubmitted:
    """The run was submitted, with *answer*."""

    answer: str


@frozen
class NeverSubmitted:
    """Nothing of the run was started, and *evidence* says how that is known."""

    evidence: str


@frozen
class NotKnown:
    """It cannot be told yet; *reason* says why."""

    reason: str


Recovery: TypeAlias = WasSubmitted | NeverSubmitted | NotKnown


def recovery_of(seen: Sighting | Unreachable) -> Recovery:
    """What *seen* of a run tells of its submission."""
    match seen:
        case Unreachable(detail):
            return NotKnown(detail)
        case Sighting(answer=str() as answer):
            return WasSubmitted(answer)
        case Sighting(job=NotTold(reason)):
            return NotKnown(f"SLURM does not answer there: {reason}")
        case Sighting(place=False):
            return NotKnown("no run was ever sent there, or its file system is not mounted")
        case Sighting(starting=True):
            return NotKnown("it is about to be started, or was a moment ago: ask in a minute")
        case _:
            return NeverSubmitted(_evidence(seen))


def _evidence(seen: Sighting) -> str:
    """How it is known that the run of *seen* was never started."""
    match seen:
        case Sighting(there=False):
            return "it has no run directory"
        case Sighting(launched=False):
            return "its run directory is there, and it was not started"
        case Sighting(job=None):
            return "it was to be started, and no process of it is there"
        case _:
            return "it was handed to SLURM, which has no such job"
