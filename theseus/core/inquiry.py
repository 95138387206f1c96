"""Inquiry: what a host is asked, in one exchange, and how its answers are read."""

from collections.abc import Callable
from typing import TypeAlias

from attrs import frozen

from theseus.core.config import Host, SlurmHost
from theseus.core.inventory import HostSnapshot
from theseus.core.plan import Target
from theseus.core.probes import PLAIN, Answer, plain_snapshot
from theseus.core.slurm_probes import slurm_probes, slurm_snapshot

Read: TypeAlias = Callable[[tuple[Answer, ...]], HostSnapshot]


@frozen
class Inquiry:
    """The commands to run, and how to *read* their answers, given in the same order."""

    commands: tuple[tuple[str, ...], ...]
    read: Read


def inquiry_of(host: Host) -> Inquiry:
    """What a host of the config is asked."""
    if isinstance(host, SlurmHost):
        partitions = (*host.partitions, *host.cpu_partitions)
        return _slurm(tuple(dict.fromkeys(partition.name for partition in partitions)))
    return _plain()


def inquiry_of_target(target: Target) -> Inquiry:
    """What the target of a plan is asked before the plan is performed."""
    return _plain() if target.partition is None else _slurm((target.partition,))


def _plain() -> Inquiry:
    return Inquiry(tuple(probe.argv for probe in PLAIN), plain_snapshot)


def _slurm(partitions: tuple[str, ...]) -> Inquiry:
    return Inquiry(slurm_probes(partitions), slurm_snapshot)
