"""The table of hosts: what an inventory says of every host of a config, in rows for people."""

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import assert_never

from theseus.core.config.config import DispatchConfig, Host, SlurmHost
from theseus.core.inventory.gres import UNTYPED
from theseus.core.inventory.inventory import (
    HostSnapshot,
    Inventory,
    Node,
    NotAsked,
    PlainSnapshot,
    SlurmPartition,
    SlurmSnapshot,
    Unreachable,
)
from theseus.core.text.quantity import count, show_duration, show_memory
from theseus.core.text.table import table
from theseus.core.values import frozen

_HEAD = ("HOST", "PARTITION", "CHIP", "FREE/TOTAL", "STATE", "LIMITS")


@frozen
class HostRow:
    """One kind of chip (None: CPUs alone) on a host or in a partition of one.

    *shapes* says how many are free of how many on nodes of each size; *state* and *limits* are
    words. *reachable* is false for a host that did not answer, and *state* says why.
    """

    host: str
    partition: str | None
    chip: str | None
    free: int
    total: int
    shapes: str
    state: str
    limits: str
    reachable: bool = True


def host_rows(config: DispatchConfig, inventory: Inventory) -> tuple[HostRow, ...]:
    """The rows of every host, in order of preference."""
    return tuple(
        row
        for name in config.hosts_by_preference()
        for row in _rows(config, name, inventory.of(name))
    )


def render_hosts(rows: tuple[HostRow, ...]) -> str:
    """*rows* as a table."""
    cells = [
        (row.host, row.partition or "-", row.chip or "-", row.shapes, row.state, row.limits)
        for row in rows
    ]
    return table(_HEAD, cells)


def _rows(config: DispatchConfig, name: str, snapshot: HostSnapshot) -> Iterator[HostRow]:
    host = config.hosts[name]
    match snapshot:
        case Unreachable(reason):
            state = f"unreachable: {reason}"
            yield HostRow(name, None, None, 0, 0, "-", state, "-", reachable=False)
        case NotAsked():
            yield HostRow(name, None, None, 0, 0, "-", "not asked", "-")
        case PlainSnapshot():
            yield from _plain(name, host, snapshot)
        case SlurmSnapshot():
            yield from _slurm(config, name, snapshot)
        case _:
            assert_never(snapshot)


def _plain(name: str, host: Host, snapshot: PlainSnapshot) -> Iterator[HostRow]:
    limits = f"{show_memory(snapshot.memory_available)} free, {count(snapshot.cpus, 'CPU')}"
    total = Counter(gpu.chip or gpu.name for gpu in snapshot.gpus)
    free = Counter(gpu.chip or gpu.name for gpu in snapshot.gpus if not gpu.busy)
    for kind, number in total.items():
        cap = None if host.chips is None else host.chips.get(kind, 0)
        capped = "" if cap is None else f", at most {cap}"
        shapes = f"{free[kind]}/{number}"
        state = _state(snapshot, kind)
        yield HostRow(name, None, kind, free[kind], number, shapes, state, limits + capped)
    if not total:
        yield HostRow(name, None, None, 0, 0, "-", _state(snapshot, None), limits)


def _state(snapshot: PlainSnapshot, kind: str | None) -> str:
    """`up; 2 leased by ada (run …); 1 run waiting`."""
    there = [gpu for gpu in snapshot.gpus if kind == (gpu.chip or gpu.name)]
    leases = Counter(gpu.lease for gpu in there if gpu.lease is not None)
    uuids = {gpu.uuid for gpu in there}
    waiting = sum(bool(uuids.intersection(run.gpus)) for run in snapshot.waiting)
    return "; ".join(
        (
            "up",
            *(() if snapshot.broken is None else (snapshot.broken,)),
            *snapshot.faults,
            *(f"{n} leased by {by.user} (run {by.run})" for by, n in leases.items()),
            *((f"{count(waiting, 'run')} waiting",) if waiting else ()),
        )
    )


def _slurm(config: DispatchConfig, name: str, snapshot: SlurmSnapshot) -> Iterator[HostRow]:
    host = config.hosts[name]
    nodes = {node.name: node for node in snapshot.nodes}
    known = {partition.name: partition for partition in snapshot.partitions}
    for partition, untyped in _partitions(host).items():
        if partition not in known:
            yield HostRow(name, partition, None, 0, 0, "-", "no such partition", "-")
            continue
        limits = known[partition]
        members = [nodes[member] for member in limits.nodes if member in nodes]
        types = dict.fromkeys(gpus.type for node in members for gpus in node.gpus)
        chips = {UNTYPED: untyped or "gpu", **_chips_by_type(config, host)}
        for kind in tuple(types) or (None,):
            chip = None if kind is None else chips.get(kind, kind)
            yield _partition_row(name, limits, chip, kind, members)


def _partitions(host: Host) -> Mapping[str, str | None]:
    """The partitions of *host*, and what an untyped GPU is in each."""
    if not isinstance(host, SlurmHost):
        return {}
    chips: dict[str, str | None] = {}
    for each in (*host.partitions, *host.cpu_partitions):
        chips.setdefault(each.name, each.chip)
    return chips


def _chips_by_type(config: DispatchConfig, host: Host) -> Mapping[str, str]:
    """The chips that GRES types stand for on *host*."""
    own = host.gres_mapping if isinstance(host, SlurmHost) else {}
    mapping = {**config.gres_mapping, **own}
    return {gres.removeprefix("gpu:"): chip for chip, gres in mapping.items()}


def _partition_row(
    host: str, limits: SlurmPartition, chip: str | None, kind: str | None, members: list[Node]
) -> HostRow:
    """The row of GPUs of *kind*, which are *chip*, None for CPUs, in the partition of *limits*."""
    with_kind = [node for node in members if kind is None or _counts(node, kind)[1]]
    counts = [_counts(node, kind) for node in with_kind]
    usable = [free for node, (free, _) in zip(with_kind, counts, strict=True) if _usable(node)]
    states = Counter(node.state for node in with_kind)
    return HostRow(
        host=host,
        partition=limits.name,
        chip=chip,
        free=sum(usable),
        total=sum(total for _, total in counts),
        shapes=_shapes(kind, with_kind),
        state=", ".join(f"{number} {state}" for state, number in states.items()),
        limits=_limits(limits),
    )


def _usable(node: Node) -> bool:
    return node.state == "available"


def _counts(node: Node, kind: str | None) -> tuple[int, int]:
    """How many are free and there: GPUs of *kind*, or CPUs."""
    if kind is None:
        return node.cpus_free, node.cpus
    return next(((g.free, g.total) for g in node.gpus if g.type == kind), (0, 0))


def _shapes(kind: str | None, nodes: list[Node]) -> str:
    """`2 x 8: 13/16 (8 on one)`: nodes of each size, free of all, and the most free on one."""
    unit = " CPUs" if kind is None else ""
    parts = []
    for size in dict.fromkeys(_counts(node, kind)[1] for node in nodes):
        same = [node for node in nodes if _counts(node, kind)[1] == size]
        free = [_counts(node, kind)[0] if _usable(node) else 0 for node in same]
        total = size * len(same)
        parts.append(f"{len(same)} x {size}{unit}: {sum(free)}/{total} ({max(free)} on one)")
    return "; ".join(parts) or "-"


def _limits(limits: SlurmPartition) -> str:
    parts = [] if limits.up else ["closed"]
    if limits.groups_lacking:
        parts.append(f"for the group {' or '.join(limits.groups_lacking)} alone")
    if limits.max_time is not None:
        parts.append(f"time {show_duration(limits.max_time)}")
    if limits.min_nodes > 1:
        parts.append(f"at least {limits.min_nodes} nodes")
    if limits.max_nodes is not None:
        parts.append(f"nodes {limits.max_nodes}")
    if limits.preempt.upper() != "OFF":
        parts.append(f"preempt {limits.preempt.lower()}")
    if limits.pending:
        parts.append(f"{limits.pending} waiting")
    return ", ".join(parts) or "-"
