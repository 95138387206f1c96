"""`theseus recover`: finds out whether a run was submitted whose answer never came."""

import asyncio
from typing import Annotated

from returns.pipeline import is_successful
from returns.result import Result

from theseus.cli.flags import Switch
from theseus.cli.invoke import DONE, FAILED, say
from theseus.cli.report import report
from theseus.cli.run_words import RunWord, find_run
from theseus.cli.start import announce, finish
from theseus.core.errors import PlanError
from theseus.core.plan.plan import Plan
from theseus.core.runs.recovery import NeverSubmitted, WasSubmitted
from theseus.effects.ledger.ledger import Ledger
from theseus.effects.reading.reading import here
from theseus.effects.runs.recover import recover as look_for
from theseus.effects.submit import submission
from theseus.effects.submit.witness import Witness


def recover(run: RunWord, /, *, submit: Annotated[bool, Switch] = False) -> int:
    """Find out whether a run was submitted whose answer never came.

    Its directory, its process or SLURM's jobs are looked at. The exit status is 0 when it was
    submitted, 1 when it was not, 5 when that cannot be told yet.

    Parameters
    ----------
    run
        Run id, a part of one, or a name: the newest run of it.
    submit
        Submit the run, by its plan as it was made, when it was not.
    """
    asked: Result[tuple[Ledger, Plan], PlanError] = Result.do(
        (ledger, plan) for ledger in Ledger.open() for entry in find_run(run) for plan in entry.plan
    )
    if not is_successful(asked):
        return report(asked.failure())
    ledger, plan = asked.unwrap()
    looked = asyncio.run(look_for(ledger, plan))
    if not is_successful(looked):
        return report(looked.failure())
    match looked.unwrap():
        case WasSubmitted(answer):
            say(f"run {plan.run.id} was submitted to {plan.target.host}: {answer}")
            return DONE
        case NeverSubmitted(evidence) if not submit:
            again = f"`theseus recover {plan.run.id} --submit` submits it"
            say(f"run {plan.run.id} was never submitted to {plan.target.host}: {evidence}; {again}")
            return FAILED
        case _:
            return _submit(plan)


def _submit(plan: Plan) -> int:
    start = here()
    if not is_successful(start):
        return report(start.failure())
    announce(plan)
    submitted = asyncio.run(submission.apply(plan, start.unwrap(), Witness(say)))
    if not is_successful(submitted):
        return report(submitted.failure())
    return finish(submitted.unwrap(), follow=False, json=False)
