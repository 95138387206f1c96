"""The example project on two nodes of a cluster, through a preemption."""

import json
import re
import shutil

import pytest

from tests.e2e.nanolm_project import UV, commit_nanolm, filled_uv_cache, hand_over
from tests.e2e.slurm.cluster_desk import ClusterDesk

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("slurm")]

SIXTEEN = ("--chip", "h100", "-n", "16")
STEPS = 400


@pytest.fixture
def training(at: ClusterDesk) -> ClusterDesk:
    """A desk whose repository is nanolm, on a partition that preempts."""
    folder = at.cluster.new_folder()
    cache = filled_uv_cache(folder)
    tools = folder / "tools"
    tools.mkdir()
    shutil.copy(UV, tools / "uv")
    hand_over(folder, str(at.cluster.site.user_id))
    # both nodes are this one machine: threads of the one would only wait for the other's
    setup = [f"export PATH={tools}:$PATH OPENBLAS_NUM_THREADS=1"]
    at.configure({"partitions": ["gpu-preempt"], "setup": setup}, {"uv_cache": str(cache)})
    commit_nanolm(at.desk)
    return at


def test_both_nodes_go_on_after_a_preemption(training: ClusterDesk) -> None:
    """Two nodes learn one model; preempted, they are requeued and go on from their checkpoint."""
    cluster, tokens = training.cluster, f"training.tokens={STEPS * 8 * 64}"
    with training.following(*SIXTEEN, tokens) as (run, process):
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
