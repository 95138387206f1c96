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
    at.desk.write("jobs.py", SEEDED)
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
