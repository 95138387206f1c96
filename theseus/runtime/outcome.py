"""How a run ended: outcome.json, written once.

Here: the value and its file, and the command line by which bootstrap.sh records an end that the
supervisor could not. Never here: deciding how a run ended.
"""

from __future__ import annotations

import os
import sys
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Mapping, Optional, Sequence

from theseus.runtime.documents import now, write_once
from theseus.runtime.metadata import Metadata
from theseus.runtime.payload import PayloadError, read_payload


@dataclass(frozen=True)
class Outcome:
    """The end of a run; *stage* is unpack, environment or job, *work_dir* the path when kept."""

    state: str
    exit_status: int
    signal: Optional[int]
    stage: str
    message: str
    work_dir: Optional[str]


def write_outcome(run_dir: Path, outcome: Outcome) -> bool:
    """Write outcome.json unless there is one; whether it was written."""
    return write_once(run_dir / "outcome.json", {**asdict(outcome), "ended_at": now()})


def record_early_end(run_dir: Path, outcome: Outcome, environment: Mapping[str, str]) -> None:
    """Write outcome.json and metadata.json, as far as disk and payload allow."""
    try:
        write_outcome(run_dir, outcome)
        metadata = Metadata.of(read_payload(run_dir), run_dir, environment)
        metadata.ended(outcome.state, outcome.exit_status, outcome.message)
    except (OSError, PayloadError) as error:
        print(f"theseus: the end cannot be recorded: {error}", flush=True)


def main(words: Sequence[str]) -> int:
    """RUN_DIRECTORY STATE STAGE STATUS MESSAGE WORK_DIRECTORY; the last may be empty."""
    run_dir, state, stage, status, message, work_dir = words
    number = int(status)
    record_early_end(
        Path(run_dir),
        Outcome(
            state=state,
            exit_status=number,
            signal=number - 128 if number > 128 else None,
            stage=stage,
            message=message.encode(errors="replace").decode(),
            work_dir=work_dir or None,
        ),
        os.environ,
    )
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
