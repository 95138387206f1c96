"""How a run ended, or the part of it on one node: the value and its file, written once.

Here: what is in the file and where it lies. Never here: deciding how a run ended.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Optional

from theseus.runtime.documents import now, read_document, write_once

SECRETS_FILE = "secrets.env"


@dataclass(frozen=True)
class Outcome:
    """The end of a run; *stage* is unpack, environment or job, *work_dir* the path when kept."""

    state: str
    exit_status: int
    signal: Optional[int]
    stage: str
    message: str
    work_dir: Optional[str]


def write_outcome(path: Path, outcome: Outcome) -> bool:
    """Make *outcome* the content of *path* unless there is one; whether it was written.

    Secrets beside it leave first, unless the run may come back: no end is on record while they lie
    there.
    """
    if outcome.state != "preempted":
        with suppress(OSError):  # bootstrap.sh tries again, and the end is recorded all the same
            (path.parent / SECRETS_FILE).unlink()
    return write_once(path, {**asdict(outcome), "ended_at": now()})


def read_outcome(path: Path) -> Outcome:
    """The outcome in *path*; ValueError when it holds none."""
    document = read_document(path)
    try:
        return Outcome(**{field.name: document[field.name] for field in fields(Outcome)})
    except KeyError as error:
        raise ValueError(f"{path} lacks {error}") from error
