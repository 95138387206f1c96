"""Runs on two nodes, from batch.sh to the outcome, on a stand-in for SLURM."""

import time

import pytest
from attrs import evolve

from tests.runtime import slurm
from tests.runtime.host import Site, Source, read, until
from tests.runtime.test_bootstrap import LOCK, PROJECT

pytestmark = pytest.mark.slow

NODES = {"chip": "h100", "total_chips": 16, "nodes": 2, "chips_per_node": 8}
# Ends at once with $END<rank>, or runs until it is told to stop; then with $TOLD<rank>.
JOB = """\
import os, signal, sys, time
rank = os.environ["RANK"]
def say(text):
    os.write(1, f"{rank}: {text}\\n".encode())
def told(*_):
    say("told")
    time.sleep(0.6)
    sys.exit(int(os.environ.get("TOLD" + rank, "4")))
signal.signal(signal.SIGTERM, told)
names = "WORLD_SIZE NODE_RANK LOCAL_RANK MASTER_ADDR JAX_PROCESS_ID THESEUS_RESTART_COUNT"
say("runs " + " ".join(os.environ[name] for name in names.split()))
end = os.environ.get("END" + rank)
time.sleep(float(os.environ.get("SLEEP" + rank, "0")))
if end is None:
    time.sleep(40)
sys.exit(int(end))
"""


def source(**variables: str) -> Source:
    """A run on two nodes whose job heeds *variables*."""
    return Source(
        files={"job.py": JOB},
        command=("python3", "job.py"),
        hardware=NODES,
        variables=variables,
        secrets={"TOKEN": "x"},
    )


def project() -> Source:
    """A run on two nodes in an environment of its own."""
    files = {"pyproject.toml": PROJECT, "uv.lock": LOCK}
    script = "import os, sys; os.write(1, f'in {sys.prefix}\\n'.encode())"
    return Source(files=files, command=("python3", "-c", script), hardware=NODES)


def both_run(site: Site) -> None:
    """Wait until the job runs on both nodes."""
    slurm.says(site, "0: runs", "1: runs")


def test_both_nodes_take_part(site: Site) -> None:
    """Each node runs the job with its rank and one address; the main one speaks for both."""
    slurm.lay(site, source(END0="0", END1="0", SLEEP1="0.5"))
    assert slurm.start(site).status() == 0, site.log
    assert "0: runs 2 0 0 node0 0 0\n" in site.log
    assert "1: runs 2 1 0 node0 1 0\n" in site.log
    assert site.log.index("node1: job completed") < site.log.index("theseus: job completed")
    assert (site.outcome["state"], site.outcome["work_dir"]) == ("completed", None)
    assert site.metadata["hardware"]["hosts"] == ["node0", "node1"]
    assert list(site.work_dir.parent.iterdir()) == []
    assert not (site.run_dir / "secrets.env").exists()


def test_what_srun_is_told(site: Site) -> None:
    """One bootstrap runs on each node, in the environment and on all the CPUs of the job."""
    slurm.lay(site, source(END0="0", END1="0"))
    assert slurm.start(site).status() == 0
    words = slurm.words_of_srun(site)
    expected = {"--export=ALL", "--nodes=2", "--ntasks=2", "--ntasks-per-node=1", "--wait=0"}
    assert {*expected, "--kill-on-bad-exit=1", "--cpus-per-task=4", "--input=none"} == {*words[:-4]}
    assert words[-4:] == ["bash", f"{site.run_dir}/bootstrap.sh", str(site.run_dir), "0"]


def test_a_shared_work_directory(site: Site) -> None:
    """Both nodes work in the work directory where both see it, and in one environment."""
    slurm.lay(site, project())
    assert slurm.start(site).status() == 0, site.log
    assert site.log.count("building the environment") == 1
    assert site.log.count(f"in {site.work_dir}/.venv\n") == 2
    assert list(site.work_dir.parent.iterdir()) == []


def test_work_directories_of_their_own(site: Site) -> None:
    """Each node unpacks for itself where it does not see the other's work directory."""
    slurm.lay(site, project())
    slurm.apart(site)
    assert slurm.start(site).status() == 0, site.log
    assert site.log.count("building the environment") == 1
    for node in ("node0", "node1"):
        assert f"in {site.home}/local-{node}/r1/.venv\n" in site.log
        assert list((site.home / f"local-{node}").iterdir()) == []


def test_a_work_directory_of_its_own_that_holds_a_result(site: Site) -> None:
    """A node keeps its own work directory when its job left something there."""
    command = ("bash", "-c", '[ "$RANK" = 0 ] || echo 1 >result')
    slurm.lay(site, Source(command=command, hardware=NODES))
    slurm.apart(site)
    assert slurm.start(site).status() == 0, site.log
    assert not (site.home / "local-node0/r1").exists()
    assert (site.home / "local-node1/r1/result").exists()
    assert f"theseus: node1: the work directory is kept: {site.home}/local-node1/r1" in site.log


def test_another_node_fails(site: Site) -> None:
    """The run has failed with the node that failed, though the main one was told to stop."""
    slurm.lay(site, source(END1="9"))
    assert slurm.start(site).status() == 9, site.log
    assert (site.outcome["state"], site.outcome["exit_status"]) == ("failed", 9)
    assert site.outcome["message"] == "on node node1: ended with exit status 9"
    assert site.log.count("0: told") == 1
    assert site.metadata["state"] == "failed"
    assert site.outcome["work_dir"] == str(site.work_dir)


def test_another_node_fails_after_the_main_one_is_done(site: Site) -> None:
    """A run has completed when all of its nodes have."""
    slurm.lay(site, source(END0="0", END1="9", SLEEP1="1"))
    assert slurm.start(site).status() == 9, site.log
    assert site.outcome["message"] == "on node node1: ended with exit status 9"


def test_the_main_node_fails(site: Site) -> None:
    """What the main node says counts when it failed first."""
    slurm.lay(site, source(END0="8"))
    assert slurm.start(site).status() == 8
    assert site.outcome["message"] == "ended with exit status 8"
    assert site.log.count("1: told") == 1


def test_the_first_to_fail_counts(site: Site) -> None:
    """Where one node's failure brings down the others, the message is that of the first."""
    slurm.lay(site, source(END0="8", SLEEP0="0.7", END1="9"))
    assert slurm.start(site).status() == 9, site.log
    assert site.outcome["message"] == "on node node1: ended with exit status 9"


def test_another_node_cannot_start(site: Site) -> None:
    """A node that fails before the job fails the run, and the stage is told."""
    setup = '[ "$SLURM_PROCID" = 0 ] || exit 5\n'
    slurm.lay(site, evolve(source(), setup=setup))
    assert slurm.start(site).status() != 0
    assert (site.outcome["state"], site.outcome["exit_status"]) == ("failed", 5)
    assert site.outcome["stage"] == "environment"
    assert site.outcome["message"].startswith("on node node1: ")


def test_nodes_that_are_told_to_stop(site: Site) -> None:
    """Each job is told once, though SLURM tells every process, and the run is preempted."""
    slurm.lay(site, source(TOLD0="4", TOLD1="6"))
    job = slurm.start(site)
    both_run(site)
    job.told()
    assert job.status() == 4
    assert (site.log.count("0: told"), site.log.count("1: told")) == (1, 1)
    assert site.outcome["state"] == site.metadata["state"] == "preempted"
    assert site.outcome["message"] == "ended with exit status 4 after SIGTERM had told it to stop"
    assert (site.run_dir / "secrets.env").exists()


def test_a_job_that_breaks_off_before_its_node_is_told(site: Site) -> None:
    """A job that ends badly because another node was told first is preempted as well."""
    slurm.lay(site, source(END1="9", SLEEP1="1.2"))
    job = slurm.start(site)
    both_run(site)
    until((site.run_dir / "nodes/node1/job.group").exists)
    time.sleep(1.5)
    job.told()
    job.status()
    assert site.outcome["state"] == "preempted", site.log


def test_a_job_that_saves_and_ends_well(site: Site) -> None:
    """In SLURM a job that ends well upon being told may start again, and is preempted."""
    slurm.lay(site, source(TOLD0="0", TOLD1="0"))
    job = slurm.start(site)
    both_run(site)
    job.told()
    assert job.status() == 0
    assert site.outcome["state"] == "preempted"


def test_a_requeued_run(site: Site) -> None:
    """It has the same directories, a higher restart count, and goes on with the same log."""
    slurm.lay(site, source())
    job = slurm.start(site)
    both_run(site)
    job.told()
    job.status()
    before = site.log
    with (site.run_dir / "job.env").open("a") as file:
        file.write("END0=0\nEND1=0\n")
    assert slurm.start(site, restarts=2).status() == 0, site.log
    assert site.log.startswith(before)
    assert f"the work directory is there from an earlier start: {site.work_dir}" in site.log
    assert "1: runs 2 1 0 node0 1 2\n" in site.log
    assert (site.metadata["state"], site.metadata["restart_count"]) == ("completed", 2)
    assert read(site.run_dir / "outcome-preempted.json")["state"] == "preempted"


def test_a_run_that_lost_a_node(site: Site) -> None:
    """A run that left no outcome starts again, whatever it left behind."""
    slurm.lay(site, source())
    job = slurm.start(site)
    both_run(site)
    job.lost()
    (site.work_dir.parent / "r1.new-node0-1").mkdir()
    with (site.run_dir / "job.env").open("a") as file:
        file.write("END0=0\nEND1=0\n")
    assert slurm.start(site, restarts=1).status() == 0, site.log
    assert site.outcome["state"] == "completed"
    assert site.metadata["restart_count"] == 1


def test_a_run_whose_time_is_over(site: Site) -> None:
    """A run stopped when its time is over has failed, and its message says so."""
    slurm.lay(site, source())
    job = slurm.start(site, left=100)
    both_run(site)
    job.told()
    assert job.status() == 4
    assert site.outcome["state"] == site.metadata["state"] == "failed"
    assert site.outcome["message"].startswith("stopped at its time limit (ended with exit status 4")
    assert not (site.run_dir / "secrets.env").exists()
