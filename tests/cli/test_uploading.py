"""What a terminal shows while a source tree is sent."""

import os
import pty
import subprocess
import sys

import pytest

from tests.cli.desk import Desk
from tests.cli.runs import job


def shown(desk: Desk, *words: str) -> str:
    """What a command says on a terminal."""
    ours, theirs = pty.openpty()
    with subprocess.Popen(
        [sys.executable, "-m", "theseus.cli", *words],
        cwd=desk.repository,
        env={**desk.environment(), "TERM": "xterm", "COLUMNS": "120"},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=theirs,
    ) as process:
        os.close(theirs)
        said = b""
        try:
            while data := os.read(ours, 1 << 16):
                said += data
        except OSError:
            pass  # Linux says so where the other end is closed
        os.close(ours)
    assert process.returncode == 0, said
    return said.decode()


@pytest.mark.slow
def test_bar(desk: Desk) -> None:
    """A tree that takes a while is shown with its rate; a small one is not."""
    job(desk, "true")
    assert "source" not in shown(desk, "submit", "small", "train.yaml")
    desk.write("data", os.urandom(8_000_000))
    desk.commit()
    said = shown(desk, "submit", "large", "train.yaml")
    assert "source" in said
    assert "/8.0 MB" in said
