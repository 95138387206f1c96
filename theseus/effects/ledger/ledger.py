"""Ledger: every run that was submitted from here, with its plan and what is known of it.

The file is `ledger_file.py`'s. What is known of a submission changes by the rules of
`core/submit/submission.py`, and by nothing else. The ledger is a memory, never the truth: the truth
is on the hosts, and `theseus ps --rescan` makes a ledger from it.
"""

import json
import os
import sqlite3
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Final, TypeVar, assert_never

from attrs import field
from platformdirs import user_state_path
from returns.result import Failure, Result, Success

from theseus.core.errors import PlanError, PlanUnusable, Unreadable
from theseus.core.plan.codec import plan_json, read_plan
from theseus.core.plan.plan import Plan
from theseus.core.request.run_words import Known, meant, meant_all
from theseus.core.runs.run_state import RunState, read_state, state_data
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
from theseus.effects.ledger.ledger_file import LedgerUnusable, prepare, reading, transaction

Value = TypeVar("Value")
_NEWEST_FIRST: Final = "ORDER BY submitted_at DESC, run_id DESC"


@frozen
class LedgerEntry:
    """One run: its names, when and by which dispatch *config* it was submitted, what is known.

    *state* is the last one that its host told, at *seen_at*; None before it was asked.
    """

    run_id: str
    name: str
    submitted_at: datetime
    config: str | None
    submission: Submission
    plan_text: str = field(repr=False)
    state: RunState | None = None
    seen_at: datetime | None = None

    @property
    def plan(self) -> Result[Plan, PlanUnusable]:
        """The plan, decoded now; another theseus may have written it."""
        return read_plan(json.loads(self.plan_text)).alt(
            lambda error: PlanUnusable(f"the plan of run {self.run_id} in the ledger", error)
        )

    @property
    def answer(self) -> str | None:
        """What the host answered: `PID START-TIME BOOT-ID` or `slurm JOB`; None before it has."""
        return self.submission.answer if isinstance(self.submission, Accepted) else None


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
        return _attempted(lambda: prepare(place)).map(lambda _: cls(place))

    def begin(self, plan: Plan, config: str | None = None) -> Result[None, Unreadable]:
        """Keep *plan* before anything of it is sent; *config* is its dispatch config's path."""
        return self.begin_all((plan,), config)

    def begin_all(self, plans: Iterable[Plan], config: str | None) -> Result[None, Unreadable]:
        """Keep all *plans*, or none, before anything of them is sent."""

        def write() -> None:
            with transaction(self.path) as connection:
                at = _now()  # the same for all of a sweep
                for plan in plans:
                    _begin(connection, plan, config, at)

        return _attempted(write)

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

        return _attempted(write)

    def adopt(self, runs: Sequence[FoundRun], config: str) -> Result[int, Unreadable]:
        """Keep runs that were found on hosts of *config*; how many of them were not known."""

        def write() -> int:
            with transaction(self.path) as connection:
                return sum(_adopt(connection, found, config) for found in runs)

        return _attempted(write)

    def note(self, states: Mapping[str, RunState]) -> Result[None, Unreadable]:
        """Keep the *states* of runs, by id, as they were just now told by their hosts."""
        rows = [(json.dumps(state_data(state)), _now(), run) for run, state in states.items()]

        def write() -> None:
            with transaction(self.path) as connection:
                connection.executemany(
                    "UPDATE runs SET state = ?, seen_at = ? WHERE run_id = ?", rows
                )

        return _attempted(write)

    def find(self, word: str) -> Result[LedgerEntry, PlanError]:
        """The run that *word* means: its id or a part of it, or a name, the newest run of it."""

        def look() -> Result[LedgerEntry, PlanError]:
            with reading(self.path) as connection:
                found = meant(word, _known(connection))
                return found.map(lambda run_id: _entry(_row(connection, run_id)))

        entry: Result[LedgerEntry, PlanError] = Result.do(
            entry for found in _attempted(look) for entry in found
        )
        return entry

    def find_all(self, word: str) -> Result[tuple[LedgerEntry, ...], PlanError]:
        """The runs that *word* means: one, or all of the sweep with that name."""

        def look() -> Result[tuple[LedgerEntry, ...], PlanError]:
            with reading(self.path) as connection:
                found = meant_all(word, _known(connection))
                return found.map(
                    lambda ids: tuple(_entry(_row(connection, run_id)) for run_id in ids)
                )

        entries: Result[tuple[LedgerEntry, ...], PlanError] = Result.do(
            entry for found in _attempted(look) for entry in found
        )
        return entries

    def entries(self) -> Result[tuple[LedgerEntry, ...], Unreadable]:
        """All runs, the newest first."""

        def look() -> tuple[LedgerEntry, ...]:
            with reading(self.path) as connection:
                rows = connection.execute(f"SELECT * FROM runs {_NEWEST_FIRST}")  # noqa: S608  what is put in is a constant of this module
                return tuple(_entry(row) for row in rows)

        return _attempted(look)


def _known(connection: sqlite3.Connection) -> list[Known]:
    """All runs, the newest first."""
    rows = connection.execute(f"SELECT run_id, name, submitted_at FROM runs {_NEWEST_FIRST}")  # noqa: S608  what is put in is a constant of this module
    return [Known(run, name, datetime.fromisoformat(at).timestamp()) for run, name, at in rows]


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


def _attempted(act: Callable[[], Value]) -> Result[Value, Unreadable]:
    try:
        return Success(act())
    except LedgerUnusable as unusable:
        return Failure(unusable.error)


def _row(connection: sqlite3.Connection, run_id: str) -> sqlite3.Row:
    row: sqlite3.Row = connection.execute(
        "SELECT * FROM runs WHERE run_id = ?", (run_id,)
    ).fetchone()
    return row


def _submission_of(connection: sqlite3.Connection, run_id: str) -> Submission | None:
    row = connection.execute(
        "SELECT submission, detail FROM runs WHERE run_id = ?", (run_id,)
    ).fetchone()
    return None if row is None else _submission(*row)


def _put_submission(connection: sqlite3.Connection, run_id: str, submission: Submission) -> None:
    connection.execute(
        "UPDATE runs SET submission = ?, detail = ? WHERE run_id = ?",
        (*_columns(submission), run_id),
    )


def _entry(row: sqlite3.Row) -> LedgerEntry:
    return LedgerEntry(
        run_id=row["run_id"],
        name=row["name"],
        submitted_at=datetime.fromisoformat(row["submitted_at"]),
        config=None if row["config"] is None else os.fsdecode(row["config"]),
        submission=_submission(row["submission"], row["detail"]),
        plan_text=row["plan"],
        state=None if row["state"] is None else read_state(json.loads(row["state"])),
        seen_at=None if row["seen_at"] is None else datetime.fromisoformat(row["seen_at"]),
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


def _submission(kind: str, detail: str) -> Submission:
    return _KINDS[kind](detail)


def _storable(text: str) -> str:
    """*text* without the bytes of other encodings that a host may say, which sqlite refuses."""
    return text.encode("utf-8", "backslashreplace").decode()


def _path_bytes(path: str | None) -> bytes | None:
    return None if path is None else os.fsencode(path)


def _now() -> str:
    return datetime.now(UTC).isoformat()
