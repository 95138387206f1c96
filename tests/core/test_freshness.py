"""Freshness: a plan is stale when its target can no longer give what the plan took."""

from returns.result import Success

from tests.cases.case import CASES, planned
from theseus.core.errors import StalePlan
from theseus.core.freshness import check_fresh
from theseus.core.inventory import (
    Gpu,
    HostSnapshot,
    NotAsked,
    PlainSnapshot,
    Unreachable,
)
from theseus.core.outcome import HostUnreachable

PLAN = planned(CASES / "gpu-pinned").unwrap()  # took GPU-0001 and GPU-0002, two of three
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
    """A pinned GPU that is busy or gone makes a plan stale, though others would do."""
    assert differences(snapshot("ffbf")) == ("GPU GPU-0002 is busy",)
    assert differences(snapshot("ff")) == ("GPU GPU-0002 is gone",)


def test_too_few() -> None:
    """When the target has not enough the numbers are said."""
    (difference,) = differences(snapshot("bbf"))
    assert difference.startswith("needs 2 h100 chips; 1 free of 3")


def test_unreachable() -> None:
    """A target that does not answer is unreachable, and neither fresh nor stale."""
    error = check_fresh(PLAN, Unreachable("timed out")).failure()
    assert isinstance(error, HostUnreachable)
    assert error.reason == "timed out"
