"""Ledger: every run that was submitted from here, with its plan and what is known of it.

Here it is written; `entries.py` reads it, which a submission does without.
The file is `ledger_file.py`'s. What is known of a submission changes by the rules of
`core/submit/submission.py`, and by nothing else. The ledger is a memory, never the truth: the truth
is on the hosts, and `theseus ps --rescan` makes a ledger from it.
"""

import os
import sqlite3
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Final, TypeVar, assert_never

from platformdirs import user_state_path
from returns.result import Failure, Result, Success

from theseus.core.errors import Unreadable
from theseus.core.plan.codec import plan_json
from theseus.core.plan.plan import Plan
from theseus.core.submit.submission import (
    Accepted,
    Attempt,
    Rejected,
    Sending,
    Submission,
    Unanswered,
    begun,
    settled,
)
from theseus.core.values import frozen
from theseus.effects.ledger.ledger_file import LedgerUnusable, prepare, transaction

Value = TypeVar("Value")


@frozen
class FoundRun:
    """A run found on a host: its *plan*, when it was submitted, and the *answer* to that."""

    plan: Plan
    submitted_at: datetime
    answer: str | None


@frozen
class Ledger:
    """The ledger at *path*. Safe to use from many threads and processes at once."""

    path: Path

    @classmethod
    def open(cls, path: Path | None = None) -> "Result[Ledger, Unreadable]":
        """The ledger at *path*, or that of this user; it is made when there is none."""
        place = user_state_path("theseus") / "ledger.sqlite" if path is None else path
        return attempted(lambda: prepare(place)).map(lambda _: cls(place))

    def begin(self, plan: Plan, config: str | None = None) -> Result[None, Unreadable]:
        """Keep *plan* before anything of it is sent; *config* is its dispatch config's path."""
        return self.begin_all((plan,), config)

    def begin_all(self, plans: Iterable[Plan], config: str | None) -> Result[None, Unreadable]:
        """Keep all *plans*, or none, before anything of them is sent."""

        def write() -> None:
            with transaction(self.path) as connection:
                at = now()  # the same for all of a sweep
                for plan in plans:
                    _begin(connection, plan, config, at)

        return attempted(write)

    def settle(self, run_id: str, attempt: Attempt) -> Result[None, Unreadable]:
        """Keep what an attempt to submit told of the run."""
        return self.settle_all({run_id: attempt})

    def settle_all(self, attempts: Mapping[str, Attempt]) -> Result[None, Unreadable]:
        """Keep what attempts to submit told of the runs, by their ids."""

        def write() -> None:
            with transaction(self.path) as connection:
                for run_id, attempt in attempts.items():
                    before = _submission_of(connection, run_id)
                    if before is not None:
                        _put_submission(connection, run_id, settled(before, attempt))

        return attempted(write)

    def adopt(self, runs: Sequence[FoundRun], config: str) -> Result[int, Unreadable]:
        """Keep runs that were found on hosts of *config*; how many of them were not known."""

        def write() -> int:
            with transaction(self.path) as connection:
                return sum(_adopt(connection, found, config) for found in runs)

        return attempted(write)


def _begin(connection: sqlite3.Connection, plan: Plan, config: str | None, at: str) -> None:
    run = plan.run
    before = _submission_of(connection, run.id)
    if before is None:
        _insert(connection, plan, config, at)
    _put_submission(connection, run.id, begun(before))


def _adopt(connection: sqlite3.Connection, found: FoundRun, config: str) -> bool:
    """Keep a run that was found; whether it is new."""
    run, lost = found.plan.run, Unanswered("its directory holds no answer")
    before = _submission_of(connection, run.id)
    if before is None:
        _insert(connection, found.plan, config, found.submitted_at.isoformat())
    if found.answer is not None:
        _put_submission(connection, run.id, Accepted(found.answer))
    elif before is None:
        _put_submission(connection, run.id, lost)
    return before is None


def _insert(connection: sqlite3.Connection, plan: Plan, config: str | None, at: str) -> None:
    connection.execute(
        "INSERT INTO runs (run_id, name, submitted_at, config, submission, detail, plan)"
        " VALUES (?, ?, ?, ?, '', '', ?)",
        (plan.run.id, plan.run.name, at, _path_bytes(config), plan_json(plan)),
    )


def attempted(act: Callable[[], Value]) -> Result[Value, Unreadable]:
    """What *act* gives, or why the ledger cannot be used."""
    try:
        return Success(act())
    except LedgerUnusable as unusable:
        return Failure(unusable.error)


def _submission_of(connection: sqlite3.Connection, run_id: str) -> Submission | None:
    row = connection.execute(
        "SELECT submission, detail FROM runs WHERE run_id = ?", (run_id,)
    ).fetchone()
    return None if row is None else submission_in(*row)


def _put_submission(connection: sqlite3.Connection, run_id: str, submission: Submission) -> None:
    connection.execute(
        "UPDATE runs SET submission = ?, detail = ? WHERE run_id = ?",
        (*_columns(submission), run_id),
    )


def _columns(submission: Submission) -> tuple[str, str]:
    """The columns `submission` and `detail`."""
    match submission:
        case Sending():
            return "sending", ""
        case Accepted(detail):
            return "accepted", _storable(detail)
        case Rejected(detail):
            return "rejected", _storable(detail)
        case Unanswered(detail):
            return "unanswered", _storable(detail)
        case _:
            assert_never(submission)


_KINDS: Final[Mapping[str, Callable[[str], Submission]]] = {
    "sending": lambda _: Sending(),
    "accepted": Accepted,
    "rejected": Rejected,
    "unanswered": Unanswered,
}


def submission_in(kind: str, detail: str) -> Submission:
    """What the columns `submission` and `detail` say."""
    return _KINDS[kind](detail)


def _storable(text: str) -> str:
    """*text* without the bytes of other encodings that a host may say, which sqlite refuses."""
    return text.encode("utf-8", "backslashreplace").decode()


def _path_bytes(path: str | None) -> bytes | None:
    return None if path is None else os.fsencode(path)


def now() -> str:
    """This moment, as the ledger holds moments."""
    return datetime.now(UTC).isoformat()
