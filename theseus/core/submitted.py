"""What a performance means for the run: submitted, refused at a step, or unknown."""

from typing import assert_never

from attrs import frozen
from returns.result import Failure, Result, Success

from theseus.core.errors import StepFailed, SubmissionUnknown
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
    """The run of *plan* was started, with *answer*; *again* when that had happened before."""

    plan: Plan
    answer: str
    again: bool


NotSubmitted = StepFailed | HostUnreachable | SubmissionUnknown


def judge(plan: Plan, outcomes: tuple[Outcome, ...]) -> Result[Submitted, NotSubmitted]:
    """Whether *outcomes*, one for each step of *plan*, amount to a submission."""
    for number, (step, outcome) in enumerate(zip(plan.steps, outcomes, strict=True), 1):
        match outcome:
            case Done():
                continue
            case AlreadySubmitted(answer):
                return Success(Submitted(plan, answer, again=True))
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
    return Success(Submitted(plan, _last_output(outcomes), again=False))


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
