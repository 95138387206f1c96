"""Perform: the protocol of performers, and the one place that walks a plan's steps.

The mode (dry run, local, SSH, recording, replay) is which performer is handed in, and nothing
else. Walking stops at the first segment that did not wholly succeed.
"""

from collections.abc import Mapping, Sequence
from typing import Protocol

from theseus.core.plan.outcome import AlreadySubmitted, Done, NotReached, Outcome, PerformError
from theseus.core.plan.steps import Segment, Step, segments
from theseus.core.values import frozen
from theseus.effects.hosts.shells import ShellUnavailable
from theseus.effects.perform.parcel import SupplyError


class Performer(Protocol):
    """Performs segments; may raise ShellUnavailable and SupplyError, and nothing else."""

    async def perform(self, segment: Segment) -> tuple[Outcome, ...]:
        """Do what *segment* says and give one outcome for each of its steps."""


@frozen
class PerHost:
    """Hands each segment to the performer of its host."""

    performers: Mapping[str, Performer]

    async def perform(self, segment: Segment) -> tuple[Outcome, ...]:
        """Let the performer of the segment's host perform it."""
        return await self.performers[segment.host].perform(segment)


@frozen
class Performance:
    """What became of a plan: one outcome a step, and the *error* that ended it early, if any."""

    outcomes: tuple[Outcome, ...]
    error: PerformError | None = None

    @property
    def already(self) -> AlreadySubmitted | None:
        """That the run had been submitted before, with the answer of then."""
        found = (each for each in self.outcomes if isinstance(each, AlreadySubmitted))
        return next(found, None)

    @property
    def answer(self) -> str | None:
        """The answer to the submission: now, when the last step is done, or as given before."""
        if self.already is not None:
            return self.already.answer
        match self.outcomes:
            case (*_, Done(output)):
                return output
            case _:
                return None

    @property
    def failure(self) -> tuple[int, Outcome] | None:
        """The first step that does not hold (Failed, Unknown, NotReached), by its index."""
        if self.already is not None:
            return None
        for index, outcome in enumerate(self.outcomes):
            if not isinstance(outcome, Done):
                return index, outcome
        return None


async def perform(steps: Sequence[Step], performer: Performer) -> Performance:
    """Perform *steps*, segment by segment."""
    outcomes: list[Outcome] = []
    error: PerformError | None = None
    for segment in segments(steps):
        try:
            outcomes += await performer.perform(segment)
        except (ShellUnavailable, SupplyError) as raised:
            error = raised.error
            break
        if not isinstance(outcomes[-1], Done):
            break
    outcomes += [NotReached()] * (len(steps) - len(outcomes))
    return Performance(tuple(outcomes), error)
