"""`theseus explain`: how the host of a run was chosen, as it was decided then."""

import sys
from typing import Annotated

from returns.pipeline import is_successful
from returns.result import Result

from theseus.cli.flags import Switch
from theseus.cli.invoke import DONE, say
from theseus.cli.report import report
from theseus.cli.run_words import RunWord, find_run
from theseus.core.errors import PlanError
from theseus.core.plan.codec import plan_data
from theseus.core.plan.plan import Plan
from theseus.core.plan.render import render_trace
from theseus.core.text.json_text import json_text


def explain(run: RunWord, /, *, json: Annotated[bool, Switch] = False) -> int:
    """Show how the host of a run was chosen: each host with verdict and numbers, as of then.

    Parameters
    ----------
    run
        Run id, a part of one, or a name: the newest run of it.
    json
        Print the trace as JSON, as it is in the plan.
    """
    planned: Result[Plan, PlanError] = find_run(run).bind(lambda entry: entry.plan)
    if not is_successful(planned):
        return report(planned.failure())
    plan = planned.unwrap()
    for note in plan.notes:
        say(note)
    text = json_text(plan_data(plan)["trace"]) if json else f"{render_trace(plan.trace)}\n"
    sys.stdout.write(text)
    return DONE
