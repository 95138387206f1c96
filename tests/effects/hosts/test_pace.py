"""Hosts are connected to no more often than they are to be, by all processes together."""

import asyncio
import multiprocessing
import subprocess
import sys
import time
from pathlib import Path

import pytest

from theseus.effects.hosts.pace import TRIES, Budget, pauses, wait_for
from theseus.effects.hosts.private import private_directory

WINDOW = 1.0


def spend(directory: Path, number: int) -> list[float]:
    """Claim *number* connections in a budget of 5 in WINDOW seconds; when each was given."""

    async def main() -> list[float]:
        budget, given = Budget(5, directory, WINDOW), []
        for _ in range(number):
            await budget.spend("login")
            given.append(time.time())
        return given

    return asyncio.run(main())


@pytest.mark.slow
def test_shared_between_processes(tmp_path: Path) -> None:
    """Four processes that want 12 connections together get 5 in any window, and all in the end."""
    with multiprocessing.get_context("spawn").Pool(4) as pool:
        given = sorted(at for each in pool.starmap(spend, [(tmp_path, 3)] * 4) for at in each)
    assert len(given) == 12
    # between any six that follow each other lies a window; the clock is read after the claim
    assert all(given[at + 5] - given[at] > 0.8 * WINDOW for at in range(len(given) - 5))


def test_hosts_apart(tmp_path: Path) -> None:
    """What was spent on one host is not missing for another."""

    async def main() -> None:
        budget = Budget(1, tmp_path, 60)
        async with asyncio.timeout(5):
            await budget.spend("a")
            await budget.spend("b")
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(budget.spend("a"), 0.1)

    asyncio.run(main())


@pytest.mark.slow
def test_a_wait_is_explained(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """Who waits for long is told once for which host, why, how long, and what changes it."""
    spent = "import asyncio, sys, pathlib; from theseus.effects.hosts.pace import Budget\n"
    spent += "budget = Budget(1, pathlib.Path(sys.argv[1]), float(sys.argv[2]))\n"
    spent += "for _ in range(2): asyncio.run(budget.spend('login'))\n"
    for window in ("0.5", "2.5"):
        (tmp_path / window).mkdir()
        subprocess.run([sys.executable, "-c", spent, str(tmp_path / window), window], check=True)
    (line,) = capfd.readouterr().err.splitlines()
    assert line.startswith("theseus: waiting 2 s before connecting to login: ")
    assert "1 new connection to it within 2.5 s" in line
    assert "`connections_per_minute`" in line


def test_damaged_counts(tmp_path: Path) -> None:
    """What cannot be read, lies in the future or was cut short does not hold anybody up."""

    async def main() -> None:
        budget = Budget(1, tmp_path, 60)
        await asyncio.wait_for(budget.spend("a"), 5)

    asyncio.run(main())
    (file,) = tmp_path.iterdir()
    assert file.stat().st_mode & 0o777 == 0o600
    file.write_text(f"nonsense\n{time.time() + 1e6}\n1.\n\xff")
    asyncio.run(main())


def test_nowhere_to_count(tmp_path: Path) -> None:
    """Where nothing can be written, nobody waits."""
    file = tmp_path / "file"
    file.write_text("")
    asyncio.run(asyncio.wait_for(Budget(1, file / "below").spend("a"), 5))


def test_pauses() -> None:
    """Pauses grow, differ from one client to the next, and end."""
    one, other = list(pauses()), list(pauses())
    assert len(one) == TRIES - 1
    assert one != other
    assert all(0.25 * 2**number <= pause <= 0.75 * 2**number for number, pause in enumerate(one))
    assert asyncio.run(wait_for(iter((0.0,))))
    assert not asyncio.run(wait_for(iter(())))


def test_private_directory(tmp_path: Path) -> None:
    """A directory of theseus is shut to others; what is a link or a file is never used as one."""
    made = private_directory(tmp_path / "a" / "b")
    assert made.stat().st_mode & 0o777 == 0o700
    made.chmod(0o755)
    assert private_directory(made).stat().st_mode & 0o777 == 0o700
    (tmp_path / "link").symlink_to(made)
    with pytest.raises(PermissionError):
        private_directory(tmp_path / "link")
