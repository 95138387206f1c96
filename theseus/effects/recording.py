"""Recording: a performer that keeps what was asked and what came of it.

Public, for tests and bug reports. A recording holds steps and outcomes, and no secret: steps hold
references only.
"""

from attrs import frozen

from theseus.core.outcome import Outcome
from theseus.core.steps import Segment
from theseus.effects.perform import Performer


@frozen
class Performed:
    """A *segment* and the *outcomes* of its steps."""

    segment: Segment
    outcomes: tuple[Outcome, ...]


@frozen
class Recording:
    """Everything one performer performed, in order."""

    performed: tuple[Performed, ...] = ()


class RecordingPerformer:
    """Lets *inner* perform and keeps what became of it."""

    def __init__(self, inner: Performer) -> None:
        self._inner = inner
        self.recording = Recording()

    async def perform(self, segment: Segment) -> tuple[Outcome, ...]:
        """Perform *segment* and keep it with its outcomes."""
        outcomes = await self._inner.perform(segment)
        self.recording = Recording((*self.recording.performed, Performed(segment, outcomes)))
        return outcomes
