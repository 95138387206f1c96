"""Verdicts: what the solver made of each host it considered, with the numbers.

A reason is a value; `explain` below is the one place where it becomes text.
"""

from typing import Literal, TypeAlias

from theseus.core.solve.slurm_reasons import Busy, SlurmRejection
from theseus.core.solve.slurm_reasons_text import explain_slurm
from theseus.core.text.quantity import count, show_memory
from theseus.core.values import frozen


@frozen
class Allocation:
    """What a run gets on its host.

    *chip* is None for a generic or CPU request: the runtime finds out. *gpus* are the uuids (or
    indexes) of the GPUs that will do, when the host was asked: it takes the first it can lease.
    *memory* is in bytes for each node, *time* in minutes. *gres*, *constraint* and *exclude* are as
    sbatch takes them. *waits* says that nothing was free when it was chosen.
    """

    chip: str | None
    nodes: int
    chips_per_node: int
    gpus: tuple[str, ...] = ()
    memory: int | None = None
    cpus: int | None = None
    time: int | None = None
    gres: str | None = None
    constraint: str | None = None
    exclude: tuple[str, ...] = ()
    waits: bool = False

    @property
    def total_chips(self) -> int:
        """Chips over all nodes."""
        return self.nodes * self.chips_per_node


@frozen
class Fits:
    """The host can give *allocation* now; *free* chips are free, or declared when not asked.

    None are declared where the config of a cluster that was not asked sets no limit.
    *notes* are what the user should know about running there.
    """

    allocation: Allocation
    free: int | None
    asked: bool
    notes: tuple[str, ...] = ()


@frozen
class NotPreferred:
    """`--cluster` names clusters, and this host's is not among them."""

    cluster: str


@frozen
class Forbidden:
    """`--exclude-cluster` names this host's cluster."""

    cluster: str


@frozen
class NoAnswer:
    """The host was asked and did not answer."""

    reason: str


@frozen
class TooFewFree:
    """*free* of the *usable* chips are free; *kind* is the chip, None for any one kind.

    *waiting* runs wait for their turn there; *may_wait* says that this one could.
    """

    kind: str | None
    needed: int
    free: int
    usable: int
    capped: bool
    waiting: int = 0
    may_wait: bool = False


@frozen
class DriverBroken:
    """The host's driver tool complains, so its chips cannot be counted."""

    complaint: str


@frozen
class ChipsUnknown:
    """The host was not asked, and its config declares no chips."""

    kind: str | None
    needed: int


@frozen
class TooLittleMemory:
    """Bytes *needed* and *available*."""

    needed: int
    available: int


@frozen
class TooFewCpus:
    """CPUs *needed* and there."""

    needed: int
    cpus: int


@frozen
class OneNodeOnly:
    """More nodes were asked for than the one that a plain host is."""

    nodes: int


Reason: TypeAlias = (
    Fits
    | NotPreferred
    | Forbidden
    | NoAnswer
    | TooFewFree
    | DriverBroken
    | ChipsUnknown
    | TooLittleMemory
    | TooFewCpus
    | OneNodeOnly
    | Busy
    | SlurmRejection
)
Rejection: TypeAlias = (
    NoAnswer | TooFewFree | DriverBroken | ChipsUnknown | TooLittleMemory | TooFewCpus | OneNodeOnly
)


@frozen
class TraceLine:
    """One host or partition that was considered: the *verdict* and, in words, the *reason*."""

    host: str
    partition: str | None
    verdict: Literal["chosen", "busy", "rejected", "unreachable", "filtered"]
    reason: str


def trace_line(host: str, partition: str | None, reason: Reason) -> TraceLine:
    """The line of the decision trace for *reason*."""
    match reason:
        case Fits():
            return TraceLine(host, partition, "chosen", explain(reason))
        case NotPreferred() | Forbidden():
            return TraceLine(host, partition, "filtered", explain(reason))
        case NoAnswer():
            return TraceLine(host, partition, "unreachable", explain(reason))
        case Busy():
            return TraceLine(host, partition, "busy", explain(reason))
        case _:
            return TraceLine(host, partition, "rejected", explain(reason))


def nobody_answered(trace: tuple[TraceLine, ...]) -> bool:
    """Whether hosts were asked and not one of them answered."""
    asked = [line for line in trace if line.verdict != "filtered"]
    return bool(asked) and all(line.verdict == "unreachable" for line in asked)


def explain(reason: Reason) -> str:  # noqa: C901, PLR0911, PLR0912  one arm for each reason, in one place
    """*reason* in words, with its numbers and what would fit."""
    match reason:
        case Fits(allocation, free, asked):
            return _fits(allocation, free, asked=asked)
        case NotPreferred(cluster):
            return f"its cluster {cluster!r} is not in --cluster"
        case Forbidden(cluster):
            return f"its cluster {cluster!r} is in --exclude-cluster"
        case NoAnswer(complaint):
            return complaint
        case TooFewFree():
            return _too_few(reason)
        case DriverBroken(complaint):
            return f"its chips cannot be counted: {complaint}"
        case ChipsUnknown(kind, needed):
            return (
                f"needs {_chips(needed, kind)}; the host was not asked and its config "
                "declares no `chips`"
            )
        case TooLittleMemory(needed, available):
            fit = f"{available // 2**30}G" if available >= 2**30 else f"{available // 2**20}M"
            return (
                f"needs {show_memory(needed)} of memory; {show_memory(available)} is available; "
                f"would fit: --mem {fit}"
            )
        case TooFewCpus(needed, cpus):
            return f"needs {count(needed, 'CPU')}; it has {cpus}; would fit: --cpus {cpus}"
        case OneNodeOnly(nodes):
            return f"needs {nodes} nodes; a plain host is one"
        case _:
            return explain_slurm(reason)


def _fits(allocation: Allocation, free: int | None, *, asked: bool) -> str:
    if allocation.total_chips == 0:
        return "needs no chips; CPUs do"
    kind = "" if allocation.chip is None else f"{allocation.chip} "
    needs = f"needs {count(allocation.total_chips, f'{kind}chip')}"
    if free is None:
        return f"{needs}; the cluster was not asked, and the config sets it no limit"
    return f"{needs}; {free} {'free now' if asked else 'declared in the config'}"


def _too_few(reason: TooFewFree) -> str:
    cap = " (capped by `chips`)" if reason.capped else ""
    waiting = f", {count(reason.waiting, 'run')} waiting" if reason.waiting else ""
    fits = [f"--n_chips {reason.free}"] * bool(reason.free) + ["--queue"] * reason.may_wait
    fit = f"; would fit: {' or '.join(fits)}" if fits else ""
    return (
        f"needs {_chips(reason.needed, reason.kind)}; {reason.free} free of "
        f"{reason.usable}{cap}{waiting}{fit}"
    )


def _chips(number: int, kind: str | None) -> str:
    return f"{count(number, 'chip')} of one kind" if kind is None else count(number, f"{kind} chip")
