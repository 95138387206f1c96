"""`theseus cancel`: end runs for good."""

import asyncio

from returns.iterables import Fold
from returns.pipeline import is_successful
from returns.result import Result, Success

from theseus.cli.invoke import DONE, FAILED, say
from theseus.cli.report import exit_status, report
from theseus.cli.run_words import find_runs
from theseus.core.error_text import explain
from theseus.core.errors import PlanError
from theseus.core.plan.plan import Plan
from theseus.core.runs.cancel import Cancellation, explain_cancellation, holds
from theseus.effects.ledger.ledger import Ledger
from theseus.effects.runs.cancel import Answer, cancel_all
from theseus.effects.runs.live import KnownRun


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
    asked: Result[tuple[Ledger, tuple[KnownRun, ...]], PlanError] = Result.do(
        (ledger, runs)
        for ledger in Ledger.open()
        for entries in find_runs((run, *more))
        for runs in Fold.collect([KnownRun.of(entry) for entry in entries], Success(()))
    )
    if not is_successful(asked):
        return report(asked.failure())
    answers = asyncio.run(cancel_all(*asked.unwrap()))
    return max(_said(plan, answer) for plan, answer in answers)


def _said(plan: Plan, answer: Answer) -> int:
    """Say what became of the run; the exit status for it."""
    run = f"{plan.run.id} ({plan.run.name})"
    if isinstance(answer, Cancellation):
        say(explain_cancellation(run, plan.target.host, answer))
        return DONE if holds(answer) else FAILED
    say(f"run {run} was not cancelled: {explain(answer)}")
    return exit_status(answer)
