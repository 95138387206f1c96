"""`theseus resubmit`: a run once more, as a new run."""

import asyncio
from typing import Annotated

from cyclopts import Parameter
from returns.pipeline import is_successful
from returns.result import Result

from theseus.cli.flags import Switch
from theseus.cli.recording import recordable, recording
from theseus.cli.report import report
from theseus.cli.run_words import RunWord, find_run
from theseus.cli.start import announce, finish
from theseus.core.errors import PlanError
from theseus.effects.reading.reading import here
from theseus.effects.submit.planning import Repeat
from theseus.effects.submit.resubmission import read_repeat
from theseus.effects.submit.submission import resubmit as submit_again


def resubmit(
    run: RunWord,
    /,
    *overrides: str,
    dispatch_config: Annotated[str | None, Parameter(name=("--dispatch-config", "-d"))] = None,
    follow: Annotated[bool, Switch] = False,
    json: Annotated[bool, Switch] = False,
    record: str | None = None,
) -> int:
    """Submit a run once more, as a new run: the same inputs, planned anew.

    Source tree, job, job config, request and variables are those of its plan; hosts are asked now.

    Parameters
    ----------
    run
        Run id, a part of one, or a name: the newest run of it.
    overrides
        key=value for the job config; +key=value adds a key.
    dispatch_config
        Dispatch config (default: the one that the run was submitted by).
    follow
        Show the log until the run ends; the exit status is then the job's.
    json
        Print what was started as JSON.
    record
        Keep what the host answered to each step in a file, for `theseus replay` and bug reports.
    """
    repeat: Result[Repeat, PlanError] = Result.do(
        repeat
        for _ in recordable(record)
        for start in here()
        for entry in find_run(run)
        for repeat in read_repeat(entry, overrides, dispatch_config, start)
    )
    if not is_successful(repeat):
        return report(repeat.failure())
    with recording(record) as witness:
        submitted = asyncio.run(submit_again(repeat.unwrap(), announce, witness()))
    if not is_successful(submitted):
        return report(submitted.failure())
    return finish(submitted.unwrap(), follow=follow, json=json)
