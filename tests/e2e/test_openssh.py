"""Performing through a real OpenSSH server, as an unprivileged user, with any login shell."""

import asyncio
import os
import shutil
import subprocess
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import TypeVar

import pytest

from tests.e2e.sshd import LOGIN_SHELLS, Sshd, trust
from tests.effects.sites import TRANSPORTS, Connect, Connections, supply
from theseus.core.plan.outcome import AlreadySubmitted, Done, HostUnreachable, NotReached
from theseus.core.plan.steps import (
    ClaimRun,
    EnsureTree,
    Launch,
    MakeDir,
    PutFile,
    Segment,
    Step,
    Text,
)
from theseus.effects.hosts.shells import ShellUnavailable
from theseus.effects.perform.exchange import Answer, ask
from theseus.effects.perform.shell_performer import ShellPerformer
from theseus.effects.runs.follow import Ended, Followable, Watcher, follow

pytestmark = pytest.mark.slow

Value = TypeVar("Value")
BOOTSTRAP = """
echo started; sleep 0.5; id -un; echo "$1"
printf '{"state": "completed"}' >"$1/part"; mv "$1/part" "$1/outcome.json"
"""
PLACE = f"theseus-test-{os.getpid()}"
RUN = f'~/{PLACE}/it\'s "a" run'


@pytest.fixture(params=list(TRANSPORTS))
def connect(request: pytest.FixtureRequest) -> Connect:
    """Each transport."""
    return TRANSPORTS[request.param]


def through(
    connect: Connect, server: Sshd, use: Callable[[Connections], Awaitable[Value]]
) -> Value:
    """What *use* gives for connections to *server*."""

    async def main() -> Value:
        async with connect(server.config) as connections:
            return await use(connections)

    return asyncio.run(main())


@pytest.fixture(params=LOGIN_SHELLS)
def login_shell(request: pytest.FixtureRequest, sshd: Sshd) -> str:
    """Each login shell that a user has."""
    name: str = request.param
    if name not in sshd.users:
        pytest.skip(f"{name} is not installed here, or no user can be made who has it")
    return name


@pytest.fixture
def noisy_home(sshd: Sshd, login_shell: str) -> Iterator[Path]:
    """A home whose login files print on both streams, where it is a home made for the tests."""
    home = sshd.home(login_shell)
    if os.geteuid() == 0:
        noise = "echo 'Welcome to the cluster'; echo; echo '0 0 0'\n"
        files = {"bash": ".bashrc", "tcsh": ".cshrc", "fish": ".config/fish/config.fish"}
        file = home / files[login_shell]
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(noise)
    yield home
    shutil.rmtree(home / PLACE, ignore_errors=True)  # a test may have made nothing


def steps_on(host: str) -> tuple[Step, ...]:
    """A small submission on *host*."""
    return (
        MakeDir(host, f"~/{PLACE}", 0o700),
        ClaimRun(host, RUN),
        EnsureTree(host, f"~/{PLACE}/tree", "abc"),
        PutFile(host, f"{RUN}/bootstrap.sh", 0o600, Text(BOOTSTRAP)),
        Launch(host, RUN, f"~/{PLACE}/the log"),
    )


def test_submission(
    connect: Connect, sshd: Sshd, login_shell: str, noisy_home: Path, tmp_path: Path
) -> None:
    """A run is submitted once, survives the connection, and is followed to its end."""
    host = f"thx-{login_shell}"
    archive = tmp_path / "archive"
    archive.write_bytes(os.urandom(3_000_000))

    async def submit(connections: Connections) -> tuple[object, ...]:
        performer = ShellPerformer(connections.open_shell, supply(archive))
        return await performer.perform(Segment(host, 0, steps_on(host)))

    *first, answer = through(connect, sshd, submit)
    assert first == [Done(), Done("claimed"), Done("sent"), Done()]
    assert isinstance(answer, Done)
    assert through(connect, sshd, submit)[1:] == (
        AlreadySubmitted(answer.output),
        *[NotReached()] * 3,
    )
    shown = bytearray()

    async def watch(connections: Connections) -> object:
        run = Followable(host, RUN, f"~/{PLACE}/the log")
        return (await follow(connections.open_shell, run, Watcher(shown.extend))).state

    assert through(connect, sshd, watch) == Ended({"state": "completed"})
    run_dir = noisy_home / RUN.removeprefix("~/")
    assert shown.decode() == f"started\n{sshd.users[login_shell]}\n{run_dir}\n"
    assert (noisy_home / PLACE / "tree").read_bytes() == archive.read_bytes()


@pytest.mark.usefixtures("noisy_home")
def test_probes(connect: Connect, sshd: Sshd, login_shell: str) -> None:
    """Probes are answered as if nothing had been printed around them."""

    async def probe(connections: Connections) -> object:
        async with connections.open_shell(f"thx-{login_shell}") as shell:
            return await ask(shell, [("id", "-un"), ("printf", "%s", "a'b\n")])

    user = sshd.users[login_shell].encode()
    assert through(connect, sshd, probe) == (Answer(0, user, ""), Answer(0, b"a'b\n"[:-1], ""))


def refusal(connect: Connect, server: Sshd) -> HostUnreachable:
    """Why no shell is to be had at *server*."""

    async def use(connections: Connections) -> HostUnreachable:
        with pytest.raises(ShellUnavailable) as raised:
            async with connections.open_shell(f"thx-{next(iter(server.users))}"):
                pytest.fail("a shell was to be had")
        return raised.value.error

    return through(connect, server, use)


def test_host_keys(connect: Connect, sshd: Sshd, tmp_path: Path) -> None:
    """A host key that is not known, and one that has changed, are refused and told apart."""
    other = str(tmp_path / "other")
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", other], check=True)
    try:
        sshd.known_hosts.unlink()
        assert "is not known" in refusal(connect, sshd).reason
        trust(sshd, Path(f"{other}.pub"))
        changed = refusal(connect, sshd)
        assert "has changed" in changed.reason
        assert f"ssh-keygen -R '[127.0.0.1]:{sshd.port}'" in changed.advice
    finally:
        trust(sshd, sshd.folder / "host_key.pub")


def test_key_of_another_kind(connect: Connect, sshd: Sshd, tmp_path: Path) -> None:
    """A host that has another kind of key than the one that is known has changed as well."""
    other = str(tmp_path / "other")
    subprocess.run(["ssh-keygen", "-q", "-t", "ecdsa", "-N", "", "-f", other], check=True)
    try:
        trust(sshd, Path(f"{other}.pub"))
        assert "has changed" in refusal(connect, sshd).reason
    finally:
        trust(sshd, sshd.folder / "host_key.pub")


def test_permission_denied(connect: Connect, sshd: Sshd) -> None:
    """A key that the server does not take is said."""
    keys = [sshd.folder / f"authorized-{user}" for user in sshd.users.values()]
    kept = {path: path.read_bytes() for path in keys}
    try:
        for path in keys:
            path.write_bytes(b"")
        error = refusal(connect, sshd)
        assert "Permission denied" in error.reason
        assert "ssh-add" in error.advice
    finally:
        for path, content in kept.items():
            path.write_bytes(content)
