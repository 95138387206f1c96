"""Start: what is said about a run that was started, and following it to its end."""

import asyncio
import sys

from theseus.cli.invoke import DONE, FAILED, INTERRUPTED, UNREACHABLE, say
from theseus.core.errors import explain
from theseus.core.job_end import explain_end
from theseus.core.json_text import json_text
from theseus.core.plan import Plan
from theseus.core.submitted import Submitted
from theseus.effects.follow import Ended, Followable, Followed, Gone, OutOfSight, follow
from theseus.effects.reach import alias_of, shells


def announce(plan: Plan) -> None:
    """Say where a run goes before it is sent there."""
    for note in plan.notes:
        say(note)
    chosen = [line.reason for line in plan.trace if line.host == plan.target.host]
    why = f": {chosen[-1]}" if chosen else ""
    say(f"run {plan.run.id} goes to {plan.target.host}{why}")


def finish(submitted: Submitted, *, follow: bool, json: bool) -> int:
    """Say what was started; with *follow*, stay until it ends and take its exit status."""
    plan = submitted.plan
    state = "was submitted before" if submitted.again else "started"
    say(f"run {plan.run.id} {state} on {plan.target.host}; log: {plan.paths.log}")
    if json:
        sys.stdout.write(json_text(_description(submitted)))
    return _watch(plan) if follow else DONE


def _description(submitted: Submitted) -> dict[str, object]:
    plan = submitted.plan
    return {
        "run": plan.run.id,
        "host": plan.target.host,
        "answer": submitted.answer.strip(),
        "again": submitted.again,
        "log": plan.paths.log,
        "work": plan.paths.work,
        "results": plan.paths.results,
        "checkpoints": plan.paths.checkpoints,
    }


def _watch(plan: Plan) -> int:
    try:
        followed = asyncio.run(_follow(plan))
    except KeyboardInterrupt:
        where = f"{plan.paths.log} on {plan.target.host}"
        say(f"interrupted; run {plan.run.id} goes on; its log is {where}")
        return INTERRUPTED
    match followed.state:
        case Ended(outcome):
            status = int(outcome.get("exit_status", FAILED))
            message = outcome.get("message")
            said = "" if message in {None, f"ended with exit status {status}"} else f": {message}"
            say(f"run {plan.run.id} {outcome.get('state')} with exit status {status}{said}")
            if status == DONE:
                say(f"results: {plan.paths.results}")
            return status
        case Gone(said):
            say(
                f"run {plan.run.id} is gone and left no outcome: {explain_end(said)}; "
                f"its log is {plan.paths.log} on {plan.target.host}"
            )
            return FAILED
        case OutOfSight(error):
            say(f"{explain(error)}; the run goes on without you")
            return UNREACHABLE


async def _follow(plan: Plan) -> Followed:
    run = Followable(plan.target.host, plan.paths.run, plan.paths.log)
    async with shells(alias_of(plan.target)) as open_shell:
        return await follow(open_shell, run, _show)


def _show(data: bytes) -> None:
    sys.stdout.buffer.write(data)
    sys.stdout.buffer.flush()
