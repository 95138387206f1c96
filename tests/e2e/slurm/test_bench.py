"""The benchmarks that submit run, at sizes that say nothing about speed."""

import pytest

from bench import many, submitting
from bench.sources import Size
from tests.e2e.slurm.cluster import SlurmCluster

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("slurm")]
SMALL = Size(3, 3_000)


def test_submitting(slurm: SlurmCluster) -> None:
    """Both transports submit a changed tree and one that is there, over a link that counts."""
    rows = list(submitting.rows(slurm, SMALL, 1, (0,)))
    assert len(rows) == 4
    by_asyncssh, by_openssh = rows[0].what, rows[2].what
    assert "asyncssh, tree changed, 1 connection" in by_asyncssh
    assert "openssh, tree changed, 0 connections" in by_openssh


def test_many(slurm: SlurmCluster) -> None:
    """A sweep is one upload over one connection, however many runs it has."""
    *rows, uploads, connections = many.rows(slurm, SMALL, 1, (1, 3))
    assert [row.what[:17] for row in rows[:2]] == ["submit 1 run in o", "submit 3 runs in "]
    assert (uploads.measured, connections.measured) == ("1", "1")
