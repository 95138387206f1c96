"""Recover: looks whether runs were submitted whose answers never came, and remembers it."""

from collections.abc import Mapping, Sequence
from typing import TypeAlias

from returns.pipeline import is_successful
from returns.result import Failure, Result, Success

from theseus.core.errors import PlanError, SubmissionUnknown
from theseus.core.plan.outcome import HostUnreachable
from theseus.core.plan.plan import Plan
from theseus.core.runs.recovery import NeverSubmitted, NotKnown, WasSubmitted, recovery_of
from theseus.core.runs.run_state import Unreachable
from theseus.core.runs.sighting import Sighting
from theseus.core.submit.submission import Accepted, Rejected
from theseus.effects.ledger.ledger import Ledger
from theseus.effects.perform.reach import shells
from theseus.effects.runs.sighting import aliases_of_plans, look

Found: TypeAlias = Result[WasSubmitted | NeverSubmitted, PlanError]


async def recover(ledger: Ledger, plan: Plan) -> Found:
    """What is to be found of the submission of *plan*; a host that is out of reach is a failure."""
    return (await recover_all(ledger, [plan]))[plan.run.id]


async def recover_all(ledger: Ledger, plans: Sequence[Plan]) -> Mapping[str, Found]:
    """What is to be found of the submissions of *plans*, by the ids of their runs."""
    async with shells(aliases_of_plans(plans)) as open_shell:
        seen = await look(open_shell, plans)
    found = {plan.run.id: _found(plan, seen[plan.run.id]) for plan in plans}
    ledger.settle_all(
        {run: _attempt(known.unwrap()) for run, known in found.items() if is_successful(known)}
    )
    return found


def _found(plan: Plan, seen: Sighting | Unreachable) -> Found:
    host = plan.target.host
    if isinstance(seen, Unreachable):
        advice = "nothing is known of the run before it answers: try again"
        return Failure(HostUnreachable(host, seen.detail, advice))
    match recovery_of(seen):
        case NotKnown(reason):
            return Failure(SubmissionUnknown(plan.run.id, host, reason, plan.paths.run))
        case known:
            return Success(known)


def _attempt(known: WasSubmitted | NeverSubmitted) -> Accepted | Rejected:
    """What the ledger keeps of it."""
    if isinstance(known, WasSubmitted):
        return Accepted(known.answer)
    return Rejected(f"it was never submitted: {known.evidence}")
