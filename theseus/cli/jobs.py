"""`theseus jobs`: the jobs that can be run."""

import sys
from typing import Annotated

from returns.pipeline import is_successful

from theseus.cli.flags import List, Switch
from theseus.cli.invoke import DONE, say
from theseus.cli.report import report
from theseus.core.text.json_text import json_text
from theseus.core.text.table import table
from theseus.effects.reading.jobs import discover
from theseus.effects.reading.reading import here


def jobs(
    *,
    load: Annotated[tuple[str, ...], List] = (),
    json: Annotated[bool, Switch] = False,
) -> int:
    """List the jobs that can be run from here.

    Parameters
    ----------
    load
        Module whose jobs are known too (repeat for more).
    json
        Print them as JSON.
    """
    start = here()
    if not is_successful(start):
        return report(start.failure())
    catalogue = discover(start.unwrap(), load)
    for problem in catalogue.problems:
        say(str(problem))
    entries = sorted(catalogue.entries, key=lambda entry: entry.key)
    if json:
        rows = [{"key": e.key, "module": e.module, "from": e.origin} for e in entries]
        sys.stdout.write(json_text(rows))
    else:
        cells = [(entry.key, entry.module or "-", entry.origin) for entry in entries]
        sys.stdout.write(f"{table(('JOB', 'MODULE', 'FROM'), cells)}\n")
    return DONE
