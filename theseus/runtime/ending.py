"""What the end of a job means for its run.

Here: an exit status, what told the job to stop and the time it had, as an outcome. Never here:
writing it, or asking anyone.
"""

from __future__ import annotations

import signal
from dataclasses import replace
from typing import Optional

from theseus.runtime.child import Watched
from theseus.runtime.limit import TimeLimit
from theseus.runtime.outcome import Outcome


def job_outcome(watched: Watched, exception: Optional[str], *, unfinished: bool) -> Outcome:
    """The outcome of a job that ended so; *exception* is what it raised, if that is known.

    A job that ends well upon being told to stop has completed, unless such a one is *unfinished*:
    it was cancelled, or SLURM told it, and it may have saved what it had for the next start.
    """
    status = watched.status
    state = "completed" if status == 0 else "failed"
    if watched.told is not None and (status != 0 or unfinished):
        state = "preempted"
    return Outcome(
        state=state,
        exit_status=status if status >= 0 else 128 - status,
        signal=-status if status < 0 else None,
        stage="job",
        message=_message(watched, exception),
        work_dir=None,
    )


def as_cancelled(outcome: Outcome) -> Outcome:
    """*outcome* of a run that was cancelled: it was told to stop, and never starts again."""
    return replace(outcome, state="cancelled") if outcome.state == "preempted" else outcome


def within(limit: TimeLimit, outcome: Outcome, at: float) -> Outcome:
    """*outcome* of a run that was stopped *at* that time: final, if its time *limit* is why."""
    if outcome.state != "preempted" or not limit.explains(at):
        return outcome
    if outcome.exit_status == 0:
        return replace(outcome, state="completed")
    message = f"stopped at its time limit ({outcome.message}): ask for more with --time"
    return replace(outcome, state="failed", message=message)


def _message(watched: Watched, exception: Optional[str]) -> str:
    told = watched.told
    told_so = "" if told is None else f" after SIG{signal_name(told.number)} had told it to stop"
    if watched.status == 1 and exception is not None:
        return exception + told_so
    if watched.status < 0:
        usual = ", as a host does that runs out of memory"
        killed = -watched.status == signal.SIGKILL
        if told is not None and -watched.status == told.number:
            return f"killed by SIG{signal_name(told.number)}, which told it to stop"
        return f"killed by SIG{signal_name(-watched.status)}{told_so or (usual if killed else '')}"
    return f"ended with exit status {watched.status}{told_so}"


def signal_name(number: int) -> str:
    """What a signal is called after SIG.

    >>> signal_name(15)
    'TERM'
    """
    try:
        return signal.Signals(number).name[3:]
    except ValueError:  # real-time signals have no names
        return str(number)
