"""`theseus doctor` through a real sshd: login files, keys and transports of a far host."""

from pathlib import Path

import pytest

from tests.e2e.far_desk import far_desk, noisy
from tests.e2e.sshd import Sshd

pytestmark = pytest.mark.slow


@pytest.mark.parametrize("transport", ["asyncssh", "openssh"])
def test_far_host(sshd: Sshd, tmp_path: Path, transport: str) -> None:
    """A far host is examined by either transport; login files that print are seen."""
    shell = next(iter(sshd.users))
    with far_desk(tmp_path, sshd, shell, transport) as far, noisy(sshd, shell):
        finished = far.desk.theseus("doctor")
        assert finished.status == 0, finished.out + finished.err
        rows = {line.split()[1]: line for line in finished.out.splitlines()}
        assert rows["connection"].split()[2:] == ["PASS", transport]
        assert "known, and checked" in finished.out
        if (sshd.home(shell) / ".bashrc").exists():
            assert "login files  WARN    they print 3 lines" in finished.out
        far.configure_ssh("known_hosts", "known_hosts-of-nobody")
        far.desk.theseus("login", "far", "--exit")
        stranger = far.desk.theseus("doctor")
        assert stranger.status == 1
        assert "host key  FAIL" in stranger.out
