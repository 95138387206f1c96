"""`python -m theseus.runtime.early_end …`: an end that the supervisor could not record.

Here: recording one for bootstrap.sh, or before a job has started. Never here: the end of a job.
"""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path
from typing import Mapping, Sequence

from theseus.runtime.cancelled import was_cancelled
from theseus.runtime.ending import as_cancelled, within
from theseus.runtime.limit import TimeLimit
from theseus.runtime.local import directory
from theseus.runtime.metadata import Metadata
from theseus.runtime.nodes import Nodes
from theseus.runtime.outcome import Outcome, write_outcome
from theseus.runtime.payload import PayloadError, read_payload
from theseus.runtime.processes import processes


def record_early_end(run_dir: Path, outcome: Outcome, environment: Mapping[str, str]) -> None:
    """Write how the run ended, or this node's part of it, as far as disk and payload allow."""
    own = processes(environment)
    nodes = Nodes.of(run_dir, own, environment)
    try:
        if nodes.several:
            nodes.note(outcome)
        if own.index == 0:
            _record(run_dir, _whole(run_dir, nodes.whole(outcome), environment), environment)
    except (OSError, PayloadError) as error:
        print(f"theseus: the end cannot be recorded: {error}", flush=True)


def _whole(run_dir: Path, outcome: Outcome, environment: Mapping[str, str]) -> Outcome:
    if outcome.state == "preempted" and was_cancelled(run_dir, environment):
        return as_cancelled(outcome)
    return within(TimeLimit.of(environment), outcome, time.time())


def _record(run_dir: Path, outcome: Outcome, environment: Mapping[str, str]) -> None:
    write_outcome(run_dir / "outcome.json", outcome)
    status_dir = directory("STATUS", environment)
    metadata = Metadata.of(read_payload(run_dir), run_dir, environment, status_dir)
    metadata.ended(outcome.state, outcome.exit_status, outcome.message)


def main(words: Sequence[str]) -> int:
    """RUN_DIRECTORY STATE STAGE STATUS MESSAGE WORK_DIRECTORY; the last may be empty."""
    run_dir, state, stage, status, message, work_dir = words
    number = int(status)
    outcome = Outcome(
        state=state,
        exit_status=number,
        signal=number - 128 if number > 128 else None,
        stage=stage,
        message=message.encode(errors="replace").decode(),
        work_dir=work_dir or None,
    )
    record_early_end(Path(run_dir), outcome, os.environ)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
