"""Submissions: what one more attempt changes of what is known, and what it never takes away."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from returns.result import Failure, Result, Success

from tests.strategies import any_text, plans
from theseus.core.errors import GpusTaken, PlanError, StepFailed, SubmissionUnknown
from theseus.core.plan.outcome import HostUnreachable, NothingToSend
from theseus.core.plan.plan import Plan
from theseus.core.plan.steps import ClaimRun
from theseus.core.submit.submission import (
    Accepted,
    Attempt,
    NotSent,
    Rejected,
    Sending,
    Submission,
    Unanswered,
    attempt_of,
    begun,
    settled,
)
from theseus.core.submit.submitted import Submitted

attempts = st.one_of(
    st.builds(Accepted, any_text),
    st.builds(Rejected, any_text),
    st.builds(Unanswered, any_text),
    st.builds(NotSent, any_text),
)
LOST = Unanswered("its client ended before the answer came")


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (None, Sending()),
        (Rejected("full"), Sending()),
        (Sending(), LOST),
        (Unanswered("cut"), Unanswered("cut")),
        (Accepted("slurm 7"), Accepted("slurm 7")),
    ],
)
def test_begun(before: Submission | None, after: Submission) -> None:
    """A new attempt forgets a refusal, and neither an answer nor that one is missing."""
    assert begun(before) == after


@pytest.mark.parametrize(
    ("before", "attempt", "after"),
    [
        (Sending(), Accepted("slurm 7"), Accepted("slurm 7")),
        (Sending(), Rejected("no such partition"), Rejected("no such partition")),
        (Sending(), NotSent("no answer"), Rejected("no answer")),
        (Sending(), Unanswered("cut"), Unanswered("cut")),
        (Unanswered("cut"), NotSent("no answer"), Unanswered("cut")),
        (Unanswered("cut"), Rejected("none is there"), Rejected("none is there")),
        (Unanswered("cut"), Accepted("slurm 7"), Accepted("slurm 7")),
        (Accepted("slurm 7"), Rejected("disk full"), Accepted("slurm 7")),
        (Accepted("slurm 7"), NotSent("no answer"), Accepted("slurm 7")),
    ],
)
def test_settled(before: Submission, attempt: Attempt, after: Submission) -> None:
    """What an attempt tells goes over what was known, unless it knows less."""
    assert settled(before, attempt) == after


@given(st.builds(Accepted, any_text), attempts)
def test_an_answer_stays(before: Accepted, attempt: Attempt) -> None:
    """Once submitted, always submitted: only another answer may take the place of an answer."""
    assert begun(before) == before
    assert isinstance(settled(before, attempt), Accepted)


@given(st.one_of(st.just(Sending()), st.builds(Unanswered, any_text)), any_text)
def test_nothing_is_ruled_out_unseen(before: Sending | Unanswered, reason: str) -> None:
    """A run that an earlier attempt may have started is not refused by one that saw nothing."""
    again = begun(before)
    assert settled(again, NotSent(reason)) == again


def step_failed(plan: Plan, number: int) -> StepFailed:
    """That step *number* failed."""
    return StepFailed(plan.run.id, plan.target.host, number, "", "disk full")


@given(plans())
def test_attempt_of(plan: Plan) -> None:
    """A step that fails refuses the run once the claim has looked for it, and not before."""
    claim = next(number for number, step in enumerate(plan.steps) if isinstance(step, ClaimRun))
    for number in range(1, len(plan.steps) + 1):
        attempt = attempt_of(plan.steps, Failure(step_failed(plan, number)))
        assert isinstance(attempt, Rejected if number > claim + 1 else NotSent)
    ends: dict[type, Result[Submitted, PlanError]] = {
        Accepted: Success(Submitted(plan, "slurm 7\n", again=False)),
        Unanswered: Failure(SubmissionUnknown(plan.run.id, "box", "cut", "/runs/x")),
    }
    taken = attempt_of(plan.steps, Failure(GpusTaken(plan.run.id, "box", "needs 2 GPUs")))
    assert taken == Rejected("needs 2 GPUs")
    for kind, end in ends.items():
        assert isinstance(attempt_of(plan.steps, end), kind)
    assert attempt_of(plan.steps, ends[Accepted]) == Accepted("slurm 7")
    for error in (HostUnreachable("box", "no answer", "wait"), NothingToSend("a tree", "plan")):
        assert isinstance(attempt_of(plan.steps, Failure(error)), NotSent)
