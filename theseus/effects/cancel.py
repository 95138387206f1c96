"""Cancel: ends runs for good, all hosts at the same time and one exchange for each."""

import asyncio
from collections.abc import Sequence

from theseus.core.cancel import Cancellation, cancel_command, read_cancellations
from theseus.core.outcome import HostUnreachable
from theseus.core.plan import Plan
from theseus.effects import exchange
from theseus.effects.reach import alias_of, by_host, shells
from theseus.effects.shells import OpenShell, ShellUnavailable

AGAIN = "cancel again: what has ended stays so"


async def cancel_all(
    plans: Sequence[Plan],
) -> tuple[tuple[Plan, Cancellation | HostUnreachable], ...]:
    """End the runs of *plans*; an answer for each, in the order of the hosts."""
    answers = await asyncio.gather(*map(_cancel_together, by_host(plans)))
    return tuple(pair for pairs in answers for pair in pairs)


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
