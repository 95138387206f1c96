"""Inquiry: what a host is asked, in one exchange, and how its answers are read."""

from collections.abc import Callable
from typing import TypeAlias

from attrs import frozen

from theseus.core.config import DEFAULT_LEASES, Host, SlurmHost
from theseus.core.inventory import HostSnapshot
from theseus.core.plan import Plan
from theseus.core.probes import Answer, plain_probes, plain_snapshot
from theseus.core.slurm_probes import slurm_probes, slurm_snapshot
from theseus.core.steps import Launch

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
    return _plain(host.leases)


def inquiry_of_plan(plan: Plan) -> Inquiry:
    """What the target of *plan* is asked before it is performed."""
    if plan.target.partition is not None:
        return _slurm((plan.target.partition,))
    found = (step.leases for step in plan.steps if isinstance(step, Launch))
    return _plain(next(found, None) or DEFAULT_LEASES)


def _plain(leases: str) -> Inquiry:
    return Inquiry(tuple(probe.argv for probe in plain_probes(leases)), plain_snapshot)


def _slurm(partitions: tuple[str, ...]) -> Inquiry:
    return Inquiry(slurm_probes(partitions), slurm_snapshot)
