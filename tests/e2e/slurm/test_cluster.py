"""The test cluster itself: what the other tests in this folder build on."""

import os
import subprocess
import time

import pytest

from tests.e2e.slurm.cluster import SlurmCluster, running_cluster
from tests.e2e.slurm.conftest import require_cluster
from tests.e2e.slurm.processes import processes_in

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("slurm")]


def test_every_node_is_idle_before_a_test(slurm: SlurmCluster) -> None:
    """Six nodes are idle, and there is no job."""
    assert slurm.states() == dict.fromkeys(slurm.nodes, "idle")
    assert slurm.jobs() == ()


def test_user_submits_through_ssh(slurm: SlurmCluster) -> None:
    """A job that a user submits by ssh runs on two nodes with the GPUs it asked for."""
    script = "srun -l printenv SLURMD_NODENAME USER CUDA_VISIBLE_DEVICES"
    done = slurm.ssh(f'sbatch --wait -N2 --gres=gpu:2 -o out --wrap "{script}" && sort out')
    said = ["0: 0,1", "0: gpu1", "0: researcher", "1: 0,1", "1: gpu2", "1: researcher"]
    assert done.stdout.splitlines()[1:] == said


def test_storage_is_shared_except_scratch(slurm: SlurmCluster) -> None:
    """Every machine sees the same folders, and a scratch of its own."""
    shared = slurm.new_folder()
    slurm.as_user(["touch", str(shared / "here"), str(slurm.scratch / "here")], machine="gpu1")
    seen = slurm.as_user(["ls", str(shared), str(slurm.scratch)], machine="gpu2").stdout
    assert seen.count("here") == 1
    assert (slurm.scratch_of("gpu1") / "here").exists()
    assert not (slurm.scratch_of("gpu2") / "here").exists()


def test_full_nodes_take_no_more_jobs(slurm: SlurmCluster) -> None:
    """A job waits while all GPUs of its kind are held, and starts when one is free."""
    held = [slurm.fill(node) for node in ("gpu1", "gpu2")]
    slurm.as_user(["sbatch", "--gres=gpu:h100_80gb:1", "-J", "waits", "--wrap", "sleep 60"])
    assert [(job.name, job.state) for job in slurm.jobs() if job.name != "wrap"] == [
        ("waits", "PENDING")
    ]
    slurm.as_user(["scancel", str(held[0])])
    slurm.wait_for(lambda: slurm.jobs("-n", "waits", "-t", "RUNNING"), "the job to start")


def test_clear_undoes_what_tests_do_to_nodes(slurm: SlurmCluster) -> None:
    """Drained, downed and lost nodes are idle again after `clear`, whatever runs there."""
    slurm.fill("gpu1", 3)
    slurm.hold("cpu2", "--requeue")
    slurm.drain("gpu1")
    slurm.set_down("cpu2")
    slurm.lose("gpu4")
    assert slurm.states()["gpu1"] == "draining"
    slurm.clear()
    assert slurm.states() == dict.fromkeys(slurm.nodes, "idle")
    assert slurm.jobs() == ()


def test_accounts_of_this_machine_do_not_matter(slurm: SlurmCluster) -> None:
    """The user stays known while users come and go on the machine that runs the tests."""
    name = f"theseus{os.getpid()}"
    subprocess.run(["useradd", "--no-create-home", name], check=True, capture_output=True)
    subprocess.run(["userdel", name], check=True, capture_output=True)
    assert slurm.as_user(["id", "-un"], machine="gpu1").stdout == f"{slurm.user}\n"


def test_accounting_knows_the_user(slurm_accounting: SlurmCluster) -> None:
    """With accounting, an unknown account is refused and a job leaves a record."""
    submit = ["sbatch", "--wait", "-p", "cpu", "-o", "/dev/null", "--wrap", "exit 3"]
    refused = slurm_accounting.as_user([*submit, "-A", "nobody"], check=False)
    assert "Invalid account" in refused.stderr
    assert slurm_accounting.as_user([*submit, "-A", "lab"], check=False).returncode == 3
    ask = ["sacct", "-XPn", "-o", "account,exitcode"]
    slurm_accounting.wait_for(lambda: "lab|3:0" in slurm_accounting.as_user(ask).stdout, "a record")


def test_cluster_is_up_soon_and_leaves_nothing() -> None:
    """A second cluster beside the first is up in ten seconds, and gone with all that it ran."""
    require_cluster(accounting=False)
    begin = time.monotonic()
    with running_cluster(accounting=False) as cluster:
        assert time.monotonic() - begin < 10
        cluster.fill("gpu3")
        namespaces, folder = cluster.namespaces(), cluster.site.folder
        assert all(processes_in(namespace) for namespace in namespaces)
    assert not any(processes_in(namespace) for namespace in namespaces)
    assert not folder.exists()
    listed = subprocess.run(["ps", "-eo", "args"], check=True, capture_output=True, text=True)
    assert str(folder) not in listed.stdout
