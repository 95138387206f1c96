"""Starts a run's job, watches it to the end, and records that end.

Here: that order, and a job that cannot be started. Never here: any part of it.
"""

from __future__ import annotations

from pathlib import Path
from typing import Mapping

from theseus.runtime.child import Rhythm, watch
from theseus.runtime.conclusion import conclude
from theseus.runtime.early_end import record_early_end
from theseus.runtime.inbox import SignalInbox
from theseus.runtime.outcome import Outcome
from theseus.runtime.payload import PayloadError
from theseus.runtime.run import Run

HEARTBEAT_SECONDS = 30.0


def supervise(
    run_dir: Path, environment: Mapping[str, str], heartbeat_seconds: float = HEARTBEAT_SECONDS
) -> int:
    """Run the job in *run_dir* to its end and record it; the exit status is the job's."""
    with SignalInbox() as inbox:
        try:
            run = Run(run_dir, environment)
            child = run.begin()
        except (OSError, PayloadError, ValueError) as error:
            return _could_not_start(run_dir, environment, error)
        rhythm = Rhythm(inbox, run.beat, heartbeat_seconds, run.grace, run.limit.told_after)
        return conclude(run, watch(child, rhythm), rhythm)


def _could_not_start(run_dir: Path, environment: Mapping[str, str], error: Exception) -> int:
    message = f"the job cannot be started: {_reason(error)}"
    print(f"theseus: {message}", flush=True)
    work_dir = environment.get("THESEUS_WORK_DIR")
    record_early_end(run_dir, Outcome("failed", 1, None, "job", message, work_dir), environment)
    return 1


def _reason(error: Exception) -> str:
    if isinstance(error, OSError) and error.strerror is not None:
        return f"{error.filename}: {error.strerror}"
    return str(error)
