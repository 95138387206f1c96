"""Fit: whether the nodes of one partition can hold a request, now or ever.

Counting is per node, never over a partition. The shape is the fewest nodes that could hold the
chips in even shares; it fits now when that many nodes have them free.
"""

from bisect import bisect_left
from collections.abc import Iterator

from attrs import evolve, frozen

from theseus.base.hardware import HardwareRequest
from theseus.core.config import Partition, SlurmHost
from theseus.core.gres import UNTYPED
from theseus.core.inventory import Node, SlurmPartition
from theseus.core.quantity import show_duration
from theseus.core.slurm_reasons import (
    Busy,
    NeverFits,
    OverNodeLimit,
    Shape,
    SlurmRejection,
    TooLittleOnNodes,
)
from theseus.core.verdict import Allocation, Fits


@frozen
class Queues:
    """The partition could give *allocation*, but not now; the rest is for ranking and the trace."""

    allocation: Allocation
    busy: Busy
    free_shapes: int
    notes: tuple[str, ...]


@frozen
class Site:
    """What is asked of a SLURM *host*, with the site's GRES names filled in.

    *types* are the GRES types that will do: one for a named chip, None for any.
    """

    host: SlurmHost
    request: HardwareRequest
    gres_type: str | None

    @property
    def memory(self) -> int | None:
        """Bytes of memory for each node: flag or job config over host."""
        return self.host.mem if self.request.mem is None else self.request.mem

    @property
    def cpus(self) -> int | None:
        """CPUs for each task."""
        return self.host.cpus_per_task if self.request.cpus is None else self.request.cpus

    def time(self, partition: Partition) -> int | None:
        """Minutes: flag or job config over partition over host, else None: the default applies."""
        for minutes in (self.request.time, partition.time, self.host.time):
            if minutes is not None:
                return minutes
        return None

    def constraint(self, partition: Partition) -> str | None:
        """The partition's constraint, else the host's."""
        return self.host.constraint if partition.constraint is None else partition.constraint


@frozen
class Field:
    """The nodes of a partition that count, and what is asked of them."""

    site: Site
    partition: Partition
    limits: SlurmPartition
    up: tuple[Node, ...]
    offline: int

    def types_there(self) -> tuple[str, ...]:
        """The GRES types of GPUs on the nodes."""
        there = dict.fromkeys(gpus.type for node in self.up for gpus in node.gpus)
        return tuple(kind or "gpu (untyped)" for kind in there)

    def gpu_types(self) -> tuple[str, ...]:
        """The GRES types that will do: those there, or the one of the chip that is asked for."""
        there = tuple(dict.fromkeys(gpus.type for node in self.up for gpus in node.gpus))
        chip = self.site.request.chip
        if chip is None:
            return there
        untyped = self.partition.chip == chip.name
        return tuple(
            kind for kind in there if kind == self.site.gres_type or (kind == UNTYPED and untyped)
        )

    def verdict(self, kind: str | None) -> Fits | Queues | SlurmRejection:
        """What the nodes can give with GPUs of *kind*, None for CPUs alone."""
        roomy = tuple(node for node in self.up if self.has_room(node))
        if self.up and not roomy:
            return self.too_little()
        shape = self.shape(kind, roomy)
        if shape is None:
            return self.never(kind, roomy)
        if self.limits.max_nodes is not None and shape.nodes > self.limits.max_nodes:
            return OverNodeLimit(shape.nodes, self.limits.max_nodes)
        free = sorted(_free(node, kind) for node in roomy if self.is_free(node))
        ready = len(free) - bisect_left(free, shape.per_node)
        allocation = self.allocation(kind, shape)
        notes = tuple(_notes(self.limits, allocation))
        if ready >= shape.nodes:
            return Fits(allocation, sum(free), asked=True, notes=notes)
        later = evolve(allocation, waits=True)
        return Queues(later, self.busy(shape, free), ready // shape.nodes, notes)

    def has_room(self, node: Node) -> bool:
        """Whether the node, when empty, has the memory and CPUs."""
        return node.memory >= (self.site.memory or 0) and node.cpus >= (self.site.cpus or 1)

    def is_free(self, node: Node) -> bool:
        """Whether the node has the memory and CPUs now."""
        return (
            node.state == "available"
            and node.memory_free >= (self.site.memory or 0)
            and node.cpus_free >= (self.site.cpus or 1)
        )

    def shape(self, kind: str | None, nodes: tuple[Node, ...]) -> Shape | None:
        """The fewest nodes that can hold the chips in even shares, or as many as were asked for."""
        request = self.site.request
        if kind is None:
            wanted = request.nodes or 1
            return Shape(wanted, 0) if len(nodes) >= wanted else None
        totals = sorted(_total(node, kind) for node in nodes)
        counts = range(1, len(nodes) + 1) if request.nodes is None else (request.nodes,)
        for number in counts:
            per_node, uneven = divmod(request.min_chips, number)
            if not uneven and per_node and len(totals) - bisect_left(totals, per_node) >= number:
                return Shape(number, per_node)
        return None

    def busy(self, shape: Shape, free: list[int]) -> Busy:
        """Why *shape* is not free now, and which shapes are; *free* is sorted."""
        best, total = (free[-1] if free else 0), sum(free)
        others: list[Shape] = []
        chips = shape.nodes * shape.per_node
        for number in range(shape.nodes + 1, min(len(free), chips) + 1) if chips else ():
            per_node, uneven = divmod(chips, number)
            if not uneven and len(free) - bisect_left(free, per_node) >= number:
                others.append(Shape(number, per_node))
                break
        if best and best < chips:
            others.append(Shape(1, best))
        return Busy(shape, best, total, tuple(others), self.limits.pending)

    def never(self, kind: str | None, nodes: tuple[Node, ...]) -> NeverFits:
        """That no shape could ever run here."""
        request = self.site.request
        totals = sorted((_total(node, kind) for node in nodes), reverse=True)
        holding = [total for total in totals if total]
        return NeverFits(
            needed=request.min_chips,
            nodes=request.nodes,
            largest=max(totals, default=0),
            most=max((total * at for at, total in enumerate(totals, 1)), default=0),
            usable=len(nodes) if kind is None else len(holding),
            offline=self.offline,
        )

    def too_little(self) -> TooLittleOnNodes:
        """That no node has the memory and CPUs."""
        return TooLittleOnNodes(
            self.site.memory,
            self.site.cpus,
            max(node.memory for node in self.up),
            max(node.cpus for node in self.up),
        )

    def allocation(self, kind: str | None, shape: Shape) -> Allocation:
        """What a run gets with *shape*."""
        return allocation_of(self.site, self.partition, shape, kind)


def allocation_of(site: Site, partition: Partition, shape: Shape, kind: str | None) -> Allocation:
    """What a run of *shape* gets, with GPUs of GRES type *kind*."""
    gres = None
    if shape.per_node:
        gres = ":".join(filter(None, ("gpu", kind, str(shape.per_node))))
    return Allocation(
        chip=None if site.request.chip is None else site.request.chip.name,
        nodes=shape.nodes,
        chips_per_node=shape.per_node,
        memory=site.memory,
        cpus=site.cpus,
        time=site.time(partition),
        gres=gres,
        constraint=site.constraint(partition),
        exclude=site.host.exclude,
    )


def _notes(limits: SlurmPartition, allocation: Allocation) -> Iterator[str]:
    if allocation.time is None:
        yield _default_time(limits)
    match limits.preempt.upper():
        case "OFF" | "(NULL)" | "N/A":
            return
        case mode if "REQUEUE" in mode:
            yield f"{limits.name} may preempt the run: it is requeued and keeps its directories"
        case mode if "CANCEL" in mode:
            yield f"{limits.name} may preempt the run: it is then cancelled, not requeued"
        case mode:
            yield f"{limits.name} may preempt the run (PreemptMode {mode})"


def _default_time(limits: SlurmPartition) -> str:
    for which, minutes in (("DefaultTime", limits.default_time), ("MaxTime", limits.max_time)):
        if minutes is not None:
            return f"no --time: {limits.name}'s {which} {show_duration(minutes)} will apply"
    return f"no --time: {limits.name} sets no limit"


def _total(node: Node, kind: str | None) -> int:
    return next((gpus.total for gpus in node.gpus if gpus.type == kind), 0)


def _free(node: Node, kind: str | None) -> int:
    return next((gpus.free for gpus in node.gpus if gpus.type == kind), 0)
