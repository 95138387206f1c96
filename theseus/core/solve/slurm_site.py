"""Site: what a request means on a SLURM host, and what a run of a given shape gets there.

Here: flag or job config over partition over host, the site's names, and what its limits will do to
the run. Whether it fits is for `slurm_fit.py`.
"""

from collections.abc import Iterator, Mapping

from theseus.base.chip import SUPPORTED_CHIPS
from theseus.base.hardware import HardwareRequest
from theseus.core.config.config import Partition, SlurmHost
from theseus.core.inventory.gres import UNTYPED
from theseus.core.inventory.inventory import SlurmPartition
from theseus.core.solve.slurm_reasons import Shape
from theseus.core.solve.verdict import Allocation
from theseus.core.text.quantity import show_duration
from theseus.core.values import frozen


@frozen
class Site:
    """What is asked of a SLURM *host*, with the site's GRES names filled in.

    *labels* are the GRES types of chips that are called otherwise there, by chip.
    """

    host: SlurmHost
    request: HardwareRequest
    labels: Mapping[str, str]

    @property
    def gres_type(self) -> str | None:
        """The GRES type of the chip that is asked for, None for any chip."""
        return None if self.chip is None else self.label(self.chip)

    def label(self, chip: str) -> str:
        """What *chip* is called there."""
        return self.labels.get(chip, chip).removeprefix("gpu:")

    def cap(self, partition: Partition, kind: str) -> int | None:
        """How many GPUs of GRES type *kind* the config lets a run have; None sets no limit.

        Of a kind that is no chip by name and mapping, as many as of the chip with the largest cap.
        """
        caps = self.host.chips
        if caps is None:
            return None
        named = [partition.chip] if kind == UNTYPED else _called(self, kind)
        return max((caps.get(chip, 0) for chip in named if chip is not None), default=_most(caps))

    @property
    def chip(self) -> str | None:
        """The key of the chip that is asked for, None for any."""
        return None if self.request.chip is None else self.request.chip.name

    @property
    def memory(self) -> int | None:
        """Bytes of memory for each node: flag or job config over host."""
        return self.host.mem if self.request.mem is None else self.request.mem

    @property
    def cpus(self) -> int | None:
        """CPUs for each task."""
        return self.host.cpus_per_task if self.request.cpus is None else self.request.cpus

    @property
    def has_reservation(self) -> bool:
        """Whether runs here are submitted to a reservation, by the words for sbatch."""
        return any(word.startswith("--reservation") for word in self.host.sbatch)

    def time(self, partition: Partition) -> int | None:
        """Minutes: flag or job config over partition over host, else None: the default applies."""
        for minutes in (self.request.time, partition.time, self.host.time):
            if minutes is not None:
                return minutes
        return None

    def constraint(self, partition: Partition) -> str | None:
        """The partition's constraint, else the host's."""
        return self.host.constraint if partition.constraint is None else partition.constraint


def _called(site: Site, kind: str) -> list[str]:
    return [chip for chip in SUPPORTED_CHIPS if site.label(chip) == kind]


def _most(caps: Mapping[str, int]) -> int:
    return max(caps.values(), default=0)


def allocation_of(site: Site, partition: Partition, shape: Shape, kind: str | None) -> Allocation:
    """What a run of *shape* gets, with GPUs of GRES type *kind*."""
    gres = None
    if shape.per_node:
        gres = ":".join(filter(None, ("gpu", kind, str(shape.per_node))))
    return Allocation(
        chip=site.chip,
        nodes=shape.nodes,
        chips_per_node=shape.per_node,
        memory=site.memory,
        cpus=site.cpus,
        time=site.time(partition),
        gres=gres,
        constraint=site.constraint(partition),
        exclude=site.host.exclude,
    )


def partition_notes(limits: SlurmPartition, allocation: Allocation) -> Iterator[str]:
    """What the user should know about running in a partition with *limits*."""
    if allocation.time is None:
        yield _default_time(limits)
    match limits.preempt.upper():
        case "OFF" | "(NULL)" | "N/A":
            return
        case mode if "REQUEUE" in mode:
            yield f"{limits.name} may preempt the run: it is requeued and keeps its directories"
        case mode if "CANCEL" in mode:
            yield f"{limits.name} may preempt the run: it is then cancelled, not requeued"
        case mode:
            yield f"{limits.name} may preempt the run (PreemptMode {mode})"


def _default_time(limits: SlurmPartition) -> str:
    for which, minutes in (("DefaultTime", limits.default_time), ("MaxTime", limits.max_time)):
        if minutes is not None:
            return f"no --time: {limits.name}'s {which} {show_duration(minutes)} will apply"
    return f"no --time: {limits.name} sets no limit"
