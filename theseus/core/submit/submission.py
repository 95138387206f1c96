"""Submission: what is known of whether a run was submitted, and what one more attempt changes.

Only values and the rules of going from one to the next. An answer once had is never lost again,
and a submission that may have happened stays unknown until somebody has looked.
"""

from collections.abc import Sequence
from typing import TypeAlias, assert_never

from returns.pipeline import is_successful
from returns.result import Result

from theseus.core.error_text import explain
from theseus.core.errors import GpusTaken, PlanError, StepFailed, SubmissionUnknown
from theseus.core.plan.steps import ClaimRun, Step
from theseus.core.submit.submitted import Submitted
from theseus.core.values import frozen


@frozen
class Sending:
    """It was begun, and nothing is known of its end: it goes on, or its client was killed."""


@frozen
class Accepted:
    """The run was submitted, with *answer*: a SLURM job, or a process."""

    answer: str


@frozen
class Rejected:
    """The run was not submitted, and *reason* says why; nothing of it runs."""

    reason: str


@frozen
class Unanswered:
    """The run may have been submitted; *reason* says how the answer was lost."""

    reason: str


Submission: TypeAlias = Sending | Accepted | Rejected | Unanswered


@frozen
class NotSent:
    """An attempt that ended, for *reason*, before it could see whether the run is there."""

    reason: str


Attempt: TypeAlias = Accepted | Rejected | Unanswered | NotSent
"""What one performance of a plan tells of its submission."""


def attempt_of(steps: Sequence[Step], performed: Result[Submitted, PlanError]) -> Attempt:
    """What the end of performing *steps*, those of a plan or of an array, tells of a run."""
    if is_successful(performed):
        return Accepted(performed.unwrap().answer.strip())
    match performed.failure():
        case SubmissionUnknown(_, _, reason, _):
            return Unanswered(reason)
        case GpusTaken(_, _, message):
            return Rejected(message)
        case StepFailed(_, _, number, _, message) if _after_claim(steps, number):
            return Rejected(message)
        case error:
            return NotSent(explain(error))


def _after_claim(steps: Sequence[Step], number: int) -> bool:
    """Whether step *number* comes after the one that looks whether the run is there already."""
    return any(isinstance(step, ClaimRun) for step in steps[: number - 1])


def begun(before: Submission | None) -> Submission:
    """What is known when one more attempt begins; *before* is None for the first."""
    match before:
        case None | Rejected():
            return Sending()
        case Sending():
            return Unanswered("its client ended before the answer came")
        case Accepted() | Unanswered():
            return before
        case _:
            assert_never(before)


def settled(before: Submission, attempt: Attempt) -> Submission:
    """What is known after *attempt*."""
    match before, attempt:
        case _, Accepted():
            return attempt
        case Accepted(), _:
            return before
        case _, Rejected() | Unanswered():
            return attempt
        case Sending(), NotSent(reason):
            return Rejected(reason)
        case _:
            return before
