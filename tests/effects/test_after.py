"""Submitting to SLURM a run that waits for another, through perform.sh and stand-ins."""

import json
import os
from pathlib import Path

import pytest
from attrs import define

from tests.effects.sites import local_site, performed
from theseus.core.plan.outcome import Done, Failed, Outcome
from theseus.core.plan.steps import Submit

FIRST, SECOND = "20261124-131501-k7f2qx", "20261124-131502-mmmmmm"
SQUEUE = '#!/bin/sh\necho "$*" >"$HOME/asked"\n%s\n'
SBATCH = '#!/bin/sh\nfor word; do printf "%s\\n" "$word"; done >"$HOME/words"\necho 43\n'


@define
class Cluster:
    """A share with the run that is waited for, and a stand-in for sbatch that notes its words."""

    home: Path

    @property
    def first(self) -> Path:
        """The directory of the run that is waited for."""
        return self.home / "a share" / "runs" / FIRST

    @property
    def second(self) -> Path:
        """The directory of the run that waits."""
        return self.first.with_name(SECOND)

    @property
    def tools(self) -> Path:
        """Where the stand-ins lie."""
        return self.home / "bin"

    def tool(self, name: str, text: str) -> None:
        """Put a stand-in for a program of SLURM on the PATH."""
        (self.tools / name).write_text(text)
        (self.tools / name).chmod(0o755)

    def submitted(self) -> Outcome:
        """What becomes of submitting the run that waits."""
        script = f"{self.second}/batch.sh"
        argv = ("sbatch", "--parsable", "--time=5", script, str(self.second))
        step = Submit("site", str(self.second), argv, str(self.first))
        (outcome,) = performed(local_site, self.home, (step,))
        return outcome

    def words(self) -> list[str] | None:
        """The words that sbatch was given; None when it was not called."""
        words = self.home / "words"
        return words.read_text().splitlines() if words.exists() else None


@pytest.fixture
def cluster(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Cluster:
    """A cluster whose first run is job 42."""
    cluster = Cluster(tmp_path)
    cluster.tools.mkdir()
    cluster.tool("sbatch", SBATCH)
    cluster.tool("squeue", SQUEUE % "echo RUNNING")
    cluster.first.mkdir(parents=True)
    cluster.second.mkdir()
    (cluster.first / "answer").write_text("slurm 42\n")
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("PATH", f"{cluster.tools}:{os.environ['PATH']}")
    return cluster


def ended(cluster: Cluster, state: str) -> None:
    """Have the first run end; its message names a state as well, which is none."""
    outcome = {"state": state, "message": 'it said "state": "running"'}
    (cluster.first / "outcome.json").write_text(json.dumps(outcome, indent=1))


def test_dependency(cluster: Cluster) -> None:
    """The job id of the awaited run becomes a dependency, an option like the others."""
    assert cluster.submitted() == Done("slurm 43")
    depends = ["--dependency=afterok:42", "--kill-on-invalid-dep=yes"]
    script = f"{cluster.second}/batch.sh"
    assert cluster.words() == ["--parsable", "--time=5", *depends, script, str(cluster.second)]
    assert (cluster.second / "answer").read_text() == "slurm 43\n"


def test_dependency_on_another_cluster(cluster: Cluster) -> None:
    """A job id is read also where the answer names a cluster."""
    (cluster.first / "answer").write_text("slurm 42 west\n")
    assert cluster.submitted() == Done("slurm 43")
    assert "--dependency=afterok:42" in (cluster.words() or [])
    assert (cluster.home / "asked").read_text() == "-h -t all -j 42 -M west -o %T\n"


def test_completed(cluster: Cluster) -> None:
    """After a run that has completed there is nothing to wait for: SLURM may know it no more."""
    ended(cluster, "completed")
    assert cluster.submitted() == Done("slurm 43")
    script = f"{cluster.second}/batch.sh"
    assert cluster.words() == ["--parsable", "--time=5", script, str(cluster.second)]


def test_preempted(cluster: Cluster) -> None:
    """A run that was preempted starts again: its job is waited for."""
    ended(cluster, "preempted")
    assert cluster.submitted() == Done("slurm 43")
    assert "--dependency=afterok:42" in (cluster.words() or [])


def refused(cluster: Cluster) -> str:
    """Why nothing was submitted."""
    outcome = cluster.submitted()
    assert isinstance(outcome, Failed)
    assert cluster.words() is None
    assert not (cluster.second / "launched").exists()
    return outcome.message


def test_failed(cluster: Cluster) -> None:
    """After a run that failed nothing is submitted: it could never start."""
    ended(cluster, "failed")
    assert f"run {FIRST} failed, so {SECOND} would never start" in refused(cluster)


def test_missing(cluster: Cluster) -> None:
    """A run that is not there is said to be missing, and where."""
    (cluster.first / "answer").unlink()
    cluster.first.rmdir()
    assert f"there is no run {FIRST} here ({cluster.first})" in refused(cluster)


def test_not_submitted(cluster: Cluster) -> None:
    """A run whose submission was not answered cannot be waited for."""
    (cluster.first / "answer").unlink()
    assert f"run {FIRST} was not submitted" in refused(cluster)


def test_without_slurm(cluster: Cluster) -> None:
    """A run that SLURM does not know cannot be a dependency."""
    (cluster.first / "answer").write_text("4711 12345 0c0ffee0\n")
    assert f"run {FIRST} is no SLURM job" in refused(cluster)


def test_refused_by_sbatch(cluster: Cluster) -> None:
    """What sbatch says about the dependency is the error of the step."""
    cluster.tool("sbatch", "#!/bin/sh\necho Job dependency problem >&2; exit 1\n")
    assert "Job dependency problem" in refused(cluster)


@pytest.mark.parametrize("state", ["CANCELLED", "TIMEOUT", "NODE_FAIL", "PREEMPTED", "FAILED"])
def test_job_that_ended(cluster: Cluster, state: str) -> None:
    """A job that ended without an outcome will not complete: cancelled while pending, say."""
    cluster.tool("squeue", SQUEUE % f"echo {state}")
    assert f"run {FIRST} will not complete (its job 42: {state})" in refused(cluster)


def test_job_that_is_forgotten(cluster: Cluster) -> None:
    """Sbatch takes a job it has forgotten for one that has completed: nothing is submitted."""
    message = "slurm_load_jobs error: Invalid job id specified"
    cluster.tool("squeue", SQUEUE % f"echo {message} >&2; exit 1")
    assert "SLURM knows its job 42 no more, and it left no outcome" in refused(cluster)


def test_scheduler_that_does_not_answer(cluster: Cluster) -> None:
    """When the job cannot be asked about, nothing is submitted, and SLURM's own words say why."""
    message = "slurm_load_jobs error: Unable to contact slurm controller"
    cluster.tool("squeue", SQUEUE % f"echo {message} >&2; exit 1")
    assert message in refused(cluster)
