"""Why a run has not begun, in words."""

import pytest

from theseus.core.runs.waiting import Waiting, explain_waiting, read_waiting

# squeue(1), "JOB REASON CODES", and what Slurm 20 to 24 print besides
REASONS = {
    "None": "has not looked at it yet",
    "Priority": "others are before it",
    "Resources": "is not free yet",
    "Dependency": "the run it waits for has not completed",
    "DependencyNeverSatisfied": "will never start: cancel it",
    "BeginTime": "its time to begin has not come",
    "JobHeldUser": "scontrol release",
    "JobHeldAdmin": "an administrator holds it",
    "JobHoldMaxRequeue": "again and again",
    "launch failed requeued held": "again and again",
    "PartitionTimeLimit": "never start so: cancel it, and submit it with less --time",
    "PartitionNodeLimit": "fewer --nodes",
    "PartitionDown": "its partition is closed",
    "PartitionInactive": "its partition is closed",
    "ReqNodeNotAvail, UnavailableNodes:gpu[1-2]": "down, drained, or reserved",
    "Nodes required for job are DOWN, DRAINED or reserved": "down, drained, or reserved",
    "NodeDown": "a node it needs is down",
    "BadConstraints": "another constraint",
    "Reservation": "its reservation",
    "Licenses": "licenses",
    "InvalidAccount": "correct `account`",
    "InvalidQOS": "correct `qos`",
    "QOSMaxGRESPerJob": "one run may not have that much",
    "AssocMaxCpuPerJobLimit": "one run may not have that much",
    "AssocGrpGRESMinutes": "budget",
    "QOSMaxWallDurationPerJobLimit": "one run may not have that much",
    "QOSMaxJobsPerUserLimit": "reached by what runs already",
    "QOSMaxGRESPerUser": "reached by what runs already",
    "AssocGrpGRES": "reached by what runs already",
    "MaxJobsPerAccount": "reached by what runs already",
    "JobArrayTaskLimit": "array",
    "Prolog": "made ready",
    "SomethingNew": "a reason of its own (SomethingNew)",
}


@pytest.mark.parametrize("reason", REASONS)
def test_reasons(reason: str) -> None:
    """Each reason of SLURM has words, which say what to do; the code itself stands among them."""
    text = explain_waiting(Waiting("PENDING", reason))
    assert REASONS[reason] in text
    assert text.startswith("it waits in SLURM's queue: ")
    assert reason == "None" or f"({reason})" in text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "within a minute"),
        (59, "within a minute"),
        (60, "in about 1 minute"),
        (7199, "in about 120 minutes"),
        (7200, "in about 2 hours"),
        (200_000, "in about 2 days"),
    ],
)
def test_expected_start(seconds: int, text: str) -> None:
    """When SLURM expects the run to start is said as people say it."""
    waiting = read_waiting(f"PENDING|{seconds}|Priority")
    assert explain_waiting(waiting).endswith(f"; SLURM expects it to start {text}")


def test_not_known_when() -> None:
    """Where SLURM does not know when, nothing is said of it."""
    waiting = read_waiting("PENDING||None")
    assert waiting == Waiting("PENDING", "None")
    assert "expects" not in explain_waiting(waiting)


def test_after_another() -> None:
    """A run on a plain host that waits for another says for which."""
    text = explain_waiting(read_waiting("AFTER||20261124-131501-k7f2qx"))
    assert text == "it waits on its host for run 20261124-131501-k7f2qx to complete: wait"
