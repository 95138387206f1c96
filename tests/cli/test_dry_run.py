"""A dry run contacts nothing: no socket, no process but git, nothing written."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.bad_inputs import PLAN
from tests.cli.desk import Desk, Finished, command, unchanged

ROOT = Path(__file__).resolve().parents[2]
WATCH = Path(__file__).with_name("watch.py")
REMOTE = """\
clusters:
  hpc: {root: /hpc, work: /scratch}
hosts:
  far: {type: plain, cluster: hpc, ssh: far.invalid, chips: {h100: 8}, mem: 64G}
  near: {type: plain, cluster: hpc, transport: local, chips: {h100: 8}}
"""
FORMS = ((), ("--json",), ("--explain",), ("--dirty",))


@pytest.fixture
def far_desk(desk: Desk) -> Desk:
    """A desk whose config names a host that cannot be reached; a change lies in the repository."""
    desk.write(str(desk.home / ".theseus.yaml"), REMOTE)
    desk.write("changed.txt", "not committed\n")
    return desk


def run(desk: Desk, *words: str | bytes) -> Finished:
    """What *words*, run in the repository, say."""
    done = subprocess.run(
        words,
        cwd=desk.repository,
        env={**desk.environment(), "PYTHONPATH": str(ROOT), "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    return Finished(done.returncode, done.stdout, done.stderr)


@pytest.mark.slow
@pytest.mark.parametrize("more", FORMS, ids=" ".join)
def test_audit(far_desk: Desk, tmp_path: Path, more: tuple[str, ...]) -> None:
    """Python opens no socket, starts git alone, and writes to scratch files that are gone after."""
    notes = tmp_path / "notes"
    words = (sys.executable, str(WATCH), str(notes), *PLAN, "--chip", "h100", *more)
    finished = unchanged(far_desk, lambda: run(far_desk, *words))
    assert finished.status == 0, finished.err
    lines = [line.partition(" ") for line in notes.read_text().splitlines()]
    assert not [rest for kind, _, rest in lines if kind == "socket"]
    assert {Path(rest).name for kind, _, rest in lines if kind == "start"} == {"git"}
    scratch = far_desk.environment()["TMPDIR"]
    written = {rest for kind, _, rest in lines if kind == "write"} - {os.devnull}
    assert not {path for path in written if not path.startswith(scratch)}


@pytest.mark.slow
@pytest.mark.parametrize("more", FORMS, ids=" ".join)
def test_system_calls(far_desk: Desk, tmp_path: Path, more: tuple[str, ...]) -> None:
    """The kernel sees no network call, also from git, and no program but Python and git."""
    calls = tmp_path / "calls"
    strace = ("strace", "-f", "-qq", "-s", "200", "-e", "trace=network,execve,execveat")
    if shutil.which("strace") is None or run(far_desk, *strace, "-o", str(calls), "true").status:
        pytest.skip("strace is not installed here, or may not trace")
    words = (*strace, "-o", str(calls), *command(*PLAN, "--n_chips", "1", *more))
    finished = unchanged(far_desk, lambda: run(far_desk, *words))
    assert finished.status == 0, finished.err
    seen = re.findall(r'^\d+ +(\w+)\((?:"([^"]*)")?', calls.read_text(), re.MULTILINE)
    # sendfile(2) counts as network, and is how Python copies a file
    assert {call for call, _ in seen} - {"sendfile"} == {"execve"}
    programs = {Path(program).name for _, program in seen if program}
    assert programs <= {Path(sys.executable).name, "git"}
    assert "git" in programs


def test_dry_run_shows_all(far_desk: Desk) -> None:
    """Each step's command and each file's content is there to read."""
    shown = far_desk.theseus(*PLAN, "--chip", "h100", "--n_chips", "8").out
    for part in ("Plan of run 'demo' on far", "8 x h100", "THESEUS_NAME=demo", '"command": ['):
        assert part in shown
    assert "1 uncommitted change not shipped" in shown
