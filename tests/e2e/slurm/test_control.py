"""Runs in SLURM that are looked after: why they wait, their end for good, and a way in."""

import pytest

from tests.e2e.slurm.cluster_desk import ClusterDesk
from tests.e2e.slurm.test_interruptions import H100, RESUMABLE

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("slurm")]


def test_pending(at: ClusterDesk) -> None:
    """A run that pends says why; it is cancelled once, and remembered so."""
    for node in ("gpu1", "gpu2"):
        at.cluster.fill(node)
    at.job("echo never")
    run = at.submit(*H100)
    run.wait_for_state("PENDING")
    at.cluster.wait_for(lambda: run.told("Reason") == "Resources", "SLURM's reason")
    waiting = at.theseus("logs", run.run_id)
    assert (waiting.status, waiting.out) == (0, "")
    assert "has not begun: it waits in SLURM's queue: what it needs is not free yet" in waiting.err
    inside = at.theseus("ssh", run.run_id, "--", "hostname")
    assert inside.status != 0
    done = at.theseus("cancel", run.run_id)
    assert done.status == 0, done.err
    assert "is cancelled; nothing of it is left on slurm" in done.err
    assert run.job.state == "CANCELLED"
    assert run.outcome()["state"] == run.metadata["state"] == "cancelled"
    again = at.theseus("cancel", run.run_id)
    assert (again.status, "was cancelled before" in again.err) == (0, True)


def test_running(at: ClusterDesk) -> None:
    """Runs on one node and on two are cancelled at once: told, and gone from every node."""
    at.job(RESUMABLE)
    one = at.submit()
    two = at.submit("-n", "2", "--nodes", "2", "--chip", "h100", name="two")
    for run in (one, two):
        run.wait_for_log("working in")
    done = at.theseus("cancel", one.run_id, "two")
    assert done.status == 0, done.err
    for run in (one, two):
        assert run.outcome()["state"] == run.metadata["state"] == "cancelled"
        assert run.job.state == "CANCELLED"
        assert (run.path("checkpoints") / "state").exists()


def test_scancel(at: ClusterDesk) -> None:
    """A run that somebody else cancels is cancelled, not preempted."""
    at.job(RESUMABLE)
    run = at.submit()
    run.wait_for_log("working in")
    at.cluster.run(["scancel", str(run.number)])
    assert run.outcome()["exit_status"] == 143
    followed = at.theseus("logs", "-f", run.run_id)
    assert followed.status == 143
    assert "cancelled with exit status 143" in followed.err
    assert run.outcome()["state"] == "cancelled"


def test_entered(at: ClusterDesk) -> None:
    """A command runs on the node of a run, in its work directory, with what its job has."""
    at.desk.program("ssh", 'exec /usr/bin/ssh -F "$HOME/.ssh/config" "$@"')
    at.job(RESUMABLE)
    run = at.submit("--chip", "h100", "-n", "2")
    run.wait_for_log("working in")
    script = 'hostname; pwd; echo "$SLURM_JOB_ID"'
    done = at.theseus("ssh", run.run_id, "--", "sh", "-c", script)
    assert done.status == 0, done.err
    assert done.out.splitlines() == [run.job.nodes, str(run.path("work")), str(run.number)]
