"""Fixtures of the tests against real servers."""

from collections.abc import Iterator

import pytest

from tests.e2e.sshd import Sshd, running_sshd


@pytest.fixture(scope="session")
def sshd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sshd]:
    """A real OpenSSH server for the whole session."""
    with running_sshd(tmp_path_factory.mktemp("sshd")) as server:
        yield server
