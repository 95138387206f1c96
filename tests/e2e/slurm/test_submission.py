"""Submitting once, whatever happens, and how runs end."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.e2e.slurm.cluster_desk import ClusterDesk, SlurmRun

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("slurm")]

BURST = 50


def test_burst(at: ClusterDesk) -> None:
    """Fifty submissions at once are fifty jobs: none is lost, none is there twice."""
    at.job('echo "$THESEUS_RUN_ID" >"$THESEUS_RESULTS_DIR/ran"')
    done = subprocess.run(
        [sys.executable, str(Path(__file__).with_name("burst.py")), "burst", str(BURST)],
        cwd=at.desk.repository,
        env=at.desk.environment(),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    results = json.loads(done.stdout)
    assert [each["error"] for each in results] == [None] * BURST
    runs = [SlurmRun(at, each["run"]) for each in results]
    names = sorted(f"burst {index}-{run.run_id}" for index, run in enumerate(runs))
    assert sorted(job.name for job in at.cluster.jobs("-t", "all") if "burst" in job.name) == names
    at.cluster.wait_for(lambda: not at.cluster.jobs(), "the end of all", seconds=120)
    ran = [path.read_text().strip() for path in at.storage.rglob("ran")]
    assert sorted(ran) == sorted(run.run_id for run in runs)
    assert {run.outcome()["state"] for run in runs} == {"completed"}


def test_applied_twice(at: ClusterDesk) -> None:
    """A plan that is applied by two at once, and later once more, is one job."""
    at.job(f"echo ran >>{at.storage}/count")
    plan = str(at.desk.place / "plan.json")
    assert at.theseus("plan", "demo", "train.yaml", "-o", plan).status == 0
    with at.desk.start("apply", plan) as first, at.desk.start("apply", plan) as second:
        said = [process.communicate() for process in (first, second)]
    assert [first.returncode, second.returncode] == [0, 0], said
    run = at.only_run()
    assert run.outcome()["state"] == "completed"
    again = at.theseus("apply", plan, "--follow")
    assert again.status == 0
    assert "was submitted before" in again.err
    assert len(at.cluster.jobs("-t", "all", "-n", run.job.name)) == 1
    assert (at.storage / "count").read_text() == "ran\n"


def test_failing_job(at: ClusterDesk) -> None:
    """The job's own exit status is that of its SLURM job and of the client that follows it."""
    at.job("echo about to fail; exit 7")
    finished = at.follow()
    assert finished.status == 7
    assert "about to fail\n" in finished.out
    assert "failed with exit status 7" in finished.err
    run = at.only_run()
    assert (run.job.state, run.told("ExitCode")) == ("FAILED", "7:0")
    assert (run.path("work") / "job.sh").exists(), "kept, to be looked at"


def test_time_limit(at: ClusterDesk) -> None:
    """A run that has used its time has failed, and what it has used is said."""
    at.configure({"sbatch": ["--signal=TERM@60"]})  # SLURM sends it up to a minute early: at once
    at.job("echo begun; sleep 600")
    finished = at.follow("--time", "1m")
    assert finished.status == 143
    assert "failed with exit status 143: stopped at its time limit" in finished.err
    assert "ask for more with --time" in finished.err
    assert at.only_run().metadata["state"] == "failed"


def test_after(at: ClusterDesk) -> None:
    """A run that is to come after another starts once that has completed."""
    at.job(f"until test -e {at.storage}/go; do sleep 0.1; done; echo 1 >>{at.storage}/order")
    first = at.submit()
    at.job(f"echo 2 >>{at.storage}/order")
    second = at.submit("--after", first.run_id)
    assert (second.job.state, second.job.reason) == ("PENDING", "Dependency")
    (at.storage / "go").touch()
    assert second.outcome()["state"] == "completed"
    assert (at.storage / "order").read_text() == "1\n2\n"


def test_after_a_failure(at: ClusterDesk) -> None:
    """A run that waits for one that fails never starts, and is said to be gone."""
    at.job(f"until test -e {at.storage}/go; do sleep 0.1; done; exit 1")
    first = at.submit()
    at.job(f"touch {at.storage}/never")
    with at.desk.start("submit", "b", "train.yaml", "--after", first.run_id, "--follow") as process:
        at.cluster.wait_for(lambda: len(list(at.runs.glob("*/answer"))) == 2, "the second")
        (at.storage / "go").touch()
        _, err = process.communicate()
    assert process.returncode == 1
    assert b"SLURM says CANCELLED" in err
    assert not (at.storage / "never").exists()
