"""`python -m theseus.runtime.after RUN_DIRECTORY AWAITED`: wait for another run to complete.

Here: a run on a plain host waits for the outcome of the one in the directory AWAITED, and its
metadata say meanwhile that it is queued. Never here: runs on SLURM, whose jobs have dependencies.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Callable, Optional, Sequence

from theseus.runtime.documents import read_document
from theseus.runtime.waiting import Waiting

_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")


def hindrance(awaited: Path, sleep: Callable[[], None]) -> Optional[str]:
    """Wait for the run in *awaited*, in *sleep* between two looks; None once it has completed.

    Otherwise why it will not.
    """
    name = f"the run {awaited.name} that this one waits for"
    gone = False
    while True:
        if not awaited.is_dir():
            return f"{name} is not on this host: there is no {awaited}"
        state = _state(awaited / "outcome.json")
        if state == "completed":
            return None
        if state in {"failed", "cancelled"}:
            verb = "failed" if state == "failed" else "was cancelled"
            return f"{name} {verb}: see {awaited / 'outcome.json'}"
        # its outcome is written before its process ends: only the second look tells
        if gone:
            return f"{name} is gone and left no outcome: it was killed, or the host was restarted"
        gone = state is None and _gone(awaited / "answer")
        sleep()


def _state(outcome: Path) -> Optional[str]:
    try:
        state = read_document(outcome).get("state")
    except (OSError, ValueError):  # not yet there, or not yet whole
        return None
    return state if isinstance(state, str) else None


def _gone(answer: Path) -> bool:
    """Whether the process that *answer* names was of this boot of this host, and is no more."""
    try:
        pid, start, boot = answer.read_text(encoding="ascii").split()
        if _BOOT_ID.read_text(encoding="ascii").strip() != boot:
            return False
    except (OSError, ValueError):  # not yet submitted, or a job of SLURM
        return False
    try:
        stat = Path("/proc", pid, "stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return True
    # proc(5): the name in parentheses may hold spaces; the state is field 3, the start field 22
    fields = stat.rpartition(")")[2].split()
    return fields[0] == "Z" or fields[19] != start


def main(words: Sequence[str]) -> int:
    """RUN_DIRECTORY AWAITED; prints what is in the way, with exit status 1."""
    run_dir, awaited = Path(words[0]), Path(words[1])
    print(f"theseus: waiting for run {awaited.name} to complete", file=sys.stderr, flush=True)
    reason = hindrance(awaited, Waiting(run_dir, os.environ).sleep)
    if reason is not None:
        print(reason)
    return 0 if reason is None else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
