"""Runs that are told to stop."""

import os
import re
import signal
import subprocess
import time
from pathlib import Path

import pytest

from tests.runtime.host import ROOT, Site, Source, read, until

pytestmark = pytest.mark.slow

# Says that it runs, and on TERM that it was told; it ends with $STATUS then, or not at all.
LISTENER = """\
trap 'echo told >"$MARK"; [ -z "$STATUS" ] || exit "$STATUS"' TERM
echo runs >"$MARK"
while :; do sleep 0.05; done
"""


# functions of bootstrap.sh, and a child that ends as an outcome says, in the moment a signal comes
ENDS = """\
theseus_signals=0 theseus_received='' theseus_child='' theseus_outcome=$1
{functions}
trap 'theseus_signal TERM' TERM
ends() {{ trap '' TERM; echo runs; sleep 0.15; exit 9; }}
theseus_run ends
"""


def listening(site: Site, status: str, grace: str = "20") -> subprocess.Popen[bytes]:
    """A bootstrap whose job runs and listens for TERM."""
    variables = {"MARK": str(site.home / "mark"), "STATUS": status, "THESEUS_GRACE": grace}
    site.lay(Source(files={"train.sh": LISTENER}, variables=variables, secrets={"TOKEN": "x"}))
    process = site.start()
    until((site.home / "mark").exists)
    return process


def test_a_job_that_is_told_to_stop(site: Site) -> None:
    """TERM reaches the job, its end is `preempted`, and its secrets stay for the next start."""
    process = listening(site, status="7")
    process.terminate()
    assert process.wait(timeout=20) == 7
    assert (site.home / "mark").read_text() == "told\n"
    assert site.outcome["state"] == site.metadata["state"] == "preempted"
    assert site.outcome["message"] == "ended with exit status 7 after SIGTERM had told it to stop"
    assert (site.run_dir / "secrets.env").exists()
    assert site.outcome["work_dir"] == str(site.work_dir)


def test_a_job_whose_time_is_over(site: Site) -> None:
    """On a plain host the runtime tells a job that its time is over; the run has failed."""
    variables = {"MARK": str(site.home / "mark"), "STATUS": "7", "THESEUS_TIME_LIMIT": "0"}
    site.lay(Source(files={"train.sh": LISTENER}, variables=variables))
    assert site.start().wait(timeout=20) == 7
    assert (site.home / "mark").read_text() == "told\n"
    assert site.outcome["state"] == site.metadata["state"] == "failed"
    assert site.outcome["message"] == (
        "stopped at its time limit (ended with exit status 7 after SIGTERM had told it to stop): "
        "ask for more with --time"
    )


def status_of(process: subprocess.Popen[bytes]) -> int:
    """The exit status of *process*, whose output nobody reads any more."""
    with process:
        return process.wait(timeout=20)


def test_a_signal_in_the_moment_of_the_end(tmp_path: Path) -> None:
    """The exit status is that of the job also where bash forgets it: once in twenty times."""
    text = (ROOT / "theseus/sh/bootstrap.sh").read_text()
    names = ("theseus_signal", "theseus_run", "theseus_recorded", "theseus_stop_if_told")
    found = [re.search(rf"^{name}\(\) {{.*?^}}$", text, re.MULTILINE | re.DOTALL) for name in names]
    functions = "\n".join(each[0] for each in found if each)
    script = ENDS.format(functions=functions)
    outcome = tmp_path / "outcome.json"
    outcome.write_text('{"state": "failed", "exit_status": 9, "signal": null}\n')
    ends = set[int]()
    for turn in range(12):
        words = ["bash", "--norc", "-c", script, "bash", str(outcome)]
        pipe = subprocess.PIPE
        started = [subprocess.Popen(words, start_new_session=True, stdout=pipe) for _ in range(8)]
        assert [process.stdout and process.stdout.readline() for process in started] == [
            b"runs\n"
        ] * 8
        time.sleep(0.12 + 0.002 * turn)
        for process in started:
            process.terminate()
            time.sleep(0.003)
        ends |= {status_of(process) for process in started}
    assert ends == {9}


def test_a_job_that_ends_well_when_told(site: Site) -> None:
    """A job that saves what it has and ends with 0 has completed."""
    process = listening(site, status="0")
    process.terminate()
    assert process.wait(timeout=20) == 0
    assert site.outcome["state"] == "completed"


def test_a_job_that_the_signal_ends(site: Site) -> None:
    """What told a job to stop is named once where it is what ended it."""
    site.lay(
        Source(
            files={"train.sh": 'echo runs >"$MARK"; exec sleep 60'},
            variables={"MARK": str(site.home / "mark"), "THESEUS_GRACE": "20"},
        )
    )
    process = site.start()
    until((site.home / "mark").exists)
    process.terminate()
    process.wait(timeout=20)
    assert site.outcome["state"] == "preempted"
    assert site.outcome["message"] == "killed by SIGTERM, which told it to stop"


def test_a_job_that_does_not_listen(site: Site) -> None:
    """After the grace the job is killed, and is still preempted."""
    process = listening(site, status="", grace="0.3")
    process.terminate()
    assert process.wait(timeout=20) == 137
    assert (site.home / "mark").read_text() == "told\n"
    assert (site.outcome["state"], site.outcome["signal"]) == ("preempted", 9)


def test_a_connection_that_ends(site: Site) -> None:
    """HUP, the end of the connection that started a run, changes nothing."""
    process = listening(site, status="0")
    os.killpg(process.pid, signal.SIGHUP)
    process.terminate()
    assert process.wait(timeout=20) == 0
    assert (site.home / "mark").read_text() == "told\n"


def test_a_run_stopped_while_its_environment_is_built(site: Site) -> None:
    """TERM during `uv sync` ends it, and the run is preempted in that stage."""
    mark = site.home / "mark"
    site.tool("uv", f'#!/bin/sh\n[ "$1" = --version ] || {{ : >"{_shell(mark)}"; sleep 60; }}\n')
    files = {"pyproject.toml": "[project]\nname = 't'\nversion = '1'\n", "uv.lock": "version = 1\n"}
    site.lay(Source(files=files))
    process = site.start()
    until(mark.exists)
    process.terminate()
    assert process.wait(timeout=20) == 143
    assert (site.outcome["state"], site.outcome["stage"]) == ("preempted", "environment")
    assert site.metadata["state"] == "preempted"


def _shell(path: Path) -> str:
    return str(path).replace('"', '\\"')


def test_a_preempted_run_starts_again(site: Site) -> None:
    """A restart has the same directories, a higher restart count, and an outcome of its own."""
    script = 'echo "$THESEUS_RESTART_COUNT" >>seen; [ "$THESEUS_RESTART_COUNT" = 1 ] || sleep 60'
    site.lay(Source(files={"train.sh": script}))
    process = site.start()
    until((site.work_dir / "seen").exists)
    process.terminate()
    assert process.wait(timeout=20) == 143
    first = site.metadata
    assert site.run() == 0
    assert (site.work_dir / "seen").read_text() == "0\n1\n"
    assert (site.metadata["restart_count"], site.metadata["state"]) == (1, "completed")
    assert site.metadata["started_at"] == first["started_at"]
    assert site.outcome["work_dir"] == str(site.work_dir)
    assert read(site.run_dir / "outcome-preempted.json")["state"] == "preempted"


def test_a_runtime_that_is_killed(site: Site) -> None:
    """When the runtime dies its job is ended, and the bootstrap records the end."""
    site.lay(
        Source(
            files={"train.sh": 'echo $PPID $$ >"$MARK"; sleep 60'},
            variables={"MARK": str(site.home / "mark")},
        )
    )
    process = site.start()
    until(lambda: (site.home / "mark").exists() and " " in (site.home / "mark").read_text())
    until((site.run_dir / "job.group").exists)
    supervisor, job = map(int, (site.home / "mark").read_text().split())
    os.kill(supervisor, signal.SIGKILL)
    assert process.wait(timeout=20) == 137
    assert (site.outcome["state"], site.outcome["signal"]) == ("failed", 9)
    assert "the runtime ended with exit status 137" in site.outcome["message"]
    assert site.metadata["state"] == "failed"
    until(lambda: ended(job))


def test_what_a_job_leaves_running(site: Site) -> None:
    """Processes a job started in its group end with it."""
    mark = site.home / "mark"
    site.lay(
        Source(files={"train.sh": 'sleep 60 & echo $! >"$MARK"'}, variables={"MARK": str(mark)})
    )
    assert site.run() == 0
    until(lambda: ended(int(mark.read_text())))


def ended(pid: int) -> bool:
    """Whether a process is gone, or waits for its parent to take note."""
    try:
        status = Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return True
    return status.rpartition(")")[2].split()[0] == "Z"
