"""Run states: merged from submission, outcome, process or job, and heartbeat; never guessed."""

from typing import get_args

import pytest
from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st

from tests.strategies import any_line
from theseus.core.runs.job_end import explain_end
from theseus.core.runs.run_state import (
    FRESH,
    STATE_NAMES,
    Cancelled,
    Completed,
    Failed,
    Lost,
    Preempted,
    Queued,
    Rejected,
    Running,
    RunState,
    Unknown,
    Unreachable,
    is_over,
    read_state,
    state_data,
    state_name,
    state_of,
)
from theseus.core.runs.sighting import End, InQueue, NoJob, NotTold, Sighting
from theseus.core.submit import submission

AT = "2026-11-24T13:52:07Z"
PLAIN = Sighting(place=True, there=True, launched=True, answer="17 4711 b00t", process="alive")
SLURM = Sighting(place=True, there=True, launched=True, answer="slurm 42")
GONE, NO_JOB, DEAF = evolve(PLAIN, process="gone"), NoJob(accounted=True), NotTold("timed out")
SENDING, SENT = submission.Sending(), submission.Accepted("slurm 42")
CUT = submission.Unanswered("cut")
SILENT = Unreachable("SLURM does not answer there: timed out")
HEARD = Running("known by its heartbeat")
NO_PROCESS = Lost("its process is gone and left no outcome")
NOT_ACCOUNTED = "SLURM does not know its job any more, and no accounting can be asked"


def job(state: str, reason: str = "None") -> Sighting:
    """A run whose job is in *state*."""
    return evolve(SLURM, job=InQueue("42", state, reason))


def heard(seen: Sighting, said: str | None, silence: int) -> Sighting:
    """*seen* with a heartbeat."""
    return evolve(seen, said=said, silence=silence)


def ended(seen: Sighting, state: str, status: int = 1, message: str = "why") -> Sighting:
    """*seen* with an outcome."""
    return evolve(seen, end=End(state, status, message, AT))


TABLE: list[tuple[submission.Submission, Sighting | Unreachable, RunState]] = [
    # what is known here alone
    (submission.Rejected("full"), Sighting(), Rejected("full")),
    (submission.Rejected("full"), Unreachable("off"), Rejected("full")),
    (SENT, Unreachable("off"), Unreachable("off")),
    (CUT, Unreachable("off"), Unreachable("off")),
    # no answer on the host
    (SENDING, Sighting(), Unknown("its submission has not been answered")),
    (CUT, Sighting(place=True), Unknown("cut")),
    (CUT, evolve(SLURM, answer=None, job=NO_JOB), Unknown("cut")),
    (CUT, evolve(SLURM, answer=None, job=DEAF), SILENT),
    (SENT, Sighting(), Unreachable("its share is not there: is its file system mounted?")),
    (SENT, Sighting(place=True), Lost("its run directory is gone")),
    (SENT, Sighting(place=True, there=True), Unknown("its answer file is gone")),
    (SENT, heard(Sighting(place=True, there=True), "running", 3), HEARD),
    # the answer is on the host, whatever is known here
    (CUT, PLAIN, Running()),
    (SENDING, job("RUNNING"), Running()),
    # outcomes
    (SENT, ended(GONE, "completed", 0), Completed("", AT)),
    (SENT, ended(GONE, "failed", 3), Failed("why", AT, 3)),
    (SENT, ended(GONE, "cancelled", 143), Cancelled("why", AT)),
    (SENT, ended(GONE, "preempted", 143), Preempted("why", AT)),
    (SENT, ended(PLAIN, "completed", 0), Completed("", AT)),
    (SENT, ended(job("COMPLETING"), "failed", 2), Failed("why", AT, 2)),
    (SENT, ended(job("PENDING", "BeginTime"), "preempted"), Queued("BeginTime")),
    (SENT, ended(job("RUNNING"), "preempted"), Running()),
    (SENT, ended(job("CANCELLED"), "preempted"), Cancelled("why", AT)),
    (SENT, ended(job("PREEMPTED"), "preempted"), Preempted("why", AT)),
    (SENT, ended(job("TIMEOUT"), "preempted"), Preempted("why; SLURM says TIMEOUT", AT)),
    (SENT, ended(evolve(SLURM, job=NO_JOB), "preempted"), Preempted("why", AT)),
    (SENT, ended(evolve(SLURM, job=DEAF), "preempted"), SILENT),
    # a process
    (SENT, PLAIN, Running()),
    (SENT, heard(PLAIN, "queued", 9999), Queued("it waits there")),
    (SENT, GONE, NO_PROCESS),
    (SENT, evolve(PLAIN, process="rebooted"), Lost("its host was restarted")),
    (SENT, evolve(PLAIN, process="unknown"), Unknown("its process cannot be looked at there")),
    (SENT, heard(GONE, "running", FRESH), HEARD),
    (SENT, heard(GONE, "queued", 1), Queued("known by its heartbeat")),
    (SENT, heard(GONE, "running", FRESH + 1), NO_PROCESS),
    (SENT, heard(GONE, "completed", 1), NO_PROCESS),
    (SENT, heard(evolve(PLAIN, process="rebooted"), "running", 9), HEARD),
    # a job
    (SENT, job("PENDING", "Resources"), Queued("Resources")),
    (SENT, job("PENDING"), Queued("")),
    (SENT, job("CONFIGURING"), Queued("")),
    (SENT, job("REQUEUED"), Queued("")),
    (SENT, job("SUSPENDED"), Running("SLURM says SUSPENDED")),
    (SENT, job("NODE_FAIL"), Failed(explain_end("NODE_FAIL"))),
    (SENT, job("CANCELLED"), Cancelled(explain_end("CANCELLED"))),
    (SENT, job("PREEMPTED"), Preempted(explain_end("PREEMPTED"))),
    (SENT, job("COMPLETED"), Lost("SLURM says COMPLETED; look at its log")),
    (SENT, evolve(SLURM, job=NO_JOB), Lost("SLURM does not know its job any more")),
    (SENT, evolve(SLURM, job=NoJob(accounted=False)), Lost(NOT_ACCOUNTED)),
    (SENT, heard(evolve(SLURM, job=NO_JOB), "running", 30), HEARD),
    (SENT, evolve(SLURM, job=DEAF), SILENT),
    (SENT, heard(evolve(SLURM, job=DEAF), "running", 30), HEARD),
]


@pytest.mark.parametrize(("known", "seen", "state"), TABLE)
def test_table(known: submission.Submission, seen: Sighting | Unreachable, state: RunState) -> None:
    """Each combination of facts has its one state."""
    assert state_of(known, seen) == state


def test_every_state_is_reached() -> None:
    """The table leaves no state out."""
    assert {type(state) for _, _, state in TABLE} == set(get_args(RunState))
    assert {state_name(state) for _, _, state in TABLE} == set(STATE_NAMES)


words = st.one_of(
    st.builds(InQueue, st.just("42"), any_line, any_line),
    st.builds(NoJob, st.booleans()),
    st.builds(NotTold, any_line),
)
ends = st.builds(
    End,
    st.sampled_from(["completed", "failed", "preempted", "cancelled", "odd"]),
    st.one_of(st.none(), st.integers(0, 255)),
    any_line,
    st.one_of(st.none(), st.just(AT)),
)
seen_runs = st.builds(
    Sighting,
    place=st.booleans(),
    there=st.booleans(),
    launched=st.booleans(),
    answer=st.one_of(st.none(), st.just("slurm 42"), st.just("17 4711 b00t")),
    process=st.sampled_from([None, "alive", "gone", "rebooted", "unknown"]),
    job=st.one_of(st.none(), words),
    end=st.one_of(st.none(), ends),
    said=st.sampled_from([None, "running", "queued", "completed"]),
    silence=st.one_of(st.none(), st.integers(-10, 1000)),
)
sent = st.one_of(st.just(SENDING), st.builds(submission.Accepted, any_line), st.just(CUT))


@given(sent, seen_runs)
def test_could_not_ask_is_never_gone(known: submission.Submission, seen: Sighting) -> None:
    """Where SLURM, the process or the host could not be asked, no run is lost or over."""
    deaf = evolve(seen, job=DEAF, end=None, there=True, place=True)
    blind = evolve(seen, job=None, process="unknown", answer="17 0 -", end=None)
    for state in (state_of(known, deaf), state_of(known, blind)):
        assert not isinstance(state, Lost)
        assert not is_over(state)
    assert state_of(known, Unreachable("off")) == Unreachable("off")


@given(sent, seen_runs)
def test_lost_needs_evidence(known: submission.Submission, seen: Sighting) -> None:
    """A run is lost only where it was submitted, its host looked, and it left no outcome."""
    if isinstance(state_of(known, seen), Lost):
        assert seen.end is None
        assert seen.answer is not None or isinstance(known, submission.Accepted)
        assert not isinstance(seen.job, NotTold)
        assert seen.process != "alive" or seen.job is not None or seen.answer is None


@given(sent, seen_runs)
def test_an_outcome_decides(known: submission.Submission, seen: Sighting) -> None:
    """What the run recorded stands above all else; only a preempted one may go on."""
    state = state_of(known, seen)
    if seen.end is not None and seen.end.state == "completed":
        assert isinstance(state, Completed)
    elif seen.end is not None and seen.end.state != "preempted":
        assert isinstance(state, Failed | Cancelled)


@given(sent, seen_runs)
def test_states_are_kept(known: submission.Submission, seen: Sighting) -> None:
    """A state survives being written down."""
    state = state_of(known, seen)
    assert read_state(state_data(state)) == state
