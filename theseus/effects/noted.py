"""Noted: a submission that the ledger is told of before and after.

A ledger that cannot be written stops no submission: there is one warning, and it goes on.
"""

import asyncio
from collections.abc import Awaitable, Callable

from returns.pipeline import is_successful
from returns.result import Result

from theseus.core.errors import PlanError, explain
from theseus.core.plan import Plan
from theseus.core.submission import attempt_of
from theseus.core.submitted import Submitted
from theseus.effects.ledger import Ledger

Warn = Callable[[str], object]
Performed = Result[Submitted, PlanError]


async def noted(
    plan: Plan, config: str | None, warn: Warn, perform: Callable[[], Awaitable[Performed]]
) -> Performed:
    """What *perform* makes of *plan* of the dispatch config *config*, kept in the ledger."""
    begun = await asyncio.to_thread(_begin, plan, config)
    if not is_successful(begun):
        warn(f"{explain(begun.failure())}; the run is sent all the same, but not remembered here")
        return await perform()
    performed = await perform()
    attempt = attempt_of(plan, performed)
    kept = await asyncio.to_thread(begun.unwrap().settle, plan.run.id, attempt)
    if not is_successful(kept):
        warn(f"{explain(kept.failure())}; what became of run {plan.run.id} is not remembered here")
    return performed


def _begin(plan: Plan, config: str | None) -> Result[Ledger, PlanError]:
    begun: Result[Ledger, PlanError] = Result.do(
        ledger for ledger in Ledger.open() for _ in ledger.begin(plan, config)
    )
    return begun
