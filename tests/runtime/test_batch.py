"""batch.sh: whose run it is, how often it has started, and an end that nobody else could record."""

import signal
import subprocess
import time

import pytest

from tests.runtime import slurm
from tests.runtime.host import Site, Source, until

pytestmark = pytest.mark.slow


def test_a_duplicate(site: Site) -> None:
    """A second job of one run says whose run it is and does nothing."""
    slurm.lay(site, Source(command=("sleep", "0.5")))
    first = slurm.start(site, nodes=1, job=7)
    until((site.run_dir / "job_id").exists)
    assert slurm.start(site, nodes=1, job=8).status() == 0
    assert "this job (8) is a duplicate of job 7" in site.log
    assert first.status() == 0
    assert (site.run_dir / "answer").read_text() == "slurm 7\n"
    assert site.metadata["restart_count"] == 0


def test_an_answer_is_kept(site: Site) -> None:
    """An answer that names the job already stays as it is."""
    slurm.lay(site, Source())
    (site.run_dir / "answer").write_text("slurm 7 west\n")
    assert slurm.start(site, nodes=1).status() == 0
    assert (site.run_dir / "answer").read_text() == "slurm 7 west\n"


def test_a_claim_that_was_cut_short(site: Site) -> None:
    """A claim without an id is of a job that ended before it wrote it."""
    slurm.lay(site, Source())
    (site.run_dir / "job_id").write_text("")
    assert slurm.start(site, nodes=1).status() == 0
    assert (site.run_dir / "job_id").read_text() == "7\n"


def test_a_share_that_the_node_does_not_see(site: Site) -> None:
    """Where the run directory is not, the log says what has to be so."""
    slurm.lay(site, Source())
    hidden = site.run_dir.with_name("hidden")
    script = (site.run_dir / "batch.sh").read_text()
    done = subprocess.run(
        ["bash", "-s", hidden],
        input=script,
        env={**site.environment, "SLURM_JOB_ID": "7", "SLURMD_NODENAME": "n1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert "node n1 does not see the run directory: `share` must lie on storage" in done.stdout
    assert not hidden.exists()


def test_a_run_that_has_ended(site: Site) -> None:
    """A job that is requeued after its run has ended changes nothing."""
    slurm.lay(site, Source())
    assert slurm.start(site, nodes=1).status() == 0
    before = site.outcome
    assert slurm.start(site, nodes=1, restarts=1).status() == 1
    assert "this run has ended" in site.log
    assert site.outcome == before


def test_a_job_that_fails(site: Site) -> None:
    """The exit status of the job is that of the batch script."""
    slurm.lay(site, Source(command=("bash", "-c", "exit 3")))
    assert slurm.start(site, nodes=1).status() == 3
    assert site.outcome["state"] == "failed"


def test_a_job_that_is_told_first(site: Site) -> None:
    """SLURM tells each process of a step: a job that was told, and ended, before its supervisor."""
    tell = (
        "setsid sh -c ': >apart; sleep 0.1; kill -TERM '$PPID &"
        " until [ -e apart ]; do sleep 0.01; done; exit 143"
    )
    slurm.lay(site, Source(command=("bash", "-c", tell)))
    assert slurm.start(site, nodes=1).status() == 143
    assert site.outcome["state"] == "preempted"


def test_signals_for_the_batch_script(site: Site) -> None:
    """What the batch script is sent does not end it before its steps."""
    slurm.lay(site, Source(command=("sleep", "1")))
    job = slurm.start(site, nodes=1)
    until((site.run_dir / "job.group").exists)
    for number in (signal.SIGUSR1, signal.SIGTERM, signal.SIGHUP):
        job.process.send_signal(number)
        time.sleep(0.05)
    assert job.status() == 0
    assert site.outcome["state"] == "completed"


def test_a_step_that_recorded_nothing(site: Site) -> None:
    """Where every process of a step was killed, the end is recorded all the same."""
    slurm.lay(site, Source(command=("sleep", "60")))
    site.tool("srun", "#!/bin/sh\necho srun: error: no such step >&2\nexit 137\n")
    assert slurm.start(site, nodes=1).status() == 137
    assert site.outcome["state"] == site.metadata["state"] == "failed"
    assert site.outcome["message"].startswith("srun ended with exit status 137 before the run")


def test_a_step_that_vanished_with_its_node(site: Site) -> None:
    """Where SLURM tells the job to stop there is no end to record: it starts the job again."""
    slurm.lay(site, Source())
    site.tool("srun", "#!/bin/sh\nexit 1\n")
    job = slurm.start(site, nodes=1)
    until((site.run_dir / "starts").exists)
    time.sleep(0.3)
    job.process.terminate()
    assert job.status() == 1
    assert not (site.run_dir / "outcome.json").exists()


def test_the_end_of_the_time_is_asked_for(site: Site) -> None:
    """A SLURM that does not say when the time is over is asked; what it says reaches the job."""
    slurm.lay(site, Source(command=("bash", "-c", "echo ends $SLURM_JOB_END_TIME")))
    slurm.queue(site, "1795531158\n")
    assert slurm.start(site, nodes=1, left=None).status() == 0
    assert "ends 1795531158" in site.log
