"""Cancel: ends runs on a host for good, all of them in one exchange."""

from collections.abc import Sequence

from theseus.core.cancel import Cancellation, cancel_command, read_cancellations
from theseus.core.outcome import HostUnreachable
from theseus.effects import exchange
from theseus.effects.shells import OpenShell, ShellUnavailable

AGAIN = "cancel again: what has ended stays so"


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
