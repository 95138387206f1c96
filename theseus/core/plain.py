"""Plain hosts: whether a request fits on one.

A plain host is one node. What counts is what its snapshot shows, capped by its `chips`; a host
that was not asked counts with what its config declares.
"""

from collections import Counter
from collections.abc import Iterator

from attrs import frozen

from theseus.base.hardware import HardwareRequest
from theseus.core.config import PlainHost
from theseus.core.inventory import (
    Gpu,
    HostSnapshot,
    NotAsked,
    PlainSnapshot,
    SlurmSnapshot,
    Unreachable,
)
from theseus.core.verdict import (
    Allocation,
    ChipsUnknown,
    DriverBroken,
    Fits,
    NoAnswer,
    OneNodeOnly,
    Rejection,
    TooFewCpus,
    TooFewFree,
    TooLittleMemory,
)


@frozen
class _Supply:
    """Chips of one kind: how many are *free*, of how many *usable*, and which GPUs they are."""

    free: int
    usable: int
    capped: bool
    gpus: tuple[str, ...]


def consider_plain(
    host: PlainHost, request: HardwareRequest, snapshot: HostSnapshot
) -> Fits | Rejection:
    """Whether *request* fits on *host* now."""
    if isinstance(snapshot, Unreachable):
        return NoAnswer(snapshot.reason)
    if isinstance(snapshot, SlurmSnapshot):
        return NoAnswer("the inventory holds a SLURM cluster of this name, the config a plain host")
    limit = _beyond_limits(host, request, snapshot)
    if limit is not None:
        return limit
    asked = isinstance(snapshot, PlainSnapshot)
    if request.min_chips == 0:
        return Fits(_allocation(host, request, None), 0, asked)
    return _chips(host, request, snapshot)


def _chips(
    host: PlainHost, request: HardwareRequest, snapshot: PlainSnapshot | NotAsked
) -> Fits | Rejection:
    kind = None if request.chip is None else request.chip.name
    best = max(_supplies(host, kind, snapshot), key=lambda supply: supply.free, default=None)
    if best is not None and best.free >= request.min_chips:
        return Fits(
            _allocation(host, request, best), best.free, isinstance(snapshot, PlainSnapshot)
        )
    match snapshot:
        case NotAsked() if host.chips is None:
            return ChipsUnknown(kind, request.min_chips)
        case PlainSnapshot(broken=str(complaint)):
            return DriverBroken(complaint)
        case _:
            pass
    if best is None:
        return TooFewFree(kind, request.min_chips, 0, 0, capped=False)
    return TooFewFree(kind, request.min_chips, best.free, best.usable, best.capped)


def _supplies(
    host: PlainHost, kind: str | None, snapshot: PlainSnapshot | NotAsked
) -> Iterator[_Supply]:
    if isinstance(snapshot, NotAsked):
        for chip, declared in (host.chips or {}).items():
            # CPUs are not what a generic request means by chips
            if kind in {None, chip} and chip != "cpu":
                yield _Supply(declared, declared, capped=False, gpus=())
        return
    for there, number in Counter(_kind(gpu) for gpu in snapshot.gpus).items():
        if kind in {None, there}:
            yield _detected(host, there, number, snapshot.gpus)


def _kind(gpu: Gpu) -> str:
    """The chip a GPU is; one that theseus does not know is a kind of its own, by its name."""
    return gpu.name if gpu.chip is None else gpu.chip


def _detected(host: PlainHost, kind: str, number: int, gpus: tuple[Gpu, ...]) -> _Supply:
    """The chips of one kind that are there, within the host's cap."""
    cap = number if host.chips is None else min(number, host.chips.get(kind, 0))
    free = tuple(gpu.uuid for gpu in gpus if _kind(gpu) == kind and not gpu.busy)
    return _Supply(min(cap, len(free)), cap, capped=cap < number, gpus=free)


def _beyond_limits(
    host: PlainHost, request: HardwareRequest, snapshot: PlainSnapshot | NotAsked
) -> Rejection | None:
    if (request.nodes or 1) > 1:
        return OneNodeOnly(request.nodes or 1)
    if not isinstance(snapshot, PlainSnapshot):
        return None
    needed = _memory(host, request)
    if needed is not None and needed > snapshot.memory_available:
        return TooLittleMemory(needed, snapshot.memory_available)
    cpus = _cpus(host, request)
    if cpus is not None and cpus > snapshot.cpus:
        return TooFewCpus(cpus, snapshot.cpus)
    return None


def _memory(host: PlainHost, request: HardwareRequest) -> int | None:
    return host.mem if request.mem is None else request.mem


def _cpus(host: PlainHost, request: HardwareRequest) -> int | None:
    return host.cpus_per_task if request.cpus is None else request.cpus


def _allocation(host: PlainHost, request: HardwareRequest, supply: _Supply | None) -> Allocation:
    return Allocation(
        chip=None if request.chip is None else request.chip.name,
        nodes=1,
        chips_per_node=request.min_chips,
        gpus=() if supply is None else supply.gpus,
        memory=_memory(host, request),
        cpus=_cpus(host, request),
    )
