"""What a cluster would refuse, or leave waiting for ever: known before, or said with what to do."""

from pathlib import Path

import pytest

from tests.e2e.slurm.cluster import running_cluster
from tests.e2e.slurm.cluster_desk import ClusterDesk, cluster_desk
from tests.e2e.slurm.conftest import require_cluster
from tests.e2e.slurm.site import CONTROLLER

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("slurm")]

NEVER: tuple[tuple[tuple[str, ...], dict[str, object], str], ...] = (
    (("--chip", "h100", "-n", "24"), {}, "needs 24 chips in even shares; the largest node has 8"),
    (("--chip", "b200", "-n", "1"), {}, "no GPUs of GRES type 'b200'; it has"),
    (("-n", "1"), {"partitions": ["cpu"]}, "no GPUs of GRES type 'gpu'; it has no GPUs"),
    (("-n", "1"), {"partitions": ["fast"]}, "the cluster shows no such partition"),
    (("-n", "1"), {"constraint": "sm100"}, "0 nodes can be used"),
    (("-n", "0", "--mem", "900G"), {}, "needs 900 GiB of memory, the largest node has 125 GiB"),
    (("-n", "0", "--cpus", "99"), {}, "needs 99 CPUs, the largest node has 32"),
    (("-n", "0", "--nodes", "9"), {}, "needs 9 nodes; 2 nodes can be used"),
    (("-n", "0", "--time", "2d"), {}, "time 2-00:00:00 is above the partition's limit 1-00:00:00"),
    (("-n", "16"), {"partitions": ["gpu-short"]}, "needs 2 nodes; the partition gives one job 1"),
    (("-n", "4"), {"chips": {"h100": 2}}, "needs 4 chips; `chips` caps this host at 2"),
)


@pytest.mark.parametrize(("words", "host", "reason"), NEVER, ids=lambda value: str(value)[:30])
def test_never_submitted(
    at: ClusterDesk, words: tuple[str, ...], host: dict[str, object], reason: str
) -> None:
    """What SLURM would refuse, or accept and never start, is refused by the plan with a reason."""
    at.configure(host)
    finished = at.theseus("plan", "demo", "train.yaml", "--explain", *words)
    assert (finished.status, finished.out) == (3, "")
    assert reason in finished.err


def test_closed_and_drained(at: ClusterDesk) -> None:
    """A partition that is down takes no run, and neither do drained nodes; the plan says so."""
    for node in ("cpu1", "cpu2"):
        at.cluster.drain(node)
    drained = at.theseus("plan", "demo", "train.yaml", "--explain")
    assert drained.status == 3
    assert "0 nodes can be used, 2 down, drained or reserved" in drained.err
    close = ["scontrol", "update", "partitionname=cpu"]
    at.cluster.run([*close, "state=down"])
    try:
        closed = at.theseus("plan", "demo", "train.yaml", "--explain")
    finally:
        at.cluster.run([*close, "state=up"])
    assert (closed.status, "the partition is not up" in closed.err) == (3, True)


REFUSED: tuple[tuple[dict[str, object], str, str], ...] = (
    ({"account": "nobody"}, "Invalid account or account/partition", "correct `account`"),
    ({"qos": "never"}, "Invalid qos specification", "correct `qos`"),
    ({"sbatch": ["--gres=gpu:none:1"]}, "Requested node configuration is not", "`theseus hosts`"),
    ({"sbatch": ["--gres=nothing:1"]}, "Invalid generic resource", "correct gres_mapping"),
    ({"sbatch": ["--constraint=x&"]}, "Invalid feature", "correct `constraint`"),
    ({"sbatch": ["-p", "fast"]}, "invalid partition specified: fast", "correct `partitions`"),
)


def test_refused_by_slurm(at_accounting: ClusterDesk) -> None:
    """What only SLURM knows to refuse is said in its own words, with what to do."""
    at = at_accounting
    for host, said, advice in REFUSED:
        at.configure(host)
        checked = at.theseus("plan", "demo", "train.yaml", "--check")
        assert checked.status == 1
        assert said in checked.err
        assert advice in checked.err


def test_refused_and_submitted_again(at_accounting: ClusterDesk) -> None:
    """A refusal leaves nothing in the way: the same plan can be applied once the cause is gone."""
    at = at_accounting
    at.configure({"account": "late"})
    at.job("echo in")
    plan = str(at.desk.place / "plan.json")
    assert at.theseus("plan", "demo", "train.yaml", "-o", plan).status == 0
    refused = at.theseus("apply", plan)
    assert refused.status == 1
    assert "Invalid account or account/partition combination specified; correct" in refused.err
    assert at.cluster.jobs() == ()
    records = ("add account late Organization=lab", f"add user {at.cluster.user} Account=late")
    for record in records:
        at.cluster.run(["sacctmgr", "-iQ", *record.split()])
    finished = at.theseus("apply", plan, "--follow")
    assert finished.status == 0, finished.err
    assert "in\n" in finished.out
    assert at.only_run().told("Account") == "late"


def test_too_much_memory(at: ClusterDesk) -> None:
    """Of what sbatch says, advice is given for the line that tells most."""
    at.configure({"sbatch": ["--mem=900G"]})
    finished = at.theseus("submit", "demo", "train.yaml")
    assert finished.status == 1
    assert "Memory specification can not be satisfied" in finished.err
    assert "no node has that much memory: lower --mem" in finished.err


def test_account_and_qos(at_accounting: ClusterDesk) -> None:
    """A run is charged to the account and has the QOS that the config names."""
    at = at_accounting
    at.configure({"account": "lab", "qos": "long"})
    at.job("true")
    run = at.submit()
    assert run.outcome()["state"] == "completed"
    assert (run.told("Account"), run.told("QOS")) == ("lab", "long")


def test_log_directory_cannot_be_made(at: ClusterDesk) -> None:
    """SLURM takes a job whose log cannot be written, and it fails: so the directory comes first."""
    at.configure(cluster={"log": "/proc/nowhere/logs"})
    finished = at.theseus("submit", "demo", "train.yaml")
    assert finished.status == 1
    assert "/proc/nowhere" in finished.err
    assert at.cluster.jobs() == ()


def test_controller_is_down(tmp_path: Path) -> None:
    """Without slurmctld, planning and submitting say so in SLURM's words, and nothing is left."""
    require_cluster(accounting=False)
    # so many seconds does each program of SLURM wait for it
    with running_cluster(accounting=False, extra="MessageTimeout=2") as cluster:
        at = cluster_desk(tmp_path, cluster)
        plan = str(at.desk.place / "plan.json")
        assert at.theseus("plan", "demo", "train.yaml", "-o", plan).status == 0
        cluster.lose(CONTROLLER)
        with at.desk.start("apply", plan, "--force") as process:
            planned = at.theseus("plan", "demo", "train.yaml")
            _, submitted = process.communicate()
    assert planned.status == 4
    assert "Unable to contact slurm controller" in planned.err
    assert process.returncode == 1
    assert b"Unable to contact slurm controller" in submitted
    assert b"try again later; nothing was submitted" in submitted
