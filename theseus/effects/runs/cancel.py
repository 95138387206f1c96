"""Cancel: ends runs for good, all hosts at the same time and one exchange for each."""

import asyncio
from collections.abc import Sequence
from typing import TypeAlias

from returns.pipeline import is_successful

from theseus.core.errors import PlanError
from theseus.core.plan.outcome import HostUnreachable
from theseus.core.plan.plan import Plan
from theseus.core.runs.cancel import (
    Cancellation,
    NoSuchRun,
    Remains,
    cancel_command,
    read_cancellations,
)
from theseus.core.runs.recovery import NeverSubmitted, WasSubmitted
from theseus.effects.hosts.shells import OpenShell, ShellUnavailable
from theseus.effects.ledger.ledger import Ledger
from theseus.effects.perform import exchange
from theseus.effects.perform.reach import alias_of, by_host, shells
from theseus.effects.runs.live import KnownRun
from theseus.effects.runs.recover import Found, recover_all

Answer: TypeAlias = Cancellation | PlanError
AGAIN = "cancel again: what has ended stays so"


async def cancel_all(ledger: Ledger, runs: Sequence[KnownRun]) -> tuple[tuple[Plan, Answer], ...]:
    """End *runs*; an answer for each, in the order of the hosts.

    Those that are not there, and whose submission was never answered, are looked for.
    """
    groups = await asyncio.gather(*map(_cancel_together, by_host([run.plan for run in runs])))
    answers = [pair for group in groups for pair in group]
    unanswered = {run.entry.run_id for run in runs if run.entry.answer is None}
    lost = [
        plan
        for plan, answer in answers
        if isinstance(answer, NoSuchRun) and plan.run.id in unanswered
    ]
    if not lost:
        return tuple(answers)
    found = {run: _meaning(each) for run, each in (await recover_all(ledger, lost)).items()}
    return tuple((plan, found.get(plan.run.id, answer)) for plan, answer in answers)


def _meaning(found: Found) -> Answer:
    """What was *found* of a run that was not there when it was to be cancelled."""
    if not is_successful(found):
        return found.failure()
    match found.unwrap():
        case NeverSubmitted() as never:
            return never
        case WasSubmitted():
            return Remains("there: it was submitted at this very moment")


async def _cancel_together(
    plans: Sequence[Plan],
) -> list[tuple[Plan, Cancellation | HostUnreachable]]:
    target = plans[0].target
    async with shells(alias_of(target)) as open_shell:
        answer = await cancel(open_shell, target.host, [plan.paths.run for plan in plans])
    if isinstance(answer, HostUnreachable):
        return [(plan, answer) for plan in plans]
    return list(zip(plans, answer, strict=True))


async def cancel(
    open_shell: OpenShell, host: str, run_dirs: Sequence[str]
) -> tuple[Cancellation, ...] | HostUnreachable:
    """End the runs in *run_dirs* and see that nothing of them is left; one answer for each."""
    try:
        async with open_shell(host) as shell:
            answers = await exchange.ask_commands(shell, [cancel_command(run_dirs)], "cancel.sh")
    except ShellUnavailable as unavailable:
        return unavailable.error
    if isinstance(answers, exchange.Lost):
        return HostUnreachable(host, answers.reason, AGAIN)
    (answer,) = answers
    return read_cancellations(answer.output.decode("utf-8", "replace"), len(run_dirs))
