"""What is said of a cluster before anything runs there: `theseus hosts`, saved plans, `--check`."""

import json
import re

import pytest

from tests.e2e.slurm.cluster_desk import ClusterDesk

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("slurm")]

ALL = ["gpu", "gpu-short", "gpu-preempt", "fast"]


def test_table(at: ClusterDesk) -> None:
    """A row for each partition and chip: what is free on nodes of which size, states, limits."""
    at.configure({"partitions": ALL})
    at.cluster.fill("gpu1", 3)
    at.cluster.fill("gpu2", 8)
    at.cluster.drain("gpu4")
    finished = at.theseus("hosts")
    assert finished.status == 0, finished.err
    rows = [re.split(r"\s{2,}", line.strip()) for line in finished.out.splitlines()]
    head = ["HOST", "PARTITION", "CHIP", "FREE/TOTAL", "STATE", "LIMITS"]
    h100 = ["h100", "2 x 8: 5/16 (5 on one)", "2 available"]
    a100 = ["a100-sxm4-80gb", "2 x 8: 8/16 (8 on one)", "1 available, 1 offline"]
    limits = {
        "gpu": "time 2-00:00:00",
        "gpu-short": "time 00:10:00, nodes 1",
        "gpu-preempt": "time 7-00:00:00, preempt requeue",
    }
    of_gpus = [["slurm", name, *kind, limits[name]] for name in limits for kind in (h100, a100)]
    none = ["slurm", "fast", "-", "-", "no such partition", "-"]
    cpus = ["slurm", "cpu", "-", "2 x 32 CPUs: 64/64 (32 on one)", "2 available"]
    assert rows == [head, *of_gpus, none, [*cpus, "time 1-00:00:00"]]


def test_unreachable_beside_others(at: ClusterDesk) -> None:
    """A host that cannot be reached has a row that says why, beside those that can."""
    at.configure(hosts={"slurm": at.host(), "lost": at.host(ssh="nowhere.invalid")})
    finished = at.theseus("hosts", "--json")
    assert finished.status == 0
    rows = {row["host"]: row for row in json.loads(finished.out)}
    assert rows["slurm"]["reachable"]
    assert not rows["lost"]["reachable"]
    assert rows["lost"]["state"].startswith("unreachable: ")


def test_saved_inventory(at: ClusterDesk) -> None:
    """A plan against a saved inventory is by what was free then, and asks nobody."""
    saved = str(at.desk.place / "inventory.json")
    finished = at.theseus("hosts", "--json", "--save", saved)
    rows = [row for row in json.loads(finished.out) if row["partition"] == "gpu"]
    assert [(row["chip"], row["free"], row["total"]) for row in rows] == [
        ("h100", 16, 16),
        ("a100-sxm4-80gb", 16, 16),
    ]
    for node in ("gpu1", "gpu2"):
        at.cluster.fill(node)
    (at.desk.home / ".ssh").unlink()
    words = ("--chip", "h100", "-n", "16", "--inventory", saved)
    assert at.plan(*words)["allocation"]["waits"] is False


def _partition(at: ClusterDesk, name: str, setting: str) -> None:
    at.cluster.run(["scontrol", "update", f"partitionname={name}", setting])


def test_partitions_that_are_not_shown(at: ClusterDesk) -> None:
    """A hidden partition is used as any; of one that is for others it is said for whom."""
    at.configure({"partitions": ["gpu-short", "gpu-cancel"]})
    _partition(at, "gpu-short", "allowgroups=root")
    _partition(at, "gpu-cancel", "hidden=yes")
    try:
        at.job("true")
        run = at.submit("--chip", "h100", "-n", "1")
        refused = at.theseus("plan", "demo", "train.yaml", "--chip", "h100", "-n", "99")
    finally:
        _partition(at, "gpu-short", "allowgroups=ALL")
        _partition(at, "gpu-cancel", "hidden=no")
    assert run.job.partition == "gpu-cancel"
    assert "the partition is for the group root, and you are in none" in refused.err


def test_check(at: ClusterDesk) -> None:
    """`--check` asks SLURM with the very words of the submission when it would start."""
    at.job("true")
    finished = at.theseus("plan", "demo", "train.yaml", "--check", "--chip", "h100", "-n", "16")
    assert finished.status == 0, finished.err
    assert re.search(r"SLURM would take it: .* to start at .* on nodes gpu\[1-2\]", finished.err)
    assert at.cluster.jobs("-t", "all", "-n", "demo") == ()
    assert not at.runs.exists()


def test_stale_plan(at: ClusterDesk) -> None:
    """A saved plan whose nodes were taken since is refused, with the difference; unless forced."""
    at.job("true")
    plan = str(at.desk.place / "plan.json")
    words = ("--chip", "h100", "-n", "16", "-o", plan)
    assert at.theseus("plan", "demo", "train.yaml", *words).status == 0
    at.cluster.fill("gpu2", 1)
    stale = at.theseus("apply", plan)
    assert stale.status == 3
    assert "needs 8 on each of 2 nodes; best node has 8 free (15 free in all)" in stale.err
    assert not at.runs.exists()
    run = at.started(at.theseus("apply", plan, "--force", "--json"))
    assert run.job.state == "PENDING"
