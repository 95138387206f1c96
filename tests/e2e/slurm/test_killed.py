"""Clients that are killed while they submit to a real cluster: one job, whenever it was."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.e2e.slurm.cluster_desk import ClusterDesk, SlurmRun

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("slurm")]
NOT_SUBMITTED, SUBMITTED = 1, 0

# when the client is killed: as soon as this is there in the run directory
MOMENTS = ("", "plan.json", "sbatch.err", "answer")


def planned(at: ClusterDesk) -> tuple[str, SlurmRun]:
    """The plan of a run that will be held, and the run."""
    plan = str(at.desk.place / "plan.json")
    finished = at.theseus("plan", "demo", "train.yaml", "-o", plan)
    assert finished.status == 0, finished.err
    return plan, SlurmRun(at, json.loads(Path(plan).read_text())["run"]["id"])


def state(at: ClusterDesk, run: SlurmRun) -> str:
    """What `ps` says of *run*."""
    rows = json.loads(at.theseus("ps", "--all", "--json").out)
    return next(str(row["state"]) for row in rows if row["run"] == run.run_id)


def jobs_of(at: ClusterDesk, run: SlurmRun) -> Callable[[], int]:
    """How many jobs SLURM has of *run*, whatever their state."""
    return lambda: sum(job.name.endswith(run.run_id) for job in at.cluster.jobs("-t", "all"))


@pytest.mark.parametrize("moment", MOMENTS)
def test_killed(at: ClusterDesk, moment: str) -> None:
    """What `ps` and `recover` say then is true, and the same plan again is that one job."""
    at.configure({"sbatch": ["--hold"]})
    at.job("true")
    plan, run = planned(at)
    jobs = jobs_of(at, run)
    with at.desk.start("apply", plan) as client:
        at.cluster.wait_for((run.run_dir / moment).exists, f"{moment or 'the claim'}")
        client.kill()
        client.communicate()
    early = state(at, run)
    assert early in ({"queued", "unknown"} if jobs() else {"unknown", "rejected"}), early
    asked: list[int] = []

    def is_known() -> bool:
        asked.append(at.theseus("recover", run.run_id).status)
        return asked[-1] != 5

    at.cluster.wait_for(is_known, "an answer of recover", seconds=90)
    assert asked[-1] == (SUBMITTED if jobs() else NOT_SUBMITTED)
    again = at.theseus("apply", plan)
    assert again.status == 0, again.err
    assert ("was submitted before" in again.err) is (asked[-1] == SUBMITTED)
    assert (jobs(), state(at, run)) == (1, "queued")
