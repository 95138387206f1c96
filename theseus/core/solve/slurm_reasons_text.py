"""In words: why a SLURM partition can or cannot give what is asked, and what would fit."""

from typing import assert_never

from theseus.core.solve.slurm_reasons import (
    Busy,
    NeverFits,
    NoSuchGpus,
    NoSuchPartition,
    NotAdmitted,
    NotInGroup,
    OverChipCap,
    OverNodeLimit,
    OverTimeLimit,
    PartitionClosed,
    Shape,
    SlurmRejection,
    TooLittleOnNodes,
    UnderNodeLimit,
    UnevenShares,
)
from theseus.core.text.quantity import count, show_duration, show_memory


def explain_slurm(reason: SlurmRejection | Busy) -> str:  # noqa: C901, PLR0911, PLR0912  one arm for each reason, in one place
    """*reason* in words."""
    match reason:
        case Busy():
            return _busy(reason)
        case NoSuchPartition():
            return "the cluster shows no such partition; `sinfo` there lists them"
        case PartitionClosed():
            return "the partition is not up, or for root alone"
        case NoSuchGpus(wanted, there):
            has = f"it has {', '.join(there)}" if there else "it has no GPUs"
            return f"no GPUs of GRES type {wanted!r}; {has} (gres_mapping names a chip's type)"
        case OverChipCap(kind, needed, cap):
            chips = count(needed, "chip" if kind is None else f"{kind} chip")
            return f"needs {chips}; `chips` caps this host at {cap}"
        case UnevenShares(chips, nodes):
            return f"{count(chips, 'chip')} cannot be shared evenly by {count(nodes, 'node')}"
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
        case UnderNodeLimit(nodes, limit):
            return (
                f"needs {count(nodes, 'node')}; the partition gives one job at least {limit}; "
                f"would fit: --nodes {limit}"
            )
        case NotAdmitted(kind, value, ()):
            return f"the partition turns {kind} {value!r} away"
        case NotAdmitted(kind, value, allowed):
            return f"the partition admits {kind} {', '.join(allowed)}; {value!r} is not among them"
        case NotInGroup(groups):
            return f"the partition is for the group {' or '.join(groups)}, and you are in none"
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
    return (
        f"needs {needs(reason.shape)}; best node has {reason.best} free "
        f"({reason.free} free in all{fragmented}){_would_fit(reason)}{waiting}"
    )


def _would_fit(reason: Busy) -> str:
    ways = []
    if (spread := reason.spread) is not None:
        ways.append(f"--nodes {spread.nodes} ({spread.nodes} nodes x {spread.per_node})")
    if reason.fewer:
        ways.append(f"--n_chips {reason.fewer}")
    return f"; would fit: {' or '.join(ways)}" if ways else ""


def _never(reason: NeverFits) -> str:
    off = f", {reason.offline} down, drained or reserved" if reason.offline else ""
    out = f", {reason.ruled_out} excluded or without the constraint" if reason.ruled_out else ""
    there = f"{count(reason.usable, 'node')} can be used{off}{out}"
    if reason.needed == 0:
        return f"needs {count(max(reason.nodes, 1), 'node')}; {there}"
    on = f" on {count(reason.nodes, 'node')}" if reason.nodes else ""
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
