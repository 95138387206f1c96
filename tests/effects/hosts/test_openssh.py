"""Connections of the system's `ssh`: shared, the user's own first, replaced when they are dead."""

import asyncio
import os
import re
import signal
import subprocess
from collections.abc import Awaitable, Callable
from pathlib import Path

import asyncssh as protocol
import pytest

from tests.effects.sites import Value, openssh_connections
from tests.effects.sshd import ALIAS, Server, served, write_client_files
from theseus.core.config.config import ClusterConfig, DispatchConfig, PlainHost, Transport
from theseus.core.plan.outcome import HostUnreachable
from theseus.core.plan.plan import Target
from theseus.effects.hosts.masters import Master, connect_options, look_up, opening
from theseus.effects.hosts.openssh import OpensshConnections
from theseus.effects.hosts.shells import OpenShell, ShellUnavailable
from theseus.effects.hosts.system_ssh import SystemSsh
from theseus.effects.hosts.transport import openssh_needs
from theseus.effects.inventory.doctor import examine
from theseus.effects.perform.exchange import Answer, ask
from theseus.effects.perform.reach import Way, alias_of, shells

PATIENCE = 1.0


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home with an ssh config, and a directory for sockets with a name that is short enough."""
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("SSH_AUTH_SOCK", raising=False)
    (tmp_path / ".ssh").mkdir(mode=0o700)
    return tmp_path


def among(home: Path, use: Callable[[Server], Awaitable[Value]]) -> Value:
    """What *use* gives with a server to which the user's ssh config leads."""

    async def main() -> Value:
        async with served(Server(home / "server")) as server:
            (home / ".ssh" / "config").symlink_to(server.config)
            async with openssh_connections(server.config):  # closes what was opened
                return await use(server)

    return asyncio.run(main())


def add(server: Server, line: str) -> None:
    """Add *line* to the ssh config that leads to *server*."""
    with Path(server.config).open("a") as config:
        config.write(f"  {line}\n")


def exists(path: str) -> bool:
    """Whether there is anything at *path*."""
    return Path(path).exists()


async def visit(open_shell: OpenShell) -> None:
    """Open a shell and have it answer."""
    async with open_shell(ALIAS) as shell:
        assert await ask(shell, [("echo", "here")]) == (Answer(0, b"here", ""),)


async def master_process(server: Server, socket: str) -> int:
    """The process behind *socket*."""
    words = ("ssh", "-F", server.config, "-S", socket, "-O", "check", ALIAS)
    process = await asyncio.create_subprocess_exec(*words, stderr=subprocess.PIPE)
    _, said = await process.communicate()
    found = re.search(rb"pid=(\d+)", said)
    assert found, said
    return int(found[1])


async def own_socket(server: Server) -> str:
    """Where theseus has its socket."""
    return (await look_up(SystemSsh(server.config), ALIAS, ALIAS)).own_socket()


def test_shared_by_commands(home: Path) -> None:
    """The second command uses the connection of the first; nobody else can reach its socket."""

    async def use(server: Server) -> None:
        for _ in range(2):
            async with OpensshConnections(server.config) as connections:
                await asyncio.gather(*(visit(connections.open_shell) for _ in range(3)))
        assert server.connections == 1
        socket = Path(await own_socket(server))
        assert [path.stat().st_mode & 0o777 for path in (socket, socket.parent)] == [0o600, 0o700]

    among(home, use)


def test_opened_by_two_at_once(home: Path) -> None:
    """Two commands that begin at the same moment open one connection."""

    async def use(server: Server) -> None:
        one, other = OpensshConnections(server.config), OpensshConnections(server.config)
        await asyncio.gather(visit(one.open_shell), visit(other.open_shell))
        assert server.connections == 1

    among(home, use)


def test_users_own(home: Path) -> None:
    """A master that the user has opened is used, and left open."""

    async def use(server: Server) -> None:
        users = str(home / "users")
        await user_opens(server, users)
        async with OpensshConnections(server.config) as connections:
            await visit(connections.open_shell)
        assert server.connections == 1
        assert not exists(await own_socket(server))
        assert await SystemSsh(server.config).is_live(users, ALIAS)
        await SystemSsh(server.config).close(users, ALIAS)

    among(home, use)


async def user_opens(server: Server, socket: str) -> None:
    """Have the user's own ssh open a master at *socket*, where the config says so."""
    add(server, f"ControlPath {socket}")
    words = ("ssh", "-F", server.config, "-M", "-N", "-f", "-o", "ControlPersist=9", ALIAS)
    process = await asyncio.create_subprocess_exec(*words, stderr=subprocess.DEVNULL)
    assert await process.wait() == 0


def test_killed_master(home: Path) -> None:
    """A connection that was killed is opened again, and with it what left its socket behind."""

    async def use(server: Server) -> None:
        async with OpensshConnections(server.config) as connections:
            await visit(connections.open_shell)
            socket = await own_socket(server)
            os.kill(await master_process(server, socket), signal.SIGKILL)
            await visit(connections.open_shell)
            os.kill(await master_process(server, socket), signal.SIGKILL)
        async with OpensshConnections(server.config) as connections:
            await asyncio.gather(*(visit(connections.open_shell) for _ in range(4)))
        assert server.connections == 3

    among(home, use)


@pytest.mark.slow
def test_silent_master(home: Path) -> None:
    """A connection that says nothing is given up in favour of a new one."""

    async def use(server: Server) -> None:
        async with OpensshConnections(server.config, patience=PATIENCE) as connections:
            await visit(connections.open_shell)
            stopped = await master_process(server, await own_socket(server))
            os.kill(stopped, signal.SIGSTOP)
            await visit(connections.open_shell)
            os.kill(stopped, signal.SIGKILL)
        assert server.connections == 2

    among(home, use)


@pytest.mark.slow
def test_silent_among_others(home: Path) -> None:
    """Who gives a connection up that says nothing new ends none of what others do through it."""

    async def use(server: Server) -> None:
        one, other = OpensshConnections(server.config), OpensshConnections(server.config)
        impatient = OpensshConnections(server.config, patience=PATIENCE)
        async with one.open_shell(ALIAS) as shell:
            server.login_shell, usual = ("sh", "-c", f"sleep {3 * PATIENCE}"), server.login_shell
            later = asyncio.get_running_loop().call_later
            later(PATIENCE / 2, setattr, server, "login_shell", usual)
            await visit(impatient.open_shell)
            assert await ask(shell, [("echo", "here")]) == (Answer(0, b"here", ""),)
        await visit(other.open_shell)
        assert server.connections == 2

    among(home, use)


@pytest.mark.slow
def test_killed_while_it_opens(home: Path) -> None:
    """What a command that was killed had begun to open is in nobody's way, and ends by itself."""

    async def use(server: Server) -> None:
        socket, ssh = await own_socket(server), SystemSsh(server.config)
        site = await look_up(ssh, ALIAS, ALIAS)
        async with opening(site, Master(ALIAS, socket, own=True)):
            pass  # makes the directory
        both = await asyncio.gather(
            *(ssh.open(socket, ALIAS, connect_options(site.settings, "1s")) for _ in range(2))
        )
        assert [said.status for said in both] == [0, 0]
        assert not any(said.errors for said in both), both
        await visit(OpensshConnections(server.config).open_shell)
        assert server.connections == 2
        for _ in range(100):
            if not server.open_connections:
                break
            await asyncio.sleep(0.1)
        assert server.open_connections == 0
        assert not exists(socket)

    among(home, use)


@pytest.mark.slow
def test_users_own_is_silent(home: Path) -> None:
    """Where the user's master hangs, theseus opens a connection of its own beside it."""

    async def use(server: Server) -> None:
        users = str(home / "users")
        await user_opens(server, users)
        async with OpensshConnections(server.config, patience=PATIENCE) as connections:
            await visit(connections.open_shell)
            stopped = await master_process(server, users)
            os.kill(stopped, signal.SIGSTOP)
            await visit(connections.open_shell)
            os.kill(stopped, signal.SIGKILL)
        assert server.connections == 2
        assert exists(users), "what is the user's is not removed"

    among(home, use)


def test_locale_stays_here(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The locale of this machine is not the job's, whatever SendEnv says; the rest travels."""
    monkeypatch.setenv("LC_TIME", "here")
    monkeypatch.setenv("TOKEN_OF_MINE", "travels")

    async def use(server: Server) -> None:
        add(server, "SendEnv LC_* TOKEN_*")
        async with OpensshConnections(server.config) as connections:
            await visit(connections.open_shell)
        assert server.variables == {"TOKEN_OF_MINE": "travels"}

    among(home, use)


def test_no_ssh_here(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where there is no `ssh`, that is said; with `auto` nothing needs it."""
    monkeypatch.setenv("PATH", str(home))

    async def main() -> str:
        assert await openssh_needs(ALIAS) == ()
        with pytest.raises(ShellUnavailable) as raised:
            await visit(OpensshConnections().open_shell)
        return raised.value.error.reason

    assert asyncio.run(main()) == "there is no `ssh` on this machine"


def test_no_place_for_sockets(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where nothing can be written the host is not reached by ssh, and what to do is said."""
    monkeypatch.setenv("XDG_STATE_HOME", str(home / "state"))
    (home / "state").write_text("where a directory should be")

    async def use(server: Server) -> HostUnreachable:
        async with OpensshConnections(server.config) as connections:
            with pytest.raises(ShellUnavailable) as raised:
                await visit(connections.open_shell)
        return raised.value.error

    said = among(home, use)
    assert said.reason == f"no socket of ssh can be kept in {home}/state/theseus: Not a directory"
    assert "`transport: asyncssh`" in said.advice


def test_chosen_by_need(home: Path) -> None:
    """`auto` takes asyncssh, until the config of ssh says what only the system's ssh has."""

    async def use(server: Server) -> None:
        ways = {ALIAS: Way(ALIAS)}
        async with shells(ways) as open_shell:
            await visit(open_shell)
        socket = await own_socket(server)
        assert not exists(socket)
        add(server, f"ControlPath {home}/users")
        assert await openssh_needs(ALIAS) == (f"ControlPath {home}/users",)
        async with shells(ways) as open_shell:
            await visit(open_shell)
        assert exists(socket)
        assert await openssh_needs(ALIAS) == ("its connection is open already",)

    among(home, use)


def test_chosen_by_config(home: Path) -> None:
    """`openssh` takes the system's ssh whatever it says, and `asyncssh` never does."""

    async def use(server: Server) -> None:
        socket = await own_socket(server)
        target = Target(ALIAS, "plain", "lab", None, ALIAS, "openssh", 7)
        assert alias_of(target) == {ALIAS: Way(ALIAS, "openssh", 7)}
        async with shells({ALIAS: Way(ALIAS, "asyncssh")}) as open_shell:
            await visit(open_shell)
        assert not exists(socket)
        async with shells(alias_of(target)) as open_shell:
            await visit(open_shell)
        assert exists(socket)

    among(home, use)


UNKNOWN_TO_ASYNCSSH = (
    *("IdentityFile ~/.ssh/gone", "CertificateFile ~/.ssh/gone-cert.pub"),
    "ConnectTimeout 20 # as the VPN is slow",
)


@pytest.mark.parametrize("line", UNKNOWN_TO_ASYNCSSH)
def test_chosen_by_refusal(home: Path, line: str) -> None:
    """What only asyncssh makes a problem of, `auto` leaves to the system's ssh."""

    async def use(server: Server) -> None:
        add(server, line)
        async with shells({ALIAS: Way(ALIAS)}) as open_shell:
            await visit(open_shell)
            await visit(open_shell)
        assert exists(await own_socket(server))

    among(home, use)


def test_what_doctor_says_of_it(home: Path) -> None:
    """Doctor names the way that was taken, not the one that was meant to be."""
    clusters = {"lab": ClusterConfig(root="~/r", work="~/w")}
    config = DispatchConfig(clusters, {ALIAS: PlainHost("lab", ssh=ALIAS)}, (ALIAS,))

    async def way() -> str:
        (health,) = await examine(config, [ALIAS], deep=False)
        return next(check.found for check in health.checks if check.name == "connection")

    async def use(server: Server) -> None:
        assert await way() == "asyncssh"
        add(server, UNKNOWN_TO_ASYNCSSH[2])
        assert await way() == "openssh, for asyncssh does not take the ssh config as it is"

    among(home, use)


@pytest.mark.parametrize("transport", ["asyncssh", "auto"])
def test_refused_by_asyncssh_alone(
    home: Path, monkeypatch: pytest.MonkeyPatch, transport: Transport
) -> None:
    """Where `asyncssh` is wanted, or there is no ssh here, its refusal is the answer."""

    async def use(server: Server) -> None:
        add(server, UNKNOWN_TO_ASYNCSSH[0])
        if transport == "auto":
            monkeypatch.setenv("PATH", str(home))
        async with shells({ALIAS: Way(ALIAS, transport)}) as open_shell:
            with pytest.raises(ShellUnavailable, match="No such file or directory"):
                await visit(open_shell)
        monkeypatch.undo()

    among(home, use)


def test_refused_by_the_host(home: Path) -> None:
    """What the host refuses is not asked of it twice."""

    async def use(server: Server) -> None:
        server.refuse = True
        async with shells({ALIAS: Way(ALIAS)}) as open_shell:
            with pytest.raises(ShellUnavailable, match="Permission denied"):
                await visit(open_shell)
        assert server.connections == 1

    among(home, use)


@pytest.mark.parametrize("line", ["", "StrictHostKeyChecking no", *UNKNOWN_TO_ASYNCSSH])
@pytest.mark.parametrize("kind", ["ssh-ed25519", "ecdsa-sha2-nistp256"])
def test_changed_key_is_refused_either_way(home: Path, line: str, kind: str) -> None:
    """No refusal of asyncssh's leads to a host whose key is another than the one that is known."""

    async def use(server: Server) -> None:
        write_client_files(server, protocol.generate_private_key(kind))
        add(server, line)
        async with shells({ALIAS: Way(ALIAS)}) as open_shell:
            with pytest.raises(ShellUnavailable, match=r"host key .* has changed"):
                await visit(open_shell)
        assert (server.commands, server.connections) == ([], 1)

    among(home, use)


@pytest.mark.usefixtures("home")
def test_more_than_a_name() -> None:
    """What ssh takes besides a name of its config, `user@host` and the like, goes to ssh."""
    assert asyncio.run(openssh_needs("ada@box")) == ("`ada@box`, which is more than a name",)
    uri = "ssh://ada@box:2222"
    assert asyncio.run(openssh_needs(uri)) == (f"`{uri}`, which is more than a name",)
    assert asyncio.run(openssh_needs("box")) == ()


def test_security_key(home: Path) -> None:
    """A key on a token is known by its public half."""
    (home / ".ssh" / "config").write_text(f"Host {ALIAS}\n  IdentityFile ~/.ssh/token\n")
    (home / ".ssh" / "token").write_text("-----BEGIN OPENSSH PRIVATE KEY-----\n")
    assert asyncio.run(openssh_needs(ALIAS)) == ()
    (home / ".ssh" / "token.pub").write_text("sk-ssh-ed25519@openssh.com AAAA ada\n")
    assert asyncio.run(openssh_needs(ALIAS)) == ("the security key ~/.ssh/token",)


@pytest.mark.parametrize("content", [None, b"", b"ssh-ed25519 AAAA ada\n", b"\xff", "a directory"])
@pytest.mark.parametrize("option", ["IdentityFile", "CertificateFile"])
def test_no_key_in_the_file(home: Path, option: str, content: bytes | str | None) -> None:
    """A file that holds no key stops asyncssh alone: ssh goes on, or has an agent for it."""
    (home / ".ssh" / "config").write_text(f"Host {ALIAS}\n  {option} ~/.ssh/named\n")
    file = home / ".ssh" / "named"
    if isinstance(content, bytes):
        file.write_bytes(content)
    elif content is not None:
        file.mkdir()
    need = "~/.ssh/named, in which asyncssh finds no key or certificate"
    assert asyncio.run(openssh_needs(ALIAS)) == (need,)


def test_key_in_the_file(home: Path) -> None:
    """Keys and certificates that asyncssh can use need no ssh."""
    files = "  IdentityFile ~/.ssh/id\n  CertificateFile ~/.ssh/id-cert.pub\n"
    (home / ".ssh" / "config").write_text(f"Host {ALIAS}\n{files}")
    (home / ".ssh" / "id").write_text("-----BEGIN OPENSSH PRIVATE KEY-----\n")
    (home / ".ssh" / "id-cert.pub").write_text("ssh-ed25519-cert-v01@openssh.com AAAA ada\n")
    assert asyncio.run(openssh_needs(ALIAS)) == ()
