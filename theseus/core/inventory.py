"""Inventory: what hosts said about themselves at one moment. A snapshot, never a live thing.

A host that did not answer is `Unreachable`, never "free" and never "empty"; a host that was not
asked is `NotAsked`, and what the config declares about it counts.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import TypeAlias

from attrs import frozen


@frozen
class Gpu:
    """One GPU: memory in bytes; *busy* when compute processes hold 10 % of it or more.

    *chip* is the key of the chip its name stands for, None for one that theseus does not know.
    """

    uuid: str
    name: str
    chip: str | None
    memory: int
    busy: bool


@frozen
class Tools:
    """Programs found on the host; *python* is the version of python3."""

    uv: bool = False
    git: bool = False
    zstd: bool = False
    python: str | None = None


@frozen
class PlainSnapshot:
    """What a plain host said: its GPUs, CPU count, available memory in bytes, and tools.

    *broken* is what a driver's tool complained of instead of listing its GPUs.
    """

    gpus: tuple[Gpu, ...]
    cpus: int
    memory_available: int
    tools: Tools = Tools()
    broken: str | None = None


@frozen
class Unreachable:
    """The host was asked and gave no usable answer."""

    reason: str


@frozen
class NotAsked:
    """Nobody asked the host."""


HostSnapshot: TypeAlias = PlainSnapshot | Unreachable | NotAsked


@frozen
class Inventory:
    """The snapshots of some hosts by name; every other host was not asked."""

    hosts: Mapping[str, HostSnapshot] = MappingProxyType({})

    def of(self, host: str) -> HostSnapshot:
        """The snapshot of *host*."""
        return self.hosts.get(host, NotAsked())
