"""Files come back whole, once, and go on where they stopped."""

import asyncio
import errno
import fcntl
import os
from collections.abc import Callable, Coroutine
from pathlib import Path

import pytest

from tests.effects.sites import SITES, OpenSite, at
from tests.effects.sshd import ALIAS, Server, served
from theseus.core.plan.outcome import HostUnreachable
from theseus.core.runs.pull import PARTS
from theseus.effects.hosts.asyncssh import AsyncsshConnections
from theseus.effects.hosts.shells import OpenShell
from theseus.effects.perform.local import local_shell
from theseus.effects.runs.pull import Progress, Pulled, Wish, pull
from theseus.effects.runs.pull_parts import SILENCE

pytestmark = pytest.mark.slow
CONTENTS = {
    b"metrics.csv": b"step,loss\n1,2\n",
    b"empty": b"",
    b"plots/a b.png": bytes(range(256)) * 3000,
    b'plots/it\'s "$x" `y`\nz': b"odd",
    b"-rf": b"\0\n\0",
    b"no \xff\xfe utf-8": b"bytes",
}


@pytest.fixture(params=list(SITES))
def open_site(request: pytest.FixtureRequest) -> OpenSite:
    """Each way to have a shell."""
    return SITES[request.param]


def far(folder: Path) -> Path:
    """The directory that is pulled in these tests, with files of every kind."""
    root = folder / "the 'results'"
    for name, content in CONTENTS.items():
        path = root / os.fsdecode(name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        os.utime(path, ns=(1_700_000_000_123_456_789, 1_700_000_000_123_456_789))
    return root


def wish(folder: Path, pattern: str | None = None) -> Wish:
    """What these tests pull, into a directory of its own."""
    return Wish(ALIAS, str(folder / "the 'results'"), folder / "here", pattern)


def here(folder: Path) -> dict[bytes, bytes]:
    """What has come."""
    root = folder / "here"
    files = (path for path in root.rglob("*") if path.is_file())
    return {os.fsencode(path.relative_to(root)): path.read_bytes() for path in files}


def nobody(*_: object) -> None:
    """Watch no progress."""


def pulled(
    wanted: Wish, progress: Progress = nobody
) -> Callable[[OpenShell], Coroutine[None, None, Pulled]]:
    """Pull *wanted*."""

    async def use(open_shell: OpenShell) -> Pulled:
        outcome = await pull(open_shell, wanted, progress)
        assert isinstance(outcome, Pulled)
        return outcome

    return use


def test_all(open_site: OpenSite, tmp_path: Path) -> None:
    """Every file comes with its bytes and time of change; a second time nothing is sent."""
    far(tmp_path)
    seen: list[tuple[int, int]] = []
    use = pulled(wish(tmp_path), lambda _, done, total: seen.append((done, total)))
    first = at(open_site, tmp_path, use)
    assert here(tmp_path) == CONTENTS
    size = sum(map(len, CONTENTS.values()))
    assert seen[-1] == (size, size)
    times = {path.stat().st_mtime_ns for path in (tmp_path / "here").rglob("*") if path.is_file()}
    assert times == {1_700_000_000_123_456_789}
    assert (len(first.came), first.present, first.problems) == (len(CONTENTS), set(), {})
    inodes = {path.stat().st_ino for path in (tmp_path / "here").rglob("*")}
    (tmp_path / "server").rename(tmp_path / "server-1") if (tmp_path / "server").exists() else None
    second = at(open_site, tmp_path, pulled(wish(tmp_path)))
    assert (second.came, len(second.present)) == ({}, len(CONTENTS))
    assert inodes == {path.stat().st_ino for path in (tmp_path / "here").rglob("*")}


def test_pattern_and_change(tmp_path: Path) -> None:
    """Only what is meant comes; a file that has changed there since comes anew."""
    root = far(tmp_path)
    asyncio.run(pulled(wish(tmp_path, "*.csv"))(local_shell))
    assert set(here(tmp_path)) == {b"metrics.csv"}
    (root / "metrics.csv").write_bytes(b"step,loss\n1,3\n")
    again = asyncio.run(pulled(wish(tmp_path, "*.csv"))(local_shell))
    assert again.came == {"metrics.csv": 14}
    assert here(tmp_path) == {b"metrics.csv": b"step,loss\n1,3\n"}


def test_lost_connections(tmp_path: Path) -> None:
    """However often the connection is lost, what has come is not sent again, and all comes."""
    far(tmp_path)

    async def main() -> tuple[Pulled | HostUnreachable, int]:
        async with (
            served(Server(tmp_path / "server", noise=b"Welcome!\n")) as server,
            AsyncsshConnections([server.config]) as connections,
        ):

            def progress(*_: object) -> None:
                if len(server.commands) < 4:
                    server.cut_output = 200_000  # of the next connection

            server.cut_output = 300_000
            outcome = await pull(connections.open_shell, wish(tmp_path), progress)
            return outcome, len(server.commands)

    outcome, connections = asyncio.run(main())
    assert isinstance(outcome, Pulled)
    assert here(tmp_path) == CONTENTS
    assert connections > 2


def test_goes_on_after_a_killed_client(tmp_path: Path) -> None:
    """What a client that was killed had received is not asked for again."""
    far(tmp_path)
    seen: list[int] = []

    async def first() -> None:
        def die(_: str, done: int, __: int) -> None:
            if done > 400_000:
                raise KeyboardInterrupt

        await pull(local_shell, wish(tmp_path, "*.png"), die)

    with pytest.raises(KeyboardInterrupt):
        asyncio.run(first())
    (part,) = (tmp_path / "here" / PARTS).glob("[!l]*")  # beside the lock
    had = part.stat().st_size
    assert had > 400_000
    use = pulled(wish(tmp_path, "*.png"), lambda _, done, __: seen.append(done))
    asyncio.run(use(local_shell))
    assert here(tmp_path) == {b"plots/a b.png": CONTENTS[b"plots/a b.png"]}
    assert seen[-1] == len(CONTENTS[b"plots/a b.png"]) - had


def test_two_at_once(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Of two pulls into one directory one goes after the other, says so, and has nothing to do."""
    far(tmp_path)
    (tmp_path / "here" / PARTS).mkdir(parents=True)
    with (tmp_path / "here" / PARTS / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)

        async def use(open_shell: OpenShell) -> tuple[Pulled, Pulled]:
            asyncio.get_running_loop().call_later(SILENCE + 0.5, fcntl.flock, lock, fcntl.LOCK_UN)
            one = pulled(wish(tmp_path))
            return await asyncio.gather(one(open_shell), one(open_shell))

        both = at(SITES["local"], tmp_path, use)
    assert here(tmp_path) == CONTENTS
    assert sorted(len(each.came) for each in both) == [0, len(CONTENTS)]
    assert [each.problems for each in both] == [{}, {}]
    assert {f"theseus: waiting for another pull into {tmp_path / 'here'} to end"} == set(
        caplog.messages
    )


def test_parts_in_the_way(tmp_path: Path) -> None:
    """A file where parts would lie is said to be in the way of all that would come."""
    far(tmp_path)
    (tmp_path / "here").mkdir()
    (tmp_path / "here" / PARTS).touch()
    outcome = at(SITES["local"], tmp_path, pulled(wish(tmp_path)))
    assert (outcome.came, set(outcome.problems.values())) == ({}, {"File exists"})


def test_no_locks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the file system has no locks files come all the same."""
    far(tmp_path)

    def unable(*_: object) -> None:
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(fcntl, "flock", unable)
    first = at(SITES["local"], tmp_path, pulled(wish(tmp_path)))
    assert (len(first.came), first.problems) == (len(CONTENTS), {})


def test_written_to_meanwhile(tmp_path: Path) -> None:
    """A file that grows while it comes is asked for again, and said when it never rests."""
    root = far(tmp_path)

    def grow(*_: object) -> None:
        with (root / "metrics.csv").open("ab") as file:
            file.write(b"x")

    outcome = asyncio.run(pulled(wish(tmp_path, "metrics.csv"), grow)(local_shell))
    assert outcome.changed <= {"metrics.csv"}
    content = (root / "metrics.csv").read_bytes()
    assert content.startswith(here(tmp_path)[b"metrics.csv"])


def test_nothing_there(tmp_path: Path) -> None:
    """A run that has left nothing gives nothing."""
    outcome = asyncio.run(pulled(wish(tmp_path))(local_shell))
    assert (outcome.selected, outcome.came) == (0, {})


def test_in_the_way(tmp_path: Path) -> None:
    """A directory where a file is to be is said; the others come."""
    far(tmp_path)
    (tmp_path / "here" / "empty" / "x").mkdir(parents=True)
    outcome = asyncio.run(pulled(wish(tmp_path))(local_shell))
    assert outcome.problems == {"empty": "Is a directory"}
    assert set(here(tmp_path)) >= set(CONTENTS) - {b"empty"}


def test_links_stay_there(tmp_path: Path) -> None:
    """Symbolic links are counted and left."""
    root = far(tmp_path)
    (root / "passwd").symlink_to("/etc/passwd")
    outcome = asyncio.run(pulled(wish(tmp_path))(local_shell))
    assert outcome.listing is not None
    assert outcome.listing.links == 1
    assert b"passwd" not in here(tmp_path)
