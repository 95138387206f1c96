"""Watching: a run's log on standard output, what is to be said about it, and its exit status."""

import asyncio
import sys
from typing import assert_never

from returns.pipeline import is_successful

from theseus.cli.invoke import DONE, FAILED, INTERRUPTED, UNREACHABLE, say
from theseus.cli.run_words import find_run
from theseus.core.error_text import explain
from theseus.core.plan.plan import Plan
from theseus.core.runs.ended import RunEnd
from theseus.core.runs.job_end import explain_end
from theseus.core.runs.waiting import Waiting, explain_waiting
from theseus.core.text.shell import word
from theseus.effects.perform.reach import alias_of, shells
from theseus.effects.runs.follow import (
    Ended,
    Followable,
    Followed,
    Gone,
    OutOfSight,
    Sight,
    StillThere,
    Wanted,
    Watcher,
    follow,
)
from theseus.effects.runs.notify import notify


def watch(plan: Plan, wanted: Wanted) -> int:
    """Show the log of the run of *plan*; who stays to its end gets its exit status."""
    try:
        followed = asyncio.run(_follow(plan, wanted))
    except KeyboardInterrupt:
        where = f"{plan.paths.log} on {plan.target.host}"
        say(f"interrupted; run {plan.run.id} goes on; its log is {where}")
        say(f"`theseus logs -f {word(plan.run.id)}` comes back to it, `theseus cancel` ends it")
        return INTERRUPTED
    if wanted.stay or isinstance(followed.state, OutOfSight):
        return _ended(plan, followed.state)
    if followed.offset == 0:
        _ended(plan, followed.state)
    return DONE


def _ended(plan: Plan, state: Sight) -> int:
    """Say how watching ended; the exit status for it."""
    match state:
        case Ended(outcome):
            status = int(outcome.get("exit_status", FAILED))
            message = outcome.get("message")
            said = "" if message in {None, f"ended with exit status {status}"} else f": {message}"
            say(f"run {plan.run.id} {outcome.get('state')} with exit status {status}{said}")
            end = RunEnd(plan, str(outcome.get("state")), status, str(message or ""))
            remembered = find_run(plan.run.id)
            if is_successful(remembered):
                notify(remembered.unwrap().config, end, say)
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
        case StillThere():
            return DONE
        case _:
            assert_never(state)


async def _follow(plan: Plan, wanted: Wanted) -> Followed:
    run = Followable(plan.target.host, plan.paths.run, plan.paths.log)

    def waits(waiting: Waiting) -> None:
        say(f"run {plan.run.id} has not begun: {explain_waiting(waiting)}")

    async with shells(alias_of(plan.target)) as open_shell:
        return await follow(open_shell, run, Watcher(_show, waits), wanted)


def _show(data: bytes) -> None:
    sys.stdout.buffer.write(data)
    sys.stdout.buffer.flush()
