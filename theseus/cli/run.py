"""`theseus run`: a job here, in this process, without dispatching it."""

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter
from returns.pipeline import is_successful
from returns.result import Result

from theseus.base.job import valid_name
from theseus.cli.flags import List
from theseus.cli.invoke import say
from theseus.cli.report import report
from theseus.core.errors import PlanError
from theseus.core.request.request import AskedByFlags
from theseus.effects.reading.reading import (
    JobSearch,
    Names,
    asked_hardware,
    check_names,
    find_job,
    here,
    read_job_config,
)
from theseus.effects.submit.local_run import LocalRun, run_here


def run(
    name: str,
    config: str,
    out: str,
    /,
    *overrides: str,
    job: Annotated[str | None, Parameter(name=("--job", "-j"))] = None,
    load: Annotated[tuple[str, ...], List] = (),
) -> int:
    """Run a job here, in this process, without dispatching it.

    Safe promotion: try it with few tokens here, then submit the same file.

    Parameters
    ----------
    name
        Name of the run.
    config
        Job config (YAML).
    out
        Directory for checkpoints and results; a run started again there goes on.
    overrides
        key=value for the job config; +key=value adds a key.
    job
        Key of the job (default: `job:` of the job config).
    load
        Module whose jobs are known too (repeat for more).
    """
    asked: Result[LocalRun, PlanError] = Result.do(
        LocalRun(names, found, file.values, Path(out), start, load, request.n_shards)
        for start in here()
        for names in check_names(Names(name), "local" if valid_name(start.name) else start.name)
        for file in read_job_config(config, overrides)
        for found in find_job(file, job, JobSearch(start, load))
        for request in asked_hardware(AskedByFlags(), file, ())
    )
    ended = asked.bind(run_here)
    if not is_successful(ended):
        return report(ended.failure())
    if ended.unwrap() == 0:
        say(f"done; results: {Path(out) / 'results'}")
    return ended.unwrap()
