"""Fixtures of the command line's tests."""

from pathlib import Path

import pytest

from tests.cli.desk import Desk, new_desk


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    """A fresh user with a committed repository and this machine as the only host."""
    return new_desk(tmp_path / "user")
