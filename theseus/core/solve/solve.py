"""Solver: where a request fits.

Hosts are considered in priority order, then the unlisted ones in file order; cluster filters come
first; the first host that satisfies the request now wins. When none does, the SLURM partitions that
could run it later are ranked by availability. What was considered is the trace.
"""

from collections.abc import Iterator
from typing import TypeAlias, assert_never

from attrs import evolve, field
from returns.result import Failure, Result, Success

from theseus.base.hardware import HardwareRequest
from theseus.core.config.config import DispatchConfig, PlainHost, SlurmHost
from theseus.core.inventory.inventory import HostSnapshot, Inventory
from theseus.core.solve.plain import Turn, consider_plain
from theseus.core.solve.ruled_out import ruled_out
from theseus.core.solve.slurm import consider_slurm
from theseus.core.solve.slurm_fit import Queues
from theseus.core.solve.slurm_reasons import Busy
from theseus.core.solve.verdict import (
    Allocation,
    Fits,
    Reason,
    TooFewFree,
    TraceLine,
    trace_line,
)
from theseus.core.values import frozen

Found: TypeAlias = Queues | Turn | Reason


@frozen
class Choice:
    """The *host* (and *partition*) that was chosen, what it gives, and how it came to that.

    *notes* are what the user should know about running there.
    """

    host: str
    partition: str | None
    allocation: Allocation
    trace: tuple[TraceLine, ...]
    notes: tuple[str, ...] = ()


@frozen
class NoFit:
    """Nothing fits; *trace* says why, host by host."""

    trace: tuple[TraceLine, ...]


@frozen
class _Candidate:
    """A place where the run would wait; *line* is its place in the trace."""

    host: str
    partition: str | None
    wait: Queues | Turn
    line: int

    @property
    def rank(self) -> tuple[int, int, int, int]:
        """Availability: most of the shape free, most chips free, fewest waiting jobs, priority."""
        match self.wait:
            case Queues(busy=busy):
                return (-busy.ready, -busy.free, busy.pending, self.line)
            case Turn(short=short):
                return (0, -short.free, short.waiting, self.line)
            case _:
                assert_never(self.wait)


@frozen
class _Search:
    """A search under way."""

    trace: list[TraceLine] = field(factory=list)
    waiting: list[_Candidate] = field(factory=list)

    def consider(self, host: str, partition: str | None, found: Found) -> Choice | None:
        """Note what was found; the choice, when the request fits there now."""
        match found:
            case Queues(busy=busy) as queues:
                self._may_wait(host, partition, queues, busy)
            case Turn(short=short) as turn:
                self._may_wait(host, partition, turn, short)
            case Fits(allocation, notes=notes) as fits:
                self.trace.append(trace_line(host, partition, fits))
                return Choice(host, partition, allocation, tuple(self.trace), notes)
            case reason:
                self.trace.append(trace_line(host, partition, reason))
        return None

    def _may_wait(
        self, host: str, partition: str | None, wait: Queues | Turn, short: Busy | TooFewFree
    ) -> None:
        self.waiting.append(_Candidate(host, partition, wait, len(self.trace)))
        self.trace.append(evolve(trace_line(host, partition, short), verdict="busy"))

    def fallback(self) -> Choice | None:
        """The place to wait in that is most available."""
        if not self.waiting:
            return None
        best = min(self.waiting, key=lambda candidate: candidate.rank)
        line = self.trace[best.line]
        self.trace[best.line] = evolve(line, verdict="chosen", reason=f"waits: {line.reason}")
        notes = best.wait.notes if isinstance(best.wait, Queues) else ()
        return Choice(best.host, best.partition, best.wait.allocation, tuple(self.trace), notes)


def solve(
    config: DispatchConfig, request: HardwareRequest, inventory: Inventory
) -> Result[Choice, NoFit]:
    """The first host that satisfies *request* now, else the best to wait on, or why none is."""
    search = _Search()
    for name in config.hosts_by_preference():
        for partition, found in _considered(config, name, request, inventory.of(name)):
            choice = search.consider(name, partition, found)
            if choice is not None:
                return Success(choice)
    fallback = search.fallback()
    return Failure(NoFit(tuple(search.trace))) if fallback is None else Success(fallback)


def _considered(
    config: DispatchConfig, name: str, request: HardwareRequest, snapshot: HostSnapshot
) -> Iterator[tuple[str | None, Found]]:
    host = config.hosts[name]
    if (without_asking := ruled_out(config, name, request)) is not None:
        yield None, without_asking
        return
    match host:
        case PlainHost():
            yield None, consider_plain(host, request, snapshot)
        case SlurmHost():
            for found in consider_slurm(host, config.gres_mapping, request, snapshot):
                yield found.partition, found.reason
        case _:
            assert_never(host)
