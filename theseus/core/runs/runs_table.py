"""The table of runs: what is known of each, in rows for people and programs."""

from collections.abc import Sequence
from typing import Any, Final

from theseus.core.plan.plan import Plan
from theseus.core.runs.run_state import Failed, RunState, Unreachable, state_data, state_name
from theseus.core.text.table import table
from theseus.core.values import frozen

_HEAD: Final = ("RUN", "NAME", "HOST", "CHIPS", "STATE", "AGE", "DETAIL")
_LONGEST_NAME: Final = 16  # of a column that is cut to a terminal's width
_UNITS: Final = ((86400, "d"), (3600, "h"), (60, "m"))


@frozen
class RunRow:
    """One run: its *plan*, how it is, and when it was submitted.

    *last* is what was known of a run that cannot be asked now, and *seen* how many seconds ago.
    """

    plan: Plan
    state: RunState
    submitted_at: str
    age: int
    last: RunState | None = None
    seen: int | None = None


def age_text(seconds: int) -> str:
    """*seconds* in its largest unit.

    >>> age_text(59), age_text(7300)
    ('59s', '2h')
    """
    unit, name = next(((unit, name) for unit, name in _UNITS if abs(seconds) >= unit), (1, "s"))
    return f"{seconds // unit}{name}"


def render_runs(rows: Sequence[RunRow], width: int | None) -> str:
    """*rows* as a table, cut to *width* columns; not cut at all for None."""
    cells = [_cells(row) for row in rows]
    if width is None:
        return table(_HEAD, cells)
    short = [(run, _cut(name, _LONGEST_NAME), *rest) for run, name, *rest in cells]
    return "\n".join(_cut(line, width) for line in table(_HEAD, short).splitlines())


def run_data(row: RunRow) -> dict[str, Any]:
    """*row* as plain data."""
    plan, allocation = row.plan, row.plan.allocation
    return {
        "run": plan.run.id,
        "name": plan.run.name,
        "project": plan.run.project,
        "group": plan.run.group,
        "job": plan.run.job,
        "host": plan.target.host,
        "cluster": plan.target.cluster,
        "partition": plan.target.partition,
        "chip": allocation.chip,
        "chips": allocation.total_chips,
        "submitted_at": row.submitted_at,
        **state_data(row.state),
        "last": None if row.last is None else state_data(row.last),
        "log": plan.paths.log,
        "work": plan.paths.work,
        "results": plan.paths.results,
        "checkpoints": plan.paths.checkpoints,
    }


def _cells(row: RunRow) -> tuple[str, ...]:
    run, allocation = row.plan.run, row.plan.allocation
    kind = allocation.chip or "chip"
    chips = f"{allocation.total_chips} x {kind}" if allocation.total_chips else "-"
    host = row.plan.target.host
    return run.id, run.name, host, chips, state_name(row.state), age_text(row.age), _detail(row)


def _detail(row: RunRow) -> str:
    said = row.state.detail
    match row.state:
        case Failed(_, _, int() as status):
            return f"exit status {status}; {said}" if said else f"exit status {status}"
        case Unreachable() if row.last is not None and row.seen is not None:
            return f"{state_name(row.last)} {age_text(row.seen)} ago; {said}"
        case _:
            return said


def _cut(text: str, width: int) -> str:
    return text if len(text) <= width else f"{text[: width - 1]}…"
