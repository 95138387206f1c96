"""A log is followed to its end, through lost connections, without a byte twice or missing."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from tests.effects.sites import SITES, OpenSite, at, supply
from tests.effects.sshd import ALIAS, Server, served
from theseus.core.plan.outcome import Done
from theseus.core.plan.steps import ClaimRun, Launch, PutFile, Segment, Text
from theseus.effects.hosts.asyncssh import AsyncsshConnections
from theseus.effects.hosts.process_shell import GRACE
from theseus.effects.hosts.shells import OpenShell
from theseus.effects.perform.local import local_shell
from theseus.effects.perform.shell_performer import ShellPerformer
from theseus.effects.runs.follow import (
    Ended,
    Followable,
    Followed,
    Gone,
    OutOfSight,
    StillThere,
    Wanted,
    Watcher,
    follow,
)

BOOTSTRAP = """
for each in {1..40}; do echo "line $each: $(printf '%0100d' "$each")"; sleep 0.02; done
printf '\\xff\\x00end' | cat
printf '{"state": "completed", "exit_status": 0}' >"$1/part"; mv "$1/part" "$1/outcome.json"
echo last words
"""
LOG = (
    b"".join(b"line %d: %0100d\n" % (each, each) for each in range(1, 41))
    + b"\xff\x00endlast words\n"
)
ENDED = Ended({"state": "completed", "exit_status": 0})


@pytest.fixture(params=list(SITES))
def open_site(request: pytest.FixtureRequest) -> OpenSite:
    """Each way to have a shell."""
    return SITES[request.param]


def run_in(folder: Path) -> Followable:
    """Where the run of these tests is."""
    return Followable(ALIAS, str(folder / "a run"), str(folder / "a log"))


async def launch(open_shell: OpenShell, folder: Path, script: str) -> None:
    """Launch *script* as a bootstrap."""
    run = run_in(folder)
    steps = (
        ClaimRun(ALIAS, run.run_dir),
        PutFile(ALIAS, f"{run.run_dir}/bootstrap.sh", 0o600, Text(script)),
        Launch(ALIAS, run.run_dir, run.log),
    )
    outcomes = await ShellPerformer(open_shell, supply()).perform(Segment(ALIAS, 0, steps))
    assert all(isinstance(outcome, Done) for outcome in outcomes)


def launched_and_followed(
    folder: Path, script: str, offset: int = 0
) -> Callable[[OpenShell], Awaitable[tuple[Followed, bytes]]]:
    """Launch *script*, follow it, and give what was shown."""

    async def use(open_shell: OpenShell) -> tuple[Followed, bytes]:
        shown = bytearray()
        await launch(open_shell, folder, script)
        followed = await follow(open_shell, run_in(folder), Watcher(shown.extend), Wanted(offset))
        return followed, bytes(shown)

    return use


@pytest.mark.slow
def test_to_the_end(open_site: OpenSite, tmp_path: Path) -> None:
    """Everything the run printed is shown, what came after its outcome too."""
    followed, shown = at(open_site, tmp_path, launched_and_followed(tmp_path, BOOTSTRAP))
    assert shown == LOG
    assert followed == Followed(ENDED, len(LOG))


@pytest.mark.slow
def test_from_an_offset(open_site: OpenSite, tmp_path: Path) -> None:
    """What was shown before is not shown again."""
    use = launched_and_followed(tmp_path, BOOTSTRAP, 1000)
    followed, shown = at(open_site, tmp_path, use)
    assert (shown, followed.offset) == (LOG[1000:], len(LOG))


@pytest.mark.slow
def test_gone(open_site: OpenSite, tmp_path: Path) -> None:
    """A run that was killed and left no outcome is gone, with what it printed."""
    use = launched_and_followed(tmp_path, "echo before; kill -9 $$\n")
    assert at(open_site, tmp_path, use) == (Followed(Gone(), 7), b"before\n")


@pytest.mark.slow
def test_reconnecting(tmp_path: Path) -> None:
    """A connection that is lost again and again loses nothing and repeats nothing."""

    async def main() -> tuple[Followed, bytes, int]:
        shown = bytearray()
        async with (
            served(Server(tmp_path / "server", noise=b"Welcome!\n")) as server,
            AsyncsshConnections([server.config]) as connections,
        ):
            await launch(connections.open_shell, tmp_path, BOOTSTRAP)

            def show(data: bytes) -> None:
                shown.extend(data)
                if len(server.commands) < 4:
                    server.cut_output = 700  # of the next connection

            server.cut_output = 500
            followed = await follow(connections.open_shell, run_in(tmp_path), Watcher(show))
            return followed, bytes(shown), len(server.commands)

    followed, shown, connections = asyncio.run(main())
    assert shown == LOG
    assert followed == Followed(ENDED, len(LOG))
    assert connections > 3


@pytest.mark.slow
def test_out_of_sight(tmp_path: Path) -> None:
    """A host that stays away is given up after a while, with the offset to go on from."""

    async def main() -> Followed:
        shown = bytearray()
        some = asyncio.Event()

        def show(data: bytes) -> None:
            shown.extend(data)
            some.set()

        async with AsyncsshConnections([str(tmp_path / "server" / "config")]) as connections:
            async with served(Server(tmp_path / "server", cut_output=300)):
                await launch(local_shell, tmp_path, "head -c 5000 /dev/zero; sleep 2\n")
                await asyncio.sleep(0.1)
                task = asyncio.create_task(
                    follow(connections.open_shell, run_in(tmp_path), Watcher(show), patience=1.5)
                )
                await some.wait()
            followed = await task
            assert len(shown) == followed.offset
            return followed

    followed = asyncio.run(main())
    assert isinstance(followed.state, OutOfSight)
    assert followed.state.error.reason == "connection refused"
    assert 0 < followed.offset < 300


def test_never_in_sight(tmp_path: Path) -> None:
    """A host that cannot be reached at all is said at once."""
    (tmp_path / "config").write_text(f"Host {ALIAS}\n  HostName 127.0.0.1\n  Port 1\n")

    async def main() -> Followed:
        async with AsyncsshConnections([str(tmp_path / "config")]) as connections:
            return await follow(connections.open_shell, run_in(tmp_path), Watcher(lambda _: None))

    followed = asyncio.run(main())
    assert isinstance(followed.state, OutOfSight)
    assert followed.state.error.reason == "connection refused"


@pytest.mark.slow
def test_the_far_side_ends_with_the_client(tmp_path: Path) -> None:
    """When the client leaves, following ends on the host at once and by itself."""

    async def main() -> float:
        await launch(local_shell, tmp_path, "sleep 3\n")
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.6):
                await follow(local_shell, run_in(tmp_path), Watcher(lambda _: None))
        return asyncio.get_running_loop().time() - started

    started = time.monotonic()
    assert asyncio.run(main()) < 0.6 + GRACE / 2


@pytest.mark.slow
@pytest.mark.parametrize("lines", [0, 1, 3, 41, 5000])
def test_last_lines(lines: int, tmp_path: Path) -> None:
    """The last lines of a log are shown, whatever bytes it holds and wherever it began."""

    async def main() -> tuple[Followed, bytes]:
        shown = bytearray()
        await launch(local_shell, tmp_path, BOOTSTRAP)
        whole = await follow(local_shell, run_in(tmp_path), Watcher(lambda _: None))
        assert whole == Followed(ENDED, len(LOG))
        wanted = Wanted(lines=lines, stay=False)
        return await follow(local_shell, run_in(tmp_path), Watcher(shown.extend), wanted), bytes(
            shown
        )

    followed, shown = asyncio.run(main())
    assert followed == Followed(ENDED, len(LOG))
    assert shown == b"".join(LOG.splitlines(keepends=True)[-lines or len(LOG) :])


@pytest.mark.slow
def test_last_lines_of_a_large_log(tmp_path: Path) -> None:
    """However long lines are, the last of them are found."""
    script = 'for each in {1..9}; do head -c 300000 /dev/zero | tr "\\0" "$each"; echo; done; '
    script += 'echo \'{"state": "completed", "exit_status": 0}\' >"$1/outcome.json"'

    async def main() -> bytes:
        shown = bytearray()
        await launch(local_shell, tmp_path, script)
        await follow(local_shell, run_in(tmp_path), Watcher(lambda _: None))
        wanted = Wanted(lines=2, stay=False)
        await follow(local_shell, run_in(tmp_path), Watcher(shown.extend), wanted)
        return bytes(shown)

    assert asyncio.run(main()) == b"8" * 300000 + b"\n" + b"9" * 300000 + b"\n"


@pytest.mark.slow
def test_what_is_there(open_site: OpenSite, tmp_path: Path) -> None:
    """Without staying, what is there is shown, and that the run goes on."""

    async def use(open_shell: OpenShell) -> tuple[Followed, bytes]:
        shown = bytearray()
        await launch(open_shell, tmp_path, "echo so far; sleep 3\n")
        await asyncio.sleep(0.3)
        wanted = Wanted(stay=False)
        watcher = Watcher(shown.extend)
        return await follow(open_shell, run_in(tmp_path), watcher, wanted), bytes(shown)

    followed, shown = at(open_site, tmp_path, use)
    assert (followed, shown) == (Followed(StillThere(), 7), b"so far\n")
