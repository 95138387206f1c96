"""Fit: whether the nodes of one partition can hold a request, now or ever.

Counting is per node, never over a partition. The shape is the fewest nodes that could hold the
chips in even shares; it fits now when that many nodes have them free.
"""

from bisect import bisect_left

from attrs import evolve

from theseus.core.config.config import Partition
from theseus.core.inventory.gres import UNTYPED
from theseus.core.inventory.inventory import Node, SlurmPartition
from theseus.core.solve.slurm_reasons import (
    Busy,
    NeverFits,
    OverNodeLimit,
    Shape,
    SlurmRejection,
    TooLittleOnNodes,
    UnderNodeLimit,
)
from theseus.core.solve.slurm_site import Site, allocation_of, partition_notes
from theseus.core.solve.verdict import Allocation, Fits
from theseus.core.values import frozen

UP = frozenset({"available", "busy"})


@frozen
class Queues:
    """The partition could give *allocation*, but not now; *busy* says what is free."""

    allocation: Allocation
    busy: Busy
    notes: tuple[str, ...]


@frozen
class Field:
    """The nodes of a partition, and what is asked of them.

    *nodes* may be used, in whatever state; `exclude` and `constraint` have *ruled_out* the others.
    """

    site: Site
    partition: Partition
    limits: SlurmPartition
    nodes: tuple[Node, ...]
    ruled_out: tuple[Node, ...]

    @property
    def types_there(self) -> tuple[str, ...]:
        """The GRES types of the partition's GPUs, whatever order its nodes are in."""
        nodes = (*self.nodes, *self.ruled_out)
        return tuple(sorted({gpus.type for node in nodes for gpus in node.gpus}))

    @property
    def gpu_types(self) -> tuple[str, ...]:
        """The GRES types that will do: those there, or the one of the chip that is asked for."""
        site = self.site
        untyped = self.partition.chip == site.chip
        return tuple(
            kind
            for kind in self.types_there
            if site.chip is None or kind == site.gres_type or (kind == UNTYPED and untyped)
        )

    def verdict(self, kind: str | None) -> Fits | Queues | SlurmRejection:
        """What the nodes can give with GPUs of *kind*, None for CPUs alone."""
        up = tuple(node for node in self.nodes if node.state in UP and _holds(node, kind))
        roomy = tuple(node for node in up if self.has_room(node))
        if up and not roomy:
            return self.too_little(up)
        shape = self.shape(kind, roomy)
        if shape is None:
            return self.never(kind, roomy)
        if self.limits.max_nodes is not None and shape.nodes > self.limits.max_nodes:
            return OverNodeLimit(shape.nodes, self.limits.max_nodes)
        if shape.nodes < self.limits.min_nodes:
            return UnderNodeLimit(shape.nodes, self.limits.min_nodes)
        return self.now_or_later(kind, shape, roomy)

    def now_or_later(
        self, kind: str | None, shape: Shape, nodes: tuple[Node, ...]
    ) -> Fits | Queues:
        """Whether *shape*, which *nodes* could hold, is free on them now."""
        free = sorted(_free(node, kind) for node in nodes if self.is_free(node))
        allocation = allocation_of(self.site, self.partition, shape, kind)
        notes = tuple(partition_notes(self.limits, allocation))
        if _at_least(free, shape.per_node) >= shape.nodes:
            return Fits(allocation, sum(free), asked=True, notes=notes)
        return Queues(evolve(allocation, waits=True), self.busy(shape, free), notes)

    def has_room(self, node: Node) -> bool:
        """Whether the node, when empty, has the memory and CPUs."""
        return node.memory >= (self.site.memory or 0) and node.cpus >= (self.site.cpus or 1)

    def is_free(self, node: Node) -> bool:
        """Whether the node has the memory and CPUs now: some of each, when no amount is asked."""
        return (
            node.state == "available"
            and node.memory_free >= (self.site.memory or 1)
            and node.cpus_free >= (self.site.cpus or 1)
        )

    def shape(self, kind: str | None, nodes: tuple[Node, ...]) -> Shape | None:
        """The fewest of *nodes* that can hold the chips in even shares, or as many as asked for."""
        chips, asked = self.site.request.min_chips, self.site.request.nodes
        fewest = max(1, self.limits.min_nodes)
        if kind is None:
            wanted = asked or fewest
            return Shape(wanted, 0) if len(nodes) >= wanted else None
        totals = sorted(_total(node, kind) for node in nodes)
        for number in range(fewest, len(nodes) + 1) if asked is None else (asked,):
            per_node, uneven = divmod(chips, number)
            if not uneven and per_node and _at_least(totals, per_node) >= number:
                return Shape(number, per_node)
        return None

    def busy(self, shape: Shape, free: list[int]) -> Busy:
        """Why *shape* is not free now, and what is; *free* is sorted."""
        return Busy(
            shape,
            best=free[-1] if free else 0,
            free=sum(free),
            ready=_at_least(free, shape.per_node),
            spread=self.spread(shape, free),
            fewer=self.fewer(shape, free),
            pending=self.limits.pending,
        )

    def spread(self, shape: Shape, free: list[int]) -> Shape | None:
        """As many chips as *shape* has, on the fewest more nodes that have them free."""
        chips, most = shape.nodes * shape.per_node, len(free)
        if self.limits.max_nodes is not None:
            most = min(most, self.limits.max_nodes)
        for number in range(shape.nodes + 1, min(most, chips) + 1):
            per_node, uneven = divmod(chips, number)
            if not uneven and _at_least(free, per_node) >= number:
                return Shape(number, per_node)
        return None

    def fewer(self, shape: Shape, free: list[int]) -> int:
        """The most chips, fewer than *shape* has, that are free on as few nodes as may be asked."""
        number = self.site.request.nodes or max(1, self.limits.min_nodes)
        chips = free[-number] * number if len(free) >= number else 0
        return chips if chips < shape.nodes * shape.per_node else 0

    def never(self, kind: str | None, roomy: tuple[Node, ...]) -> NeverFits:
        """That no shape could ever run here."""
        asked, most_nodes = self.site.request.nodes, self.limits.max_nodes
        totals = sorted((_total(node, kind) for node in roomy), reverse=True)
        numbers = range(max(1, self.limits.min_nodes), len(totals) + 1)
        return NeverFits(
            needed=self.site.request.min_chips,
            nodes=asked or self.limits.min_nodes,
            largest=max(totals, default=0),
            most=max(
                (
                    totals[number - 1] * number
                    for number in numbers
                    if asked in {None, number} and number <= (most_nodes or number)
                ),
                default=0,
            ),
            usable=len(roomy),
            offline=sum(node.state not in UP and _holds(node, kind) for node in self.nodes),
            ruled_out=sum(_holds(node, kind) for node in self.ruled_out),
        )

    def too_little(self, up: tuple[Node, ...]) -> TooLittleOnNodes:
        """That none of the nodes that are *up* has the memory and CPUs."""
        return TooLittleOnNodes(
            self.site.memory,
            self.site.cpus,
            max(node.memory for node in up),
            max(node.cpus for node in up),
        )


def _holds(node: Node, kind: str | None) -> bool:
    return kind is None or _total(node, kind) > 0


def _total(node: Node, kind: str | None) -> int:
    return next((gpus.total for gpus in node.gpus if gpus.type == kind), 0)


def _free(node: Node, kind: str | None) -> int:
    return next((gpus.free for gpus in node.gpus if gpus.type == kind), 0)


def _at_least(counts: list[int], least: int) -> int:
    """How many of the sorted *counts* are *least* or more."""
    return len(counts) - bisect_left(counts, least)
