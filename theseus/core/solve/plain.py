"""Plain hosts: whether a request fits on one.

A plain host is one node. What counts is what its snapshot shows, capped by its `chips`; a host
that was not asked counts with what its config declares.
"""

from collections import Counter
from collections.abc import Iterator

from theseus.base.hardware import HardwareRequest
from theseus.core.config.config import PlainHost
from theseus.core.inventory.inventory import (
    Gpu,
    HostSnapshot,
    NotAsked,
    PlainSnapshot,
    SlurmSnapshot,
    Unreachable,
)
from theseus.core.solve.verdict import (
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
from theseus.core.values import frozen


@frozen
class Turn:
    """The host could give *allocation*, but not now; *short* says what is free."""

    allocation: Allocation
    short: TooFewFree


@frozen
class _Supply:
    """Chips of one kind: how many are *free*, of how many *usable*, and which GPUs they are.

    *taken* are those that are not free, and *waiting* counts the runs that wait for some of them.
    """

    free: int
    usable: int
    capped: bool
    gpus: tuple[str, ...]
    taken: tuple[str, ...] = ()
    waiting: int = 0


_NONE = _Supply(0, 0, capped=False, gpus=())


def consider_plain(
    host: PlainHost, request: HardwareRequest, snapshot: HostSnapshot
) -> Fits | Turn | Rejection:
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
        return Fits(_allocation(host, request, _NONE), 0, asked)
    return _chips(host, request, snapshot)


def _chips(
    host: PlainHost, request: HardwareRequest, snapshot: PlainSnapshot | NotAsked
) -> Fits | Turn | Rejection:
    kind = None if request.chip is None else request.chip.name
    supplies = tuple(_supplies(host, kind, snapshot))
    best = max(supplies, key=lambda supply: supply.free, default=_NONE)
    if best.free >= request.min_chips:
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
    largest = max(supplies, key=lambda supply: (supply.usable, supply.free), default=_NONE)
    return _later(host, request, largest if largest.usable >= request.min_chips else best)


def _later(host: PlainHost, request: HardwareRequest, supply: _Supply) -> Turn | TooFewFree:
    kind = None if request.chip is None else request.chip.name
    ever = supply.usable >= request.min_chips
    short = TooFewFree(
        kind,
        request.min_chips,
        supply.free,
        supply.usable,
        supply.capped,
        waiting=supply.waiting,
        may_wait=ever and not request.queue,
    )
    return Turn(_allocation(host, request, supply), short) if ever and request.queue else short


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
            yield _detected(host, there, number, snapshot)


def _kind(gpu: Gpu) -> str:
    """The chip a GPU is; one that theseus does not know is a kind of its own, by its name."""
    return gpu.name if gpu.chip is None else gpu.chip


def _detected(host: PlainHost, kind: str, number: int, snapshot: PlainSnapshot) -> _Supply:
    """The chips of one kind that are there, within the cap; who waits for one comes first."""
    cap = number if host.chips is None else min(number, host.chips.get(kind, 0))
    there = [gpu for gpu in snapshot.gpus if _kind(gpu) == kind]
    uuids = {gpu.uuid for gpu in there}
    waiting = [run for run in snapshot.waiting if uuids.intersection(run.gpus)]
    awaited = {uuid for run in waiting for uuid in run.gpus}
    free = tuple(gpu.uuid for gpu in there if not gpu.busy and gpu.uuid not in awaited)
    taken = tuple(gpu.uuid for gpu in there if gpu.uuid not in free and not gpu.divided)
    return _Supply(
        free=min(cap, len(free)),
        usable=min(cap, len(free) + len(taken)),
        capped=cap < number,
        gpus=free,
        taken=taken,
        waiting=len(waiting),
    )


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


def _allocation(host: PlainHost, request: HardwareRequest, supply: _Supply) -> Allocation:
    # a run that may wait gets whichever are free first when its turn has come
    later = supply.taken if request.queue else ()
    return Allocation(
        chip=None if request.chip is None else request.chip.name,
        nodes=1,
        chips_per_node=request.min_chips,
        gpus=(*supply.gpus, *later),
        memory=_memory(host, request),
        cpus=_cpus(host, request),
        time=host.time if request.time is None else request.time,
        waits=supply.free < request.min_chips,
    )
