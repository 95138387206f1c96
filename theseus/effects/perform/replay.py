"""Replay: a performer that gives the outcomes of a recording and touches nothing.

It never invents: a segment that is not the recorded one is a mismatch, said with the first
step that differs.
"""

from itertools import zip_longest
from typing import assert_never

from theseus.core.plan.outcome import HostUnreachable, NothingToSend, Outcome, PerformError
from theseus.core.plan.script import describe_step
from theseus.core.plan.steps import Segment, Step
from theseus.effects.hosts.shells import ShellUnavailable
from theseus.effects.perform.parcel import SupplyError
from theseus.effects.perform.recording import CutOff, Performed, Recording


class ReplayMismatch(Exception):  # noqa: N818 - errors here are named by what is wrong
    """What is performed is not what was recorded."""


class ReplayPerformer:
    """Answers with the outcomes of *recording*, segment by segment, and fails as it did."""

    def __init__(self, recording: Recording) -> None:
        self._left = list(recording.performed)

    def left(self) -> int:
        """How many segments of the recording have not been performed."""
        return len(self._left)

    async def perform(self, segment: Segment) -> tuple[Outcome, ...]:
        """Give the recorded outcomes of *segment*; ReplayMismatch when it is another one."""
        if not self._left:
            raise ReplayMismatch(
                f"the recording ends before the segment at step {segment.first} on {segment.host}; "
                "record again"
            )
        recorded = self._left.pop(0)
        if recorded.segment != segment:
            raise ReplayMismatch(_difference(recorded.segment, segment))
        match recorded:
            case Performed(_, outcomes):
                return outcomes
            case CutOff(_, error):
                raise _raised(error)
            case _:
                assert_never(recorded)


def _raised(error: PerformError) -> ShellUnavailable | SupplyError:
    match error:
        case HostUnreachable():
            return ShellUnavailable(error)
        case NothingToSend():
            return SupplyError(error)
        case _:
            assert_never(error)


def _difference(recorded: Segment, performed: Segment) -> str:
    if (recorded.host, recorded.first) != (performed.host, performed.first):
        return (
            f"the recording has a segment at step {recorded.first} on {recorded.host} here, "
            f"the plan one at step {performed.first} on {performed.host}; record again"
        )
    pairs = enumerate(zip_longest(recorded.steps, performed.steps), recorded.first)
    index, (before, now) = next((index, pair) for index, pair in pairs if pair[0] != pair[1])
    return (
        f"step {index} on {recorded.host} differs: recorded {_said(before)}, "
        f"performed {_said(now)}; record again"
    )


def _said(step: Step | None) -> str:
    return "nothing" if step is None else f"{type(step).__name__} `{describe_step(step)}`"
