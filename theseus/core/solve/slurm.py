"""SLURM hosts: which of a host's partitions a request fits in, now or ever.

Limits of the partition are checked here, so that nothing is submitted that could only wait for
ever, and nothing is lowered.
"""

from collections.abc import Iterator, Mapping
from typing import assert_never

from attrs import evolve

from theseus.base.hardware import HardwareRequest
from theseus.base.node_list import expand_nodes
from theseus.core.config.config import Partition, SlurmHost
from theseus.core.inventory.gres import UNTYPED
from theseus.core.inventory.inventory import (
    HostSnapshot,
    Node,
    NotAsked,
    PlainSnapshot,
    SlurmPartition,
    SlurmSnapshot,
    Unreachable,
)
from theseus.core.request.constraint import satisfies
from theseus.core.solve.slurm_fit import Field, Queues
from theseus.core.solve.slurm_reasons import (
    Busy,
    NeverFits,
    NoSuchGpus,
    NoSuchPartition,
    NotAdmitted,
    NotInGroup,
    OverChipCap,
    OverTimeLimit,
    PartitionClosed,
    Shape,
    SlurmRejection,
    UnevenShares,
)
from theseus.core.solve.slurm_site import Site, allocation_of
from theseus.core.solve.verdict import Fits, NoAnswer, Reason
from theseus.core.values import frozen

ASSUMED_PER_NODE = 8  # chips on a node of a cluster that was not asked


@frozen
class Considered:
    """A partition (None: the host as a whole) and what was found."""

    partition: str | None
    reason: Queues | Reason


def consider_slurm(
    host: SlurmHost,
    gres_mapping: Mapping[str, str],
    request: HardwareRequest,
    snapshot: HostSnapshot,
) -> Iterator[Considered]:
    """What each partition of *host* can give, in order, up to the first that fits now."""
    site = Site(host, request, {**gres_mapping, **host.gres_mapping})
    if (without_asking := _capped(site) or _uneven(request)) is not None:
        yield Considered(None, without_asking)
        return
    match snapshot:
        case Unreachable(reason):
            yield Considered(None, NoAnswer(reason))
        case PlainSnapshot():
            words = "the inventory holds a plain host of this name, the config a SLURM cluster"
            yield Considered(None, NoAnswer(words))
        case NotAsked():
            partition = ordered_partitions(host, request)[0]
            yield Considered(partition.name, _assumed(site, partition))
        case SlurmSnapshot():
            yield from _asked(site, snapshot)
        case _:
            assert_never(snapshot)


def _asked(site: Site, snapshot: SlurmSnapshot) -> Iterator[Considered]:
    nodes = {node.name: node for node in snapshot.nodes}
    limits = {each.name: each for each in snapshot.partitions}
    for partition in ordered_partitions(site.host, site.request):
        found = _partition(site, partition, limits.get(partition.name), nodes)
        yield Considered(partition.name, found)
        if isinstance(found, Fits):
            return


def ordered_partitions(host: SlurmHost, request: HardwareRequest) -> tuple[Partition, ...]:
    """The partitions to try, the default first; in CPU mode those for CPUs when there are any."""
    partitions = host.partitions
    if request.min_chips == 0 and host.cpu_partitions:
        partitions = host.cpu_partitions
    return tuple(sorted(partitions, key=lambda partition: not partition.default))


def _capped(site: Site) -> OverChipCap | None:
    caps, chips = site.host.chips, site.request.min_chips
    if caps is None or chips == 0:
        return None
    cap = _cap(site, caps)
    return OverChipCap(site.chip, chips, cap) if chips > cap else None


def _cap(site: Site, caps: Mapping[str, int]) -> int:
    """The most chips of the kind that is asked for, or of one kind."""
    return max(caps.values(), default=0) if site.chip is None else caps.get(site.chip, 0)


def _uneven(request: HardwareRequest) -> UnevenShares | None:
    chips, nodes = request.min_chips, request.nodes
    return UnevenShares(chips, nodes) if nodes is not None and chips % nodes else None


def _partition(
    site: Site,
    partition: Partition,
    limits: SlurmPartition | None,
    nodes: Mapping[str, Node],
) -> Fits | Queues | SlurmRejection:
    if limits is None:
        return NoSuchPartition()
    if (closed := _closed(site, partition, limits)) is not None:
        return closed
    field = _field(site, partition, limits, nodes)
    if site.request.min_chips == 0:
        return field.verdict(None)
    if not field.gpu_types:
        there = tuple(kind or "gpu (untyped)" for kind in field.types_there)
        return NoSuchGpus(site.gres_type or "gpu", there)
    caps = {kind: site.cap(partition, kind) for kind in field.gpu_types}
    allowed = [kind for kind, cap in caps.items() if cap is None or site.request.min_chips <= cap]
    if not allowed:
        most = max(cap for cap in caps.values() if cap is not None)
        return OverChipCap(site.chip, site.request.min_chips, most)
    return max((field.verdict(kind) for kind in allowed), key=_preference)


def _field(
    site: Site, partition: Partition, limits: SlurmPartition, nodes: Mapping[str, Node]
) -> Field:
    """The nodes of the partition, those that may be used apart from those that may not."""
    excluded = {name for names in site.host.exclude for name in expand_nodes(names)}
    wanted = site.constraint(partition)
    usable: list[Node] = []
    ruled_out: list[Node] = []
    for name in limits.nodes:
        if (node := nodes.get(name)) is not None:
            fine = name not in excluded and satisfies(node.features, wanted)
            node = _opened(node) if site.has_reservation else node
            (usable if fine else ruled_out).append(_within(limits, node))
    return Field(site, partition, limits, tuple(usable), tuple(ruled_out))


def _opened(node: Node) -> Node:
    """*node* as it is for those whose reservation it may be: SLURM does not say for whom it is."""
    return evolve(node, state="available") if node.state == "reserved" else node


def _within(limits: SlurmPartition, node: Node) -> Node:
    """What of *node* a partition with *limits* may give (slurm.conf(5): MaxCPUsPerNode, …)."""
    cpus, memory = limits.cpus_per_node, limits.memory_per_node
    if cpus is not None:
        node = evolve(node, cpus=min(node.cpus, cpus), cpus_free=min(node.cpus_free, cpus))
    if memory is not None:
        free = min(node.memory_free, memory)
        node = evolve(node, memory=min(node.memory, memory), memory_free=free)
    return node


def _preference(verdict: Fits | Queues | SlurmRejection) -> tuple[int, int, int]:
    match verdict:
        case Fits(free=free):
            return 2, 0, free or 0
        case Queues(busy=Busy(ready=ready, free=free)):
            return 1, ready, free
        case NeverFits(most=most):
            return 0, 0, most
        case _:
            return 0, 0, 0


def _closed(
    site: Site, partition: Partition, limits: SlurmPartition
) -> PartitionClosed | OverTimeLimit | NotAdmitted | NotInGroup | None:
    """Why the partition takes no such job at all."""
    host, time = site.host, site.time(partition)
    if not limits.up:
        return PartitionClosed()
    if limits.groups_lacking:
        return NotInGroup(limits.groups_lacking)
    if time is not None and limits.max_time is not None and time > limits.max_time:
        return OverTimeLimit(time, limits.max_time)
    for kind, value, allowed in (
        ("account", host.account, limits.accounts),
        ("qos", host.qos, limits.qos),
    ):
        if value is not None and allowed is not None and value not in allowed:
            return NotAdmitted(kind, value, allowed)
    for kind, value, denied in (
        ("account", host.account, limits.denied_accounts),
        ("qos", host.qos, limits.denied_qos),
    ):
        if value is not None and value in denied:
            return NotAdmitted(kind, value)
    return None


def _assumed(site: Site, partition: Partition) -> Fits:
    """What a cluster that was not asked is taken to give: all within its `chips` cap."""
    chips, nodes = site.request.min_chips, site.request.nodes
    if nodes is None:
        nodes = next(
            (n for n in range(1, chips + 1) if chips % n == 0 and chips // n <= ASSUMED_PER_NODE), 1
        )
    kind = UNTYPED if partition.chip == site.chip else site.gres_type
    note = f"{partition.name} was not asked: nodes of {ASSUMED_PER_NODE} chips are assumed"
    shape = Shape(nodes, chips // nodes)
    caps = site.host.chips
    free = None if caps is None else _cap(site, caps)
    return Fits(
        allocation_of(site, partition, shape, kind),
        free,
        asked=False,
        notes=(note,) if chips else (),
    )
