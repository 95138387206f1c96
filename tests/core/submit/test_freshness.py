"""Freshness: a plan is stale when its target can no longer give what the plan took."""

from dataclasses import replace

from attrs import evolve
from returns.result import Success

from tests.cases.case import CASES, inventory, planned
from theseus.core.errors import StalePlan
from theseus.core.inventory.inventory import (
    Gpu,
    HostSnapshot,
    NotAsked,
    PlainSnapshot,
    SlurmSnapshot,
    Unreachable,
)
from theseus.core.plan.outcome import HostUnreachable
from theseus.core.submit.freshness import check_fresh

PLAN = planned(CASES / "gpu-pinned").unwrap()  # takes two of GPU-0001, 2 and 3
GIB = 2**30


def snapshot(gpus_now: str) -> PlainSnapshot:
    """A host with one GPU for each letter: `b` busy, `f` free."""
    gpus = (
        Gpu(f"GPU-{at:04d}", "NVIDIA H100 80GB HBM3", "h100", 80 * GIB, busy=each == "b")
        for at, each in enumerate(gpus_now)
    )
    return PlainSnapshot(tuple(gpus), 64, 512 * GIB)


def differences(now: HostSnapshot) -> tuple[str, ...]:
    """How the target has changed."""
    stale = check_fresh(PLAN, now).failure()
    assert isinstance(stale, StalePlan)
    return stale.differences


def test_fresh() -> None:
    """A plan whose GPUs are still free is itself, whatever the others do."""
    for now in (snapshot("bfff"), snapshot("fffb")):
        assert check_fresh(PLAN, now) == Success(PLAN)
    assert check_fresh(PLAN, NotAsked()) == Success(PLAN)


def test_busy_and_gone() -> None:
    """A plan is stale when too few of the GPUs it may take are left, though others would do."""
    assert check_fresh(PLAN, snapshot("ffbf")) == Success(PLAN)
    assert differences(snapshot("fbbff")) == ("GPU GPU-0001 is busy", "GPU GPU-0002 is busy")
    assert differences(snapshot("ff")) == ("GPU GPU-0002 is gone", "GPU GPU-0003 is gone")


def test_in_turn() -> None:
    """A plan that may wait is stale only when the GPUs it would wait for are gone."""
    plan = evolve(PLAN, request=replace(PLAN.request, queue=True))
    assert check_fresh(plan, snapshot("bbbb")) == Success(plan)
    stale = check_fresh(plan, snapshot("bb")).failure()
    assert isinstance(stale, StalePlan)
    assert stale.differences == ("GPU GPU-0002 is gone", "GPU GPU-0003 is gone")


def test_too_few() -> None:
    """When the target has not enough the numbers are said."""
    (difference,) = differences(snapshot("bbf"))
    assert difference.startswith("needs 2 h100 chips; 1 free of 3")


def test_unreachable() -> None:
    """A target that does not answer is unreachable, and neither fresh nor stale."""
    error = check_fresh(PLAN, Unreachable("timed out")).failure()
    assert isinstance(error, HostUnreachable)
    assert error.reason == "timed out"


SLURM = planned(CASES / "slurm-two-nodes").unwrap()
WAITS = planned(CASES / "slurm-fragmented").unwrap()


def cluster(case: str) -> HostSnapshot:
    """What the cluster of a case says."""
    return inventory(CASES / case).of("login")


def test_slurm_fresh() -> None:
    """A plan for SLURM is fresh where its shape is free, or could wait as it was planned to."""
    assert check_fresh(SLURM, cluster("slurm-two-nodes")) == Success(SLURM)
    assert check_fresh(WAITS, cluster("slurm-fragmented")) == Success(WAITS)
    assert check_fresh(WAITS, cluster("slurm-nodes-asked")) == Success(WAITS)


def test_slurm_that_would_wait() -> None:
    """A plan that was to start at once is stale where it would wait."""
    stale = check_fresh(SLURM, cluster("slurm-fragmented")).failure()
    assert isinstance(stale, StalePlan)
    (difference,) = stale.differences
    assert difference.startswith("it would wait now: needs 6 on each of 2 nodes")


def test_slurm_that_never_fits() -> None:
    """A plan that its partition can no longer hold is stale, with the reason."""
    stale = check_fresh(SLURM, cluster("slurm-reject-closed")).failure()
    assert isinstance(stale, StalePlan)
    assert stale.differences == ("the partition is not up, or for root alone",)


def test_slurm_without_types() -> None:
    """Where the GRES has no type the plan's chip is what the partition was said to have."""
    plan = planned(CASES / "slurm-untyped").unwrap()
    assert check_fresh(plan, cluster("slurm-untyped")) == Success(plan)


def test_slurm_of_another_type() -> None:
    """A generic plan took one GRES type: that others are free does not keep it fresh."""
    plan = planned(CASES / "slurm-generic").unwrap()
    assert plan.allocation.gres == "gpu:h100_80gb:2"
    found = cluster("slurm-generic")
    assert isinstance(found, SlurmSnapshot)
    assert check_fresh(plan, found) == Success(plan)
    types = {gpus.type for node in found.nodes for gpus in node.gpus}
    assert types == {"a100", "h100_80gb"}
    swapped = tuple(
        evolve(
            node,
            gpus=tuple(
                evolve(gpus, used=gpus.total if gpus.type == "h100_80gb" else 0)
                for gpus in node.gpus
            ),
        )
        for node in found.nodes
    )
    stale = check_fresh(plan, evolve(found, nodes=swapped)).failure()
    assert isinstance(stale, StalePlan)
    (difference,) = stale.differences
    assert difference.startswith("it would wait now: needs 2 on one node; best node has 0 free")
