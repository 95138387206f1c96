"""Working on the login machine itself: `transport: local` for a SLURM host, without ssh."""

import json
import re

import pytest

from tests.e2e.slurm.cluster import SlurmCluster
from tests.e2e.slurm.cluster_desk import ClusterDesk, cluster_desk

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("slurm")]


SUBMIT = ("submit", "demo", "train.yaml")


@pytest.fixture
def here(slurm: SlurmCluster) -> ClusterDesk:
    """The desk of the cluster's user, on the login machine: all its files are that user's."""
    at = cluster_desk(slurm.new_folder(), slurm)
    at.configure(hosts={"here": at.host(transport="local", ssh=None)})
    at.job('echo "$(id -un) on $(hostname) with <$CUDA_VISIBLE_DEVICES>"; ls job.sh')
    at.cluster.run(["chown", "-R", at.cluster.user, str(at.desk.place)])
    return at


def test_submit_and_follow(here: ClusterDesk) -> None:
    """A run is submitted and followed from the login machine as from afar."""
    finished = here.on_login_machine(*SUBMIT, "--follow", "--chip", "h100", "-n", "1")
    assert finished.status == 0, finished.err
    assert re.search(rf"{here.cluster.user} on gpu[12] with <0>\njob.sh\n", finished.out)
    assert here.only_run().metadata["state"] == "completed"


def test_plans_and_hosts(here: ClusterDesk) -> None:
    """What is free is asked there, plans are checked with SLURM and applied."""
    hosts = json.loads(here.on_login_machine("hosts", "--json").out)
    assert {(row["host"], row["total"]) for row in hosts} == {("here", 16), ("here", 64)}
    plan = str(here.desk.place / "plan.json")
    planned = here.on_login_machine("plan", "demo", "train.yaml", "--check", "-o", plan)
    assert planned.status == 0, planned.err
    assert "SLURM would take it" in planned.err
    run = here.started(here.on_login_machine("apply", plan, "--json"))
    assert run.outcome()["state"] == "completed"
