"""Start: what is said about a run that was started, and following it to its end."""

import sys
from typing import TYPE_CHECKING

from theseus.cli.invoke import DONE, say
from theseus.core.text.json_text import json_text

if TYPE_CHECKING:
    from theseus.core.plan.plan import Plan
    from theseus.core.submit.submitted import Submitted


def announce(plan: "Plan") -> None:
    """Say where a run goes before it is sent there."""
    for note in plan.notes:
        say(note)
    chosen = [line.reason for line in plan.trace if line.host == plan.target.host]
    why = f": {chosen[-1]}" if chosen else ""
    say(f"run {plan.run.id} goes to {plan.target.host}{why}")


def finish(submitted: "Submitted", *, follow: bool, json: bool) -> int:
    """Say what was started; with *follow*, stay until it ends and take its exit status."""
    plan = submitted.plan
    say(f"run {plan.run.id} {_state(submitted)}; log: {plan.paths.log}")
    if json:
        sys.stdout.write(json_text(description(submitted)))
    return _followed(plan) if follow else DONE


# a plan alone says nothing of runs that were started, and does without what waits for them
def _followed(plan: "Plan") -> int:
    from theseus.cli.watching import watch  # noqa: PLC0415  for --follow alone
    from theseus.effects.runs.follow import Wanted  # noqa: PLC0415  for --follow alone

    return watch(plan, Wanted())


def _state(submitted: "Submitted") -> str:
    """What is known of the run by the answer to its submission."""
    plan = submitted.plan
    host = plan.target.host
    if submitted.again:
        return f"was submitted before on {host}"
    from theseus.core.plan.again import awaited_run  # noqa: PLC0415  imported with what plans

    if (awaited := awaited_run(plan)) is not None:
        return f"starts on {host} when run {awaited} has completed"
    if plan.target.type == "slurm":
        return f"submitted to {host}"
    return f"waits for its turn on {host}" if submitted.queued else f"started on {host}"


def description(submitted: "Submitted") -> dict[str, object]:
    """What --json says of a run that was started."""
    plan = submitted.plan
    return {
        "run": plan.run.id,
        "host": plan.target.host,
        "answer": submitted.answer.strip(),
        "again": submitted.again,
        "gpus": list(submitted.gpus),
        "queued": submitted.queued,
        "log": plan.paths.log,
        "work": plan.paths.work,
        "results": plan.paths.results,
        "checkpoints": plan.paths.checkpoints,
    }
