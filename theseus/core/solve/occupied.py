"""Occupied: what is left for the next run of a batch once one has its choice.

Hosts are asked once for a thousand runs, and each run sees what those before it left. On a cluster
SLURM places a run itself; here it is taken to fill the nodes that have least to spare.
"""

from collections.abc import Iterator, Mapping
from typing import assert_never

from attrs import evolve

from theseus.base.node_list import expand_nodes
from theseus.core.config.config import DispatchConfig, PlainHost
from theseus.core.inventory.gres import UNTYPED
from theseus.core.inventory.inventory import (
    HostSnapshot,
    Inventory,
    Node,
    NotAsked,
    PlainSnapshot,
    SlurmSnapshot,
    Unreachable,
)
from theseus.core.request.constraint import satisfies
from theseus.core.solve.solve import Choice
from theseus.core.solve.verdict import Allocation


def inventory_after(inventory: Inventory, choice: Choice) -> Inventory:
    """*inventory* without what the *choice*, which does not wait, takes."""
    left = _left(inventory.of(choice.host), choice)
    return Inventory({**inventory.hosts, choice.host: left})


def config_after(config: DispatchConfig, inventory: Inventory, choice: Choice) -> DispatchConfig:
    """*config* with the `chips` of a plain host less those of the *choice*: a cap is for all runs.

    Those of a SLURM host cap each run by itself.
    """
    host, allocation = config.hosts[choice.host], choice.allocation
    if not isinstance(host, PlainHost) or host.chips is None or not allocation.total_chips:
        return config
    kind = allocation.chip or _kind_taken(host.chips, inventory.of(choice.host), allocation)
    left = {**host.chips, kind: max(0, host.chips[kind] - allocation.total_chips)}
    return evolve(config, hosts={**config.hosts, choice.host: evolve(host, chips=left)})


def _kind_taken(chips: Mapping[str, int], snapshot: HostSnapshot, allocation: Allocation) -> str:
    """The chip that a generic request got on a plain host: of its GPUs, else the one with most."""
    if isinstance(snapshot, PlainSnapshot):
        (kind,) = {gpu.chip or gpu.name for gpu in snapshot.gpus if gpu.uuid in allocation.gpus}
        return kind
    return max((chip for chip in chips if chip != "cpu"), key=lambda chip: chips[chip])


def _left(snapshot: HostSnapshot, choice: Choice) -> HostSnapshot:
    match snapshot:
        case PlainSnapshot():
            return _plain(snapshot, choice.allocation)
        case SlurmSnapshot():
            return _slurm(snapshot, choice)
        case NotAsked() | Unreachable():
            return snapshot
        case _:
            assert_never(snapshot)


def _plain(snapshot: PlainSnapshot, allocation: Allocation) -> PlainSnapshot:
    taken = frozenset(allocation.gpus[: allocation.chips_per_node])
    gpus = tuple(evolve(gpu, busy=True) if gpu.uuid in taken else gpu for gpu in snapshot.gpus)
    memory = snapshot.memory_available - (allocation.memory or 0)
    return evolve(snapshot, gpus=gpus, memory_available=memory)


def _slurm(snapshot: SlurmSnapshot, choice: Choice) -> SlurmSnapshot:
    allocation = choice.allocation
    able = sorted(_able(snapshot, choice), key=lambda node: (_free(node, allocation), node.name))
    taken = {node.name for node in able[: allocation.nodes]}
    return evolve(
        snapshot,
        nodes=tuple(
            _without(node, allocation) if node.name in taken else node for node in snapshot.nodes
        ),
    )


def _able(snapshot: SlurmSnapshot, choice: Choice) -> Iterator[Node]:
    """The nodes that can hold one node's share of the choice now."""
    allocation = choice.allocation
    members = {
        name
        for partition in snapshot.partitions
        if partition.name == choice.partition
        for name in partition.nodes
    }
    excluded = {name for names in allocation.exclude for name in expand_nodes(names)}
    for node in snapshot.nodes:
        if (
            node.name in members - excluded
            and satisfies(node.features, allocation.constraint)
            and node.state == "available"
            and _free(node, allocation) >= allocation.chips_per_node
            and node.cpus_free >= (allocation.cpus or 1)
            and node.memory_free >= (allocation.memory or 1)
        ):
            yield node


def _kind(allocation: Allocation) -> str | None:
    """The GRES type of `gpu:TYPE:COUNT`; none in `gpu:COUNT`."""
    if allocation.gres is None:
        return None
    _, *kind, _ = allocation.gres.split(":")
    return kind[0] if kind else UNTYPED


def _free(node: Node, allocation: Allocation) -> int:
    kind = _kind(allocation)
    if kind is None:
        return node.cpus_free
    return next((gpus.free for gpus in node.gpus if gpus.type == kind), 0)


def _without(node: Node, allocation: Allocation) -> Node:
    kind = _kind(allocation)
    return evolve(
        node,
        gpus=tuple(
            evolve(gpus, used=gpus.used + allocation.chips_per_node) if gpus.type == kind else gpus
            for gpus in node.gpus
        ),
        cpus_free=node.cpus_free - (allocation.cpus or 1),
        memory_free=node.memory_free - (allocation.memory or 0),
    )
