"""Recording: a performer that keeps what was asked and what came of it.

Public, for tests and bug reports. A recording holds steps and outcomes, and no secret: steps hold
references only.
"""

import asyncio
from functools import cache
from typing import Any, TypeAlias

from cattrs import Converter, transform_error

from theseus.core.plan.codec import new_converter, tag_union
from theseus.core.plan.outcome import Outcome, PerformError, Unknown
from theseus.core.plan.steps import Segment
from theseus.core.text.quantity import count
from theseus.core.values import frozen
from theseus.effects.hosts.shells import ShellUnavailable
from theseus.effects.perform.parcel import SupplyError
from theseus.effects.perform.perform import Performer


@frozen
class Performed:
    """A *segment* and the *outcomes* of its steps, one for each."""

    segment: Segment
    outcomes: tuple[Outcome, ...]


@frozen
class CutOff:
    """A *segment* that an *error* ended; what its steps did before is not known."""

    segment: Segment
    error: PerformError


Recorded: TypeAlias = Performed | CutOff


@frozen
class Recording:
    """Everything one performer was asked to perform, in order."""

    performed: tuple[Recorded, ...] = ()


def recording_data(recording: Recording) -> dict[str, Any]:
    """*recording* as plain data."""
    data: dict[str, Any] = _converter().unstructure(recording)
    return data


def read_recording(data: object) -> Recording:
    """The recording in plain *data*; ValueError when it is none."""
    try:
        recording = _converter().structure(data, Recording)
    except Exception as error:
        problems = transform_error(error, path="recording")
        raise ValueError("; ".join(problems[:5])) from error
    for each in recording.performed:
        steps = len(each.segment.steps)
        if isinstance(each, Performed) and len(each.outcomes) != steps:
            raise ValueError(f"{count(len(each.outcomes), 'outcome')} for {count(steps, 'step')}")
    return recording


@cache
def _converter() -> Converter:
    made = new_converter()
    tag_union(made, Recorded, "recorded")
    return made


class RecordingPerformer:
    """Lets *inner* perform and keeps what became of it."""

    def __init__(self, inner: Performer) -> None:
        self._inner = inner
        self.recording = Recording()

    async def perform(self, segment: Segment) -> tuple[Outcome, ...]:
        """Perform *segment* and keep it with its outcomes, or with the error that it raises."""
        try:
            outcomes = await self._inner.perform(segment)
        except (ShellUnavailable, SupplyError) as raised:
            self._keep(CutOff(segment, raised.error))
            raise
        except asyncio.CancelledError:
            unknown = Unknown("it was interrupted before the host had answered")
            self._keep(Performed(segment, (unknown,) * len(segment.steps)))
            raise
        self._keep(Performed(segment, outcomes))
        return outcomes

    def _keep(self, recorded: Recorded) -> None:
        self.recording = Recording((*self.recording.performed, recorded))
