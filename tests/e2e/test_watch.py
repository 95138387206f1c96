"""Watching runs of a real OpenSSH server: one connection for as long as somebody watches."""

import asyncio
import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cli.runs import job, submission
from tests.e2e.far_desk import PLACE, FarDesk, far_desk
from tests.e2e.sshd import Sshd
from theseus.cli.ps import Only, View, watch_runs
from theseus.effects.ledger.entries import all_entries
from theseus.effects.ledger.ledger import Ledger
from theseus.effects.runs.live import known_runs
from theseus.effects.runs.wait import Pace, wait_for

pytestmark = pytest.mark.slow
OFTEN = Pace(0.1, 0.1)


@pytest.fixture
def far(sshd: Sshd, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[FarDesk]:
    """A desk with one far host whose run waits for a file; this process is at that desk."""
    with far_desk(tmp_path, sshd, next(iter(sshd.users))) as made:
        monkeypatch.delenv("XDG_STATE_HOME", raising=False)
        for name, value in made.desk.environment().items():
            monkeypatch.setenv(name, value)
        job(made.desk, f"until test -e ~/{PLACE}/go; do sleep 0.05; done")
        submission(made.desk, made.desk.theseus("submit", "demo", "train.yaml", "--json"))
        yield made


def logins(server: Sshd) -> int:
    """How many connections have been let in so far."""
    return (server.folder / "sshd.log").read_text().count("Accepted ")


def logged_in(server: Sshd) -> list[int]:
    """The processes of *server* that hold a connection: children of the one that listens."""
    found = []
    for stat in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            command, pid = stat.read_bytes(), int(stat.parent.name)
            parent = (stat.parent / "stat").read_text().rpartition(")")[2].split()[1]
            listener = Path(f"/proc/{parent}/cmdline").read_bytes()
        except OSError:
            continue
        if b"sshd" in command and str(server.folder / "sshd_config").encode() in listener:
            found.append(pid)
    return found


async def until_it_ends(far: FarDesk, *, lose: bool) -> None:
    """Let the run end after some looks, the connection cut before that if *lose*."""
    await asyncio.sleep(1.5)
    if lose:
        for pid in logged_in(far.server):
            os.kill(pid, signal.SIGKILL)
        await asyncio.sleep(1)
    (far.place / "go").touch()


def watched(ledger: Ledger, far: FarDesk, *, lose: bool) -> int:
    """The exit status of `ps --watch`."""

    async def main() -> int:
        view = View(ledger, (), Only())
        status, _ = await asyncio.gather(watch_runs(view, OFTEN), until_it_ends(far, lose=lose))
        return status

    return asyncio.run(asyncio.wait_for(main(), 60))


@pytest.mark.parametrize("lose", [False, True])
def test_ps_watch(far: FarDesk, *, lose: bool, capsys: pytest.CaptureFixture[str]) -> None:
    """All looks share one connection; one that is lost is replaced, once."""
    before, ledger = logins(far.server), Ledger.open().unwrap()
    assert watched(ledger, far, lose=lose) == 0
    shown = capsys.readouterr().out
    assert shown.count(" running ") > 3
    assert shown.splitlines()[-1].split()[4] == "completed"
    assert logins(far.server) - before == (2 if lose else 1)


def test_wait(far: FarDesk) -> None:
    """`wait` connects once too."""
    before, ledger = logins(far.server), Ledger.open().unwrap()
    runs, _ = known_runs(all_entries(ledger).unwrap())
    ends: list[str] = []

    async def main() -> None:
        waiting = wait_for(ledger, runs, lambda run, _: ends.append(run.plan.run.name), OFTEN)
        await asyncio.gather(waiting, until_it_ends(far, lose=False))

    begun = time.monotonic()
    asyncio.run(asyncio.wait_for(main(), 60))
    assert time.monotonic() - begun > 1
    assert ends == ["demo"]
    assert logins(far.server) - before == 1
