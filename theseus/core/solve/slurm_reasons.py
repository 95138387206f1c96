"""Why a SLURM partition can or cannot give what is asked, with numbers.

Values alone: `slurm_reasons_text.py` puts them in words.
"""

from typing import TypeAlias

from theseus.core.values import frozen


@frozen
class Shape:
    """Chips on *nodes* nodes, *per_node* on each."""

    nodes: int
    per_node: int


@frozen
class Busy:
    """The shape could run here, and is not free now.

    *best* is the most chips free on one node, *free* on all, *ready* how many nodes have a node's
    share free. *spread* is the same on more nodes, *fewer* how many chips, that are free now.
    """

    shape: Shape
    best: int
    free: int
    ready: int
    spread: Shape | None
    fewer: int
    pending: int


@frozen
class NoSuchPartition:
    """The cluster has no such partition, or not for this user."""


@frozen
class PartitionClosed:
    """The partition is not up, or only root may use it."""


@frozen
class NoSuchGpus:
    """No node of the partition has GPUs of GRES type *wanted*; *there* are the types it has."""

    wanted: str
    there: tuple[str, ...]


@frozen
class OverChipCap:
    """The config caps the chips of this host below what is asked; *kind* None is any one kind."""

    kind: str | None
    needed: int
    cap: int


@frozen
class UnevenShares:
    """The chips cannot be shared evenly by as many nodes as were asked for."""

    chips: int
    nodes: int


@frozen
class NeverFits:
    """No nodes that are up could ever hold the request.

    *largest* is the most chips on one node, *most* the most in even shares. *usable* nodes count:
    up, matching, roomy enough. *offline* ones do not, nor those *ruled_out* by `exclude` and
    `constraint`.
    """

    needed: int
    nodes: int
    largest: int
    most: int
    usable: int
    offline: int
    ruled_out: int


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
class UnderNodeLimit:
    """The nodes asked for are fewer than the partition gives one job."""

    nodes: int
    limit: int


@frozen
class NotInGroup:
    """The partition is for *groups* of the system alone, and the user is in none of them."""

    groups: tuple[str, ...]


@frozen
class NotAdmitted:
    """The partition turns the account or QOS (*kind*) away; it may list those *allowed*."""

    kind: str
    value: str
    allowed: tuple[str, ...] = ()


SlurmRejection: TypeAlias = (
    NoSuchPartition
    | PartitionClosed
    | NoSuchGpus
    | OverChipCap
    | UnevenShares
    | NeverFits
    | TooLittleOnNodes
    | OverTimeLimit
    | OverNodeLimit
    | UnderNodeLimit
    | NotAdmitted
    | NotInGroup
)
