"""Survey: asks hosts about themselves, all at the same time, and makes the inventory."""

import asyncio
from collections.abc import Iterable

from theseus.base.hardware import HardwareRequest
from theseus.core.config import DispatchConfig, PlainHost
from theseus.core.inventory import HostSnapshot, Inventory, Unreachable
from theseus.core.probes import PLAIN, Answer, plain_snapshot
from theseus.core.solve import filtered
from theseus.effects import exchange
from theseus.effects.shells import OpenShell, ShellUnavailable

DEADLINE = 30.0  # seconds for one host: a driver that wakes eight GPUs takes ten


def worth_asking(config: DispatchConfig, request: HardwareRequest) -> tuple[str, ...]:
    """The hosts that cluster filters leave, and that this version can plan on."""
    return tuple(
        name
        for name in config.hosts_by_preference()
        if isinstance(host := config.hosts[name], PlainHost) and filtered(host, request) is None
    )


async def survey(
    open_shell: OpenShell, hosts: Iterable[str], deadline: float = DEADLINE
) -> Inventory:
    """The inventory of *hosts*; one that does not answer in time is unreachable."""
    names = tuple(hosts)
    snapshots = await asyncio.gather(*(_ask(open_shell, name, deadline) for name in names))
    return Inventory(dict(zip(names, snapshots, strict=True)))


async def _ask(open_shell: OpenShell, host: str, deadline: float) -> HostSnapshot:
    try:
        async with asyncio.timeout(deadline), open_shell(host) as shell:
            answers = await exchange.ask(shell, [probe.argv for probe in PLAIN])
    except TimeoutError:
        return Unreachable(f"did not answer within {deadline:g} s")
    except ShellUnavailable as unavailable:
        return Unreachable(f"{unavailable.error.reason}; {unavailable.error.advice}")
    if isinstance(answers, exchange.Lost):
        return Unreachable(answers.reason)
    return plain_snapshot(
        tuple(Answer(answer.status, answer.output.decode("utf-8", "replace")) for answer in answers)
    )
