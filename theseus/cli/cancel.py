"""`theseus cancel`: end runs for good."""

import asyncio

from returns.iterables import Fold
from returns.pipeline import is_successful
from returns.result import Result, Success

from theseus.cli.invoke import DONE, FAILED, UNREACHABLE, say
from theseus.cli.report import report
from theseus.cli.run_words import find_runs
from theseus.core.cancel import Cancellation, explain_cancellation, holds
from theseus.core.errors import PlanError, explain
from theseus.core.outcome import HostUnreachable
from theseus.core.plan import Plan
from theseus.effects.cancel import cancel_all


def cancel(run: str, /, *more: str) -> int:
    """End runs for good: told to stop, killed after their grace, and seen to be gone.

    A run that was cancelled before, or has ended, is left as it is.

    Parameters
    ----------
    run
        Run id, a part of one, or a name: the newest run of it, or all runs of a sweep.
    more
        More runs.
    """
    planned: Result[tuple[Plan, ...], PlanError] = find_runs((run, *more)).bind(
        lambda entries: Fold.collect([entry.plan for entry in entries], Success(()))
    )
    if not is_successful(planned):
        return report(planned.failure())
    plans = planned.unwrap()
    return max(_said(plan, answer) for plan, answer in asyncio.run(cancel_all(plans)))


def _said(plan: Plan, answer: Cancellation | HostUnreachable) -> int:
    """Say what became of the run; the exit status for it."""
    run = f"{plan.run.id} ({plan.run.name})"
    if isinstance(answer, HostUnreachable):
        say(f"run {run} was not cancelled: {explain(answer)}")
        return UNREACHABLE
    say(explain_cancellation(run, plan.target.host, answer))
    return DONE if holds(answer) else FAILED
