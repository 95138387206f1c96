"""Runs are cancelled: told, killed, seen to be gone, and remembered as cancelled."""

import asyncio
import os
import shlex
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.runtime import slurm
from tests.runtime.host import Site, Source, read, until
from theseus.core.runs.cancel import (
    Cancellation,
    Cancelled,
    EndedBefore,
    NoSuchRun,
    NotAsked,
    Remains,
)
from theseus.effects.perform.local import local_shell
from theseus.effects.runs.cancel import cancel

pytestmark = pytest.mark.slow

LISTENER = """\
trap 'echo told >"$MARK"; [ -z "$STATUS" ] || exit "$STATUS"' TERM
echo runs >"$MARK"
while :; do sleep 0.05; done
"""
# grandchildren in sessions of their own: one, one without environment, one that does not listen
STRAYS = """\
setsid sleep 1001 &
env -i PATH="$PATH" setsid bash -c 'sleep 1002 & wait' &
setsid bash -c 'trap "" TERM; while :; do sleep 1003; done' &
sleep 0.3
echo runs >"$MARK"
wait
"""


def start_time(pid: int) -> str:
    """When the process began, in ticks after boot."""
    return Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2].split()[19]


def answer(site: Site, pid: int, start: str, boot: str | None = None) -> None:
    """Write the answer of a run that was launched as *pid*."""
    here = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    (site.run_dir / "answer").write_text(f"{pid} {start} {boot or here}\n")


def started(
    site: Site, script: str, status: str = "", grace: str = "20"
) -> subprocess.Popen[bytes]:
    """A run whose job has begun, with its answer."""
    variables = {"MARK": str(site.home / "mark"), "STATUS": status, "THESEUS_GRACE": grace}
    # no other run on this machine has this name
    variables["THESEUS_RUN_ID"] = name = f"r-{os.getpid()}-{time.monotonic_ns()}"
    site.lay(Source(files={"train.sh": script}, variables=variables, secrets={"TOKEN": "x"}))
    (site.run_dir.parent / name).symlink_to(site.run_dir)
    process = site.start()
    until((site.home / "mark").exists)
    answer(site, process.pid, start_time(process.pid))
    return process


def named(site: Site) -> str:
    """The run directory by the run's id."""
    (link,) = (each for each in site.run_dir.parent.iterdir() if each.is_symlink())
    return str(link)


def cancelled(*run_dirs: str) -> tuple[Cancellation, ...]:
    """What becomes of the runs in *run_dirs*."""
    answers = asyncio.run(cancel(local_shell, "here", run_dirs))
    assert isinstance(answers, tuple)
    return answers


def alive(*words: str) -> bool:
    """Whether a process of *words* runs."""
    found = subprocess.run(["pgrep", "-fx", " ".join(words)], capture_output=True, check=False)
    return found.returncode == 0


@pytest.mark.parametrize("status", ["7", "0"])
def test_told(site: Site, status: str) -> None:
    """The job is told and ends; whatever its status, the run was cancelled and is tidied."""
    process = started(site, LISTENER, status)
    assert cancelled(named(site)) == (Cancelled(),)
    assert process.wait(timeout=1) == int(status)
    assert (site.home / "mark").read_text() == "told\n"
    assert site.outcome["state"] == site.metadata["state"] == "cancelled"
    assert site.outcome["exit_status"] == int(status)
    assert not (site.run_dir / "secrets.env").exists()
    assert not site.work_dir.exists(), "it held nothing but what was shipped"


def test_again(site: Site) -> None:
    """Cancelling again says so, and so does cancelling a run that has ended; nothing changes."""
    process = started(site, LISTENER, "7")
    cancelled(named(site))
    process.wait()
    before = (site.run_dir / "outcome.json").read_bytes()
    assert cancelled(named(site), named(site)) == (EndedBefore("cancelled"),) * 2
    assert (site.run_dir / "outcome.json").read_bytes() == before
    assert site.run() == 1, "it never starts again"


def test_answer_never_written(site: Site) -> None:
    """Where the starter was killed before it wrote the answer, bootstrap is found and told."""
    process = started(site, LISTENER, "7")
    (site.run_dir / "answer").unlink()
    assert cancelled(str(site.run_dir)) == (Cancelled(),)
    assert process.wait(timeout=1) == 7
    assert site.outcome["state"] == "cancelled"


def test_completed_before(site: Site) -> None:
    """A run that has completed stays completed."""
    site.lay(Source())
    process = site.start()
    answer(site, process.pid, start_time(process.pid))
    assert process.wait() == 0
    assert cancelled(str(site.run_dir)) == (EndedBefore("completed"),)
    assert not (site.run_dir / "cancelled").exists()


def test_nothing_is_left(site: Site) -> None:
    """Grandchildren in sessions of their own are found, told, and killed if need be."""
    process = started(site, STRAYS)
    begun = time.monotonic()
    assert cancelled(named(site)) == (Cancelled(),)
    assert time.monotonic() - begun < 12
    process.wait(timeout=1)
    assert not any(alive("sleep", number) for number in ("1001", "1002", "1003"))
    assert site.outcome["state"] == "cancelled"


def test_killed_after_the_grace(site: Site) -> None:
    """A job that does not listen is killed after its grace; the run was cancelled."""
    process = started(site, LISTENER, grace="0.5")
    assert cancelled(named(site)) == (Cancelled(),)
    assert process.wait(timeout=1) == 137
    assert (site.outcome["state"], site.outcome["signal"]) == ("cancelled", 9)


def test_bootstrap_was_killed(site: Site) -> None:
    """Where bootstrap and runtime are gone, their job is found, and the end recorded."""
    process = started(site, STRAYS)
    runtime = subprocess.run(
        ["pgrep", "-P", str(process.pid)], capture_output=True, text=True, check=True
    ).stdout.split()
    process.kill()
    for pid in runtime:
        os.kill(int(pid), signal.SIGKILL)
    process.wait()
    assert alive("sleep", "1001")
    assert cancelled(named(site)) == (Cancelled(),)
    assert not alive("sleep", "1001")
    assert site.outcome["state"] == site.metadata["state"] == "cancelled"
    assert site.outcome["message"] == "cancelled before it could record its end"
    assert site.outcome["work_dir"] == str(site.work_dir)
    assert not (site.run_dir / "secrets.env").exists()


@pytest.fixture
def bystander() -> Iterator[subprocess.Popen[bytes]]:
    """A process that has nothing to do with any run."""
    process = subprocess.Popen(["sleep", "60"], start_new_session=True)
    yield process
    process.kill()
    process.wait()


@pytest.mark.parametrize(
    ("start", "boot"), [("12345", None), (None, "another-boot")], ids=["recycled", "restarted"]
)
def test_of_another(
    site: Site, bystander: subprocess.Popen[bytes], start: str | None, boot: str | None
) -> None:
    """A process id that is another's by now, or of another boot, is left alone."""
    site.lay(Source())
    answer(site, bystander.pid, start or start_time(bystander.pid), boot)
    assert cancelled(str(site.run_dir)) == (Cancelled(),)
    assert bystander.poll() is None
    assert site.outcome["state"] == "cancelled"
    assert site.outcome["message"] == "cancelled before it had started"


def test_preempted_before(site: Site) -> None:
    """A run that was preempted, and could be started again, is not started again."""
    process = started(site, LISTENER, "7")
    process.terminate()
    process.wait()
    assert site.outcome["state"] == "preempted"
    assert cancelled(named(site)) == (Cancelled(),)
    assert site.outcome["state"] == site.metadata["state"] == "cancelled"
    assert read(site.run_dir / "outcome-preempted.json")["state"] == "preempted"
    assert not (site.run_dir / "secrets.env").exists()
    assert site.run() == 1


def test_not_there(site: Site) -> None:
    """A run directory that is not there is said."""
    assert cancelled(str(site.run_dir)) == (NoSuchRun(),)


def test_never_started(site: Site) -> None:
    """A run that was claimed and not started is not started any more."""
    site.lay(Source(files={"train.sh": "touch ~/ran\n"}))
    (site.run_dir / "cancelled").touch()
    assert site.run() == 143
    assert site.outcome["state"] == site.metadata["state"] == "cancelled"
    assert not (site.home / "ran").exists()


def test_directory_that_cannot_be_written(site: Site) -> None:
    """Where the mark cannot be made nothing is told to stop."""
    site.lay(Source())
    (site.run_dir / "cancelled").symlink_to(site.home / "no" / "where")
    (answered,) = cancelled(str(site.run_dir))
    assert isinstance(answered, Remains)
    assert "cannot be written" in answered.what


def slurm_run(site: Site, monkeypatch: pytest.MonkeyPatch, squeue: str, scancel: str) -> None:
    """A run whose job 7 is in a SLURM that these scripts play."""
    slurm.install(site)
    site.lay(Source())
    (site.run_dir / "answer").write_text("slurm 7\n")
    calls = shlex.quote(str(site.home / "calls"))
    for name, text in (("squeue", squeue), ("scancel", scancel)):
        site.tool(name, f'#!/bin/bash\necho "{name} $*" >>{calls}\n{text}\n')
    monkeypatch.setenv("PATH", f"{site.tools}:{os.environ['PATH']}")


def test_pending(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """A job that waits is cancelled and its end recorded, for nobody else can."""
    slurm_run(site, monkeypatch, "echo '7 CANCELLED'", "true")
    assert cancelled(str(site.run_dir)) == (Cancelled(),)
    assert site.outcome["state"] == site.metadata["state"] == "cancelled"
    assert (site.home / "calls").read_text().splitlines() == [
        "scancel 7",
        "squeue -h -r -t all -j 7 -o %i %T",
    ]


def test_pending_in_an_array(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """A job of an array is cancelled alone, also where its number did not come to the run."""
    slurm_run(site, monkeypatch, "echo '7 theseus:s-1 x'; echo '7_0 CANCELLED'", "true")
    (site.run_dir / "answer").unlink()
    (site.run_dir / "batch.sh").touch()
    array = site.run_dir.parent.parent / "sweeps/s-1"
    (array / "launched").mkdir(parents=True)
    (array / "runs").write_text(f"run_dirs=(\n{shlex.quote(str(site.run_dir))}\n)\n")
    assert cancelled(str(site.run_dir)) == (Cancelled(),)
    assert "scancel 7_0" in (site.home / "calls").read_text().splitlines()


def test_slurm_forgot(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """A job that SLURM does not remember is gone."""
    invalid = "echo 'slurm_load_jobs error: Invalid job id specified' >&2; exit 1"
    slurm_run(site, monkeypatch, invalid, invalid)
    assert cancelled(str(site.run_dir)) == (Cancelled(),)


def test_refused(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """What SLURM refuses is said in its words, and nothing is recorded."""
    error = "scancel: error: Kill job error on job id 7: Access/permission denied"
    slurm_run(site, monkeypatch, "echo '7 RUNNING'", f"echo '{error}' >&2; exit 1")
    assert cancelled(str(site.run_dir)) == (NotAsked(error),)
    assert not (site.run_dir / "outcome.json").exists()


@pytest.mark.parametrize(
    ("says", "state"),
    [
        ('{"jobs": [{"job_id": 7, "job_state": ["CANCELLED", "COMPLETING"]}]}', "cancelled"),
        ('{"jobs": [{"job_id": 7, "job_state": ["PENDING", "COMPLETING"]}]}', "preempted"),
        ('{"jobs": [{"job_id": 8, "job_state": ["CANCELLED"]}]}', "preempted"),
        ("squeue: unrecognized option", "preempted"),
    ],
)
def test_told_by_slurm(site: Site, says: str, state: str) -> None:
    """A job that SLURM tells to stop was cancelled only if SLURM says so of that very job."""
    slurm.lay(site, Source(files={"train.sh": "echo runs; exec sleep 60\n"}))
    slurm.queue(site, says)
    job = slurm.start(site, nodes=1)
    slurm.says(site, "runs")
    job.told()
    job.status()
    assert site.outcome["state"] == site.metadata["state"] == state
