"""Doctor: examines hosts, all at the same time, each in one exchange."""

import asyncio
import time
from collections.abc import Sequence

from theseus.core.config.cluster import cluster_of
from theseus.core.config.config import DispatchConfig, Host, PlainHost
from theseus.core.doctor.doctor import (
    Check,
    Examination,
    HostHealth,
    judged,
    not_reached,
    reached,
)
from theseus.core.doctor.doctor_machine import (
    CLOCK,
    clock_check,
    machine_examinations,
    plain_examinations,
)
from theseus.core.doctor.doctor_slurm import DEEP_WAIT, slurm_examinations
from theseus.core.plan.outcome import HostUnreachable
from theseus.core.text.shell import command_line
from theseus.effects.hosts.shells import OpenShell, ShellUnavailable
from theseus.effects.hosts.transport import openssh_needs
from theseus.effects.inventory.survey import DEADLINE, as_text, unanswered
from theseus.effects.perform import exchange
from theseus.effects.perform.reach import aliases_of, shells


async def examine(
    config: DispatchConfig, names: Sequence[str], *, deep: bool
) -> tuple[HostHealth, ...]:
    """What is found on the hosts *names* of *config*; *deep* has SLURM run a small job."""
    async with shells(aliases_of(config)) as open_shell:
        checks = (_examined(open_shell, config, name, deep=deep) for name in names)
        found = await asyncio.gather(*checks)
    return tuple(HostHealth(name, made) for name, made in zip(names, found, strict=True))


async def _examined(
    open_shell: OpenShell, config: DispatchConfig, name: str, *, deep: bool
) -> tuple[Check, ...]:
    examinations = _examinations(config, name, deep=deep)
    commands = (CLOCK, *(command for each in examinations for command in each.commands))
    lines = [command_line(command) for command in commands]
    deadline = DEADLINE + (2 * DEEP_WAIT if deep else 0)
    try:
        way = await _way(config.hosts[name])
        async with open_shell(name) as shell:
            before = time.time()
            answers = await exchange.ask_within(deadline, shell, lines)
            after = time.time()
            way = await _taken(way, config.hosts[name])
    except exchange.Silent as silent:
        reason = unanswered(deadline, lines, silent)
        advice = "see what holds it up: a file system, a driver or SLURM"
        return not_reached(HostUnreachable(name, reason, advice))
    except ShellUnavailable as unavailable:
        return not_reached(unavailable.error)
    if isinstance(answers, exchange.Lost):
        return not_reached(HostUnreachable(name, answers.reason, "try again"))
    clock, *others = (as_text(answer) for answer in answers)
    checks = judged(examinations, tuple(others))
    return (*reached(way), clock_check(clock.output, before, after), *checks)


def _examinations(config: DispatchConfig, name: str, *, deep: bool) -> tuple[Examination, ...]:
    host = config.hosts[name]
    cluster = cluster_of(host.cluster, config.clusters[host.cluster])
    if isinstance(host, PlainHost):
        return (*machine_examinations(cluster), *plain_examinations(host))
    mapping = {**config.gres_mapping, **host.gres_mapping}
    return (*machine_examinations(cluster), *slurm_examinations(host, mapping, cluster, deep=deep))


async def _way(host: Host) -> str:
    if host.transport != "auto" or host.ssh is None:
        return host.transport
    needs = await openssh_needs(host.ssh)
    return f"openssh, for {needs[0]}" if needs else "asyncssh"


async def _taken(expected: str, host: Host) -> str:
    """The way by which *host* was reached: asyncssh may have left it to the system's `ssh`."""
    if expected != "asyncssh" or await _way(host) == expected:
        return expected
    return "openssh, for asyncssh does not take the ssh config as it is"
