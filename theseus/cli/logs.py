"""`theseus logs`: what a run has printed, and what it prints until its end."""

from typing import Annotated

from cyclopts import Parameter
from returns.pipeline import is_successful
from returns.result import Failure, Result, Success

from theseus.cli.flags import Switch, Whole
from theseus.cli.report import report
from theseus.cli.run_words import RunWord, find_run
from theseus.cli.watching import watch
from theseus.core.errors import BadInput, PlanError
from theseus.core.plan import Plan
from theseus.core.request import BadFlag
from theseus.effects.follow import Wanted


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
        Run id, a part of one, or a name: the newest run of it.
    follow
        Stay until the run ends; the exit status is then the job's.
    lines
        Only the last lines of what is there (default: all).
    """
    planned: Result[Plan, PlanError] = _counted(lines).bind(
        lambda _: find_run(run).bind(lambda entry: entry.plan)
    )
    if not is_successful(planned):
        return report(planned.failure())
    return watch(planned.unwrap(), Wanted(lines=lines, stay=follow))


def _counted(lines: int | None) -> Result[None, PlanError]:
    if lines is not None and lines < 0:
        return Failure(BadInput((BadFlag("--lines", f"expected 0 or more, got {lines}"),)))
    return Success(None)
