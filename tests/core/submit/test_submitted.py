"""What outcomes mean for a run: submitted, refused at a step, cut short, or unknown."""

import pytest
from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st
from returns.pipeline import is_successful
from returns.result import Failure, Success

from tests.cases.case import CASES, planned
from tests.core.test_strings import Given
from tests.strategies import any_text
from theseus.core.errors import GpusTaken, StepFailed, SubmissionUnknown
from theseus.core.plan.array import Array, array_steps
from theseus.core.plan.outcome import (
    AlreadySubmitted,
    Done,
    Failed,
    HostUnreachable,
    NotReached,
    Outcome,
    Unknown,
)
from theseus.core.plan.steps import ClaimRun
from theseus.core.submit.refusals import refusal_advice
from theseus.core.submit.submitted import NO_GPUS, UNANSWERED, Submitted, judge, judge_array

PLAN = Given().plan().unwrap()
SLURM = planned(CASES / "slurm-one").unwrap()
LAST = len(PLAN.steps) - 1
CLAIM = [isinstance(step, ClaimRun) for step in PLAN.steps].index(True)


def outcomes(at: int, outcome: Outcome) -> tuple[Outcome, ...]:
    """All done up to the step *at*, which came to *outcome*; the rest was not reached."""
    return (Done("x"),) * at + (outcome,) + (NotReached(),) * (LAST - at)


def test_done() -> None:
    """When every step is done the run is submitted, and the answer is the last output."""
    done = judge(PLAN, outcomes(LAST, Done("1 2 3")))
    assert done == Success(Submitted(PLAN, "1 2 3", again=False))


def test_gpus() -> None:
    """After the answer stands what GPUs the run has leased, or that it waits for its turn."""
    leased = judge(PLAN, outcomes(LAST, Done("1 2 3\nleased GPU-a GPU-b"))).unwrap()
    assert leased == Submitted(PLAN, "1 2 3", again=False, gpus=("GPU-a", "GPU-b"))
    queued = judge(PLAN, outcomes(LAST, Done("1 2 3\nqueued"))).unwrap()
    assert queued == Submitted(PLAN, "1 2 3", again=False, queued=True)


def test_gpus_taken() -> None:
    """A launch that found its GPUs taken is no failed step: the plan came too late."""
    taken = judge(PLAN, outcomes(LAST, Failed(NO_GPUS, "needs 2\n"))).failure()
    assert taken == GpusTaken("id", "box", "needs 2")
    other = judge(PLAN, outcomes(0, Failed(NO_GPUS, "needs 2\n"))).failure()
    assert isinstance(other, StepFailed)


def test_submitted_before() -> None:
    """A run that was submitted before is submitted, with the answer of then."""
    assert judge(PLAN, outcomes(4, AlreadySubmitted("1 2 3"))) == Success(
        Submitted(PLAN, "1 2 3", again=True)
    )


def test_array() -> None:
    """Each run of an array has the job id of the array and its own index for an answer."""
    array = Array("a-1", "scan", (SLURM, SLURM))
    steps = array_steps(array)
    done = (Done("x"),) * (len(steps) - 1) + (Done("slurm 7 west"),)
    answers = [result.unwrap().answer for result in judge_array(array, steps, done)]
    assert answers == ["slurm 7_0 west", "slurm 7_1 west"]
    lost = (Done("x"),) * (len(steps) - 1) + (Unknown("cut"),)
    for result in judge_array(array, steps, lost):
        assert isinstance(result.failure(), SubmissionUnknown)


def test_failed() -> None:
    """A failed step is named by its number, its command and what it printed."""
    failed = judge(PLAN, outcomes(0, Failed(1, "disk full\n"))).failure()
    assert failed == StepFailed(
        "id", "box", 1, "mkdir -p -m 0700 -- /scratch/.dispatch", "disk full"
    )
    silent = judge(PLAN, outcomes(0, Failed(1, " \n"))).failure()
    assert isinstance(silent, StepFailed)
    assert silent.message == "it said nothing"


def test_nobody_can_tell() -> None:
    """When the host says that the run may be there, it is unknown; other steps just fail."""
    unknown = judge(PLAN, outcomes(CLAIM, Failed(UNANSWERED, "cannot be asked"))).failure()
    assert unknown == SubmissionUnknown("id", "box", "cannot be asked", PLAN.paths.run)
    assert isinstance(
        judge(PLAN, outcomes(LAST, Failed(UNANSWERED, "timed out"))).failure(), SubmissionUnknown
    )
    failed = judge(PLAN, outcomes(0, Failed(UNANSWERED, "no such tool"))).failure()
    assert isinstance(failed, StepFailed)


def test_refusal_of_sbatch() -> None:
    """What sbatch refuses is said with what to do about it."""
    words = "sbatch: error: Invalid qos specification"
    advice = refusal_advice(words)
    assert advice is not None
    failed = judge(PLAN, outcomes(LAST, Failed(1, words))).failure()
    assert isinstance(failed, StepFailed)
    assert failed.message == f"{words}; {advice}"


def test_unknown_at_the_end() -> None:
    """When the last answer was lost the run may have started: nothing else is claimed."""
    assert judge(PLAN, outcomes(LAST, Unknown("cut"))) == Failure(
        SubmissionUnknown("id", "box", "cut", PLAN.paths.run)
    )


def test_sent_ahead() -> None:
    """Where the start was sent before an earlier step was answered, nobody knows of it either."""
    answered = outcomes(2, Unknown("cut"))[:3]
    ahead = answered + (Unknown("cut"),) * (len(PLAN.steps) - 3)
    expected = Failure(SubmissionUnknown("id", "box", "cut", PLAN.paths.run))
    assert judge(PLAN, ahead) == expected


@pytest.mark.parametrize("outcome", [Unknown("cut"), NotReached()])
def test_cut_short(outcome: Outcome) -> None:
    """When an earlier answer was lost the run has not started."""
    cut = judge(PLAN, outcomes(2, outcome)).failure()
    assert isinstance(cut, HostUnreachable)
    assert "before the run was started" in cut.reason


def test_no_steps() -> None:
    """A plan without steps is submitted by doing nothing, and answers nothing."""
    empty = evolve(PLAN, steps=())
    assert judge(empty, ()) == Success(Submitted(empty, "", again=False))


@given(
    st.lists(
        st.builds(Done, any_text)
        | st.builds(Failed, st.integers(1, 255), any_text)
        | st.builds(Unknown, any_text)
        | st.builds(AlreadySubmitted, any_text)
        | st.just(NotReached()),
        min_size=len(PLAN.steps),
        max_size=len(PLAN.steps),
    )
)
def test_first_that_is_not_done_decides(said: list[Outcome]) -> None:
    """The first outcome that is not `Done` decides, whatever comes after it."""
    judged = judge(PLAN, tuple(said))
    first = next((each for each in said if not isinstance(each, Done)), None)
    assert is_successful(judged) == (first is None or isinstance(first, AlreadySubmitted))
