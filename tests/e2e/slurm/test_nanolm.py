"""The example project on two nodes of a cluster, through a preemption."""

import json
import re
import shutil
from collections.abc import Mapping
from typing import Any

import pytest

from tests.e2e.nanolm_project import UV, commit_nanolm, filled_uv_cache, hand_over
from tests.e2e.slurm.cluster_desk import ClusterDesk

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("slurm")]

SIXTEEN = ("--chip", "h100", "-n", "16")
STEPS = 400


def training(at: ClusterDesk, host: Mapping[str, Any]) -> ClusterDesk:
    """A desk whose repository is nanolm; the cluster's users have uv, and *host* says more."""
    folder = at.cluster.new_folder()
    cache = filled_uv_cache(folder)
    tools = folder / "tools"
    tools.mkdir()
    shutil.copy(UV, tools / "uv")
    hand_over(folder, str(at.cluster.site.user_id))
    # both nodes are this one machine: threads of the one would only wait for the other's
    setup = [f"export PATH={tools}:$PATH OPENBLAS_NUM_THREADS=1"]
    at.configure({"setup": setup, **host}, {"uv_cache": str(cache)})
    commit_nanolm(at.desk)
    return at


def test_environment_of_the_login_node(at: ClusterDesk) -> None:
    """With `env_on: login` the environment is there when the job starts: no node builds it."""
    finished = training(at, {"env_on": "login"}).follow("training.tokens=20000")
    assert finished.status == 0, finished.out + finished.err
    assert "the environment is there" in finished.out
    assert "building the environment" not in finished.out
    assert "loss" in finished.out


def test_both_nodes_go_on_after_a_preemption(at: ClusterDesk) -> None:
    """Two nodes learn one model; preempted, they are requeued and go on from their checkpoint."""
    cluster, tokens = at.cluster, f"training.tokens={STEPS * 8 * 64}"
    desk = training(at, {"partitions": ["gpu-preempt"]})
    with desk.following(*SIXTEEN, tokens) as (run, process):
        run.wait_for_log("step 100 ")
        intruder = cluster.fill("gpu1")
        cluster.wait_for(lambda: run.metadata["state"] == "preempted", "the record")
        cluster.run(["scancel", str(intruder)])
        out, err = (output.decode() for output in process.communicate())
    assert process.returncode == 0, out + err
    assert out.count("process 1 of 2 learns from its share") == 2
    stopped = re.findall(r"stopped after step (\d+); the state", out)
    assert stopped == re.findall(r"going on after step (\d+),", out)
    assert 100 <= int(stopped[0]) < STEPS
    summary = json.loads((run.path("results") / "summary.json").read_text())
    assert summary["steps"] == STEPS
    assert summary["final_loss"] < summary["first_loss"] - 1
    assert run.metadata["restart_count"] == 1
