"""`theseus submit`: plan a run and start it."""

import asyncio
from typing import Annotated

from returns.pipeline import is_successful

from theseus.cli.flags import Flags, Switch
from theseus.cli.invoke import say
from theseus.cli.order import read_order
from theseus.cli.report import report
from theseus.cli.start import announce, finish
from theseus.effects.submission import submit as submit_order


def submit(
    name: str,
    config: str,
    /,
    *overrides: str,
    follow: Annotated[bool, Switch] = False,
    json: Annotated[bool, Switch] = False,
    flags: Flags = Flags(),  # noqa: B008  frozen
) -> int:
    """Plan a run and start it. Never prompts.

    Parameters
    ----------
    name
        Name of the run.
    config
        Job config (YAML).
    overrides
        key=value for the job config; +key=value adds a key.
    follow
        Show the log until the run ends; the exit status is then the job's.
    json
        Print what was started as JSON.
    """
    ordered = read_order(name, config, overrides, flags)
    if not is_successful(ordered):
        return report(ordered.failure())
    submitted = asyncio.run(submit_order(ordered.unwrap(), announce, say))
    if not is_successful(submitted):
        return report(submitted.failure())
    return finish(submitted.unwrap(), follow=follow, json=json)
