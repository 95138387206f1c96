"""Solver: where a request fits.

Hosts are considered in priority order, then the unlisted ones in file order; cluster filters come
first; the first host that satisfies the request now wins. What was considered is the trace.
"""

from typing import assert_never

from attrs import frozen
from returns.result import Failure, Result, Success

from theseus.base.hardware import HardwareRequest
from theseus.core.config import DispatchConfig, Host, PlainHost, SlurmHost
from theseus.core.inventory import HostSnapshot, Inventory
from theseus.core.plain import consider_plain
from theseus.core.verdict import (
    Allocation,
    Fits,
    Forbidden,
    NotPreferred,
    NotYet,
    Reason,
    TraceLine,
    trace_line,
)


@frozen
class Choice:
    """The *host* (and *partition*) that was chosen, what it gives, and how it came to that."""

    host: str
    partition: str | None
    allocation: Allocation
    trace: tuple[TraceLine, ...]


@frozen
class NoFit:
    """Nothing fits; *trace* says why, host by host."""

    trace: tuple[TraceLine, ...]


def solve(
    config: DispatchConfig, request: HardwareRequest, inventory: Inventory
) -> Result[Choice, NoFit]:
    """The first host that satisfies *request*, or why none does."""
    trace: list[TraceLine] = []
    for name in config.hosts_by_preference():
        host = config.hosts[name]
        reason = (
            filtered(host, request)
            or _unsupported(config, host)
            or _consider(host, request, inventory.of(name))
        )
        trace.append(trace_line(name, None, reason))
        if isinstance(reason, Fits):
            return Success(Choice(name, None, reason.allocation, tuple(trace)))
    return Failure(NoFit(tuple(trace)))


def filtered(host: Host, request: HardwareRequest) -> NotPreferred | Forbidden | None:
    """Why the cluster filters leave *host* out, or None."""
    if host.cluster in request.forbidden_clusters:
        return Forbidden(host.cluster)
    if request.preferred_clusters and host.cluster not in request.preferred_clusters:
        return NotPreferred(host.cluster)
    return None


def _unsupported(config: DispatchConfig, host: Host) -> NotYet | None:
    """What *host* needs that this version cannot do; planning around it would be a lie."""
    if host.transport == "openssh":
        return NotYet("this version reaches hosts by asyncssh alone, not by `transport: openssh`")
    if config.clusters[host.cluster].mount is not None:
        return NotYet(f"this version does not mount JuiceFS, as cluster {host.cluster!r} asks")
    return None


def _consider(host: Host, request: HardwareRequest, snapshot: HostSnapshot) -> Reason:
    match host:
        case PlainHost():
            return consider_plain(host, request, snapshot)
        case SlurmHost():
            return NotYet("this version plans on plain hosts alone")
        case _:
            assert_never(host)
