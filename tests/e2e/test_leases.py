"""Leases on a real host: two users who submit to it at the same moment share no GPU."""

import json
import os
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from tests.cli.gpus import MEMORY, uuid
from tests.cli.runs import job
from tests.e2e.far_desk import PLACE, FarDesk, far_desk
from tests.e2e.sshd import Sshd

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(os.geteuid() != 0, reason="only root can make two users"),
]
GPUS = "\n".join(f"{at}, {uuid(at)}, NVIDIA H100 80GB HBM3, {MEMORY}, 4" for at in range(8))
DRIVER = f"""\
case "$*" in
  *--query-gpu=*) echo '{GPUS}' ;;
  *) : ;;
esac"""
HOLD = f'until test -e ~/{PLACE}/go; do sleep 0.05; done; echo "$CUDA_VISIBLE_DEVICES"'


@pytest.fixture
def users(sshd: Sshd, tmp_path: Path) -> Iterator[tuple[FarDesk, FarDesk]]:
    """Two users of one host with eight GPUs."""
    leases = sshd.folder / "leases"
    leases.mkdir()
    leases.chmod(0o1777)
    with ExitStack() as stack:
        stack.enter_context(sshd.program("nvidia-smi", DRIVER))
        shells = list(sshd.users)[:2]
        one, other = (
            stack.enter_context(far_desk(tmp_path / shell, sshd, shell)) for shell in shells
        )
        for far in (one, other):
            far.configure(host=f"    leases: {leases}\n")
            job(far.desk, HOLD)
        yield one, other


def at_once(users: tuple[FarDesk, FarDesk], chips: str) -> list[Any]:
    """What each user gets for *chips*: what was started, or the exit status."""
    words = ("submit", "demo", "train.yaml", "--json", "-n", chips)
    processes = [far.desk.start(*words) for far in users]
    ended = [(process.communicate(timeout=120)[0], process.returncode) for process in processes]
    return [status or json.loads(out) for out, status in ended]


def test_two_users_at_once(users: tuple[FarDesk, FarDesk]) -> None:
    """Both get what there is enough of, each its own; of what is not enough one gets nothing."""
    one, other = at_once(users, "3")
    gpus = [*one["gpus"], *other["gpus"]]
    assert len(set(gpus)) == 6
    hosts = users[0].desk.theseus("hosts")
    assert f"3 leased by {users[1].user} (run {other['run']})" in hosts.out
    for far in users:
        (far.place / "go").touch()
    for far, run in ((users[0], one), (users[1], other)):
        assert far.outcome(run["run"])["state"] == "completed"
    for far in users:
        (far.place / "go").unlink()
    fights = at_once(users, "5")
    assert fights.count(3) == 1
    for far in users:
        (far.place / "go").touch()
    ((far, run),) = ((far, run) for far, run in zip(users, fights, strict=True) if run != 3)
    assert far.outcome(run["run"])["state"] == "completed"
