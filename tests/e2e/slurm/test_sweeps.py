"""Many runs at once on a real cluster: one job array, a run directory and a log for each."""

import json

import pytest

from tests.e2e.slurm.cluster_desk import ClusterDesk, SlurmRun

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("slurm")]

SEEDED = """\
from theseus.registry import job

@job("seeded")
def seeded(cfg, spec):
    print(f"seed {cfg.seed} of {spec.id}, {spec.name}", flush=True)
    if cfg.seed == 3:
        raise SystemExit(7)
"""


@pytest.fixture
def sweeping(at: ClusterDesk) -> ClusterDesk:
    """A desk whose job says which of many it is."""
    return seeded(at, SEEDED)


def seeded(at: ClusterDesk, jobs: str) -> ClusterDesk:
    """The desk *at* with *jobs* that it can sweep."""
    at.desk.write("jobs.py", jobs)
    at.desk.write("pyproject.toml", '[tool.theseus]\njobs = ["jobs"]\n')
    at.desk.write("train.yaml", "job: seeded\nrequest: {min_chips: 0}\nseed: 0\n")
    at.desk.commit()
    return at


def started(at: ClusterDesk, *words: str) -> list[SlurmRun]:
    """The runs of a sweep that was submitted."""
    finished = at.theseus("submit", "scan", "train.yaml", "--json", *words)
    assert finished.status == 0, finished.err
    return [SlurmRun(at, run["run"]) for run in json.loads(finished.out)]


def test_array(sweeping: ClusterDesk) -> None:
    """A sweep is one array; each run has its own config, log and outcome, one that fails too."""
    runs = started(sweeping, "--sweep", "seed=range(5)")
    (name,) = {job.name for job in sweeping.cluster.jobs("-t", "all") if "scan" in job.name}
    assert name.startswith("scan-")
    for index, run in enumerate(runs):
        state = "failed" if index == 3 else "completed"
        assert run.outcome()["state"] == state
        assert f"seed {index} of {run.run_id}, scan-{index}\n" in run.log
        assert run.metadata["state"] == state
    assert len(list((sweeping.storage / "work" / ".dispatch" / "trees").iterdir())) == 1


def states(at: ClusterDesk) -> dict[str, str]:
    """What `ps` says of each run."""
    return {row["run"]: row["state"] for row in json.loads(at.theseus("ps", "--json").out)}


def waiting_numbers(at: ClusterDesk) -> set[str]:
    """The numbers of the jobs that wait, each one of an array by its own."""
    return set(at.cluster.run(["squeue", "-h", "-r", "-t", "pending", "-o", "%i"]).stdout.split())


def test_one_of_many(at_accounting: ClusterDesk) -> None:
    """One run of an array is shown, cancelled and awaited by itself while others wait."""
    at = seeded(at_accounting, SEEDED)
    for node in ("gpu1", "gpu2"):
        at.cluster.fill(node)
    one, two, three = started(at, "--sweep", "seed=range(3)", "--chip", "h100", "-n", "8")
    assert states(at) == dict.fromkeys((one.run_id, two.run_id, three.run_id), "queued")
    waiting = at.theseus("logs", two.run_id)
    assert (waiting.status, "it waits in SLURM's queue" in waiting.err) == (0, True), waiting.err
    done = at.theseus("cancel", two.run_id)
    assert done.status == 0, done.err
    assert json.loads((two.run_dir / "outcome.json").read_text())["state"] == "cancelled"
    assert waiting_numbers(at) == {one.number, three.number}
    at.cluster.run(["scancel", one.number])
    shown = states(at)
    # SLURM forgets at once that it had such a job, and its accounting has no line for it either
    assert list(map(shown.get, (one.run_id, two.run_id))) == ["cancelled", "cancelled"]
    assert shown[three.run_id] == "queued"
    at.cluster.run(["scancel", three.number.partition("_")[0]])
    waited = at.theseus("wait", "scan")
    assert (waited.status, waited.err.count(" cancelled: ")) == (143, 3), waited.err


def test_started_again(at: ClusterDesk) -> None:
    """A run of an array that is requeued runs again, in its own directory and log."""
    sleeping = "import time\n    time.sleep(0 if spec.restart_count else 60)\n    if cfg"
    seeded(at, SEEDED.replace("if cfg", sleeping))
    one, two = started(at, "--sweep", "seed=range(2)")
    again = f"of {two.run_id}"
    for run in (one, two):
        run.wait_for_log(f"of {run.run_id}")
    at.cluster.run(["scontrol", "requeue", two.number])
    assert at.theseus("cancel", one.run_id).status == 0
    assert one.outcome()["state"] == "cancelled"
    at.cluster.wait_for(lambda: two.log.count(again) == 2, "its second start", 200)
    assert two.outcome()["state"] == "completed"
