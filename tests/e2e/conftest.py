"""Fixtures of the tests against real servers."""

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.sshd import Sshd, running_sshd


@pytest.fixture(scope="session")
def sshd() -> Iterator[Sshd]:
    """A real OpenSSH server for the whole session."""
    # not below pytest's own folder, which each session that begins closes to other users again
    with (
        tempfile.TemporaryDirectory(prefix="theseus-sshd-") as folder,
        running_sshd(Path(folder)) as server,
    ):
        yield server
