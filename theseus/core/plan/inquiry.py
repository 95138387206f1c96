"""Inquiry: what a host is asked, in one exchange, and how its answers are read."""

from collections.abc import Callable, Mapping
from typing import TypeAlias

from attrs import evolve

from theseus.base.hardware import HardwareRequest
from theseus.core.config.cluster import cluster_of
from theseus.core.config.config import DEFAULT_LEASES, DispatchConfig, Host, SlurmHost
from theseus.core.inventory.inventory import HostSnapshot
from theseus.core.inventory.probes import Answer, plain_probes, plain_snapshot
from theseus.core.inventory.slurm_probes import slurm_probes, slurm_snapshot
from theseus.core.plan.plan import Plan
from theseus.core.plan.shelf import shelf_question
from theseus.core.plan.steps import Launch
from theseus.core.solve.ruled_out import ruled_out
from theseus.core.text.shell import command_line
from theseus.core.values import frozen

Read: TypeAlias = Callable[[tuple[Answer, ...]], HostSnapshot]


@frozen
class Inquiry:
    """The commands to run, and how to *read* their answers, given in the same order.

    *share* is what is looked into at the same time, for what lies there already.
    """

    commands: tuple[tuple[str, ...], ...]
    read: Read
    share: str | None = None

    @property
    def lines(self) -> tuple[str, ...]:
        """The lines for bash, that about the share the last one."""
        shelf = () if self.share is None else (shelf_question(self.share),)
        return (*map(command_line, self.commands), *shelf)


def inquiry_of(host: Host) -> Inquiry:
    """What a host of the config is asked."""
    if isinstance(host, SlurmHost):
        partitions = (*host.partitions, *host.cpu_partitions)
        return _slurm(tuple(dict.fromkeys(partition.name for partition in partitions)))
    return _plain(host.leases)


def worth_asking(config: DispatchConfig, request: HardwareRequest) -> Mapping[str, Inquiry]:
    """What to ask the hosts that are not ruled out, to plan for them, and about their shares."""
    shares = {name: cluster_of(name, cluster).share for name, cluster in config.clusters.items()}
    return {
        name: evolve(inquiry_of(host), share=shares[host.cluster])
        for name in config.hosts_by_preference()
        if ruled_out(config, name, request) is None
        for host in (config.hosts[name],)
    }


def inquiry_of_plan(plan: Plan) -> Inquiry:
    """What the target of *plan* is asked before it is performed."""
    if plan.target.partition is not None:
        return evolve(_slurm((plan.target.partition,)), share=plan.paths.share)
    found = (step.leases for step in plan.steps if isinstance(step, Launch))
    return evolve(_plain(next(found, None) or DEFAULT_LEASES), share=plan.paths.share)


def _plain(leases: str) -> Inquiry:
    return Inquiry(tuple(probe.argv for probe in plain_probes(leases)), plain_snapshot)


def _slurm(partitions: tuple[str, ...]) -> Inquiry:
    return Inquiry(slurm_probes(partitions), slurm_snapshot)
