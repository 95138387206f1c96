"""`theseus doctor` on a real cluster: the config against the site, and a look from a node."""

import json

import pytest

from tests.e2e.slurm.cluster_desk import ClusterDesk

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("slurm")]


def test_login_node(at: ClusterDesk) -> None:
    """What the config says of the site is there, and a compute node sees the share."""
    at.configure()
    finished = at.theseus("doctor", "--deep", "--json")
    (host,) = json.loads(finished.out)
    found = {check["name"]: (check["result"], check["found"]) for check in host["checks"]}
    assert finished.status == 0, finished.out
    assert found["slurm"][0] == "PASS"
    assert found["partition gpu"][0] == "PASS"
    assert found["compute node"][0] == "PASS"
    assert "reads and writes" in found["compute node"][1]


def test_config_that_does_not_fit(at: ClusterDesk) -> None:
    """A partition and a GRES label that the site does not have fail, with what is there."""
    at.configure({"partitions": ["gpi"], "gres_mapping": {"h100": "h200_141gb"}})
    finished = at.theseus("doctor", "slurm")
    assert finished.status == 1
    assert "did you mean 'gpu'?" in finished.out
    assert "no node has gpu:h200_141gb" in finished.out
