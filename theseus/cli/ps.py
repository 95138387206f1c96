"""`theseus ps`: runs and how they are now."""

import asyncio
import os
import shutil
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Annotated

from cyclopts import Parameter
from returns.pipeline import is_successful
from returns.result import Failure, Result, Success

from theseus.cli.flags import List, Switch
from theseus.cli.invoke import DONE, UNREACHABLE, say
from theseus.cli.report import report
from theseus.cli.run_words import find_runs
from theseus.core.config.decode import nearest_or_all
from theseus.core.error_text import explain
from theseus.core.errors import BadInput, PlanError
from theseus.core.request.request import BadFlag
from theseus.core.runs.run_state import (
    STATE_NAMES,
    RunState,
    Unreachable,
    is_over,
    is_resting,
    state_name,
)
from theseus.core.runs.runs_table import RunRow, render_runs, run_data
from theseus.core.text.json_text import json_text
from theseus.core.text.quantity import count
from theseus.core.values import frozen
from theseus.effects.ledger.entries import LedgerEntry, all_entries
from theseus.effects.ledger.ledger import Ledger
from theseus.effects.perform.reach import KeptShells
from theseus.effects.reading.load import config_path, load_config
from theseus.effects.runs.live import KnownRun, known_runs, live_states, ways_to
from theseus.effects.runs.rescan import rescan as look_for_runs
from theseus.effects.runs.wait import Pace

_CLEAR = "\x1b[2J\x1b[H"


@Parameter(name="*")
@dataclass(frozen=True)
class Only:
    """Which runs are shown.

    Parameters
    ----------
    all
        All runs that are known.
    project
        Only runs of this project.
    group
        Only runs of this group.
    host
        Only runs on this host.
    state
        Only runs in this state, such as running (repeat for more).
    """

    all: Annotated[bool, Switch] = False
    project: Annotated[str | None, Parameter(name=("--project", "-p"))] = None
    group: Annotated[str | None, Parameter(name=("--group", "-g"))] = None
    host: str | None = None
    state: Annotated[tuple[str, ...], List] = ()

    def admits(self, known: KnownRun, now: datetime) -> bool:
        """Whether a run is shown, as far as that can be told without asking its host."""
        run, host = known.plan.run, known.plan.target.host
        pairs = ((self.project, run.project), (self.group, run.group), (self.host, host))
        named = all(wanted in {None, found} for wanted, found in pairs)
        return named and (self.all or known.is_recent(now))


def ps(
    *runs: str,
    json: Annotated[bool, Switch] = False,
    watch: Annotated[bool, Switch] = False,
    rescan: Annotated[bool, Switch] = False,
    dispatch_config: Annotated[str | None, Parameter(name=("--dispatch-config", "-d"))] = None,
    only: Only = Only(),
) -> int:
    """Show the runs that have not ended, or ended within a day, and how they are now.

    Every host with such a run is asked once, all at the same time.

    Parameters
    ----------
    runs
        Only these runs, however old: ids, parts of them, names of runs or sweeps (default: all).
    json
        Print the rows as JSON.
    watch
        Ask again every 15 seconds, less often while nothing changes, until all runs have ended.
    rescan
        First look on every host of the dispatch config for runs of yours that are not known here.
    dispatch_config
        Dispatch config for --rescan (default: ~/.theseus.yaml).
    """
    opened: Result[Ledger, PlanError] = Result.do(
        ledger
        for _ in _checked(only, json=json, watch=watch)
        for ledger in Ledger.open()
        for _ in (_rescan(ledger, dispatch_config) if rescan else Success(None))
    )
    if not is_successful(opened):
        return report(opened.failure())
    view = View(opened.unwrap(), runs, only)
    if watch:
        return asyncio.run(watch_runs(view, Pace()))
    looked = asyncio.run(_look_once(view))
    if not is_successful(looked):
        return report(looked.failure())
    rows = looked.unwrap()
    sys.stdout.write(json_text([run_data(row) for row in rows]) if json else _table(rows))
    if not rows and not json:
        of_all = only.all or runs
        say("no such run" if of_all else "no such run of the last day; `--all` shows older ones")
    return _status(rows)


def _rescan(ledger: Ledger, path: str | None) -> Result[None, PlanError]:
    """Bring runs that are found on hosts into *ledger*, and say how many."""
    loaded = load_config(path)
    if not is_successful(loaded):
        return Failure(loaded.failure())
    for host, found in asyncio.run(look_for_runs(loaded.unwrap())).items():
        if isinstance(found, Unreachable):
            say(f"{host}: {found.detail}")
            continue
        adopted = ledger.adopt(found, config_path(path))
        if not is_successful(adopted):
            return Failure(adopted.failure())
        say(f"{host}: {count(len(found), 'run')} found, {adopted.unwrap()} not known before")
    return Success(None)


@frozen
class View:
    """The runs of a *ledger* that are shown: those that *words* mean, all without any."""

    ledger: Ledger
    words: tuple[str, ...]
    only: Only

    async def look(self, kept: KeptShells) -> Result[tuple[RunRow, ...], PlanError]:
        """Their rows now; hosts are asked by the connections that are *kept*."""
        entries = await asyncio.to_thread(self._entries)
        if not is_successful(entries):
            return Failure(entries.failure())
        now = datetime.now(UTC)
        readable, unreadable = known_runs(entries.unwrap())
        for problem in unreadable:
            say(explain(problem))
        only = replace(self.only, all=self.only.all or bool(self.words))
        runs = [known for known in readable if only.admits(known, now)]
        states = await live_states(await kept.to(ways_to(runs)), self.ledger, runs)
        rows = (_row(known, states, now) for known in runs)
        return Success(
            tuple(row for row in rows if state_name(row.state) in (self.only.state or STATE_NAMES))
        )

    def _entries(self) -> Result[tuple[LedgerEntry, ...], PlanError]:
        if not self.words:
            entries: Result[tuple[LedgerEntry, ...], PlanError] = all_entries(self.ledger)
            return entries
        return find_runs(self.words)


async def _look_once(view: View) -> Result[tuple[RunRow, ...], PlanError]:
    async with KeptShells() as kept:
        return await view.look(kept)


async def watch_runs(view: View, pace: Pace) -> int:
    """Show runs until all of them have ended, more seldom while nothing changes.

    Each host is connected to once for the whole time.
    """
    async with KeptShells() as kept:
        return await _watch(view, pace, kept)


async def _watch(view: View, pace: Pace, kept: KeptShells) -> int:
    pause = pace.shortest
    before: list[tuple[str, RunState]] = []
    while True:
        looked = await view.look(kept)
        if not is_successful(looked):
            return report(looked.failure())
        rows = looked.unwrap()
        _show_again(_table(rows))
        if all(is_resting(row.state) for row in rows):
            return _status(rows)
        states = [(row.plan.run.id, row.state) for row in rows]
        pause = pace.shortest if states != before else min(1.5 * pause, pace.longest)
        before = states
        await asyncio.sleep(pause)


def _checked(only: Only, *, json: bool, watch: bool) -> Result[None, PlanError]:
    """Whether the flags can be used, and go together."""
    problems = [
        BadFlag("--state", f"no run is ever {name!r}{nearest_or_all(name, STATE_NAMES)}")
        for name in only.state
        if name not in STATE_NAMES
    ]
    if json and watch:
        problems.append(BadFlag("--watch", "shows a table again and again: leave out --json"))
    return Failure(BadInput(tuple(problems))) if problems else Success(None)


def _row(known: KnownRun, states: Mapping[str, RunState], now: datetime) -> RunRow:
    entry = known.entry
    return RunRow(
        plan=known.plan,
        state=states[entry.run_id],
        submitted_at=entry.submitted_at.isoformat(timespec="seconds"),
        age=int((now - entry.submitted_at).total_seconds()),
        last=entry.state,
        seen=None if entry.seen_at is None else int((now - entry.seen_at).total_seconds()),
    )


def _table(rows: Sequence[RunRow]) -> str:
    """The table, as wide as the terminal; as it is for another program."""
    width = shutil.get_terminal_size().columns if sys.stdout.isatty() else None
    return f"{render_runs(rows, width)}\n"


def _show_again(text: str) -> None:
    clear = sys.stdout.isatty() and os.environ.get("TERM", "dumb") != "dumb"
    sys.stdout.write(f"{_CLEAR if clear else ''}{text}")
    sys.stdout.flush()


def _status(rows: Sequence[RunRow]) -> int:
    """4 where nobody could be asked of all that had to be."""
    asked = [row.state for row in rows if not is_over(row.state)]
    silent = all(isinstance(state, Unreachable) for state in asked)
    return UNREACHABLE if asked and silent else DONE
