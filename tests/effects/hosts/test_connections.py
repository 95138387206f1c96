"""What can go wrong with an SSH connection of either transport, with a server in this process."""

import asyncio
import os
import shlex
import shutil
import subprocess
from collections.abc import Awaitable, Callable
from itertools import pairwise
from pathlib import Path

import asyncssh as protocol
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tests.effects.sites import TRANSPORTS, Connect, Connections, Value, raw, supply
from tests.effects.sshd import ALIAS, Server, served, write_client_files
from theseus.core.plan.outcome import Done, Failed, HostUnreachable, NotReached, Outcome, Unknown
from theseus.core.plan.steps import ClaimRun, EnsureTree, Launch, MakeDir, PutFile, Segment, Step
from theseus.effects.hosts.asyncssh import (
    CONNECT_ERRORS,
    AsyncsshConnections,
    Attempt,
    _split_once,
    unreachable,
)
from theseus.effects.hosts.shells import COMMAND, ShellUnavailable
from theseus.effects.perform.exchange import Lost, ask
from theseus.effects.perform.package import packaged_content
from theseus.effects.perform.sending import Ready, prepare
from theseus.effects.perform.shell_performer import ShellPerformer

TOKEN_LINE = len(b"token=\n") + 32
NOISE = b"Welcome!\n\nabc 0 0 5\nhello\x00\xff\n" * 5000


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that is the home as well."""
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("SSH_AUTH_SOCK", raising=False)
    return tmp_path


@pytest.fixture(params=list(TRANSPORTS))
def connect(request: pytest.FixtureRequest) -> Connect:
    """Each transport."""
    return TRANSPORTS[request.param]


def through(
    connect: Connect, server: Server, use: Callable[[Connections], Awaitable[Value]]
) -> Value:
    """What *use* gives for connections to *server*."""

    async def main() -> Value:
        async with served(server), connect(server.config) as connections:
            return await use(connections)

    return asyncio.run(main())


def outcomes_of(
    connect: Connect, server: Server, steps: tuple[Step, ...], archive: Path | None = None
) -> tuple[Outcome, ...]:
    """The outcomes of *steps* performed at *server*."""

    async def use(connections: Connections) -> tuple[Outcome, ...]:
        performer = ShellPerformer(connections.open_shell, supply(archive))
        return await performer.perform(Segment(ALIAS, 4, steps))

    return through(connect, server, use)


def refusal(
    connect: Connect, server: Server, spoil: Callable[[], None] = lambda: None, alias: str = ALIAS
) -> HostUnreachable:
    """Why no shell is to be had at *server*, after *spoil* was done."""

    async def use(connections: Connections) -> HostUnreachable:
        spoil()
        with pytest.raises(ShellUnavailable) as raised:
            async with connections.open_shell(alias):
                pytest.fail("a shell was to be had")
        return raised.value.error

    return through(connect, server, use)


def some_steps(folder: Path) -> tuple[Step, ...]:
    """Steps of every kind that needs no other content, each of which leaves a trace."""
    return (
        MakeDir(ALIAS, str(folder / "out"), 0o700),
        ClaimRun(ALIAS, str(folder / "out" / "run")),
        PutFile(ALIAS, str(folder / "out" / "file"), 0o600, raw(b"\0\n}; {" * 2000)),
        PutFile(ALIAS, str(folder / "out" / "run" / "bootstrap.sh"), 0o600, raw(b"true\n")),
        Launch(ALIAS, str(folder / "out" / "run"), str(folder / "out" / "log")),
    )


def holds(folder: Path) -> tuple[bool, ...]:
    """Which of these steps hold on the disk."""
    out = folder / "out"
    written = out / "file"
    return (
        out.is_dir(),
        (out / "run").is_dir(),
        written.exists() and written.read_bytes() == b"\0\n}; {" * 2000,
        (out / "run" / "bootstrap.sh").exists(),
        (out / "run" / "answer").exists(),
    )


def honest(folder: Path, outcomes: tuple[Outcome, ...]) -> None:
    """No outcome says more or less than what is on the disk."""
    held = holds(folder)
    assert len(outcomes) == len(held)
    for outcome, holding in zip(outcomes, held, strict=True):
        match outcome:
            case Done():
                assert holding
            case NotReached():
                assert not holding
            case other:
                assert isinstance(other, Unknown)
    written = folder / "out" / "file"
    assert not written.exists() or held[2], "a partial file"


def boundaries(folder: Path) -> list[int]:
    """Bytes on standard input after which a step of some_steps begins, and some in between."""
    sendings = asyncio.run(prepare(Segment(ALIAS, 4, some_steps(folder)), supply()))
    edges = [TOKEN_LINE, TOKEN_LINE + len(packaged_content("perform.sh"))]
    for sending in sendings:
        assert isinstance(sending, Ready)
        edges.append(edges[-1] + len(sending.frame))
    middles = [(before + after) // 2 for before, after in pairwise(edges)]
    return sorted({1, *edges, *middles, edges[-1] - 1})


@pytest.mark.slow
def test_connection_cut_while_sending(connect: Connect, folder: Path) -> None:
    """Wherever the connection is cut while sending, outcomes are honest."""
    for cut in boundaries(folder):
        place = folder / str(cut)
        place.mkdir()
        steps = some_steps(place)
        server = Server(place / "server", cut_input=cut)
        outcomes = outcomes_of(connect, server, steps)
        honest(place, outcomes)
        assert not all(isinstance(outcome, Done) for outcome in outcomes)


@pytest.mark.slow
def test_connection_cut_while_answering(connect: Connect, folder: Path) -> None:
    """Wherever the connection is cut while answers come, outcomes are honest."""
    for cut in (1, 20, 45, 60, 90, 130, 140, 180, 190, 220):
        place = folder / str(cut)
        place.mkdir()
        outcomes = outcomes_of(connect, Server(place / "server", cut_output=cut), some_steps(place))
        honest(place, outcomes)


def test_connection_cut_inside_an_archive(connect: Connect, folder: Path) -> None:
    """A cut inside an archive leaves no archive, and nothing is claimed to be done."""
    archive = folder / "archive"
    archive.write_bytes(os.urandom(6_000_000))
    steps = (
        EnsureTree(ALIAS, str(folder / "tree"), "abc"),
        MakeDir(ALIAS, str(folder / "later"), 0o700),
    )
    outcomes = outcomes_of(connect, Server(folder / "server", cut_input=900_000), steps, archive)
    assert isinstance(outcomes[0], Unknown)
    assert isinstance(outcomes[1], Unknown | NotReached)  # what sockets hold counts as sent
    assert {path.name for path in folder.iterdir()} == {"archive", "server"}


def test_probes_cut(connect: Connect, folder: Path) -> None:
    """Probes on a connection that is cut are lost, never empty."""

    async def use(connections: Connections) -> object:
        async with connections.open_shell(ALIAS) as shell:
            return await ask(shell, [("echo", "a" * 500), ("echo", "b")])

    lost = through(connect, Server(folder / "server", cut_output=300), use)
    assert lost == Lost("the connection was lost before the answer came")


@pytest.mark.parametrize("name", ["sh", "bash", "tcsh", "fish"])
def test_login_shells(connect: Connect, folder: Path, name: str) -> None:
    """Whatever the login shell is, and whatever it prints, the same happens."""
    login_shell = shutil.which(name)
    if login_shell is None:
        pytest.skip(f"{name} is not installed here")
    server = Server(folder / "server", (login_shell,), "Authorized use only!\n" * 50, NOISE)
    outcomes = outcomes_of(connect, server, some_steps(folder))
    assert all(isinstance(outcome, Done) for outcome in outcomes)
    assert all(holds(folder))
    assert server.commands == [COMMAND]


def test_no_bash(connect: Connect, folder: Path) -> None:
    """Where bash does not start, the first step says so and nothing was performed."""
    sorry = folder / "sorry"
    sorry.write_text("#!/bin/sh\necho 'This account is not available.' >&2\nexit 1\n")
    sorry.chmod(0o755)
    server = Server(folder / "server", (str(sorry),))
    first, *others = outcomes_of(connect, server, some_steps(folder))
    assert first == Failed(1, "could not start bash there: This account is not available.")
    assert others == [NotReached()] * 4


def test_probes_without_bash(connect: Connect, folder: Path) -> None:
    """Probes of a host where bash does not start are lost, with what was printed."""

    async def use(connections: Connections) -> object:
        async with connections.open_shell(ALIAS) as shell:
            return await ask(shell, [("true",)])

    sorry = ("python3", "-c", "import sys; sys.exit('no shells here')")
    server = Server(folder / "server", sorry)
    assert through(connect, server, use) == Lost("could not start bash there: no shells here")


def test_one_connection(connect: Connect, folder: Path) -> None:
    """Many shells on a host share its connection, and one that died is replaced."""

    async def use(connections: Connections) -> list[object]:
        async def probe() -> object:
            async with connections.open_shell(ALIAS) as shell:
                return await ask(shell, [("sh", "-c", "echo $SSH_CONNECTION; sleep 0.05")])

        many = await asyncio.gather(*(probe() for _ in range(12)))
        server.cut_input = 10
        lost = await probe()
        assert isinstance(lost, Lost)
        return [*many, await probe()]

    server = Server(folder / "server")
    answers = through(connect, server, use)
    assert len(answers) == 13
    assert not any(isinstance(answer, Lost) for answer in answers)


def test_unknown_host_key(connect: Connect, folder: Path) -> None:
    """A host key that was never seen is refused: look at the fingerprint first."""
    server = Server(folder / "server")
    error = refusal(connect, server, server.known_hosts.unlink)
    assert (error.host, error.reason) == (ALIAS, "the host key of 127.0.0.1 is not known")
    assert error.advice.startswith(f"run `ssh {ALIAS}` once, compare the fingerprint")
    assert server.commands == []


def test_changed_host_key(connect: Connect, folder: Path) -> None:
    """A host key other than the one that is known is refused, with a warning."""
    server = Server(folder / "server")
    other = protocol.generate_private_key("ssh-ed25519")
    error = refusal(connect, server, lambda: write_client_files(server, other))
    assert "has changed" in error.reason
    assert f"ssh-keygen -R '[127.0.0.1]:{server.port}'" in error.advice
    assert error.advice.startswith("ask its administrators first")


def test_keys_are_always_checked(connect: Connect, folder: Path) -> None:
    """A config that switches host keys off is refused, for jump hosts too."""
    server = Server(folder / "server")

    def switch_off() -> None:
        config = Path(server.config)
        text = config.read_text().replace(f'"{server.known_hosts}"', "none")
        config.write_text(f"{text}\nHost behind\n  ProxyJump me@{ALIAS}:22\n")

    for alias in (ALIAS, "behind"):
        error = refusal(connect, server, switch_off, alias)
        assert "host keys are always checked here" in error.reason


async def answers(connections: Connections) -> bool:
    """Whether the host answers over *connections*; ShellUnavailable where it is not reached."""
    async with connections.open_shell(ALIAS) as shell:
        return not isinstance(await ask(shell, [("true",)]), Lost)


def test_key_learned_meanwhile(folder: Path) -> None:
    """What is added to known_hosts counts from the next connection on, in the same process."""
    server = Server(folder / "server")

    async def use(connections: Connections) -> bool:
        known = server.known_hosts.read_text()
        server.known_hosts.write_text("")
        with pytest.raises(ShellUnavailable):
            await answers(connections)
        server.known_hosts.write_text(known)
        return await answers(connections)

    assert through(TRANSPORTS["asyncssh"], server, use)


def test_final_settings(connect: Connect, folder: Path) -> None:
    """What the config says of a host only when its name is final is heard."""
    server = Server(folder / "server")

    async def use(connections: Connections) -> bool:
        say_port_at_last(server)
        return await answers(connections)

    assert through(connect, server, use)


def say_port_at_last(server: Server) -> None:
    """Have the config say the port of *server* only when the name is final."""
    config, port = Path(server.config), f"  Port {server.port}\n"
    config.write_text(config.read_text().replace(port, "") + f"Match final\n{port}")


def test_permission_denied(connect: Connect, folder: Path) -> None:
    """A refused key is said, with the agent as the first thing to look at."""
    error = refusal(connect, Server(folder / "server", refuse=True))
    assert "Permission denied" in error.reason
    assert "ssh-add" in error.advice


def test_key_with_a_passphrase(connect: Connect, folder: Path) -> None:
    """A key with a passphrase is used through the agent only, and that is said."""
    server = Server(folder / "server")

    def encrypt() -> None:
        key = str(server.folder / "id")
        change = ("ssh-keygen", "-q", "-p", "-P", "", "-N", "open sesame", "-f", key)
        subprocess.run(change, check=True, capture_output=True)

    assert "ssh-add" in refusal(connect, server, encrypt).advice


def test_nobody_there(connect: Connect, folder: Path) -> None:
    """A port where nobody listens, and a name that nobody has, are told apart."""
    server = Server(folder / "server")

    def lead(setting: str) -> Callable[[], None]:
        config = Path(server.config)

        def write() -> None:
            config.write_text(f"{setting}\n{config.read_text()}")

        return write

    assert refusal(connect, server, lead("Port 1")).reason == "connection refused"
    nowhere = refusal(connect, server, lead("HostName no-such-host.invalid"))
    assert nowhere.reason.startswith("no such host name")
    assert f"ssh -G {ALIAS}" in nowhere.advice


def test_bad_config(connect: Connect, folder: Path) -> None:
    """An ssh config that cannot be read is said."""
    server = Server(folder / "server")
    config = Path(server.config)

    def spoil() -> None:
        config.write_text("Host site\n  Port many\n")

    broken = refusal(connect, server, spoil)
    assert broken.reason.startswith("the ssh config cannot be used")


def test_no_answer(folder: Path) -> None:
    """A host that accepts and then says nothing is given up after the time of the config."""

    async def main() -> HostUnreachable:
        async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.read()
            writer.close()

        listener = await asyncio.start_server(silent, "127.0.0.1", 0)
        port = listener.sockets[0].getsockname()[1]
        config = folder / "config"
        lines = f"Host slow\n  HostName 127.0.0.1\n  Port {port}\n  ConnectTimeout 1\n"
        config.write_text(lines)
        async with listener, AsyncsshConnections([str(config)], {"named": "slow"}) as connections:
            with pytest.raises(ShellUnavailable) as raised:
                async with connections.open_shell("named"):
                    pytest.fail("a shell was to be had")
        return raised.value.error

    error = asyncio.run(main())
    assert (error.host, error.reason) == ("named", "no answer in time")


def test_no_home() -> None:
    """Where nobody knows the home directory, a host is not reached for that reason."""
    error = RuntimeError("Could not determine home directory.")
    assert isinstance(error, CONNECT_ERRORS)
    said = unreachable(Attempt("box", "box"), error)
    assert (said.host, said.advice) == ("box", "set the variable HOME")
    assert "there is no home with an ssh config in it" in said.reason


@given(st.text())
@example('Host \'a b\' "c\\"d" # no comment')
@example("Host 'never closed")
def test_lines_of_the_ssh_config(line: str) -> None:
    """The words that asyncssh makes of a line are those that shlex makes, and its own."""
    split = protocol.config.shlex.split  # type: ignore[attr-defined]  # what theseus has put there
    try:
        words = shlex.split(line)
    except ValueError as error:
        with pytest.raises(ValueError, match=f"^{error}$"):
            split(line)
        return
    split(line).append("changed")
    assert split(line) == words


def test_ssh_config_of_many_hosts(folder: Path) -> None:
    """For the second of many hosts no line of the ssh config is split again."""
    config = folder / "config"
    config.write_text("".join(f"Host h{at}\n  Port {at}\n" for at in range(1, 9)))

    async def main() -> None:
        connections = AsyncsshConnections([str(config)])
        await connections._settings("h1")
        before = _split_once.cache_info().misses
        assert (await connections._settings("h8")).port == 8
        assert _split_once.cache_info().misses == before

    asyncio.run(main())
