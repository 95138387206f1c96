"""Recording: a performer that keeps what was asked and what came of it.

Public, for tests and bug reports. A recording holds steps and outcomes, and no secret: steps hold
references only.
"""

import json

from cattrs import transform_error

from theseus.core.plan.codec import converter
from theseus.core.plan.outcome import Outcome
from theseus.core.plan.steps import Segment
from theseus.core.text.json_text import json_text
from theseus.core.values import frozen
from theseus.effects.perform.perform import Performer


@frozen
class Performed:
    """A *segment* and the *outcomes* of its steps."""

    segment: Segment
    outcomes: tuple[Outcome, ...]


@frozen
class Recording:
    """Everything one performer performed, in order."""

    performed: tuple[Performed, ...] = ()


def recording_json(recording: Recording) -> str:
    """*recording* as the text of a JSON file."""
    return json_text(converter().unstructure(recording))


def read_recording(text: str) -> Recording:
    """The recording in *text*; ValueError when it is none."""
    try:
        return converter().structure(json.loads(text), Recording)
    except Exception as error:
        problems = transform_error(error, path="recording")
        raise ValueError("; ".join(problems[:5])) from error


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
