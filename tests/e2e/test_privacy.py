"""Nobody else on a machine can read what theseus writes there, on either side."""

import os
import pwd
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cli.desk import Desk
from tests.cli.runs import job
from tests.e2e.far_desk import FarDesk, far_desk
from tests.e2e.sshd import Sshd

pytestmark = pytest.mark.slow


@pytest.fixture
def far(sshd: Sshd, tmp_path: Path) -> Iterator[FarDesk]:
    """A desk with one far host, reached by the system's `ssh`, which leaves more behind."""
    with far_desk(tmp_path, sshd, next(iter(sshd.users)), "openssh") as made:
        yield made


def open_to_others(directory: Path) -> set[Path]:
    """What below *directory* others can get at; what is shut hides what is in it."""
    found: set[Path] = set()
    for path in directory.iterdir():
        if not path.is_symlink() and path.lstat().st_mode & 0o077:
            found |= {path, *(open_to_others(path) if path.is_dir() else ())}
    return found


SHARED = {"root/results", "root/checkpoints", "root/data"}  # by the user's umask, as of any file


@pytest.mark.parametrize("transport", ["asyncssh", "openssh"])
def test_private(sshd: Sshd, tmp_path: Path, transport: str) -> None:
    """Of a run that failed, whose files all stay, others see results and checkpoints at most."""
    with far_desk(tmp_path, sshd, next(iter(sshd.users)), transport) as far:
        secret = Desk(far.desk.place, {"MY_TOKEN": "sesame"})
        far.configure(host="    secrets: {MY_TOKEN: env:MY_TOKEN}\n")
        job(far.desk, 'umask; echo out >"$THESEUS_RESULTS_DIR/out"; exit 3')
        finished = secret.theseus("submit", "demo", "train.yaml", "--follow")
        assert finished.status == 3, finished.err
        seen = {path.relative_to(far.place).as_posix() for path in open_to_others(far.place)}
        assert {path for path in seen if path.count("/") == 1} >= {"root/results"}
        for path in seen:
            inside = [shared for shared in SHARED if path.startswith(shared)]
            assert inside or (far.place / path).is_dir(), f"others can read {path}"
        mine = {path for path in open_to_others(far.desk.home) if path.is_file()}
        assert mine == {far.desk.home / ".theseus.yaml"}, "what the user wrote, and nothing else"
        assert not open_to_others(far.desk.place / "tmp")


def test_nothing_is_open_to_all(far: FarDesk) -> None:
    """Under the most careless umask, nobody but the user and the group can write anywhere."""
    init = far.server.home(far.login_shell) / ".bashrc"
    before = init.read_bytes() if init.exists() else None
    init.write_text("umask 000\n")
    try:
        job(far.desk, "touch made; exit 3")
        assert far.desk.theseus("submit", "demo", "train.yaml", "--follow").status == 3
    finally:
        init.unlink() if before is None else init.write_bytes(before)
    work = far.place / "work"
    for path in work.rglob("*"):
        assert path.is_symlink() or not path.lstat().st_mode & 0o002, path


def test_open_share(far: FarDesk) -> None:
    """Where everybody can put files into the share, nothing is executed from it."""
    share = far.place / "work" / ".dispatch"
    share.mkdir(parents=True)
    for path in (far.place, share.parent, share):
        os.chown(path, *owner(far))
    share.chmod(0o777)
    finished = far.desk.theseus("submit", "demo", "train.yaml")
    assert finished.status == 1
    assert "can be written to by everybody" in finished.err
    assert "chmod o-w" in finished.err
    assert not list((share / "runs").iterdir())


def owner(far: FarDesk) -> tuple[int, int]:
    """User and group of the far side."""
    found = pwd.getpwnam(far.user)
    return found.pw_uid, found.pw_gid
