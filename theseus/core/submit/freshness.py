"""Freshness: whether a saved plan's target can still give what the plan took from it."""

from typing import assert_never

from returns.result import Failure, Result, Success

from theseus.base.chip import SUPPORTED_CHIPS, Chip
from theseus.base.hardware import HardwareRequest
from theseus.core.config.config import Partition, PlainHost, SlurmHost
from theseus.core.errors import StalePlan
from theseus.core.inventory.inventory import (
    HostSnapshot,
    NotAsked,
    PlainSnapshot,
    SlurmSnapshot,
    Unreachable,
)
from theseus.core.plan.outcome import HostUnreachable
from theseus.core.plan.plan import Plan
from theseus.core.solve.plain import Turn, consider_plain
from theseus.core.solve.slurm import consider_slurm
from theseus.core.solve.slurm_fit import Queues
from theseus.core.solve.verdict import Fits, explain


def check_fresh(plan: Plan, snapshot: HostSnapshot) -> Result[Plan, StalePlan | HostUnreachable]:
    """*plan* itself when its target, as *snapshot* shows it now, can still give the allocation."""
    host = plan.target.host
    match snapshot:
        case Unreachable(reason):
            return Failure(HostUnreachable(host, reason, "see that `ssh` reaches it"))
        case PlainSnapshot():
            differences = _plain_differences(plan, snapshot)
        case SlurmSnapshot():
            differences = _slurm_differences(plan, snapshot)
        case NotAsked():
            differences = ()
        case _:
            assert_never(snapshot)
    return Failure(StalePlan(host, differences)) if differences else Success(plan)


def _again(plan: Plan, chip: Chip | None) -> HardwareRequest:
    """What the plan took, as a request for *chip*."""
    allocation = plan.allocation
    return HardwareRequest(
        chip=chip,
        min_chips=allocation.total_chips,
        mem=allocation.memory,
        cpus=allocation.cpus,
        time=allocation.time,
        nodes=allocation.nodes,
        queue=plan.request.queue,
    )


def _plain_differences(plan: Plan, snapshot: PlainSnapshot) -> tuple[str, ...]:
    again = _again(plan, plan.request.chip)
    verdict = consider_plain(PlainHost(cluster=plan.target.cluster), again, snapshot)
    if not isinstance(verdict, Fits | Turn):
        return (explain(verdict),)
    busy = {gpu.uuid for gpu in snapshot.gpus if gpu.busy and not plan.request.queue}
    there = {gpu.uuid for gpu in snapshot.gpus}
    missing = (
        *(f"GPU {uuid} is busy" for uuid in plan.allocation.gpus if uuid in busy),
        *(f"GPU {uuid} is gone" for uuid in plan.allocation.gpus if uuid not in there),
    )
    # any of those that were free will do
    enough = len(plan.allocation.gpus) - len(missing) >= plan.allocation.chips_per_node
    return () if enough else missing


def _slurm_differences(plan: Plan, snapshot: SlurmSnapshot) -> tuple[str, ...]:
    allocation, kind = plan.allocation, _gres_type(plan)
    partition = Partition(
        plan.target.partition or "",
        constraint=allocation.constraint,
        chip=allocation.chip if kind is None else None,
    )
    host = SlurmHost(plan.target.cluster, (partition,), exclude=allocation.exclude)
    # a plan for any chip has the GRES type of one: whichever stands for it is called that
    chip = plan.request.chip or (None if kind is None else SUPPORTED_CHIPS["h100"])
    mapping = {} if chip is None or kind is None else {chip.name: kind}
    (found,) = consider_slurm(host, mapping, _again(plan, chip), snapshot)
    match found.reason:
        case Fits():
            return ()
        case Queues(busy=busy):
            return () if allocation.waits else (f"it would wait now: {explain(busy)}",)
        case reason:
            return (explain(reason),)


def _gres_type(plan: Plan) -> str | None:
    """The GRES type in `gpu:TYPE:COUNT`; None when the site has none."""
    parts = (plan.allocation.gres or "").split(":")
    return parts[1] if len(parts) == 3 else None
