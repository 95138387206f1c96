"""`theseus apply`: perform a saved plan."""

import asyncio
from typing import Annotated

from returns.pipeline import is_successful

from theseus.cli.flags import Switch
from theseus.cli.recording import recordable, recording
from theseus.cli.report import report
from theseus.cli.start import announce, finish
from theseus.effects.reading.plan_files import load_plan
from theseus.effects.reading.reading import here
from theseus.effects.submit import submission


def apply(
    plan: str,
    /,
    *,
    force: Annotated[bool, Switch] = False,
    follow: Annotated[bool, Switch] = False,
    json: Annotated[bool, Switch] = False,
    record: str | None = None,
) -> int:
    """Perform a saved plan. The target is asked again first; applying twice starts one run.

    Parameters
    ----------
    plan
        Plan file, as `theseus plan -o` wrote it.
    force
        Perform it even when the target has changed since.
    follow
        Show the log until the run ends; the exit status is then the job's.
    json
        Print what was started as JSON.
    record
        Keep what the host answered to each step in a file, for `theseus replay` and bug reports.
    """
    loaded = recordable(record).bind(lambda _: load_plan(plan))
    if not is_successful(loaded):
        return report(loaded.failure())
    start = here()
    if not is_successful(start):
        return report(start.failure())
    made = loaded.unwrap()
    announce(made)
    perform = submission.apply_unchecked if force else submission.apply
    with recording(record) as witness:
        submitted = asyncio.run(perform(made, start.unwrap(), witness()))
    if not is_successful(submitted):
        return report(submitted.failure())
    return finish(submitted.unwrap(), follow=follow, json=json)
