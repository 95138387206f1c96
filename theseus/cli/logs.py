"""`theseus logs`: what a run has printed, and what it prints until its end."""

import sys
from typing import Annotated

from cyclopts import Parameter
from returns.iterables import Fold
from returns.pipeline import is_successful
from returns.result import Failure, Result, Success

from theseus.cli.flags import Switch, Whole
from theseus.cli.report import report
from theseus.cli.run_words import RunWord, find_runs
from theseus.cli.watching import watch
from theseus.core.errors import BadInput, PlanError
from theseus.core.plan.plan import Plan
from theseus.core.request.request import BadFlag
from theseus.effects.runs.follow import Wanted


def logs(
    run: RunWord,
    /,
    *,
    follow: Annotated[bool, Parameter(name=("--follow", "-f")), Switch] = False,
    lines: Annotated[int | None, Parameter(name=("--lines", "-n")), Whole] = None,
) -> int:
    """Print the log of a run, whichever nodes it ran on and however often it was started.

    Of a run that has not begun it says why, and what to do.

    Parameters
    ----------
    run
        Run id, a part of one, or a name: the newest run of it, or all runs of a sweep in turn.
    follow
        Stay until the run ends; the exit status is then the job's.
    lines
        Only the last lines of what is there (default: all).
    """
    planned: Result[tuple[Plan, ...], PlanError] = Result.do(
        plans
        for _ in _counted(lines)
        for entries in find_runs((run,))
        for _ in _one_to_follow(run, len(entries) if follow else 1)
        for plans in Fold.collect([entry.plan for entry in entries], Success(()))
    )
    if not is_successful(planned):
        return report(planned.failure())
    wanted = Wanted(lines=lines, stay=follow)
    match planned.unwrap():
        case (plan,):
            return watch(plan, wanted)
        case plans:
            return max(_headed(plan, wanted) for plan in plans)


def _headed(plan: Plan, wanted: Wanted) -> int:
    """Show the log of one of several runs below its name."""
    sys.stdout.write(f"==> {plan.run.name} ({plan.run.id}) <==\n")
    sys.stdout.flush()  # what follows is written past this buffer
    return watch(plan, wanted)


def _one_to_follow(run: str, number: int) -> Result[None, PlanError]:
    if number > 1:
        message = f"{run} is a sweep of {number} runs: name the one to follow, such as {run}-0"
        return Failure(BadInput((BadFlag("--follow", message),)))
    return Success(None)


def _counted(lines: int | None) -> Result[None, PlanError]:
    if lines is not None and lines < 0:
        return Failure(BadInput((BadFlag("--lines", f"expected 0 or more, got {lines}"),)))
    return Success(None)
