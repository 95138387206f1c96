"""Leases under many hands: no GPU is ever held twice, everybody is served, in order."""

import os
import pwd
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from attrs import frozen

from tests.runtime.gpus import ALL, claim, close, held
from tests.runtime.host import ROOT, until
from theseus.core.inventory.leases import leases_command, parse_leases
from theseus.runtime.lease_directory import LeaseDirectory, LeaseError

RACE = ROOT / "tests/runtime/race.py"


@frozen
class Racer:
    """How one run in a race ended: its ticket (0: none), when it took its GPUs, and which."""

    ticket: int
    began: int
    gpus: tuple[str, ...]


@pytest.fixture
def place() -> Iterator[Path]:
    """A directory that every user may write to, where all may go."""
    with tempfile.TemporaryDirectory(prefix="theseus-race-") as path:
        Path(path).chmod(0o777)
        yield Path(path)


def race(place: Path, *runs: str, users: tuple[int, ...] = (os.getuid(),)) -> list[Racer]:
    """Have *runs* start at once, by *users* in turn; nobody may hold what another does."""
    words = [f"{run}:{users[at % len(users)]}" for at, run in enumerate(runs)]
    done = subprocess.run(
        [sys.executable, RACE, place / "leases", place, *words],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    said = [line.split() for line in done.stdout.splitlines()]
    found = {int(at): Racer(int(one), int(time), tuple(gpus)) for at, one, time, *gpus in said}
    return [found[at] for at in range(len(runs))]


@pytest.mark.slow
def test_forty_at_once(place: Path) -> None:
    """Of forty that race for eight GPUs and wait, each is served, in the order of the tickets."""
    sizes = [(1, 2, 3, 8)[at % 4] for at in range(40)]
    served = race(place, *(f"{size}:0.02:waits" for size in sizes))
    assert [len(each.gpus) for each in served] == sizes
    waited = sorted((each.ticket, each.began) for each in served if each.ticket)
    assert len(waited) > 20
    assert [began for _, began in waited] == sorted(began for _, began in waited)
    assert list((place / "leases").glob("ticket-*")) == []


@pytest.mark.slow
def test_all_or_none(place: Path) -> None:
    """Who does not wait gets all it needs or nothing, and what is enough for one is not wasted."""
    served = race(place, *["3:1:no"] * 8)
    assert sorted(len(each.gpus) for each in served) == [0] * 6 + [3, 3]


@pytest.mark.slow
@pytest.mark.skipif(os.geteuid() != 0, reason="only root can be several users")
def test_two_users(place: Path) -> None:
    """Users of one host share no GPU, whoever made the files, and wait for one another."""
    users = tuple(pwd.getpwnam(name).pw_uid for name in ("nobody", "daemon"))
    served = race(place, *["3:0.02:waits"] * 16, users=users)
    assert {len(each.gpus) for each in served} == {3}
    owners = {path.owner() for path in (place / "leases").iterdir()}
    assert owners <= {"nobody", "daemon"}


def test_killed_holder(tmp_path: Path) -> None:
    """A lock is gone at the moment when its holder is killed."""
    first = claim(tmp_path / "leases", 1)
    with held(first.directory.path_of("GPU-0")) as holder:
        assert first.take(frozenset()) == ["GPU-1"]
        first.release(["GPU-1"])
        holder.kill()
        holder.wait()
        assert first.take(frozenset()) == ["GPU-0"]
    close(first)


def test_used_gpus(tmp_path: Path) -> None:
    """A GPU that others use is taken last, and by who can wait not at all."""
    made = claim(tmp_path / "leases", 1)
    assert made.take(frozenset(ALL[:-1])) == ["GPU-7"]
    made.release(["GPU-7"])
    assert made.take(frozenset(ALL)) == ["GPU-0"]
    made.release(["GPU-0"])
    made.patient = True
    assert made.take(frozenset(ALL)) is None
    assert "GPU-3 is in use, without a lease" in made.hindrance
    close(made)


def look(directory: Path) -> str:
    """What the probe prints."""
    done = subprocess.run(
        leases_command(str(directory)), capture_output=True, text=True, check=True, timeout=30
    )
    return done.stdout


def test_probe(tmp_path: Path) -> None:
    """The probe sees who holds a lock and who waits, and nothing of what is over."""
    assert look(tmp_path / "leases") == ""
    one, two = (claim(tmp_path / "leases", 1, ("GPU-0",), run) for run in ("r1", "r2"))
    assert look(tmp_path / "leases") == ""
    assert one.take(frozenset()) == ["GPU-0"]
    assert two.take(frozenset()) is None
    assert "GPU-0 is leased by ada (run r1)" in two.hindrance
    ticket = two.ticket()
    found = parse_leases(look(tmp_path / "leases"))
    assert {name: each.run for name, each in found.holders.items()} == {"GPU-0": "r1"}
    assert [(lease.run, names) for lease, names in found.tickets] == [("r2", frozenset({"GPU-0"}))]
    ticket.give_up()
    close(one)
    close(two)
    assert look(tmp_path / "leases") == ""


@pytest.fixture
def probes(tmp_path: Path) -> Iterator[Path]:
    """A lease directory at which a probe looks all the time."""
    LeaseDirectory(tmp_path / "leases")
    script = 'while :; do "$@" >/dev/null; done'
    command = ["bash", "-c", script, "-", *leases_command(str(tmp_path / "leases"))]
    with subprocess.Popen(command, start_new_session=True) as process:
        yield tmp_path / "leases"
        os.killpg(process.pid, 9)


@pytest.mark.slow
def test_probe_is_in_nobodys_way(probes: Path) -> None:
    """A run that can have its GPUs gets them, however often somebody looks."""
    made = claim(probes, 8)
    for _ in range(30):
        assert made.take(frozenset()) == list(ALL)
        made.release(ALL)
    close(made)


def test_gate_that_is_held(tmp_path: Path) -> None:
    """A process that keeps the gate shut holds nobody up for ever; it is said what is wrong."""
    made = claim(tmp_path / "leases", 1)
    with (
        held(tmp_path / "leases"),
        pytest.raises(LeaseError, match="does not let go"),
        made.directory.gate(0.1),
    ):
        pass
    close(made)


def test_directory_without_sticky_bit(tmp_path: Path) -> None:
    """A directory in which anybody may remove the files of others is not used."""
    (tmp_path / "leases").mkdir()
    (tmp_path / "leases").chmod(0o777)
    with (
        pytest.raises(LeaseError, match="no sticky bit"),
        LeaseDirectory(tmp_path / "leases").gate(),
    ):
        pass


def test_dead_tickets(tmp_path: Path) -> None:
    """A ticket that nobody holds is removed, and its number is not waited for."""
    made = claim(tmp_path / "leases", 1)
    first = made.ticket()
    os.close(first.descriptor)
    assert made.take(frozenset()) == ["GPU-0"]
    until(lambda: not first.path.exists())
    close(made)
