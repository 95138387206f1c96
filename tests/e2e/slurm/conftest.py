"""Fixtures of the tests on a real SLURM cluster.

Mark each module that uses them, so that one worker runs all of its tests on one cluster:
`pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("slurm")]`.
"""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.slurm.cluster import SlurmCluster, running_cluster
from tests.e2e.slurm.cluster_desk import ClusterDesk, cluster_desk
from tests.e2e.slurm.requirements import missing


def require_cluster(*, accounting: bool) -> None:
    """Where no cluster can run: fail in CI, skip elsewhere, with the reason."""
    reason = missing(accounting=accounting)
    if reason and os.environ.get("CI") == "true":
        pytest.fail(reason)
    if reason:
        pytest.skip(reason)  # which program or right this machine lacks for a cluster


@pytest.fixture(scope="session")
def plain_cluster() -> Iterator[SlurmCluster]:
    """The cluster of the session: no accounting, slurm.conf in /etc/slurm."""
    require_cluster(accounting=False)
    with running_cluster(accounting=False) as cluster:
        yield cluster


@pytest.fixture(scope="session")
def accounting_cluster() -> Iterator[SlurmCluster]:
    """The accounting cluster of the session: slurm.conf where SLURM_CONF of the login says."""
    require_cluster(accounting=True)
    with running_cluster(accounting=True) as cluster:
        yield cluster


@pytest.fixture
def slurm(plain_cluster: SlurmCluster) -> SlurmCluster:
    """A cluster without jobs, every node idle."""
    plain_cluster.clear()
    return plain_cluster


@pytest.fixture
def slurm_accounting(accounting_cluster: SlurmCluster) -> SlurmCluster:
    """A cluster with accounting, without jobs, every node idle."""
    accounting_cluster.clear()
    return accounting_cluster


@pytest.fixture
def at(slurm: SlurmCluster, tmp_path: Path) -> ClusterDesk:
    """A desk with the cluster as its host."""
    return cluster_desk(tmp_path, slurm)


@pytest.fixture
def at_accounting(slurm_accounting: SlurmCluster, tmp_path: Path) -> ClusterDesk:
    """A desk with the accounting cluster as its host."""
    return cluster_desk(tmp_path, slurm_accounting)
