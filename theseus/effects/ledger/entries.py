"""Entries: what the ledger remembers of runs, by the words that people have for them."""

import json
import os
import sqlite3
from collections.abc import Mapping
from datetime import datetime
from typing import Final

from attrs import field
from returns.result import Result

from theseus.core.errors import PlanError, PlanUnusable, Unreadable
from theseus.core.plan.codec import read_plan
from theseus.core.plan.plan import Plan
from theseus.core.request.run_words import Known, meant, meant_all
from theseus.core.runs.run_state import RunState, read_state, state_data
from theseus.core.submit.submission import Accepted, Submission
from theseus.core.values import frozen
from theseus.effects.ledger.ledger import Ledger, attempted, now, submission_in
from theseus.effects.ledger.ledger_file import reading, transaction

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


def find_entry(ledger: Ledger, word: str) -> Result[LedgerEntry, PlanError]:
    """The run that *word* means: its id or a part of it, or a name, the newest run of it."""

    def look() -> Result[LedgerEntry, PlanError]:
        with reading(ledger.path) as connection:
            found = meant(word, _known(connection))
            return found.map(lambda run_id: _entry(_row(connection, run_id)))

    entry: Result[LedgerEntry, PlanError] = Result.do(
        entry for found in attempted(look) for entry in found
    )
    return entry


def find_entries(ledger: Ledger, word: str) -> Result[tuple[LedgerEntry, ...], PlanError]:
    """The runs that *word* means: one, or all of the sweep with that name."""

    def look() -> Result[tuple[LedgerEntry, ...], PlanError]:
        with reading(ledger.path) as connection:
            found = meant_all(word, _known(connection))
            return found.map(lambda ids: tuple(_entry(_row(connection, run_id)) for run_id in ids))

    entries: Result[tuple[LedgerEntry, ...], PlanError] = Result.do(
        entry for found in attempted(look) for entry in found
    )
    return entries


def all_entries(ledger: Ledger) -> Result[tuple[LedgerEntry, ...], Unreadable]:
    """All runs, the newest first."""

    def look() -> tuple[LedgerEntry, ...]:
        with reading(ledger.path) as connection:
            rows = connection.execute(f"SELECT * FROM runs {_NEWEST_FIRST}")  # noqa: S608  what is put in is a constant of this module
            return tuple(_entry(row) for row in rows)

    return attempted(look)


def note_states(ledger: Ledger, states: Mapping[str, RunState]) -> Result[None, Unreadable]:
    """Keep the *states* of runs, by id, as they were just now told by their hosts."""
    rows = [(json.dumps(state_data(state)), now(), run) for run, state in states.items()]

    def write() -> None:
        with transaction(ledger.path) as connection:
            connection.executemany("UPDATE runs SET state = ?, seen_at = ? WHERE run_id = ?", rows)

    return attempted(write)


def _known(connection: sqlite3.Connection) -> list[Known]:
    """All runs, the newest first."""
    rows = connection.execute(f"SELECT run_id, name, submitted_at FROM runs {_NEWEST_FIRST}")  # noqa: S608  what is put in is a constant of this module
    return [Known(run, name, datetime.fromisoformat(at).timestamp()) for run, name, at in rows]


def _row(connection: sqlite3.Connection, run_id: str) -> sqlite3.Row:
    row: sqlite3.Row = connection.execute(
        "SELECT * FROM runs WHERE run_id = ?", (run_id,)
    ).fetchone()
    return row


def _entry(row: sqlite3.Row) -> LedgerEntry:
    return LedgerEntry(
        run_id=row["run_id"],
        name=row["name"],
        submitted_at=datetime.fromisoformat(row["submitted_at"]),
        config=None if row["config"] is None else os.fsdecode(row["config"]),
        submission=submission_in(row["submission"], row["detail"]),
        plan_text=row["plan"],
        state=None if row["state"] is None else read_state(json.loads(row["state"])),
        seen_at=None if row["seen_at"] is None else datetime.fromisoformat(row["seen_at"]),
    )
