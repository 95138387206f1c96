"""Survey: asks hosts about themselves, all at the same time, and makes the inventory."""

import asyncio
from collections.abc import Mapping

from theseus.base.hardware import HardwareRequest
from theseus.core.config import DispatchConfig
from theseus.core.inquiry import Inquiry, inquiry_of
from theseus.core.inventory import HostSnapshot, Inventory, Unreachable
from theseus.core.probes import Answer
from theseus.core.solve import ruled_out
from theseus.effects import exchange
from theseus.effects.shells import OpenShell, ShellUnavailable

DEADLINE = 30.0  # seconds for one host: a driver that wakes eight GPUs takes ten


def worth_asking(config: DispatchConfig, request: HardwareRequest) -> Mapping[str, Inquiry]:
    """What to ask the hosts that are not ruled out without asking."""
    return {
        name: inquiry_of(config.hosts[name])
        for name in config.hosts_by_preference()
        if ruled_out(config, name, request) is None
    }


async def survey(
    open_shell: OpenShell, inquiries: Mapping[str, Inquiry], deadline: float = DEADLINE
) -> Inventory:
    """The inventory of the hosts of *inquiries*; one that is silent too long is unreachable."""
    asked = (_ask(open_shell, host, inquiry, deadline) for host, inquiry in inquiries.items())
    snapshots = await asyncio.gather(*asked)
    return Inventory(dict(zip(inquiries, snapshots, strict=True)))


async def _ask(open_shell: OpenShell, host: str, inquiry: Inquiry, deadline: float) -> HostSnapshot:
    try:
        # connecting has limits of its own, and may have to wait its turn: see pace.py
        async with open_shell(host) as shell, asyncio.timeout(deadline):
            answers = await exchange.ask(shell, inquiry.commands)
    except TimeoutError:
        return Unreachable(f"did not answer within {deadline:g} s")
    except ShellUnavailable as unavailable:
        return Unreachable(f"{unavailable.error.reason}; {unavailable.error.advice}")
    if isinstance(answers, exchange.Lost):
        return Unreachable(answers.reason)
    return inquiry.read(tuple(as_text(answer) for answer in answers))


def as_text(answer: exchange.Answer) -> Answer:
    """*answer* as probes read it; bytes that are no text are replaced."""
    return Answer(answer.status, answer.output.decode("utf-8", "replace"), answer.errors)
