"""What an end means: exit status, what told the job to stop, and the time it had."""

import os
import signal
import time
from pathlib import Path

import pytest

from theseus.runtime.child import Child, Rhythm, Told, Watched, watch
from theseus.runtime.ending import job_outcome, signal_name, within
from theseus.runtime.inbox import CAUGHT, Received, SignalInbox, _polled
from theseus.runtime.limit import PLAIN_GRACE, SLURM_GRACE, TimeLimit

TOLD = Told(signal.SIGTERM, 1000.0)


@pytest.mark.parametrize(
    ("status", "told", "unfinished", "state"),
    [
        (0, None, True, "completed"),
        (3, None, True, "failed"),
        (3, TOLD, False, "preempted"),
        (-15, TOLD, True, "preempted"),
        (0, TOLD, False, "completed"),
        (0, TOLD, True, "preempted"),
    ],
)
def test_states(status: int, told: Told | None, *, unfinished: bool, state: str) -> None:
    """Being told to stop makes a bad end preempted, and in SLURM a good one too."""
    assert job_outcome(Watched(status, told), None, unfinished=unfinished).state == state


@pytest.mark.parametrize(
    ("end", "state"), [(1060.0, "failed"), (1120.0, "failed"), (1200.0, "preempted")]
)
def test_the_end_of_the_time(end: float, state: str) -> None:
    """Whatever is told to stop when its time is over, the warning included, has failed."""
    outcome = job_outcome(Watched(3, TOLD), None, unfinished=True)
    assert within(TimeLimit(end), outcome, TOLD.at).state == state


def test_a_good_end_in_time() -> None:
    """A job that ends well when its time is over has completed: it will not start again."""
    outcome = job_outcome(Watched(0, TOLD), None, unfinished=True)
    assert within(TimeLimit(1050.0), outcome, TOLD.at).state == "completed"


def test_when_the_time_is_over() -> None:
    """SLURM's word counts, then the limit that was asked for, and without SLURM neither."""
    assert TimeLimit.of({"SLURM_JOB_END_TIME": "5", "THESEUS_TIME_LIMIT": "9"}) == TimeLimit(5.0)
    assert TimeLimit.of({}) == TimeLimit.of({"THESEUS_TIME_LIMIT": ""}) == TimeLimit()
    for minutes, told_after in (("9", 480.0), ("5", 300.0)):
        assert TimeLimit.of({"THESEUS_TIME_LIMIT": minutes}).told_after == told_after
    asked = TimeLimit.of({"SLURM_JOB_ID": "1", "SLURM_JOB_END_TIME": "", "THESEUS_TIME_LIMIT": "9"})
    assert asked.end == pytest.approx(time.time() + 540, abs=5)


def test_a_plain_host_ends_a_job_in_time(tmp_path: Path) -> None:
    """Where no SLURM tells a job that its time is over, the runtime does."""
    with SignalInbox() as inbox:
        child = Child(
            ["sh", "-c", "trap 'exit 3' TERM; sleep 60 & wait"], dict(os.environ), tmp_path
        )
        rhythm = Rhythm(inbox, lambda: None, 30.0, lambda _: 10.0, limit_seconds=0.5)
        watched = watch(child, rhythm)
    assert watched.status == 3
    assert watched.told is not None
    assert watched.told.number == signal.SIGTERM


def test_the_grace_of_a_job() -> None:
    """A job has the usual time to end, what was asked for, or all that is left of its time."""
    slurm = {"SLURM_JOB_ID": "1"}
    assert TimeLimit().grace({}, 1000.0) == PLAIN_GRACE
    assert TimeLimit().grace(slurm, 1000.0) == SLURM_GRACE
    assert TimeLimit().grace({**slurm, "THESEUS_GRACE": "7"}, 1000.0) == 7
    assert TimeLimit(1100.0).grace(slurm, 1000.0) == 95
    assert TimeLimit(1010.0).grace(slurm, 1000.0) == SLURM_GRACE


def test_signals_have_names() -> None:
    """A signal is called as kill(1) has it, one without a name by its number."""
    assert (signal_name(9), signal_name(200)) == ("KILL", "200")


def test_signals_are_received() -> None:
    """A signal comes as a value with its sender; one that nobody asks for ends nothing."""
    with SignalInbox() as inbox:
        assert inbox.receive(0) is None
        os.kill(os.getpid(), signal.SIGTERM)
        assert inbox.receive(1) == Received(signal.SIGTERM, os.getpid())
        os.kill(os.getpid(), signal.SIGTERM)


def test_signals_are_received_by_looking() -> None:
    """Where a system cannot wait for signals and for the clock, looking now and then does."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, CAUGHT)
    try:
        assert _polled(0.01) is None
        os.kill(os.getpid(), signal.SIGINT)
        assert _polled(1) == Received(signal.SIGINT)
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
