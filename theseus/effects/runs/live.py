"""Live: the runs of the ledger as they are now, as far as their hosts tell.

What is told is kept in the ledger; what is over is not asked again.
"""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta

from returns.pipeline import is_successful
from returns.result import Result

from theseus.core.errors import PlanUnusable
from theseus.core.plan.plan import Plan
from theseus.core.runs.run_state import (
    Rejected,
    RunState,
    Unreachable,
    is_over,
    is_resting,
    state_of,
)
from theseus.core.runs.sighting import Sighting
from theseus.core.submit import submission
from theseus.core.values import frozen
from theseus.effects.hosts.shells import OpenShell
from theseus.effects.ledger.entries import LedgerEntry, note_states
from theseus.effects.ledger.ledger import Ledger
from theseus.effects.perform.reach import Aliases
from theseus.effects.runs.sighting import DEADLINE, aliases_of_plans, look

RECENT = timedelta(days=1)


@frozen
class KnownRun:
    """A run of the ledger with its plan, which this theseus can read."""

    entry: LedgerEntry
    plan: Plan

    @classmethod
    def of(cls, entry: LedgerEntry) -> "Result[KnownRun, PlanUnusable]":
        """The run of *entry*, or what keeps its plan from being read."""
        return entry.plan.map(lambda plan: cls(entry, plan))

    @property
    def settled(self) -> RunState | None:
        """Its state where its host need not be asked any more."""
        if isinstance(self.entry.submission, submission.Rejected):
            return Rejected(self.entry.submission.reason)
        state = self.entry.state
        return state if state is not None and is_over(state) else None

    def is_recent(self, now: datetime) -> bool:
        """Whether it goes on, or rests for less than a day."""
        state = self.settled or self.entry.state
        if isinstance(state, Rejected):
            return now - self.entry.submitted_at < RECENT
        if state is None or not is_resting(state):
            return True
        since = _ended_at(state) or self.entry.seen_at or self.entry.submitted_at
        return now - since < RECENT


def known_runs(
    entries: Sequence[LedgerEntry],
) -> tuple[tuple[KnownRun, ...], tuple[PlanUnusable, ...]]:
    """The runs of *entries*, and what keeps others from being read."""
    known = [KnownRun.of(entry) for entry in entries]
    return (
        tuple(run.unwrap() for run in known if is_successful(run)),
        tuple(run.failure() for run in known if not is_successful(run)),
    )


def ways_to(runs: Sequence[KnownRun]) -> Aliases:
    """How the hosts are reached that have to be asked about *runs*."""
    return aliases_of_plans([run.plan for run in runs if run.settled is None])


async def live_states(
    open_shell: OpenShell, ledger: Ledger, runs: Sequence[KnownRun], deadline: float = DEADLINE
) -> Mapping[str, RunState]:
    """The state of each of *runs* now, by its id; only hosts that have to be are asked."""
    asked = [run for run in runs if run.settled is None]
    seen = await look(open_shell, [run.plan for run in asked], deadline)
    told = {
        run.entry.run_id: state_of(run.entry.submission, seen[run.entry.run_id]) for run in asked
    }
    _keep(ledger, [run.entry for run in asked], seen, told)
    return {run.entry.run_id: run.settled or told[run.entry.run_id] for run in runs}


def _keep(
    ledger: Ledger,
    entries: Sequence[LedgerEntry],
    seen: Mapping[str, Sighting | Unreachable],
    told: Mapping[str, RunState],
) -> None:
    """Keep what was told. A ledger that cannot be written is no reason to show nothing."""
    answers = {
        entry.run_id: submission.Accepted(sighting.answer)
        for entry in entries
        if isinstance(sighting := seen[entry.run_id], Sighting)
        and sighting.answer is not None
        and entry.answer is None
    }
    states = {
        entry.run_id: told[entry.run_id] for entry in entries if _is_news(entry, told[entry.run_id])
    }
    if answers:
        ledger.settle_all(answers)
    if states:
        note_states(ledger, states)


def _is_news(entry: LedgerEntry, state: RunState) -> bool:
    """Whether *state* is to be kept; of a run that rests, the time it was first seen so stays."""
    if isinstance(state, Unreachable):
        return False
    return not (is_resting(state) and state == entry.state)


def _ended_at(state: RunState) -> datetime | None:
    text = getattr(state, "ended_at", None)
    try:
        return None if text is None else datetime.fromisoformat(text).astimezone(UTC)
    except ValueError:
        return None
