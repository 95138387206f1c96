"""Ids of jobs in arrays: one line of SLURM's may stand for many."""

import pytest

from theseus.core.plan.array_id import covers


@pytest.mark.parametrize(
    ("said", "job_id", "expected"),
    [
        ("7", "7", True),
        ("7_1", "7_1", True),
        ("7_1", "7_11", False),
        ("7_[0-7]", "7_0", True),
        ("7_[0-7]", "7_8", False),
        ("7_[0-7]", "17_0", False),
        ("7_[0-7]", "7_x", False),
        ("7_[1,3-5%2]", "7_4", True),
        ("7_[1,3-5%2]", "7_2", False),
        ("7_[0-8:2]", "7_4", True),
        ("7_[0-8:2]", "7_5", False),
        ("7_[0-3,...]", "7_2", True),
        ("7_[0-3,...]", "7_9", False),
    ],
)
def test_covers(said: str, job_id: str, *, expected: bool) -> None:
    """A list of indexes stands for each job in it, and for no other."""
    assert covers(said, job_id) is expected
