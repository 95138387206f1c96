"""Names of every kind, on their way through a real sbatch: in logs, jobs and directories."""

import os

import attrs
import pytest

from tests.e2e.slurm.cluster_desk import ClusterDesk

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("slurm")]


@pytest.fixture
def at_odd(at: ClusterDesk) -> ClusterDesk:
    """A desk whose storage has spaces, quotes and a pattern of sbatch in its path."""
    storage = at.storage / 'all of "it\'s" %j, 100%'
    storage.mkdir()
    owner = at.storage.stat()
    os.chown(storage, owner.st_uid, owner.st_gid)
    odd = attrs.evolve(at, storage=storage)
    odd.configure()
    return odd


@pytest.mark.parametrize(
    "name", ['50% of "it\'s" $HOME `id`', "naïve 模型", "%j-%x\\ #!", "a;b|c&"]
)
def test_odd_names(at_odd: ClusterDesk, name: str) -> None:
    """Whatever a run is called, its log is where the plan says, and all its paths hold."""
    at_odd.job('echo done >"$THESEUS_RESULTS_DIR/file"; pwd')
    run = at_odd.submit(name=name)
    assert run.outcome()["state"] == "completed", run.log
    assert f"{run.path('work')}\n" in run.log
    assert run.path("results").joinpath("file").read_text() == "done\n"
    assert run.metadata["run"]["name"] == name
    logs = [path.name for path in (at_odd.storage / "work" / "logs").iterdir()]
    assert logs == [run.path("log").name], "and nowhere else"


def test_job_carries_name_and_run(at: ClusterDesk) -> None:
    """The name and the comment of a job say what the run is called and which one it is."""
    at.job("true")
    run = at.submit(name="my run")
    assert run.job.name == f"my run-{run.run_id}"
    ask = ["squeue", "-h", "-t", "all", "-j", run.number, "-o", "%k"]
    assert at.cluster.run(ask).stdout == f"theseus:{run.run_id}\n"


def test_habits_of_the_login_do_not_matter(at: ClusterDesk) -> None:
    """What a user's login files say to sbatch, srun and squeue changes nothing about a run."""
    lines = (
        *("SBATCH_PARTITION=gpu-short", "SBATCH_TIMELIMIT=1", "SBATCH_GRES=gpu:7"),
        *("SBATCH_OUTPUT=/nowhere/%j", "SBATCH_EXPORT=ALL", "SBATCH_NO_REQUEUE=1"),
        *("SLURM_EXCLUSIVE=1", "SQUEUE_FORMAT=nothing", "SQUEUE_STATES=PD", "SINFO_FORMAT=nothing"),
        *("SRUN_CPUS_PER_TASK=99", "SLURM_NNODES=4", "SLURM_JOB_ID=1", "LEAKED=yes"),
        *("SLURM_CLUSTERS=elsewhere", "SINFO_ALL=1", "POSIXLY_CORRECT=1"),
    )
    login = at.cluster.home / ".bashrc"
    login.write_text("".join(f"export {line}\n" for line in lines))
    try:
        at.job('echo "<$LEAKED>"')
        finished = at.follow("--time", "2h")
    finally:
        login.unlink()
    assert finished.status == 0, finished.out + finished.err
    assert "<>\n" in finished.out
    run = at.only_run()
    told = [run.told(name) for name in ("Partition", "TimeLimit", "NumNodes", "Requeue")]
    assert told == ["cpu", "02:00:00", "1", "1"]
