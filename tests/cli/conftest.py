"""Fixtures of the command line's tests."""

import os
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import TypeAlias

import pytest

from tests.cli.desk import Desk, Finished, new_desk
from theseus.base.command import KEY
from theseus.cli import application
from theseus.cli.invoke import invoke
from theseus.registry import JOBS

Inside: TypeAlias = Callable[..., Finished]


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    """A fresh user with a committed repository and this machine as the only host."""
    return new_desk(tmp_path / "user")


@pytest.fixture
def inside(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Inside:
    """Runs the command line in this very process, where its start-up is paid for already."""

    def run(desk: Desk, *words: str | bytes) -> Finished:
        monkeypatch.chdir(desk.place / desk.current)
        monkeypatch.delenv(
            "XDG_STATE_HOME", raising=False
        )  # the user's ledger is in the user's home
        for name, value in desk.environment().items():
            monkeypatch.setenv(name, value)
        jobs = {KEY: JOBS[KEY]}
        monkeypatch.setattr(JOBS, "_jobs", jobs)  # without those of other tests
        monkeypatch.setattr(tempfile, "tempdir", desk.environment()["TMPDIR"])
        status = invoke(application(), [os.fsdecode(word) for word in words])
        return Finished(status, *capsys.readouterr())

    return run
