"""Whether a run that was told to stop was told so by somebody who wants it no more.

Here: the mark that `theseus cancel` leaves in the run directory, and SLURM's word where `scancel`
was used. Never here: what follows from it.
"""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Mapping

MARK = "cancelled"
SQUEUE_SECONDS = 3.0  # what follows the end of a job has five seconds before SLURM kills it


def marked(run_dir: Path) -> bool:
    """Whether `theseus cancel` has said that the run in *run_dir* is to end for good."""
    return (run_dir / MARK).exists()


def was_cancelled(run_dir: Path, environment: Mapping[str, str]) -> bool:
    """Whether the run was cancelled, by theseus or in SLURM; no, where SLURM gives no answer."""
    job = environment.get("SLURM_JOB_ID")
    return marked(run_dir) or (job is not None and _cancelled_in_slurm(job))


def _cancelled_in_slurm(job: str) -> bool:
    # A job that is being ended is COMPLETING for squeue. Its JSON tells what comes after as well,
    # since Slurm 23; with an older one follow.sh finds out later.
    try:
        asked = subprocess.run(
            ["squeue", "--json", "--states=all", f"--jobs={job}"],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            timeout=SQUEUE_SECONDS,
            check=False,
        )
        said = json.loads(asked.stdout)
    except (OSError, ValueError, subprocess.TimeoutExpired):
        return False
    jobs = said.get("jobs") if isinstance(said, dict) else None
    return isinstance(jobs, list) and any(_says_cancelled(each, job) for each in jobs)


def _says_cancelled(entry: object, job: str) -> bool:
    # job_state is a word in Slurm 22, a list of words in later ones
    return (
        isinstance(entry, dict)
        and str(entry.get("job_id")) == job
        and "CANCELLED" in (entry.get("job_state") or ())
    )
