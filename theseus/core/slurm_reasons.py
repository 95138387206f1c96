"""Why a SLURM partition can or cannot give what is asked, with numbers and in words."""

from typing import TypeAlias, assert_never

from attrs import frozen

from theseus.core.quantity import count, show_duration, show_memory


@frozen
class Shape:
    """Chips on *nodes* nodes, *per_node* on each."""

    nodes: int
    per_node: int


@frozen
class Busy:
    """The shape could run here, and is not free now.

    *best* is the most chips free on one node, *free* on all; *others* are shapes that are free.
    """

    shape: Shape
    best: int
    free: int
    others: tuple[Shape, ...]
    pending: int


@frozen
class NoSuchPartition:
    """The cluster has no such partition, or not for this user."""


@frozen
class PartitionClosed:
    """The partition is not up."""


@frozen
class NoSuchGpus:
    """No node of the partition has GPUs of GRES type *wanted*; *there* are the types it has."""

    wanted: str
    there: tuple[str, ...]


@frozen
class OverChipCap:
    """The config caps the chips of this host below what is asked."""

    kind: str
    needed: int
    cap: int


@frozen
class NeverFits:
    """No nodes that are up could ever hold the request.

    *largest* is the most chips on one node, *most* the most in even shares. *usable* nodes count:
    up, not excluded, matching the constraint, roomy enough. *offline* ones do not.
    """

    needed: int
    nodes: int | None
    largest: int
    most: int
    usable: int
    offline: int


@frozen
class TooLittleOnNodes:
    """No node has the memory (bytes) and CPUs asked for beside its chips."""

    memory: int | None
    cpus: int | None
    largest_memory: int
    most_cpus: int


@frozen
class OverTimeLimit:
    """The time asked for, in minutes, is above the partition's."""

    asked: int
    limit: int


@frozen
class OverNodeLimit:
    """The nodes needed are more than the partition gives one job."""

    nodes: int
    limit: int


@frozen
class NotAdmitted:
    """The partition admits other accounts or QOS; *kind* is which, *allowed* those it lists."""

    kind: str
    value: str | None
    allowed: tuple[str, ...]


SlurmRejection: TypeAlias = (
    NoSuchPartition
    | PartitionClosed
    | NoSuchGpus
    | OverChipCap
    | NeverFits
    | TooLittleOnNodes
    | OverTimeLimit
    | OverNodeLimit
    | NotAdmitted
)


def explain_slurm(reason: SlurmRejection | Busy) -> str:  # noqa: C901, PLR0911, PLR0912  one arm for each
    """*reason* in words."""
    match reason:
        case Busy():
            return _busy(reason)
        case NoSuchPartition():
            return "the cluster shows no such partition; `sinfo` there lists them"
        case PartitionClosed():
            return "the partition is not up"
        case NoSuchGpus(wanted, there):
            has = f"it has {', '.join(there)}" if there else "it has no GPUs"
            return f"no GPUs of GRES type {wanted!r}; {has} (gres_mapping names a chip's type)"
        case OverChipCap(kind, needed, cap):
            chips = count(needed, f"{kind} chip".strip())
            return f"needs {chips}; `chips` caps this host at {cap}"
        case NeverFits():
            return _never(reason)
        case TooLittleOnNodes():
            return _too_little(reason)
        case OverTimeLimit(asked, limit):
            return (
                f"time {show_duration(asked)} is above the partition's limit "
                f"{show_duration(limit)}; would fit: --time {show_duration(limit)}"
            )
        case OverNodeLimit(nodes, limit):
            return f"needs {nodes} nodes; the partition gives one job {limit}"
        case NotAdmitted(kind, value, allowed):
            got = "none is given" if value is None else f"{value!r} is not among them"
            return f"the partition admits {kind} {', '.join(allowed)}; {got}"
        case _:
            assert_never(reason)


def needs(shape: Shape) -> str:
    """*shape* as what is needed."""
    if shape.per_node == 0:
        return count(shape.nodes, "node")
    where = "one node" if shape.nodes == 1 else f"each of {shape.nodes} nodes"
    return f"{shape.per_node} on {where}"


def _busy(reason: Busy) -> str:
    waiting = f"; {count(reason.pending, 'job')} waiting" if reason.pending else ""
    if reason.shape.per_node == 0:
        return f"needs {needs(reason.shape)}; CPUs or memory are taken{waiting}"
    fragmented = ", fragmented" if reason.free >= reason.shape.nodes * reason.shape.per_node else ""
    fit = " or ".join(
        f"--nodes {other.nodes} ({other.nodes} nodes x {other.per_node})"
        if other.nodes > 1
        else f"--n_chips {other.per_node}"
        for other in reason.others
    )
    would = f"; would fit: {fit}" if fit else ""
    return (
        f"needs {needs(reason.shape)}; best node has {reason.best} free "
        f"({reason.free} free in all{fragmented}){would}{waiting}"
    )


def _never(reason: NeverFits) -> str:
    off = f", {reason.offline} down or drained" if reason.offline else ""
    there = f"{count(reason.usable, 'node')} can be used{off}"
    if reason.needed == 0:
        return f"needs {count(reason.nodes or 1, 'node')}; {there}"
    on = "" if reason.nodes is None else f" on {count(reason.nodes, 'node')}"
    fit = f"; would fit: --n_chips {reason.most}" if 0 < reason.most < reason.needed else ""
    return (
        f"needs {count(reason.needed, 'chip')}{on} in even shares; the largest node has "
        f"{reason.largest}, {there}{fit}"
    )


def _too_little(reason: TooLittleOnNodes) -> str:
    parts = []
    if reason.memory is not None and reason.memory > reason.largest_memory:
        has = show_memory(reason.largest_memory)
        parts.append(f"needs {show_memory(reason.memory)} of memory, the largest node has {has}")
    if reason.cpus is not None and reason.cpus > reason.most_cpus:
        parts.append(f"needs {count(reason.cpus, 'CPU')}, the largest node has {reason.most_cpus}")
    return "; ".join(parts) or "no node has chips, memory and CPUs together as asked"
