"""What a performance means for the run: submitted, refused at a step, or unknown."""

from typing import Final, assert_never

from attrs import frozen
from returns.result import Failure, Result, Success

from theseus.core.errors import GpusTaken, StepFailed, SubmissionUnknown
from theseus.core.outcome import (
    AlreadySubmitted,
    Done,
    Failed,
    HostUnreachable,
    NotReached,
    Outcome,
    Unknown,
)
from theseus.core.plan import Plan
from theseus.core.refusals import refusal_advice
from theseus.core.script import describe_step
from theseus.core.steps import Launch, Submit


@frozen
class Submitted:
    """The run of *plan* was started, with *answer*; *again* when that had happened before.

    *gpus* are those it has leased; *queued* says that it waits for its turn.
    """

    plan: Plan
    answer: str
    again: bool
    gpus: tuple[str, ...] = ()
    queued: bool = False


NO_GPUS: Final = 69  # of launch_leased in perform.sh
NotSubmitted = GpusTaken | StepFailed | HostUnreachable | SubmissionUnknown


def judge(  # noqa: C901  one arm for each outcome, in one place
    plan: Plan, outcomes: tuple[Outcome, ...]
) -> Result[Submitted, NotSubmitted]:
    """Whether *outcomes*, one for each step of *plan*, amount to a submission."""
    for number, (step, outcome) in enumerate(zip(plan.steps, outcomes, strict=True), 1):
        match outcome:
            case Done():
                continue
            case AlreadySubmitted(answer):
                return Success(Submitted(plan, answer, again=True))
            case Failed(status, message) if status == NO_GPUS and isinstance(step, Launch):
                return Failure(GpusTaken(plan.run.id, step.host, message.strip()))
            case Failed(_, message):
                return Failure(
                    StepFailed(plan.run.id, step.host, number, describe_step(step), _said(message))
                )
            case Unknown(reason) if isinstance(step, Launch | Submit):
                return Failure(SubmissionUnknown(plan.run.id, step.host, reason, plan.paths.run))
            case Unknown(reason):
                return Failure(_cut_short(step.host, reason))
            case NotReached():
                return Failure(_cut_short(step.host, "the plan was not performed to its end"))
            case _:
                assert_never(outcome)
    answer, _, lease = _last_output(outcomes).partition("\n")
    word, *gpus = lease.split() or ("",)
    return Success(Submitted(plan, answer, again=False, gpus=tuple(gpus), queued=word == "queued"))


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
