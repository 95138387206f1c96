"""A login node that admits little, and one that asks: reached all the same, and with manners."""

import asyncio
import os
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.cli.runs import job
from tests.cli.terminal import at_terminal
from tests.e2e.far_desk import FarDesk, far_desk
from tests.e2e.sshd import BANNER, Sshd, running_sshd
from tests.effects.sites import TRANSPORTS, Connect, Connections
from theseus.effects.perform.exchange import Answer, Lost, ask

pytestmark = pytest.mark.slow

STRICT = "MaxSessions 2\nMaxStartups 3\n"
TWO_FACTORS = (
    "UsePAM yes\nKbdInteractiveAuthentication yes\n"
    "AuthenticationMethods publickey,keyboard-interactive\n"
)
CODE = "correct horse"


@contextmanager
def server(settings: str) -> Iterator[Sshd]:
    """A sshd with *settings*."""
    with (
        tempfile.TemporaryDirectory(prefix="theseus-sshd-") as folder,
        running_sshd(Path(folder), settings) as made,
    ):
        yield made


@pytest.fixture(scope="module")
def strict() -> Iterator[Sshd]:
    """A sshd with two sessions a connection, three connections before login, and a banner."""
    with server(STRICT) as made:
        yield made


@pytest.fixture(params=list(TRANSPORTS))
def connect(request: pytest.FixtureRequest) -> Connect:
    """Each transport."""
    return TRANSPORTS[request.param]


def logins(sshd: Sshd) -> int:
    """How many connections have been let in so far."""
    return (sshd.folder / "sshd.log").read_text().count("Accepted ")


def alias(sshd: Sshd) -> str:
    """The first host of the config."""
    return f"thx-{next(iter(sshd.users))}"


async def said(connections: Connections, host: str, *argv: str) -> str:
    """What a command of one shell says, alone."""
    async with connections.open_shell(host) as shell:
        answers = await ask(shell, [argv])
    assert not isinstance(answers, Lost), answers
    (answer,) = answers
    assert isinstance(answer, Answer)
    return answer.output.decode() + answer.errors


def test_few_sessions(connect: Connect, strict: Sshd) -> None:
    """Ten shells at once on a connection of two sessions all have their turn, on that one."""

    async def main() -> list[str]:
        async with connect(strict.config) as connections:
            asking = (
                said(connections, alias(strict), "sh", "-c", f"sleep 0.1; echo {number}")
                for number in range(10)
            )
            return await asyncio.gather(*asking)

    before = logins(strict)
    assert asyncio.run(main()) == [str(number) for number in range(10)]
    assert logins(strict) == before + 1


def test_banner(connect: Connect, strict: Sshd) -> None:
    """A banner is shown to nobody and mixes with nothing."""

    async def main() -> str:
        async with connect(strict.config) as connections:
            return await said(connections, alias(strict), "echo", "alone")

    assert BANNER.splitlines()[0] in strict.folder.joinpath("banner").read_text()
    assert asyncio.run(main()) == "alone"


def test_turned_away(connect: Connect, strict: Sshd) -> None:
    """Where three others stand before the door, a connection is tried again until it is let in."""

    async def main() -> str:
        crowd = [socket.create_connection(("127.0.0.1", strict.port)) for _ in range(3)]
        for each in crowd:
            each.recv(64)  # let in, and not logged in
        loop = asyncio.get_running_loop()
        for each in crowd:
            loop.call_later(0.8, each.close)
        async with connect(strict.config) as connections:
            return await said(connections, alias(strict), "echo", "in")

    begun = time.monotonic()
    assert asyncio.run(main()) == "in"
    assert time.monotonic() - begun > 0.6, "it was let in at once: nobody stood there"


@pytest.fixture
def asking(tmp_path: Path) -> Iterator[FarDesk]:
    """A desk whose host wants a key and a code."""
    if os.geteuid() != 0 or not Path("/etc/pam.d/sshd").exists():
        pytest.skip("a second factor takes PAM, and root to give a user one")
    with server(TWO_FACTORS) as made:
        user = made.users["bash"]
        subprocess.run(["chpasswd"], input=f"{user}:{CODE}\n", text=True, check=True)
        with far_desk(tmp_path, made, "bash") as far:
            try:
                yield far
            finally:
                far.desk.theseus("login", "far", "--exit")


def test_two_factors(asking: FarDesk) -> None:
    """A host that asks is refused with what to do; after a login no command is asked again."""
    job(asking.desk, "echo here I am")
    refused = asking.desk.theseus("submit", "demo", "train.yaml")
    assert refused.status == 4
    assert "Permission denied" in refused.err
    assert "`theseus login`" in refused.err
    blind = asking.desk.theseus("login", "far")
    assert (blind.status, blind.err) == (
        2,
        "theseus: login: asks questions: run it in a terminal\n",
    )
    entered = at_terminal(asking.desk, ("login", "far"), [("assword: ", CODE)])
    assert entered.status == 0, entered.out
    assert "far: logged in;" in entered.out
    before = logins(asking.server)
    for _ in range(2):
        done = asking.desk.theseus("submit", "demo", "train.yaml", "--follow")
        assert done.status == 0, done.err
        assert "here I am\n" in done.out
    assert logins(asking.server) == before, "everything went over the connection of the login"
    again = asking.desk.theseus("login", "far")
    assert (again.status, again.err) == (0, "theseus: far: logged in already\n")
    left = asking.desk.theseus("login", "far", "--exit")
    assert (left.status, left.err) == (0, "theseus: far: logged out\n")
    assert asking.desk.theseus("submit", "demo", "train.yaml").status == 4


def test_wrong_code(asking: FarDesk) -> None:
    """A login that fails leaves no connection, and its status is that of an unreachable host."""
    asking.configure_ssh("IdentitiesOnly yes", "IdentitiesOnly yes\n  NumberOfPasswordPrompts 1")
    entered = at_terminal(asking.desk, ("login", "far"), [("assword: ", "wrong")])
    assert entered.status == 4, entered.out
    assert "far: not logged in" in entered.out
    assert asking.desk.theseus("login", "far", "--exit").err.endswith("was not logged in\n")
