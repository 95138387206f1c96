"""Recover: looks whether a run was submitted whose answer never came, and remembers it."""

from returns.result import Failure, Result, Success

from theseus.core.errors import PlanError, SubmissionUnknown
from theseus.core.outcome import HostUnreachable
from theseus.core.plan import Plan
from theseus.core.recovery import NeverSubmitted, NotKnown, Recovery, WasSubmitted, recovery_of
from theseus.core.run_state import Unreachable
from theseus.core.submission import Accepted, Rejected
from theseus.effects.ledger import Ledger
from theseus.effects.reach import alias_of, shells
from theseus.effects.sighting import look


async def recover(ledger: Ledger, plan: Plan) -> Result[Recovery, PlanError]:
    """What is to be found of the submission of *plan*; a host that is out of reach is a failure."""
    async with shells(alias_of(plan.target)) as open_shell:
        seen = (await look(open_shell, [plan]))[plan.run.id]
    if isinstance(seen, Unreachable):
        advice = "nothing is known of the run before it answers: try again"
        return Failure(HostUnreachable(plan.target.host, seen.detail, advice))
    found = recovery_of(seen)
    match found:
        case WasSubmitted(answer):
            ledger.settle(plan.run.id, Accepted(answer))
        case NeverSubmitted(evidence):
            ledger.settle(plan.run.id, Rejected(f"it was never submitted: {evidence}"))
        case NotKnown(reason):
            host, run_dir = plan.target.host, plan.paths.run
            return Failure(SubmissionUnknown(plan.run.id, host, reason, run_dir))
    return Success(found)
