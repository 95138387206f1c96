"""What comes between a run and its end: waiting, preemption, cancelling, nodes that fail."""

import json

import pytest

from tests.e2e.slurm.cluster_desk import ClusterDesk

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("slurm")]

H100 = ("--chip", "h100", "-n", "8")
# runs until it is told to stop, keeps its state then, and ends when it finds that state
RESUMABLE = """\
echo "start $THESEUS_RESTART_COUNT on $(hostname)"
state=$THESEUS_CHECKPOINT_DIR/state
if [ -e "$state" ]; then echo "resumed $(cat "$state")"; exit 0; fi
trap 'echo "at step 42" >"$state"; exit 143' TERM
echo "working in $PWD"
sleep 60 & wait
"""


def test_waits_until_there_is_room(at: ClusterDesk) -> None:
    """Where nothing is free the run queues, as the plan says, and starts once there is room."""
    held = [at.cluster.fill(node) for node in ("gpu1", "gpu2")]
    at.job("echo there at last")
    with at.following(*H100) as (run, process):
        run.wait_for_state("PENDING")
        (line,) = run.plan["trace"]
        assert line["verdict"] == "chosen"
        assert line["reason"].startswith("waits: needs 8 on one node; best node has 0 free")
        at.cluster.run(["scancel", str(held[0])])
        out, err = process.communicate()
    assert process.returncode == 0, err
    assert b"\nthere at last\n" in out


def test_best_place_to_wait(at: ClusterDesk) -> None:
    """Of the places to wait in, the one with the most free is taken, whatever the order."""
    for node, gpus in (("gpu1", 3), ("gpu2", 3), ("gpu3", 8), ("gpu4", 8)):
        at.cluster.fill(node, gpus)
    full, emptier = at.host(constraint="a100"), at.host(constraint="h100")
    at.configure(hosts={"full": full, "emptier": emptier})
    plan = at.plan("-n", "8")
    assert plan["target"]["host"] == "emptier"
    assert [line["verdict"] for line in plan["trace"]] == ["busy", "chosen"]


def test_cancelled_while_it_waits(at: ClusterDesk) -> None:
    """A run that is cancelled before it starts has not completed; SLURM's word for it is shown."""
    for node in ("gpu1", "gpu2"):
        at.cluster.fill(node)
    at.job("echo never")
    with at.following(*H100) as (run, process):
        run.wait_for_state("PENDING")
        at.cluster.run(["scancel", run.number])
        out, err = process.communicate()
    assert (process.returncode, out) == (1, b"")
    assert b"CANCELLED" in err
    assert not (run.run_dir / "outcome.json").exists()


def test_cancelled_while_it_runs(at: ClusterDesk) -> None:
    """A run that is cancelled is told, and claims no success."""
    at.job(RESUMABLE)
    with at.following() as (run, process):
        run.wait_for_log("working in")
        at.cluster.run(["scancel", run.number])
        _, err = process.communicate()
    assert process.returncode == 143, err
    assert (run.path("checkpoints") / "state").exists()
    assert run.job.state == "CANCELLED"


def test_preempted_and_resumed(at: ClusterDesk) -> None:
    """A preempted run says so, is started again with the same directories, and goes on."""
    at.configure({"partitions": ["gpu-preempt"], "exclude": ["gpu2"]})
    at.job(RESUMABLE)
    with at.following(*H100) as (run, process):
        run.wait_for_log("working in")
        intruder = at.cluster.fill("gpu1")
        at.cluster.wait_for(lambda: run.metadata["state"] == "preempted", "the record")
        assert run.outcome()["state"] == "preempted"
        at.cluster.run(["scancel", str(intruder)])
        out, err = process.communicate()
    assert process.returncode == 0, err
    assert b"start 0 on gpu1\n" in out
    assert b"start 1 on gpu1\nresumed at step 42\n" in out
    assert out.decode() == run.log
    assert run.metadata["state"] == "completed"
    assert run.metadata["restart_count"] == 1
    assert run.outcome()["state"] == "completed"
    assert len(at.cluster.jobs("-t", "all", "-n", run.job.name)) == 1


def test_requeued(at: ClusterDesk) -> None:
    """A run that somebody else requeues is the same job, and goes on from where it was."""
    at.job(RESUMABLE)
    run = at.submit()
    run.wait_for_log("working in")
    number = run.number
    at.cluster.run(["scontrol", "requeue", number])
    run.wait_for_state("PENDING")
    (row,) = json.loads(at.theseus("ps", "--json").out)
    assert row["state"] in {"queued", "preempted"}, row
    # not hurried: a node refuses a job that starts again in the second in which it was ended
    at.cluster.wait_for(lambda: run.metadata["state"] == "completed", "its second start", 60)
    assert "start 1 on" in run.log
    assert "resumed at step 42" in run.log
    assert run.outcome()["state"] == "completed"
    assert run.number == number


def test_preempted_for_good(at: ClusterDesk) -> None:
    """Where preemption cancels, the plan says so, and the run ends as preempted."""
    at.configure({"partitions": ["gpu-cancel"], "exclude": ["gpu2"]})
    at.job(RESUMABLE)
    with at.following(*H100) as (run, process):
        run.wait_for_log("working in")
        at.cluster.fill("gpu1")
        _, err = process.communicate()
    assert process.returncode == 143
    assert b"gpu-cancel may preempt the run: it is then cancelled, not requeued" in err
    assert run.outcome()["state"] == "preempted"


def test_node_is_set_down(at: ClusterDesk) -> None:
    """A run whose node is set down is started again on another."""
    at.job(RESUMABLE)
    with at.following("--chip", "h100", "-n", "1") as (run, process):
        run.wait_for_log("working in")
        node = run.job.nodes
        at.cluster.set_down(node)
        out, err = process.communicate()
    assert process.returncode == 0, err
    other = {"gpu1": "gpu2", "gpu2": "gpu1"}[node]
    assert f"start 0 on {node}\n" in out.decode()
    assert f"start 1 on {other}\n" in out.decode()


def test_node_is_lost(at: ClusterDesk) -> None:
    """A run of two nodes, one of which vanishes with all that runs there, is started again."""
    at.job(f"[ $THESEUS_RESTART_COUNT = 1 ] && echo again on $(hostname) && exit\n{RESUMABLE}")
    with at.following("-n", "2", "--nodes", "2", "--chip", "h100") as (run, process):
        run.wait_for_log("working in")
        at.cluster.lose("gpu2")
        at.cluster.set_down("gpu2")  # else SLURM takes half a minute to find out
        at.cluster.start("gpu2")
        at.cluster.resume("gpu2")
        out, err = process.communicate()
    assert process.returncode == 0, err
    assert b"again on gpu1" in out
    assert b"again on gpu2" in out


def test_log_that_the_node_does_not_see(at: ClusterDesk) -> None:
    """A run whose log lies where its node has no such directory is gone; it is said why."""
    at.configure(cluster={"log": f"{at.cluster.scratch}/logs"})
    at.job("echo never")
    finished = at.follow()
    assert (finished.status, finished.out) == (1, "")
    assert "SLURM says FAILED JobLaunchFailure; its node could not open the log" in finished.err
