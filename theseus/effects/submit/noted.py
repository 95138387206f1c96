"""Noted: a submission that the ledger is told of before and after.

A ledger that cannot be written stops no submission: there is one warning, and it goes on.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager

from returns.pipeline import is_successful
from returns.result import Result

from theseus.core.error_text import explain
from theseus.core.errors import PlanError
from theseus.core.plan.plan import Plan
from theseus.core.submit.submission import Attempt, attempt_of
from theseus.core.submit.submitted import Submitted
from theseus.core.text.quantity import count
from theseus.core.values import frozen
from theseus.effects.ledger.ledger import Ledger

Warn = Callable[[str], object]
Performed = Result[Submitted, PlanError]


@frozen
class Judged:
    """What became of a run, and what the *attempt* tells of its submission."""

    result: Performed
    attempt: Attempt


async def noted(
    plan: Plan, config: str | None, warn: Warn, perform: Callable[[], Awaitable[Performed]]
) -> Performed:
    """What *perform* makes of *plan* of the dispatch config *config*, kept in the ledger."""
    with _told_when_cut_short(warn, f"run {plan.run.id}", plan.run.id):
        begun = await asyncio.to_thread(_begin, (plan,), config)
        if not is_successful(begun):
            problem = explain(begun.failure())
            warn(f"{problem}; the run is sent all the same, but not remembered here")
            return await perform()
        performed = await perform()
    attempt = attempt_of(plan.steps, performed)
    kept = await asyncio.to_thread(begun.unwrap().settle, plan.run.id, attempt)
    if not is_successful(kept):
        warn(f"{explain(kept.failure())}; what became of run {plan.run.id} is not remembered here")
    return performed


async def noted_batch(
    plans: Sequence[Plan],
    config: str | None,
    warn: Warn,
    perform: Callable[[], Awaitable[Mapping[str, Judged]]],
) -> Mapping[str, Judged]:
    """What *perform* makes of each of *plans*, by the id of its run, kept in the ledger."""
    with _told_when_cut_short(warn, f"some of the {count(len(plans), 'run')}", "RUN"):
        begun = await asyncio.to_thread(_begin, plans, config)
        if not is_successful(begun):
            problem = explain(begun.failure())
            warn(f"{problem}; the runs are sent all the same, but not remembered here")
            return await perform()
        judged = await perform()
    attempts = {run_id: each.attempt for run_id, each in judged.items()}
    kept = await asyncio.to_thread(begun.unwrap().settle_all, attempts)
    if not is_successful(kept):
        warn(f"{explain(kept.failure())}; what became of the runs is not remembered here")
    return judged


@contextmanager
def _told_when_cut_short(warn: Warn, runs: str, run: str) -> Iterator[None]:
    """Have the user know, after Ctrl-C, that nobody waited for the answer."""
    try:
        yield
    except asyncio.CancelledError:
        warn(f"{runs} may have been submitted: `theseus recover {run}` finds out")
        raise


def _begin(plans: Sequence[Plan], config: str | None) -> Result[Ledger, PlanError]:
    begun: Result[Ledger, PlanError] = Result.do(
        ledger for ledger in Ledger.open() for _ in ledger.begin_all(plans, config)
    )
    return begun
