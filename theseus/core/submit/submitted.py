"""What a performance means for the run: submitted, refused at a step, or unknown."""

from functools import partial
from typing import Final, assert_never

from attrs import field
from returns.result import Failure, Result, Success

from theseus.core.errors import GpusTaken, StepFailed, SubmissionUnknown
from theseus.core.plan.array import Array
from theseus.core.plan.outcome import (
    AlreadySubmitted,
    Done,
    Failed,
    HostUnreachable,
    NotReached,
    Outcome,
    Unknown,
)
from theseus.core.plan.plan import Plan
from theseus.core.plan.script import describe_step
from theseus.core.plan.steps import ClaimRun, Launch, Step, Submit, SubmitArray
from theseus.core.submit.refusals import refusal_advice
from theseus.core.values import frozen

UNANSWERED: Final = (
    76  # how perform.sh says that the run may have been submitted, and it cannot tell
)


@frozen
class Submitted:
    """The run of *plan* was started, with *answer*; *again* when that had happened before.

    *gpus* are those it has leased; *queued* says that it waits for its turn.
    """

    plan: Plan = field(
        repr=False
    )  # asyncio makes the repr of what a sweep returns: 0.3 s for a thousand
    answer: str
    again: bool
    gpus: tuple[str, ...] = ()
    queued: bool = False


STARTING: Final = (Launch, Submit, SubmitArray)  # the steps after which the run may go on by itself
NO_GPUS: Final = 69  # of launch_leased in perform.sh
NotSubmitted = GpusTaken | StepFailed | HostUnreachable | SubmissionUnknown


@frozen
class _Answered:
    """The *answer* to a submission; *again* when it had been given before."""

    answer: str
    again: bool


def judge(plan: Plan, outcomes: tuple[Outcome, ...]) -> Result[Submitted, NotSubmitted]:
    """Whether *outcomes*, one for each step of *plan*, amount to a submission."""
    return _answered(plan, plan.steps, outcomes).map(partial(_with_gpus, plan))


def _with_gpus(plan: Plan, found: _Answered) -> Submitted:
    """That the run of *plan* was started; a second line of the answer tells of its GPUs."""
    answer, _, lease = found.answer.partition("\n")
    word, *gpus = lease.split() or ("",)
    return Submitted(plan, answer, found.again, tuple(gpus), queued=word == "queued")


def judge_array(
    array: Array, steps: tuple[Step, ...], outcomes: tuple[Outcome, ...]
) -> tuple[Result[Submitted, NotSubmitted], ...]:
    """What *outcomes*, one for each of the *steps* of *array*, mean for each of its runs."""
    return tuple(
        _answered(plan, steps, outcomes).map(partial(_member, plan, index))
        for index, plan in enumerate(array.plans)
    )


def _member(plan: Plan, index: int, found: _Answered) -> Submitted:
    """That the run with *index* is in the array whose answer was `slurm JOB [CLUSTER]`."""
    kind, job, *cluster = found.answer.split()
    return Submitted(plan, " ".join((kind, f"{job}_{index}", *cluster)), found.again)


def _answered(  # noqa: C901  one arm for each outcome, in one place
    plan: Plan, steps: tuple[Step, ...], outcomes: tuple[Outcome, ...]
) -> Result[_Answered, NotSubmitted]:
    """The answer to performing *steps*, for the run of *plan*."""
    for number, (step, outcome) in enumerate(zip(steps, outcomes, strict=True), 1):
        match outcome:
            case Done():
                continue
            case AlreadySubmitted(answer):
                return Success(_Answered(answer, again=True))
            case Failed(status, message) if status == NO_GPUS and isinstance(step, Launch):
                return Failure(GpusTaken(plan.run.id, step.host, message.strip()))
            case Unknown(reason) if _may_have_started(steps, outcomes):
                return Failure(_unknown(plan, step, reason))
            case Failed(status, reason) if status == UNANSWERED and isinstance(
                step, (ClaimRun, *STARTING)
            ):
                return Failure(_unknown(plan, step, reason))
            case Failed(_, message):
                return Failure(
                    StepFailed(plan.run.id, step.host, number, describe_step(step), _said(message))
                )
            case Unknown(reason):
                return Failure(_cut_short(step.host, reason))
            case NotReached():
                return Failure(_cut_short(step.host, "the plan was not performed to its end"))
            case _:
                assert_never(outcome)
    return Success(_Answered(_last_output(outcomes), again=False))


def _may_have_started(steps: tuple[Step, ...], outcomes: tuple[Outcome, ...]) -> bool:
    """Whether a step that starts the run was sent and not answered.

    It is sent before the steps ahead of it are answered: they say nothing about it.
    """
    return any(
        isinstance(outcome, Unknown) and isinstance(step, STARTING)
        for step, outcome in zip(steps, outcomes, strict=True)
    )


def _unknown(plan: Plan, step: Step, reason: str) -> SubmissionUnknown:
    return SubmissionUnknown(plan.run.id, step.host, _said(reason), plan.paths.run)


def _said(message: str) -> str:
    """What a failed step printed, and what to do about it where that is known."""
    said = message.strip() or "it said nothing"
    advice = refusal_advice(said)
    return said if advice is None else f"{said}; {advice}"


def _last_output(outcomes: tuple[Outcome, ...]) -> str:
    match outcomes:
        case (*_, Done(output)):
            return output
        case _:
            return ""


def _cut_short(host: str, reason: str) -> HostUnreachable:
    return HostUnreachable(
        host, f"{reason}, before the run was started", "nothing runs there: submit again"
    )
