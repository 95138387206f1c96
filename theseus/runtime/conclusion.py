"""How a run is brought to its end once its job has ended.

Here: the order of things: what the end means, the other nodes, the work directory, the record.
Never here: what an end means, or how nodes tell one another.
"""

from __future__ import annotations

import time
from dataclasses import replace
from typing import Optional

from theseus.runtime.cancelled import marked, was_cancelled
from theseus.runtime.child import HEARSAY_SECONDS, STOPPING, Rhythm, Told, Watched
from theseus.runtime.documents import read_document
from theseus.runtime.ending import as_cancelled, job_outcome, within
from theseus.runtime.inbox import SignalInbox
from theseus.runtime.leftovers import leftover
from theseus.runtime.nodes import await_others
from theseus.runtime.outcome import Outcome, write_outcome
from theseus.runtime.run import Run
from theseus.runtime.run_directory import EXCEPTION_FILE

ECHO_SECONDS = 2.0  # nodes that are told to stop together are not told at the same moment


def conclude(run: Run, watched: Watched, rhythm: Rhythm) -> int:
    """Record how *run* ended; the exit status is the job's, as a shell gives it."""
    run.job_ended()
    if run.in_slurm:
        seconds = ECHO_SECONDS if run.nodes.several else HEARSAY_SECONDS
        watched = _with_echo(watched, rhythm.inbox, seconds)
    unfinished = run.in_slurm or marked(run.run_dir)
    part = job_outcome(watched, _exception(run, watched), unfinished=unfinished)
    outcome = _of_all(run, part, watched.told, rhythm) if run.is_main else part
    outcome = replace(outcome, work_dir=_kept(run, outcome.state))
    failed = outcome.exit_status or outcome.state == "failed"
    run.say(f"job {outcome.state}" + (f": {outcome.message}" if failed else ""))
    if run.is_main:
        run.note(lambda: write_outcome(run.run_dir / "outcome.json", outcome))
    else:
        run.note(lambda: run.nodes.note(outcome))
    run.note(lambda: run.metadata.ended(outcome.state, outcome.exit_status, outcome.message))
    return outcome.exit_status


def _with_echo(watched: Watched, inbox: SignalInbox, seconds: float) -> Watched:
    # A job may break off because it was told to stop itself, as SLURM tells each process of a step,
    # or because another node was: this process is told right after.
    deadline = time.monotonic() + seconds
    while watched.status != 0 and watched.told is None and time.monotonic() < deadline:
        received = inbox.receive(deadline - time.monotonic())
        if received is not None and received.number in STOPPING:
            watched = Watched(watched.status, Told(received.number, time.time()))
    return watched


def _of_all(run: Run, part: Outcome, told: Optional[Told], rhythm: Rhythm) -> Outcome:
    """The outcome of the run whose main *part* this is, once the other nodes have ended."""
    if run.nodes.several:
        run.note(lambda: run.nodes.note(part))
        if part.state != "failed":
            told = await_others(run.nodes, told, rhythm)
        part = run.nodes.whole(part)
    if part.state == "preempted" and was_cancelled(run.run_dir, run.variables):
        return as_cancelled(part)
    return within(run.limit, part, time.time() if told is None else told.at)


def _exception(run: Run, watched: Watched) -> Optional[str]:
    path = run.node_dir / EXCEPTION_FILE
    if watched.status != 1 or not path.exists():
        return None
    return path.read_text(encoding="utf-8")


def _kept(run: Run, state: str) -> Optional[str]:
    if state in {"completed", "cancelled"}:
        left = _leftover(run)
        if left is None:
            return None
        if run.is_main:
            run.say(f"the job left {left!r} in its work directory")
    return str(run.work_dir)


def _leftover(run: Run) -> Optional[str]:
    try:
        return leftover(run.work_dir, read_document(run.contents_file))
    except (OSError, ValueError) as error:
        return f"something that cannot be read ({error})"
