"""Inventory: what hosts said about themselves at one moment. A snapshot, never a live thing.

A host that did not answer is `Unreachable`, never "free" and never "empty"; a host that was not
asked is `NotAsked`, and what the config declares about it counts.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Literal, TypeAlias

from theseus.core.inventory.gres import NodeGpus
from theseus.core.values import frozen


@frozen
class Lease:
    """Who holds a GPU: *user* and *run*, as they say themselves."""

    user: str
    run: str


@frozen
class Gpu:
    """One GPU: memory in bytes; *busy* when it is leased, or processes hold 10 % of it or more.

    *chip* is the key of the chip its name stands for, None for one that theseus does not know. One
    that is *divided* (MIG) cannot be had whole, and is busy too.
    """

    uuid: str
    name: str
    chip: str | None
    memory: int
    busy: bool
    divided: bool = False
    lease: Lease | None = None


@frozen
class Tools:
    """Programs found on the host; *python* is the version of python3."""

    uv: bool = False
    git: bool = False
    zstd: bool = False
    python: str | None = None


@frozen
class WaitingRun:
    """A run that waits on a host for its turn: by *lease*, and which *gpus* it may get, by uuid."""

    lease: Lease
    gpus: tuple[str, ...]


@frozen
class PlainSnapshot:
    """What a plain host said: its GPUs, CPU count, available memory in bytes, and tools.

    *broken* is what a driver's tool complained of instead of listing its GPUs, *faults* of single
    ones, which are not among *gpus*; *waiting* are the runs that wait there, the next one first.
    """

    gpus: tuple[Gpu, ...]
    cpus: int
    memory_available: int
    tools: Tools = Tools()
    broken: str | None = None
    faults: tuple[str, ...] = ()
    waiting: tuple[WaitingRun, ...] = ()


NodeState: TypeAlias = Literal["available", "busy", "reserved", "offline", "unknown"]
"""available: jobs may start now; busy: up, none may start; reserved: up, for some; offline: not up.
"""


@frozen
class Node:
    """A SLURM node: its GPUs by GRES type, CPUs and memory in bytes, in all and free."""

    name: str
    state: NodeState
    gpus: tuple[NodeGpus, ...]
    cpus: int
    cpus_free: int
    memory: int
    memory_free: int
    features: tuple[str, ...] = ()


@frozen
class SlurmPartition:
    """A partition: limits (times in minutes, None without one), who may use it, its *nodes*' names.

    *cpus_per_node* and *memory_per_node*, in bytes, are the most it gives of one node. *preempt* is
    its PreemptMode; *pending* counts the jobs that wait there. None in *accounts* and *qos* lets
    everyone in; *groups_lacking* are those it is for where the user is in none of them.
    """

    name: str
    up: bool
    nodes: tuple[str, ...]
    max_time: int | None = None
    default_time: int | None = None
    min_nodes: int = 0
    max_nodes: int | None = None
    cpus_per_node: int | None = None
    memory_per_node: int | None = None
    preempt: str = "OFF"
    accounts: tuple[str, ...] | None = None
    denied_accounts: tuple[str, ...] = ()
    qos: tuple[str, ...] | None = None
    denied_qos: tuple[str, ...] = ()
    groups_lacking: tuple[str, ...] = ()
    pending: int = 0


@frozen
class SlurmSnapshot:
    """What a SLURM cluster said: nodes and partitions of the config, and Slurm's *version*."""

    nodes: tuple[Node, ...]
    partitions: tuple[SlurmPartition, ...]
    version: str


@frozen
class Unreachable:
    """The host was asked and gave no usable answer."""

    reason: str


@frozen
class NotAsked:
    """Nobody asked the host."""


HostSnapshot: TypeAlias = PlainSnapshot | SlurmSnapshot | Unreachable | NotAsked


@frozen
class Inventory:
    """The snapshots of some hosts by name; every other host was not asked."""

    hosts: Mapping[str, HostSnapshot] = MappingProxyType({})

    def of(self, host: str) -> HostSnapshot:
        """The snapshot of *host*."""
        return self.hosts.get(host, NotAsked())
