"""A run on a plain host that waits for another: real bootstraps, and outcomes as they come."""

import json
import subprocess
import time
from pathlib import Path

import pytest

from tests.runtime.host import Site, Source

pytestmark = pytest.mark.slow
BOOT_ID = Path("/proc/sys/kernel/random/boot_id")


@pytest.fixture
def awaited(site: Site) -> Path:
    """The directory of the run that is waited for; it has not ended."""
    first = site.run_dir.with_name("first run")
    first.mkdir(parents=True)
    command = ("bash", "-c", "touch ~/ran")
    site.run_dir.parent.mkdir(exist_ok=True)
    site.lay(Source(command=command, variables={"THESEUS_AFTER": str(first)}))
    return first


def end(first: Path, state: str) -> None:
    """Have the awaited run end."""
    (first / "outcome.json").write_text(json.dumps({"state": state}, indent=1))


def waiting(site: Site) -> subprocess.Popen[bytes]:
    """The run, started and found waiting."""
    process = site.start()
    metadata = site.status_dir / "metadata.json"
    for _ in range(200):
        if metadata.exists():
            return process
        time.sleep(0.05)
    process.kill()
    raise AssertionError(site.log)


def test_it_waits(site: Site, awaited: Path) -> None:
    """It is queued, with nothing unpacked, until the other run has completed; then it starts."""
    process = waiting(site)
    assert site.metadata["state"] == "queued"
    assert "started_at" not in site.metadata
    assert not site.work_dir.exists()
    assert not (site.home / "ran").exists()
    end(awaited, "preempted")
    time.sleep(1.5)
    assert process.poll() is None
    end(awaited, "completed")
    assert process.wait(60) == 0, site.log
    assert (site.home / "ran").exists()
    assert site.metadata["state"] == "completed"
    assert "started_at" in site.metadata
    assert f"theseus: waiting for run {awaited.name} to complete" in site.log


def test_completed_before(site: Site, awaited: Path) -> None:
    """After a run that has completed already it starts at once."""
    end(awaited, "completed")
    assert site.run() == 0, site.log
    assert (site.home / "ran").exists()


def test_failed(site: Site, awaited: Path) -> None:
    """When the other run failed, this one fails without having started, and says why."""
    end(awaited, "failed")
    assert site.run() == 1
    assert site.outcome["state"] == "failed"
    assert f"{awaited.name} that this one waits for failed" in site.outcome["message"]
    assert not (site.home / "ran").exists()
    assert site.metadata["state"] == "failed"


def test_missing(site: Site, awaited: Path) -> None:
    """A run that is not there is an error, not something to wait for."""
    awaited.rmdir()
    assert site.run() == 1
    assert f"is not on this host: there is no {awaited}" in site.outcome["message"]


def test_told_to_stop(site: Site, awaited: Path) -> None:
    """A run that is told to stop while it waits is preempted, and may be started again."""
    process = waiting(site)
    process.terminate()
    assert process.wait(60) == 143
    assert site.outcome["state"] == "preempted"
    end(awaited, "completed")
    assert site.run() == 0, site.log


def test_gone(site: Site, awaited: Path) -> None:
    """A run whose process is no more and left no outcome will not complete, which is said."""
    (awaited / "answer").write_text(f"{2**22 + 1} 1 {BOOT_ID.read_text()}")
    assert site.run() == 1
    assert "is gone and left no outcome" in site.outcome["message"]


def test_on_another_host(site: Site, awaited: Path) -> None:
    """The processes of another host cannot be seen from here: its run is waited for."""
    (awaited / "answer").write_text(f"{2**22 + 1} 1 another-boot\n")
    process = waiting(site)
    time.sleep(2.5)
    assert process.poll() is None
    end(awaited, "completed")
    assert process.wait(60) == 0, site.log
